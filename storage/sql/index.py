"""The full-text index: which words stand for a message, and keeping them true when messages come, change and go.

A message is indexed once it has a position, those of a turn together when it ends: its text, and in a column of its own what it
is about: who said it and when, in words. The key of (channel, epoch) is a term inside the index: joining to filter by channel
costs ten times as much at a million messages.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from storage.records import Message
from storage.sql import rows

#: So many pages of the index are merged in one transaction, for which everyone waits: some milliseconds.
_PAGES_AT_A_TIME = 64
#: A merge that finds nothing to do changes fewer rows than this.
_CHANGES_OF_A_MERGE = 2


def scope(channel_id: int, epoch: int) -> str:
    """Return the term that stands for a channel's epoch."""
    return f"c{channel_id}e{epoch}"


def in_scope(channel_id: int, epoch: int) -> str:
    """Return the part of a full-text query that keeps it in a channel's epoch."""
    return f"scope : {quoted(scope(channel_id, epoch))}"


def quoted(term: str) -> str:
    """Return *term* as one string of a full-text query: whatever is in it, it is no operator."""
    return '"' + term.replace('"', '""').replace("\0", "") + '"'


def refresh(db: sqlite3.Connection, channel_id: int, epoch: int, position: int | None) -> None:
    """Index the message at *position* anew; one that is gone left the index with its row."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM messages WHERE channel_id = ? AND epoch = ? AND position = ?",
        (channel_id, epoch, position),
    ).fetchone()
    if row is not None:
        _write(db, row)


def add_turn(db: sqlite3.Connection, turn_id: int) -> None:
    """Index the messages of a turn that ends: each time that a transaction adds something costs as much as many messages do."""
    for row in db.execute(f"SELECT {_COLUMNS} FROM messages WHERE turn_id = ? AND position IS NOT NULL", (turn_id,)):
        _write(db, row)


_COLUMNS = "id, channel_id, epoch, author_name, content, created_at"


def _write(db: sqlite3.Connection, row: sqlite3.Row) -> None:
    said = datetime.fromtimestamp(row["created_at"], UTC)
    about = f"{row['author_name']} {said:%A} {said.day} {said:%B %Y}"
    db.execute("DELETE FROM messages_fts WHERE rowid = ?", (row["id"],))
    db.execute(
        "INSERT INTO messages_fts (rowid, content, about, scope) VALUES (?, ?, ?, ?)",
        (row["id"], row["content"], about, scope(row["channel_id"], row["epoch"])),
    )


def term_positions(
    db: sqlite3.Connection, channel_id: int, epoch: int, terms: Sequence[str], newest: int
) -> tuple[list[tuple[int, ...]], int]:
    """Return for each of *terms* the positions of the *newest* messages that have it, and how many positions there are."""
    found: list[list[int]] = [[] for _ in terms]
    if terms:
        query = " UNION ALL ".join(_POSITIONS_OF_TERM.format(number=number) for number in range(len(terms)))
        in_here = in_scope(channel_id, epoch)
        values = [value for term in terms for value in (f"{in_here} AND {{content about}} : {quoted(term)}", newest)]
        for number, position in db.execute(query, values):
            found[number].append(position)
    first, last = db.execute(
        "SELECT (SELECT min(position) FROM messages WHERE channel_id = ?1 AND epoch = ?2 AND position >= 0),"
        " (SELECT max(position) FROM messages WHERE channel_id = ?1 AND epoch = ?2)",
        (channel_id, epoch),
    ).fetchone()
    return [tuple(sorted(positions)) for positions in found], 0 if first is None else last - first + 1


# One statement for all terms of a query: a term alone is found fast, ranking a long list of alternatives is slow.
_POSITIONS_OF_TERM = """
SELECT {number}, m.position FROM (
    SELECT rowid FROM messages_fts WHERE messages_fts MATCH ? ORDER BY rowid DESC LIMIT ?
) AS hit JOIN messages AS m ON m.id = hit.rowid AND m.position >= 0
"""


def messages_at(db: sqlite3.Connection, channel_id: int, epoch: int, positions: Collection[int]) -> dict[int, Message]:
    """Return the messages at *positions*, those that there are."""
    found = db.execute(
        f"SELECT {rows.MESSAGE_COLUMNS} FROM messages WHERE channel_id = ? AND epoch = ? AND position IN"
        f" ({', '.join('?' * len(positions))})",
        (channel_id, epoch, *positions),
    )
    return {row["position"]: rows.message(row) for row in found}


def merge(db: sqlite3.Connection, *, is_first: bool) -> bool:
    """Merge a part of the index, and return whether there is more to merge.

    Once it is one segment, no terms of deleted messages stand in it (FTS5's secure-delete needs 3.42). All at once, as its
    ``optimize`` does it, that takes seconds in a large memory, and nobody can write meanwhile.
    Source: https://www.sqlite.org/fts5.html#the_merge_command
    """
    before = db.total_changes
    pages = -_PAGES_AT_A_TIME if is_first else _PAGES_AT_A_TIME
    db.execute("INSERT INTO messages_fts (messages_fts, rank) VALUES ('merge', ?)", (pages,))
    return db.total_changes - before >= _CHANGES_OF_A_MERGE
