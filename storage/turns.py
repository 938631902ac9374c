"""The part of :class:`storage.sqlite.SqliteStore` that is about turns and their replies."""

from __future__ import annotations

from collections.abc import Callable, Collection

from storage.part import Part
from storage.records import Outcome, Overrides, Refusal, Status, Turn
from storage.sql import again, turns


class SqliteTurns(Part):
    """The :class:`storage.turn_store.TurnStore` on an SQLite file."""

    async def unfinished_channels(self) -> list[int]:
        return await self._read(turns.unfinished_channels)

    async def begin(
        self, channel_id: int, *, owner: str, lease: float, budget: Callable[[Overrides], int], now: float
    ) -> Turn | None:
        return await self._write(lambda db: turns.begin(db, channel_id, owner, lease, budget, now))

    async def record_chunk(self, turn: Turn, number: int, text: str) -> bool:
        return await self._write(lambda db: turns.record_chunk(db, turn, number, text))

    async def chunk_sent(self, turn: Turn, number: int, discord_id: int) -> None:
        await self._write(lambda db: turns.chunk_sent(db, turn.id, number, discord_id), synced=False)

    async def retract_chunks(self, turn: Turn, *, first: int) -> None:
        await self._write(lambda db: turns.retract_chunks(db, turn.id, first))

    async def drop_chunks(self, turn: Turn, *, first: int) -> None:
        await self._erase(lambda db: turns.drop_chunks(db, turn.id, first))

    async def complete(
        self, turn: Turn, reply: str, outcome: Outcome, *, first_chunk: str | None = None, now: float
    ) -> bool:
        return await self._write(lambda db: turns.complete(db, turn, reply, outcome, first_chunk, now))

    async def finish(self, turn: Turn, *, author_id: int, author_name: str, tokens: int, now: float) -> bool:
        return await self._write(lambda db: turns.finish(db, turn, author_id, author_name, tokens, now), synced=False)

    async def book_reply(self, turn: Turn, outcome: Outcome, *, now: float) -> None:
        await self._write(lambda db: turns.book_attempt(db, turn, outcome, now))

    async def reopen(self, message_id: int, *, may: Callable[[Collection[int]], bool], now: float) -> int | Refusal:
        return await self._erase(lambda db: again.reopen(db, message_id, may, now))

    async def go_on(
        self, message_id: int, *, may: Callable[[Collection[int]], bool], after: Collection[str], now: float
    ) -> int | Refusal:
        return await self._write(lambda db: again.go_on(db, message_id, may, after, now))

    async def close_turn(self, turn: Turn, status: Status) -> bool:
        return await self._erase(lambda db: turns.close(db, turn, status))
