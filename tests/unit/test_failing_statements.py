"""Each statement of each write fails once, as a disk lets it fail: all or nothing is written, for each caller alone, and the next
call works. What failed here are SQLite's answers; that the disk itself fails is in ``tests/sockets/test_bot_disk.py``."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from storage import StorageError, Store
from storage.records import (
    SOMEWHERE,
    Access,
    Compaction,
    Draft,
    Extent,
    Overrides,
    Place,
    Reservation,
    Status,
    Summary,
    Turn,
    Usage,
)
from storage.sqlite import SqliteStore
from tests.contract.makers import EVERYTHING, NOW, OUTCOME, attached, begin, begun, exchange, hear, said

SECRET = "xyzzy"


class Fragile(sqlite3.Connection):
    """A connection whose statement number *countdown* fails with *code*; with *undoing*, SQLite has undone the transaction.

    With *again*, the same statement fails whenever it is tried again.
    """

    countdown = 0
    code = sqlite3.SQLITE_FULL
    undoing = False
    again = False
    failed: tuple[str, str] | None = None

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        self.countdown -= 1
        statement = sql, repr(parameters)
        if self.countdown == 0 or statement == self.failed:
            self.failed = statement if self.again else None
            if self.in_transaction and (self.undoing or sql == "ROLLBACK"):
                super().execute("ROLLBACK")
            failure = sqlite3.OperationalError("let fail")
            failure.sqlite_errorcode = self.code
            raise failure
        return super().execute(sql, parameters)


#: What SQLite says of a full disk, one that answers with errors, and of a lock; the first two with and without undoing.
FAILURES = [
    (sqlite3.SQLITE_FULL, False),
    (sqlite3.SQLITE_FULL, True),
    (sqlite3.SQLITE_IOERR_FSYNC, True),
    (sqlite3.SQLITE_IOERR_READ, False),
]


class Prepared:
    """An open store whose content can be set back, and what it held when it was prepared."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.image = sqlite3.connect(":memory:", check_same_thread=False)
        self.turn: Turn
        self.draft: Draft
        self.state: Compaction
        self.leaves: list[Summary]

    async def keep(self) -> None:
        """Let the content be what it is now, from here on."""
        await self.store._writing.run(lambda db: db.backup(self.image))

    async def set_back(self) -> None:
        await self.store._writing.run(self.image.backup)

    async def content(self) -> list[tuple[Any, ...]]:
        return await self.store._writing.run(contents)

    async def let_fail(self, number: int, code: int = 0, undoing: bool = False, again: bool = False) -> None:
        def arm(db: sqlite3.Connection) -> None:
            assert isinstance(db, Fragile)
            db.countdown, db.code, db.undoing, db.again, db.failed = number, code, undoing, again, None

        await self.store._writing.run(arm)

    async def statements(self) -> int:
        """How many statements ran since the countdown was set to 0."""
        return await self.store._writing.run(lambda db: -db.countdown)  # type: ignore[attr-defined]  # it is Fragile

    async def is_idle(self) -> bool:
        return await self.store._writing.run(lambda db: not db.in_transaction)


def contents(db: sqlite3.Connection) -> list[tuple[Any, ...]]:
    """All rows of all tables, the full-text index as what it says."""
    tables = [
        name
        for (name,) in sqlite3.Connection.execute(db, "SELECT name FROM sqlite_schema WHERE type = 'table'")
        if not name.startswith(("messages_fts_", "sqlite_"))
    ]
    return [
        (table, *row)
        for table in sorted(tables)
        for row in sorted(map(tuple, sqlite3.Connection.execute(db, f"SELECT * FROM {table}")), key=repr)
    ]


