"""The books: what models were paid, by day (UTC), server, channel, person, kind and model. They outlive what they are about."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from storage.records import Booked, BookedBy, Usage

#: A direct message belongs to no server, a summary to no person, unless it is for a thread that somebody opened.
NOBODY = 0


def day_of(now: float) -> str:
    """Return the day of a time, as the books have it."""
    return datetime.fromtimestamp(now, UTC).date().isoformat()


def book(
    db: sqlite3.Connection,
    place: tuple[int | None, int],
    user_id: int,
    kind: str,
    model: str,
    usage: Usage,
    day: str,
) -> None:
    """Count on a *day* what a model was paid for in *place*, a server (None: a direct message) and a channel."""
    guild_id, channel_id = place
    cached = min(usage.cached_tokens, usage.prompt_tokens)  # there are servers that count the one without the other
    counts = (usage.calls, usage.prompt_tokens, cached, usage.completion_tokens)
    db.execute(
        "INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)"
        " ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, prompt_tokens = prompt_tokens + excluded.prompt_tokens,"
        " cached_tokens = cached_tokens + excluded.cached_tokens,"
        " completion_tokens = completion_tokens + excluded.completion_tokens",
        (day, guild_id or NOBODY, channel_id, user_id, kind, model, *counts),
    )


def booked(
    db: sqlite3.Connection,
    days: Collection[str],
    guild_id: int | None,
    channel_id: int | None,
    user_id: int | None,
    by: Sequence[BookedBy],
) -> list[Booked]:
    """Return the sums of what was booked on *days*, by kind, model and what *by* names; a None of the last two is everybody's."""
    columns = ", ".join(column if column in by else f"NULL AS {column}" for column in ("day", "channel_id", "user_id"))
    # The days one by one: so each is one look into the table's order, whatever other servers used.
    found = db.execute(
        f"SELECT {columns}, kind, model, sum(calls), sum(prompt_tokens), sum(cached_tokens), sum(completion_tokens) FROM usage"
        f" WHERE day IN ({', '.join('?' * len(days))}) AND guild_id = ?"
        " AND channel_id = ifnull(?, channel_id) AND user_id = ifnull(?, user_id)"
        " GROUP BY 1, 2, 3, kind, model ORDER BY 1, 2, 3, kind, model",
        (*days, guild_id or NOBODY, channel_id, user_id),
    )
    return [Booked(day, channel, user, kind, model, Usage(*sums)) for day, channel, user, kind, model, *sums in found]
