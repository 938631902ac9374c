"""How many of the provider's tokens one of ours is, learned from what it bills and kept over restarts."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from storage import StorageError, Store

log = logging.getLogger(__name__)

#: A call moves the factor by at least this share of its difference: the newest twenty or so count.
LEAST_STEP = 0.05

#: Once the first samples are in, a change smaller than this share is not written to the disk.
WORTH_KEEPING = 0.005

#: What a provider says beyond these is no calibration, but another prompt than ours (a template, tools) or a wrong count.
BOUNDS = (0.25, 4.0)


@dataclass
class _Factor:
    value: float = 1.0
    samples: int = 0
    kept: float = 1.0


class Calibration:
    """The factors of all models. Make it with :meth:`load`; *known* is what was learned before, with how many samples."""

    def __init__(self, store: Store, model: str, known: Mapping[str, tuple[float, int]]) -> None:
        self._store = store
        self._model = model
        self._factors = {name: _Factor(factor, samples, factor) for name, (factor, samples) in known.items()}

    @classmethod
    async def load(cls, store: Store, model: str) -> Calibration:
        """Return what was learned before; *model* is the host's."""
        return cls(store, model, await store.factors())

    def factor(self, model: str | None = None) -> float:
        """Return how many of the provider's tokens one of ours is. *model* None: the host's."""
        return self._factors.get(model or self._model, _Factor()).value

    async def learn(self, model: str, ours: int, billed: int | None) -> None:
        """Learn from one prompt of *model* that we counted as *ours* tokens and the provider as *billed*, if it said.

        A database that cannot keep it costs nobody a reply: the next call teaches the same.
        """
        if not billed or not ours or not BOUNDS[0] <= billed / ours <= BOUNDS[1]:
            return
        factor = self._factors.setdefault(model, _Factor())
        factor.samples += 1
        factor.value += (billed / ours - factor.value) * max(1 / factor.samples, LEAST_STEP)
        is_young = factor.samples * LEAST_STEP <= 1
        if is_young or abs(factor.value - factor.kept) > WORTH_KEEPING * factor.kept:
            try:
                await self._store.learn_factor(model, factor.value, factor.samples)
            except StorageError as error:
                log.warning("what the provider counted could not be kept: %s", error)
            else:
                factor.kept = factor.value
