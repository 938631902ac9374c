"""The part of :class:`storage.sqlite.SqliteStore` that is about one person's words, or one message."""

from __future__ import annotations

from storage.part import Part
from storage.records import BookedDay, Extent, Forgotten, Kept, Remembered
from storage.sql import intake, people


class PeopleStore(Part):
    """What a store can do for one person; see :class:`storage.store.Store`."""

    async def said_by(self, author_id: int, place: Extent) -> list[Kept]:
        return await self._read(lambda db: people.said_by(db, author_id, place))

    async def quoted(self, author_id: int, place: Extent) -> list[tuple[int, int | None, str]]:
        return await self._read(lambda db: people.quoted(db, author_id, place))

    async def count_by(self, author_id: int, place: Extent) -> int:
        return await self._read(lambda db: people.count_by(db, author_id, place))

    async def booked_for(self, user_id: int, place: Extent) -> list[BookedDay]:
        return await self._read(lambda db: people.booked_for(db, user_id, place))

    async def forget_author(self, author_id: int, place: Extent, *, most: int, now: float) -> Forgotten:
        return await self._erase(lambda db: people.forget(db, author_id, place, most, now))

    async def remembered_as(self, discord_id: int) -> Remembered | None:
        return await self._read(lambda db: intake.remembered_as(db, discord_id))

    async def opt_out(self, user_id: int, *, now: float) -> None:
        await self._write(lambda db: people.opt_out(db, user_id, now))

    async def opt_in(self, user_id: int) -> None:
        await self._write(lambda db: people.opt_in(db, user_id))

    async def opted_out(self) -> frozenset[int]:
        return await self._read(people.opted_out)

    async def remind_opted_out(self, user_id: int) -> bool:
        return await self._write(lambda db: people.remind(db, user_id))
