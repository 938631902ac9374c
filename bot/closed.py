"""The channels where Discord lets us say nothing: known for a while, so that each is asked about seldom and told of once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from bot.errors import ChannelClosed

log = logging.getLogger(__name__)

#: A refusal is believed for so long, or so long if permissions changed somewhere since: maybe not there, and not ours.
BELIEVED_SECONDS = 600.0
DOUBTED_SECONDS = 1.0

#: The events that may change where we can speak. https://discord.com/developers/docs/events/gateway-events
CHANGES = frozenset(
    {
        "CHANNEL_UPDATE",
        "GUILD_CREATE",
        "GUILD_MEMBER_UPDATE",
        "GUILD_ROLE_DELETE",
        "GUILD_ROLE_UPDATE",
        "THREAD_LIST_SYNC",
        "THREAD_UPDATE",
    }
)


class ClosedChannels:
    """Which channels are closed, and why. *clock* is in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._refused: dict[int, tuple[float, str]] = {}
        self._changed_at = clock()

    def check(self, channel_id: int) -> None:
        """Raise :class:`ChannelClosed` if we were refused there lately."""
        refused = self._refused.get(channel_id)
        if refused is None:
            return
        at, sentence = refused
        believed = BELIEVED_SECONDS if self._changed_at < at else DOUBTED_SECONDS
        if self._clock() < at + believed:
            raise ChannelClosed(sentence)

    def add(self, channel_id: int, sentence: str) -> None:
        """Take in that a channel is closed, and the sentence that says why; the host is told if that is new."""
        if channel_id not in self._refused:
            log.warning("%s", sentence, extra={"channel": channel_id})
        self._refused[channel_id] = self._clock(), sentence

    def remove(self, channel_id: int) -> None:
        """Take in that we could speak there."""
        self._refused.pop(channel_id, None)

    def hear(self, event: str) -> None:
        """Take in that an event of this name came."""
        if event in CHANGES:
            self._changed_at = self._clock()
