"""Forgetting is real: of what was edited, deleted or reset no byte stays in the files or the log, the bot being its own process.

The housekeeping that runs each minute runs all the time here; nothing else is changed.
"""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.introduction import OPTED_OUT
from playground.discord import Permission
from tests.sockets.conftest import Bot, Stage, open_stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

HASTY = """
import runpy, sys
from discord.ext import tasks
each_minute, tasks.loop = tasks.loop, lambda **_: each_minute(seconds=0.1)
sys.argv = ["bot", "run"]
runpy.run_module("bot", run_name="__main__")
"""

SETTINGS = {
    "memory_policy": "summary",
    "memory_max_tokens": 700,
    "reset_grace_hours": 0.0001,
    "retention_days": 1,
    "log_level": "DEBUG",
    "system_prompt": "You are a test.",
}

#: What the model says from then on when it is told to summarize or asked: it repeats nothing of what it has read.
NOTHING = "Nothing of note."


async def start(stage: Stage) -> Bot:
    return await stage.start(script=HASTY, **SETTINGS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """One bot for all tests of this file; each talks in channels of its own, of a secret of its own."""
    async with open_stage(tmp_path_factory.mktemp("erasure")) as stage:
        await start(stage)
        yield stage
        bot = stage.bots[-1]
        assert await bot.stop() == 0
        assert [line for one in stage.bots for line in one.trouble] == []


def in_files(stage: Stage, word: str) -> list[str]:
    """The names of the files that hold *word*, in whatever case; the index may hold neither its end nor its beginning."""
    files = sorted(path for path in stage.folder.rglob("*") if path.is_file())
    assert {"mnemo.db", "mnemo.db-wal"} <= {path.name for path in files}
    return [path.name for path in files if word[1:-1].lower().encode() in path.read_bytes().lower()]


async def gone(stage: Stage, *words: str) -> None:
    await stage.until(lambda: not any(in_files(stage, word) for word in words))
    assert not any(word in bot.log for bot in stage.bots for word in words)


def remembered(stage: Stage, channel: int) -> list[str]:
    return stage.recall("SELECT content FROM messages WHERE channel_id = ? ORDER BY position", channel)


async def summarized(stage: Stage, channel: int, word: str) -> tuple[int, int]:
    """Let Nemo tell a secret and talk on until it is in a summary; return the ids of the message and of the reply."""
    stage.model.levers.text(f"A {word} it is, and another {word}.")
    said = await stage.tell(channel, f"My secret is a {word}, of all things.")
    await stage.answer(channel, said)
    reply = int(stage.replies(channel)[0]["id"])
    number = 0
    while not stage.recall("SELECT 1 FROM summaries WHERE channel_id = ? AND text LIKE ?", channel, f"%{word}%"):
        await stage.ask(
            channel, f"Fact {number} is that animal{number} lives in town{number} by the river, as always. " * 2
        )
        number += 1
    assert in_files(stage, word)
    stage.model.levers.text(NOTHING, times=None)
    return said, reply


async def edit(stage: Stage, channel: int, said: int, reply: int) -> None:
    await stage.world.edit(stage.nemo, channel, said, f"<@{stage.world.bot_id}> Nothing at all.")
    await stage.world.delete(stage.marlin, channel, reply)  # the bot's own words stay when somebody else's change


async def delete(stage: Stage, channel: int, said: int, reply: int) -> None:
    await stage.world.delete(stage.nemo, channel, said)


async def bulk_delete(stage: Stage, channel: int, said: int, reply: int) -> None:
    await stage.world.bulk_delete(stage.marlin, channel, [said, reply])


async def reset(stage: Stage, channel: int, said: int, reply: int) -> None:
    asked = await (await stage.world.slash(stage.marlin, channel, "memory reset")).wait_answered()
    assert asked.message is not None
    start_afresh = asked.message["components"][-1]["components"][0]["custom_id"]
    await (await stage.world.click(stage.marlin, channel, int(asked.message["id"]), start_afresh)).wait_answered()


async def delete_the_channel(stage: Stage, channel: int, said: int, reply: int) -> None:
    stage.world.delete_channel(channel)


async def forget_me(stage: Stage, channel: int, said: int, reply: int) -> None:
    await (await stage.world.slash(stage.nemo, channel, "privacy forget-me")).wait_answered()


async def forget_this(stage: Stage, channel: int, said: int, reply: int) -> None:
    await (await stage.world.context_menu(stage.nemo, channel, "Forget this", said)).wait_answered()


Way = Callable[[Stage, int, int, int], Coroutine[Any, Any, None]]
WAYS: dict[str, tuple[str, Way]] = {
    "edit": ("xylophone", edit),
    "delete": ("marimba", delete),
    "bulk delete": ("glockenspiel", bulk_delete),
    "reset past its grace": ("harpsichord", reset),
    "forget me": ("clavichord", forget_me),
    "forget this": ("spinettone", forget_this),
    "delete the channel": ("concertina", delete_the_channel),
}


@pytest.mark.parametrize("how", WAYS)
async def test_no_byte_is_left(stage: Stage, how: str) -> None:
    word, way = WAYS[how]
    channel = stage.channel()
    said, reply = await summarized(stage, channel, word)
    try:
        await way(stage, channel, said, reply)
        await gone(stage, word)
    finally:
        stage.reset()
    if how == "delete the channel":
        assert not stage.recall("SELECT 1 FROM channels WHERE id = ?", channel)


async def opt_out(stage: Stage, channel: int) -> None:
    asked = await (await stage.world.slash(stage.nemo, channel, "privacy opt-out")).wait_answered()
    assert asked.message is not None
    [confirm] = re.findall(r'"custom_id": "([^"]+)"', json.dumps(asked.message["components"]))
    await (await stage.world.click(stage.nemo, channel, int(asked.message["id"]), confirm)).wait_answered()


async def test_who_opts_out_leaves_no_byte_and_comes_back_by_no_restart_or_history(stage: Stage) -> None:
    channel = stage.channel()
    stage.model.levers.text(NOTHING, times=None)
    await stage.ask(channel, "My favorite is the Archaeopteryx.")
    try:
        await opt_out(stage, channel)
        await gone(stage, "Archaeopteryx")
        assert await stage.bots[-1].stop() == 0
        away = await stage.tell(channel, "My secret is the Pterodactyl.")
        await start(stage)
        await stage.until(lambda: stage.referring(channel, away))
        assert stage.referring(channel, away) == [OPTED_OUT]
        await stage.ask(channel, "And the newts?", by=stage.marlin)
        assert not in_files(stage, "Pterodactyl")
        assert not any("Pterodactyl" in json.dumps(asked) for asked in stage.asked())
    finally:
        await (await stage.world.slash(stage.nemo, channel, "privacy opt-in")).wait_answered()
        stage.reset()


async def test_a_reply_that_a_moderator_deletes_leaves_no_byte(stage: Stage) -> None:
    channel = stage.channel()
    stage.model.levers.text("The secret ingredient is asafoetida.")
    await stage.ask(channel, "What is in the soup?")
    await stage.until(lambda: stage.idle)
    await stage.world.delete(stage.marlin, channel, int(stage.replies(channel)[0]["id"]))
    await gone(stage, "asafoetida")
    assert remembered(stage, channel) == ["What is in the soup?"]


async def test_a_deleted_thread_is_forgotten_and_its_channel_is_not(stage: Stage) -> None:
    channel = stage.channel()
    await stage.ask(channel, "Our cat is called Pixel.")
    thread = stage.world.create_thread(stage.nemo, channel, "dogs")
    await stage.ask(thread, "Our dog is a Weimaraner.")
    stage.world.delete_channel(thread)
    await gone(stage, "Weimaraner")
    assert "Pixel" in remembered(stage, channel)[0]


async def test_the_threads_of_a_deleted_channel_are_forgotten_with_it(stage: Stage) -> None:
    channel = stage.channel()
    thread = stage.world.create_thread(stage.nemo, channel, "dogs")
    await stage.ask(thread, "Our dog is a Rottweiler.")
    stage.world.delete_channel(channel)
    await gone(stage, "Rottweiler")


async def test_what_is_too_old_leaves_no_byte_and_the_rest_stays(stage: Stage, tmp_path: Path) -> None:
    channel = stage.channel()
    stage.model.levers.text(NOTHING, times=None)
    await stage.ask(channel, "Today I saw a Nightingale.")
    await stage.until(lambda: stage.idle)
    assert await stage.bots[-1].stop() == 0
    days_ago = time.time() - 3 * 86_400
    old = [
        {
            "role": "user",
            "author_id": 1,
            "author_name": "Nemo",
            "content": f"Old: a Cockatiel, {number}",
            "created_at": days_ago,
        }
        for number in range(300)
    ]
    file = tmp_path / "old.jsonl"
    file.write_text("".join(f"{json.dumps(line)}\n" for line in old))
    importing = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "import", str(channel), str(file)), cwd=stage.folder, env=stage.environment()
    )
    assert await importing.wait() == 0
    assert len(remembered(stage, channel)) == 302

    await start(stage)
    await gone(stage, "Cockatiel")
    assert remembered(stage, channel) == ["Today I saw a Nightingale.", NOTHING]
    asked = await (await stage.world.slash(stage.marlin, channel, "memory show")).wait_answered()
    assert asked.message is not None
    assert "for a day, as the host set it" in json.dumps(asked.message["components"])
    stage.reset()


