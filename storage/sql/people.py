"""What one person said, taken together: telling it, forgetting it, and remembering nothing of who does not want it."""

from __future__ import annotations

import sqlite3

from storage.records import QUOTE, BookedDay, Extent, Forgotten, Kept, Usage
from storage.sql import attachments, intake, rows

_HERE = (
    "m.role = 'user' AND m.channel_id IN (SELECT id FROM channels"
    " WHERE id = ifnull(:channel, id) AND (:guild IS NULL OR guild_id = :guild))"
)
_WORDS_OF = f"m.author_id = :author AND {_HERE}"
_QUESTIONS_ABOUT = f"m.about_author = :author AND m.author_id <> :author AND {_HERE}"


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


def quoted(db: sqlite3.Connection, author_id: int, place: Extent) -> list[tuple[int, int | None, str]]:
    """Return what questions of others quote of a person: channel, Discord id of what is quoted, and the quote.

    A copy from another channel has neither the id nor the attachment: there the quote is what stands beneath the question's line.
    """
    found = db.execute(
        "SELECT m.channel_id, m.about_id, ifnull(a.block, substr(m.content, instr(m.content || char(10), char(10)) + 1))"
        f" FROM messages m LEFT JOIN attachments a ON a.message_id = m.discord_id AND a.id = {QUOTE}"
        f" WHERE {_QUESTIONS_ABOUT} ORDER BY m.channel_id, m.created_at, m.id",
        _values(author_id, place),
    )
    return [(channel_id, message_id, block) for channel_id, message_id, block in found]


def count_by(db: sqlite3.Connection, author_id: int, place: Extent) -> int:
    """Return how many messages :func:`forget` takes."""
    values = _values(author_id, place)
    counts = (f"SELECT count(*) FROM messages m WHERE {of}" for of in (_WORDS_OF, _QUESTIONS_ABOUT))
    return sum(int(db.execute(count, values).fetchone()[0]) for count in counts)


def booked_for(db: sqlite3.Connection, user_id: int, place: Extent) -> list[BookedDay]:
    """Return what replies to a person used, and summaries for threads of theirs, by day, channel, kind and model."""
    found = db.execute(
        "SELECT day, channel_id, kind, model, calls, prompt_tokens, cached_tokens, completion_tokens FROM usage"
        " WHERE user_id = :author AND channel_id = ifnull(:channel, channel_id) AND guild_id = ifnull(:guild, guild_id)"
        " ORDER BY day, channel_id, kind, model",
        _values(user_id, place),
    )
    return [BookedDay(day, channel, kind, model, Usage(*usage)) for day, channel, kind, model, *usage in found]


def forget(db: sqlite3.Connection, author_id: int, place: Extent, most: int, now: float) -> Forgotten:
    """Take up to *most* of a person's messages, and questions about them, out of memory, with all that was made of them."""
    found: list[sqlite3.Row] = []
    for of in (_WORDS_OF, _QUESTIONS_ABOUT):
        values = {**_values(author_id, place), "most": most - len(found)}
        found += db.execute(f"SELECT m.id, m.channel_id FROM messages m WHERE {of} LIMIT :most", values)
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
