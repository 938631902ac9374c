"""Signs on messages that wait for their answer: a reaction says that they were heard, and goes when the answer comes.

A sign that cannot be shown costs nobody anything: then there is none. What is answered when, ``bot/conversation.py`` decides.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextlib import suppress
from typing import TypeVar
from weakref import WeakValueDictionary

from bot.errors import MessageGone
from bot.ports import Speaker

T = TypeVar("T")

HEARD = "👀"

#: A message that is being answered by then, in seconds, needs no sign: typing or the answer is one.
SIGN_SECONDS = 3.0

#: Discord takes a reaction in 250 ms, in a channel.
PACE_SECONDS = 0.3

#: Where a sign could not be shown, in a channel, none is tried for so many seconds: most often we may not.
NOT_HERE_SECONDS = 600.0


class Signs:
    """The signs in all channels. *is_written* tells of a channel and a message there whether its answer is being written."""

    def __init__(self, is_written: Callable[[int, int], bool]) -> None:
        self._speaker_for: Callable[[int], Speaker] | None = None
        self._is_written = is_written
        #: By channel and message, what is set when the message waits no more.
        self._waiting: dict[int, dict[int, asyncio.Event]] = defaultdict(dict)
        self._pace: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._refused: dict[int, float] = {}
        self._tasks: set[asyncio.Task[object]] = set()

    def attach(self, speaker_for: Callable[[int], Speaker]) -> None:
        """Show signs through the channels that *speaker_for* opens."""
        self._speaker_for = speaker_for

    async def close(self) -> None:
        """Change nothing any more: the signs that stand are taken back by the next start."""
        self._speaker_for = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def wait(self, channel_id: int, message_id: int) -> None:
        """Show a sign on a message, if it still waits in a few seconds."""
        over = self._waiting[channel_id][message_id] = asyncio.Event()
        self._own(self._show(channel_id, message_id, over))

    def answered(self, channel_id: int, message_ids: Collection[int] | None = None) -> None:
        """Take the signs from messages whose answer is there, or comes no more; None: from all of the channel."""
        waiting = self._waiting.pop(channel_id, {})
        for message_id in list(waiting) if message_ids is None else message_ids:
            if over := waiting.pop(message_id, None):
                over.set()
        if waiting:
            self._waiting[channel_id] = waiting

    def take_back(self, channel_id: int, message_ids: Collection[int]) -> None:
        """Take back the signs that an earlier run may have left on messages."""
        for message_id in message_ids:
            self._own(self._remove(channel_id, message_id))

    async def show(self, channel_id: int, message_id: int, emoji: str) -> bool:
        """Show a sign, in its time; False if that could not be."""

        async def react(speaker: Speaker) -> bool:
            if time.monotonic() < self._refused.get(channel_id, 0.0):
                return False
            is_shown = await speaker.react(message_id, emoji)
            if not is_shown:
                self._refused[channel_id] = time.monotonic() + NOT_HERE_SECONDS
            return is_shown

        try:
            return bool(await self._in_pace(channel_id, react))
        except MessageGone:
            return False

    def _own(self, work: Coroutine[None, None, object]) -> None:
        task = asyncio.create_task(work, name="sign")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _show(self, channel_id: int, message_id: int, over: asyncio.Event) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(SIGN_SECONDS):
                await over.wait()
        if over.is_set() or self._is_written(channel_id, message_id):
            return
        if await self.show(channel_id, message_id, HEARD):
            await over.wait()
            await self._remove(channel_id, message_id)

    async def _remove(self, channel_id: int, message_id: int) -> None:
        await self._in_pace(channel_id, lambda speaker: speaker.take_reaction_back(message_id, HEARD))

    async def _in_pace(self, channel_id: int, change: Callable[[Speaker], Awaitable[T]]) -> T | None:
        """Make a change, one after the other in a channel; None if we are about to stop."""
        lock = self._pace.setdefault(channel_id, asyncio.Lock())
        async with lock:
            if self._speaker_for is None:
                return None
            changed = await change(self._speaker_for(channel_id))
            await asyncio.sleep(PACE_SECONDS)
            return changed
