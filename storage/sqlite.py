"""The store on one SQLite file, for one process: opens, locks, migrates and closes it. The statements are in ``sql/``."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from storage import remains
from storage.budgets import SqliteBudgets
from storage.connection import Connection, Writer, commit_together, in_snapshot, prepare_reader, prepare_writer
from storage.errors import DatabaseCorrupt, StorageError, translated
from storage.migrate import migrate, shipped
from storage.opening import cannot_open, claim, create_private, look_first, taken
from storage.people import PeopleStore
from storage.pins import SqlitePins
from storage.records import (
    Access,
    Attachment,
    Booked,
    BookedBy,
    Closed,
    Compaction,
    Covered,
    DatabaseState,
    Draft,
    Incoming,
    Interrupted,
    Message,
    Overrides,
    Overview,
    Place,
    Reach,
    Role,
    Rules,
    Summary,
    Turn,
    Window,
)
from storage.sql import (
    attachments,
    books,
    budgets,
    epochs,
    index,
    intake,
    registered,
    retention,
    rows,
    rules,
    state,
    summaries,
    transcript,
    turns,
    window,
)
from storage.threads import SqliteThreads
from storage.turns import SqliteTurns

T = TypeVar("T")

log = logging.getLogger(__name__)

#: After each part of a merge everybody else may write for so many times as long as it took.
_PAUSE_OF_MERGES = 4


class SqliteStore(PeopleStore, SqliteTurns, SqliteBudgets, SqlitePins, SqliteThreads):
    """The :class:`storage.store.Store` on the SQLite file at *path*, open as long as its context is.

    *on_damage* is called once, if the file turns out to be damaged while it is used; every call after that is refused.
    """

    def __init__(self, path: Path, on_damage: Callable[[StorageError], object] = lambda _: None) -> None:
        self._path = path
        self._on_damage = on_damage
        self._damage: DatabaseCorrupt | None = None
        self._writing = Connection(path, prepare_writer)
        self._reading = Connection(path, prepare_reader)
        self._writer = Writer(self._writing)
        self._opened = AsyncExitStack()
        #: Whether something was deleted that the files still hold. True at first: a crash may have come before the tidying.
        self._has_remains = True
        #: Whether unused parts of the database's pages may hold copies of it, too.
        self._has_copies = True
        #: How often in a row they could not be tidied.
        self._untidied = 0

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opened:
            opened.enter_context(taken(self._path))
            self._make_file()
            look_first(self._path)
            with translated(self._path):
                opened.push_async_callback(self._writing.close)
                await self._writing
                await self._writing.run(_bring_up_to_date)
                opened.push_async_callback(self._reading.close)
                await self._reading
            opened.push_async_callback(self._writer.close)
            self._opened = opened.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._opened.aclose()

    def _make_file(self) -> None:
        try:
            create_private(self._path)
        except OSError as error:
            raise cannot_open(self._path, error) from error

    async def _write(self, operation: Callable[[sqlite3.Connection], T], *, synced: bool = True) -> T:
        with self._while_whole():
            return await self._writer.run(operation, synced=synced)

    async def _read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        with self._while_whole():
            return await self._reading.run(partial(in_snapshot, query))

    @contextmanager
    def _while_whole(self) -> Iterator[None]:
        """Refuse to work on with a database that was found damaged: what is written then can spoil what could be saved."""
        if self._damage is not None:
            raise DatabaseCorrupt(str(self._damage))
        try:
            yield
        except DatabaseCorrupt as damage:
            if self._damage is None:
                self._damage = damage
                self._on_damage(damage)
            raise

    async def accept(self, message: Incoming, *, addressed: bool, now: float) -> bool:
        return await self._write(lambda db: intake.accept(db, message, addressed, now))

    async def edit(
        self,
        discord_id: int,
        content: str,
        *,
        tokens: int,
        attached: Collection[int] | None = None,
        quote: tuple[str, int] | None = None,
        now: float,
    ) -> bool:
        return await self._erase(lambda db: intake.edit(db, discord_id, content, tokens, attached, quote, now))

    async def note_attachments(self, read: Collection[Attachment]) -> None:
        await self._write(lambda db: attachments.note(db, read))

    async def forget(self, discord_ids: Collection[int], *, now: float) -> list[Interrupted]:
        return await self._erase(lambda db: intake.forget(db, discord_ids, now))

    async def forget_channel(self, channel_id: int) -> None:
        await self._erase(lambda db: intake.forget_channel(db, channel_id))

    async def known_guilds(self) -> list[int]:
        return await self._read(intake.known_guilds)

    async def known_channels(self, guild_id: int | None) -> list[int]:
        return await self._read(lambda db: intake.known_channels(db, guild_id))

    async def locate(self, guild_id: int, channel_ids: Collection[int]) -> None:
        await self._write(lambda db: intake.locate(db, guild_id, channel_ids))

    async def belong_to(self, user_id: int) -> int:
        return await self._write(lambda db: intake.belong_to(db, user_id))

    async def seen(self) -> dict[int, int]:
        return await self._read(intake.seen)

    async def save_seen(self, marks: Mapping[int, int]) -> None:
        await self._write(lambda db: intake.save_seen(db, marks))

    async def newest_ids(self, channel_id: int, *, limit: int) -> list[int]:
        return await self._read(lambda db: intake.newest_ids(db, channel_id, limit))

    async def load_window(self, turn: Turn, *, policy: str, reach: Reach) -> Window:
        return await self._read(lambda db: window.load(db, turn, policy, reach))

    async def peek_window(self, channel_id: int, *, policy: str, reach: Reach) -> Window | None:
        return await self._read(lambda db: window.peek(db, channel_id, policy, reach))

    async def move_window(self, turn: Turn, *, start: int, policy: str, look_back: int) -> None:
        await self._write(lambda db: window.move(db, turn.channel_id, turn.epoch, start, policy, look_back))

    async def set_overrides(self, place: Place, overrides: Overrides, *, now: float) -> None:
        await self._write(lambda db: rules.set_channel(db, place, overrides, now))

    async def set_server(self, guild_id: int, overrides: Overrides) -> None:
        await self._write(lambda db: rules.set_server(db, guild_id, overrides))

    async def set_access(self, guild_id: int, access: Access) -> None:
        await self._write(lambda db: rules.set_access(db, guild_id, access))

    async def rules(self) -> Rules:
        return await self._read(rules.everything)

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
        billed = (prompt_tokens, completion_tokens)
        return await self._write(lambda db: summaries.commit(db, draft, text, tokens, model, billed, latency))

    async def discard_summary(self, draft: Draft) -> None:
        await self._write(lambda db: summaries.discard(db, draft))

    async def fail_summary(self, draft: Draft, channel_id: int, epoch: int, error: str, *, now: float) -> None:
        await self._write(lambda db: summaries.fail(db, draft, channel_id, epoch, error, now))

    async def booked(
        self,
        days: Collection[str],
        *,
        guild_id: int | None,
        channel_id: int | None = None,
        user_id: int | None = None,
        by: Sequence[BookedBy] = (),
    ) -> list[Booked]:
        return await self._read(lambda db: books.booked(db, days, guild_id, channel_id, user_id, by))

    async def correct_summary(
        self, channel_id: int, text: str, *, tokens: int, instead_of: Sequence[int], now: float
    ) -> bool:
        return await self._erase(lambda db: summaries.correct(db, channel_id, text, tokens, instead_of, now))

    async def term_positions(
        self, channel_id: int, epoch: int, terms: Sequence[str], *, newest: int
    ) -> tuple[list[tuple[int, ...]], int]:
        return await self._read(lambda db: index.term_positions(db, channel_id, epoch, terms, newest))

    async def messages_at(self, channel_id: int, epoch: int, positions: Collection[int]) -> dict[int, Message]:
        return await self._read(lambda db: index.messages_at(db, channel_id, epoch, positions))

    async def search(self, channel_id: int, terms: Sequence[str], *, limit: int) -> list[Message]:
        return await self._read(lambda db: transcript.search(db, channel_id, terms, limit))

    async def covered(self, channel_id: int, spans: Sequence[tuple[int, int]]) -> Covered | None:
        return await self._read(lambda db: transcript.covered(db, channel_id, spans))

    async def export(self, channel_id: int) -> list[Message]:
        return await self._read(lambda db: transcript.export(db, channel_id))

    async def bring_in(self, messages: Sequence[tuple[Role, Incoming]], *, now: float) -> int:
        return await self._write(lambda db: transcript.bring_in(db, messages, now))

    async def learn_factor(self, model: str, factor: float, samples: int) -> None:
        await self._write(lambda db: transcript.learn_factor(db, model, factor, samples))

    async def factors(self) -> dict[str, tuple[float, int]]:
        return await self._read(transcript.factors)

    async def registered_commands(self, api_url: str, application_id: int) -> str | None:
        return await self._read(lambda db: registered.commands(db, api_url, application_id))

    async def save_registered_commands(self, api_url: str, application_id: int, commands: str | None) -> None:
        await self._write(lambda db: registered.save(db, api_url, application_id, commands))

    async def reset(
        self, channel_id: int, *, now: float, epoch: int | None = None, reset_id: int | None = None
    ) -> Closed | None:
        return await self._write(lambda db: epochs.reset(db, channel_id, epoch, reset_id, now))

    async def restore(self, channel_id: int, *, closed_after: float, now: float) -> Closed | None:
        return await self._write(lambda db: epochs.restore(db, channel_id, closed_after, now))

    async def purge(self, *, closed_before: float) -> int:
        purged = await self._erase(lambda db: epochs.purge(db, closed_before))
        if purged:
            await self.tidy()
        return purged

    async def expire(self, *, before: float, most: int) -> int:
        return await self._erase(lambda db: retention.expire(db, before, most))

    async def tidy(self, *, thoroughly: bool = False) -> None:
        if not (self._has_remains or (thoroughly and self._has_copies)):
            return
        self._has_remains = emptied = False
        try:
            await self._merge_index()
            self._has_copies = not await self._run_alone(partial(remains.rewrite, thoroughly))
            emptied = await self._run_alone(remains.empty_log)
        finally:  # what is deleted meanwhile leaves remains of its own
            self._has_remains = self._has_remains or not emptied
        self._untidied = 0 if emptied else self._untidied + 1
        if self._untidied == UNTIDIED_TO_TELL:
            log.warning(_READ_BY_ANOTHER, self._path)

    async def _run_alone(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Run on the writing connection what cannot be part of a transaction."""
        with self._while_whole():
            return await self._writing.run(operation)

    async def _merge_index(self) -> None:
        is_first = is_unfinished = True
        while is_unfinished:
            began = time.monotonic()
            is_unfinished = await self._write(partial(index.merge, is_first=is_first))
            is_first = False
            await asyncio.sleep(_PAUSE_OF_MERGES * (time.monotonic() - began))

    async def state(self) -> DatabaseState:
        return await self._read(lambda db: state.state(db, self._path))

    async def overview(self, channel_id: int, *, closed_after: float) -> Overview | None:
        return await self._read(lambda db: epochs.overview(db, channel_id, closed_after))


#: The log is told when tidying failed so often in a row: a backup that runs just now is nothing to tell.
UNTIDIED_TO_TELL = 3

_READ_BY_ANOTHER = (
    "What was deleted still stands in %s-wal, because another program keeps reading the database; close that program."
)


def _bring_up_to_date(db: sqlite3.Connection) -> None:
    """Make the database one of this program's schema, and take over what the process before this one held."""
    claim(db)
    migrate(db, shipped())
    [result] = commit_together([_after_the_last_one], True, db)
    if isinstance(result, Exception):
        raise result


def _after_the_last_one(db: sqlite3.Connection) -> None:
    """Take over what the process before this one held: it is gone, because the lock on the file is ours."""
    turns.release_all(db)
    budgets.settle_leftovers(db)
    summaries.drop_drafts(db)
