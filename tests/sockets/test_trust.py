"""What nobody may be shown or told, and whom nobody may ping, with the bot as its own process at its most talkative.

Every secret that it is given is looked for wherever it writes: log, Discord, files, the list of processes.
"""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from playground.discord import World
from playground.discord.drafts import MessageFlag
from playground.model.errors import Answer, openai_error
from tests.sockets.conftest import KEY, SECOND_MODEL, Bot, Stage, open_stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

PASSWORD = "pa55-of-the-address"
PROXY_PASSWORD = "pa55-of-the-proxy"
FALLBACK_KEY = "sk-fallback-Very_Secret.9876543210"
FALLBACK_PASSWORD = "pa55-of-the-fallback"
SECRETS = (KEY, FALLBACK_KEY, World.BOT_TOKEN, PASSWORD, FALLBACK_PASSWORD, PROXY_PASSWORD)
SAID = "the treasure lies beneath the old oak"
EVIL = "https://evil.example/login"


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=[pytest.param("text", marks=pytest.mark.torture), "json"]
)
async def stage(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """One bot for each way of writing the log; each test talks in channels of its own."""
    async with open_stage(tmp_path_factory.mktemp("trust")) as stage:
        await stage.launch(
            before=lambda: os.umask(0) and None,
            log_level="DEBUG",
            log_format=request.param,
            openai_log="debug",
            pythonasynciodebug=1,
            **secrets_of(stage),
        )
        await stage.until(lambda: stage.world.bot_online)
        yield stage
        assert await stage.bots[0].stop() == 0
        await what_the_host_runs_tells_none(stage)
        assert told_anywhere(stage) == []


def secrets_of(stage: Stage) -> dict[str, str]:
    """Settings that hold secrets, besides the token and the main model's key."""
    return {
        "openai_base_url": stage.model.base_url.replace("://", f"://host:{PASSWORD}@"),
        "fallback_model": SECOND_MODEL,
        "fallback_base_url": stage.second.base_url.replace("://", f"://host:{FALLBACK_PASSWORD}@"),
        "fallback_api_key": FALLBACK_KEY,
        "http_proxy": f"http://host:{PROXY_PASSWORD}@127.0.0.1:9",
        "no_proxy": "127.0.0.1",
    }


def told_anywhere(stage: Stage) -> list[str]:
    """Where a secret stands, and where what people said stands outside of memory and Discord."""
    logs = "".join(bot.log + bot.output for bot in stage.bots)
    shown = json.dumps([stage.world.messages(channel) for channel in stage.world.state.channels])
    files = {path: path.read_bytes() for path in stage.folder.rglob("*") if path.is_file()}
    found = [f"{secret} in the log" for secret in (*SECRETS, SAID) if secret in logs]
    found += [f"{secret} on Discord" for secret in SECRETS if secret in shown]
    return found + [
        f"{secret} in {path}" for secret in SECRETS for path, data in files.items() if secret.encode() in data
    ]


def echo(status: int, key: str = KEY) -> Answer:
    """An error that repeats what it was sent, as OpenAI's about a wrong key does, and puts it where codes are."""
    told = f"Incorrect API key provided: {key}, for {SAID}."
    return openai_error(status, told, kind=key, code=f"invalid-{key}", param=f"{PASSWORD} {SAID}")


async def test_no_error_of_a_server_is_repeated(stage: Stage) -> None:
    channel = stage.channel()
    levers = stage.model.levers
    for status in (400, 401, 403, 404, 429, 500):
        levers.answer(echo(status), times=None)
        stage.second.levers.answer(echo(status, FALLBACK_KEY), times=None)
        assert (await stage.ask(channel, SAID)).startswith("⚠️ ")
        stage.second.levers.clear()
        await stage.ask(channel, f"{SAID}, says who stands in.")
        levers.clear()
        await stage.ask(channel, f"{SAID}, says who works again.")
    levers.answer(Answer(200, f"<html>{KEY} {SAID}</html>", content_type="text/html"))
    await stage.ask(channel, SAID)
    levers.stream_error(echo(500), after=0)
    await stage.ask(channel, SAID)
    levers.stream_error(echo(500), after=3)
    await stage.ask(channel, SAID)
    levers.clear()
    for status, code in ((500, 0), (400, 50035), (403, 50013)):
        stage.discord.levers.fail(
            "POST", "/channels/*/messages", status=status, body={"message": World.BOT_TOKEN[:4], "code": code}
        )
        await stage.tell(channel, SAID)
        await stage.until(lambda: stage.idle)
    stage.discord.levers.clear()
    stage.discord.levers.drop_gateway()
    await stage.until(lambda: not stage.world.bot_online)
    await stage.until(lambda: stage.world.bot_online)
    await stage.ask(channel, f"{SAID}, is it not?")
    assert told_anywhere(stage) == []


async def test_no_answer_of_a_command_holds_one(stage: Stage) -> None:
    channel = stage.channel()
    await stage.ask(channel, SAID)
    for command in ("show", "prompt", "export", "policy", "summarize", "restore"):
        asked = await (await stage.world.slash(stage.marlin, channel, f"memory {command}")).wait_answered()
        assert asked.message is not None
        assert not any(secret in json.dumps(asked.message) for secret in SECRETS)
    assert told_anywhere(stage) == []


async def test_the_list_of_processes_holds_none(stage: Stage) -> None:
    command = command_line(stage.bots[0])
    assert "-m\0bot\0run" in command
    assert not any(secret in command for secret in SECRETS)


def command_line(bot: Bot) -> str:
    return Path(f"/proc/{bot.process.pid}/cmdline").read_bytes().decode()


async def test_files_are_for_the_bots_user_alone_whatever_the_umask(stage: Stage) -> None:
    channel = stage.channel()
    await stage.ask(channel, SAID)
    await stage.until(lambda: stage.idle)
    with closing(sqlite3.connect(stage.database)) as db, closing(sqlite3.connect(":memory:")) as copy:
        db.backup(copy)
        assert not any(secret.encode() in copy.serialize() for secret in SECRETS)
    names = {path.name for path in stage.folder.rglob("*")}
    assert names >= {"data", "mnemo.db", "mnemo.db-wal", "mnemo.db-shm", "mnemo.db.lock"}
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in stage.folder.rglob("*")}
    assert {mode for name, mode in modes.items() if name != "data"} == {0o600}
    assert modes["data"] == 0o700


