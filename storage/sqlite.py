"""The store on one SQLite file, for one process: opens, locks, migrates and closes it. The statements are in ``sql/``."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from filelock import FileLock, Timeout

from storage.connection import Connection, Writer, create_private, prepare_reader, prepare_writer
from storage.errors import DatabaseInUse, DatabaseReadOnly, DatabaseUnavailable, translated
from storage.migrate import migrate, refuse_newer, shipped
from storage.records import (
    Closed,
    Compaction,
    Covered,
    Draft,
    Incoming,
    Interrupted,
    Message,
    Outcome,
    Overrides,
    Overview,
    Reach,
    Role,
    Status,
    Summary,
    Turn,
    Window,
)
from storage.sql import epochs, index, intake, rows, summaries, transcript, turns, window

T = TypeVar("T")


class SqliteStore:
    """The :class:`storage.store.Store` on the SQLite file at *path*, open as long as its context is."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(f"{path}.lock", mode=0o600, thread_local=False)
        self._writing = Connection(path, prepare_writer)
        self._reading = Connection(path, prepare_reader)
        self._writer = Writer(self._writing)
        #: Whether something was deleted that the files still hold. True at first: a crash may have come before the tidying.
        self._has_remains = True

    async def __aenter__(self) -> Self:
        self._take_file()
        try:
            with translated(self._path):
                _look_first(self._path)
                await self._writing
            try:
                await self._writing.run(_migrate_all)
                await self._reading
                await self._write(_after_the_last_one)
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
        self._has_remains = True
        return await self._write(lambda db: intake.edit(db, discord_id, content, tokens, now))

    async def forget(self, discord_ids: Collection[int], *, now: float) -> list[Interrupted]:
        self._has_remains = True
        return await self._write(lambda db: intake.forget(db, discord_ids, now))

    async def forget_channel(self, channel_id: int) -> None:
        self._has_remains = True
        await self._write(lambda db: intake.forget_channel(db, channel_id))

    async def known_channels(self) -> list[int]:
        return await self._read(intake.known_channels)

    async def newest_ids(self, channel_id: int, *, limit: int) -> list[int]:
        return await self._read(lambda db: intake.newest_ids(db, channel_id, limit))

    async def unfinished_channels(self) -> list[int]:
        return await self._read(turns.unfinished_channels)

    async def begin(
        self, channel_id: int, *, owner: str, lease: float, budget: Callable[[Overrides], int], now: float
    ) -> Turn | None:
        return await self._write(lambda db: turns.begin(db, channel_id, owner, lease, budget, now))

    async def load_window(self, turn: Turn, *, policy: str, reach: Reach) -> Window:
        return await self._read(lambda db: window.load(db, turn, policy, reach))

    async def peek_window(self, channel_id: int, *, policy: str, reach: Reach) -> Window | None:
        return await self._read(lambda db: window.peek(db, channel_id, policy, reach))

    async def move_window(self, turn: Turn, *, start: int, policy: str, look_back: int) -> None:
        await self._write(lambda db: window.move(db, turn.channel_id, turn.epoch, start, policy, look_back))

    async def set_overrides(self, channel_id: int, guild_id: int | None, overrides: Overrides, *, now: float) -> None:
        await self._write(lambda db: transcript.set_overrides(db, channel_id, guild_id, overrides, now))

    async def overrides(self, channel_id: int) -> Overrides:
        return await self._read(lambda db: rows.overrides(db, channel_id))

    async def compaction(self, channel_id: int, *, reach: Callable[[Overrides], Reach]) -> Compaction | None:
        return await self._read(lambda db: summaries.state(db, channel_id, reach))

    async def claim_leaf(self, state: Compaction, span: tuple[int, int], *, reason: str, now: float) -> Draft | None:
        return await self._write(lambda db: summaries.claim_leaf(db, state, span, reason, now))

    async def claim_digest(
        self, state: Compaction, parts: Sequence[Summary], *, reason: str, now: float
    ) -> Draft | None:
        return await self._write(lambda db: summaries.claim_digest(db, state, parts, reason, now))

    async def commit_summary(
        self,
        draft: Draft,
        *,
        text: str,
        tokens: int,
        model: str,
        prompt_tokens: int,
        completion_tokens: int,
        latency: float,
    ) -> Summary | None:
        usage = (prompt_tokens, completion_tokens)
        return await self._write(lambda db: summaries.commit(db, draft, text, tokens, model, usage, latency))

    async def discard_summary(self, draft: Draft) -> None:
        await self._write(lambda db: summaries.discard(db, draft))

    async def fail_summary(self, draft: Draft, channel_id: int, epoch: int, error: str, *, now: float) -> None:
        await self._write(lambda db: summaries.fail(db, draft, channel_id, epoch, error, now))

    async def correct_summary(self, channel_id: int, text: str, *, tokens: int, now: float) -> bool:
        return await self._write(lambda db: summaries.correct(db, channel_id, text, tokens, now))

    async def term_positions(
        self, channel_id: int, epoch: int, terms: Sequence[str], *, newest: int
    ) -> tuple[list[tuple[int, ...]], int]:
        return await self._read(lambda db: index.term_positions(db, channel_id, epoch, terms, newest))

    async def messages_at(self, channel_id: int, epoch: int, positions: Collection[int]) -> dict[int, Message]:
        return await self._read(lambda db: index.messages_at(db, channel_id, epoch, positions))

    async def search(self, channel_id: int, terms: Sequence[str], *, limit: int) -> list[Message]:
        return await self._read(lambda db: transcript.search(db, channel_id, terms, limit))

    async def covered(self, channel_id: int, first: int, last: int) -> Covered | None:
        return await self._read(lambda db: transcript.covered(db, channel_id, first, last))

    async def export(self, channel_id: int) -> list[Message]:
        return await self._read(lambda db: transcript.export(db, channel_id))

    async def bring_in(self, messages: Sequence[tuple[Role, Incoming]], *, now: float) -> int:
        return await self._write(lambda db: transcript.bring_in(db, messages, now))

    async def learn_factor(self, model: str, factor: float, samples: int) -> None:
        await self._write(lambda db: transcript.learn_factor(db, model, factor, samples))

    async def factors(self) -> dict[str, tuple[float, int]]:
        return await self._read(transcript.factors)

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
        if purged:
            self._has_remains = True
            await self.tidy()
        return purged

    async def tidy(self) -> None:
        if self._has_remains:
            self._has_remains = False
            await self._write(index.optimize)
            self._has_remains = not await self._writing.run(_empty_wal)

    async def overview(self, channel_id: int, *, closed_after: float) -> Overview | None:
        return await self._read(lambda db: epochs.overview(db, channel_id, closed_after))


def _after_the_last_one(db: sqlite3.Connection) -> None:
    """Take over what the process before this one held: it is gone, because the lock on the file is ours."""
    turns.release_all(db)
    summaries.drop_drafts(db)


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


def _empty_wal(db: sqlite3.Connection) -> bool:
    """Write the log back and cut it to nothing, so that what was deleted does not stand in it.

    Returns False if somebody reads it right now: then it is to be tried again.
    """
    busy = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    return not busy
