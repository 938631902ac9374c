"""What people attach: kept with the message that brings it, changed when it is read, and gone when an edit takes it away."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from itertools import groupby

from storage.records import QUOTE, Attachment, Incoming

_COLUMNS = "message_id, id, name, type, size, url, block, tokens, problem"


def keep(db: sqlite3.Connection, message: Incoming) -> None:
    """Keep the attachments of a message that is stored already, and let its content show them."""
    if not message.attachments:
        return
    db.execute("UPDATE messages SET words = content, words_tokens = tokens WHERE discord_id = ?", (message.discord_id,))
    db.executemany(
        f"INSERT OR IGNORE INTO attachments ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (message.discord_id, one.id, one.name, one.type, one.size, one.url, one.block, one.tokens, one.problem)
            for one in message.attachments
        ],
    )
    compose(db, message.discord_id)


def of_turn(db: sqlite3.Connection, turn_id: int) -> tuple[Attachment, ...]:
    """Return what was attached to a turn's triggers, in order."""
    found = db.execute(
        f"SELECT {_COLUMNS} FROM attachments WHERE message_id IN"
        " (SELECT discord_id FROM messages WHERE turn_id = ? AND role = 'user') ORDER BY message_id, id",
        (turn_id,),
    )
    return tuple(Attachment(*row) for row in found)


def of_messages(
    db: sqlite3.Connection, condition: str, values: Mapping[str, object]
) -> dict[int, tuple[Attachment, ...]]:
    """Return what was attached to the messages ``m`` that *condition* describes, by Discord's id of the message."""
    found = db.execute(
        f"SELECT {_COLUMNS} FROM attachments WHERE message_id IN (SELECT m.discord_id FROM messages m WHERE {condition})"
        " ORDER BY message_id, id",
        values,
    )
    attached = [Attachment(*row) for row in found]
    return {key: tuple(group) for key, group in groupby(attached, key=lambda one: one.message_id)}


def note(db: sqlite3.Connection, read: Collection[Attachment]) -> None:
    """Replace what is known of attachments that were *read*. What was deleted meanwhile stays deleted."""
    for one in read:
        db.execute(
            "UPDATE attachments SET url = ?, block = ?, tokens = ?, problem = ? WHERE message_id = ? AND id = ?",
            (one.url, one.block, one.tokens, one.problem, one.message_id, one.id),
        )
    for message_id in {one.message_id for one in read}:
        compose(db, message_id)


def drop_others(db: sqlite3.Connection, message_id: int, attached: Collection[int]) -> bool:
    """Forget the attachments of a message but those with the ids *attached*; returns whether there were others."""
    ids = {row["id"] for row in db.execute("SELECT id FROM attachments WHERE message_id = ?", (message_id,))}
    for one in ids - set(attached):
        db.execute("DELETE FROM attachments WHERE message_id = ? AND id = ?", (message_id, one))
    return not ids <= set(attached)


def edit_quote(db: sqlite3.Connection, question_id: int, block: str, tokens: int) -> bool:
    """Let a question show *block* as what it is about; returns whether that differs."""
    changed = db.execute(
        "UPDATE attachments SET block = ?1, tokens = ?2 WHERE message_id = ?3 AND id = ?4 AND block <> ?1",
        (block, tokens, question_id, QUOTE),
    )
    return changed.rowcount > 0


def compose(db: sqlite3.Connection, message_id: int) -> None:
    """Make the content and tokens of a message that has attachments of its author's words and their blocks."""
    row = db.execute("SELECT words, words_tokens FROM messages WHERE discord_id = ?", (message_id,)).fetchone()
    if row is None or row["words"] is None:
        return
    blocks = db.execute(
        "SELECT block, tokens FROM attachments WHERE message_id = ? ORDER BY id", (message_id,)
    ).fetchall()
    content = "\n".join(filter(None, [row["words"], *(one["block"] for one in blocks)]))
    tokens = row["words_tokens"] + sum(one["tokens"] for one in blocks)
    db.execute("UPDATE messages SET content = ?, tokens = ? WHERE discord_id = ?", (content, tokens, message_id))