async def what_the_host_runs_tells_none(stage: Stage) -> None:
    """What the host takes out and copies is for the host alone; neither these files nor any sentence on the way hold a secret."""
    channel = stage.recall("SELECT channel_id FROM messages WHERE content = ?", SAID)[0]
    for command in (("export", str(channel), "memory.jsonl"), ("backup", "backup.db"), ("doctor",)):
        asked = await stage.launch(*command, before=lambda: os.umask(0) and None, **secrets_of(stage))
        assert not any(secret in command_line(asked) for secret in SECRETS)
        assert await asked.ended() == 0
        assert not any(secret in asked.log + asked.output for secret in SECRETS)
    for name in ("memory.jsonl", "backup.db"):
        assert stat.S_IMODE((stage.folder / name).stat().st_mode) == 0o600
        assert SAID.encode() in (stage.folder / name).read_bytes()


# Whom a reply reaches


async def written(stage: Stage, channel: int, text: str) -> dict[str, Any]:
    """The bot's message when the model says *text*, edited while it is being written."""
    stage.model.levers.text(text)
    stage.model.tokens_per_second = 100
    asked = await stage.tell(channel, "Speak.")
    await stage.answer(channel, asked)
    stage.reset()
    await stage.until(lambda: stage.idle)
    return stage.replies(channel)[-1]


async def test_a_reply_pings_nobody_but_whom_it_answers(stage: Stage) -> None:
    channel = stage.channel()
    role = next(iter(stage.world.state.roles))
    text = f"Attention. @everyone @here <@{stage.marlin}> <@&{role}> and <@{stage.nemo}>! " * 6
    reply = await written(stage, channel, text)
    assert [int(user["id"]) for user in reply["mentions"]] == [stage.nemo]
    assert reply["mention_roles"] == []
    assert reply["mention_everyone"] is False
    sent, edits = stage.requests("POST", channel), stage.requests("PATCH", channel)
    assert edits, "it was to be written in more than one step"
    for request in [one for one in sent if not one.route.endswith("/typing")] + edits:
        allowed = request.body["allowed_mentions"]
        assert allowed["parse"] == []
        assert allowed["users"] == [str(stage.nemo)] or allowed["users"] == [stage.nemo]
        assert not allowed.get("roles")


async def test_a_reply_shows_no_embeds_after_edits_either(stage: Stage) -> None:
    reply = await written(
        stage, stage.channel(), "Look here, at length. " * 20 + "https://example.org and that is all."
    )
    assert reply["flags"] & MessageFlag.SUPPRESS_EMBEDS
    assert reply["embeds"] == []
    assert reply["edited_timestamp"]


async def test_a_masked_link_shows_its_address_at_every_moment_and_memory_keeps_the_models_words(stage: Stage) -> None:
    channel = stage.channel()
    text = (
        "Good news, and a long story too. " * 6
        + f"Now [click here]({EVIL}) and [https://good.example]({EVIL}), please."
    )
    reply = await written(stage, channel, text)
    assert f"[click here] ({EVIL}) and [https://good.example] ({EVIL})" in reply["content"]
    shown = [one.body["content"] for one in stage.requests("POST", channel) if one.body and "content" in one.body]
    shown += [one.body["content"] for one in stage.requests("PATCH", channel)]
    assert len(shown) >= 2
    assert not any("](" in content for content in shown)
    assert stage.recall("SELECT content FROM messages WHERE role = 'assistant' AND channel_id = ?", channel) == [text]


async def test_an_answer_to_a_command_pings_nobody(stage: Stage) -> None:
    channel = stage.channel()
    role = next(iter(stage.world.state.roles))
    loud = f"@everyone <@{stage.nemo}> <@&{role}> [click]({EVIL})"
    await stage.ask(channel, f"Remember the word walrus: {loud}")
    await stage.until(lambda: stage.idle)
    stage.model.levers.text(f"A walrus. {loud}", times=None)
    for command, options in (("summarize", {"focus": loud}), ("show", {}), ("search", {"query": "walrus"})):
        asked = await (await stage.world.slash(stage.marlin, channel, f"memory {command}", options)).wait_answered()
        assert asked.message is not None
        assert (asked.message["mentions"], asked.message["mention_roles"]) == ([], [])
        assert asked.message["mention_everyone"] is False
        assert "](http" not in json.dumps(asked.message["components"]).replace("[go there](http", "")
    stage.reset()
