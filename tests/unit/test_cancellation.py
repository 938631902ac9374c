"""A hundred callers at once, some of whom are cancelled or fail: nobody undoes another's work, and nothing is left open.

What returned is there, what raised is not, what was cancelled is there whole or not at all.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import threading
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from bot.budgets import Budgets
from storage.records import Incoming, Overrides
from storage.sql import transcript
from storage.sqlite import SqliteStore

CALLERS = 100
BATCH = 4


class OnPurpose(Exception):
    """What an operation raises after it has written."""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with SqliteStore(tmp_path / "memory.db") as opened:
        yield opened


def batch(number: int) -> list[tuple[str, Incoming]]:
    """Messages that come together, each of which names their number."""
    return [
        ("user", Incoming(0, number % 7 + 1, 7, 42, "Nemo", f"batch {number}", 5, 1_800_000_000.0))
        for _ in range(BATCH)
    ]


def write_and_fail(number: int, db: sqlite3.Connection) -> None:
    transcript.bring_in(db, batch(number), 0.0)
    raise OnPurpose


async def work(store: SqliteStore, number: int, outcomes: dict[int, str], fails: bool) -> None:
    try:
        if fails:
            await store._write(partial(write_and_fail, number))
        else:
            await store.bring_in(batch(number), now=0.0)  # type: ignore[arg-type]  # roles are literals
        await store.export(number % 7 + 1)
    except OnPurpose:
        outcomes[number] = "raised"
    else:
        outcomes[number] = "returned"


async def test_a_hundred_callers_do_not_undo_each_other(
    store: SqliteStore, chance: random.Random, torture: bool
) -> None:
    loop = asyncio.get_running_loop()
    outcomes: dict[int, str] = {}
    numbers = iter(range(10**9))
    for _ in range(60 if torture else 6):
        callers = []
        for number in (next(numbers) for _ in range(CALLERS)):
            caller = asyncio.create_task(work(store, number, outcomes, fails=chance.random() < 0.2))
            callers.append(caller)
            if chance.random() < 0.5:
                loop.call_later(chance.uniform(0, 0.03), caller.cancel)
            if chance.random() < 0.1:
                await asyncio.sleep(chance.uniform(0, 0.003))
        for caller, outcome in zip(callers, await asyncio.gather(*callers, return_exceptions=True), strict=True):
            assert outcome is None or isinstance(outcome, asyncio.CancelledError), caller
        await is_idle(store)
    kept = [message for channel in range(1, 8) for message in await store.export(channel)]
    found = Counter(int(message.content.removeprefix("batch ")) for message in kept)
    assert set(found.values()) == {BATCH}, "something is there by half"
    assert {number for number, outcome in outcomes.items() if outcome == "returned"} <= found.keys()
    assert not {number for number, outcome in outcomes.items() if outcome == "raised"} & found.keys()
    assert len(set(outcomes.values())) == 2
    assert len(outcomes) < next(numbers), "nobody was cancelled"


async def is_idle(store: SqliteStore) -> None:
    """Nobody works, no transaction is open, and no reader holds an old state of the database."""
    await store._write(lambda db: None)
    await store._read(lambda db: None)
    assert not store._writing.in_transaction
    assert not store._reading.in_transaction
    assert await store._writing.run(lambda db: db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]) == 0
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_who_is_cancelled_while_reading_leaves_no_snapshot_open(store: SqliteStore) -> None:
    await store.bring_in(batch(1), now=0.0)  # type: ignore[arg-type]
    reading = asyncio.create_task(store.export(2))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert len(await store.export(2)) == BATCH
    await is_idle(store)


async def test_a_query_that_fails_leaves_no_snapshot_open(store: SqliteStore) -> None:
    with pytest.raises(OnPurpose):
        await store._read(_fail)
    await is_idle(store)


def _fail(db: sqlite3.Connection) -> None:
    db.execute("SELECT count(*) FROM messages").fetchone()
    raise OnPurpose


async def test_who_is_cancelled_while_reserving_has_reserved_nothing(store: SqliteStore) -> None:
    await store.bring_in(batch(0), now=0.0)  # type: ignore[arg-type]  # roles are literals
    budgets = Budgets(store, {"host": 1_000}, 100, lambda _: 1.0)
    is_writing, go_on = threading.Event(), threading.Event()

    def hold(_: sqlite3.Connection) -> None:
        is_writing.set()
        go_on.wait(5)

    # Both are written in one transaction, so the caller is cancelled when nothing keeps it from coming through any more.
    holding = asyncio.create_task(store._write(hold))
    caller = asyncio.create_task(budgets.reserve(1, 1, Overrides(), (42,), "little", lambda: 10))
    await asyncio.to_thread(is_writing.wait)
    caller.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await holding
    standing = await budgets.today()
    assert standing is not None
    assert standing.reserved == 0
