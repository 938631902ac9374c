"""What was said, edited and deleted while the bot was down, or its session lost: in memory once, and answered exactly once."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest

from bot.listening import NOT_SAVED, NOTHING_SAID
from bot.transfer import FOUND_LATER
from playground.discord import Permission, messages
from tests.sockets.conftest import Bot, Stage, open_stage, refers_to, together

ANSWERED = "SELECT content FROM messages WHERE channel_id = ? AND role = 'user' ORDER BY position"


def heard(stage: Stage, channel: int) -> list[str]:
    """What is remembered of what people said in a channel, in its order."""
    return stage.recall(ANSWERED, channel)


def answers(stage: Stage, channel: int) -> list[int | None]:
    """Which messages the bot's messages in a channel refer to."""
    return [refers_to(reply) for reply in stage.replies(channel)]


def looks(stage: Stage, channel: int) -> int:
    """How often the bot has asked for a channel's history."""
    return len([one for one in stage.requests("GET", channel) if one.route.endswith("/messages")])


async def settle(stage: Stage) -> None:
    """Wait until everything is answered."""
    await stage.until(lambda: stage.idle)


async def down(stage: Stage, bot: Bot, *, kill: bool) -> None:
    if kill:
        await bot.kill()
    else:
        assert await bot.stop() == 0
        assert bot.trouble == []
    await stage.until(lambda: not stage.world.bot_online)


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
async def test_what_was_said_meanwhile_is_heard_once_and_answered_once(
    stage: Stage, kill: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = stage.world
    dory = world.create_user("dory", display_name="Dory")
    world.add_member(dory, nick="The Forgetful")
    channel, busy, quiet, unread = (stage.channel() for _ in range(4))
    thread = world.create_thread(stage.nemo, channel, "aside")
    archived = world.create_thread(stage.nemo, channel, "put away")
    direct = world.dm(stage.nemo)
    too_early = await stage.tell(channel, "Nobody listens yet.")

    bot = await stage.start()
    for where in (busy, thread, archived):
        await stage.ask(where, "My name is Nemo.", by=dory)
    await stage.answer(direct, await stage.say(direct, "My name is Nemo."))
    greeted = await stage.tell(channel, "")
    await stage.answer(channel, greeted)
    assert [looks(stage, where) for where in (channel, busy, quiet, thread)] == [0, 0, 0, 0]
    await settle(stage)
    await down(stage, bot, kill=kill)
    monkeypatch.setattr(messages, "NONCE_SECONDS", 0.0)  # as after some minutes

    before = len(stage.model.requests)
    own = int(stage.replies(busy)[0]["id"])
    said = {
        channel: [await stage.tell(channel, "Are you there?"), await stage.tell(channel, "Hello?", by=stage.marlin)],
        thread: [await stage.tell(thread, "And here?")],
        archived: [await stage.tell(archived, "And there?", by=dory)],
        direct: [await stage.say(direct, "Between us.")],
        busy: [int((await world.say(stage.nemo, busy, "I reply to you.", reply_to=own))["id"])],
    }
    world.archive_thread(archived)
    await stage.say(channel, "This is not for the bot.")
    withdrawn = await stage.tell(quiet, "Forget it.")
    await world.delete(stage.nemo, quiet, withdrawn)
    await world.edit(stage.marlin, channel, said[channel][1], f"<@{world.bot_id}> Hello, <@{dory}>?")

    bot = await stage.start()
    for where, told in said.items():
        await stage.answer(where, told[-1])
    await settle(stage)
    await asyncio.sleep(0.3)  # for what must not come
    assert [answers(stage, where)[-1:] for where in said] == [told[-1:] for told in said.values()]
    assert len(stage.model.requests) == before + len(said)
    assert answers(stage, channel) == [greeted, said[channel][-1]]
    assert [len(answers(stage, where)) for where in (thread, archived, direct, busy, quiet)] == [2, 2, 2, 2, 0]
    assert heard(stage, channel) == ["Are you there?", "Hello, @The Forgetful?"]
    assert heard(stage, quiet) == []
    assert too_early not in answers(stage, channel)
    names = "SELECT DISTINCT author_name FROM messages WHERE author_id = ?"
    assert stage.recall(names, dory) == ["The Forgetful"]
    assert looks(stage, unread) == 0
    await down(stage, bot, kill=False)


async def test_of_much_that_was_said_the_newest_is_heard_in_its_order(stage: Stage) -> None:
    channel = stage.channel()
    bot = await stage.start(reply_mode="listen")
    await stage.say(channel, "Before.")
    await stage.until(lambda: heard(stage, channel))
    await down(stage, bot, kill=True)
    for number in range(130):
        await stage.say(channel, f"Number {number}.")

    bot = await stage.start(reply_mode="listen", catch_up_messages=120)
    await stage.until(lambda: len(heard(stage, channel)) > 120)
    await stage.say(channel, "After.")
    await stage.until(lambda: "After." in heard(stage, channel))
    assert heard(stage, channel) == ["Before.", *(f"Number {number}." for number in range(10, 130)), "After."]
    assert stage.replies(channel) == []
    await down(stage, bot, kill=False)


async def test_nothing_is_asked_of_channels_that_may_not_be_read(stage: Stage) -> None:
    hidden, mute = stage.channel(), stage.channel()
    bot = await stage.start(reply_mode="all")
    for where in (hidden, mute):
        await stage.answer(where, await stage.say(where, "Hello"))
    await settle(stage)
    await down(stage, bot, kill=False)
    for where in (hidden, mute):
        await stage.say(where, "Are you there?")
    stage.world.set_permissions(hidden, stage.world.bot_id, deny=Permission.VIEW_CHANNEL)
    stage.world.set_permissions(mute, stage.world.bot_id, deny=Permission.READ_MESSAGE_HISTORY)
    before = len(stage.discord.requests)

    bot = await stage.start(reply_mode="all")
    channel = stage.channel()
    await stage.answer(channel, await stage.say(channel, "Are you there?"))
    asked = stage.discord.requests[before:]
    assert not [one for one in asked if str(hidden) in one.route or str(mute) in one.route]
    assert [heard(stage, where) for where in (hidden, mute)] == [["Hello"], ["Hello"]]
    await down(stage, bot, kill=False)


async def test_a_channel_that_was_brought_in_is_no_direct_message_and_goes_with_its_server(stage: Stage) -> None:
    known, brought = stage.channel(), stage.channel()
    bot = await stage.start()
    await stage.ask(known, "My name is Nemo.")
    await settle(stage)
    await down(stage, bot, kill=False)
    await stage.say(brought, "This is not for the bot.")
    said = await stage.tell(brought, "Are you there?")
    (stage.folder / "memory.jsonl").write_text(
        '{"role": "user", "author_id": 42, "author_name": "Dory", "content": "Brought in.", "created_at": 1800000000}'
    )
    importing = await stage.launch("import", str(brought), "memory.jsonl")
    assert await importing.ended() == 0
    assert FOUND_LATER in importing.log

    await stage.start()
    await stage.answer(brought, said)
    await settle(stage)
    assert answers(stage, brought) == [said]
    assert heard(stage, brought) == ["Brought in.", "Are you there?"]
    guild = stage.recall("SELECT guild_id FROM channels WHERE id = ?", known)
    assert stage.recall("SELECT guild_id FROM channels WHERE id = ?", brought) == guild
    stage.world.remove_member(stage.world.bot_id)
    await stage.until(lambda: not stage.recall("SELECT id FROM channels"))


async def test_what_comes_live_waits_for_what_was_said_before(stage: Stage) -> None:
    channel, other = stage.channel(), stage.channel()
    bot = await stage.start(reply_mode="listen")
    await stage.say(channel, "One.")
    await stage.until(lambda: heard(stage, channel))
    await down(stage, bot, kill=True)
    second = await stage.say(channel, "Two, mispelled.")
    third = await stage.tell(channel, "Three. Are you there?")
    secret = await stage.say(channel, "My password is hunter2.")

    stage.discord.levers.hang("GET", f"/channels/{channel}/messages", seconds=1.5, after=True)
    bot = await stage.start(reply_mode="listen")
    await stage.until(lambda: looks(stage, channel))
    await stage.world.edit(stage.nemo, channel, second, "Two, misspelled.")
    await stage.world.delete(stage.nemo, channel, secret)
    fourth = await stage.tell(channel, "Four. Anybody?")
    await stage.ask(other, "Do you answer here meanwhile?")
    assert heard(stage, channel) == ["One."]
    await stage.answer(channel, fourth)
    await settle(stage)
    assert heard(stage, channel) == ["One.", "Two, misspelled.", "Three. Are you there?", "Four. Anybody?"]
    assert sorted({third, fourth} & set(answers(stage, channel))) in ([fourth], [third, fourth])
    assert len(answers(stage, channel)) == len(set(answers(stage, channel)))
    await down(stage, bot, kill=False)


async def test_who_is_forgotten_in_a_server_is_so_with_what_was_said_meanwhile(stage: Stage) -> None:
    here, there = stage.channel(), stage.channel()
    bot = await stage.start(reply_mode="listen")
    await stage.say(there, "My name is Nemo.")
    await stage.until(lambda: heard(stage, there))
    await down(stage, bot, kill=False)
    await stage.say(there, "My secret is the wreck.")
    stage.discord.levers.hang("GET", f"/channels/{there}/messages", seconds=1.5, after=True)
    await stage.start(reply_mode="listen")
    asked = await (await stage.world.slash(stage.nemo, here, "privacy forget-me", {"where": "server"})).wait_answered()
    assert asked.message is not None
    assert "2 messages" in str(asked.message)
    await (await stage.world.click(stage.nemo, here, int(asked.message["id"]), "mnemo:forget-me")).wait_answered()
    await stage.until(lambda: not heard(stage, there))


async def test_who_confirms_it_only_after_a_restart_is_forgotten_with_what_was_said_meanwhile(stage: Stage) -> None:
    here, there = stage.channel(), stage.channel()
    bot = await stage.start(reply_mode="listen")
    await stage.say(there, "My name is Nemo.")
    await stage.until(lambda: heard(stage, there))
    asked = await (await stage.world.slash(stage.nemo, here, "privacy forget-me", {"where": "server"})).wait_answered()
    assert asked.message is not None
    await down(stage, bot, kill=False)
    await stage.say(there, "My secret is the wreck.")
    stage.discord.levers.hang("GET", f"/channels/{there}/messages", seconds=1.5, after=True)
    bot = await stage.start(reply_mode="listen")
    await stage.until(lambda: looks(stage, there))
    await (await stage.world.click(stage.nemo, here, int(asked.message["id"]), "mnemo:forget-me")).wait_answered()
    await stage.say(there, "I come later.", by=stage.marlin)
    await stage.until(lambda: "I come later." in heard(stage, there))
    assert heard(stage, there) == ["I come later."]
    await down(stage, bot, kill=False)


async def test_what_a_proxy_does_not_find_is_not_forgotten_but_asked_for_again(stage: Stage) -> None:
    channel = stage.channel()
    bot = await stage.start(reply_mode="listen")
    said = await stage.say(channel, "My name is Nemo.")
    await stage.until(lambda: heard(stage, channel))
    await down(stage, bot, kill=False)
    messages_of = f"/channels/{channel}/messages"
    stage.discord.levers.fail("GET", messages_of, status=200, body=[])  # as with a permission that has just gone
    stage.discord.levers.fail("GET", f"{messages_of}/{said}", status=404, body="<html>not found</html>")
    bot = await stage.start(reply_mode="listen")
    await stage.until(lambda: len(stage.requests("GET", channel)) >= 2)
    await stage.say(channel, "And here I am.")
    await stage.until(lambda: "And here I am." in heard(stage, channel))
    assert heard(stage, channel) == ["My name is Nemo.", "And here I am."]
    await stage.until(lambda: looks(stage, channel) == 2)
    assert [one.route for one in stage.requests("GET", channel)] == [messages_of, f"{messages_of}/{said}", messages_of]
    assert bot.log.count("what was said earlier could not be fetched") == 1
    await down(stage, bot, kill=False)


async def test_a_history_that_cannot_be_had_is_asked_for_again(stage: Stage) -> None:
    channel = stage.channel()
    bot = await stage.start()
    await stage.ask(channel, "My name is Nemo.")
    await settle(stage)
    await down(stage, bot, kill=True)
    said = await stage.tell(channel, "Are you there?")
    stage.discord.levers.cut("GET", f"/channels/{channel}/messages", times=2)
    bot = await stage.start()
    await stage.answer(channel, said)
    await settle(stage)
    assert len(answers(stage, channel)) == 2
    assert looks(stage, channel) == 3
    assert bot.log.count("what was said earlier could not be fetched") == 1
    await down(stage, bot, kill=False)


async def test_what_was_edited_meanwhile_is_remembered_as_it_is_now(stage: Stage) -> None:
    channel = stage.channel()
    bot = await stage.start()
    said = await stage.tell(channel, "My name is Nmeo.")
    await stage.answer(channel, said)
    await settle(stage)
    await down(stage, bot, kill=False)
    await stage.world.edit(stage.nemo, channel, said, f"<@{stage.world.bot_id}> My name is Nemo.")
    bot = await stage.start()
    await stage.until(lambda: heard(stage, channel) == ["My name is Nemo."])
    assert len(answers(stage, channel)) == 1
    await down(stage, bot, kill=False)


async def test_a_reset_is_not_undone_by_a_death(stage: Stage) -> None:
    channel = stage.channel()
    bot = await stage.start(reset_grace_hours=0)
    await stage.ask(channel, "My password is hunter2.")
    await settle(stage)
    asked = await (await stage.world.slash(stage.marlin, channel, "memory reset")).wait_answered()
    assert asked.message is not None
    button = asked.message["components"][-1]["components"][0]["custom_id"]
    await (await stage.world.click(stage.marlin, channel, int(asked.message["id"]), button)).wait_answered()
    await stage.until(lambda: not heard(stage, channel))
    await down(stage, bot, kill=True)
    said = await stage.tell(channel, "What is my password?")
    bot = await stage.start(reset_grace_hours=0)
    await stage.answer(channel, said)
    assert heard(stage, channel) == ["What is my password?"]
    assert len(answers(stage, channel)) == 2
    await down(stage, bot, kill=False)


@pytest.mark.parametrize("live", [True, False], ids=["live", "while away"])
async def test_a_server_that_it_was_removed_from_is_forgotten(stage: Stage, live: bool) -> None:
    channel = stage.channel()
    thread = stage.world.create_thread(stage.nemo, channel, "aside")
    direct = stage.world.dm(stage.nemo)
    bot = await stage.start()
    for where in (channel, thread):
        await stage.ask(where, "My password is hunter2.")
    await stage.answer(direct, await stage.say(direct, "Between us."))
    await settle(stage)
    if not live:
        await down(stage, bot, kill=False)
    stage.world.remove_member(stage.world.bot_id)
    if not live:
        bot = await stage.start()
    await stage.until(lambda: not stage.recall("SELECT 1 FROM channels WHERE guild_id IS NOT NULL"))
    assert [heard(stage, where) for where in (channel, thread, direct)] == [[], [], ["Between us."]]
    await down(stage, bot, kill=False)


async def a_lost_session(stage: Stage) -> None:
    channel, other = stage.channel(), stage.channel()
    await stage.start()
    await stage.ask(channel, "My name is Nemo.")
    await settle(stage)
    before = len(stage.model.requests)
    stage.discord.levers.forget_sessions()
    said = {channel: await stage.tell(channel, "Are you there?"), other: await stage.tell(other, "And here?")}
    stage.discord.levers.drop_gateway()
    for where, message in said.items():
        await stage.answer(where, message)
    await settle(stage)
    assert [len(answers(stage, where)) for where in said] == [2, 1]
    assert len(stage.model.requests) == before + 2
    looked = looks(stage, channel)
    await stage.ask(channel, "Once more: what is my name?")
    assert looks(stage, channel) == looked


async def what_is_too_old(stage: Stage) -> None:
    channel = stage.channel()
    bot = await stage.start()
    await stage.ask(channel, "My name is Nemo.")
    await settle(stage)
    await down(stage, bot, kill=True)
    old = await stage.tell(channel, "Are you there?")
    await asyncio.sleep(5.5)
    new = await stage.tell(channel, "And now?")
    await stage.start(catch_up_hours=5.5 / 3600)
    await stage.answer(channel, new)
    await settle(stage)
    assert heard(stage, channel) == ["My name is Nemo.", "And now?"]
    assert old not in answers(stage, channel)


async def a_database_that_another_program_locks(stage: Stage) -> None:
    channel = stage.channel()
    bot = await stage.start(reply_mode="listen")
    await stage.ask(channel, "My name is Nemo.")
    await settle(stage)
    stage.model.levers.text("Understood.", times=None)
    with closing(sqlite3.connect(stage.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await stage.say(channel, "Nobody listens.")
        said = await stage.tell(channel, "Can you hear me?")
        bare = await stage.tell(channel, "")
        await bot.logged("is locked by another program")
        other.execute("ROLLBACK")
    await stage.until(lambda: "Understood." in stage.shown(channel))
    await settle(stage)
    assert heard(stage, channel) == ["My name is Nemo.", "Nobody listens.", "Can you hear me?"]
    assert answers(stage, channel).count(said) == 1
    assert NOT_SAVED not in stage.shown(channel)
    assert await stage.answer(channel, bare) == NOTHING_SAID


SLOW: list[Callable[[Stage], Awaitable[None]]] = [
    a_lost_session,
    what_is_too_old,
    a_database_that_another_program_locks,
]


async def test_what_takes_seconds_to_pass(tmp_path: Path) -> None:
    """The pauses in these are discord.py's, SQLite's and the clock's: they are waited for together."""

    async def play(scenario: Callable[[Stage], Awaitable[None]]) -> None:
        folder = tmp_path / getattr(scenario, "__name__", "")
        folder.mkdir()
        async with open_stage(folder) as stage:
            await scenario(stage)
            assert await stage.bots[-1].stop() == 0
            assert stage.bots[-1].trouble == []

    await together(play(scenario) for scenario in SLOW)
