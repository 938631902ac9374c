"""What one person said, taken together: telling it, forgetting it, and remembering nothing of who does not want it."""

from __future__ import annotations

import sqlite3

from storage.records import BookedDay, Extent, Forgotten, Kept, Usage
from storage.sql import attachments, intake, rows

_WORDS_OF = (
    "m.author_id = :author AND m.role = 'user' AND m.channel_id IN (SELECT id FROM channels"
    " WHERE id = ifnull(:channel, id) AND (:guild IS NULL OR guild_id = :guild))"
)


def _values(author_id: int, place: Extent) -> dict[str, int | None]:
    return {"author": author_id, "channel": place.channel_id, "guild": place.guild_id}


def said_by(db: sqlite3.Connection, author_id: int, place: Extent) -> list[Kept]:
    """Return what is remembered of a person's words, also what a reset put away, channel by channel in order."""
    columns = ", ".join(f"m.{name.strip()}" for name in rows.MESSAGE_COLUMNS.split(","))
    values = _values(author_id, place)
    attached = attachments.of_messages(db, _WORDS_OF, values)
    found = db.execute(
        f"SELECT m.channel_id, m.epoch <> (SELECT c.epoch FROM channels c WHERE c.id = m.channel_id), {columns}"
        f" FROM messages m WHERE {_WORDS_OF} ORDER BY m.channel_id, m.created_at, m.id",
        values,
    )
    kept = [(channel_id, bool(put_away), rows.message(message)) for channel_id, put_away, *message in found]
    return [Kept(*one, attached.get(one[2].discord_id or 0, ())) for one in kept]


def count_by(db: sqlite3.Connection, author_id: int, place: Extent) -> int:
    """Return how many messages :func:`said_by` has."""
    found = db.execute(f"SELECT count(*) FROM messages m WHERE {_WORDS_OF}", _values(author_id, place)).fetchone()
    return int(found[0])


def booked_for(db: sqlite3.Connection, user_id: int, place: Extent) -> list[BookedDay]:
    """Return what replies to a person used, by day, channel and model."""
    found = db.execute(
        "SELECT day, channel_id, model, calls, prompt_tokens, cached_tokens, completion_tokens FROM usage"
        " WHERE user_id = :author AND channel_id = ifnull(:channel, channel_id) AND guild_id = ifnull(:guild, guild_id)"
        " ORDER BY day, channel_id, model",
        _values(user_id, place),
    )
    return [BookedDay(day, channel_id, model, Usage(*usage)) for day, channel_id, model, *usage in found]


def forget(db: sqlite3.Connection, author_id: int, place: Extent, most: int, now: float) -> Forgotten:
    """Take up to *most* of a person's messages out of memory, with all that was made of them."""
    found = db.execute(
        f"SELECT m.id, m.channel_id FROM messages m WHERE {_WORDS_OF} LIMIT :most",
        {**_values(author_id, place), "most": most},
    ).fetchall()
    interrupted = intake.forget_rows(db, [row["id"] for row in found], now)
    return Forgotten(len(found), frozenset(row["channel_id"] for row in found), interrupted)


def opt_out(db: sqlite3.Connection, user_id: int, now: float) -> None:
    """Accept no message of a person any more."""
    db.execute("INSERT OR IGNORE INTO opted_out (user_id, since) VALUES (?, ?)", (user_id, now))


def opt_in(db: sqlite3.Connection, user_id: int) -> None:
    """Accept a person's messages again."""
    db.execute("DELETE FROM opted_out WHERE user_id = ?", (user_id,))


def opted_out(db: sqlite3.Connection) -> frozenset[int]:
    """Return the ids of those whose messages are not accepted."""
    return frozenset(row["user_id"] for row in db.execute("SELECT user_id FROM opted_out"))


def remind(db: sqlite3.Connection, user_id: int) -> bool:
    """Whether a person who opted out is to be told so now; True once."""
    told = db.execute("UPDATE opted_out SET told = 1 WHERE user_id = ? AND told = 0", (user_id,))
    return told.rowcount > 0
