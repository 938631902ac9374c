"""Pinning messages, and taking that back. A pin is a mark on a remembered message, and goes wherever that goes.

What was no part of the conversation stands before it, at a position below 0, where no window, summary or recall looks.
"""

from __future__ import annotations

import sqlite3

from storage.records import Incoming, Message, Standing
from storage.sql import index, intake, rows


def standing(db: sqlite3.Connection, channel_id: int, discord_id: int) -> tuple[Standing, Message | None]:
    """Return where a message on Discord stands in the memory of a channel; with it, if it is remembered there now."""
    if intake.remembered_as(db, discord_id) == "unfinished reply":
        return "unfinished", None
    row_id = _find(db, discord_id)
    if row_id is None:
        return ("forgotten" if intake.is_known(db, discord_id) else "unknown"), None
    here = db.execute(
        f"SELECT {rows.MESSAGE_COLUMNS} FROM messages WHERE id = ? AND channel_id = ? AND epoch = ?",
        (row_id, channel_id, rows.open_epoch(db, channel_id)),
    ).fetchone()
    return ("put away", None) if here is None else ("remembered", rows.message(here))


def _find(db: sqlite3.Connection, discord_id: int) -> int | None:
    """Return the id of the row of what a message on Discord is, or is a part of."""
    found = db.execute(
        "SELECT id FROM messages WHERE discord_id = :id UNION ALL SELECT m.id FROM chunks k JOIN messages m"
        " ON m.turn_id = k.turn_id AND m.role = 'assistant' WHERE k.discord_id = :id",
        {"id": discord_id},
    ).fetchone()
    return None if found is None else int(found["id"])


def pinned(db: sqlite3.Connection, channel_id: int) -> tuple[Message, ...]:
    """Return the pinned messages of the open epoch, as they were pinned."""
    epoch = rows.open_epoch(db, channel_id)
    return () if epoch is None else rows.pinned(db, channel_id, epoch)


def pin(db: sqlite3.Connection, discord_id: int, now: float) -> bool:
    """Pin a remembered message, once; returns whether it is there."""
    pinned = db.execute(
        "UPDATE messages SET pinned_at = ifnull(pinned_at, ?) WHERE id = ?", (now, _find(db, discord_id))
    )
    return pinned.rowcount > 0


def keep(db: sqlite3.Connection, message: Incoming, now: float) -> bool:
    """Remember a message for its pin alone. False for what is known, was deleted, or was said by somebody who opted out."""
    if intake.is_known(db, message.discord_id) or intake.is_unwanted(db, message):
        return False
    epoch = rows.ensure_channel(db, message.channel_id, message.guild_id, now, parent_id=message.parent_id)
    position = rows.position_apart(db, message.channel_id)
    intake.insert(db, message, epoch, position, turn_id=None)
    db.execute("UPDATE messages SET pinned_at = ? WHERE discord_id = ?", (now, message.discord_id))
    index.refresh(db, message.channel_id, epoch, position)
    return True


def unpin(db: sqlite3.Connection, channel_id: int, discord_id: int) -> bool:
    """Unpin a message of the open epoch, False if it is not pinned there. What was kept for its pin alone is gone."""
    return _unpin(db, channel_id, "id = ?", _find(db, discord_id))


def unpin_at(db: sqlite3.Connection, channel_id: int, position: int) -> bool:
    """Unpin in the same way what stands at *position* and has no id on Discord."""
    return _unpin(db, channel_id, "position = ? AND discord_id IS NULL", position)


def _unpin(db: sqlite3.Connection, channel_id: int, which: str, value: int | None) -> bool:
    unpinned = db.execute(
        f"UPDATE messages SET pinned_at = NULL WHERE {which} AND channel_id = ? AND epoch = ? AND pinned_at IS NOT NULL"
        " RETURNING id, position",
        (value, channel_id, rows.open_epoch(db, channel_id)),
    ).fetchone()
    if unpinned is not None and (unpinned["position"] or 0) < 0:
        db.execute("DELETE FROM messages WHERE id = ?", (unpinned["id"],))
    return unpinned is not None
