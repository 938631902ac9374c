"""Tells what was used, by the books: in a place and a time, as figures, as a picture and as CSV.

Who may see what is ``cogs/usage.py``'s to check. Booking happens where calls are made.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from bot import usage_chart, usage_csv, usage_figures
from bot.charts import Painter
from bot.prices import Prices
from bot.usage_figures import Grouping, UsageReport
from storage import Store
from storage.records import Booked, BookedBy

_COLUMNS: dict[Grouping, tuple[BookedBy, ...]] = {
    "day": ("day",),
    "model": (),
    "channel": ("channel_id",),
    "person": ("user_id",),
}


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose usage is asked for: a server's (None: direct messages'), only one channel's or one person's if these are given."""

    guild_id: int | None
    channel_id: int | None = None
    user_id: int | None = None


class UsageReports:
    """Reads the books, for so many days (UTC) back, today included."""

    def __init__(self, store: Store, prices: Prices) -> None:
        self._store = store
        self._prices = prices
        self._painter = Painter()

    async def report(self, scope: Scope, period: int, by: Grouping) -> UsageReport:
        """Tell what *scope* used in the last *period* days."""
        days = _last(period)
        rows = await self._booked(scope, days, _COLUMNS[by])
        return usage_figures.report(rows, self._prices, days, by)

    async def rows(self, scope: Scope, period: int, *, with_names: bool) -> list[Booked]:
        """Return all sums of the last *period* days, in order; *with_names*, by channel and person, too."""
        columns: Sequence[BookedBy] = ("day", "channel_id", "user_id") if with_names else ("day",)
        # A day a read, for a large server has a thousand rows a day, and replies wait for a read that is under way.
        return [row for day in _last(period) for row in await self._booked(scope, [day], columns)]

    async def csv(
        self, rows: Sequence[Booked], channels: Mapping[int, str], people: Mapping[int, str], *, with_names: bool
    ) -> bytes:
        """Return *rows* as a file for spreadsheets, with the names that are known."""
        # In a thread: a large server's quarter has tens of thousands of rows.
        return await asyncio.to_thread(usage_csv.write, rows, self._prices, channels, people, with_names=with_names)

    async def draw(self, report: UsageReport, names: Mapping[int, str]) -> bytes:
        """Return a report as a PNG, with the names that are known. Raises :class:`bot.charts.ChartFailed`."""
        return await self._painter.draw(usage_chart.chart(report, names))

    async def _booked(self, scope: Scope, days: Sequence[date], by: Sequence[BookedBy]) -> list[Booked]:
        return await self._store.booked(
            [day.isoformat() for day in days],
            guild_id=scope.guild_id,
            channel_id=scope.channel_id,
            user_id=scope.user_id,
            by=by,
        )


def _last(period: int) -> list[date]:
    today = datetime.fromtimestamp(time.time(), UTC).date()
    return [today - timedelta(days=ago) for ago in reversed(range(period))]
