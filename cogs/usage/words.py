"""Pure: what the panel of `/usage` says of a report. Channels and people are mentioned: so Discord shows what they are called."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from bot.usage_chart import in_one_line
from bot.usage_figures import NOBODY, Figures, Key, UsageReport, day_name, dollars, in_short, share
from bot.wording import plural
from storage.records import Budget, BudgetStanding

#: So many models without a price are named.
MODELS_NAMED = 3

WHOSE: dict[Budget, str] = {
    "user": "You, everywhere",
    "member": "You, in this server",
    "channel": "This channel",
    "server": "This server",
    "host": "Everybody, everywhere",
}

#: A budget as a bar has so many cells.
_CELLS = 10

NOTHING_USED = "Nothing was used in this time."


def heading(title: str, report: UsageReport) -> str:
    """Return the title, and which days these are."""
    first, last = report.days[0], report.days[-1]
    span = day_name(last) if first == last else f"{day_name(first)} to {day_name(last)}"
    return f"## {title}\n-# {span}, in days of UTC"


def summed(figures: Figures) -> str:
    """Return figures as one line of a text."""
    if not figures.tokens:
        return NOTHING_USED
    told = [f"**{in_short(figures.tokens)}** tokens"]
    if figures.cost is not None:
        told.append(f"**{dollars(figures.cost)}**")
    told += [f"{share(figures.cached)} of prompts cached", plural(figures.replies.calls, "reply", "replies")]
    if figures.summaries.calls:
        told.append(plural(figures.summaries.calls, "summary", "summaries"))
    return " · ".join(told)


def body(report: UsageReport) -> str:
    """Return the figures: the sum, and what stands out; nothing that needs the picture to be understood."""
    lines = [summed(report.total)]
    if report.total.tokens:
        lines += _days(report) if report.by == "day" else _ranks(report)
    if report.total.cost is not None and report.total.unpriced:
        lines.append(
            f"-# Without the cost of {_some(sorted(report.total.unpriced))}: the host has set no price for that."
        )
    return "\n".join(lines)


def budgets(standings: Sequence[BudgetStanding], free_at: float) -> str:
    """Return what of today's budgets is used."""
    lines = [f"**Budgets of today**, free again <t:{int(free_at)}:R>"]
    for each in standings:
        share_used = min(each.used / each.limit, 1.0)
        full = round(share_used * _CELLS)
        bar = "█" * full + "░" * (_CELLS - full)
        lines.append(f"`{bar}` {WHOSE[each.budget]}: {in_short(each.used)} of {in_short(each.limit)} tokens")
    return "\n".join(lines)


def _days(report: UsageReport) -> list[str]:
    if len(report.days) == 1:
        return []
    day, most = max(report.groups, key=lambda group: group[1].tokens)
    average = report.total.tokens // len(report.days)
    return [
        f"Busiest day: **{_named(day, report)}**, {in_one_line(most)}",
        f"On average: {in_short(average)} tokens a day",
    ]


def _ranks(report: UsageReport) -> list[str]:
    lines = [
        f"{rank}. {_named(key, report)} — {in_one_line(each)}" for rank, (key, each) in enumerate(report.ranked, 1)
    ]
    count, rest = report.others
    return [*lines, f"-# {count} others — {in_one_line(rest)}"] if count else lines


def _named(key: Key, report: UsageReport) -> str:
    if isinstance(key, date):
        return day_name(key)
    if isinstance(key, str):
        return _code(key)
    if key == NOBODY:
        return "summaries"
    return f"<#{key}>" if report.by == "channel" else f"<@{key}>"


def _some(models: Sequence[str]) -> str:
    named = ", ".join(_code(model) for model in models[:MODELS_NAMED])
    return named if len(models) <= MODELS_NAMED else f"{named} and {len(models) - MODELS_NAMED} more"


def _code(model: str) -> str:
    return f"`{model.replace('`', '')[:100]}`"
