"""Whole copies of a database: a backup while a bot writes to it, and putting one back while none does.

A copy is written beside the place that it is for, as ``NAME.unfinished``, and takes that place only when it was checked and is on
the disk: whatever ends the program, the place holds what was there before or the whole copy. What a kill leaves unfinished is
overwritten by the next run.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from storage.errors import (
    CopyRefused,
    DatabaseCorrupt,
    DatabaseForeign,
    DatabaseFull,
    DatabaseInUse,
    DatabaseNewer,
    DatabaseUnavailable,
    translated,
)
from storage.opening import APPLICATION_ID, COMPANIONS, beside, claim, look_first, refuse_damaged, taken, untouched

# https://www.sqlite.org/fileformat2.html#the_database_header: how a file begins, where it says whether it has a log (2) or not
# (1), and where whose it is.
_MAGIC = b"SQLite format 3\0"
_WRITE_VERSION = 18
_NO_LOG = 1
_APPLICATION = slice(68, 72)

#: How long a lock of another program is waited for.
PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Copy:
    """What a copy holds: how many *messages*, and its *size* in bytes."""

    messages: int
    size: int


def back_up(database: Path, target: Path) -> Copy:
    """Copy the *database*, which a bot may be using, to *target*; a backup that is there is replaced, any other file refused.

    Raises :class:`storage.errors.StorageError`.
    """
    _refuse_missing(database)
    place = target.resolve()
    _refuse_target(place, database.resolve())
    look_first(database)
    with _unfinished(place) as unfinished:
        with _copying(database, place), closing(_connect(database)) as db:
            refuse_damaged(db, database)
            copy = _copy(db, unfinished)
        _put(unfinished, place)
    return copy


def restore(source: Path, database: Path, *, now: datetime) -> tuple[Copy, Path | None]:
    """Put a copy of *source* in the place of the *database* and return what it holds, and where the old one is, if there was one.

    Raises :class:`storage.errors.StorageError`; the old database is then still in its place.
    """
    _refuse_source(source, database)
    with _stopped(database):
        place = database.resolve()
        if place.exists():
            with suppress(DatabaseCorrupt, DatabaseNewer, DatabaseUnavailable):
                look_first(place)
        with _unfinished(place) as unfinished:
            with _copying(source, place), untouched(source) as db:
                copy = _copy(db, unfinished)
            kept = _set_aside(place, now)
            _put(unfinished, place)
    return copy, kept


def _refuse_missing(database: Path) -> None:
    _refuse_folder(database)
    if not database.exists():
        raise DatabaseUnavailable(f"There is no database at {database}: check DATABASE_URL.")


def _refuse_folder(database: Path) -> None:
    if database.is_dir():
        raise DatabaseUnavailable(f"{database} is a folder, not a database: check DATABASE_URL.")


def _refuse_target(target: Path, database: Path) -> None:
    if target.is_dir():
        raise CopyRefused(
            f"{target} is a folder; name the file in it that is to be the backup, such as {target}/mnemo.db."
        )
    if target in [database, *(beside(database, suffix) for suffix in (*COMPANIONS, ".lock"))]:
        raise CopyRefused(f"{target} belongs to the database itself; give the backup another name.")
    if not target.parent.is_dir():
        raise CopyRefused(f"There is no folder {target.parent}; make it first.")
    if target.exists() and not _may_be_replaced(target):
        raise CopyRefused(f"{target} is no backup and was left as it is; give the backup another name.")


def _may_be_replaced(target: Path) -> bool:
    """Whether it is an empty file, or a database of ours without a log: one that a bot uses or used has one."""
    header = _first_bytes(target) if target.is_file() else b"no file"
    return not header or (
        header.startswith(_MAGIC)
        and header[_WRITE_VERSION] == _NO_LOG
        and header[_APPLICATION] == APPLICATION_ID.to_bytes(4)
    )


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_APPLICATION.stop)
    except OSError as error:
        raise CopyRefused(f"{path} cannot be read: {error.strerror}.") from error


def _refuse_source(source: Path, database: Path) -> None:
    _refuse_folder(database)
    if not source.is_file():
        raise CopyRefused(f"There is no backup at {source}.")
    if source.resolve() == database.resolve():
        raise CopyRefused(f"{source} is the database itself; name a backup of it.")
    if not _first_bytes(source):
        raise CopyRefused(f"{source} is empty; nothing was restored.")
    try:
        look_first(source)
        with untouched(source) as db:
            refuse_damaged(db, source)
    except DatabaseCorrupt as error:
        raise DatabaseCorrupt(
            f"{source} is damaged, or no database; nothing was restored. Try an older backup."
        ) from error
    except DatabaseForeign:
        raise DatabaseForeign(f"{source} is a database of another program; nothing was restored.") from None
    except DatabaseNewer:
        raise DatabaseNewer(f"{source} is of a newer version of Mnemo; update Mnemo, then restore it.") from None


@contextmanager
def _stopped(database: Path) -> Iterator[None]:
    try:
        with taken(database):
            yield
    except DatabaseInUse:
        raise DatabaseInUse(f"A Mnemo is running on {database}; stop it first. Nothing was restored.") from None


@contextmanager
def _unfinished(place: Path) -> Iterator[Path]:
    """Give an empty file beside *place*, its owner's alone, that is gone afterwards unless it took that place."""
    path = beside(place, ".unfinished")
    try:
        descriptor = _claim_file(path)
    except BlockingIOError:
        raise CopyRefused(f"Another copy is being written to {place} right now; wait for it.") from None
    except OSError as error:
        raise CopyRefused(f"{path} cannot be written: {error.strerror}.") from error
    try:
        yield path
    except OSError as error:
        path.unlink(missing_ok=True)
        raise CopyRefused(f"{place} cannot be replaced: {error.strerror}. No copy was made.") from error
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)