@pytest.fixture
async def prepared(swift_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Prepared]:
    """Channel 1: answered turns, summaries and a draft; 2: a turn that is being written; 3: one that waits; 4: put away.

    Channel 6 was brought in, and where it is is not known.
    """
    monkeypatch.setattr("sqlite3.connect", partial(sqlite3.connect, factory=Fragile))
    async with SqliteStore(swift_path / "mnemo.db") as store:
        prepared = Prepared(store)
        for number in range(4):
            await exchange(store, 100 + 2 * number, f"question {number} {SECRET}", f"reply {number} {SECRET}")
        prepared.leaves = [await leaf(store, first, first + 1) for first in (1, 3)]
        prepared.state = await state_of(store)
        claimed = await store.claim_leaf(prepared.state, (5, 6), reason="full", now=NOW)
        assert claimed is not None
        prepared.draft = claimed
        await hear(store, 200, "in the middle", channel=2)
        prepared.turn = await begun(store, 2)
        await store.record_chunk(prepared.turn, 0, "so far")
        await store.chunk_sent(prepared.turn, 0, 201)
        await store.record_chunk(prepared.turn, 1, "and on")
        waiting = replace(said(300, "waits", channel=3), attachments=(attached(300),))
        await store.accept(waiting, addressed=True, now=NOW)
        await exchange(store, 400, "put away", "reply", channel=4)
        await store.reset(4, now=NOW)
        await store.bring_in([("user", said(600, "brought in", channel=6, guild=SOMEWHERE))], now=NOW)
        await store.opt_out(77, now=NOW)
        await store.reserve(Reservation(7, 1, (42,), "little", 100, 50), {"user": 1_000_000}, now=NOW)
        await prepared.keep()
        yield prepared
    prepared.image.close()


async def state_of(store: Store) -> Compaction:
    state = await store.compaction(1, reach=lambda _: EVERYTHING)
    assert state is not None
    return state


async def leaf(store: Store, first: int, last: int) -> Summary:
    draft = await store.claim_leaf(await state_of(store), (first, last), reason="full", now=NOW)
    assert draft is not None
    made = await commit(store, draft)
    assert made is not None
    return made


async def commit(store: Store, draft: Draft) -> Summary | None:
    return await store.commit_summary(
        draft, text=f"sum {SECRET}", tokens=5, model="m", prompt_tokens=9, completion_tokens=5, latency=0.1
    )


Call = Callable[[Prepared], Awaitable[object]]

