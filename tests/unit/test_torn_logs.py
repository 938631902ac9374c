"""A power cut leaves a log that ends anywhere, in whatever: what opens from it is whole transactions, the first ones."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from storage import open_store
from storage.sqlite import SqliteStore
from tests.contract.makers import NOW, said

TRANSACTIONS = 60
BEFORE_THE_LOG = 15
MESSAGES_IN_EACH = 3
SECTOR = 512


async def write_numbered(store: SqliteStore, numbers: range) -> None:
    for number in numbers:
        together = [("user", said(number * 10 + part, f"{number}.{part}")) for part in range(MESSAGES_IN_EACH)]
        await store.bring_in(together, now=NOW)  # type: ignore[arg-type]  # a literal


@pytest.fixture
async def written(swift_path: Path) -> Path:
    """A folder as a power cut finds it: the database, and a log that is in use for the second time, old frames behind the new."""
    path = swift_path / "writing" / "mnemo.db"
    async with SqliteStore(path) as store:
        await write_numbered(store, range(1, BEFORE_THE_LOG))
        await store._writing.run(lambda db: db.execute("PRAGMA wal_checkpoint(RESTART)").fetchall())
        await write_numbered(store, range(BEFORE_THE_LOG, TRANSACTIONS + 1))
        cut = swift_path / "cut"
        cut.mkdir()
        for name in ("mnemo.db", "mnemo.db-wal"):
            shutil.copy(path.with_name(name), cut)
    return cut


def truncated(log: bytes, chance: random.Random) -> bytes:
    return log[: chance.randrange(len(log))]


def flipped(log: bytes, chance: random.Random) -> bytes:
    damaged = bytearray(log)
    for _ in range(chance.randint(1, 3)):
        damaged[chance.randrange(len(log))] ^= 1 << chance.randrange(8)
    return bytes(damaged)


def with_a_lost_sector(log: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(log) // SECTOR) * SECTOR
    return log[:start] + bytes(SECTOR) + log[start + SECTOR :]


def with_sectors_of_another_time(log: bytes, chance: random.Random) -> bytes:
    first, second = (chance.randrange(len(log) // SECTOR - 8) * SECTOR for _ in range(2))
    length = chance.randint(1, 8) * SECTOR
    return log[:first] + log[second : second + length] + log[first + length :]


DAMAGES: list[Callable[[bytes, random.Random], bytes]] = [
    truncated,
    flipped,
    with_a_lost_sector,
    with_sectors_of_another_time,
]


async def opened(folder: Path) -> list[str]:
    """What the store remembers of the database in *folder*; its file is whole, and so is its index."""
    async with open_store(f"sqlite:///{folder}/mnemo.db") as store:
        messages = [message.content for message in await store.export(1)]
        found = await store.search(1, ["1"], limit=1_000)
        assert {message.content for message in found} <= set(messages)
    with closing(sqlite3.connect(folder / "mnemo.db", isolation_level=None)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        db.execute("INSERT INTO messages_fts (messages_fts, rank) VALUES ('integrity-check', 1)")
    return messages


def prefix(transactions: int) -> list[str]:
    return [f"{number}.{part}" for number in range(1, transactions + 1) for part in range(MESSAGES_IN_EACH)]


async def test_a_log_that_is_whole_gives_everything(written: Path) -> None:
    assert await opened(written) == prefix(TRANSACTIONS)


async def test_a_torn_or_flipped_log_is_a_prefix_of_whole_transactions(
    written: Path, swift_path: Path, chance: random.Random, torture: bool
) -> None:
    log = (written / "mnemo.db-wal").read_bytes()
    lengths = set()
    for round_ in range(3_000 if torture else 300):
        folder = swift_path / f"{round_}"
        shutil.copytree(written, folder)
        damage = chance.choice(DAMAGES)
        (folder / "mnemo.db-wal").write_bytes(damage(log, chance))
        messages = await opened(folder)
        transactions = len(messages) // MESSAGES_IN_EACH
        assert messages == prefix(transactions), damage.__name__
        assert transactions >= BEFORE_THE_LOG - 1, "what was written back before is not touched"
        lengths.add(transactions)
        shutil.rmtree(folder)
    assert len(lengths) > 15, "the damage came everywhere"
