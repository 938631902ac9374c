"""Whose database it is: another program's, a newer one's and a damaged one are refused, and stay byte for byte as they are."""

# ruff: noqa: ASYNC240 - nothing else runs on the loops of these tests

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from storage import StorageError, open_store
from storage.errors import DatabaseCorrupt
from storage.opening import APPLICATION_ID, read_through
from storage.sqlite import SqliteStore
from tests.contract.makers import exchange, hear


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data" / "mnemo.db"


def another_programs(path: Path, kind: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        if kind == "with tables like ours":
            db.execute("CREATE TABLE migrations (number, name, applied_at)")
            db.execute("CREATE TABLE messages (id)")
        elif kind == "empty, with a mark":
            db.execute("PRAGMA application_id = 252006675")
        else:
            db.execute("CREATE TABLE precious (x)")
        if kind in ("with a log", "killed"):
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("INSERT INTO precious VALUES (1)")
        if kind == "killed":
            for suffix in ("", "-wal", "-shm"):
                shutil.copy(f"{path}{suffix}", path.with_name(f"copy{suffix}"))
    if kind == "killed":
        for suffix in ("", "-wal", "-shm"):
            path.with_name(f"copy{suffix}").rename(f"{path}{suffix}")


def everything(folder: Path) -> dict[str, bytes]:
    """What is in the files of a folder, but for the index of a log, which SQLite makes anew whenever it wants."""
    files = [file for file in folder.iterdir() if file.suffix != ".lock"]
    return {file.name: b"" if file.name.endswith("-shm") else file.read_bytes() for file in files}


async def refusal(path: Path) -> str:
    """What is said when it is opened; nothing has changed then."""
    before = everything(path.parent)
    with pytest.raises(StorageError) as refused:
        async with open_store(f"sqlite:///{path}"):
            pass
    assert everything(path.parent) == before
    return f"{type(refused.value).__name__}: {refused.value}"


@pytest.mark.parametrize("kind", ["plain", "with a log", "killed", "with tables like ours", "empty, with a mark"])
async def test_a_database_of_another_program_is_refused(path: Path, kind: str) -> None:
    another_programs(path, kind)
    assert await refusal(path) == (
        f"DatabaseForeign: {path} is a database of another program; it was left untouched. "
        "Let DATABASE_URL name a file of Mnemo's own."
    )


@pytest.mark.parametrize("companions", [(), ("-wal", "-shm"), ("-wal",)], ids=["closed", "killed", "copied"])
async def test_a_newer_database_gets_no_companions(path: Path, companions: tuple[str, ...]) -> None:
    async with SqliteStore(path.with_name("running.db")) as store:
        await hear(store, 100)
        await store._writing.run(lambda db: db.execute("INSERT INTO migrations VALUES (9999, 'future', 0)"))
        for suffix in companions:
            shutil.copy(path.with_name(f"running.db{suffix}"), f"{path}{suffix}")
        if companions:
            shutil.copy(path.with_name("running.db"), path)
    if not companions:
        path.with_name("running.db").rename(path)
    assert (await refusal(path)).startswith("DatabaseNewer: ")


async def test_a_log_whose_database_is_gone_is_not_thrown_away(path: Path) -> None:
    async with open_store(f"sqlite:///{path}") as store:
        await hear(store, 100)
        log = path.with_name("mnemo.db-wal").read_bytes()
    path.write_bytes(b"")
    path.with_name("mnemo.db-wal").write_bytes(log)
    assert (await refusal(path)).startswith(f"DatabaseCorrupt: The database {path} is damaged; it was kept as it is.")


async def test_ours_are_marked_also_those_of_the_first_release(path: Path) -> None:
    async with open_store(f"sqlite:///{path}") as store:
        await hear(store, 100)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        assert db.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        db.execute("PRAGMA application_id = 0")
    async with open_store(f"sqlite:///{path}") as store:
        assert not await hear(store, 100), "it is the same memory"
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)


async def test_an_empty_file_and_an_empty_database_are_made_ours(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("VACUUM")
    async with open_store(f"sqlite:///{path}") as store:
        assert await hear(store, 100)


def spoil_messages(path: Path) -> None:
    """Overwrite the page where the messages' table begins, as a bad disk does."""
    with closing(sqlite3.connect(path)) as db:
        [page] = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'messages'").fetchone()
        [size] = db.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


async def test_damage_that_shows_only_later_ends_the_use_of_it(path: Path) -> None:
    async with open_store(f"sqlite:///{path}") as store:
        await exchange(store, 100, "hello", "hello")
    spoil_messages(path)
    told: list[StorageError] = []
    async with open_store(f"sqlite:///{path}", on_damage=told.append) as store:
        with pytest.raises(DatabaseCorrupt, match=r"is damaged; .* python -m bot restore BACKUP"):
            await hear(store, 200)
        with pytest.raises(DatabaseCorrupt, match=r"python -m bot restore BACKUP"):
            await store.learn_factor("little", 1.0, 1)
        with pytest.raises(DatabaseCorrupt):
            await store.known_channels(None)
    assert [type(error) for error in told] == [DatabaseCorrupt]
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT * FROM calibration").fetchall() == [], "nothing is written after the damage was found"


async def test_who_reads_it_through_finds_the_damage(path: Path) -> None:
    async with open_store(f"sqlite:///{path}") as store:
        await exchange(store, 100, "hello", "hello")
        read_through(path)
    before = everything(path.parent)
    read_through(path)
    assert everything(path.parent) == before
    spoil_messages(path)
    with pytest.raises(DatabaseCorrupt):
        read_through(path)
