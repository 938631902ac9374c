"""The bot as its own process stops, dies and starts again: every message is answered exactly once, and nothing is forgotten."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.chunks import WRITING_MARK, cut
from bot.notes import TOO_OLD
from bot.runtime import REPLIES_GRACE_SECONDS
from playground.discord import Permission
from tests.sockets.conftest import Stage, refers_to

#: Longer than anybody waits here for a reply that is being written.
ENDLESS = " ".join(f"This is sentence number {number} of a reply without end." for number in range(1000))
THREE_CHUNKS = " ".join(f"This is sentence number {number} of three messages." for number in range(100))
ONE_CHUNK = " ".join(f"This is sentence number {number} of one message." for number in range(15))

Act = Callable[[Stage, int], object]


@dataclass(frozen=True)
class Instant:
    """A moment of a turn: what the model *says* (None: it hangs), how fast, which lever is pulled, and how many requests
    of which kind show that the moment has come.

    *whole* says whether the text is complete at this moment, so that no other may be shown in the end.
    """

    says: str | None
    speed: float | None
    sign: tuple[str, int]
    pull: Act = lambda stage, messages: None
    whole: bool = True


def cut_first(stage: Stage, messages: str) -> None:
    stage.discord.levers.cut("POST", messages, times=100)


def cut_first_after(stage: Stage, messages: str) -> None:
    stage.discord.levers.cut("POST", messages, times=100, after=True)


def cut_second(stage: Stage, messages: str) -> None:
    stage.discord.levers.hang("POST", messages, seconds=0)  # the first one passes
    cut_first(stage, messages)


def cut_second_after(stage: Stage, messages: str) -> None:
    stage.discord.levers.hang("POST", messages, seconds=0)
    cut_first_after(stage, messages)


def cut_edits(stage: Stage, messages: str) -> None:
    stage.discord.levers.cut("PATCH", f"{messages}/*", times=100)


def cut_edits_after(stage: Stage, messages: str) -> None:
    stage.discord.levers.cut("PATCH", f"{messages}/*", times=100, after=True)


INSTANTS = {
    "the only chunk did not reach Discord": Instant("Short, on its way.", None, ("POST", 1), cut_first),
    "word of the only chunk did not reach us": Instant("Short, received.", None, ("POST", 1), cut_first_after),
    "the second chunk did not reach Discord": Instant(THREE_CHUNKS, None, ("POST", 2), cut_second),
    "word of the second chunk did not reach us": Instant(THREE_CHUNKS, None, ("POST", 2), cut_second_after),
    "the last edit did not reach Discord": Instant(ONE_CHUNK, 500, ("PATCH", 1), cut_edits),
    "word of the last edit did not reach us": Instant(ONE_CHUNK, 500, ("PATCH", 1), cut_edits_after),
    "a third chunk is being written": Instant(ENDLESS, 500, ("POST", 2), whole=False),
    "a first chunk is being written": Instant(ENDLESS, 500, ("POST", 1), whole=False),
    "nothing is written": Instant(None, 500, ("POST", 0), whole=False),
}


COMPLETE = "SELECT 1 FROM turns WHERE channel_id = ? AND status = 'sending'"


def ids(stage: Stage, channel_id: int) -> list[str]:
    return [message["id"] for message in stage.replies(channel_id)]


async def test_a_death_at_any_instant_costs_nobody_an_answer_and_doubles_none(stage: Stage) -> None:
    bot = await stage.start()
    places: dict[str, tuple[int, int]] = {}
    for number, (name, instant) in enumerate(INSTANTS.items()):
        channel = stage.channel()
        instant.pull(stage, f"/channels/{channel}/messages")
        stage.model.tokens_per_second = instant.speed
        if instant.says is None:
            stage.model.levers.hang(600)
        else:
            stage.model.levers.text(instant.says)
        places[name] = channel, await stage.tell(channel, f"This is message {number}.")
        await stage.until(lambda asked=number + 1: len(stage.model.requests) >= asked)
        method, times = instant.sign
        await stage.until(lambda m=method, c=channel, t=times: len(stage.requests(m, c)) >= t)
        if instant.whole:
            await stage.until(lambda c=channel: stage.recall(COMPLETE, c))
    busy, waiting = channel, await stage.tell(channel, "This one has to wait.")
    await stage.until(lambda: stage.recall("SELECT 1 FROM messages WHERE discord_id = ?", waiting))
    before = {name: ids(stage, channel) for name, (channel, _) in places.items()}
    await bot.kill()

    stage.reset()
    bot = await stage.start()
    await stage.until(lambda: stage.idle)
    assert await bot.stop() == 0
    assert bot.trouble == []
    assert [refers_to(reply) for reply in stage.replies(busy)][1:] == [waiting]
    for number, (name, instant) in enumerate(INSTANTS.items()):
        channel, said = places[name]
        shown = stage.shown(channel)
        assert all(earlier == later for earlier, later in zip(before[name], ids(stage, channel), strict=False)), name
        assert refers_to(stage.replies(channel)[0]) == said, name
        assert WRITING_MARK not in "".join(shown), name
        if instant.whole:
            assert shown == cut(instant.says or ""), name
        else:
            assert len(shown) == (2 if channel == busy else 1), name
            assert f"“This is message {number}.”" in shown[0], name


async def test_told_to_stop_while_it_writes_it_ends_what_it_can_and_the_next_start_ends_the_rest(stage: Stage) -> None:
    bot = await stage.start()
    stage.model.tokens_per_second = 60
    quick, slow, late = (stage.channel() for _ in range(3))
    stage.model.levers.text(ONE_CHUNK)
    stage.model.levers.text(ENDLESS)
    await stage.tell(quick, "Something short")
    await stage.until(lambda: stage.shown(quick))
    said = await stage.tell(slow, "My name is Nemo.")
    await stage.until(lambda: stage.shown(slow))
    waiting = await stage.tell(slow, "I have to wait.")
    begun = time.monotonic()
    stopping = asyncio.create_task(bot.stop())
    await bot.logged("stopping")
    unheard = await stage.tell(late, "I come late.")
    assert await stopping == 0
    assert time.monotonic() - begun < 8
    assert bot.trouble == []
    assert stage.shown(quick) == [ONE_CHUNK]
    half_written = ids(stage, slow)
    assert len(half_written) == 1

    stage.reset()
    bot = await stage.start()
    assert "“My name is Nemo.”" in await stage.answer(slow, said)
    await stage.answer(slow, waiting)
    await stage.answer(late, unheard)
    assert await bot.stop() == 0
    assert [refers_to(message) for message in stage.replies(slow)] == [said, waiting]
    assert ids(stage, slow)[:1] == half_written
    assert stage.shown(quick) == [ONE_CHUNK]
    assert len(stage.shown(late)) == 1


async def test_a_second_bot_on_one_database_ends_and_the_first_one_stops_at_once_when_told(stage: Stage) -> None:
    channel = stage.channel()
    bot = await stage.start()
    await stage.ask(channel, "My name is Nemo.")
    second = await stage.launch()
    assert await second.ended() == 1
    assert "in use by another Mnemo" in second.log
    assert second.trouble == []
    assert stage.world.bot_online

    begun = time.monotonic()
    assert await bot.stop() == 0
    assert time.monotonic() - begun < REPLIES_GRACE_SECONDS
    assert not stage.world.bot_online
    await stage.start()
    assert "My name is Nemo." in await stage.ask(channel, "What is my name?")


async def test_a_reply_of_somebody_else_is_not_taken_for_the_one_that_a_death_kept_from_being_sent(
    stage: Stage,
) -> None:
    channel, kill_at = stage.channel(), stage.folder / "kill_at"
    kill_at.write_text("chunk recorded")
    bot = await stage.start(mnemo_kill_at=kill_at)
    stage.model.levers.text("At nine.")
    said = await stage.tell(channel, "When does the reef close?")
    assert await bot.ended() == -signal.SIGKILL
    kill_at.unlink()
    await stage.world.say(stage.marlin, channel, "At ten, I think.", reply_to=said)

    stage.model.levers.text("At nine.")
    bot = await stage.start()
    await stage.until(lambda: stage.idle)
    assert stage.shown(channel) == stage.referring(channel, said) == ["At nine."]
    assert await bot.stop() == 0
    assert bot.trouble == []


async def test_ten_deaths_during_one_reply(stage: Stage) -> None:
    channel = stage.channel()
    stage.model.tokens_per_second = 200
    stage.model.levers.text(ENDLESS, times=None)
    said = []
    for number in range(10):
        bot = await stage.start()
        said.append(await stage.tell(channel, f"This is message {number}."))
        await stage.until(lambda: stage.shown(channel))
        await stage.until(lambda asked=number + 1: len(stage.model.requests) >= asked)
        await bot.kill()
    stage.reset()
    bot = await stage.start()
    await stage.answer(channel, said[-1])
    assert await bot.stop() == 0
    first, *others = [refers_to(message) for message in stage.replies(channel)]
    assert first == said[0]
    # What was said in the moment of the last death may be heard only while the rest is being answered.
    assert others in ([said[-1]], [said[-2], said[-1]])
    assert WRITING_MARK not in "".join(stage.shown(channel))


async def test_what_is_too_old_or_gone_at_the_start_is_closed_and_who_writes_now_is_answered(stage: Stage) -> None:
    old, gone, hidden = (stage.channel() for _ in range(3))
    bot = await stage.start()
    stage.model.tokens_per_second = 200
    stage.model.levers.text(ENDLESS, times=None)
    said = [await stage.tell(channel, "Is anybody there?") for channel in (old, gone, hidden)]
    await stage.until(lambda: all(stage.shown(channel) for channel in (old, gone, hidden)))
    await bot.kill()
    stage.world.delete_channel(gone)
    stage.world.set_permissions(hidden, stage.world.bot_id, deny=Permission.VIEW_CHANNEL)
    stage.reset()

    bot = await stage.start(catch_up_hours=0)
    assert await stage.answer(old, said[0]) == TOO_OLD
    stage.model.levers.text("Now I am.")
    assert await stage.ask(old, "And now?") == "Now I am."
    roles = [message["role"] for message in stage.asked()[-1]]
    assert roles == [
        "system",
        "user",
        "assistant",
        "user",
    ]  # what was too old has its answer: the model is not to give another
    await stage.until(lambda: stage.idle)
    assert len(stage.shown(old)) == 2
    assert await bot.stop() == 0
    assert bot.log.count(f"Channel {gone} is gone") == 1
    assert bot.log.count(f"I may not speak in channel {hidden}") == 1
    assert bot.trouble == []
