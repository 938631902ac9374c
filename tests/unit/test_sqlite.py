"""The SQLite file: who may use it, what becomes of it when something goes wrong, and what is left of what was purged."""

# ruff: noqa: ASYNC220, ASYNC240 - nothing else runs on the loops of these tests

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest

from storage import StorageError, open_store
from storage.connection import WAL_BYTES, prepare_writer
from storage.errors import (
    DatabaseBusy,
    DatabaseCorrupt,
    DatabaseFull,
    DatabaseInUse,
    DatabaseNewer,
    DatabaseReadOnly,
    DatabaseUnavailable,
    translated,
)
from storage.migrate import applied
from storage.sqlite import SqliteStore
from tests.contract.makers import NOW, exchange, hear

NOBODY = 65_534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "mnemo.db"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite:///{path}"


def plain(path: Path) -> closing[sqlite3.Connection]:
    """Another program's connection to the file."""
    return closing(sqlite3.connect(path, timeout=0, isolation_level=None))


def run_python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


# Who may read it


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
async def test_its_files_are_its_owners_alone(path: Path, url: str) -> None:
    async with open_store(url) as store:
        await hear(store, 100)
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == dict.fromkeys(["mnemo.db", "mnemo.db-wal", "mnemo.db-shm", "mnemo.db.lock"], 0o600)


# Who may open it


async def test_a_second_one_is_told_to_wait_its_turn(path: Path, url: str) -> None:
    sentence = f"The database {path} is in use by another Mnemo; stop that one first, or give this one a DATABASE_URL of its own."
    async with open_store(url) as store:
        with pytest.raises(DatabaseInUse) as refused:
            async with open_store(url):
                pass
        assert str(refused.value) == sentence
        assert await hear(store, 100), "the first one is not disturbed"
    async with open_store(url) as store:
        assert not await hear(store, 100), "it is the same memory"


HOLD = """
    import asyncio, sys
    from storage import open_store

    async def main():
        async with open_store(sys.argv[1]):
            print("open", flush=True)
            await asyncio.to_thread(sys.stdin.read)

    asyncio.run(main())
"""