#: Every method that writes, with a call that has something to write.
CALLS: dict[str, Call] = {
    "accept": lambda p: hear(p.store, 500, "new", channel=5),
    "accept, unaddressed": lambda p: hear(p.store, 500, "new", addressed=False),
    "accept, with a file": lambda p: p.store.accept(
        replace(said(500), attachments=(attached(500),)), addressed=True, now=NOW
    ),
    "edit": lambda p: p.store.edit(100, "changed", tokens=3, now=NOW),
    "edit, without the file": lambda p: p.store.edit(300, "changed", tokens=3, attached=[], now=NOW),
    "note_attachments": lambda p: p.store.note_attachments([replace(attached(300), url=None, block=SECRET)]),
    "forget": lambda p: p.store.forget([100, 103], now=NOW),
    "forget, of an open turn": lambda p: p.store.forget([200], now=NOW),
    "forget_author": lambda p: p.store.forget_author(42, Extent(), most=5, now=NOW),
    "opt_out": lambda p: p.store.opt_out(42, now=NOW),
    "opt_in": lambda p: p.store.opt_in(77),
    "remind_opted_out": lambda p: p.store.remind_opted_out(77),
    "forget_channel": lambda p: p.store.forget_channel(1),
    "begin": lambda p: begin(p.store, 3),
    "move_window": lambda p: p.store.move_window(p.turn, start=1, policy="p", look_back=100),
    "set_overrides": lambda p: p.store.set_overrides(Place(1, 7), Overrides("window", 10, None), now=NOW),
    "set_server": lambda p: p.store.set_server(7, Overrides("window", 10, None)),
    "set_access": lambda p: p.store.set_access(7, Access(block_user=frozenset({5}))),
    "claim_leaf": lambda p: p.store.claim_leaf(p.state, (7, 8), reason="full", now=NOW),
    "claim_digest": lambda p: p.store.claim_digest(p.state, p.leaves, reason="many", now=NOW),
    "commit_summary": lambda p: commit(p.store, p.draft),
    "discard_summary": lambda p: p.store.discard_summary(p.draft),
    "fail_summary": lambda p: p.store.fail_summary(p.draft, 1, 1, "why", now=NOW),
    "book_summary": lambda p: p.store.book_summary(p.state, "little", Usage(1, 9, 0, 5), now=NOW),
    "correct_summary": lambda p: p.store.correct_summary(
        1, "in my words", tokens=3, instead_of=[leaf.id for leaf in p.leaves], now=NOW
    ),
    "bring_in": lambda p: p.store.bring_in([("user", said(610)), ("assistant", said(611))], now=NOW),
    "locate": lambda p: p.store.locate(7, [6]),
    "learn_factor": lambda p: p.store.learn_factor("little", 1.5, 3),
    "record_chunk": lambda p: p.store.record_chunk(p.turn, 1, "and further"),
    "chunk_sent": lambda p: p.store.chunk_sent(p.turn, 1, 202),
    "retract_chunks": lambda p: p.store.retract_chunks(p.turn, first=1),
    "drop_chunks": lambda p: p.store.drop_chunks(p.turn, first=1),
    "complete": lambda p: p.store.complete(p.turn, "the reply", OUTCOME, now=NOW),
    "book_reply": lambda p: p.store.book_reply(p.turn, OUTCOME, now=NOW),
    "book_reply, as reserved": lambda p: p.store.book_reply(p.turn, replace(OUTCOME, reservation=7), now=NOW),
    "reserve": lambda p: p.store.reserve(Reservation(8, 2, (42,), "little", 100, 50), {"user": 1_000}, now=NOW),
    "reserve, again": lambda p: p.store.reserve(Reservation(7, 2, (42,), "little", 100, 50), {"user": 1_000}, now=NOW),
    "release": lambda p: p.store.release(7),
    "tell_once": lambda p: p.store.tell_once("user", 7, now=NOW),
    "reopen": lambda p: p.store.reopen(107, may=lambda _: True, now=NOW),
    "go_on": lambda p: p.store.go_on(107, may=lambda _: True, after=["stop"], now=NOW),
    "close_turn": lambda p: p.store.close_turn(p.turn, Status.FAILED),
    "reset": lambda p: p.store.reset(2, reset_id=700, now=NOW),
    "save_registered_commands": lambda p: p.store.save_registered_commands("https://discord", 99, "hash"),
    "belong_to": lambda p: p.store.belong_to(99),
    "save_seen": lambda p: p.store.save_seen({1: 700, 2: 800}),
    "expire": lambda p: p.store.expire(before=NOW + 1, most=3),
    "restore": lambda p: p.store.restore(4, closed_after=0, now=NOW),
}

#: What writes and is proven below with what else it does.
ELSEWHERE = {"finish", "purge", "_merge_index"}


def test_every_method_that_writes_is_called() -> None:
    folder = Path(__file__).parents[2] / "storage"
    sources = [
        (folder / name).read_text(encoding="utf-8") for name in ("sqlite.py", "people.py", "turns.py", "budgets.py")
    ]
    methods = [method for source in sources for method in source.split("    async def ")[1:]]
    writes = re.compile(r"self\._(write|erase)\(")
    writing = {method.partition("(")[0] for method in methods if writes.search(method.partition(")")[2])}
    assert writing == {name.partition(",")[0] for name in CALLS} | ELSEWHERE


def first_neighbour(prepared: Prepared) -> Awaitable[object]:
    return hear(prepared.store, 900, "before", channel=9)


def second_neighbour(prepared: Prepared) -> Awaitable[object]:
    return prepared.store.forget([104], now=NOW)


async def together(prepared: Prepared, calls: Sequence[Call]) -> list[object]:
    """Call them at once, so that they are written in one transaction."""
    return await asyncio.gather(*(call(prepared) for call in calls), return_exceptions=True)


