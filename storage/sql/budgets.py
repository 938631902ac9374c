"""Budgets of tokens a day (UTC): what is booked counts, and what calls that are under way may use at most.

A call is booked on the day on which it was reserved, so that a day's sum never passes its limit by more than one call.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from storage.records import BudgetStanding, Compaction, Limits, Reservation, Usage
from storage.sql import books, rows

#: One pass over a day: what each budget counts, booked and reserved.
_SUMS = """
SELECT is_used,
    sum(tokens) FILTER (WHERE user_id = :user AND user_id <> 0) AS user,
    sum(tokens) FILTER (WHERE user_id = :user AND user_id <> 0 AND guild_id = :guild AND guild_id <> 0) AS member,
    sum(tokens) FILTER (WHERE channel_id = :channel) AS channel,
    sum(tokens) FILTER (WHERE guild_id = :guild AND guild_id <> 0) AS server,
    sum(tokens) AS host
FROM (
    SELECT 1 AS is_used, guild_id, channel_id, user_id, prompt_tokens + completion_tokens AS tokens FROM usage
    WHERE day = :day
    UNION ALL
    SELECT 0, guild_id, channel_id, user_id, most_tokens FROM reservations WHERE day = :day
) GROUP BY is_used
"""


def reserve(db: sqlite3.Connection, wanted: Reservation, limits: Limits, now: float) -> BudgetStanding | None:
    """Reserve what a call may use and return None, or return the budget that is in its way.

    What an earlier call for the same turn left behind, because the database failed, is booked as far as it is known.
    """
    _settle_leftovers(db, "id = ?", (wanted.id,))
    day, guild_id = books.day_of(now), rows.guild_of(db, wanted.channel_id)
    in_the_way: list[BudgetStanding] = []
    for user_id in wanted.payers or (books.NOBODY,):
        found = list(standings(db, guild_id, wanted.channel_id, user_id, limits, now))
        taken = [each for each in found if each.is_taken]
        if not taken:
            _insert(db, day, guild_id, user_id, wanted)
            return None
        in_the_way.append(next((each for each in taken if each.is_spent), taken[0]))
    return next((each for each in in_the_way if not each.is_spent), in_the_way[0])


def _insert(db: sqlite3.Connection, day: str, guild_id: int | None, user_id: int, wanted: Reservation) -> None:
    kind = "summary" if wanted.is_summary else "reply"
    most = wanted.prompt_tokens + wanted.reply_tokens
    place = (guild_id or books.NOBODY, wanted.channel_id, user_id)
    db.execute(
        "INSERT INTO reservations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (wanted.id, day, *place, kind, wanted.model, wanted.prompt_tokens, most),
    )


def standings(
    db: sqlite3.Connection, guild_id: int | None, channel_id: int, user_id: int, limits: Limits, now: float
) -> Iterator[BudgetStanding]:
    """Tell how the budgets with *limits* stand that hold for somebody in a place."""
    values = {"day": books.day_of(now), "guild": guild_id or books.NOBODY, "channel": channel_id, "user": user_id}
    sums = {row["is_used"]: row for row in db.execute(_SUMS, values)}
    for budget, limit in limits.items():
        if (budget in ("user", "member") and not user_id) or (budget in ("member", "server") and guild_id is None):
            continue
        used, reserved = ((sums[each][budget] or 0) if each in sums else 0 for each in (1, 0))
        yield BudgetStanding(budget, used, reserved, limit, guild_id)


def settle(db: sqlite3.Connection, reservation_id: int, model: str, usage: Usage) -> None:
    """Book what a call used instead of what was reserved for it, unless that is done."""
    row = release(db, reservation_id)
    if row is not None:
        place = (row["guild_id"] or None, row["channel_id"])
        books.book(db, place, row["user_id"], row["kind"], model, usage, row["day"])


def book_summary(
    db: sqlite3.Connection,
    state: Compaction,
    model: str,
    usage: Usage,
    payer: int | None,
    reservation: int | None,
    now: float,
) -> None:
    """Book what a model was paid for a summary of *state*'s channel, instead of what was reserved for it if anything was."""
    if reservation is not None:
        settle(db, reservation, model, usage)
    else:
        place = (state.guild_id, state.channel_id)
        books.book(db, place, payer or books.NOBODY, "summary", model, usage, books.day_of(now))


def release(db: sqlite3.Connection, reservation_id: int) -> sqlite3.Row | None:
    """Take a reservation back, and return what it was."""
    row: sqlite3.Row | None = db.execute(
        "DELETE FROM reservations WHERE id = ? RETURNING *", (reservation_id,)
    ).fetchone()
    return row


def settle_leftovers(db: sqlite3.Connection) -> None:
    """Book the prompts of the calls that a process that is gone left behind: how far their replies came nobody knows."""
    _settle_leftovers(db, "TRUE", ())


def _settle_leftovers(db: sqlite3.Connection, which: str, values: tuple[int, ...]) -> None:
    for row in db.execute(f"SELECT id, model, prompt_tokens FROM reservations WHERE {which}", values).fetchall():
        settle(db, row["id"], row["model"], Usage(1, row["prompt_tokens"]))


def tell_once(db: sqlite3.Connection, budget: str, place_id: int, now: float) -> bool:
    """Whether admins are to be told today that a budget is used up: True once."""
    day = books.day_of(now)
    db.execute("DELETE FROM told_budgets WHERE day < ?", (day,))
    told = db.execute("INSERT OR IGNORE INTO told_budgets VALUES (?, ?, ?)", (day, budget, place_id))
    return told.rowcount > 0
