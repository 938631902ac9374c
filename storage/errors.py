"""What can be wrong with a database, each as a type whose text tells the host what to do.

::

    StorageError
    ├── DatabaseInUse           another process has it open
    ├── DatabaseNewer           written by a newer version of this program
    ├── DatabaseForeign         written by another program
    ├── DatabaseBusy            another program holds a lock on it
    ├── DatabaseReadOnly        it may not be written
    ├── DatabaseFull            the disk is full
    ├── DatabaseCorrupt         it is damaged, or no SQLite database
    ├── DatabaseUnavailable     it cannot be read, written or opened
    └── CopyRefused             a backup or a restore cannot be made as it was asked for
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self


class StorageError(Exception):
    """The database could not do what it was asked. Nothing was changed."""


class DatabaseInUse(StorageError):
    """Another process has the database open."""


class DatabaseNewer(StorageError):
    """The database was written by a newer version of this program; it was left untouched."""


class DatabaseForeign(StorageError):
    """The file is a SQLite database of another program; it was left untouched."""


class DatabaseBusy(StorageError):
    """Another program holds a lock on the database."""


class DatabaseReadOnly(StorageError):
    """The database may not be written."""


class DatabaseFull(StorageError):
    """The disk is full."""


class DatabaseCorrupt(StorageError):
    """The file is damaged, or no SQLite database at all."""

    @classmethod
    def at(cls, path: Path) -> Self:
        """Return the error of a database that is ours and damaged."""
        return cls(_DAMAGED.format(path=path))


class DatabaseUnavailable(StorageError):
    """The file cannot be opened, read or written."""


class CopyRefused(StorageError):
    """A backup or a restore cannot be made as it was asked for; no file was changed."""


_DAMAGED = (
    "The database {path} is damaged; it was kept as it is. Stop Mnemo and put a backup in its place: "
    "python -m bot restore BACKUP"
)

# Primary result codes, https://www.sqlite.org/rescode.html; the low byte of an extended code is its primary code.
_BY_CODE: dict[int, tuple[type[StorageError], str]] = {
    sqlite3.SQLITE_BUSY: (DatabaseBusy, "The database {path} is locked by another program; close that program."),
    sqlite3.SQLITE_LOCKED: (DatabaseBusy, "The database {path} is locked by another program; close that program."),
    sqlite3.SQLITE_READONLY: (
        DatabaseReadOnly,
        "The database {path} is read-only; let this user write it and its folder.",
    ),
    sqlite3.SQLITE_FULL: (DatabaseFull, "The disk that holds {path} is full; make room on it."),
    sqlite3.SQLITE_CORRUPT: (DatabaseCorrupt, _DAMAGED),
    sqlite3.SQLITE_NOTADB: (
        DatabaseCorrupt,
        "{path} is no database, or its first bytes are damaged; it was kept as it is. If it was Mnemo's, put a backup in its "
        "place: python -m bot restore BACKUP",
    ),
    sqlite3.SQLITE_PERM: (DatabaseUnavailable, "This user may not use the database {path}."),
    sqlite3.SQLITE_IOERR: (DatabaseUnavailable, "The disk that holds {path} answers with errors."),
    sqlite3.SQLITE_CANTOPEN: (
        DatabaseUnavailable,
        "The database {path} cannot be opened; is its folder writable?",
    ),
}


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite says about the file at *path* into a :class:`StorageError`.

    Errors in our own SQL (a broken constraint, a wrong statement) pass through: they are bugs, not states of a disk.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        found = _BY_CODE.get(getattr(error, "sqlite_errorcode", -1) & 0xFF)
        if found is None:
            raise
        kind, sentence = found
        raise kind(sentence.format(path=path)) from error
