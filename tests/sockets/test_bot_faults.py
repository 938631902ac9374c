"""The bot as its own process, while its settings, the disk or the host let it down: one sentence, and nothing lost."""

from __future__ import annotations

import asyncio
import ctypes
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from bot.gateway import MISSING_INTENT, REFUSED_BY_DISCORD
from playground.discord import LittleDiscord, World
from playground.model import LittleModel
from tests.sockets.conftest import KEY, Stage, free_port, open_stage, play

ONE_CHUNK = " ".join(f"This is sentence number {number} of one message." for number in range(15))

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def fresh(tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage for one test, without a bot."""
    async with open_stage(tmp_path) as stage:
        yield stage


async def test_who_cannot_start_says_why(fresh: Stage) -> None:
    wrong_token = await fresh.launch(discord_token="not.the.token", database_url="sqlite:///a.db")
    fresh.discord.levers.message_content_intent(False)
    no_intent = await fresh.launch(database_url="sqlite:///b.db")
    too_quick = await fresh.launch(reply_timeout_seconds=1, memory_policy="elephant", catch_up_hours=-1)
    no_token = await fresh.launch(discord_token="")
    assert await wrong_token.ended() == 1
    assert REFUSED_BY_DISCORD in wrong_token.log
    assert await no_intent.ended() == 1
    assert MISSING_INTENT in no_intent.log
    assert await too_quick.ended() == 2
    sentences = too_quick.log.splitlines()
    assert [line.split()[0] for line in sorted(sentences)] == [
        "CATCH_UP_HOURS",
        "MEMORY_POLICY",
        "REPLY_TIMEOUT_SECONDS",
    ]
    assert await no_token.ended() == 2
    assert no_token.log.startswith("DISCORD_TOKEN is missing: ")
    assert no_token.log.count("\n") == 1
    for bot in fresh.bots:
        assert bot.trouble == []
        assert "not.the.token" not in bot.log


def without_power_over_files() -> None:
    """Let root respect what files say of who may write them: the process that is started next is asked as anybody is."""
    # CAP_DAC_OVERRIDE in linux/capability.h, PR_CAPBSET_DROP in linux/prctl.h
    capability_to_override, drop_from_bounds = 1, 24
    if ctypes.CDLL(None).prctl(drop_from_bounds, capability_to_override, 0, 0, 0):
        os._exit(77)


async def test_a_database_that_may_not_be_written_is_told(fresh: Stage) -> None:
    fresh.database.parent.mkdir()
    sqlite3.connect(fresh.database).close()
    fresh.database.chmod(0o400)
    fresh.database.parent.chmod(0o500)
    bot = await fresh.launch(before=without_power_over_files if os.geteuid() == 0 else None)
    code = await bot.ended()
    fresh.database.parent.chmod(0o700)
    if code == 77:
        pytest.skip("root may write everything here, and cannot give that up")
    assert code == 1
    assert "may not be written" in bot.log
    assert bot.trouble == []


async def test_a_database_of_a_newer_program_is_left_untouched(fresh: Stage) -> None:
    bot = await fresh.start()
    assert await bot.stop() == 0
    with closing(sqlite3.connect(fresh.database)) as db, db:
        db.execute("INSERT INTO migrations VALUES (9999, 'from the future', 0)")
    before = fresh.database.read_bytes()
    bot = await fresh.launch()
    assert await bot.ended() == 1
    assert "written by a newer version of Mnemo" in bot.log
    assert bot.trouble == []
    assert fresh.database.read_bytes() == before


@pytest.mark.parametrize("style", ["text", "json"])
async def test_no_log_tells_what_was_said_or_any_secret(fresh: Stage, style: str) -> None:
    bot = await fresh.start(log_level="debug", log_format=style, openai_log="debug", pythonasynciodebug=1)
    channel = fresh.channel()
    fresh.model.levers.text("The xylophone is in the attic. " * 90)
    fresh.discord.levers.fail("POST", f"/channels/{channel}/messages", status=503)
    await fresh.ask(channel, "Where is the zeppelin?")
    fresh.model.levers.status(401)
    await fresh.ask(channel, "Has the zeppelin landed?")
    fresh.discord.levers.fail("POST", f"/channels/{channel}/messages", status=400, times=2)
    await fresh.tell(channel, "Is it a red zeppelin?")
    await fresh.until(lambda: len([one for one in fresh.requests("POST", channel) if one.status == 400]) == 2)
    await (await fresh.world.slash(fresh.nemo, channel, "memory show")).wait_answered()
    await fresh.until(lambda: fresh.idle)
    assert await bot.stop() == 0
    assert "DEBUG" in bot.log
    for secret in ("zeppelin", "xylophone", KEY, World.BOT_TOKEN):
        assert secret not in bot.log


async def test_what_discord_refuses_for_good_does_not_silence_the_channel(fresh: Stage) -> None:
    bot = await fresh.start()
    channel = fresh.channel()
    fresh.discord.levers.fail("POST", f"/channels/{channel}/messages", status=400, times=2)
    await fresh.tell(channel, "My name is Nemo.")
    await fresh.until(lambda: len(fresh.requests("POST", channel)) == 2)
    assert "Nemo" in await fresh.ask(channel, "What is my name?")
    assert len(fresh.shown(channel)) == 1
    await fresh.until(lambda: fresh.idle)
    assert await bot.stop() == 0
    assert "never retrieved" not in bot.log


async def what_is_not_there_yet_is_waited_for(stage: Stage) -> None:
    api, gateway, model = free_port(), free_port(), free_port()
    bot = await stage.launch(
        discord_api_url=f"http://127.0.0.1:{api}/api/v10",
        discord_gateway_url=f"ws://127.0.0.1:{gateway}/gateway",
        openai_base_url=f"http://127.0.0.1:{model}/v1",
    )
    await bot.logged("Discord cannot be reached")
    async with LittleDiscord(stage.world, port=api):
        await bot.logged("Discord's gateway cannot be reached")
        async with LittleDiscord(stage.world, port=gateway):
            await stage.until(lambda: stage.world.bot_online)
            channel = stage.channel()
            assert "I cannot reach the model" in await stage.ask(channel, "My name is Nemo.")
            assert "the model little-model (CHAT_MODEL) cannot be reached" in bot.log
            async with LittleModel(port=model):
                assert "Nemo" in await stage.ask(channel, "What is my name?")
            assert await bot.stop() == 0


async def a_database_that_another_program_locks_is_waited_for(stage: Stage) -> None:
    bot = await stage.start()
    channel = stage.channel()
    stage.model.levers.text("Understood.", times=None)
    secret = await stage.tell(channel, "My password is hunter2.")
    await stage.answer(channel, secret)
    name = await stage.tell(channel, "My name is Nmeo.")
    await stage.answer(channel, name)
    await stage.until(lambda: stage.idle)
    with closing(sqlite3.connect(stage.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await stage.world.delete(stage.nemo, channel, secret)
        await stage.world.edit(stage.nemo, channel, name, f"<@{stage.world.bot_id}> My name is Nemo.")
        waiting = await stage.tell(channel, "Can you hear me?")
        await bot.logged("is locked by another program")
        await asyncio.sleep(3)
        other.execute("ROLLBACK")
    assert await stage.answer(channel, waiting) == "Understood."
    await stage.until(lambda: not stage.recall("SELECT 1 FROM messages WHERE discord_id = ?", secret))
    await stage.until(lambda: stage.recall("SELECT 1 FROM messages WHERE content = 'My name is Nemo.'"))
    await stage.ask(channel, "What is my name?")
    prompt = str(stage.asked()[-1])
    assert "My name is Nemo." in prompt
    assert "Can you hear me?" in prompt
    assert not any(word in prompt for word in ("hunter2", "Nmeo"))


async def a_database_that_is_locked_while_it_writes_costs_nobody_the_answer(stage: Stage) -> None:
    bot = await stage.start()
    channel = stage.channel()
    stage.model.tokens_per_second = 200
    stage.model.levers.text(ONE_CHUNK, times=2)
    said = await stage.tell(channel, "Tell me a story")
    first = await stage.until(lambda: stage.replies(channel))
    await stage.until(lambda: stage.recall("SELECT 1 FROM chunks WHERE discord_id = ?", int(first[0]["id"])))
    with closing(sqlite3.connect(stage.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await bot.logged("is locked by another program")
        other.execute("ROLLBACK")
    stage.model.tokens_per_second = None
    assert await stage.answer(channel, said) == ONE_CHUNK
    await stage.until(lambda: stage.idle)
    assert stage.shown(channel) == [ONE_CHUNK]


async def test_what_takes_seconds_to_pass(tmp_path: Path) -> None:
    """The pauses in these are discord.py's, SQLite's and ours before another try: they are waited for together."""
    await play(
        tmp_path,
        what_is_not_there_yet_is_waited_for,
        a_database_that_another_program_locks_is_waited_for,
        a_database_that_is_locked_while_it_writes_costs_nobody_the_answer,
    )
