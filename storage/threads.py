"""The part of :class:`storage.sqlite.SqliteStore` that is about threads opened from their channel."""

from __future__ import annotations

from collections.abc import Sequence

from storage.part import Part
from storage.records import Compaction, Opened, Outline, Place
from storage.sql import threads


class SqliteThreads(Part):
    """The :class:`storage.thread_store.ThreadStore` on an SQLite file."""

    async def uncovered(self, channel_id: int, *, look_back: int) -> Compaction | None:
        return await self._read(lambda db: threads.uncovered(db, channel_id, look_back))

    async def open_thread(self, parent_id: int, thread: Place, outlines: Sequence[Outline], *, now: float) -> Opened:
        return await self._write(lambda db: threads.open_thread(db, parent_id, thread, outlines, now))
