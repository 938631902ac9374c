"""What every part of :class:`storage.sqlite.SqliteStore` stands on: reading, writing, erasing. A part is about one subject."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import TypeVar

T = TypeVar("T")


class Part(ABC):
    """Some of the methods of a store."""

    #: Whether something was deleted that the files still hold.
    _has_remains: bool

    @abstractmethod
    async def _write(self, operation: Callable[[sqlite3.Connection], T], *, synced: bool = True) -> T: ...

    @abstractmethod
    async def _read(self, query: Callable[[sqlite3.Connection], T]) -> T: ...

    async def _erase(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Write what takes something away: if it changes anything, the files are to be tidied."""
        return await self._write(partial(self._leave_remains, operation))

    def _leave_remains(self, operation: Callable[[sqlite3.Connection], T], db: sqlite3.Connection) -> T:
        before = db.total_changes
        result = operation(db)
        if db.total_changes > before:
            self._has_remains = True  # before the commit, so that nobody's patience can come in between
        return result
