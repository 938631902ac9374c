"""Budgets where calls are made at once and processes are killed: the sum is right, and everybody hears of it."""

from __future__ import annotations

from pathlib import Path

from bot.notes import SPENT_SIGN
from tests.sockets.conftest import Stage, play

#: Nobody's call is larger, in tokens.
MOST_REPLY = 50
LARGEST = 500

STORY = "Once upon a time there was a fish. " + "It swam on and on, and nobody knew where it went. " * 20


def used(stage: Stage) -> int:
    [tokens] = stage.recall("SELECT ifnull(sum(prompt_tokens + completion_tokens), 0) FROM usage")
    return int(tokens)


def reserved(stage: Stage) -> int:
    return len(stage.recall("SELECT id FROM reservations"))


async def twenty_channels_ask_at_once(stage: Stage) -> None:
    """Little is left for all of them: some are answered, the others are told, nobody is forgotten."""
    limit = 1_500
    await stage.start(daily_tokens=limit, reply_max_tokens=MOST_REPLY)
    stage.model.levers.hang(0.2, times=None)
    channels = [stage.channel() for _ in range(20)]
    told = [await stage.tell(channel, f"My number is {number}.") for number, channel in enumerate(channels)]
    answers = [await stage.answer(channel, message) for channel, message in zip(channels, told, strict=True)]
    await stage.until(lambda: stage.idle)
    refused = [answer for answer in answers if answer.startswith(SPENT_SIGN)]
    assert 0 < len(refused) < len(channels)
    assert len(stage.model.requests) == len(channels) - len(refused)
    assert limit <= used(stage) < limit + LARGEST, "nobody is refused while anything is left"
    assert reserved(stage) == 0


async def killed_in_the_middle(stage: Stage) -> None:
    bot = await stage.start(daily_tokens=100_000, reply_max_tokens=1_000)
    await stage.until(lambda: stage.recall("SELECT 1 FROM seen"))
    stage.model.tokens_per_second = 30
    stage.model.levers.text(STORY, times=None)
    channels = [stage.channel() for _ in range(3)]
    for channel in channels:
        await stage.tell(channel, "Tell me a story.")
    await stage.until(lambda: all(stage.replies(channel) for channel in channels))
    assert (reserved(stage), used(stage)) == (3, 0)
    await bot.kill()
    assert (reserved(stage), used(stage)) == (3, 0)
    prompts = sum(stage.recall("SELECT prompt_tokens FROM reservations"))
    stage.model.tokens_per_second = None
    await stage.start(daily_tokens=100_000, reply_max_tokens=1_000)
    await stage.until(lambda: stage.idle)
    assert reserved(stage) == 0
    assert stage.recall("SELECT sum(calls) FROM usage") == [6]
    billed = sum(stage.recall("SELECT prompt_tokens + completion_tokens FROM turns"))
    assert used(stage) == prompts + billed
    assert prompts > 0


async def what_a_server_does_not_tell_is_counted(stage: Stage) -> None:
    """A server that tells no usage is no way around a budget."""
    await stage.start(daily_tokens=100, reply_max_tokens=MOST_REPLY)
    stage.model.levers.break_stream(after=3)
    channel = stage.channel()
    assert "broke off" in await stage.ask(channel, "Tell me a story.")
    assert used(stage) > 100
    assert (await stage.ask(channel, "And another one.")).startswith(SPENT_SIGN)


async def test_budgets(tmp_path: Path) -> None:
    await play(tmp_path, twenty_channels_ask_at_once, killed_in_the_middle, what_a_server_does_not_tell_is_counted)
