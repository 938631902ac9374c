"""The floor of what a store can cost: its own statements, repeated by bare ``sqlite3`` on a copy of its database.

A store that is opened under :func:`recording` notes each of its statements with its values. :class:`Floor` repeats them one by
one, with the same transactions and the same durability, in one thread and without making anything of the rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from storage.connection import prepare_writer

Statement = tuple[str, Any]

#: What the store reads only as far as it needs: the window, and, when its policy is new, one message behind it.
_NEWEST_FIRST = "ORDER BY position DESC"
_WINDOW = "BETWEEN ? AND ? ORDER BY position DESC"

_connect = sqlite3.connect  # itself, also while it is replaced


class Notes:
    """The statements of a store: those that write and those that read come from two threads."""

    def __init__(self) -> None:
        self.written: list[Statement] = []
        self.read: list[Statement] = []

    def connect(self, *args: Any, **kwargs: Any) -> sqlite3.Connection:
        """Return a connection that notes its statements; what it is for is known by its first one that tells."""
        return _connect(*args, **kwargs, factory=partial(_Noting, self))

    def take(self) -> list[Statement]:
        """Return the statements since the last time: first those that wrote, then those that read."""
        taken = self.written + self.read
        self.written.clear()
        self.read.clear()
        return taken


class _Noting(sqlite3.Connection):
    def __init__(self, notes: Notes, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._notes = notes
        self._into = notes.written

    def execute(self, sql: str, values: Any = ()) -> sqlite3.Cursor:
        if "query_only" in sql:
            self._into = self._notes.read
        self._into.append((sql, values))
        return super().execute(sql, values)


@contextmanager
def recording() -> Iterator[Notes]:
    """Let a store that is opened in this context note its statements."""
    notes = Notes()
    with patch("storage.connection.sqlite3.connect", notes.connect):
        yield notes


class Floor:
    """Repeats statements on the database at *path*."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        prepare_writer(self._db)

    def repeat(self, statements: list[Statement], windows: list[int]) -> None:
        """Execute *statements* and fetch what they return, of each window that is read as many rows as *windows* tell."""
        window = iter(windows)
        execute = self._db.execute
        for sql, values in statements:
            cursor = execute(sql, values)
            if _NEWEST_FIRST in sql:
                cursor.fetchmany(next(window) if _WINDOW in sql else 1)
                cursor.close()
            else:
                cursor.fetchall()

    def contents(self) -> list[Any]:
        """Return what tells whether another database went the same way."""
        return contents(self._db)

    def close(self) -> None:
        """Close the database."""
        self._db.close()


def contents(db: sqlite3.Connection) -> list[Any]:
    """Return the newest rows of what a turn writes."""
    tables = ("messages", "turns", "chunks", "messages_fts_docsize")
    return [[tuple(row) for row in db.execute(f"SELECT * FROM {table} ORDER BY 1 DESC LIMIT 50")] for table in tables]
