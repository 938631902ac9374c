"""The part of :class:`storage.store.Store` that is about budgets: how many tokens a day may be used and are held."""

from __future__ import annotations

from typing import Protocol

from storage.records import BudgetStanding, Compaction, Limits, Reservation, Usage


class BudgetStore(Protocol):
    """Days are days in UTC. What was reserved is held until a call is booked with it, or it is released."""

    async def reserve(self, wanted: Reservation, limits: Limits, *, now: float) -> BudgetStanding | None:
        """Reserve what a call may use, at once for all budgets that hold for it; None if that was done.

        Else returns the budget that is in the way: one that is spent, or one of which calls that are under way may use all that
        is left. A call is let in while anything is left, so a day's sum passes a limit by one call at most.
        """
        ...

    async def release(self, reservation_id: int) -> None:
        """Give back what was reserved for a call that used nothing."""
        ...

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
        """Book what *model* was paid for a summary of *state*'s channel, whatever becomes of it, to *payer* (None: to nobody).

        With a *reservation* it is booked instead of that, to whom that was made for.
        """
        ...

    async def standings(
        self, guild_id: int | None, channel_id: int, user_id: int, limits: Limits, *, now: float
    ) -> list[BudgetStanding]:
        """Tell how the budgets with *limits* stand that hold for somebody in a place."""
        ...

    async def tell_once(self, budget: str, place_id: int, *, now: float) -> bool:
        """Whether admins are to be told that a budget is used up today: True once."""
        ...
