"""Brings a database to this program's schema: each numbered file of ``migrations/`` in one transaction with its own record.

``executescript()`` is not used, because it commits whatever is open before it starts: a crash could leave half a migration.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

from storage.errors import DatabaseNewer

_FILE_NAME = re.compile(r"(\d{4})_\w+\.sql")


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file of SQL."""

    number: int
    name: str
    sql: str


def shipped() -> list[Migration]:
    """Return this program's migrations in order."""
    folder = files("storage") / "migrations"
    found = [
        Migration(int(match[1]), entry.name, entry.read_text(encoding="utf-8"))
        for entry in folder.iterdir()
        if (match := _FILE_NAME.fullmatch(entry.name))
    ]
    return sorted(found, key=lambda migration: migration.number)


def statements(sql: str) -> Iterator[str]:
    """Split *sql* into its statements, as SQLite itself sees their ends."""
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():  # the last one may lack its semicolon; a comment is harmless
        yield statement


def migrate(db: sqlite3.Connection, migrations: list[Migration]) -> None:
    """Apply those of *migrations* that *db* has not had. Raises :class:`DatabaseNewer` as :func:`refuse_newer` does."""
    refuse_newer(db, migrations)
    had = applied(db)
    for migration in migrations:
        if migration.number not in had:
            _apply(db, migration)


def refuse_newer(db: sqlite3.Connection, migrations: list[Migration]) -> None:
    """Raise :class:`DatabaseNewer`, having touched nothing, if *db* has had a migration that is not among *migrations*."""
    had = applied(db)
    known = {migration.number for migration in migrations}
    if not had <= known:
        raise DatabaseNewer(
            f"The database was written by a newer version of Mnemo (schema {max(had)}, this one knows {max(known)}); "
            "update Mnemo, or point DATABASE_URL elsewhere. It was left untouched."
        )


def applied(db: sqlite3.Connection) -> set[int]:
    """Return the numbers of the migrations that *db* has had, without writing to it."""
    exists = db.execute("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'").fetchone()
    return {number for (number,) in db.execute("SELECT number FROM migrations")} if exists else set()


def _apply(db: sqlite3.Connection, migration: Migration) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        db.execute(
            "CREATE TABLE IF NOT EXISTS migrations"
            " (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at REAL NOT NULL) STRICT"
        )
        for statement in statements(migration.sql):
            db.execute(statement)
        db.execute("INSERT INTO migrations VALUES (?, ?, ?)", (migration.number, migration.name, time.time()))
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