async def test_another_process_keeps_it_to_itself_as_long_as_it_lives(url: str) -> None:
    command = [sys.executable, "-c", textwrap.dedent(HOLD), url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(DatabaseInUse):
            async with open_store(url):
                pass
        other.kill()
    async with open_store(url) as store:
        assert await hear(store, 100)


# What it is refused for, untouched


def contents(path: Path) -> list[bytes]:
    """The bytes of the database and of the log that belongs to it."""
    return [file.read_bytes() if file.exists() else b"" for file in (path, Path(f"{path}-wal"))]


def files(path: Path) -> dict[str, bytes]:
    """The files beside the database, but for the index of its log, which SQLite makes anew."""
    return {file.name: file.read_bytes() for file in path.parent.iterdir() if not file.name.endswith("-shm")}


def from_the_future(path: Path, state: str) -> None:
    with plain(path) as db:
        db.execute("INSERT INTO migrations VALUES (9999, '9999_future.sql', 0)")
        if state == "restored from a backup":
            db.execute("PRAGMA journal_mode = DELETE")
        if state == "killed":
            shutil.copytree(path.parent, path.parent.with_name("killed"))
    if state == "killed":
        shutil.rmtree(path.parent)
        path.parent.with_name("killed").rename(path.parent)


@pytest.mark.parametrize("state", ["closed", "killed", "restored from a backup"])
async def test_a_newer_database_is_left_as_it_is(path: Path, url: str, state: str) -> None:
    async with open_store(url) as store:
        await hear(store, 100)
    from_the_future(path, state)
    before = files(path)
    with pytest.raises(
        DatabaseNewer, match=r"newer version of Mnemo \(schema 9999, this one knows \d+\); update Mnemo"
    ):
        async with open_store(url):
            pass
    assert files(path) == before
    with plain(path) as db:
        assert 9999 in applied(db)


@pytest.mark.parametrize("garbage", [b"no database\n" * 1_000, b"no", b"SQLite format 3\0" + b"x" * 5_000])
async def test_a_file_that_is_no_database_is_left_as_it_is(path: Path, url: str, garbage: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(garbage)
    with pytest.raises(DatabaseCorrupt, match="is no database, or its first bytes are damaged; it was kept as it is"):
        async with open_store(url):
            pass
    assert contents(path) == [garbage, b""]


async def test_a_damaged_database_is_named_as_such(path: Path, url: str) -> None:
    async with open_store(url) as store:
        await hear(store, 100)
    damaged = bytearray(path.read_bytes())
    damaged[100:4_000] = b"x" * 3_900
    path.write_bytes(damaged)
    with pytest.raises(DatabaseCorrupt, match=r"is damaged; it was kept as it is\. .* python -m bot restore BACKUP"):
        async with open_store(url):
            pass
    assert contents(path) == [bytes(damaged), b""]


OPEN_AS_SOMEBODY = """
    import asyncio, os, sys
    from storage import StorageError, open_store

    async def main():
        async with open_store("sqlite:///mnemo.db"):
            print("open")

    if os.getuid() == 0:
        os.setuid(int(sys.argv[1]))
    try:
        asyncio.run(main())
    except StorageError as error:
        print(type(error).__name__, error)
"""


@pytest.mark.parametrize(
    ("missing", "file_mode", "folder_mode"),
    [
        pytest.param([], 0o400, 0o700, id="file"),
        pytest.param(["mnemo.db", "mnemo.db.lock"], 0o600, 0o500, id="folder"),
        pytest.param(["mnemo.db.lock"], 0o600, 0o500, id="folder, with a database"),
        pytest.param([], 0o600, 0o500, id="folder, with a database and its lock"),
    ],
)
async def test_one_that_may_not_be_written_is_named_as_such(
    path: Path, url: str, monkeypatch: pytest.MonkeyPatch, missing: list[str], file_mode: int, folder_mode: int
) -> None:
    """Root may write anywhere, so where root runs the tests, the file belongs to nobody, and nobody opens it."""
    owner = NOBODY if os.getuid() == 0 else os.getuid()
    async with open_store(url):
        pass
    for name in missing:
        (path.parent / name).unlink()
    for file in path.parent.iterdir():
        os.chown(file, owner, -1)
        file.chmod(file_mode)
    os.chown(path.parent, owner, -1)
    path.parent.chmod(folder_mode)
    monkeypatch.chdir(path.parent)  # nobody may not come here by way of root's folders, but may be here
    tried = run_python(OPEN_AS_SOMEBODY, owner)
    assert tried.stdout.startswith("DatabaseReadOnly The database mnemo.db "), tried.stdout + tried.stderr


async def test_a_folder_in_its_place_is_named(path: Path, url: str) -> None:
    path.mkdir(parents=True)
    with pytest.raises(DatabaseUnavailable, match=r"cannot be opened: Is a directory\."):
        async with open_store(url):
            pass


async def test_a_url_of_another_kind_is_refused() -> None:
    with pytest.raises(StorageError, match="must look like sqlite:///"):
        open_store("postgresql://host/db")


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_BUSY_SNAPSHOT, DatabaseBusy),
        (sqlite3.SQLITE_LOCKED, DatabaseBusy),
        (sqlite3.SQLITE_READONLY_DIRECTORY, DatabaseReadOnly),
        (sqlite3.SQLITE_FULL, DatabaseFull),
        (sqlite3.SQLITE_CORRUPT_INDEX, DatabaseCorrupt),
        (sqlite3.SQLITE_IOERR_FSYNC, DatabaseUnavailable),
        (sqlite3.SQLITE_CANTOPEN_ISDIR, DatabaseUnavailable),
        (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.DatabaseError),
    ],
)
def test_what_sqlite_says_becomes_a_sentence_unless_it_is_a_bug_of_ours(code: int, kind: type[Exception]) -> None:
    said = sqlite3.DatabaseError("what SQLite says")
    said.sqlite_errorcode = code
    with pytest.raises(kind) as raised, translated(Path("mnemo.db")):
        raise said
    assert type(raised.value) is kind
    assert (raised.value is said) == (kind is sqlite3.DatabaseError)
    assert ("mnemo.db" in str(raised.value)) == (kind is not sqlite3.DatabaseError)


# What it survives


