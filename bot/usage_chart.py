"""Pure: a report of usage as a chart, with the words that stand in it. How it looks is in ``bot/chart_drawing.py``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from bot.charts import Bar, Chart
from bot.usage_figures import NOBODY, Figures, Key, UsageReport, counted, day_name, dollars, in_short, share

LEGEND = ("Prompts, from the cache", "Prompts", "Replies", "Summaries")


def chart(report: UsageReport, names: Mapping[int, str]) -> Chart:
    """Return the picture's content. *names* are those of channels or people, where they are known."""
    if report.by == "day":
        bars = [Bar(_label(key, report, names), _parts(figures)) for key, figures in report.groups]
    else:
        bars = [_row(_label(key, report, names), _plain(key, report), figures) for key, figures in report.ranked]
        count, rest = report.others
        if count:
            bars.append(_row(f"{count} others", f"{count} others", rest))
    return Chart(_tiles(report.total), LEGEND, tuple(bars), over_time=report.by == "day")


def _tiles(total: Figures) -> tuple[tuple[str, str], ...]:
    cost = [] if total.cost is None else [(dollars(total.cost), "cost, in part" if total.unpriced else "cost")]
    return (
        (in_short(total.tokens), "tokens"),
        *cost,
        (share(total.cached), "of prompts cached"),
        (counted(total.replies.calls), "replies" if total.replies.calls != 1 else "reply"),
        (counted(total.summaries.calls), "summaries" if total.summaries.calls != 1 else "summary"),
    )


def _row(label: str, otherwise: str, figures: Figures) -> Bar:
    return Bar(label, _parts(figures), in_one_line(figures), otherwise)


def in_one_line(figures: Figures) -> str:
    """Return tokens, cost if there is one, and cache share."""
    cost = [] if figures.cost is None else [dollars(figures.cost)]
    return " · ".join([in_short(figures.tokens), *cost, f"{share(figures.cached)} cached"])


def _parts(figures: Figures) -> tuple[int, ...]:
    replies = figures.replies
    fresh = replies.prompt_tokens - replies.cached_tokens
    return replies.cached_tokens, fresh, replies.completion_tokens, figures.summaries.tokens


def _label(key: Key, report: UsageReport, names: Mapping[int, str]) -> str:
    if isinstance(key, date):
        return day_name(key)
    if isinstance(key, str):
        return key
    name = names.get(key)
    if name is None:
        return _plain(key, report)
    return f"#{name}" if report.by == "channel" else name


def _plain(key: Key, report: UsageReport) -> str:
    """Return what a group is called that has no name, or none that can be drawn."""
    if key == NOBODY:
        return "summaries"
    return f"{report.by} …{str(key)[-4:]}"
