"""The bot as its own process, while what it is answering is deleted, edited, reset, or forbidden."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest

from bot.chunks import WRITING_MARK, cut
from bot.closed import DOUBTED_SECONDS
from bot.notes import STOPPED_BY_RESET
from cogs.message_menu.forget import STILL_WRITING
from playground.discord import Permission
from tests.sockets.conftest import Bot, Stage, open_stage, refers_to

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: A minute's work at the speed at which the model writes here.
ENDLESS = " ".join(f"This is sentence number {number} of a reply without end." for number in range(1000))


@pytest.fixture
def stage(living: Stage) -> Iterator[Stage]:
    living.model.tokens_per_second = 200
    yield living
    living.reset()


async def begin_endless(stage: Stage, channel: int, text: str = "Tell me everything") -> int:
    """Let Nemo ask for something long, and wait until the beginning is shown."""
    stage.model.levers.text(ENDLESS)
    said = await stage.tell(channel, text)
    await stage.until(lambda: stage.shown(channel))
    return said


async def prompt_of(stage: Stage, channel: int, text: str) -> str:
    """Say *text* and return all that the model saw then."""
    stage.model.tokens_per_second = None
    await stage.ask(channel, text)
    return json.dumps(stage.asked()[-1])


async def test_a_message_deleted_before_the_first_word_is_not_answered_and_is_forgotten(stage: Stage) -> None:
    channel = stage.channel()
    stage.model.levers.hang(600)
    before = len(stage.model.requests)
    said = await stage.tell(channel, "My password is hunter2.")
    await stage.until(lambda: len(stage.model.requests) > before)
    await stage.world.delete(stage.nemo, channel, said)
    await stage.until(lambda: stage.model.active == 0)
    assert "hunter2" not in await prompt_of(stage, channel, "What is my password?")
    assert len(stage.shown(channel)) == 1


async def test_a_message_deleted_in_mid_reply_takes_the_reply_with_it(stage: Stage) -> None:
    channel = stage.channel()
    said = await begin_endless(stage, channel, "My password is hunter2.")
    await stage.until(lambda: len(stage.shown(channel)) == 2)
    await stage.world.delete(stage.nemo, channel, said)
    await stage.until(lambda: not stage.shown(channel))
    await stage.until(lambda: stage.model.active == 0)
    prompt = await prompt_of(stage, channel, "What is my password?")
    assert "hunter2" not in prompt
    assert "without end" not in prompt
    assert len(stage.shown(channel)) == 1


async def test_forgetting_a_person_in_mid_reply_takes_the_reply_with_it(stage: Stage) -> None:
    channel = stage.channel()
    await begin_endless(stage, channel, "My password is hunter2.")
    await (await stage.world.slash(stage.nemo, channel, "privacy forget-me")).wait_answered()
    await stage.until(lambda: not stage.shown(channel) and stage.model.active == 0)
    assert "hunter2" not in await prompt_of(stage, channel, "What is my password?")


async def test_opting_out_in_mid_reply_stops_it_and_no_more_is_heard(stage: Stage) -> None:
    channel = stage.channel()
    await begin_endless(stage, channel, "My password is hunter2.")
    asked = await (await stage.world.slash(stage.nemo, channel, "privacy opt-out")).wait_answered()
    assert asked.message is not None
    try:
        await (await stage.world.click(stage.nemo, channel, int(asked.message["id"]), "mnemo:opt-out")).wait_answered()
        await stage.until(lambda: not stage.shown(channel) and stage.model.active == 0)
    finally:
        await (await stage.world.slash(stage.nemo, channel, "privacy opt-in")).wait_answered()
    assert "hunter2" not in await prompt_of(stage, channel, "What is my password?")


async def test_a_reply_that_is_being_written_cannot_be_forgotten_yet(stage: Stage) -> None:
    channel = stage.channel()
    await begin_endless(stage, channel)
    reply = int(stage.replies(channel)[0]["id"])
    await stage.until(lambda: stage.recall("SELECT 1 FROM chunks WHERE discord_id = ?", reply))
    refused = await (await stage.world.context_menu(stage.marlin, channel, "Forget this", reply)).wait_answered()
    assert refused.message is not None
    assert refused.message["content"] == STILL_WRITING
    before = stage.shown(channel)[0]
    await stage.until(lambda: len("".join(stage.shown(channel))) > len(before))
    await (await stage.world.slash(stage.nemo, channel, "privacy forget-me")).wait_answered()
    await stage.until(lambda: not stage.shown(channel))


async def test_a_purge_of_the_message_and_what_is_shown_of_the_reply_leaves_nothing(stage: Stage) -> None:
    channel = stage.channel()
    said = await begin_endless(stage, channel, "My password is hunter2.")
    shown = [int(message["id"]) for message in stage.replies(channel)]
    await stage.world.bulk_delete(stage.marlin, channel, [*shown, said])
    await stage.until(lambda: stage.idle and stage.model.active == 0)
    prompt = await prompt_of(stage, channel, "What is my password?")
    assert "hunter2" not in prompt
    assert len(stage.shown(channel)) == 1


@pytest.mark.parametrize("deleted", [0, 1])
async def test_of_two_messages_that_are_answered_together_the_remaining_one_is(stage: Stage, deleted: int) -> None:
    channel = stage.channel()
    stage.model.levers.hang(600)
    before = len(stage.model.requests)
    first = await stage.tell(channel, "This only keeps you busy.")
    await stage.until(lambda: len(stage.model.requests) > before)
    said = [await stage.tell(channel, text) for text in ("I have a cat.", "I have a dog.")]
    stage.model.levers.text(ENDLESS)
    await stage.world.delete(stage.nemo, channel, first)
    await stage.until(lambda: stage.shown(channel))
    assert refers_to(stage.replies(channel)[0]) == said[1]

    stage.model.tokens_per_second = None
    await stage.world.delete(stage.nemo, channel, said[deleted])
    answer = await stage.answer(channel, said[1 - deleted])
    assert ("cat" in answer, "dog" in answer) == (deleted == 1, deleted == 0)
    await stage.until(lambda: stage.idle)
    assert stage.shown(channel) == [answer]


async def press_reset(stage: Stage, channel: int) -> str:
    """Let Marlin reset the channel's memory, and return what the question says then."""
    asked = await (await stage.world.slash(stage.marlin, channel, "memory reset")).wait_answered()
    assert asked.message is not None
    start_afresh = asked.message["components"][-1]["components"][0]["custom_id"]
    pressed = await stage.world.click(stage.marlin, channel, int(asked.message["id"]), start_afresh)
    await pressed.wait_answered()
    assert pressed.message is not None
    return str(pressed.message["components"])


