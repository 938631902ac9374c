"""The part of :class:`storage.sqlite.SqliteStore` that is about budgets, and what is booked apart from turns."""

from __future__ import annotations

from storage.part import Part
from storage.records import BudgetStanding, Compaction, Limits, Reservation, Usage
from storage.sql import budgets


class SqliteBudgets(Part):
    """The :class:`storage.budget_store.BudgetStore` on an SQLite file."""

    async def reserve(self, wanted: Reservation, limits: Limits, *, now: float) -> BudgetStanding | None:
        return await self._write(lambda db: budgets.reserve(db, wanted, limits, now))

    async def release(self, reservation_id: int) -> None:
        await self._write(lambda db: budgets.release(db, reservation_id))

    async def book_summary(
        self,
        state: Compaction,
        model: str,
        usage: Usage,
        *,
        payer: int | None = None,
        reservation: int | None = None,
        now: float,
    ) -> None:
        await self._write(lambda db: budgets.book_summary(db, state, model, usage, payer, reservation, now))

    async def standings(
        self, guild_id: int | None, channel_id: int, user_id: int, limits: Limits, *, now: float
    ) -> list[BudgetStanding]:
        return await self._read(lambda db: list(budgets.standings(db, guild_id, channel_id, user_id, limits, now)))

    async def tell_once(self, budget: str, place_id: int, *, now: float) -> bool:
        return await self._write(lambda db: budgets.tell_once(db, budget, place_id, now))
