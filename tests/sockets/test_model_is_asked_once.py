"""What the model wrote is kept, however long the database cannot; and a start with many unanswered messages is no storm on it."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from contextlib import closing

import pytest

from bot.conversation import RESUMED_AT_ONCE
from tests.sockets import speech
from tests.sockets.audit import Auditor
from tests.sockets.conftest import Stage
from tests.sockets.load import Load

#: Longer than one attempt to write waits for another program's lock, in seconds.
LOCKED_SECONDS = 7.0


@pytest.mark.torture
async def test_a_text_that_is_complete_while_the_database_is_locked_is_not_asked_for_again(stage: Stage) -> None:
    auditor = Auditor(stage)
    load = Load(stage, auditor, random.Random(1), channels=1)
    bot = await stage.start()
    stage.model.tokens_per_second = 200
    await load.tell(load.channels[0], 10)
    shown = await stage.until(lambda: stage.replies(load.channels[0]))
    await stage.until(lambda: stage.recall("SELECT 1 FROM chunks WHERE discord_id = ?", int(shown[0]["id"])))
    with closing(sqlite3.connect(stage.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await stage.until(lambda: stage.model.active == 0)
        await asyncio.sleep(LOCKED_SECONDS)
        other.execute("ROLLBACK")
    await auditor.satisfied()
    assert len(stage.model.requests) == 1
    assert await bot.stop() == 0


async def test_a_start_asks_for_few_of_many_that_wait_and_who_writes_now_does_not_wait(stage: Stage) -> None:
    auditor = Auditor(stage)
    load = Load(stage, auditor, random.Random(1), channels=3 * RESUMED_AT_ONCE)
    bot = await stage.start()
    stage.model.levers.hang(600, times=None)
    for channel in load.channels:
        await load.tell(channel, 0)
    await stage.until(lambda: stage.model.active == len(load.channels))
    await bot.kill()
    await stage.until(lambda: stage.model.active == 0)
    stage.model.levers.clear()
    stage.model.levers.writer = speech.write
    stage.model.levers.hang(1, times=len(load.channels))

    asked = len(stage.model.requests)
    bot = await stage.start()
    await stage.until(lambda: stage.model.active == RESUMED_AT_ONCE)
    await asyncio.sleep(0.3)
    assert len(stage.model.requests) == asked + RESUMED_AT_ONCE
    live = stage.channel()
    await load.tell(live, 0)
    await stage.until(lambda: len(stage.model.requests) == asked + RESUMED_AT_ONCE + 1, patience=0.6)
    await auditor.satisfied()
    assert await bot.stop() == 0
