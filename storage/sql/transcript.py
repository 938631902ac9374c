"""The whole of a channel's memory, for people: searching it, taking it out, bringing it in."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from storage.records import Covered, Incoming, Message
from storage.sql import attachments, index, intake, rows, summaries


def search(db: sqlite3.Connection, channel_id: int, terms: Sequence[str], limit: int) -> list[Message]:
    """Return the messages of the open epoch that contain all of *terms*, the best first."""
    epoch = rows.open_epoch(db, channel_id)
    if epoch is None or not terms:
        return []
    columns = ", ".join(f"m.{name.strip()}" for name in rows.MESSAGE_COLUMNS.split(","))
    found = db.execute(
        f"SELECT {columns} FROM messages_fts f JOIN messages m ON m.id = f.rowid WHERE messages_fts MATCH ?"
        " ORDER BY bm25(messages_fts) LIMIT ?",
        (f"{index.in_scope(channel_id, epoch)} AND content : ({' AND '.join(map(index.quoted, terms))})", limit),
    )
    return [rows.message(row) for row in found]


def covered(db: sqlite3.Connection, channel_id: int, spans: Sequence[tuple[int, int]]) -> Covered | None:
    """Tell what summaries of the open epoch over *spans* stand for; None if nothing of that is there any more."""
    epoch = rows.open_epoch(db, channel_id)
    return counted(db, channel_id, epoch, summaries.leaf_spans(db, channel_id, epoch, spans))


def counted(
    db: sqlite3.Connection, channel_id: int, epoch: int | None, spans: Sequence[tuple[int, int]]
) -> Covered | None:
    """Tell what stands at the positions of *spans*, which do not overlap; None if there is nothing."""
    of_each = [
        db.execute(
            "SELECT count(*), min(created_at), max(created_at) FROM messages"
            " WHERE channel_id = ? AND epoch = ? AND position BETWEEN ? AND ?",
            (channel_id, epoch, first, last),
        ).fetchone()
        for first, last in spans
    ]
    found = [(count, since, until) for count, since, until in of_each if count]
    if not found:
        return None
    counts, since, until = zip(*found, strict=True)
    return Covered(sum(counts), min(since), max(until))


def export(db: sqlite3.Connection, channel_id: int) -> list[Message]:
    """Return all messages of the open epoch that have a position, in order."""
    epoch = rows.open_epoch(db, channel_id)
    found = db.execute(
        f"SELECT {rows.MESSAGE_COLUMNS} FROM messages WHERE channel_id = ? AND epoch = ? AND position IS NOT NULL"
        " ORDER BY position",
        (channel_id, epoch),
    )
    return [rows.message(row) for row in found]


def bring_in(db: sqlite3.Connection, messages: Sequence[tuple[str, Incoming]], now: float) -> int:
    """Add *messages*, each with its role, at the end of their channel's open epoch; returns how many were new.

    What was deleted on Discord stays forgotten, and so does what those said who opted out, with questions that quote them.
    """
    added = 0
    for role, message in messages:
        if message.discord_id and intake.is_known(db, message.discord_id):
            continue
        if role == "user" and intake.is_unwanted(db, message):
            continue
        _add(db, role, message, now)
        added += 1
    return added


def _add(db: sqlite3.Connection, role: str, message: Incoming, now: float) -> None:
    channel_id, about = message.channel_id, message.about
    epoch = rows.ensure_channel(db, channel_id, message.guild_id, now)
    position = rows.position_apart(db, channel_id) if message.is_apart else rows.take_positions(db, channel_id, 1)
    db.execute(
        "INSERT INTO messages (discord_id, channel_id, epoch, position, role, author_id, author_name, content, tokens,"
        " created_at, about_id, about_author, about_at, pinned_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            message.discord_id or None,
            channel_id,
            epoch,
            position,
            role,
            message.author_id,
            message.author_name,
            message.content,
            message.tokens,
            message.created_at,
            (about and about.message_id) or None,
            about and about.author_id,
            about and about.created_at,
            message.pinned_at,
        ),
    )
    attachments.keep(db, message)
    index.refresh(db, channel_id, epoch, position)


def learn_factor(db: sqlite3.Connection, model: str, factor: float, samples: int) -> None:
    """Keep how many of the provider's tokens one of ours is."""
    db.execute("INSERT OR REPLACE INTO calibration VALUES (?, ?, ?)", (model, factor, samples))


def factors(db: sqlite3.Connection) -> dict[str, tuple[float, int]]:
    """Return what was learned for each model: the factor, and from how many calls."""
    return {row["model"]: (row["factor"], row["samples"]) for row in db.execute("SELECT * FROM calibration")}
