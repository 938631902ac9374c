"""The terminal as a chat: lines in, finished replies out, at a keyboard or from a pipe."""

from __future__ import annotations

import asyncio
import os
import pty
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from playground import replies, terminal
from playground.discord import World
from playground.discord import messages as sending
from playground.discord.drafts import Draft

Answer = Callable[["Bot", int], Awaitable[None]]


class Bot:
    """Stands in for Mnemo in #general."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._channel = world.channel_id("general")

    async def type(self) -> None:
        await self._world.type(self._world.bot_id, self._channel)

    def send(self, text: str, reply_to: int | None = None) -> int:
        draft = Draft(text, reference={"message_id": reply_to} if reply_to else None)
        return sending.send(self._world.state, self._world.bot_id, self._channel, draft).id

    def edit(self, message_id: int, text: str) -> None:
        sending.edit(self._world.state, self._world.bot_id, self._channel, message_id, {"content": text}, {})

    async def run(self, answer: Answer) -> None:
        """Answer every message of a person."""
        with self._world.watch() as events:
            async for event in events:
                if event.kind == "MESSAGE_CREATE" and int(event.data["author"]["id"]) != self._world.bot_id:
                    await answer(self, int(event.data["id"]))


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "QUIET_SECONDS", 0.2)


@pytest.fixture
def world() -> Iterator[World]:
    opened = World.open(None)
    opened.seed()
    yield opened
    opened.close()


@pytest.fixture
async def piped(world: World) -> AsyncIterator[Callable[[str, Answer], Awaitable[int]]]:
    """Talk: what is on standard input, and how the bot answers."""

    async def talk(text: str, answer: Answer) -> int:
        reading, writing = os.pipe()
        os.write(writing, text.encode())
        os.close(writing)
        bot = asyncio.create_task(Bot(world).run(answer))
        await asyncio.sleep(0)
        try:
            with os.fdopen(reading) as source:
                return await terminal.talk(world, source)
        finally:
            bot.cancel()
            await asyncio.wait([bot])

    return talk


Talk = Callable[[str, Answer], Awaitable[int]]


async def at_once(bot: Bot, trigger: int) -> None:
    bot.send(f"answer to {trigger}"[:6], trigger)


async def test_no_lines_no_words(piped: Talk, capsys: pytest.CaptureFixture[str]) -> None:
    assert await piped("\n  \n", at_once) == 0
    assert capsys.readouterr().out == ""


async def test_each_line_is_said_with_a_mention_when_the_one_before_is_answered(
    piped: Talk, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await piped("one\ntwo", at_once) == 0

    assert capsys.readouterr().out == "answer\nanswer\n"
    contents = [message["content"] for message in world.messages(world.channel_id("general"))[1:]]
    assert contents == [f"<@{world.bot_id}> one", "answer", f"<@{world.bot_id}> two", "answer"]


async def test_a_reply_is_waited_for_until_it_is_final(piped: Talk, capsys: pytest.CaptureFixture[str]) -> None:
    async def in_pieces(bot: Bot, trigger: int) -> None:
        await bot.type()
        first = bot.send("It is▌", trigger)
        await asyncio.sleep(replies.QUIET_SECONDS + 0.2)
        bot.edit(first, "It is long,")
        await asyncio.sleep(0.1)
        second = bot.send("and has▌")
        await asyncio.sleep(replies.QUIET_SECONDS + 0.2)
        bot.edit(second, "and has two parts.")

    assert await piped("tell me", in_pieces) == 0

    assert capsys.readouterr().out == "It is long,\nand has two parts.\n"


async def test_a_reply_to_who_spoke_in_between_counts(
    piped: Talk, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    async def to_the_newest(bot: Bot, trigger: int) -> None:
        if world.messages(world.channel_id("general"))[-1]["author"]["username"] == "nemo":
            said = await world.say(world.user_id("marlin"), world.channel_id("general"), "me too")
            bot.send("hello both", int(said["id"]))

    assert await piped("hello", to_the_newest) == 0

    assert capsys.readouterr().out == "hello both\n"


async def test_mentions_are_shown_as_names(piped: Talk, world: World, capsys: pytest.CaptureFixture[str]) -> None:
    async def by_name(bot: Bot, trigger: int) -> None:
        bot.send(f"Hi <@{world.user_id('nemo')}> in <#{world.channel_id('general')}>", trigger)

    await piped("hi", by_name)

    assert capsys.readouterr().out == "Hi @Nemo in #general\n"


async def test_silence_is_reported(
    piped: Talk, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent(bot: Bot, trigger: int) -> None:
        pass

    monkeypatch.setattr(replies, "PATIENCE_SECONDS", 0.2)

    assert await piped("hello?", silent) == 1
    assert capsys.readouterr() == ("", "Mnemo did not answer.\n")


async def test_a_line_that_discord_refuses_is_reported_and_the_next_is_sent(
    piped: Talk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await piped("x" * 5000 + "\nshort", at_once) == 1

    out, err = capsys.readouterr()
    assert out == "answer\n"
    assert "4000" in err


async def test_at_a_keyboard(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    keyboard, terminal_end = pty.openpty()
    bot = asyncio.create_task(Bot(world).run(at_once))
    with os.fdopen(terminal_end) as source:
        talking = asyncio.create_task(terminal.talk(world, source))
        os.write(keyboard, b"hello\n")
        await world.wait_for(lambda event: event.kind == "MESSAGE_CREATE" and event.data["content"] == "answer")
        await world.say(world.user_id("marlin"), world.channel_id("general"), "I am here, too")
        await asyncio.sleep(0.1)
        os.write(keyboard, b"/quit\n")
        assert await asyncio.wait_for(talking, 5) == 0
    bot.cancel()
    await asyncio.wait([bot])
    os.close(keyboard)

    out = capsys.readouterr().out
    assert "Mnemo\x1b[0m  answer" in out
    assert "Marlin\x1b[0m  I am here, too" in out
    assert "Nemo\x1b[0m" not in out
