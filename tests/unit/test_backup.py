"""Backup and restore: what they copy, what they refuse, and what is there when they are killed at any moment."""

# ruff: noqa: ASYNC240 - nothing else runs on the loops of these tests

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sqlite3
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from storage import StorageError, open_store
from storage.backup import back_up, restore
from storage.errors import (
    CopyRefused,
    DatabaseBusy,
    DatabaseCorrupt,
    DatabaseForeign,
    DatabaseFull,
    DatabaseInUse,
    DatabaseNewer,
    DatabaseUnavailable,
)
from storage.opening import claim
from tests.contract.makers import NOW, exchange, hear

NIGHT = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
KEPT = "mnemo.replaced-20261121T030000Z.db"


async def remember(path: Path, *texts: str) -> None:
    async with open_store(f"sqlite:///{path}") as store:
        for text in texts:
            newest = (await store.newest_ids(1, limit=1) or [100])[0]
            await hear(store, newest + 1, text, addressed=False)


def remembered(path: Path) -> list[str]:
    """What a whole database of ours says; a copy of it is opened, so that looking changes nothing."""
    with closing(sqlite3.connect(":memory:")) as copy, closing(sqlite3.connect(path)) as db:
        db.backup(copy)
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [text for (text,) in copy.execute("SELECT content FROM messages ORDER BY id")]


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "data" / "mnemo.db"


@pytest.fixture
async def backup(tmp_path: Path, database: Path) -> Path:
    """A backup that says "then", of a database that says "then" and "now"."""
    await remember(database, "then")
    backup = tmp_path / "mnemo.backup"
    back_up(database, backup)
    await remember(database, "now")
    return backup


# Backup


async def test_a_backup_holds_what_the_database_holds_and_nothing_else_is_left(database: Path, tmp_path: Path) -> None:
    await remember(database, "one", "two")
    before = names(database.parent)
    copy = back_up(database, tmp_path / "mnemo.backup")
    assert (copy.messages, copy.size) == (2, (tmp_path / "mnemo.backup").stat().st_size)
    assert remembered(tmp_path / "mnemo.backup") == ["one", "two"]
    assert names(tmp_path) == {"data", "mnemo.backup"}
    assert names(database.parent) == before


async def test_an_earlier_backup_is_replaced(database: Path, backup: Path) -> None:
    assert back_up(database, backup).messages == 2
    assert remembered(backup) == ["then", "now"]


