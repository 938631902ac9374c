"""Turns rows into records, and holds the few statements that more than one subject needs."""

from __future__ import annotations

import sqlite3

from storage.records import OVERRIDDEN, SOMEWHERE, Chunk, Message, Overrides, Status, merged

MESSAGE_COLUMNS = (
    "position, role, author_id, author_name, content, tokens, created_at, turn_id, discord_id, about_id, pinned_at,"
    " about_author, about_at"
)

#: What servers and channels may set.
OVERRIDES = ", ".join(OVERRIDDEN)

#: Above every position that there is.
NO_POSITION = 2**62

#: The statuses of a turn that somebody still has to do something about.
UNFINISHED = "('claimed', 'generating', 'sending')"

#: Whether a turn's epoch is its channel's open one.
IN_OPEN_EPOCH = "epoch = (SELECT c.epoch FROM channels c WHERE c.id = turns.channel_id)"

#: The turns, read by the index of the unfinished ones: a query must name exactly these statuses, and fails if it does not.
#: Left to itself, SQLite reads all turns that a channel ever had.
UNFINISHED_TURNS = "turns INDEXED BY turns_unfinished"


def message(row: sqlite3.Row) -> Message:
    """Return the record of a row of :data:`MESSAGE_COLUMNS`."""
    return Message(*row)


def triggers(db: sqlite3.Connection, turn_id: int) -> tuple[Message, ...]:
    """Return a turn's triggers, oldest first; those of a claimed turn have no position yet and are ordered by Discord's id."""
    rows = db.execute(
        f"SELECT {MESSAGE_COLUMNS} FROM messages WHERE turn_id = ? AND role = 'user' ORDER BY position, discord_id",
        (turn_id,),
    )
    return tuple(message(row) for row in rows)


def reply(db: sqlite3.Connection, turn_id: int) -> str | None:
    """Return what is kept as a turn's reply; None if nothing is."""
    row = db.execute("SELECT content FROM messages WHERE turn_id = ? AND role = 'assistant'", (turn_id,)).fetchone()
    return None if row is None else str(row["content"])


def drop_reply(db: sqlite3.Connection, turn_id: int) -> float | None:
    """Take a turn's reply out of memory; returns when it was pinned, None if it was not."""
    row = db.execute(
        "DELETE FROM messages WHERE turn_id = ? AND role = 'assistant' RETURNING pinned_at", (turn_id,)
    ).fetchone()
    return None if row is None else row["pinned_at"]


def chunks(db: sqlite3.Connection, turn_id: int) -> tuple[Chunk, ...]:
    """Return the recorded chunks of a turn's reply, in order."""
    rows = db.execute(
        "SELECT number, attempt, text, discord_id, reply_to, ifnull(sent_after, reply_to) FROM chunks WHERE turn_id = ?"
        " ORDER BY number",
        (turn_id,),
    )
    return tuple(Chunk(*row) for row in rows)


def pinned(db: sqlite3.Connection, channel_id: int, epoch: int) -> tuple[Message, ...]:
    """Return the pinned messages of an epoch, as they were pinned; not those that still wait for their turn."""
    rows = db.execute(
        # Left to itself, SQLite reads all that was ever said in the epoch.
        f"SELECT {MESSAGE_COLUMNS} FROM messages INDEXED BY messages_pinned WHERE channel_id = ? AND epoch = ?"
        " AND pinned_at IS NOT NULL AND position IS NOT NULL ORDER BY pinned_at, id",
        (channel_id, epoch),
    )
    return tuple(message(row) for row in rows)


def overrides(db: sqlite3.Connection, channel_id: int) -> Overrides:
    """Return what its server, a thread's channel, and a channel itself set; nothing for one that is not known."""
    layers = db.execute(
        f"SELECT 1 AS layer, {OVERRIDES} FROM servers WHERE id = (SELECT guild_id FROM channels WHERE id = ?1)"
        f" UNION ALL SELECT 2, {OVERRIDES} FROM channels WHERE id = (SELECT parent_id FROM channels WHERE id = ?1)"
        f" UNION ALL SELECT 3, {OVERRIDES} FROM channels WHERE id = ?1 ORDER BY layer",
        (channel_id,),
    )
    return merged(*(set_in(row) for row in layers))