async def test_a_reset_stops_the_reply_and_nothing_of_it_reaches_the_new_epoch(stage: Stage) -> None:
    channel = stage.channel()
    await begin_endless(stage, channel, "My password is hunter2.")
    waiting = await stage.tell(channel, "My password is swordfish, too.")
    await stage.until(lambda: stage.recall("SELECT 1 FROM messages WHERE discord_id = ?", waiting))
    told = await press_reset(stage, channel)
    assert "Started afresh" in told
    assert "2 messages are put away" in told
    await stage.until(lambda: STOPPED_BY_RESET in stage.shown(channel)[-1])
    assert WRITING_MARK not in "".join(stage.shown(channel))
    await stage.until(lambda: stage.model.active == 0)
    prompt = await prompt_of(stage, channel, "What is my password?")
    assert not any(word in prompt for word in ("hunter2", "swordfish", "without end"))
    assert all(refers_to(message) != waiting for message in stage.replies(channel))


async def test_a_reset_sends_nothing_more_of_what_the_model_has_written_already(stage: Stage) -> None:
    channel = stage.channel()
    stage.model.tokens_per_second = None
    stage.discord.levers.hang("POST", f"/channels/{channel}/messages", seconds=0)
    stage.discord.levers.hang("POST", f"/channels/{channel}/messages", seconds=0.5)
    await begin_endless(stage, channel)
    await stage.until(lambda: len(stage.requests("POST", channel)) == 2)
    await press_reset(stage, channel)
    await stage.until(lambda: STOPPED_BY_RESET in stage.shown(channel)[-1])
    assert len(stage.shown(channel)) == 2
    assert stage.shown(channel)[0] == cut(ENDLESS)[0]


async def test_a_reset_before_the_first_word_leaves_no_trace(stage: Stage) -> None:
    channel = stage.channel()
    stage.model.levers.hang(600)
    before = len(stage.model.requests)
    await stage.tell(channel, "My password is hunter2.")
    await stage.until(lambda: len(stage.model.requests) > before)
    await press_reset(stage, channel)
    await stage.until(lambda: stage.model.active == 0)
    assert "hunter2" not in await prompt_of(stage, channel, "What is my password?")
    assert len(stage.shown(channel)) == 1


async def test_an_edit_in_mid_reply_changes_memory_and_asks_nothing(stage: Stage) -> None:
    channel = stage.channel()
    stage.model.levers.text("Let me see. " + "I am looking it up now. " * 20)
    before = len(stage.model.requests)
    said = await stage.tell(channel, "My name is Nmeo.")
    await stage.until(lambda: stage.shown(channel))
    await stage.world.edit(stage.nemo, channel, said, f"<@{stage.world.bot_id}> My name is Nemo.")
    await stage.answer(channel, said)
    assert len(stage.model.requests) == before + 1
    prompt = await prompt_of(stage, channel, "What is my name?")
    assert "My name is Nemo." in prompt
    assert "Nmeo" not in prompt
    assert len(stage.shown(channel)) == 2


