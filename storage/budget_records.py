"""The records of budgets, a part of ``records.py``, by which everybody else imports them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

#: Whose tokens of a day are counted: a person's everywhere, or in one server; a channel's, a server's, everybody's.
Budget = Literal["user", "member", "channel", "server", "host"]

#: How many tokens a day each may use; one that is missing has no limit.
Limits = Mapping[Budget, int]


@dataclass(frozen=True, slots=True)
class Reservation:
    """A call of a model that is about to be made in a channel: what it may use.

    *id* is the turn's; for a summary, the draft's with a minus. *payers* are the people whom it answers: the first of them pays
    who has something left; who opened a thread, for a summary that it begins with; nobody, for another summary.
    """

    id: int
    channel_id: int
    payers: tuple[int, ...]
    model: str
    prompt_tokens: int
    reply_tokens: int

    @property
    def is_summary(self) -> bool:
        """Whether it is for a summary."""
        return self.id < 0


@dataclass(frozen=True, slots=True)
class BudgetStanding:
    """How a budget stands today: *used* is booked, *reserved* is what calls that are under way may use yet.

    *guild_id* is where it was asked for, None in a direct message.
    """

    budget: Budget
    used: int
    reserved: int
    limit: int
    guild_id: int | None

    @property
    def is_spent(self) -> bool:
        """Whether nothing is left."""
        return self.used >= self.limit

    @property
    def is_taken(self) -> bool:
        """Whether the calls that are under way may use all that is left."""
        return self.used + self.reserved >= self.limit
