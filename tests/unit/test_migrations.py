"""Migrations: each is applied whole and once, whatever happens in its middle."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import pytest

from storage import open_store
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


#: Opens copies of a database as the store does, in processes that kill themselves at the 1st, 2nd, 3rd... statement, or step of
#: SQLite's machine, until one lives. Prints how many died.
OPEN_AND_DIE = """
    import os, shutil, signal, sqlite3, sys
    from storage.connection import prepare_writer
    from storage.sqlite import _bring_up_to_date

    base, unit, moments = sys.argv[1], sys.argv[2], [int(moment) for moment in sys.argv[3:]]

    def die_at(moment, copy):
        count = 0

        def tick(*_):
            nonlocal count
            count += 1
            if count == moment:
                os.kill(os.getpid(), signal.SIGKILL)

        db = sqlite3.connect(copy, isolation_level=None)
        db.row_factory = sqlite3.Row
        if unit == "statement":
            db.set_trace_callback(tick)
        else:
            db.set_progress_handler(tick, 1)
        prepare_writer(db)
        _bring_up_to_date(db)

    died = 0
    for moment in moments or range(1, 10_000):
        copy = f"{base}.{unit}-{moment}"
        shutil.copy(base, copy)
        child = os.fork()
        if not child:
            die_at(moment, copy)
            os._exit(0)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
            break
        died += 1
    print(died)
"""


def open_and_die(base: Path, unit: str, moments: Iterable[int] = ()) -> list[Path]:
    """The copies of *base* whose openers died, at each statement or at the steps named."""
    command = [sys.executable, "-c", textwrap.dedent(OPEN_AND_DIE), str(base), unit, *map(str, moments)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert ran.stderr == ""
    moments = list(moments) or range(1, int(ran.stdout) + 1)
    return [base.with_name(f"{base.name}.{unit}-{moment}") for moment in list(moments)[: int(ran.stdout)]]


def released(path: Path, migrations: list[Migration]) -> None:
    """A database as a program with these *migrations* leaves it, with a message in it."""
    with plain(path) as db:
        migrate(db, migrations)
        if migrations:
            db.execute("INSERT INTO channels (id) VALUES (1)")
            db.execute("INSERT INTO epochs (channel_id, number, opened_at) VALUES (1, 1, 0)")
            db.execute(
                "INSERT INTO messages (channel_id, epoch, role, author_id, author_name, content, tokens, created_at)"
                " VALUES (1, 1, 'user', 42, 'Nemo', 'kept', 1, 0)"
            )


@pytest.mark.parametrize("had", range(len(shipped())))
async def test_a_kill_at_any_statement_of_any_migration_leaves_the_old_schema_or_the_new_one(
    swift_path: Path, chance: random.Random, had: int, torture: bool
) -> None:
    base = swift_path / "mnemo.db"
    released(base, shipped()[:had])
    whole: dict[frozenset[int], list[tuple[str, str]]] = {frozenset(): []}
    for count in range(1, len(shipped()) + 1):
        with plain(swift_path / f"whole-{count}.db") as db:
            migrate(db, shipped()[:count])
            whole[frozenset(applied(db))] = schema(db)
    killed = open_and_die(base, "statement")
    assert len(killed) > 3
    steps = open_and_die(base, "step", sorted(chance.sample(range(1, 1_500), 300 if torture else 20)))
    for copy in killed + steps:
        with plain(copy) as db:
            state = frozenset(applied(db))
            assert len(state) >= had
            assert schema(db) == whole[state], copy.name
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        async with open_store(f"sqlite:///{copy}"):
            pass
        with plain(copy) as db:
            assert schema(db) == whole[frozenset(migration.number for migration in shipped())]
            assert db.execute("SELECT content FROM messages").fetchall() == [("kept",)] * bool(had)


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
