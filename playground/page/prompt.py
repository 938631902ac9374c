"""What the model would see now, for the page's panel: asked of the bot as an admin would, by `/memory prompt`.

It knows the name of that command and of the file in its answer. What is in the file is between the bot and the browser.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from playground.discord import DiscordError, Event, Interaction, Permission, World
from playground.page import views

Json = dict[str, Any]

_COMMAND = "memory prompt"
_FILE = "prompt.json"
#: A prompt with passages from a large channel takes the bot some milliseconds; one that is busy gets more.
_ANSWER_SECONDS = 10.0

#: What happened is shown after so many seconds in which nothing else does: who speaks is answered in several steps.
_QUIET_SECONDS = 0.5
#: The bot writes a reply down, and summarizes, after the last that anyone sees of it; so it is asked once more.
_AFTERWARDS_SECONDS = 3.0

_MESSAGE_EVENTS = {"MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE", "MESSAGE_DELETE_BULK"}
#: The bot comes, goes, or learns a command.
_BOT_EVENTS = {"BOT_STATUS", "COMMANDS_UPDATE"}


class Prompts:
    """Asks the bot, once at a time, and keeps the questions and answers out of everybody's chat."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._one_at_a_time = asyncio.Lock()
        #: The ids of our interactions, and of the messages that answered them.
        self._own: set[str] = set()

    def is_own(self, data: Json) -> bool:
        """Whether an event or a message is about a question of ours, and nobody's business."""
        return data.get("id") in self._own or (data.get("interaction_metadata") or {}).get("id") in self._own

    async def ask(self, channel_id: int) -> Json:
        """What the model would see in a channel: ``{"channel_id", "report"}``, or a ``sentence`` in place of the report.

        The report is the content of the bot's file.
        """
        async with self._one_at_a_time:
            return {"channel_id": str(channel_id)} | await self._ask(channel_id)

    async def _ask(self, channel_id: int) -> Json:
        if not self._world.bot_online:
            return {"sentence": "Mnemo is offline."}
        try:
            asker = self._asker(channel_id)
            started = await self._world.slash(asker, channel_id, _COMMAND)
        except DiscordError as refusal:
            return {"sentence": f"Mnemo cannot be asked: {refusal.message}"}
        self._own.add(str(started.id))
        try:
            await started.wait_answered(_ANSWER_SECONDS)
            return self._read(started)
        except TimeoutError:
            return {"sentence": "Mnemo did not answer."}
        finally:
            await self._put_away(started)

    def _asker(self, channel_id: int) -> int:
        """An admin, who may ask in the guild; in direct messages, the one person who is there."""
        there = [each for each in views.people(self._world) if self._may(each, channel_id, Permission.VIEW_CHANNEL)]
        return max(there, key=lambda each: self._may(each, channel_id, Permission.MANAGE_GUILD))

    def _may(self, person_id: int, channel_id: int, needed: Permission) -> bool:
        return self._world.may(person_id, channel_id, needed)

    def _read(self, answered: Interaction) -> Json:
        if answered.message is None:
            return {"sentence": "Mnemo did not answer."}
        for attachment in answered.message["attachments"]:
            kept = self._world.state.store.file(int(attachment["id"]))
            if attachment["filename"] == _FILE and kept is not None:
                return {"report": json.loads(kept[1])}
        return {"sentence": answered.message["content"]}

    async def _put_away(self, started: Interaction) -> None:
        """Delete the answer and its files: the world would keep them forever."""
        for message in (started.message, *started.followups):
            if message is not None:
                self._own.add(message["id"])
                await self._world.delete(started.user_id, started.channel_id, int(message["id"]))


class PromptWatch:
    """Keeps the panel of one screen up to date while it is open."""

    def __init__(self, prompts: Prompts, show: Callable[[Json], Awaitable[None]]) -> None:
        self._prompts = prompts
        self._show = show
        self._channel_id: int | None = None
        self._changed = asyncio.Event()

    def follow(self, channel_id: int | None) -> None:
        """Watch a channel in place of another; None: nothing."""
        self._channel_id = channel_id

    def notice(self, event: Event) -> None:
        """Something happened, which may change what the model would see."""
        if self._channel_id is not None and not self._prompts.is_own(event.data) and self._matters(event):
            self._changed.set()

    def _matters(self, event: Event) -> bool:
        if event.kind in _BOT_EVENTS:
            return True
        ended = event.kind == "INTERACTION_UPDATE" and event.data["state"] == "answered"
        here = event.data.get("channel_id") == str(self._channel_id)
        return here and (ended or event.kind in _MESSAGE_EVENTS)

    async def run(self) -> None:
        """Show what the model would see after each change, until cancelled."""
        while True:
            await self._changed.wait()
            while self._changed.is_set():
                self._changed.clear()
                await asyncio.sleep(_QUIET_SECONDS)
            await self._refresh()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), _AFTERWARDS_SECONDS)
            if not self._changed.is_set():
                await self._refresh()

    async def _refresh(self) -> None:
        channel_id = self._channel_id
        if channel_id is None:
            return
        answer = await self._prompts.ask(channel_id)
        if channel_id == self._channel_id:
            await self._show(answer)