def set_in(row: sqlite3.Row) -> Overrides:
    """Return what a row of :data:`OVERRIDES` sets."""
    values = {name: row[name] for name in OVERRIDDEN}
    return Overrides(**values | {"is_on": None if row["is_on"] is None else bool(row["is_on"])})


def open_epoch(db: sqlite3.Connection, channel_id: int) -> int | None:
    """Return the number of the channel's open epoch, None for a channel that is not known."""
    row = db.execute("SELECT epoch FROM channels WHERE id = ?", (channel_id,)).fetchone()
    return None if row is None else int(row["epoch"])


def has_opted_out(db: sqlite3.Connection, user_id: int) -> bool:
    """Whether a person wants nothing of theirs remembered."""
    return db.execute("SELECT 1 FROM opted_out WHERE user_id = ?", (user_id,)).fetchone() is not None


def ensure_channel(
    db: sqlite3.Connection, channel_id: int, guild_id: int | None, now: float, *, parent_id: int | None = None
) -> int:
    """Return the number of the channel's open epoch, making channel and epoch if they are new.

    *guild_id* is the server that it is in, None in a direct message; where it is is learned later if that is
    :data:`storage.records.SOMEWHERE`. *parent_id* is the channel that a thread is in; None if it is none, or that is not known.
    """
    known = db.execute("SELECT epoch, guild_id, parent_id FROM channels WHERE id = ?", (channel_id,)).fetchone()
    if known is None:
        channel = (channel_id, guild_id, parent_id)
        db.execute("INSERT INTO channels (id, guild_id, parent_id, epoch) VALUES (?, ?, ?, 1)", channel)
        db.execute("INSERT INTO epochs (channel_id, number, opened_at) VALUES (?, 1, ?)", (channel_id, now))
        return 1
    if guild_id not in (SOMEWHERE, known["guild_id"]):
        locate(db, channel_id, guild_id)
    if parent_id not in (None, known["parent_id"]):
        db.execute("UPDATE channels SET parent_id = ? WHERE id = ?", (parent_id, channel_id))
    return int(known["epoch"])


def locate(db: sqlite3.Connection, channel_id: int, guild_id: int | None) -> None:
    """Note where a channel is, in which server or none, if that is not known; also if a server's passed for a direct message."""
    db.execute(
        "UPDATE channels SET guild_id = ?1 WHERE id = ?2 AND guild_id IS NOT ?1 AND ifnull(guild_id, ?3) = ?3",
        (guild_id, channel_id, SOMEWHERE),
    )


def guild_of(db: sqlite3.Connection, channel_id: int) -> int | None:
    """Return the server that a channel is in of which anything is known, None for a direct message, or if that is not known."""
    guild_id: int | None = db.execute("SELECT guild_id FROM channels WHERE id = ?", (channel_id,)).fetchone()[0]
    return None if guild_id == SOMEWHERE else guild_id


def take_positions(db: sqlite3.Connection, channel_id: int, count: int) -> int:
    """Reserve *count* consecutive positions in the channel and return the first."""
    row = db.execute(
        "UPDATE channels SET next_position = next_position + ? WHERE id = ? RETURNING next_position - ?",
        (count, channel_id, count),
    ).fetchone()
    return int(row[0])


def position_apart(db: sqlite3.Connection, channel_id: int) -> int:
    """Return a free position below 0, where something is remembered that is no part of the conversation."""
    first = db.execute(
        "SELECT min(position) FROM messages WHERE channel_id = ? AND pinned_at IS NOT NULL", (channel_id,)
    ).fetchone()[0]
    return min(first or 0, 0) - 1


def set_status(db: sqlite3.Connection, turn_id: int, status: Status) -> None:
    """Move a turn to *status*; one that is over is owned by nobody and keeps no text of its own."""
    db.execute("UPDATE turns SET status = ? WHERE id = ?", (status, turn_id))
    if status in (Status.ANSWERED, Status.FAILED, Status.CANCELLED):
        db.execute("UPDATE turns SET owner = NULL, lease_until = NULL, reply = NULL WHERE id = ?", (turn_id,))
        db.execute("UPDATE chunks SET text = '' WHERE turn_id = ?", (turn_id,))