async def test_a_reply_that_a_moderator_deletes_leaves_memory(stage: Stage) -> None:
    channel = stage.channel()
    stage.model.levers.text("The secret ingredient is arsenic.")
    await stage.ask(channel, "What is in the soup?")
    await stage.world.delete(stage.marlin, channel, int(stage.replies(channel)[0]["id"]))
    prompt = await prompt_of(stage, channel, "Say that again.")
    assert "arsenic" not in prompt
    assert "What is in the soup?" in prompt


async def test_a_chunk_that_a_moderator_deletes_in_mid_reply_stops_the_reply(stage: Stage) -> None:
    channel = stage.channel()
    await begin_endless(stage, channel, "My name is Nemo.")
    await stage.world.delete(stage.marlin, channel, int(stage.replies(channel)[0]["id"]))
    await stage.until(lambda: stage.idle)
    assert stage.shown(channel) == []
    stage.model.tokens_per_second = None
    assert "Nemo" in await stage.ask(channel, "What is my name?")
    assert len(stage.shown(channel)) == 1


async def test_a_channel_that_vanishes_costs_one_line_and_no_storm(stage: Stage, bot: Bot) -> None:
    channel, other = stage.channel(), stage.channel()
    await begin_endless(stage, channel)
    stage.world.delete_channel(channel)
    stage.model.tokens_per_second = None
    await bot.logged(f"Channel {channel} is gone")
    await stage.ask(other, "Are you still there?")
    assert bot.log.count(f"Channel {channel} is gone") == 1
    refused = [one for one in stage.discord.requests if str(channel) in one.route and one.status == 404]
    assert 1 <= len(refused) <= 2


async def test_losing_the_permission_to_speak_costs_one_line_and_no_storm(stage: Stage, bot: Bot) -> None:
    channel, other = stage.channel(), stage.channel()
    stage.world.set_permissions(channel, stage.world.bot_id, deny=Permission.SEND_MESSAGES)
    said = await stage.tell(channel, "Can you hear me?")
    await bot.logged(f"I may not speak in channel {channel}")
    await stage.ask(other, "Are you still there?")
    assert bot.log.count(f"I may not speak in channel {channel}") == 1
    refused = [one for one in stage.discord.requests if str(channel) in one.route and one.status == 403]
    assert 1 <= len(refused) <= 2  # the reply, and typing if the model takes a moment

    stage.world.set_permissions(channel, stage.world.bot_id)
    await asyncio.sleep(DOUBTED_SECONDS)
    assert await stage.ask(channel, "And now?")
    assert all(refers_to(message) != said for message in stage.replies(channel))


async def test_losing_sight_of_the_channel_in_mid_reply_costs_one_line_and_no_storm(stage: Stage, bot: Bot) -> None:
    channel, other = stage.channel(), stage.channel()
    await begin_endless(stage, channel)
    stage.world.set_permissions(channel, stage.world.bot_id, deny=Permission.VIEW_CHANNEL)
    stage.model.tokens_per_second = None
    await bot.logged(f"I may not speak in channel {channel}")
    await stage.ask(other, "Are you still there?")
    assert bot.log.count(f"I may not speak in channel {channel}") == 1
    refused = [one for one in stage.discord.requests if str(channel) in one.route and one.status == 403]
    assert 1 <= len(refused) <= 2


async def test_without_the_history_it_answers_without_referring(stage: Stage) -> None:
    channel = stage.channel()
    stage.world.set_permissions(channel, stage.world.bot_id, deny=Permission.READ_MESSAGE_HISTORY)
    stage.model.tokens_per_second = None
    await stage.tell(channel, "My name is Nemo.")
    await stage.until(lambda: stage.shown(channel))
    await stage.until(lambda: stage.idle)
    assert len(stage.shown(channel)) == 1
    assert "My name is Nemo." in stage.shown(channel)[0]


async def test_without_reset_grace_a_reset_in_mid_reply_deletes_and_stops(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    async with open_stage(tmp_path_factory.mktemp("no-grace")) as stage:
        bot = await stage.start(reset_grace_hours=0)
        stage.model.tokens_per_second = 200
        channel = stage.channel()
        await begin_endless(stage, channel, "My password is hunter2.")
        assert "deleted for good" in await press_reset(stage, channel)
        await stage.until(lambda: STOPPED_BY_RESET in stage.shown(channel)[-1])
        assert stage.recall("SELECT 1 FROM messages") == []
        assert "hunter2" not in await prompt_of(stage, channel, "What is my password?")
        assert await bot.stop() == 0
        assert bot.trouble == []
        assert b"hunter2" not in stage.database.read_bytes()
