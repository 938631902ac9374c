"""Epochs: starting afresh, bringing the last one back, deleting what is past its grace, and telling what there is."""

from __future__ import annotations

import sqlite3

from storage.records import Closed, Overview, Status
from storage.sql import index, rows, summaries

#: What can be restored of an epoch e. That of a thread may hold nothing but the summary that it was opened with.
_HOLDS_ANYTHING = (
    "(EXISTS (SELECT 1 FROM messages m WHERE m.channel_id = e.channel_id AND m.epoch = e.number) OR EXISTS"
    " (SELECT 1 FROM summaries s WHERE s.channel_id = e.channel_id AND s.epoch = e.number AND s.state = 'ready'))"
)


def reset(
    db: sqlite3.Connection, channel_id: int, epoch: int | None, reset_id: int | None, now: float
) -> Closed | None:
    """Close the channel's epoch, cancelling those of its turns of which nothing is shown, and open the highest number plus one.

    What was said before *reset_id*, if that is given, is not accepted any more. Returns None for a channel of which nothing is
    known, and if *epoch* is given and is not the open one.
    """
    opened = rows.open_epoch(db, channel_id)
    if opened is None or epoch not in (None, opened):
        return None
    epoch = opened
    _close(db, channel_id, epoch, now)
    highest = db.execute("SELECT max(number) FROM epochs WHERE channel_id = ?", (channel_id,)).fetchone()[0]
    db.execute("INSERT INTO epochs (channel_id, number, opened_at) VALUES (?, ?, ?)", (channel_id, highest + 1, now))
    db.execute(
        "UPDATE channels SET epoch = ?, reset_id = ifnull(?, reset_id) WHERE id = ?",
        (highest + 1, reset_id, channel_id),
    )
    return Closed(epoch, _count(db, channel_id, epoch), not _holds_anything(db, channel_id, epoch))


def restore(db: sqlite3.Connection, channel_id: int, closed_after: float, now: float) -> Closed | None:
    """Swap the open epoch with the one that was closed last of those that hold anything, if that was after *closed_after*.

    What was said since is closed in turn, and its grace starts. Returns the restored epoch, None if there is none.
    """
    epoch = rows.open_epoch(db, channel_id)
    latest = _restorable(db, channel_id, closed_after)
    if epoch is None or latest is None:
        return None
    _close(db, channel_id, epoch, now)
    db.execute("UPDATE epochs SET closed_at = NULL WHERE channel_id = ? AND number = ?", (channel_id, latest["number"]))
    db.execute("UPDATE channels SET epoch = ? WHERE id = ?", (latest["number"], channel_id))
    return Closed(latest["number"], _count(db, channel_id, latest["number"]), is_empty=False)


def _restorable(db: sqlite3.Connection, channel_id: int, closed_after: float) -> sqlite3.Row | None:
    # An empty epoch only waits for its purge: to bring it back would put away what there is.
    found: sqlite3.Row | None = db.execute(
        f"SELECT number, closed_at FROM epochs e WHERE channel_id = ? AND closed_at > ? AND {_HOLDS_ANYTHING}"
        " ORDER BY closed_at DESC, number DESC LIMIT 1",
        (channel_id, closed_after),
    ).fetchone()
    return found


def _holds_anything(db: sqlite3.Connection, channel_id: int, epoch: int) -> bool:
    held = f"SELECT 1 FROM epochs e WHERE channel_id = ? AND number = ? AND {_HOLDS_ANYTHING}"
    return db.execute(held, (channel_id, epoch)).fetchone() is not None


def purge(db: sqlite3.Connection, closed_before: float) -> int:
    """Delete the epochs that were closed at or before *closed_before*, with all they hold; returns how many.

    Of one with a reply that still stands half-written somewhere, only what is needed to tidy that up stays until it is done.
    """
    due = "SELECT channel_id, number FROM epochs WHERE closed_at <= ?"
    emptied = db.execute(due, (closed_before,)).fetchall()
    db.execute(f"DELETE FROM messages WHERE (channel_id, epoch) IN ({due})", (closed_before,))
    db.execute(f"DELETE FROM summaries WHERE (channel_id, epoch) IN ({due})", (closed_before,))
    db.execute(
        "DELETE FROM epochs WHERE closed_at <= ? AND NOT EXISTS (SELECT 1"
        f" FROM {rows.UNFINISHED_TURNS} WHERE turns.channel_id = epochs.channel_id AND turns.epoch = epochs.number"
        f" AND turns.status IN {rows.UNFINISHED})",
        (closed_before,),
    )
    return len(emptied)


