"""Stopping and starting, however it is asked for and whatever goes on: exit 0 within eight seconds, at once when there is nothing
to wait for, and nothing lost.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

from tests.sockets.audit import Auditor
from tests.sockets.conftest import SLOW_DATABASE, Bot, Stage, open_stage, together
from tests.sockets.load import Load
from tests.sockets.test_kills import REPLY_CHUNKS, SETTINGS, first_start

#: What systemd and Docker are told to wait, in seconds, and more than they need to.
STOP_SECONDS = 8.0

#: How somebody ends the bot; people press Ctrl-C more than once.
ENDINGS = ((signal.SIGTERM,), (signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGTERM), (signal.SIGKILL,))


async def ends(bot: Bot, *signals: int, within: float = STOP_SECONDS) -> None:
    begun = time.monotonic()
    for each in signals:
        bot.process.send_signal(each)
        await asyncio.sleep(0.05)
    assert await bot.ended() == (-signal.SIGKILL if signal.SIGKILL in signals else 0), bot.log
    assert time.monotonic() - begun < within
    assert bot.trouble == []


async def test_restarts_under_load_lose_nothing(tmp_path: Path, chance: random.Random, torture: bool) -> None:
    async with open_stage(tmp_path) as stage:
        auditor = Auditor(stage, remembers_all=True, reply_chunks=REPLY_CHUNKS)
        load = Load(stage, auditor, chance, channels=10)
        endings = [*ENDINGS, *chance.choices(ENDINGS, k=6 if torture else 0)]
        chance.shuffle(endings)
        bot = await first_start(stage)
        for ending in endings:
            async with load.running():
                await asyncio.sleep(chance.uniform(0.2, 0.6))
                await ends(bot, *ending)
            assert auditor.bot_died() == []
            bot = await stage.start(**SETTINGS)
        second = await stage.launch()
        assert await second.ended() == 1
        assert "in use by another Mnemo" in second.log
        await auditor.satisfied()
        await ends(bot, signal.SIGTERM)
        assert auditor.complaints() == []


@asynccontextmanager
async def silence() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """An address at which somebody takes the call, and never says a word; and whether somebody called."""
    called = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        called.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", called


async def while_it_loads_a_vocabulary(stage: Stage) -> None:
    async with silence() as (proxy, called):
        bot = await stage.launch(tokenizer="auto", https_proxy=f"http://{proxy}", chat_model="gpt-4o")
        await stage.until(called.is_set)
        await ends(bot, signal.SIGTERM, within=3)


async def while_it_logs_in(stage: Stage) -> None:
    stage.discord.levers.hang("GET", "/users/@me", seconds=600)
    bot = await stage.launch()
    await stage.until(lambda: any(request.route == "/users/@me" for request in stage.discord.requests))
    await ends(bot, signal.SIGTERM, within=3)


async def while_it_tells_of_its_commands(stage: Stage) -> None:
    stage.discord.levers.hang("PUT", "/applications/**", seconds=600)
    bot = await stage.launch()
    await stage.until(lambda: any(request.method == "PUT" for request in stage.discord.requests))
    await ends(bot, signal.SIGTERM, within=3)


async def while_the_gateway_is_silent(stage: Stage) -> None:
    async with silence() as (gateway, called):
        bot = await stage.launch(discord_gateway_url=f"ws://{gateway}/gateway")
        await stage.until(called.is_set)
        await ends(bot, signal.SIGTERM, within=3)


async def while_discord_is_away(stage: Stage) -> None:
    stage.discord.levers.cut("GET", "/users/@me", times=100)
    bot = await stage.launch()
    await bot.logged("Discord cannot be reached")
    await ends(bot, signal.SIGTERM, within=3)


async def while_the_model_hangs(stage: Stage) -> None:
    auditor = Auditor(stage)
    load = Load(stage, auditor, random.Random(1), channels=3)
    stage.model.levers.hang(600, times=3)
    bot = await stage.start()
    for channel in load.channels:
        await load.tell(channel, 3)
    await stage.until(lambda: len(stage.model.requests) == len(load.channels))
    await ends(bot, signal.SIGTERM)
    bot = await stage.start()
    await auditor.satisfied()
    await ends(bot, signal.SIGTERM)


async def while_the_database_is_locked(stage: Stage) -> None:
    auditor = Auditor(stage)
    load = Load(stage, auditor, random.Random(1), channels=3)
    bot = await stage.start()
    stage.model.tokens_per_second = 100
    for channel in load.channels:
        await load.tell(channel, 3)
    await stage.until(lambda: all(stage.shown(channel) for channel in load.channels))
    with closing(sqlite3.connect(stage.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await stage.world.delete(stage.nemo, load.channels[0], next(iter(auditor.told)))
        await asyncio.sleep(1)
        await ends(bot, signal.SIGTERM)
    stage.model.tokens_per_second = None
    bot = await stage.start()
    await auditor.satisfied()
    await ends(bot, signal.SIGTERM)


async def while_the_database_takes_for_ever(stage: Stage) -> None:
    """One statement cannot be hurried: the process ends all the same, and the next start goes on."""
    auditor = Auditor(stage)
    load = Load(stage, auditor, random.Random(1), channels=3)
    bot = await stage.start(script=SLOW_DATABASE)
    stage.model.tokens_per_second = 100
    for channel in load.channels:
        await load.tell(channel, 3)
    await stage.until(lambda: all(stage.shown(channel) for channel in load.channels))
    (stage.folder / "slow").write_text("30")
    await asyncio.sleep(0.5)
    begun = time.monotonic()
    bot.process.send_signal(signal.SIGTERM)
    assert await bot.ended() == 0
    assert time.monotonic() - begun < STOP_SECONDS
    assert [line.partition(": ")[2] for line in bot.trouble] == [
        "stopping takes too long; the next start ends what is left"
    ]
    bot.log = ""
    (stage.folder / "slow").unlink()
    stage.model.tokens_per_second = None
    bot = await stage.start()
    await auditor.satisfied()
    await ends(bot, signal.SIGTERM)


async def while_it_only_begins(stage: Stage) -> None:
    bot = await stage.launch()
    await asyncio.sleep(0.3)
    await ends(bot, signal.SIGTERM, within=3)


#: One after the other each; the ones that wait for long beside the others.
TOGETHER = (
    (while_the_model_hangs,),
    (while_the_database_is_locked,),
    (while_the_database_takes_for_ever,),
    (
        while_it_loads_a_vocabulary,
        while_it_logs_in,
        while_it_tells_of_its_commands,
        while_the_gateway_is_silent,
        while_discord_is_away,
        while_it_only_begins,
    ),
)


async def test_told_to_stop_while_something_hangs_it_ends_in_time(tmp_path: Path) -> None:
    async def play(scenarios: Sequence[Callable[[Stage], Awaitable[None]]]) -> None:
        for scenario in scenarios:
            folder = tmp_path / scenario.__name__
            folder.mkdir()
            async with open_stage(folder) as stage:
                await scenario(stage)

    await together(play(scenarios) for scenarios in TOGETHER)
