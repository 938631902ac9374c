"""Turns rows into records, and holds the few statements that more than one subject needs."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

from storage.records import Chunk, Message, Overrides, Status

MESSAGE_COLUMNS = "position, role, author_id, author_name, content, tokens, created_at, turn_id, discord_id"

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


def chunks(db: sqlite3.Connection, turn_id: int) -> tuple[Chunk, ...]:
    """Return the recorded chunks of a turn's reply, in order."""
    rows = db.execute(
        "SELECT number, attempt, text, discord_id, reply_to FROM chunks WHERE turn_id = ? ORDER BY number", (turn_id,)
    )
    return tuple(Chunk(*row) for row in rows)


def overrides(db: sqlite3.Connection, channel_id: int) -> Overrides:
    """Return what the channel sets for itself; nothing for one that is not known."""
    row = db.execute("SELECT policy, max_messages, max_tokens FROM channels WHERE id = ?", (channel_id,)).fetchone()
    return Overrides(*row) if row else Overrides()


def open_epoch(db: sqlite3.Connection, channel_id: int) -> int | None:
    """Return the number of the channel's open epoch, None for a channel that is not known."""
    row = db.execute("SELECT epoch FROM channels WHERE id = ?", (channel_id,)).fetchone()
    return None if row is None else int(row["epoch"])


def ensure_channel(db: sqlite3.Connection, channel_id: int, guild_id: int | None, now: float) -> int:
    """Return the number of the channel's open epoch, making channel and epoch if they are new."""
    number = open_epoch(db, channel_id)
    if number is None:
        number = 1
        db.execute("INSERT INTO channels (id, guild_id, epoch) VALUES (?, ?, ?)", (channel_id, guild_id, number))
        db.execute("INSERT INTO epochs (channel_id, number, opened_at) VALUES (?, ?, ?)", (channel_id, number, now))
    return number


def take_positions(db: sqlite3.Connection, channel_id: int, count: int) -> int:
    """Reserve *count* consecutive positions in the channel and return the first."""
    row = db.execute(
        "UPDATE channels SET next_position = next_position + ? WHERE id = ? RETURNING next_position - ?",
        (count, channel_id, count),
    ).fetchone()
    return int(row[0])


def book(
    db: sqlite3.Connection,
    channel_id: int,
    user_id: int,
    kind: str,
    model: str,
    tokens: tuple[int, int, int],
    now: float,
) -> None:
    """Count one call of a model: *tokens* of its prompt, those of them that were cached, and of what it wrote."""
    db.execute(
        "INSERT INTO usage VALUES (?1, ifnull((SELECT guild_id FROM channels WHERE id = ?2), 0), ?2, ?3, ?4, ?5, 1, ?6, ?7, ?8,"
        " NULL)"
        " ON CONFLICT DO UPDATE SET calls = calls + 1, prompt_tokens = prompt_tokens + excluded.prompt_tokens,"
        " cached_tokens = cached_tokens + excluded.cached_tokens,"
        " completion_tokens = completion_tokens + excluded.completion_tokens",
        (datetime.fromtimestamp(now, UTC).date().isoformat(), channel_id, user_id, kind, model, *tokens),
    )


def set_status(db: sqlite3.Connection, turn_id: int, status: Status) -> None:
    """Move a turn to *status*; one that is over is owned by nobody and keeps no text of its own."""
    db.execute("UPDATE turns SET status = ? WHERE id = ?", (status, turn_id))
    if status in (Status.ANSWERED, Status.FAILED, Status.CANCELLED):
        db.execute("UPDATE turns SET owner = NULL, lease_until = NULL, reply = NULL WHERE id = ?", (turn_id,))
        db.execute("UPDATE chunks SET text = '' WHERE turn_id = ?", (turn_id,))
