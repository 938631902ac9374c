"""What came lately, by id: kept in mind for so long and no longer."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lately(Generic[T]):
    """Keeps each value for *seconds* after it came last."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        #: With the time that each is kept until, the oldest first.
        self._kept: dict[int, tuple[float, T]] = {}

    def keep(self, key: int, value: T) -> None:
        """Keep a value, instead of one that came before."""
        self.take(key)
        self._kept[key] = (time.monotonic() + self._seconds, value)

    def get(self, key: int) -> T | None:
        """Return what is kept of *key*."""
        self._drop_old()
        _, value = self._kept.get(key, (0.0, None))
        return value

    def take(self, key: int) -> T | None:
        """Return what is kept of *key*, and keep it no longer."""
        value = self.get(key)
        self._kept.pop(key, None)
        return value

    def among(self, keys: Iterable[int]) -> set[int]:
        """Return those of *keys* of which something is kept."""
        self._drop_old()
        return {key for key in keys if key in self._kept}

    def _drop_old(self) -> None:
        now = time.monotonic()
        while self._kept and (oldest := next(iter(self._kept.items())))[1][0] < now:
            del self._kept[oldest[0]]
