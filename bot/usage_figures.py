"""Pure: the figures of usage, for one place and one time: their sums, their shares, and how they are said in short."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, get_args

from bot.prices import Prices
from storage.records import Booked, Usage

Grouping = Literal["day", "model", "channel", "person"]
GROUPINGS: tuple[Grouping, ...] = get_args(Grouping)

#: What a group is: a date, a model's name, or the id of a channel or a person; 0 is nobody, whose the summaries are, but those
#: for threads.
Key = date | str | int
NOBODY = 0

#: So many rows are ranked; the rest is one row more.
RANKED = 10

NOTHING = Usage()

#: From so many dollars on, cents are not told.
_NO_CENTS = 1_000
_CENT = Decimal("0.01")

#: From so many on, a count is not told to the last one.
_MANY = 100_000


@dataclass(frozen=True, slots=True)
class Figures:
    """What calls used together. *cost* is in dollars, None if no model of them has a price; *unpriced* are those without one."""

    replies: Usage = NOTHING
    summaries: Usage = NOTHING
    cost: Decimal | None = None
    unpriced: frozenset[str] = frozenset()

    def __add__(self, other: Figures) -> Figures:
        costs = [each.cost for each in (self, other) if each.cost is not None]
        return Figures(
            self.replies + other.replies,
            self.summaries + other.summaries,
            sum(costs, Decimal()) if costs else None,
            self.unpriced | other.unpriced,
        )

    @property
    def tokens(self) -> int:
        """All tokens, those of prompts and those that were written."""
        return self.replies.tokens + self.summaries.tokens

    @property
    def cached(self) -> float | None:
        """The share of all prompts that came from the provider's cache; None if there was no prompt."""
        both = self.replies + self.summaries
        return both.cached_tokens / both.prompt_tokens if both.prompt_tokens else None


@dataclass(frozen=True, slots=True)
class UsageReport:
    """What was used on *days* in all, and by group: days in order, each of them; anything else by its tokens, the most first."""

    days: Sequence[date]
    by: Grouping
    total: Figures
    groups: Sequence[tuple[Key, Figures]]

    @property
    def ranked(self) -> Sequence[tuple[Key, Figures]]:
        """The groups that there is room for."""
        return self.groups if len(self.groups) <= RANKED + 1 else self.groups[:RANKED]

    @property
    def others(self) -> tuple[int, Figures]:
        """How many groups are not ranked, and what they used together."""
        rest = self.groups[len(self.ranked) :]
        return len(rest), sum((figures for _, figures in rest), Figures())


def report(rows: Sequence[Booked], prices: Prices, days: Sequence[date], by: Grouping) -> UsageReport:
    """Sum *rows*, which were booked on *days*, by what they are grouped *by*."""
    groups: dict[Key, Figures] = {day: Figures() for day in days} if by == "day" else {}
    for row in rows:
        key = _key(row, by)
        groups[key] = groups.get(key, Figures()) + figures(row, prices)
    total = sum(groups.values(), Figures())
    in_order = list(groups.items())
    if by != "day":
        in_order.sort(key=lambda group: -group[1].tokens)
    return UsageReport(days, by, total, in_order)


def figures(row: Booked, prices: Prices) -> Figures:
    """Return one sum of the books as figures, with its cost."""
    price = prices.of(row.model)
    cost = None if price is None else price.cost(row.usage)
    unpriced = frozenset({row.model} if price is None else ())
    kinds = {"replies" if row.kind == "reply" else "summaries": row.usage}
    return Figures(**kinds, cost=cost, unpriced=unpriced)


def _key(row: Booked, by: Grouping) -> Key:
    match by:
        case "day":
            return date.fromisoformat(row.day or "")
        case "model":
            return row.model
        case "channel":
            return row.channel_id or NOBODY
        case "person":
            return row.user_id or NOBODY


def in_short(count: int) -> str:
    """Return a number in five characters or so: 950, 1.2k, 48k, 3.1M."""
    for unit, sign in ((1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k")):
        if count >= unit * 0.9995:
            value = count / unit
            return f"{value:.1f}{sign}" if value < 99.95 else f"{value:.0f}{sign}"
    return str(count)


def counted(count: int) -> str:
    """Return a number of calls, exactly unless it is large."""
    return f"{count:,}" if count < _MANY else in_short(count)


def dollars(cost: Decimal) -> str:
    """Return a cost in dollars, and in cents if it is small; what is less than a cent is not said to be nothing."""
    if 0 < cost < _CENT:
        return "<$0.01"
    return f"${cost:,.2f}" if cost < _NO_CENTS else f"${cost:,.0f}"


def share(part: float | None) -> str:
    """Return a share in percent; a dash for a share of nothing."""
    return "-" if part is None else f"{part:.0%}"


def day_name(day: date) -> str:
    """Return a day as Nov 7."""
    return f"{day:%b} {day.day}"