async def test_a_lock_of_another_program_is_waited_for(
    path: Path, url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("storage.connection.BUSY_TIMEOUT_SECONDS", 0.05)
    async with open_store(url) as store:
        with plain(path) as other:
            other.execute("BEGIN IMMEDIATE")
            first, cancelled = asyncio.create_task(hear(store, 100)), asyncio.create_task(hear(store, 102))
            await asyncio.sleep(0.3)
            second = asyncio.create_task(hear(store, 101))
            cancelled.cancel()
            await asyncio.sleep(0.1)
            assert not first.done()
            assert await store.known_channels(None) == [], "reading goes on meanwhile"
            other.execute("ROLLBACK")
            assert await asyncio.gather(first, second) == [True, True]
        assert await hear(store, 102), "who did not wait for it left nothing"
    assert [record.message for record in caplog.records] == [
        f"The database {path} is locked by another program; close that program. What is to be written waits for it."
    ]


async def test_a_lock_that_stays_is_said_to_all_who_wait_and_then_at_once(
    path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.connection.BUSY_TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr("storage.connection.LOCK_PATIENCE_SECONDS", 0.5)
    clock = asyncio.get_running_loop().time
    async with open_store(url) as store:
        with plain(path) as other:
            other.execute("BEGIN IMMEDIATE")
            started = clock()
            refusals = await asyncio.gather(hear(store, 100), hear(store, 101), return_exceptions=True)
            assert 0.5 <= clock() - started < 5
            started = clock()
            with pytest.raises(DatabaseBusy):
                await hear(store, 102)
            assert clock() - started < 0.4, "nobody waits again for a lock that is known to stay"
            other.execute("ROLLBACK")
        assert all(isinstance(refusal, DatabaseBusy) for refusal in refusals)
        assert str(refusals[0]) == f"The database {path} is locked by another program; close that program."
        assert await hear(store, 100), "nothing of the refused one is there, and it works again"


async def test_who_closes_does_not_wait_for_a_lock_of_another_program(
    path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.connection.BUSY_TIMEOUT_SECONDS", 0.05)
    async with asyncio.timeout(5), AsyncExitStack() as opened:
        store = await opened.enter_async_context(open_store(url))
        with plain(path) as other:
            other.execute("BEGIN IMMEDIATE")
            waiting = asyncio.create_task(hear(store, 100))
            await asyncio.sleep(0.2)
            await opened.aclose()
            with pytest.raises(DatabaseBusy):
                await waiting


async def test_a_lock_that_is_there_when_it_opens_is_said_and_leaves_nothing_open(
    path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.connection.BUSY_TIMEOUT_SECONDS", 0.1)
    async with open_store(url):
        pass
    with plain(path) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusy):
            async with open_store(url):
                pass
    async with open_store(url) as store:
        assert await hear(store, 100)


async def test_a_database_that_may_not_grow_says_so_until_it_may(path: Path) -> None:
    async with SqliteStore(path) as store:
        await hear(store, 1)

        def limit(pages: int) -> Callable[[sqlite3.Connection], object]:
            return lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchone()

        await store._writing.run(limit(1))  # SQLite takes the present size, if that is more
        heard = 0

        async def say_more() -> None:
            nonlocal heard
            while await hear(store, heard + 10, "words " * 1_000, addressed=False):
                heard += 1

        with pytest.raises(DatabaseFull, match=f"The disk that holds {path} is full; make room on it"):
            await say_more()
        assert len(await store.export(1)) == heard
        with pytest.raises(DatabaseFull):
            await hear(store, heard + 10, "words " * 1_000, addressed=False)
        await store._writing.run(limit(1_000_000))
        assert await hear(store, heard + 10, "words " * 1_000, addressed=False)
        assert len(await store.export(1)) == heard + 1


# What is on the disk


async def test_what_is_purged_is_gone_from_the_files(path: Path, url: str) -> None:
    secret = "xyzzy-plugh"
    async with open_store(url) as store:
        for discord_id in range(100, 200, 2):
            await exchange(store, discord_id, f"the word is {secret}", f"I keep {secret} to myself " * 50)
        await hear(store, 300, f"and {secret} waits")
        await hear(store, 400, "this stays", channel=2)
        assert any(secret.encode() in content for content in contents(path))
        await store.reset(1, now=NOW)
        assert await store.purge(closed_before=NOW) == 1
        assert not any(secret.encode() in content for content in contents(path))
    assert b"this stays" in path.read_bytes()


async def test_what_was_deleted_or_edited_is_gone_after_the_next_tidying(path: Path, url: str) -> None:
    async with open_store(url) as store:
        await exchange(store, 100, "xyzzy", "xyzzy it is")
        await hear(store, 102, "plugh")
        await store.forget([100], now=NOW)
        await store.edit(102, "nothing", tokens=1, now=NOW)
        await store.tidy()
        assert not any(word in content for content in contents(path) for word in (b"xyzzy", b"plugh"))


async def test_a_crash_before_the_tidying_only_delays_it(path: Path, url: str) -> None:
    async with open_store(url) as store:
        await exchange(store, 100, "xyzzy", "xyzzy it is")
        await store.forget([100], now=NOW)
    async with open_store(url) as store:
        await store.tidy()
        assert not any(b"xyzzy" in content for content in contents(path))


async def test_what_was_said_in_a_forgotten_channel_is_gone_after_the_next_tidying(path: Path, url: str) -> None:
    async with open_store(url) as store:
        await exchange(store, 100, "xyzzy", "xyzzy it is")
        await store.forget_channel(1)
        await store.tidy()
        assert not any(b"xyzzy" in content for content in contents(path))


async def test_a_purge_while_somebody_reads_is_completed_by_the_next_tidying(
    path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.connection.BUSY_TIMEOUT_SECONDS", 0.1)
    async with open_store(url) as store:
        await exchange(store, 100, "xyzzy", "xyzzy it is")
        await store.reset(1, now=NOW)
        with plain(path) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM messages").fetchone()
            assert await store.purge(closed_before=NOW) == 1
            assert any(b"xyzzy" in content for content in contents(path))
        await store.tidy()
        assert not any(b"xyzzy" in content for content in contents(path))


async def test_who_keeps_reading_while_there_is_something_to_tidy_is_told_of_once(
    path: Path, url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("storage.connection.BUSY_TIMEOUT_SECONDS", 0.05)
    async with open_store(url) as store:
        await exchange(store, 100, "xyzzy", "xyzzy it is")
        await store.forget([100], now=NOW)
        with plain(path) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM messages").fetchone()
            for _ in range(5):
                await store.tidy()
    assert [record.message for record in caplog.records] == [
        f"What was deleted still stands in {path}-wal, because another program keeps reading the database; close that program."
    ]


async def test_what_is_deleted_while_it_is_tidied_is_tidied_the_next_time(path: Path, url: str) -> None:
    async with open_store(url) as store:
        await exchange(store, 100, "xyzzy", "xyzzy it is")
        await exchange(store, 200, "plugh", "plugh it is")
        await store.forget([100], now=NOW)
        tidying = asyncio.create_task(store.tidy())
        await asyncio.sleep(0)
        await store.forget([200], now=NOW)
        await tidying
        await store.tidy()
        assert not any(word in content for content in contents(path) for word in (b"xyzzy", b"plugh"))


async def test_news_of_what_was_never_remembered_leaves_nothing_to_tidy(url: str) -> None:
    statements: list[str] = []
    async with open_store(url) as store:
        await exchange(store, 100, "xyzzy", "xyzzy it is")
        await store.tidy(thoroughly=True)
        await store._writing.run(lambda db: db.set_trace_callback(statements.append))
        assert not await store.edit(999, "nothing", tokens=1, now=NOW)
        assert await store.forget([999, 1000], now=NOW) == []
        statements.clear()
        await store.tidy()
        assert statements == []
        await store.forget([100], now=NOW)
        statements.clear()
        await store.tidy()
        assert statements
        await store._writing.run(lambda db: db.set_trace_callback(None))


async def test_a_log_that_grew_because_somebody_read_is_cut_when_they_are_gone(path: Path, url: str) -> None:
    log = path.with_name("mnemo.db-wal")
    async with open_store(url) as store:
        with plain(path) as reader:
            await hear(store, 1, addressed=False)
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM messages").fetchone()
            for number in range(2, 120):
                await hear(store, number, "words " * 50_000, addressed=False)
            assert log.stat().st_size > 2 * WAL_BYTES
        for number in range(120, 124):
            await hear(store, number, "words", addressed=False)
        assert log.stat().st_size <= WAL_BYTES


async def test_every_commit_is_on_the_disk_before_it_returns(path: Path) -> None:
    names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
    async with SqliteStore(path) as store:
        values = await store._writing.run(lambda db: [db.execute(f"PRAGMA {name}").fetchone()[0] for name in names])
    full = 2
    assert values == ["wal", full, 1, 1]


def test_what_is_deleted_is_overwritten_whatever_is_usual_where_sqlite_was_built() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.execute("PRAGMA secure_delete = OFF")
        prepare_writer(db)
        assert db.execute("PRAGMA secure_delete").fetchone() == (1,)


async def test_what_only_reads_cannot_write(path: Path) -> None:
    async with SqliteStore(path) as store:
        with pytest.raises(DatabaseReadOnly):
            await store._reading.run(lambda db: db.execute("DELETE FROM messages"))


async def test_one_that_fails_among_those_written_together_is_undone_alone(path: Path) -> None:
    def fail(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO tombstones VALUES (2, 0)")
        db.execute("INSERT INTO nowhere VALUES (2)")

    async with SqliteStore(path) as store:
        results = await asyncio.gather(
            store._writer.run(lambda db: db.execute("INSERT INTO tombstones VALUES (1, 0)").rowcount),
            store._writer.run(fail),
            store._writer.run(lambda db: db.execute("INSERT INTO tombstones VALUES (3, 0)").rowcount),
            return_exceptions=True,
        )
        kept = await store._reading.run(lambda db: db.execute("SELECT discord_id FROM tombstones").fetchall())
    assert [type(result) for result in results] == [int, sqlite3.OperationalError, int]
    assert [row[0] for row in kept] == [1, 3]
