"""What the model sees of an epoch: reading the window, and moving its start."""

from __future__ import annotations

import sqlite3

from storage.records import Message, Reach, Turn, Window
from storage.sql import rows


def load(db: sqlite3.Connection, turn: Turn, policy: str, reach: Reach) -> Window:
    """Return the messages from the window's start to the turn's last trigger, or those of them that *reach* needs.

    The newest are read first and the read ends once *reach* is passed, so that its cost does not grow with the history; the
    triggers of *turn* are read whatever their number. A start that another policy computed does not count.
    """
    state = db.execute(
        "SELECT window_start, window_policy FROM epochs WHERE channel_id = ? AND number = ?",
        (turn.channel_id, turn.epoch),
    ).fetchone()
    start = state["window_start"] if state["window_policy"] == policy else 0
    newest_first = db.execute(
        f"SELECT {rows.MESSAGE_COLUMNS} FROM messages"
        " WHERE channel_id = ? AND epoch = ? AND position BETWEEN ? AND ? ORDER BY position DESC",
        (turn.channel_id, turn.epoch, start, turn.newest.position),
    )
    return Window(_within(newest_first, reach, turn.id), start, state["window_policy"])


def _within(newest_first: sqlite3.Cursor, reach: Reach, whole_turn: int) -> tuple[Message, ...]:
    found: list[Message] = []
    tokens = 0
    for row in newest_first:
        found.append(rows.message(row))
        tokens += found[-1].tokens
        past_messages = reach.messages is not None and len(found) > reach.messages
        past_tokens = reach.tokens is not None and tokens > reach.tokens
        if (past_messages or past_tokens) and found[-1].turn_id != whole_turn:
            break
    newest_first.close()
    return tuple(reversed(found))


def move(db: sqlite3.Connection, channel_id: int, epoch: int, start: int, policy: str) -> None:
    """Let the window of an epoch start at position *start*, as *policy* computed it."""
    db.execute(
        "UPDATE epochs SET window_start = ?, window_policy = ? WHERE channel_id = ? AND number = ?",
        (start, policy, channel_id, epoch),
    )