def _close(db: sqlite3.Connection, channel_id: int, epoch: int, now: float) -> None:
    _cancel_turns(db, channel_id, epoch)
    summaries.drop_drafts(db, channel_id)
    db.execute("UPDATE epochs SET closed_at = ? WHERE channel_id = ? AND number = ?", (now, channel_id, epoch))


def _cancel_turns(db: sqlite3.Connection, channel_id: int, epoch: int) -> None:
    unfinished = db.execute(
        f"SELECT id FROM {rows.UNFINISHED_TURNS} WHERE channel_id = ? AND epoch = ? AND status IN {rows.UNFINISHED} ORDER BY id",
        (channel_id, epoch),
    ).fetchall()
    for turn in unfinished:
        _place_waiting(db, channel_id, turn["id"])
        if rows.chunks(db, turn["id"]):  # something is shown, and somebody has to say there that it goes no further
            db.execute("UPDATE turns SET status = 'generating', reply = NULL WHERE id = ?", (turn["id"],))
        else:
            index.add_turn(db, turn["id"])
            rows.set_status(db, turn["id"], Status.CANCELLED)


def _place_waiting(db: sqlite3.Connection, channel_id: int, turn_id: int) -> None:
    """Give triggers that were never answered a position, so that a restore finds them."""
    for trigger in rows.triggers(db, turn_id):
        if trigger.position is None:
            position = rows.take_positions(db, channel_id, 1)
            db.execute("UPDATE messages SET position = ? WHERE discord_id = ?", (position, trigger.discord_id))


def _count(db: sqlite3.Connection, channel_id: int, epoch: int) -> int:
    row = db.execute("SELECT count(*) FROM messages WHERE channel_id = ? AND epoch = ?", (channel_id, epoch)).fetchone()
    return int(row[0])


def overview(db: sqlite3.Connection, channel_id: int, closed_after: float) -> Overview | None:
    """Tell what the channel's open epoch holds, and what could be restored; None for a channel that is not known."""
    epoch = rows.open_epoch(db, channel_id)
    if epoch is None:
        return None
    whole = db.execute(
        "SELECT count(*), ifnull(sum(tokens), 0), min(created_at) FROM messages WHERE channel_id = ? AND epoch = ?",
        (channel_id, epoch),
    ).fetchone()
    window = db.execute(
        "SELECT count(*), ifnull(sum(m.tokens), 0) FROM epochs e JOIN messages m ON m.channel_id = e.channel_id"
        " AND m.epoch = e.number AND ifnull(m.position, e.window_start) >= e.window_start"
        " WHERE e.channel_id = ? AND e.number = ?",
        (channel_id, epoch),
    ).fetchone()
    state = db.execute(
        "SELECT compaction_error, compaction_failed_at FROM epochs WHERE channel_id = ? AND number = ?",
        (channel_id, epoch),
    ).fetchone()
    latest = _restorable(db, channel_id, closed_after)
    return Overview(
        epoch=epoch,
        messages=whole[0],
        tokens=whole[1],
        since=whole[2],
        window_messages=window[0],
        window_tokens=window[1],
        summaries=summaries.shown(db, channel_id, epoch),
        lost_correction=summaries.lost_correction(db, channel_id, epoch),
        compaction_error=state["compaction_error"],
        compaction_failed_at=state["compaction_failed_at"],
        overrides=rows.overrides(db, channel_id),
        restorable_messages=_count(db, channel_id, latest["number"]) if latest else 0,
        restorable_since=latest["closed_at"] if latest else None,
        pins=rows.pinned(db, channel_id, epoch),
        origin=summaries.origin(db, channel_id, epoch),
    )
