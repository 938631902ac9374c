"""Connections to the SQLite file: how they are made, and how a piece of work crosses to their thread once, whole.

Statement by statement through aiosqlite costs a thread switch each; a function over the plain ``sqlite3`` connection costs one.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from storage.errors import DatabaseBusy, translated

T = TypeVar("T")

log = logging.getLogger(__name__)

#: How long SQLite waits for another program's lock before it gives up: nothing else is written meanwhile.
BUSY_TIMEOUT_SECONDS = 1.0

#: How long writes wait for another program's lock, over all tries: tools that copy a database hold one for a minute.
LOCK_PATIENCE_SECONDS = 90.0

#: The size to which SQLite cuts the log when it starts it anew: one reader that stays can let it grow to any size.
WAL_BYTES = 16 * 1024 * 1024

#: The largest number of rows fetched at once by aiosqlite's own iteration, which is not used here.
_ITER_CHUNK_SIZE = 64


class Connection(aiosqlite.Connection):
    """An aiosqlite connection that runs whole functions on its thread."""

    def __init__(self, path: Path, prepare: Callable[[sqlite3.Connection], None]) -> None:
        super().__init__(partial(_connect, path, prepare), _ITER_CHUNK_SIZE)
        self.path = path

    async def run(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run *function* on the connection's thread and return what it returns.

        Raises :class:`storage.errors.StorageError` for what is wrong with the file.
        """
        with translated(self.path):
            result: T = await self._execute(function, self._conn)  # type: ignore[no-untyped-call]  # aiosqlite has none there
            return result


def _connect(path: Path, prepare: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        db.row_factory = sqlite3.Row
        prepare(db)
    except BaseException:
        db.close()
        raise
    return db


def prepare_writer(db: sqlite3.Connection) -> None:
    """Set up the one connection that writes: unless a commit says otherwise, it is on the disk when it returns."""
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA secure_delete = ON")
    db.execute(f"PRAGMA journal_size_limit = {WAL_BYTES}")


def prepare_reader(db: sqlite3.Connection) -> None:
    """Set up a connection that cannot write."""
    db.execute("PRAGMA query_only = ON")


class Writer:
    """Groups whatever waits into one transaction, so that one sync to the disk serves all channels that are busy right now.

    No task waits for work: one exists only while there is some.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: list[_Write] = []
        self._flushing: asyncio.Task[None] | None = None
        self._closing = False
        #: Since when another program's lock keeps us from writing, on the loop's clock.
        self._locked_since: float | None = None

    async def run(self, operation: Callable[[sqlite3.Connection], T], *, synced: bool = True) -> T:
        """Run *operation* in a transaction and return what it returns, after the commit.

        An operation that raises is undone alone; a caller that is cancelled before its operation began, undoes it. What is not
        *synced* outlives this process, but a power cut only from the next commit on that is.
        """
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Write(operation, outcome, synced))
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush(), name="storage-writer")
        with translated(self._connection.path):
            return await outcome

    async def close(self) -> None:
        """Wait until everything that was asked for is written, or refused: a lock of another program is not waited for."""
        self._closing = True
        if self._flushing is not None:
            await self._flushing

    async def _flush(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(0)  # who is about to ask gets into this transaction, too
                batch = [write for write in self._waiting if not write.outcome.cancelled()]
                self._waiting.clear()
                if batch:
                    await self._write_together(batch)
        finally:
            self._flushing = None

    async def _write_together(self, batch: list[_Write]) -> None:
        operations = [write.operation for write in batch]
        synced = any(write.synced for write in batch)
        try:
            results = await self._connection.run(partial(commit_together, operations, synced))
            self._locked_since = None
        except Exception as error:  # noqa: BLE001 it belongs to the callers, who all wait for this commit
            if isinstance(error, DatabaseBusy) and self._is_patient(error):
                self._waiting[:0] = batch
                return
            results = [error] * len(batch)
        for write, result in zip(batch, results, strict=True):
            write.settle(result)

    def _is_patient(self, busy: DatabaseBusy) -> bool:
        """Whether to wait on: once a lock has lasted too long, nobody is kept waiting until it is gone."""
        now = asyncio.get_running_loop().time()
        if self._locked_since is None:
            self._locked_since = now
            log.warning("%s What is to be written waits for it.", busy)
        return not self._closing and now - self._locked_since < LOCK_PATIENCE_SECONDS


@dataclass(frozen=True, slots=True)
class _Write:
    """An operation that waits for the next commit, with the future of its caller."""

    operation: Callable[[sqlite3.Connection], object]
    outcome: asyncio.Future[Any]
    synced: bool

    def settle(self, result: object) -> None:
        if self.outcome.cancelled():
            return
        if isinstance(result, Exception):
            self.outcome.set_exception(result)
        else:
            self.outcome.set_result(result)


def commit_together(
    operations: list[Callable[[sqlite3.Connection], object]], synced: bool, db: sqlite3.Connection
) -> list[object]:
    """Run *operations* in one transaction, each undone alone if it raises; return their results or exceptions in order."""
    db.execute(f"PRAGMA synchronous = {'FULL' if synced else 'NORMAL'}")
    db.execute("BEGIN IMMEDIATE")
    try:
        results = _run_all(operations, db)
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
    return results


def _run_all(operations: list[Callable[[sqlite3.Connection], object]], db: sqlite3.Connection) -> list[object]:
    """Run *operations*; only if one raises, undo them all and run each again within a savepoint.

    A savepoint around each from the start would let FTS5 write each one's words on their own, and twice the statements.
    """
    try:
        return [operation(db) for operation in operations]
    except Exception:
        # A full disk or an I/O error undoes the whole transaction by itself; and one operation has nobody to be parted from.
        if not db.in_transaction or len(operations) == 1:
            raise
    db.execute("ROLLBACK")
    db.execute("BEGIN IMMEDIATE")
    return [_attempt(operation, db) for operation in operations]


def _attempt(operation: Callable[[sqlite3.Connection], object], db: sqlite3.Connection) -> object:
    db.execute("SAVEPOINT operation")
    try:
        result = operation(db)
    except Exception as error:
        if not db.in_transaction:  # a full disk or an I/O error undoes the whole transaction by itself
            raise
        db.execute("ROLLBACK TO operation")
        result = error
    db.execute("RELEASE operation")
    return result


def in_snapshot(query: Callable[[sqlite3.Connection], T], db: sqlite3.Connection) -> T:
    """Run *query* so that all its statements see one state of the database."""
    db.execute("BEGIN")
    try:
        return query(db)
    finally:
        if db.in_transaction:  # an error of the disk ends it by itself
            db.execute("ROLLBACK")
