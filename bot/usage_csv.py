"""Pure: the books as CSV, for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping

from bot.prices import Prices
from bot.usage_figures import figures
from storage.records import Booked

_NAMES = ("channel_id", "channel", "user_id", "user")
_FIGURES = ("kind", "model", "calls", "prompt_tokens", "cached_tokens", "completion_tokens", "cost_usd")

# What a spreadsheet takes for the beginning of a formula, the wide signs of East Asian scripts included; some skip space first.
# https://owasp.org/www-community/attacks/CSV_Injection
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def write(
    rows: Iterable[Booked], prices: Prices, channels: Mapping[int, str], people: Mapping[int, str], *, with_names: bool
) -> bytes:
    """Return *rows* as CSV in UTF-8 with a mark of order, which Excel wants; *with_names* says by whom and where, too.

    No cell is a formula: one that could be taken for it begins with an apostrophe.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["day_utc", *(_NAMES if with_names else ()), *_FIGURES])
    for row in rows:
        cost = figures(row, prices).cost
        used = row.usage
        named = (row.channel_id, _harmless(channels.get(row.channel_id or 0, "")), row.user_id or "",
                 _harmless(people.get(row.user_id or 0, ""))) if with_names else ()  # fmt: skip
        writer.writerow(
            [row.day, *named, row.kind, _harmless(row.model), used.calls, used.prompt_tokens, used.cached_tokens,
             used.completion_tokens, "" if cost is None else f"{cost:f}"]
        )  # fmt: skip
    return text.getvalue().encode("utf-8-sig")


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.lstrip().startswith(_FORMULA) else cell
