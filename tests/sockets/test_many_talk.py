"""Many people at once: each is answered once, first come first served, and sees meanwhile that the bot has heard them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.chunks import WRITING_MARK
from bot.controls import custom_id
from bot.line import ordinal
from bot.notes import IN_LINE, STOPPED_EARLY
from bot.ports import Button
from bot.signs import HEARD
from tests.sockets.conftest import Stage, play, refers_to

#: The permission bit Add Reactions. https://discord.com/developers/docs/topics/permissions
ADD_REACTIONS = 1 << 6

CHANNELS = 30
LIMIT = 2

#: What the model takes for a reply, in seconds: fifteen rounds of two.
SECONDS = 0.6


def signs(stage: Stage, message_id: int) -> list[str]:
    """The reactions to a message."""
    [found] = [messages[message_id] for messages in stage.world.state.messages.values() if message_id in messages]
    return list(found.reactions)


def shown_to(stage: Stage, channel: int, message_id: int) -> list[str]:
    """All that was ever shown as the answer to a message, as requests."""
    return [one.body["content"] for one in stage.requests("POST", channel) if _answers(one.body, message_id)]


def _answers(body: dict[str, Any], message_id: int) -> bool:
    return int(body.get("message_reference", {}).get("message_id", 0)) == message_id


def refused(stage: Stage) -> list[str]:
    """The requests that met a limit or were forbidden."""
    return [f"{one.method} {one.route} {one.status}" for one in stage.discord.requests if one.status in (403, 429)]


async def quiet(stage: Stage, messages: Sequence[int]) -> None:
    """Wait until no sign stands any more."""
    await stage.until(lambda: not any(signs(stage, message) for message in messages))


async def thirty_channels_at_a_limit_of_two(stage: Stage) -> None:
    await stage.start(max_concurrent_replies=LIMIT)
    stage.model.levers.hang(SECONDS, times=None)
    channels = [stage.channel() for _ in range(CHANNELS)]
    began = time.monotonic()
    told = [await stage.tell(channel, f"My number is {number}.") for number, channel in enumerate(channels)]
    assert not any(signs(stage, message) for message in told[-3:]), "at first typing is enough"
    await stage.until(lambda: sum(signs(stage, message) == [HEARD] for message in told) > CHANNELS // 3)
    typing = {one.route for one in stage.discord.requests if one.route.endswith("/typing")}
    assert {f"/channels/{channel}/typing" for channel in channels[LIMIT:]} <= typing
    place = IN_LINE.format("{}").partition("{}")[0]
    [shown] = await stage.until(lambda: stage.replies(channels[-1]))
    assert shown["content"].startswith(place)
    assert signs(stage, told[-1]) in ([], [HEARD])

    for number, (channel, message) in enumerate(zip(channels, told, strict=True)):
        await stage.until(
            lambda channel=channel, message=message: (
                not any(text.startswith(place) or WRITING_MARK in text for text in stage.referring(channel, message))
                and stage.referring(channel, message)
            )
        )
        assert len(stage.replies(channel)) == 1, number
        assert str(number) in stage.shown(channel)[0]
    assert int(stage.replies(channels[-1])[0]["id"]) == int(shown["id"]), "the place became the reply"
    in_order = [prompt[-1]["content"].rpartition(" ")[2].rstrip(".") for prompt in stage.asked()]
    assert in_order == [str(number) for number in range(CHANNELS)]
    assert time.monotonic() - began >= SECONDS * CHANNELS / LIMIT, "never more than two at once"
    await quiet(stage, told)
    assert refused(stage) == []
    places = [text.removeprefix(place).partition(" ")[0] for text in shown_to(stage, channels[-1], told[-1])]
    assert places[0] in [ordinal(number) for number in range(1, CHANNELS)]


async def ten_people_in_one_channel(stage: Stage) -> None:
    await stage.start()
    stage.model.levers.hang(4.5, times=1)
    channel = stage.channel()
    people = [stage.world.create_user(f"fish-{number}") for number in range(10)]
    for each in people:
        stage.world.add_member(each)
    told = [await stage.tell(channel, "I am fish 0.", by=people[0])]
    await stage.until(lambda: stage.model.requests)
    told += [await stage.tell(channel, f"I am fish {number}.", by=people[number]) for number in range(1, 10)]
    await stage.until(lambda: all(signs(stage, message) == [HEARD] for message in told[1:]))
    assert signs(stage, told[0]) == [], "typing is its sign"
    assert await stage.answer(channel, told[0])
    await stage.until(lambda: stage.idle)
    await quiet(stage, told)
    first, second = stage.asked()
    assert "I am fish 0." in str(first)
    assert all(f"I am fish {number}." in str(second) for number in range(10))
    assert [refers_to(reply) for reply in stage.replies(channel)] == [told[0], told[-1]]
    assert refused(stage) == []


async def without_the_permission_nothing_breaks(stage: Stage) -> None:
    await stage.start()
    channel = stage.channel()
    stage.world.set_permissions(channel, stage.world.guild_id, deny=ADD_REACTIONS)
    stage.model.levers.hang(4.5, times=1)
    told = [await stage.tell(channel, "This is message 0.")]
    await stage.until(lambda: stage.model.requests)
    told += [await stage.tell(channel, f"This is message {number}.") for number in range(1, 4)]
    await stage.answer(channel, told[0])
    await stage.answer(channel, told[-1])
    await stage.until(lambda: stage.idle)
    assert len(refused(stage)) == 1, "it is asked once"
    assert len(stage.replies(channel)) == 2


async def who_stands_in_line_may_leave_it(stage: Stage) -> None:
    await stage.start(max_concurrent_replies=1)
    busy, waiting, deleted, stopped = (stage.channel() for _ in range(4))
    stage.model.levers.hang(10.0, times=1)
    first = await stage.tell(busy, "Write something long.")
    await stage.until(lambda: stage.model.requests)
    second, third = await stage.tell(waiting, "And I?"), await stage.tell(deleted, "And I?")
    await stage.tell(stopped, "And I?")
    await stage.until(lambda: all(stage.replies(channel) for channel in (waiting, deleted, stopped)))
    await stage.world.delete(stage.nemo, deleted, third)
    await stage.world.click(stage.nemo, stopped, int(stage.replies(stopped)[0]["id"]), custom_id(Button.STOP))
    await stage.until(lambda: not stage.replies(deleted) and stage.shown(stopped) == [STOPPED_EARLY])
    assert await stage.answer(busy, first)
    await stage.until(lambda: stage.idle)
    assert not any(IN_LINE.partition("{")[0] in text for text in stage.shown(waiting))
    assert len(stage.model.requests) == 2
    assert [refers_to(reply) for reply in stage.replies(waiting)] == [second]


async def after_a_kill_the_line_forms_again_and_no_sign_is_left(stage: Stage) -> None:
    bot = await stage.start(max_concurrent_replies=1)
    await stage.until(lambda: stage.recall("SELECT 1 FROM seen"))
    stage.model.levers.hang(60.0, times=1)
    channels = [stage.channel() for _ in range(4)]
    told = [await stage.tell(channel, f"My number is {number}.") for number, channel in enumerate(channels)]
    await stage.until(lambda: all(stage.replies(channel) for channel in channels[1:]))
    await stage.tell(channels[1], "And another thing.")
    await asyncio.sleep(3.5)
    await bot.kill()
    stage.reset()
    await stage.start(max_concurrent_replies=1)
    await stage.until(lambda: stage.idle)
    for number, (channel, message) in enumerate(zip(channels, told, strict=True)):
        [answer] = stage.referring(channel, message)
        assert str(number) in answer
    await quiet(stage, told)


async def test_lines(tmp_path: Path) -> None:
    await play(tmp_path, thirty_channels_at_a_limit_of_two, ten_people_in_one_channel)


async def test_signs(tmp_path: Path) -> None:
    await play(
        tmp_path,
        without_the_permission_nothing_breaks,
        who_stands_in_line_may_leave_it,
        after_a_kill_the_line_forms_again_and_no_sign_is_left,
    )
