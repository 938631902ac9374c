"""How many of the provider's tokens one of ours is, learned from what it bills and kept over restarts."""

from __future__ import annotations

import logging

from storage import StorageError, Store

log = logging.getLogger(__name__)

#: A call moves the factor by at least this share of its difference: the newest twenty or so count.
LEAST_STEP = 0.05

#: Once the first samples are in, a change smaller than this share is not written to the disk.
WORTH_KEEPING = 0.005

#: What a provider says beyond these is no calibration, but another prompt than ours (a template, tools) or a wrong count.
BOUNDS = (0.25, 4.0)


class Calibration:
    """The factor of one model. Make it with :meth:`load`."""

    def __init__(self, store: Store, model: str, factor: float, samples: int) -> None:
        self._store = store
        self._model = model
        self._factor = factor
        self._samples = samples
        self._kept = factor

    @classmethod
    async def load(cls, store: Store, model: str) -> Calibration:
        """Return what was learned before for *model*."""
        return cls(store, model, *(await store.factors()).get(model, (1.0, 0)))

    def factor(self) -> float:
        """Return how many of the provider's tokens one of ours is."""
        return self._factor

    async def learn(self, ours: int, billed: int | None) -> None:
        """Learn from one prompt that we counted as *ours* tokens and the provider as *billed*, if it said.

        A database that cannot keep it costs nobody a reply: the next call teaches the same.
        """
        if not billed or not ours or not BOUNDS[0] <= billed / ours <= BOUNDS[1]:
            return
        self._samples += 1
        self._factor += (billed / ours - self._factor) * max(1 / self._samples, LEAST_STEP)
        is_young = self._samples * LEAST_STEP <= 1
        if is_young or abs(self._factor - self._kept) > WORTH_KEEPING * self._kept:
            try:
                await self._store.learn_factor(self._model, self._factor, self._samples)
            except StorageError as error:
                log.warning("what the provider counted could not be kept: %s", error)
            else:
                self._kept = self._factor
