"""Where the world is kept: documents of JSON, and uploaded files, in one SQLite file or in memory.

What the documents mean is not its business.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (kind TEXT, id INTEGER, body TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (id INTEGER PRIMARY KEY, filename TEXT NOT NULL, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS last_id (one INTEGER PRIMARY KEY CHECK (one = 1), id INTEGER NOT NULL);
"""
#: Another process may be closing the file at this moment; more seconds than this, and it is in use.
_LOCK_SECONDS = 1.0


class WorldInUse(RuntimeError):
    """Another process has this world open."""


class Store:
    """Keeps what it is given. Each write is a transaction of its own: it survives a kill of the process at any instant.

    (Not a loss of power: with ``synchronous=NORMAL`` the last writes may then be missing, the file stays whole.)
    The file is locked while it is open, because two worlds on one file would not see each other.
    """

    def __init__(self, path: Path | None) -> None:
        self._db = sqlite3.connect(path or ":memory:", isolation_level=None, timeout=_LOCK_SECONDS)
        try:
            self._db.executescript("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;")
            self._db.executescript(_SCHEMA)
            # This also takes the lock: who comes second learns it here, not at the first write.
            self._db.execute("INSERT OR IGNORE INTO last_id VALUES (1, 0)")
        except sqlite3.OperationalError as error:
            self._db.close()
            if "locked" in str(error):
                raise WorldInUse(f"{path} is open in another process; stop that one first.") from error
            raise

    def put(self, kind: str, key: int, body: dict[str, Any]) -> None:
        """Keep *body* in place of what was kept for this *kind* and *key*."""
        text = json.dumps(body)
        self._db.execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?)", (kind, key, text))

    def delete(self, kind: str, key: int) -> None:
        """Forget a document; one that is not there is no error."""
        self._db.execute("DELETE FROM documents WHERE kind = ? AND id = ?", (kind, key))

    def load(self, kind: str) -> Iterator[dict[str, Any]]:
        """Every document of *kind*, in the order of their keys."""
        for (body,) in self._db.execute("SELECT body FROM documents WHERE kind = ? ORDER BY id", (kind,)):
            yield json.loads(body)

    def put_file(self, key: int, filename: str, data: bytes) -> None:
        """Keep an uploaded file."""
        self._db.execute("INSERT INTO files VALUES (?, ?, ?)", (key, filename, data))

    def file(self, key: int) -> tuple[str, bytes] | None:
        """The name and the bytes of an uploaded file."""
        row: tuple[str, bytes] | None = self._db.execute(
            "SELECT filename, data FROM files WHERE id = ?", (key,)
        ).fetchone()
        return row

    def delete_file(self, key: int) -> None:
        """Forget an uploaded file."""
        self._db.execute("DELETE FROM files WHERE id = ?", (key,))

    @contextmanager
    def atomically(self) -> Iterator[None]:
        """Keep all that is written meanwhile, or, if it is left with an exception or a kill, nothing."""
        with self._db:  # commits or rolls back what is begun here
            self._db.execute("BEGIN IMMEDIATE")
            yield

    @property
    def last_id(self) -> int:
        """The greatest id that was given out, as far as it was saved."""
        row: tuple[int] = self._db.execute("SELECT id FROM last_id").fetchone()
        return row[0]

    @last_id.setter
    def last_id(self, value: int) -> None:
        self._db.execute("UPDATE last_id SET id = ?", (value,))

    def close(self) -> None:
        """Release the file."""
        self._db.close()
