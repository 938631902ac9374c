"""The terminal as a chat: one is Nemo in #general, and what one types is said to the bot.

At a keyboard everybody's messages are shown as they are finished. Lines from a pipe or a file are sent one by one, each when
the reply to the one before is finished; only the replies go to standard output, so that they can be piped on.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, TextIO

from playground.discord import DiscordError, Event, World, components
from playground.names import WorldNames, plain
from playground.replies import NoReply, is_writing, reply_to

PERSON = "nemo"
CHANNEL = "general"
_QUIT = "/quit"
_PROMPT = "\x1b[2mNemo >\x1b[0m "
_CLEAR_LINE = "\r\x1b[K"


async def talk(world: World, source: TextIO) -> int:
    """Chat until *source* ends, and return the exit code: 1 if a line could not be sent or got no reply."""
    chat = _Chat(world, source.fileno())
    return await chat.at_keyboard() if source.isatty() else await chat.by_line()


class _Chat:
    """One person's side of one channel."""

    def __init__(self, world: World, descriptor: int) -> None:
        self._world = world
        self._descriptor = descriptor
        self._names = WorldNames(world)
        self._me = world.user_id(PERSON)
        self._channel = world.channel_id(CHANNEL)
        self._shown: set[int] = set()

    async def by_line(self) -> int:
        """Send each line when the reply to the one before is finished, and print the replies."""
        code = 0
        async for line in _lines(self._descriptor):
            if not line.strip():
                continue
            with self._world.watch() as events:
                try:
                    said = await self._say(line)
                    print(plain(await reply_to(said, events, self._world.bot_id), self._names), flush=True)
                except (DiscordError, NoReply) as problem:
                    _note(str(problem))
                    code = 1
        return code

    async def at_keyboard(self) -> int:
        """Send what is typed, and show what is said."""
        _note(f"You are Nemo in #{CHANNEL}; everything that you write here mentions Mnemo. {_QUIT} ends.\n")
        with self._world.watch() as events:
            showing = asyncio.create_task(self._show(events), name="terminal-output")
            try:
                _prompt()
                async for line in _lines(self._descriptor):
                    if line.strip() == _QUIT:
                        break
                    await self._type(line)
                    _prompt()
            finally:
                showing.cancel()
                await asyncio.wait([showing])
        return 0

    async def _type(self, line: str) -> None:
        if not line.strip():
            return
        try:
            self._shown.add(int((await self._say(line))["id"]))
        except DiscordError as refusal:
            _note(refusal.message)

    async def _say(self, line: str) -> dict[str, Any]:
        return await self._world.say(self._me, self._channel, f"<@{self._world.bot_id}> {line}")

    async def _show(self, events: AsyncIterator[Event]) -> None:
        async for event in events:
            message = event.data
            if event.kind not in {"MESSAGE_CREATE", "MESSAGE_UPDATE"} or int(message["channel_id"]) != self._channel:
                continue
            if is_writing(message["content"]) or event.only_for is not None or int(message["id"]) in self._shown:
                continue
            self._shown.add(int(message["id"]))
            name = self._names.user(int(message["author"]["id"]))
            words = message["content"] or components.written(message["components"])
            print(f"{_CLEAR_LINE}\x1b[1m{name}\x1b[0m  {plain(words, self._names)}", flush=True)
            _prompt()


async def _lines(descriptor: int) -> AsyncIterator[str]:
    """The lines of an open file. A thread reads them, because a terminal, a pipe and a file wait in different ways."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[str | None] = asyncio.Queue()

    def read() -> None:
        # A terminal that is closed is an error to read from: the end. After the end of play the loop is closed, too.
        with suppress(RuntimeError):
            with suppress(OSError), os.fdopen(descriptor, encoding="utf-8", errors="replace", closefd=False) as file:
                for line in file:
                    loop.call_soon_threadsafe(arrived.put_nowait, line.rstrip("\n"))
            loop.call_soon_threadsafe(arrived.put_nowait, None)

    threading.Thread(target=read, name="terminal-input", daemon=True).start()
    while (line := await arrived.get()) is not None:
        yield line


def _prompt() -> None:
    print(_PROMPT, end="", file=sys.stderr, flush=True)


def _note(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
