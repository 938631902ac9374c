"""What every part of :class:`storage.sqlite.SqliteStore` stands on: reading, and writing. A part is about one subject."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Part(ABC):
    """Some of the methods of a store. ``_has_remains`` is to be set by what deletes something that the files still hold."""

    _has_remains: bool

    @abstractmethod
    async def _write(self, operation: Callable[[sqlite3.Connection], T], *, synced: bool = True) -> T: ...

    @abstractmethod
    async def _read(self, query: Callable[[sqlite3.Connection], T]) -> T: ...
