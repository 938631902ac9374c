"""The part of :class:`storage.sqlite.SqliteStore` that is about pinned messages."""

from __future__ import annotations

from storage.part import Part
from storage.records import Incoming, Message, Standing
from storage.sql import pins


class SqlitePins(Part):
    """The :class:`storage.pin_store.PinStore` on an SQLite file."""

    async def standing(self, channel_id: int, discord_id: int) -> tuple[Standing, Message | None]:
        return await self._read(lambda db: pins.standing(db, channel_id, discord_id))

    async def pinned(self, channel_id: int) -> tuple[Message, ...]:
        return await self._read(lambda db: pins.pinned(db, channel_id))

    async def pin(self, discord_id: int, *, now: float) -> bool:
        return await self._write(lambda db: pins.pin(db, discord_id, now))

    async def keep(self, message: Incoming, *, now: float) -> bool:
        return await self._write(lambda db: pins.keep(db, message, now))

    async def unpin(self, channel_id: int, discord_id: int) -> bool:
        return await self._erase(lambda db: pins.unpin(db, channel_id, discord_id))

    async def unpin_at(self, channel_id: int, position: int) -> bool:
        return await self._erase(lambda db: pins.unpin_at(db, channel_id, position))
