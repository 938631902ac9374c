"""`kill -9` at random instants under load in 20 channels, and of restarts, too: nobody is forgotten or answered twice.

Many channels, people who talk at once, edit, delete and reset, replies of every length and speed; what holds after each death is
in ``audit.py``. The seed repeats what is decided, not how the machine's processes interleave.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from tests.sockets.audit import Auditor
from tests.sockets.conftest import Stage, open_stage
from tests.sockets.load import Load
from tests.sockets.test_kills import REPLY_CHUNKS, SETTINGS, first_start

CHANNELS = 20

#: The share of deaths after which the next start is killed, too, and of those after which Discord has forgotten all nonces.
KILLED_AGAIN = 0.3
NONCES_FORGOTTEN = 0.5


@pytest.mark.timeout(3 * 60 * 60)
async def test_deaths_at_random_under_load(tmp_path: Path, chance: random.Random, torture: bool) -> None:
    # In a new world each time, for all that was ever said is looked at; 500 deaths in all.
    worlds, deaths = (20, 25) if torture else (1, 2)
    for world in range(worlds):
        folder = tmp_path / str(world)
        folder.mkdir()
        await die_and_rise(folder, chance, deaths)


async def die_and_rise(folder: Path, chance: random.Random, deaths: int) -> None:
    async with open_stage(folder) as stage:
        auditor = Auditor(stage, remembers_all=True, reply_chunks=REPLY_CHUNKS)
        load = Load(stage, auditor, chance, channels=CHANNELS)
        bot = await first_start(stage)
        for death in range(deaths):
            async with load.running():
                await asyncio.sleep(chance.uniform(0.1, 2.5))
                await bot.kill()
                await asyncio.sleep(chance.uniform(0, 1))  # what is said now, nobody hears
            assert auditor.bot_died() == [], f"death {death}"
            while chance.random() < KILLED_AGAIN:
                await die_while_starting(stage, chance)
            stage.model.tokens_per_second = None
            bot = await stage.start(**SETTINGS)
            await auditor.satisfied()
            assert [line for each in stage.bots for line in each.trouble] == [], f"death {death}"
            stage.bots = [bot]
        assert await bot.stop() == 0
        assert auditor.complaints() == []


async def die_while_starting(stage: Stage, chance: random.Random) -> None:
    if chance.random() < NONCES_FORGOTTEN:
        stage.discord.levers.forget_nonces()
    unlucky = await stage.launch(**SETTINGS)
    await asyncio.sleep(chance.uniform(0, 1.5))
    await unlucky.kill()
