"""Retention: what was said too long ago leaves the memory, with all that was made of it, a bounded step at a time."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection

from storage.sql import rows, summaries


def expire(db: sqlite3.Connection, before: float, most: int) -> int:
    """Delete the oldest *most* messages that were said before *before*, in whatever epoch; returns how many went.

    A question is as old as what it is about. A turn is never split: it goes with its first message, so a few more may go. One
    that is not finished yet stays. Summaries that cover a message that went are void, those of which nothing is left are gone.
    """
    old = [row for age in ("created_at", "about_at") for row in _older(db, age, before, most)]
    turns = {row["turn_id"] for row in old} - {None}
    gone = db.execute(
        f"DELETE FROM messages WHERE id IN {_places(old)} OR turn_id IN {_places(turns)}"
        " RETURNING channel_id, epoch, position",
        (*(row["id"] for row in old), *turns),
    ).fetchall()
    db.execute(f"DELETE FROM turns WHERE id IN {_places(turns)}", tuple(turns))
    for (channel_id, epoch), positions in _by_epoch(gone).items():
        summaries.void_over(db, channel_id, epoch, positions)
    return len(gone)


def _older(db: sqlite3.Connection, age: str, before: float, most: int) -> list[sqlite3.Row]:
    return db.execute(
        "SELECT m.id, m.turn_id FROM messages m LEFT JOIN turns t ON t.id = m.turn_id"
        f" WHERE m.{age} < ? AND ifnull(t.status, 'answered') NOT IN {rows.UNFINISHED} ORDER BY m.{age} LIMIT ?",
        (before, most),
    ).fetchall()


def _places(values: Collection[object]) -> str:
    return f"({', '.join('?' * len(values))})"


def _by_epoch(gone: list[sqlite3.Row]) -> dict[tuple[int, int], list[int]]:
    """Return the positions, in order, for each channel's epoch."""
    found: dict[tuple[int, int], list[int]] = defaultdict(list)
    for channel_id, epoch, position in gone:
        if position is not None:
            found[channel_id, epoch].append(position)
    return {key: sorted(positions) for key, positions in found.items()}
