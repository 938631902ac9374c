"""People who talk, all at once, in many channels: what a bot is killed, stopped and worn out under. They do as *chance* says.

What they say is ``speech.py``'s; whether they are treated well, the auditor's.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from bot.chunks import WRITING_MARK
from playground.discord.errors import DiscordError
from tests.sockets import speech
from tests.sockets.audit import FILE, Auditor, Told
from tests.sockets.conftest import Stage

#: Sentences of a reply: one that comes at once, one that is edited, ones of two, three and four messages (or three and a file);
#: how often each is wished for.
LENGTHS = {0: 6, 15: 3, 45: 1, 80: 1, 150: 0.5}

#: Tokens a second: at once, and so that a reply is seen being written for a second or more.
SPEEDS = (None, 2000.0, 500.0)

#: What somebody does next, and how often.
DEEDS = {"tell": 12, "chat": 3, "tell at once": 2, "edit": 2, "delete": 1, "reset": 0.3, "press": 1}


class Load:
    """Talk in so many channels. In every third one people also delete, in every fifth an admin resets, and in every second the
    newest reply is stopped, goes on or is written anew."""

    def __init__(
        self, stage: Stage, auditor: Auditor, chance: random.Random, *, channels: int, pause: float = 0.5
    ) -> None:
        self._stage = stage
        self._auditor = auditor
        self._chance = chance
        self._pause = pause
        self._number = 0
        self.channels = [stage.channel() for _ in range(channels)]
        stage.model.levers.writer = speech.write

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Talk as long as the context is open."""
        talking = [asyncio.create_task(self._talk(channel, place)) for place, channel in enumerate(self.channels)]
        try:
            yield
        finally:
            for task in talking:
                task.cancel()
            for outcome in await asyncio.gather(*talking, return_exceptions=True):
                if isinstance(outcome, Exception):
                    raise outcome
            assert self._auditor.told, "nobody said a word"

    async def tell(self, channel: int, sentences: int, *, by: int | None = None, addressed: bool = True) -> int:
        """Let somebody say the next message, each fourth with a file; returns its id."""
        self._number += 1
        text = speech.message(self._number, sentences)
        say = self._stage.tell if addressed else self._stage.say
        return await say(channel, text, by=by, files=[FILE] if self._number % 4 == 0 else [])

    async def tell_with_a_file(self, channel: int, sentences: int) -> int:
        """Let somebody say the next message with a file, whatever its number."""
        self._number += 1
        return await self._stage.tell(channel, speech.message(self._number, sentences), files=[FILE])

    async def edit(self, told: Told) -> None:
        """Let its author give a message another secret."""
        mention = f"<@{self._stage.world.bot_id}> " if told.addressed else ""
        await self._stage.world.edit(told.author, told.channel, told.id, mention + speech.edited(told.content))

    async def reset(self, channel: int) -> None:
        """Let the admin start afresh. A bot that dies meanwhile, or has nothing to forget, shows no button."""
        stage = self._stage
        if stage.world.commands():
            asked = await (await stage.world.slash(stage.marlin, channel, "memory reset")).wait_answered()
            if asked.message is not None and asked.message["components"]:
                button = asked.message["components"][-1]["components"][0]["custom_id"]
                await (await stage.world.click(stage.marlin, channel, int(asked.message["id"]), button)).wait_answered()

    async def press(self, channel: int) -> None:
        """Let somebody press a button under the newest reply that has one; not Stop before a word of it is there."""
        stage = self._stage
        with_buttons = [
            one
            for one in stage.replies(channel)
            if one["components"] and ("Retry" in str(one["components"]) or WRITING_MARK in one["content"])
        ]
        if with_buttons and stage.world.bot_online:
            self._auditor.cut_in.add(channel)
            button = self._chance.choice(with_buttons[-1]["components"][0]["components"])
            who = self._chance.choice((stage.nemo, stage.marlin))
            await stage.world.click(who, channel, int(with_buttons[-1]["id"]), button["custom_id"])

    async def _talk(self, channel: int, place: int) -> None:
        deeds = {
            name: often
            for name, often in DEEDS.items()
            if place % {"delete": 3, "reset": 5, "press": 2}.get(name, 1) == 0
        }
        while True:
            await asyncio.sleep(self._chance.uniform(0, 2 * self._pause))
            self._stage.model.tokens_per_second = self._chance.choice(SPEEDS)
            (deed,) = self._chance.choices(list(deeds), list(deeds.values()))
            with suppress(DiscordError, TimeoutError):  # what they meant is gone, or the bot is
                await self._do(deed, channel)

    async def _do(self, deed: str, channel: int) -> None:
        (sentences,) = self._chance.choices(list(LENGTHS), list(LENGTHS.values()))
        if deed == "tell at once":
            for person in (self._stage.nemo, self._stage.marlin, self._stage.nemo):
                await self.tell(channel, sentences, by=person)
        elif deed == "reset":
            await self.reset(channel)
        elif deed == "press":
            await self.press(channel)
        elif deed in ("edit", "delete"):
            there = [told for told in self._auditor.told.values() if told.channel == channel and not told.deleted]
            if there:
                # One of the last few, so that it is often one that is being answered.
                told = self._chance.choice(there[-4:])
                await (self.edit(told) if deed == "edit" else self._stage.world.delete(told.author, channel, told.id))
        else:
            await self.tell(channel, sentences, addressed=deed == "tell")