@pytest.mark.parametrize("name", CALLS)
async def test_whichever_statement_fails_all_or_nothing_is_written_for_each_caller(
    prepared: Prepared, name: str, torture: bool
) -> None:
    calls = [first_neighbour, CALLS[name], second_neighbour]
    await prepared.let_fail(0)
    usual = await together(prepared, calls)
    count = await prepared.statements()
    expected: dict[tuple[bool, ...], tuple[list[object], list[tuple[Any, ...]]]] = {}
    for number in range(1, count + 1):
        for failure in FAILURES if torture else [FAILURES[number % len(FAILURES)]]:
            await prepared.set_back()
            await prepared.let_fail(number, *failure, again=True)
            results = await together(prepared, calls)
            await prepared.let_fail(0)
            succeeded = tuple(not isinstance(result, StorageError) for result in results)
            assert not all(succeeded), f"statement {number} did not fail"
            assert await prepared.is_idle()
            found = await prepared.content()
            if succeeded not in expected:
                await prepared.set_back()
                due = await together(prepared, [call for call, good in zip(calls, succeeded, strict=True) if good])
                expected[succeeded] = due, await prepared.content()
            told = [result for result, good in zip(results, succeeded, strict=True) if good]
            assert (told, found) == expected[succeeded], (number, failure, succeeded)
    await prepared.set_back()
    assert await together(prepared, calls) == usual, "it works again"


async def test_a_whole_turn_comes_out_the_same_whichever_statement_fails(prepared: Prepared, torture: bool) -> None:
    async def whole_turn(insist: Callable[[Callable[[], Awaitable[Any]]], Awaitable[Any]]) -> None:
        store = prepared.store
        assert await insist(lambda: hear(store, 500, "new", channel=5))
        turn = await insist(lambda: begin(store, 5))
        await insist(lambda: store.record_chunk(turn, 0, "the reply"))
        await insist(lambda: store.chunk_sent(turn, 0, 501))
        assert await insist(lambda: store.complete(turn, "the reply", OUTCOME, now=NOW))
        assert await insist(lambda: store.finish(turn, author_id=99, author_name="Mnemo", tokens=5, now=NOW))

    failures = 0

    async def until_it_works(call: Callable[[], Awaitable[Any]]) -> Any:
        nonlocal failures
        before = await prepared.content()
        try:
            return await call()
        except StorageError:
            failures += 1
            assert await prepared.is_idle()
            assert await prepared.content() == before
            return await call()

    await prepared.let_fail(0)
    await whole_turn(lambda call: call())
    count = await prepared.statements()
    whole = await prepared.content()
    for number in range(1, count + 1):
        for failure in FAILURES if torture else [FAILURES[number % len(FAILURES)]]:
            await prepared.set_back()
            await prepared.let_fail(number, *failure)
            await whole_turn(until_it_works)
            assert await prepared.content() == whole, (number, failure)
    assert failures == count * (len(FAILURES) if torture else 1)


def on_disk(folder: Path) -> bool:
    """Whether the secret stands in any file of the database."""
    return any(SECRET.encode() in file.read_bytes() for file in folder.glob("mnemo.db*"))


async def test_what_was_to_be_forgotten_never_claims_to_be_gone_while_it_is_not(
    prepared: Prepared, torture: bool, swift_path: Path
) -> None:
    """Whichever statement of deleting, purging or tidying fails: who was told that it is done finds nothing."""

    async def forget_all() -> None:
        await prepared.store.forget([100, 102, 104, 106], now=NOW)
        await prepared.store.reset(1, now=NOW)
        await prepared.store.purge(closed_before=NOW)
        await prepared.store.tidy()

    await prepared.let_fail(0)
    await forget_all()
    count = await prepared.statements()
    for number in range(1, count + 1):
        for failure in FAILURES if torture else [FAILURES[number % len(FAILURES)]]:
            await prepared.set_back()
            await prepared.let_fail(number, *failure)
            with pytest.raises(StorageError):
                await forget_all()
            assert await prepared.is_idle()
            await prepared.let_fail(0)
            await prepared.store.tidy()  # what was deleted before the failure is still to be tidied
            kept = {row[1] for row in await prepared.content() if row[0] == "messages" and SECRET in repr(row)}
            assert on_disk(swift_path) == bool(kept), (number, failure)
            await forget_all()
            assert not on_disk(swift_path), (number, failure)
