"""What happens to a database's files before they are used: whose they are, whether they can be trusted, who has them now.

Only :func:`claim` writes into a database: one that is refused stays byte for byte as it was, and gets no companions.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from storage.errors import (
    DatabaseCorrupt,
    DatabaseForeign,
    DatabaseInUse,
    DatabaseReadOnly,
    DatabaseUnavailable,
    translated,
)
from storage.migrate import applied, refuse_newer, shipped

#: "Mnem" in ASCII: what the header of our databases says of whose they are, https://www.sqlite.org/fileformat2.html#application_id
APPLICATION_ID = 0x4D6E656D

#: What SQLite keeps beside a database.
COMPANIONS = ("-wal", "-shm", "-journal")

#: The tables of the first release, which did not set the application id.
_FIRST_TABLES = {"migrations", "channels", "epochs", "turns", "messages"}


def beside(path: Path, suffix: str) -> Path:
    """Return the companion of the database at *path* that ends in *suffix*."""
    return path.with_name(path.name + suffix)


def create_private(path: Path) -> None:
    """Create the file at *path* readable by its owner only, if it is not there; SQLite gives its companions the same mode."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


@contextmanager
def taken(path: Path) -> Iterator[None]:
    """Have the database at *path*, or the place for one, to this process alone.

    Raises :class:`DatabaseInUse` if another has it.
    """
    lock = FileLock(beside(path, ".lock"), mode=0o600, thread_local=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise DatabaseInUse(
            f"The database {path} is in use by another Mnemo; stop that one first,"
            " or give this one a DATABASE_URL of its own."
        ) from None
    except OSError as error:
        raise cannot_open(path, error) from error
    try:
        yield
    finally:
        lock.release()


def cannot_open(path: Path, error: OSError) -> DatabaseReadOnly | DatabaseUnavailable:
    """Return what tells the host that the system gives us no database at *path*."""
    if isinstance(error, PermissionError):
        return DatabaseReadOnly(f"The database {path} may not be written; give this user the file and its folder.")
    return DatabaseUnavailable(f"The database {path} cannot be opened: {error.strerror}.")


@contextmanager
def untouched(path: Path) -> Iterator[sqlite3.Connection]:
    """Read a database over a connection that leaves no trace: one that can write would change its header or its log."""
    real = path.resolve()  # SQLite looks for companions where a link leads
    # Without a log the file alone is all there is; "immutable" then keeps SQLite from making companions of it.
    has_log, had_index = beside(real, "-wal").exists(), beside(real, "-shm").exists()
    uri = f"{real.as_uri()}?mode=ro{'' if has_log else '&immutable=1'}"
    with translated(path):
        db = sqlite3.connect(uri, uri=True, isolation_level=None)
        try:
            yield db
        finally:
            db.close()
            if not had_index:
                beside(real, "-shm").unlink(missing_ok=True)


def look_first(path: Path) -> None:
    """Refuse, untouched, the database of another program or of a newer version of this one, and a file that is no database."""
    if not path.stat().st_size and beside(path.resolve(), "-wal").exists():  # SQLite would throw the log away
        raise DatabaseCorrupt.at(path)
    with untouched(path) as db:
        if not (_is_new(db) or _is_ours(db)):
            raise DatabaseForeign(
                f"{path} is a database of another program; it was left untouched. Let DATABASE_URL name a file of Mnemo's own."
            )
        refuse_newer(db, shipped())


def is_there(path: Path) -> bool:
    """Whether there is anything to be read at *path*."""
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def try_out(path: Path) -> bool:
    """Look at the database at *path* as a start does, and change nothing: refuse what that would refuse.

    Returns whether it is of this program's schema; the next start brings one that is not up to date. Raises
    :class:`storage.errors.StorageError`.
    """
    with taken(path):
        look_first(path)
        try:
            create_private(path)
        except OSError as error:
            raise cannot_open(path, error) from error
        with translated(path), closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute("ROLLBACK")
            return applied(db) == {migration.number for migration in shipped()}


def _is_new(db: sqlite3.Connection) -> bool:
    return _application_id(db) == 0 and not _tables(db)


def _is_ours(db: sqlite3.Connection) -> bool:
    number = _application_id(db)
    return number == APPLICATION_ID or (number == 0 and _tables(db) >= _FIRST_TABLES)


def _application_id(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA application_id").fetchone()[0])


def _tables(db: sqlite3.Connection) -> set[str]:
    return {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def claim(db: sqlite3.Connection) -> None:
    """Write whose it is into the header of a database that is new, or that the first release made."""
    if _application_id(db) != APPLICATION_ID:
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def refuse_damaged(db: sqlite3.Connection, path: Path) -> None:
    """Read the whole database and raise :class:`DatabaseCorrupt` if its pages do not fit together. A big one takes seconds."""
    if db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        raise DatabaseCorrupt.at(path)


def read_through(path: Path) -> None:
    """Read the whole database at *path*, also while a bot uses it; raises :class:`storage.errors.StorageError`."""
    with untouched(path) as db:
        refuse_damaged(db, path)
