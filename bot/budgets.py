"""Budgets: how many tokens a day (UTC) a person, a channel, a server and everybody may use. Who asks a model asks here before.

The store reserves and counts. This knows the limits, lets calls wait for each other where little is left, and says when a budget
that is spent is free again. Whom to tell of it is not decided here.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from bot.errors import BudgetSpent
from bot.patience import keep_trying
from bot.retention import DAY_SECONDS
from storage import StorageError, Store
from storage.records import Budget, BudgetStanding, Limits, Overrides, Place, Reservation

log = logging.getLogger(__name__)

#: Who waits for calls that are under way looks again after so many seconds at the latest: at midnight there is a new day.
LOOK_AGAIN_SECONDS = 10.0

SENTENCES: dict[Budget, str] = {
    "user": "You have used up the {tokens} that a person may use in a day",
    "member": "You have used up the {tokens} that a person may use in a day in this server",
    "channel": "The {tokens} that may be used in a day in this channel {are} used up",
    "server": "The {tokens} that may be used in a day in this server {are} used up",
    "host": "The {tokens} that my host lets me use in a day {are} used up",
}


@dataclass(frozen=True, slots=True)
class Spent:
    """A budget that is spent, as somebody found out in a channel; *free_at* is in seconds since the Unix epoch."""

    standing: BudgetStanding
    channel_id: int
    free_at: float

    @property
    def place_id(self) -> int:
        """Whose admins are concerned: a channel's, a server's (0: nobody's but the host)."""
        if self.standing.budget == "channel":
            return self.channel_id
        return 0 if self.standing.budget == "host" else self.standing.guild_id or 0


class BudgetTaken(Exception):
    """Calls that are under way may use all that is left of a budget. Who waits for them holds nothing that others wait for."""

    def __init__(self, freed: asyncio.Event) -> None:
        super().__init__("all that is left of a budget is reserved")
        self._freed = freed

    async def over(self) -> None:
        """Return when it makes sense to ask again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_AGAIN_SECONDS):
                await self._freed.wait()


def limit_words(limit: int) -> dict[str, str]:
    """Return what a sentence about a limit says: how many tokens it is, and whether they *are* or it *is* used up."""
    return {"tokens": "1 token", "are": "is"} if limit == 1 else {"tokens": f"{limit:,} tokens", "are": "are"}


def midnight_after(now: float) -> float:
    """Return when the day of *now* ends, in UTC."""
    return (now // DAY_SECONDS + 1) * DAY_SECONDS


class Budgets:
    """The limits of the *host*, and the calls under way. A reply has *most_reply_tokens* at most.

    *scale* says how many of a model's tokens one of ours is.
    """

    def __init__(
        self,
        store: Store,
        host: Limits,
        most_reply_tokens: int,
        scale: Callable[[str | None], float],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._host = host
        self._most_reply_tokens = most_reply_tokens
        self._scale = scale
        self._now = now
        self._freed = asyncio.Event()
        self._tell: Callable[[Spent], Awaitable[None]] | None = None
        self._telling: set[asyncio.Task[None]] = set()
        self._told: set[tuple[float, Budget, int, int]] = set()

    def attach(self, tell: Callable[[Spent], Awaitable[None]]) -> None:
        """Tell admins by *tell* when a budget is spent: once a day and budget."""
        self._tell = tell

    async def close(self) -> None:
        """Tell nobody any more."""
        for task in self._telling:
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)

    def limits(self, holds: Overrides) -> Limits:
        """Return what limits a call where this *holds*. The host's limits bound what admins set."""
        limits = dict(self._host)
        if holds.user_day_tokens not in (None, self._host.get("user")):
            limits["member"] = holds.user_day_tokens
        if holds.channel_day_tokens is not None:
            limits["channel"] = min(holds.channel_day_tokens, limits.get("channel", holds.channel_day_tokens))
        return limits

    def scaled(self, model: str, tokens: int) -> int:
        """Return *tokens* as we count in those of a *model*."""
        return round(tokens * self._scale(model))

    async def reserve(
        self,
        number: int,
        channel_id: int,
        holds: Overrides,
        payers: Sequence[int],
        model: str,
        asked: Callable[[], int],
    ) -> int | None:
        """Reserve what a call of *model* may use, and return *number*; None if nothing limits it.

        It is to be booked with its number, or given to :meth:`release`, whatever becomes of the call. *asked* tells how many
        tokens of ours its prompt has. The first of *payers* who has something left pays; without any, nobody does. Raises
        :class:`bot.errors.BudgetSpent`, and :class:`BudgetTaken` where calls that are under way may use all that is left.
        """
        limits = self.limits(holds)
        if not limits:
            return None
        payers = tuple(dict.fromkeys(payers))
        prompt_tokens = self.scaled(model, asked())
        wanted = Reservation(number, channel_id, payers, model, prompt_tokens, self._most_reply_tokens)
        freed = self._freed
        try:
            standing = await self._store.reserve(wanted, limits, now=self._now())
        except asyncio.CancelledError:  # it may have come through all the same
            with suppress(StorageError):
                await self._store.release(number)
            raise
        if standing is None:
            return number
        raise self._refusal(standing, channel_id) if standing.is_spent else BudgetTaken(freed)

    async def release(self, reservation_id: int) -> None:
        """Give back what was reserved for a call that used nothing, however long the database cannot."""
        await keep_trying(lambda: self._store.release(reservation_id), "a reservation")
        self.settled()

    def settled(self) -> None:
        """Let those look again who wait for calls that were under way: one is booked."""
        self._freed.set()
        self._freed = asyncio.Event()

    def _refusal(self, standing: BudgetStanding, channel_id: int) -> BudgetSpent:
        spent = Spent(standing, channel_id, midnight_after(self._now()))
        task = asyncio.create_task(self._announce(spent), name=f"budget-{standing.budget}")
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)
        sentence = SENTENCES[standing.budget].format(**limit_words(standing.limit))
        return BudgetSpent(
            f"{sentence}. I can write again <t:{int(spent.free_at)}:R>.",
            detail=f"{sentence[0].lower()}{sentence[1:]}",
            budget=standing.budget,
            free_in=spent.free_at - self._now(),
        )

    async def _announce(self, spent: Spent) -> None:
        try:
            if not await self._store.tell_once(spent.standing.budget, spent.place_id, now=self._now()):
                return
        except StorageError as error:
            log.error("nobody can be told that a budget is used up: %s", error)
            return
        standing, where = spent.standing, {"channel": spent.channel_id, "guild": spent.standing.guild_id}
        log.warning(
            "the budget of a %s is used up for today: %d of %d tokens",
            standing.budget,
            standing.used,
            standing.limit,
            extra=where,
        )
        if self._tell is not None:
            await self._tell(spent)

    def is_news(self, budget: Budget, channel_id: int, people: Sequence[int]) -> bool:
        """Whether one of these people was not told yet, today in this channel, that a budget is spent; it is taken as told."""
        until = midnight_after(self._now())
        self._told = {one for one in self._told if one[0] >= until}
        news = {(until, budget, channel_id, user_id) for user_id in people} - self._told
        self._told |= news
        return bool(news)

    async def today(self) -> BudgetStanding | None:
        """Tell how the host's own budget stands; None if there is none."""
        limits: Limits = {budget: limit for budget, limit in self._host.items() if budget == "host"}
        found = await self._store.standings(None, 0, 0, limits, now=self._now()) if limits else []
        return found[0] if found else None

    async def standings(self, place: Place, user_id: int, holds: Overrides) -> list[BudgetStanding]:
        """Tell how all budgets stand that hold for somebody in a place."""
        limits = self.limits(holds)
        if not limits:
            return []
        return await self._store.standings(place.guild_id, place.channel_id, user_id, limits, now=self._now())
