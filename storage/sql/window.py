"""What the model sees of an epoch: reading the window with its summaries, and moving its start."""

from __future__ import annotations

import sqlite3

from storage.records import Message, Reach, Turn, Window
from storage.sql import rows, summaries


def load(db: sqlite3.Connection, turn: Turn, policy: str, reach: Reach) -> Window:
    """Return the messages from the window's start to the turn's last trigger, or those of them that *reach* needs.

    The newest are read first and the read ends once *reach* is passed, so that its cost does not grow with the history; the
    turn of the newest is read whole, whatever its size. A start that another policy computed does not count.
    """
    return _load(db, turn.channel_id, turn.epoch, turn.newest.position, policy, reach)


def peek(db: sqlite3.Connection, channel_id: int, policy: str, reach: Reach) -> Window | None:
    """Return the same for everything that has a position now, None for a channel that is not known."""
    epoch = rows.open_epoch(db, channel_id)
    if epoch is None:
        return None
    return _load(db, channel_id, epoch, rows.NO_POSITION, policy, reach)


def _load(
    db: sqlite3.Connection,
    channel_id: int,
    epoch: int,
    end: int,
    policy: str,
    reach: Reach,
) -> Window:
    state = db.execute(
        "SELECT window_start, window_policy FROM epochs WHERE channel_id = ? AND number = ?", (channel_id, epoch)
    ).fetchone()
    start = state["window_start"] if state["window_policy"] == policy else 0
    newest_first = db.execute(
        f"SELECT {rows.MESSAGE_COLUMNS} FROM messages"
        " WHERE channel_id = ? AND epoch = ? AND position BETWEEN ? AND ? ORDER BY position DESC",
        (channel_id, epoch, start, end),
    )
    messages = within(newest_first, reach)
    pinned = tuple(pin for pin in rows.pinned(db, channel_id, epoch) if pin.position <= end)
    return Window(
        messages,
        start,
        state["window_policy"],
        epoch,
        summaries.shown(db, channel_id, epoch),
        pinned,
        summaries.origin(db, channel_id, epoch),
    )


def within(newest_first: sqlite3.Cursor, reach: Reach) -> tuple[Message, ...]:
    """Return the newest messages that *reach* allows, oldest first, and the one that is too much; the newest turn is whole."""
    found: list[Message] = []
    tokens = 0
    for row in newest_first:
        found.append(rows.message(row))
        tokens += found[-1].tokens
        past_messages = reach.messages is not None and len(found) > reach.messages
        past_tokens = reach.tokens is not None and tokens > reach.tokens
        is_of_newest_turn = found[-1].turn_id is not None and found[-1].turn_id == found[0].turn_id
        if (past_messages or past_tokens) and not is_of_newest_turn:
            break
    newest_first.close()
    return tuple(reversed(found))


def move(db: sqlite3.Connection, channel_id: int, epoch: int, start: int, policy: str, look_back: int) -> None:
    """Let the window of an epoch start at position *start*, as *policy* computed it.

    A policy that is new here finds messages that no leaf covers; leaves are made of the newest *look_back* tokens of them. For
    the same policy a start only moves forward: a leaf may have moved it meanwhile.
    """
    state = db.execute(
        "SELECT window_start, window_policy, summarized FROM epochs WHERE channel_id = ? AND number = ?",
        (channel_id, epoch),
    ).fetchone()
    if state is None:  # the epoch was deleted while its last turn ran
        return
    summarized = state["summarized"]
    if state["window_policy"] != policy:
        behind = db.execute(
            f"SELECT {rows.MESSAGE_COLUMNS} FROM messages"
            " WHERE channel_id = ? AND epoch = ? AND position >= ? AND position < ? ORDER BY position DESC",
            (channel_id, epoch, summarized, start),
        )
        oldest = within(behind, Reach(messages=None, tokens=look_back))[:1]
        summarized = begin_of_turn(db, oldest[0]) if oldest else summarized
    else:
        start = max(start, state["window_start"])
    db.execute(
        "UPDATE epochs SET window_start = ?, window_policy = ?, summarized = ? WHERE channel_id = ? AND number = ?",
        (start, policy, summarized, channel_id, epoch),
    )


def begin_of_turn(db: sqlite3.Connection, message: Message) -> int:
    """Return the position of the first message of the turn of *message*: a leaf never begins within a turn."""
    first = db.execute("SELECT min(position) FROM messages WHERE turn_id = ?", (message.turn_id,)).fetchone()[0]
    return message.position if first is None else int(first)
