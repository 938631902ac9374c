"""The bot as its own process while Discord's gateway fails: one model call and one reply a message, and no storm of IDENTIFYs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.gateway import FOR_GOOD, MISSING_INTENT, REFUSED_BY_DISCORD
from playground.discord.levers import Held
from tests.sockets.conftest import Bot, Stage, open_stage, play

ONE_CHUNK = " ".join(f"This is sentence number {number} of one message." for number in range(15))

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def stage(living: Stage) -> Iterator[Stage]:
    yield living
    living.reset()


Heard = dict[int, tuple[int, str]]


async def heard(stage: Stage, text: str) -> Heard:
    """Let Nemo tell the bot something in a new channel."""
    channel = stage.channel()
    return {channel: (await stage.tell(channel, text), text)}


async def answered_once(stage: Stage, said: Heard) -> None:
    """Each of what was *said* is answered by one message, for which the model was asked once."""
    for channel, (message, text) in said.items():
        await stage.answer(channel, message)
        await stage.until(lambda: stage.idle)
        assert len(stage.shown(channel)) == 1, text
        assert sum(prompt[-1]["content"].endswith(text) for prompt in stage.asked()) == 1, text


async def lost(stage: Stage) -> None:
    await stage.until(lambda: not stage.world.bot_online)


async def back(stage: Stage) -> None:
    await stage.until(lambda: stage.world.bot_online)


#: After these the session is still there. https://discord.com/developers/docs/topics/opcodes-and-status-codes
RESUMABLE = (None, 4000, 4001, 4002, 4003, 4005, 4008, 1000, 1001)


@pytest.mark.parametrize("code", [None, 4000])
async def test_what_is_said_while_the_socket_is_down_is_replayed(stage: Stage, code: int | None) -> None:
    resumes, identifies = len(stage.discord.resumes), len(stage.discord.identifies)
    said = await heard(stage, f"Before {code}.")
    stage.discord.levers.drop_gateway(code)
    await lost(stage)
    said |= await heard(stage, f"Meanwhile {code}.")
    await back(stage)
    said |= await heard(stage, f"Afterwards {code}.")
    await answered_once(stage, said)
    assert len(stage.discord.resumes) == resumes + 1
    assert len(stage.discord.identifies) == identifies


async def test_asked_to_reconnect_it_resumes(stage: Stage) -> None:
    resumes = len(stage.discord.resumes)
    stage.discord.levers.ask_reconnect()
    said = await heard(stage, "Is this a bad time?")
    await stage.until(lambda: len(stage.discord.resumes) > resumes)
    await answered_once(stage, said | await heard(stage, "And now?"))


async def test_a_session_that_is_invalid_but_may_be_resumed_is_resumed(stage: Stage) -> None:
    resumes, identifies = len(stage.discord.resumes), len(stage.discord.identifies)
    stage.discord.levers.invalidate_session(resumable=True)
    said = await heard(stage, "Still the same session?")
    await answered_once(stage, said)
    assert (len(stage.discord.resumes), len(stage.discord.identifies)) == (resumes + 1, identifies)


async def test_a_replay_of_what_was_delivered_changes_nothing(stage: Stage) -> None:
    said = await heard(stage, "Once, please.")
    await answered_once(stage, said)
    stage.discord.levers.overlap_replay(1000)
    stage.discord.levers.drop_gateway()
    await lost(stage)
    said |= await heard(stage, "Once more, please.")
    await back(stage)
    await answered_once(stage, said | await heard(stage, "And a last time."))
    await answered_once(stage, said)


async def test_events_that_come_twice_count_once(stage: Stage) -> None:
    stage.discord.levers.hold_events()
    said = await heard(stage, "Do you see double?")
    stage.discord.levers.release_events(lambda held: [*held, *held])
    await answered_once(stage, said | await heard(stage, "You should not."))
    (channel, _), *_ = said.items()
    assert stage.recall("SELECT count(*) FROM messages WHERE channel_id = ? AND role = 'user'", channel) == [1]


async def test_a_command_that_comes_twice_is_done_once(stage: Stage) -> None:
    (channel, (message, _)), *_ = (await heard(stage, "Remember the anemone.")).items()
    await stage.answer(channel, message)
    await stage.until(lambda: stage.idle)
    asked = await (await stage.world.slash(stage.marlin, channel, "memory reset")).wait_answered()
    assert asked.message
    reset = await stage.world.click(stage.marlin, channel, int(asked.message["id"]), "mnemo:reset:1")
    await reset.wait_answered()
    await stage.until(lambda: stage.recall("SELECT number FROM epochs WHERE channel_id = ? AND number = 2", channel))
    stage.discord.levers.hold_events()
    restore = await stage.world.slash(stage.marlin, channel, "memory restore")
    stage.discord.levers.release_events(lambda held: [*held, *held])
    await restore.wait_answered()
    after = await heard(stage, "A word in between.")
    await answered_once(stage, after)
    assert restore.message
    assert "I remember again" in str(restore.message["components"])
    told = await (await stage.world.slash(stage.marlin, channel, "memory search", {"query": "anemone"})).wait_answered()
    await stage.until(lambda: told.message and told.message["components"])


def edits_first(held: list[Held]) -> list[Held]:
    return sorted(held, key=lambda event: event[0] == "MESSAGE_CREATE")


async def test_an_edit_that_comes_before_its_message_is_what_counts(stage: Stage) -> None:
    channel = stage.channel()
    stage.discord.levers.hold_events()
    message = await stage.tell(channel, "My name is Nmeo.")
    await stage.world.edit(stage.nemo, channel, message, f"<@{stage.world.bot_id}> My name is Nemo.")
    stage.discord.levers.release_events(edits_first)
    await answered_once(stage, {channel: (message, "My name is Nemo.")})
    assert not any("Nmeo" in str(prompt) for prompt in stage.asked())
    assert not stage.recall("SELECT id FROM messages WHERE content LIKE '%Nmeo%'")


async def test_a_deletion_that_comes_before_its_message_is_final(stage: Stage) -> None:
    channel = stage.channel()
    stage.discord.levers.hold_events()
    gone = await stage.tell(channel, "My password is hunter2.")
    await stage.world.delete(stage.nemo, channel, gone)
    stage.discord.levers.release_events(edits_first)
    await answered_once(stage, await heard(stage, "What did I say?"))
    assert stage.shown(channel) == []
    assert not any("hunter2" in str(prompt) for prompt in stage.asked())
    assert not stage.recall("SELECT id FROM messages WHERE content LIKE '%hunter2%'")


async def test_messages_that_change_places_are_all_answered(stage: Stage) -> None:
    channel = stage.channel()
    stage.discord.levers.hold_events()
    texts = [f"This is number {number}." for number in range(3)]
    messages = [await stage.tell(channel, text) for text in texts]
    stage.discord.levers.release_events(lambda held: held[::-1])
    await stage.until(lambda: stage.shown(channel) and stage.idle)
    remembered = stage.recall("SELECT discord_id FROM messages WHERE channel_id = ? AND role = 'user'", channel)
    assert sorted(remembered) == messages
    turns = stage.recall("SELECT status FROM turns WHERE channel_id = ?", channel)
    assert turns == ["answered"] * len(stage.shown(channel))
    told = str([one for one in stage.asked()[-1] if one["role"] == "user"])
    assert [told.count(text) for text in texts] == [1, 1, 1]


async def test_a_socket_that_is_torn_in_mid_reply_costs_nothing(stage: Stage) -> None:
    stage.model.tokens_per_second = 100
    stage.model.levers.text(ONE_CHUNK)
    said = await heard(stage, "Tell me a story.")
    (channel, (message, _)), *_ = said.items()
    await stage.until(lambda: stage.shown(channel))
    stage.discord.levers.drop_gateway()
    await lost(stage)
    meanwhile = await heard(stage, "Did you miss me?")
    assert await stage.answer(channel, message) == ONE_CHUNK
    await answered_once(stage, said | meanwhile)


async def storm(stage: Stage, begin: Callable[[], None], seconds: float = 12.0) -> list[float]:
    """When the bot identified, in seconds from the first on, in a gateway that fails it from the *begin* of the program on."""
    begin()
    bot = await stage.launch()
    await stage.until(lambda: stage.discord.identifies)
    await asyncio.sleep(seconds)
    first, *_ = at = list(stage.discord.identifies)
    assert "The connection to Discord ended early" in bot.log
    stage.reset()
    return [each - first for each in at]


#: In seconds. The next would come after 15, 35, 75 and 155; then one every two minutes.
FIRST_OF_A_STORM = pytest.approx([0, 5], abs=2)


async def sessions_that_never_start(stage: Stage) -> None:
    assert await storm(stage, lambda: stage.discord.levers.refuse_identify(4000)) == FIRST_OF_A_STORM


async def sessions_that_are_always_invalid(stage: Stage) -> None:
    assert await storm(stage, lambda: stage.discord.levers.fail_identify("invalid")) == FIRST_OF_A_STORM


async def sessions_that_end_at_once(stage: Stage) -> None:
    assert await storm(stage, lambda: stage.discord.levers.fail_identify("dropped")) == FIRST_OF_A_STORM


async def a_session_that_is_lost_in_mid_reply_costs_no_reply(stage: Stage) -> None:
    await stage.start()
    channel = stage.channel()
    stage.model.tokens_per_second = 100
    stage.model.levers.text(ONE_CHUNK)
    said = await stage.tell(channel, "Tell me a story")
    await stage.until(lambda: stage.shown(channel))
    stage.discord.levers.invalidate_session(resumable=False)
    await lost(stage)
    assert await stage.answer(channel, said) == ONE_CHUNK
    await back(stage)
    await answered_once(stage, {channel: (said, "Tell me a story")} | await heard(stage, "And now?"))
    assert len(stage.discord.identifies) == 2
    assert stage.discord.identifies[1] - stage.discord.identifies[0] >= 5


async def who_used_up_the_day_waits_for_the_next(stage: Stage) -> None:
    stage.discord.levers.limit_session_starts(remaining=0, reset_after=3)
    begun = time.monotonic()
    await stage.start()
    assert time.monotonic() - begun >= 3
    await answered_once(stage, await heard(stage, "Good morning."))


async def who_used_much_of_the_day_waits_also_after_a_restart(stage: Stage) -> None:
    stage.discord.levers.limit_session_starts(remaining=1)
    for _ in range(2):
        bot = await stage.launch()
        await bot.logged("and this one has started 999")
        await asyncio.sleep(1)
        assert await bot.stop() == 0
    assert stage.discord.identifies == []


async def the_host_is_told(stage: Stage, bot: Bot, sentence: str) -> None:
    assert await bot.ended() == 1
    assert sentence in bot.log
    assert stage.idle


async def a_token_that_is_reset_ends_the_program(stage: Stage) -> None:
    bot = await stage.start()
    stage.discord.levers.drop_gateway(4004)
    await the_host_is_told(stage, bot, REFUSED_BY_DISCORD)


async def an_intent_that_is_taken_ends_the_program(stage: Stage) -> None:
    bot = await stage.start()
    stage.discord.levers.drop_gateway(4014)
    await the_host_is_told(stage, bot, MISSING_INTENT)


async def test_what_takes_seconds_to_pass(tmp_path: Path) -> None:
    await play(
        tmp_path,
        sessions_that_never_start,
        sessions_that_are_always_invalid,
        sessions_that_end_at_once,
        a_session_that_is_lost_in_mid_reply_costs_no_reply,
        who_used_up_the_day_waits_for_the_next,
        who_used_much_of_the_day_waits_also_after_a_restart,
        a_token_that_is_reset_ends_the_program,
        an_intent_that_is_taken_ends_the_program,
    )


@pytest.mark.torture
@pytest.mark.timeout(300)
async def test_every_code_that_leaves_the_session_is_survived(stage: Stage) -> None:
    for code in RESUMABLE:
        said = await heard(stage, f"Before the code {code}.")
        stage.discord.levers.drop_gateway(code)
        await lost(stage)
        said |= await heard(stage, f"During the code {code}.")
        await answered_once(stage, said)


@pytest.mark.torture
@pytest.mark.timeout(300)
@pytest.mark.parametrize("code", FOR_GOOD)
async def test_every_code_that_is_final_ends_the_program_with_its_sentence(tmp_path: Path, code: int) -> None:
    async with open_stage(tmp_path) as stage:
        stage.discord.levers.refuse_identify(code)
        bot = await stage.launch()
        assert await bot.ended() == 1
        assert FOR_GOOD[code].format(code=code) in bot.log
        assert bot.trouble == []
        assert len(stage.discord.identifies) == 1


@pytest.mark.torture
@pytest.mark.timeout(300)
@pytest.mark.parametrize("code", [4007, 4009])
async def test_a_code_that_ends_the_session_begins_another(tmp_path: Path, code: int) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.start()
        stage.discord.levers.drop_gateway(code)
        await lost(stage)
        await back(stage)
        await answered_once(stage, await heard(stage, "A new session?"))


@pytest.mark.torture
@pytest.mark.timeout(300)
async def test_a_connection_that_is_dead_and_does_not_know_it_is_resumed(tmp_path: Path) -> None:
    """discord.py gives a connection up on which nothing came for a minute."""
    async with open_stage(tmp_path) as stage:
        bot = await stage.start()
        await answered_once(stage, await heard(stage, "Are you listening?"))
        stage.discord.levers.silence_gateway()
        said = await heard(stage, "Can you hear me?")
        await stage.until(lambda: not stage.world.bot_online, patience=90)
        await answered_once(stage, said)
        assert (len(stage.discord.resumes), len(stage.discord.identifies)) == (1, 1)
        assert await bot.stop() == 0
        assert bot.trouble == []


MINUTES = pytest.approx([0, 5, 15, 35, 75, 155], abs=4)


async def and_then_it_is_over(stage: Stage) -> None:
    await stage.until(lambda: stage.world.bot_online, patience=130)
    await answered_once(stage, await heard(stage, "Is the storm over?"))


async def minutes_of_sessions_that_never_start(stage: Stage) -> None:
    assert await storm(stage, lambda: stage.discord.levers.refuse_identify(4000), seconds=170) == MINUTES
    await and_then_it_is_over(stage)


async def minutes_of_sessions_that_are_always_invalid(stage: Stage) -> None:
    assert await storm(stage, lambda: stage.discord.levers.fail_identify("invalid"), seconds=170) == MINUTES
    await and_then_it_is_over(stage)


async def minutes_of_sessions_that_end_at_once(stage: Stage) -> None:
    assert await storm(stage, lambda: stage.discord.levers.fail_identify("dropped"), seconds=170) == MINUTES
    await and_then_it_is_over(stage)


@pytest.mark.torture
@pytest.mark.timeout(400)
async def test_the_first_minutes_of_a_storm(tmp_path: Path) -> None:
    await play(
        tmp_path,
        minutes_of_sessions_that_never_start,
        minutes_of_sessions_that_are_always_invalid,
        minutes_of_sessions_that_end_at_once,
    )