def _claim_file(path: Path) -> int:
    """Open the file at *path*, empty and locked, and return its descriptor. Raises :class:`BlockingIOError` if it is taken."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
                os.fchmod(descriptor, 0o600)
                os.ftruncate(descriptor, 0)
                beside(path, "-journal").unlink(missing_ok=True)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # who had it has just put it in its place: it is no unfinished one any more


@contextmanager
def _copying(source: Path, place: Path) -> Iterator[None]:
    """Let errors of a copy name both ends: SQLite does not tell at which it failed."""
    try:
        with translated(source):
            yield
    except DatabaseFull as error:
        raise DatabaseFull(f"The disk that holds {place} is full; make room on it. No copy was made.") from error
    except DatabaseUnavailable as error:
        raise DatabaseUnavailable(
            f"{source} could not be copied to {place} ({error.__cause__}); no copy was made."
        ) from error


def _connect(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{database.resolve().as_uri()}?mode=rw", timeout=PATIENCE_SECONDS, uri=True, isolation_level=None
    )


def _copy(db: sqlite3.Connection, unfinished: Path) -> Copy:
    # One transaction that only reads: who writes meanwhile is not held up, and does not make the copy start again. Free pages,
    # where deleted words could stand, are left out.
    db.execute("VACUUM INTO ?", (str(unfinished),))
    with closing(sqlite3.connect(unfinished, isolation_level=None)) as copy:
        claim(copy)
        if copy.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
            raise DatabaseCorrupt(f"The copy at {unfinished} came out damaged and was thrown away; is that disk sound?")
        messages = copy.execute("SELECT count(*) FROM messages").fetchone()[0]
    return Copy(messages, unfinished.stat().st_size)


def _set_aside(database: Path, now: datetime) -> Path | None:
    """Give what is in the database's place a second, dated name, under which it is found when the new one has the first.

    Its log must not stay: SQLite would apply it to the new database. It is written back first; that of a database that is damaged
    is kept beside it.
    """
    _write_log_back(database)
    found = [suffix for suffix in ("", *COMPANIONS) if beside(database, suffix).exists()]
    kept = _dated_name(database, now)
    for suffix in found:
        beside(database, suffix).chmod(0o600)
        if not beside(kept, suffix).exists():
            beside(kept, suffix).hardlink_to(beside(database, suffix))
    _sync_folder(database.parent)
    for suffix in found[1:] if "" in found else found:
        beside(database, suffix).unlink()
    return kept if found else None


def _write_log_back(database: Path) -> None:
    has_content = database.exists() and database.stat().st_size  # SQLite throws away the log of an empty one
    if has_content and any(beside(database, suffix).exists() for suffix in COMPANIONS):
        with suppress(DatabaseCorrupt, DatabaseUnavailable):
            with untouched(database) as db:
                refuse_damaged(db, database)
            with translated(database), closing(_connect(database)) as db:
                db.execute("PRAGMA journal_mode = DELETE")  # refused while another program has it open


def _dated_name(database: Path, now: datetime) -> Path:
    """Return the name to keep it under: the one that a killed run gave it already, else one that nothing has."""
    start = f"{database.stem}.replaced-"
    for path in database.parent.iterdir():
        if path.name.startswith(start) and _is_same(path, database) and not _has_other_companions(path, database):
            return path
    names = (
        f"{start}{now:%Y%m%dT%H%M%SZ}{number}{database.suffix}" for number in ("", *(f"-{n}" for n in range(2, 100)))
    )
    kept = (database.with_name(name) for name in names)
    return next(path for path in kept if not any(beside(path, suffix).exists() for suffix in ("", *COMPANIONS)))


def _has_other_companions(kept: Path, database: Path) -> bool:
    pairs = [(beside(kept, suffix), beside(database, suffix)) for suffix in COMPANIONS]
    return any(one.exists() and other.exists() and not one.samefile(other) for one, other in pairs)


def _is_same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


def _put(unfinished: Path, place: Path) -> None:
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(place)
    _sync_folder(place.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