# While the bot is away


async def test_what_was_deleted_while_away_is_forgotten_and_nothing_else(stage: Stage) -> None:
    channel, hidden, mute, lost = (stage.channel() for _ in range(4))
    said: dict[str, int] = {}
    for word in ("ocelot", "pangolin", "quokka", "numbat"):
        said[word] = await stage.tell(channel, f"My favorite is the {word}.")
        await stage.answer(channel, said[word])
    stage.model.levers.text("The wombat. " * 300)
    await stage.ask(channel, "And yours?")
    await stage.until(lambda: stage.idle)
    chunks = [int(one["id"]) for one in stage.replies(channel)][-2:]
    kept = {where: await stage.tell(where, f"I stay: {where}.") for where in (hidden, mute, lost)}
    for where, message in kept.items():
        await stage.answer(where, message)
    await stage.until(lambda: stage.idle)
    assert await stage.bots[-1].stop() == 0

    await stage.world.delete(stage.nemo, channel, said["ocelot"])  # the oldest
    await stage.world.delete(stage.nemo, channel, said["quokka"])  # between two others
    await stage.world.delete(stage.marlin, channel, chunks[-1])  # the newest, half of a reply
    for where, message in kept.items():  # what cannot be seen is not taken for deleted, even if it is
        await stage.world.delete(stage.nemo, where, message)
    stage.world.set_permissions(hidden, stage.world.bot_id, deny=Permission.VIEW_CHANNEL)
    stage.world.set_permissions(mute, stage.world.bot_id, deny=Permission.READ_MESSAGE_HISTORY)
    stage.world.delete_channel(lost)

    await start(stage)
    await gone(stage, "ocelot", "quokka", "wombat")
    answers = [text for text in remembered(stage, channel) if "Nemo" not in text]
    assert [word for word in said if any(f"the {word}" in text for text in answers)] == ["pangolin", "numbat"]
    assert "And yours?" in answers
    for where in (hidden, mute):
        assert f"I stay: {where}." in remembered(stage, where)
    await stage.until(lambda: not remembered(stage, lost))


