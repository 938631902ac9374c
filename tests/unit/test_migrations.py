"""Migrations: each is applied whole and once, whatever happens in its middle."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import pytest

from storage.migrate import Migration, applied, migrate, shipped, statements


def plain(path: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(path, isolation_level=None))


def schema(db: sqlite3.Connection) -> list[tuple[str, str]]:
    return db.execute("SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name").fetchall()


FIRST = Migration(1, "0001_first.sql", "CREATE TABLE one (x);\nINSERT INTO one VALUES ('kept');\n")
SECOND = Migration(2, "0002_second.sql", "CREATE TABLE two (x);\nINSERT INTO two VALUES (1), (2), (3);\n")


def test_a_migration_that_fails_in_the_middle_leaves_what_was(tmp_path: Path) -> None:
    broken = Migration(2, SECOND.name, SECOND.sql + "INSERT INTO nowhere VALUES (1);\n")
    with plain(tmp_path / "mnemo.db") as db:
        migrate(db, [FIRST])
        before = schema(db)

        with pytest.raises(sqlite3.OperationalError, match="nowhere"):
            migrate(db, [FIRST, broken])
        assert (schema(db), applied(db)) == (before, {1})

        migrate(db, [FIRST, SECOND])
        assert applied(db) == {1, 2}
        assert db.execute("SELECT x FROM one").fetchall() == [("kept",)]
        assert db.execute("SELECT count(*) FROM two").fetchone() == (3,)


def test_what_was_applied_is_not_applied_again(tmp_path: Path) -> None:
    with plain(tmp_path / "mnemo.db") as db:
        migrate(db, shipped())
        before = (tmp_path / "mnemo.db").read_bytes()
        migrate(db, shipped())
    assert (tmp_path / "mnemo.db").read_bytes() == before


MIGRATE_AND_DIE = """
    import os, sqlite3, sys
    from storage.connection import prepare_writer
    from storage.migrate import migrate, shipped

    db = sqlite3.connect(sys.argv[1], isolation_level=None)
    prepare_writer(db)
    ticks = 0

    def tick():
        global ticks
        ticks += 1
        if ticks == int(sys.argv[2]):
            os._exit(9)

    db.set_progress_handler(tick, 1)
    migrate(db, shipped())
    print(ticks)
"""


def migrate_and_die(path: Path, step: int) -> subprocess.CompletedProcess[str]:
    """Migrate in a process of its own that dies at *step* of SQLite's machine; 0 lets it live and print how many there are."""
    command = [sys.executable, "-c", textwrap.dedent(MIGRATE_AND_DIE), str(path), str(step)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_a_kill_at_any_moment_leaves_the_old_schema_or_the_new_one(tmp_path: Path) -> None:
    steps = int(migrate_and_die(tmp_path / "whole.db", 0).stdout)
    with plain(tmp_path / "whole.db") as db:
        new = schema(db)
    found = []
    for step in (steps // 10, steps // 2, steps - 5, steps):
        killed = tmp_path / f"{step}.db"
        assert migrate_and_die(killed, step).returncode == 9
        with plain(killed) as db:
            found.append((schema(db), applied(db)))
            migrate(db, shipped())
            assert schema(db) == new
    old = ([], set())
    assert found[:2] == [old, old]
    assert all(state in (old, (new, {migration.number for migration in shipped()})) for state in found)


def test_a_trigger_is_one_statement_and_the_last_one_may_lack_its_semicolon() -> None:
    sql = textwrap.dedent("""\
        -- A comment; with a semicolon.
        CREATE TABLE one (x TEXT DEFAULT 'a;b');
        CREATE TRIGGER two AFTER INSERT ON one BEGIN
            UPDATE one SET x = ';';
            DELETE FROM one;
        END;
        INSERT INTO one
        VALUES ('c')""")
    found = [statement.strip().splitlines()[-1] for statement in statements(sql)]
    assert found == ["CREATE TABLE one (x TEXT DEFAULT 'a;b');", "END;", "VALUES ('c')"]
    assert "".join(statements(sql)) == sql
