"""The store on one SQLite file, for one process: opens, locks, migrates and closes it. The statements are in ``sql/``."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from filelock import FileLock, Timeout

from storage.connection import Connection, Writer, create_private, prepare_reader, prepare_writer
from storage.errors import DatabaseInUse, DatabaseReadOnly, DatabaseUnavailable, translated
from storage.migrate import migrate, refuse_newer, shipped
from storage.records import Closed, Incoming, Interrupted, Outcome, Overview, Reach, Status, Turn, Window
from storage.sql import epochs, intake, turns, window

T = TypeVar("T")

log = logging.getLogger(__name__)


class SqliteStore:
    """The :class:`storage.store.Store` on the SQLite file at *path*, open as long as its context is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(f"{path}.lock", mode=0o600, thread_local=False)
        self._writing = Connection(path, prepare_writer)
        self._reading = Connection(path, prepare_reader)
        self._writer = Writer(self._writing)

    async def __aenter__(self) -> Self:
        self._take_file()
        try:
            with translated(self._path):
                _look_first(self._path)
                await self._writing
            try:
                await self._writing.run(_migrate_all)
                await self._reading
                await self._write(turns.release_all)
            except BaseException:
                await self._reading.close()
                await self._writing.close()
                raise
        except BaseException:
            self._lock.release()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._writer.close()
        await self._reading.close()
        await self._writing.close()
        self._lock.release()

    def _take_file(self) -> None:
        try:
            create_private(self._path)
            self._lock.acquire(timeout=0)
        except Timeout:
            raise DatabaseInUse(
                f"The database {self._path} is in use by another Mnemo; stop that one first,"
                " or give this one a DATABASE_URL of its own."
            ) from None
        except PermissionError as error:
            raise DatabaseReadOnly(
                f"The database {self._path} may not be written; give this user the file and its folder."
            ) from error
        except OSError as error:
            raise DatabaseUnavailable(f"The database {self._path} cannot be opened: {error.strerror}.") from error

    async def _write(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        return await self._writer.run(operation)

    async def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        return await self._reading.run(partial(_in_snapshot, query))

    async def accept(self, message: Incoming, *, addressed: bool, now: float) -> bool:
        return await self._write(lambda db: intake.accept(db, message, addressed, now))

    async def edit(self, discord_id: int, content: str, *, tokens: int, now: float) -> bool:
        return await self._write(lambda db: intake.edit(db, discord_id, content, tokens, now))

    async def forget(self, discord_ids: Collection[int], *, now: float) -> list[Interrupted]:
        return await self._write(lambda db: intake.forget(db, discord_ids, now))

    async def unfinished_channels(self) -> list[int]:
        return await self._read(turns.unfinished_channels)

    async def begin(self, channel_id: int, *, owner: str, lease: float, budget: int, now: float) -> Turn | None:
        return await self._write(lambda db: turns.begin(db, channel_id, owner, lease, budget, now))

    async def load_window(self, turn: Turn, *, policy: str, reach: Reach) -> Window:
        return await self._read(lambda db: window.load(db, turn, policy, reach))

    async def move_window(self, turn: Turn, *, start: int, policy: str) -> None:
        await self._write(lambda db: window.move(db, turn.channel_id, turn.epoch, start, policy))

    async def record_chunk(self, turn: Turn, number: int, text: str) -> None:
        await self._write(lambda db: turns.record_chunk(db, turn, number, text))

    async def chunk_sent(self, turn: Turn, number: int, discord_id: int) -> None:
        await self._write(lambda db: turns.chunk_sent(db, turn.id, number, discord_id))

    async def drop_chunks(self, turn: Turn, *, first: int) -> None:
        await self._write(lambda db: turns.drop_chunks(db, turn.id, first))

    async def complete(self, turn: Turn, reply: str, outcome: Outcome) -> bool:
        return await self._write(lambda db: turns.complete(db, turn, reply, outcome))

    async def finish(self, turn: Turn, *, author_id: int, author_name: str, tokens: int, now: float) -> bool:
        return await self._write(lambda db: turns.finish(db, turn, author_id, author_name, tokens, now))

    async def close_turn(self, turn: Turn, status: Status) -> bool:
        return await self._write(lambda db: turns.close(db, turn, status))

    async def reset(self, channel_id: int, *, now: float) -> Closed | None:
        return await self._write(lambda db: epochs.reset(db, channel_id, now))

    async def restore(self, channel_id: int, *, closed_after: float, now: float) -> Closed | None:
        return await self._write(lambda db: epochs.restore(db, channel_id, closed_after, now))

    async def purge(self, *, closed_before: float) -> int:
        purged = await self._write(lambda db: epochs.purge(db, closed_before))
        # Even if nothing was: what was edited or deleted since, or could not be emptied last time, stands in the log too.
        await self._writing.run(_empty_wal)
        return purged

    async def overview(self, channel_id: int, *, closed_after: float) -> Overview | None:
        return await self._read(lambda db: epochs.overview(db, channel_id, closed_after))


def _look_first(path: Path) -> None:
    """Refuse a newer database over a connection that cannot write: one that can would change its header or its log."""
    # Without a log the file alone is all there is; "immutable" then keeps SQLite from making companions of it.
    how = "mode=ro" if Path(f"{path}-wal").exists() else "immutable=1"
    with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True)) as db:
        refuse_newer(db, shipped())


def _migrate_all(db: sqlite3.Connection) -> None:
    migrate(db, shipped())


def _in_snapshot(query: Callable[[sqlite3.Connection], T], db: sqlite3.Connection) -> T:
    """Run *query* so that all its statements see one state of the database."""
    db.execute("BEGIN")
    try:
        return query(db)
    finally:
        db.execute("COMMIT")


def _empty_wal(db: sqlite3.Connection) -> None:
    """Write the log back and cut it to nothing, so that what was deleted does not stand in it."""
    busy = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if busy:
        log.info("the write-ahead log could not be emptied now, because somebody reads it; the next purge tries again")