async def test_a_server_that_the_bot_was_removed_from_leaves_no_byte(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    for away in (False, True):
        async with open_stage(tmp_path_factory.mktemp("removed")) as stage:
            await start(stage)
            channel = stage.channel()
            stage.model.levers.text(NOTHING, times=None)
            await stage.ask(channel, "Our llama is called Esmeralda.")
            await stage.until(lambda: stage.idle)
            assert in_files(stage, "Esmeralda")
            if away:
                assert await stage.bots[-1].stop() == 0
            stage.world.remove_member(stage.world.bot_id)
            if away:
                await start(stage)
            await gone(stage, "Esmeralda", "llama")
            assert not stage.recall("SELECT id FROM channels")
            assert await stage.bots[-1].stop() == 0


async def test_another_bot_is_refused_before_it_forgets_the_servers_of_the_first(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        bot = await stage.start()
        channel, owner = stage.channel(), stage.world.bot_id
        await stage.ask(channel, "My name is Nemo.")
        await stage.until(lambda: stage.idle)
        assert await bot.stop() == 0
    async with open_stage(tmp_path) as stage:  # another world: what the first bot remembers is in no server of this one
        assert stage.world.bot_id != owner
        refused = await stage.launch()
        assert await refused.ended() == 2
        assert f"the memory of another bot (user id {owner})" in refused.log
        assert "docs/self-hosting.md" in refused.log
        assert refused.trouble == []
        assert stage.recall("SELECT content FROM messages WHERE role = 'user'") == ["My name is Nemo."]

        with closing(sqlite3.connect(stage.database)) as db, db:  # as docs/self-hosting.md says
            db.execute("DELETE FROM owner")
        bot = await stage.start()
        await stage.ask(stage.channel(), "Hello.")
        assert stage.recall("SELECT user_id FROM owner") == [stage.world.bot_id]
        assert await bot.stop() == 0


async def test_more_than_a_page_is_compared_and_an_emptied_channel_by_each_message(stage: Stage) -> None:
    channel, emptied = stage.channel(), stage.channel()
    old = [await stage.tell(channel, "The first is an axolotl."), await stage.tell(channel, "The second is an okapi.")]
    await stage.answer(channel, old[1])
    only = await stage.tell(emptied, "Here was a capybara.")
    await stage.answer(emptied, only)
    await stage.until(lambda: stage.idle)
    for number in range(150):
        await stage.say(channel, f"Chatter {number} that is not for the bot.")
    assert await stage.bots[-1].stop() == 0

    await stage.world.delete(stage.nemo, channel, old[0])
    await stage.world.bulk_delete(stage.marlin, emptied, [only, *(int(one["id"]) for one in stage.replies(emptied))])
    await start(stage)
    await gone(stage, "axolotl", "capybara")
    assert any("okapi" in text for text in remembered(stage, channel))
