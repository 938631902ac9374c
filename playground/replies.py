"""When a reply of the bot is finished, decided from what anyone in the channel can see.

A reply is one message or several; the first refers to the message that it answers. While the last one is being written it
ends with a mark, and the bot may be typing.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from typing import Any

from playground.discord import Event

Json = dict[str, Any]

#: The mark that the bot puts behind a text that goes on; what Markdown has open there is closed behind it.
_WRITING = re.compile(r"▌[\s`*_~|]*\Z")
#: Between two messages of one reply nothing is to be seen for a moment; this is longer than that moment.
QUIET_SECONDS = 0.6
#: Discord shows "is typing" for so long after each sign of it.
TYPING_SECONDS = 10.0
#: A bot that is at work types anew every few seconds; one that has shown nothing for so long does not answer.
PATIENCE_SECONDS = 60.0


class NoReply(Exception):
    """The bot did not answer, or stopped in the middle."""


def is_writing(content: str) -> bool:
    """Whether a message is still being written."""
    return _WRITING.search(content) is not None


async def reply_to(said: Json, events: AsyncIterator[Event], bot_id: int) -> str:
    """The bot's finished reply to the message *said*, its parts joined by newlines.

    A reply to a later message in the channel counts too: who speaks while others do is answered together with them.
    *events* have to be watched since before it was said. Raises :class:`NoReply`.
    """
    reply = _Reply(said, bot_id)
    while True:
        try:
            async with asyncio.timeout(reply.deadline - time.monotonic()):
                reply.take(await anext(events))
        except TimeoutError:
            break
    if not reply.is_complete:
        raise NoReply("Mnemo did not answer.")
    return "\n".join(reply.parts.values())


class _Reply:
    """What was seen of a reply so far. Times are ``time.monotonic()``, in seconds."""

    def __init__(self, said: Json, bot_id: int) -> None:
        self.parts: dict[int, str] = {}
        self._said_id, self._channel_id = int(said["id"]), said["channel_id"]
        self._bot_id = bot_id
        self._changed_at = self._alive_at = time.monotonic()
        self._typing_until = 0.0

    @property
    def is_complete(self) -> bool:
        """Whether it is there, as far as its text can tell."""
        return bool(self.parts) and not any(map(is_writing, self.parts.values()))

    @property
    def deadline(self) -> float:
        """When it is over if nothing more is seen until then."""
        if self.is_complete:
            return max(self._changed_at + QUIET_SECONDS, self._typing_until)
        return self._alive_at + PATIENCE_SECONDS

    def take(self, event: Event) -> None:
        """Learn from what happened."""
        if event.data.get("channel_id") != self._channel_id:
            return
        match event.kind:
            case "MESSAGE_CREATE" | "MESSAGE_UPDATE" if self._is_part(event.data):
                self.parts[int(event.data["id"])] = event.data["content"]
                self._changed_at = self._alive_at = time.monotonic()
                self._typing_until = 0.0
            case "MESSAGE_DELETE":
                self.parts.pop(int(event.data["id"]), None)
            case "TYPING_START" if int(event.data["user_id"]) == self._bot_id:
                self._alive_at = time.monotonic()
                self._typing_until = self._alive_at + TYPING_SECONDS

    def _is_part(self, message: Json) -> bool:
        if int(message["author"]["id"]) != self._bot_id or "interaction_metadata" in message:
            return False
        if reference := message.get("message_reference"):
            return int(reference["message_id"]) >= self._said_id
        return bool(self.parts)