@pytest.mark.parametrize("umask", [0o000, 0o077], ids=oct)
async def test_copies_are_their_owners_alone(database: Path, backup: Path, umask: int) -> None:
    backup.chmod(0o644)
    database.chmod(0o644)
    before = os.umask(umask)
    try:
        back_up(database, backup)
        restore(backup, database, now=NIGHT)
    finally:
        os.umask(before)
    for path in (backup, database, database.with_name(KEPT)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


async def test_a_backup_is_one_moment_of_a_database_that_is_written_to_all_the_time(
    database: Path, tmp_path: Path
) -> None:
    async with open_store(f"sqlite:///{database}") as store:
        for number in range(1, 600):
            await hear(store, number, f"{number} " + "words " * 200, addressed=False)
        written = 600
        slowest = 0.0
        copying = asyncio.create_task(asyncio.to_thread(back_up, database, tmp_path / "mnemo.backup"))
        clock = asyncio.get_running_loop().time
        while not copying.done():
            started = clock()
            await hear(store, written, f"{written} ", addressed=False)
            slowest = max(slowest, clock() - started)
            written += 1
        copy = await copying
    assert written > 601, "it was written while it was copied"
    assert slowest < 1
    numbers = [int(text.split()[0]) for text in remembered(tmp_path / "mnemo.backup")]
    assert numbers == list(range(1, copy.messages + 1))
    assert 599 <= copy.messages < written


async def test_a_backup_holds_nothing_that_was_deleted(database: Path, tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{database}") as store:
        for number in range(100, 200, 2):
            await exchange(store, number, "xyzzy " * 300, "xyzzy")
        await store.forget(range(100, 200, 2), now=NOW)
        await store.tidy()
        back_up(database, tmp_path / "mnemo.backup")
    assert b"xyzzy" not in (tmp_path / "mnemo.backup").read_bytes()


async def test_a_link_to_a_backup_stays_a_link(database: Path, backup: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(backup)
    back_up(database, link)
    assert link.is_symlink()
    assert remembered(backup) == ["then", "now"]


async def test_an_unfinished_copy_is_not_written_through_a_link(database: Path, backup: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    backup.with_name("mnemo.backup.unfinished").symlink_to(victim)
    with pytest.raises(CopyRefused, match="cannot be written"):
        back_up(database, backup)
    assert victim.read_text() == "precious"
    assert remembered(backup) == ["then"]


async def test_a_copy_that_came_out_damaged_takes_nobodys_place(
    database: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoiled(copy: sqlite3.Connection) -> None:
        claim(copy)
        copy.execute("PRAGMA writable_schema = ON")
        copy.execute("DELETE FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")
        copy.execute("PRAGMA writable_schema = RESET")

    monkeypatch.setattr("storage.backup.claim", spoiled)
    with pytest.raises(DatabaseCorrupt, match="came out damaged"):
        back_up(database, backup)
    assert remembered(backup) == ["then"]
    assert names(backup.parent) == {"data", "mnemo.backup"}


def in_the_way(kind: str, database: Path, folder: Path) -> tuple[Path, str]:
    """A place for a backup that is none, and what is said of it."""
    file = folder / "here"
    if kind == "a folder":
        return folder, "is a folder; name the file in it"
    if kind == "no folder":
        return file / "there", "There is no folder .*; make it first"
    if kind == "somebody's file":
        file.write_text("precious")
    if kind == "another program's database":
        with closing(sqlite3.connect(file)) as db, db:
            db.execute("CREATE TABLE precious (x)")
    if kind == "a database that a bot used":
        shutil.copy(database, file)
    if kind in ("-wal", ".lock", ""):
        return database.with_name(database.name + kind), "belongs to the database itself"
    return file, "is no backup and was left as it is"


@pytest.mark.parametrize(
    "kind",
    [
        "a folder",
        "no folder",
        "somebody's file",
        "another program's database",
        "a database that a bot used",
        "",
        "-wal",
        ".lock",
    ],
)
async def test_nothing_but_a_backup_is_replaced_by_one(database: Path, tmp_path: Path, kind: str) -> None:
    await remember(database, "one")
    place, sentence = in_the_way(kind, database, tmp_path)
    before = place.read_bytes() if place.is_file() else None
    with pytest.raises(CopyRefused, match=sentence):
        back_up(database, place)
    assert (place.read_bytes() if place.is_file() else None) == before
    assert remembered(database) == ["one"]


async def test_what_is_no_database_of_ours_is_not_backed_up(database: Path, tmp_path: Path) -> None:
    target = tmp_path / "mnemo.backup"
    with pytest.raises(DatabaseUnavailable, match=r"There is no database at .*: check DATABASE_URL"):
        back_up(database, target)
    with pytest.raises(DatabaseUnavailable, match="is a folder, not a database"):
        back_up(tmp_path, target)
    database.parent.mkdir()
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("CREATE TABLE precious (x)")
    with pytest.raises(DatabaseForeign):
        back_up(database, target)
    assert names(tmp_path) == {"data"}


async def test_a_damaged_database_does_not_replace_a_good_backup(database: Path, backup: Path) -> None:
    damage(database)
    with pytest.raises(DatabaseCorrupt, match="python -m bot restore"):
        back_up(database, backup)
    assert remembered(backup) == ["then"]
    assert names(backup.parent) == {"data", "mnemo.backup"}


def damage(database: Path) -> None:
    """Spoil the page where the messages are, and leave the rest."""
    with closing(sqlite3.connect(database)) as db:
        [page] = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'messages'").fetchone()
        [size] = db.execute("PRAGMA page_size").fetchone()
    content = bytearray(database.read_bytes())
    content[(page - 1) * size : page * size] = b"\xff" * size
    database.write_bytes(content)


async def test_a_second_backup_to_the_same_place_waits_for_nobody(database: Path, backup: Path) -> None:
    import fcntl

    with backup.with_name("mnemo.backup.unfinished").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(CopyRefused, match="Another copy is being written"):
            back_up(database, backup)
    assert back_up(database, backup).messages == 2


# Restore


async def test_a_restore_puts_the_backup_in_place_and_keeps_what_was_there(database: Path, backup: Path) -> None:
    copy, kept = restore(backup, database, now=NIGHT)
    assert (copy.messages, kept) == (1, database.with_name(KEPT))
    assert (remembered(database), remembered(database.with_name(KEPT))) == (["then"], ["then", "now"])
    assert names(database.parent) == {"mnemo.db", "mnemo.db.lock", KEPT}
    await remember(database, "later")
    assert remembered(database) == ["then", "later"]


async def test_two_restores_in_one_second_keep_both(database: Path, backup: Path) -> None:
    restore(backup, database, now=NIGHT)
    _, kept = restore(backup, database, now=NIGHT)
    assert kept == database.with_name("mnemo.replaced-20261121T030000Z-2.db")
    assert remembered(database.with_name(KEPT)) == ["then", "now"]


async def test_what_a_killed_bot_left_in_its_log_is_kept_too(database: Path, backup: Path, tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{database}") as store:
        await hear(store, 500, "in the log", addressed=False)
        shutil.copytree(database.parent, tmp_path / "killed")
    killed = tmp_path / "killed" / "mnemo.db"
    assert killed.with_name("mnemo.db-wal").stat().st_size
    _, kept = restore(backup, killed, now=NIGHT)
    assert kept is not None
    assert remembered(killed) == ["then"]
    assert remembered(kept) == ["then", "now", "in the log"]


async def test_a_raw_copy_with_its_log_can_be_restored(database: Path, backup: Path, tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{database}") as store:
        await hear(store, 500, "in the log", addressed=False)
        shutil.copytree(database.parent, tmp_path / "moved", ignore=shutil.ignore_patterns("*-shm", "*.lock"))
    before = {file.name: file.read_bytes() for file in (tmp_path / "moved").iterdir()}
    restore(tmp_path / "moved" / "mnemo.db", database, now=NIGHT)
    assert remembered(database) == ["then", "now", "in the log"]
    assert {file.name: file.read_bytes() for file in (tmp_path / "moved").iterdir()} == before


@pytest.mark.parametrize("state", ["missing", "damaged", "garbage", "empty", "newer", "newer, killed"])
async def test_a_restore_works_whatever_became_of_the_database(database: Path, backup: Path, state: str) -> None:
    if state == "missing":
        database.unlink()
    elif state == "damaged":
        damage(database)
    elif state.startswith("newer"):
        with closing(sqlite3.connect(database, isolation_level=None)) as db:
            db.execute("INSERT INTO migrations VALUES (9999, 'from the future', 0)")
            if state == "newer, killed":
                for suffix in ("", "-wal", "-shm"):
                    shutil.copy(f"{database}{suffix}", f"{database}.copy{suffix}")
        if state == "newer, killed":
            for suffix in ("", "-wal", "-shm"):
                Path(f"{database}.copy{suffix}").rename(f"{database}{suffix}")
    else:
        database.write_bytes(b"garbage" * 999 if state == "garbage" else b"")
    was = database.read_bytes() if database.exists() else b""
    _, kept = restore(backup, database, now=NIGHT)
    assert remembered(database) == ["then"]
    if state == "missing":
        assert kept is None
    else:
        assert kept is not None
        assert len(kept.read_bytes()) == len(was)
    await remember(database, "later")


async def test_a_log_that_cannot_be_written_back_is_kept_beside_its_database(database: Path, backup: Path) -> None:
    database.write_bytes(b"garbage" * 999)
    log = database.with_name("mnemo.db-wal")
    log.write_bytes(b"what may still be read")
    restore(backup, database, now=NIGHT)
    assert database.with_name(f"{KEPT}-wal").read_bytes() == b"what may still be read"
    assert not log.exists()
    assert remembered(database) == ["then"]


def bad_backup(kind: str, backup: Path) -> type[StorageError]:
    if kind == "missing":
        backup.unlink()
        return CopyRefused
    if kind == "a folder":
        backup.unlink()
        backup.mkdir()
        return CopyRefused
    if kind == "empty":
        backup.write_bytes(b"")
        return CopyRefused
    if kind == "newer":
        with closing(sqlite3.connect(backup)) as db, db:
            db.execute("INSERT INTO migrations VALUES (9999, 'from the future', 0)")
        return DatabaseNewer
    if kind == "another program's":
        backup.unlink()
        with closing(sqlite3.connect(backup)) as db, db:
            db.execute("CREATE TABLE migrations (number, name)")
        return DatabaseForeign
    if kind == "damaged":
        damage(backup)
    elif kind == "cut":
        backup.write_bytes(backup.read_bytes()[:20_000])
    else:
        backup.write_bytes(b"garbage" * 999)
    return DatabaseCorrupt


@pytest.mark.parametrize(
    "kind", ["missing", "a folder", "empty", "newer", "another program's", "damaged", "cut", "garbage"]
)
async def test_what_is_no_good_backup_replaces_nothing(database: Path, backup: Path, kind: str) -> None:
    before = names(database.parent), database.read_bytes()
    expected = bad_backup(kind, backup)
    untouched = backup.read_bytes() if backup.is_file() else None
    with pytest.raises(expected, match=r"mnemo\.backup"):
        restore(backup, database, now=NIGHT)
    assert (names(database.parent), database.read_bytes()) == before
    assert (backup.read_bytes() if backup.is_file() else None) == untouched
    assert names(backup.parent) <= {"data", "mnemo.backup"}


async def test_a_restore_is_refused_while_a_bot_runs_or_another_program_has_it_open(
    database: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_store(f"sqlite:///{database}") as store:
        with pytest.raises(DatabaseInUse, match=r"A Mnemo is running on .*; stop it first"):
            restore(backup, database, now=NIGHT)
        assert await hear(store, 700, addressed=False)
    monkeypatch.setattr("storage.backup.PATIENCE_SECONDS", 0.1)
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM messages").fetchone()
        with pytest.raises(DatabaseBusy):
            restore(backup, database, now=NIGHT)
    assert remembered(database) == ["then", "now", "message 700"]
    assert names(database.parent) == {"mnemo.db", "mnemo.db.lock"}


async def test_the_database_itself_and_a_database_of_another_program_are_not_replaced(
    database: Path, backup: Path
) -> None:
    with pytest.raises(CopyRefused, match="is the database itself"):
        restore(database, database, now=NIGHT)
    database.unlink()
    with closing(sqlite3.connect(database)) as db, db:
        db.execute("CREATE TABLE precious (x)")
    before = database.read_bytes()
    with pytest.raises(DatabaseForeign):
        restore(backup, database, now=NIGHT)
    assert database.read_bytes() == before


async def test_a_backup_of_the_first_release_can_be_restored(database: Path, backup: Path) -> None:
    with closing(sqlite3.connect(backup)) as db:
        db.execute("PRAGMA application_id = 0")
    restore(backup, database, now=NIGHT)
    await remember(database, "later")
    assert remembered(database) == ["then", "later"]


# A full disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder that holds 200 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = (
        os.geteuid() == 0
        and subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "none", folder]).returncode == 0
    )
    if not mounted:
        pytest.skip("only root can mount a small disk here")
    yield folder
    subprocess.run(["umount", folder], check=True)


async def test_a_full_disk_leaves_what_was_there(database: Path, backup: Path, small_disk: Path) -> None:
    await remember(database, *(f"{number} " + "words " * 500 for number in range(100)))
    shutil.copy(backup, small_disk / "mnemo.backup")
    with pytest.raises(DatabaseFull, match=r"The disk that holds .*/small/mnemo\.backup is full; make room on it"):
        back_up(database, small_disk / "mnemo.backup")
    assert remembered(small_disk / "mnemo.backup") == ["then"]
    with pytest.raises(DatabaseFull):
        restore(database, small_disk / "mnemo.backup", now=NIGHT)
    assert remembered(small_disk / "mnemo.backup") == ["then"]
    assert names(small_disk) <= {"mnemo.backup", "mnemo.backup.lock"}


# A kill at any moment

#: Copies a folder for each of the moments named, and lets a process back up or restore in it that kills itself at that moment: a
#: line of storage/, or each thousandth step of SQLite's machine. Without moments it prints how many there are.
WORK_AND_DIE = """
    import os, shutil, signal, sqlite3, sys
    from datetime import UTC, datetime
    from functools import partial
    from pathlib import Path
    from storage import backup

    work, base, moments = sys.argv[1], Path(sys.argv[2]), [int(moment) for moment in sys.argv[3:]]
    ours = os.path.dirname(backup.__file__)

    def die_at(moment, folder):
        count = 0

        def tick(*_):
            nonlocal count
            count += 1
            if count == moment:
                os.kill(os.getpid(), signal.SIGKILL)

        def trace(frame, event, argument):
            if not frame.f_code.co_filename.startswith(ours):
                return None
            if event == "line":
                tick()
            return trace

        class Ticking(sqlite3.Connection):
            def __init__(self, *arguments, **options):
                super().__init__(*arguments, **options)
                self.set_progress_handler(tick, 1_000)

        sqlite3.connect = partial(sqlite3.connect, factory=Ticking)
        sys.settrace(trace)
        database, file = folder / "data" / "mnemo.db", folder / "mnemo.backup"
        if work == "backup":
            backup.back_up(database, file)
        else:
            backup.restore(file, database, now=datetime(2026, 11, 21, 3, 0, tzinfo=UTC))
        sys.settrace(None)
        return count

    if not moments:
        shutil.copytree(base, f"{base}-whole")
        print(die_at(0, Path(f"{base}-whole")))
    for moment in moments:
        folder = base.with_name(f"{base.name}-{moment}")
        shutil.copytree(base, folder)
        child = os.fork()
        if not child:
            die_at(moment, folder)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL, moment
"""

#: So many lines at the end, which change what is in place, are always among the moments.
LAST = 16


def work_and_die(work: str, base: Path, chance: random.Random | None) -> Iterator[Path]:
    """Copies of *base* in which the work was killed: at every moment, or at some by *chance*."""

    def run(*moments: object) -> str:
        command = [sys.executable, "-c", textwrap.dedent(WORK_AND_DIE), work, str(base), *map(str, moments)]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
        assert ran.stderr == ""
        return ran.stdout

    count = int(run())
    moments = list(range(1, count + 1))
    if chance is not None:
        moments = chance.sample(moments[:-LAST], 6) + moments[-LAST:]
    for start in range(0, len(moments), 50):
        run(*moments[start : start + 50])
        for moment in moments[start : start + 50]:
            folder = base.with_name(f"{base.name}-{moment}")
            yield folder
            shutil.rmtree(folder)


@pytest.fixture
async def scene(swift_path: Path) -> Path:
    """A folder as a killed bot leaves it: a database with words that only its log has, and an earlier backup."""
    running = swift_path / "running"
    await remember(running / "data" / "mnemo.db", "then")
    back_up(running / "data" / "mnemo.db", running / "mnemo.backup")
    async with open_store(f"sqlite:///{running}/data/mnemo.db") as store:
        for number in range(200, 240):
            await hear(store, number, f"now {number} " + "words " * 100, addressed=False)
        shutil.copytree(running, swift_path / "scene")
    return swift_path / "scene"


def assert_private(folder: Path) -> None:
    for file in folder.rglob("*"):
        assert file.is_dir() or stat.S_IMODE(file.stat().st_mode) == 0o600, file


@pytest.mark.parametrize("earlier", [True, False], ids=["an earlier backup", "no earlier backup"])
@pytest.mark.timeout(900)
async def test_a_backup_that_is_killed_leaves_the_earlier_one_or_a_whole_one(
    scene: Path, earlier: bool, chance: random.Random, torture: bool
) -> None:
    old = remembered(scene / "mnemo.backup") if earlier else None
    new = 41
    if not earlier:
        (scene / "mnemo.backup").unlink()
    found = set()
    for folder in work_and_die("backup", scene, None if torture else chance):
        backup, database = folder / "mnemo.backup", folder / "data" / "mnemo.db"
        assert_private(folder)
        assert names(folder) <= {"data", "mnemo.backup", "mnemo.backup.unfinished", "mnemo.backup.unfinished-journal"}
        left = remembered(backup) if backup.exists() else None
        assert left == old or (left is not None and len(left) == new)
        found.add(left == old)
        assert back_up(database, backup).messages == new
        assert names(folder) == {"data", "mnemo.backup"}
        assert len(remembered(database)) == new
    assert found == {True, False}


def as_it_is(scene: Path) -> None:
    pass


def spoil(scene: Path) -> None:
    (scene / "data" / "mnemo.db").write_bytes(b"garbage" * 999)


def take_away(scene: Path) -> None:
    shutil.rmtree(scene / "data")


def state(database: Path) -> str:
    """Which database is in place: the old one as it was, the new one, or none."""
    if not database.exists():
        return "none"
    if database.read_bytes() == b"garbage" * 999:
        return "old"
    return {41: "old", 1: "new"}[len(remembered(database))]


@pytest.mark.parametrize(
    ("before", "states"), [(as_it_is, {"old", "new"}), (spoil, {"old", "new"}), (take_away, {"none", "new"})]
)
@pytest.mark.timeout(900)
async def test_a_restore_that_is_killed_leaves_the_old_database_or_the_new_one(
    scene: Path, before: Callable[[Path], None], states: set[str], chance: random.Random, torture: bool
) -> None:
    before(scene)
    found = set()
    for folder in work_and_die("restore", scene, None if torture else chance):
        backup, database = folder / "mnemo.backup", folder / "data" / "mnemo.db"
        assert_private(folder)
        found.add(state(database))
        restore(backup, database, now=NIGHT)
        assert remembered(database) == ["then"]
        assert not any("unfinished" in name for name in names(folder / "data"))
        assert database.stat().st_nlink == 1
        kept = {state(path) for path in (folder / "data").glob("mnemo.replaced-*.db")}
        assert "old" in kept or before is take_away, "the old one is among what is kept"
    assert found == states
    assert remembered(scene / "mnemo.backup") == ["then"]
