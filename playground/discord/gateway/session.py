"""A gateway session: what the bot asked for, and the events since, numbered and kept until they may be replayed.

A session outlives its connection: that is what RESUME is for. The wire itself is in ``connection.py``.
"""

from __future__ import annotations

import json
import secrets
import time
from collections import deque
from typing import Protocol

from playground.discord.content import redact
from playground.discord.gateway.intents import Intent, wanted
from playground.discord.permissions import Permission
from playground.discord.records import Json
from playground.discord.state import State

#: Events that are kept for a RESUME, and seconds for which a session without a connection is kept.
_BACKLOG, SESSION_SECONDS = 2000, 180.0
_WITH_CONTENT = {"MESSAGE_CREATE", "MESSAGE_UPDATE"}
#: Bots get these of channels that they cannot see, too.
_OF_ALL_CHANNELS = {"CHANNEL_CREATE", "CHANNEL_UPDATE", "CHANNEL_DELETE"}


class Wire(Protocol):
    """What a session sends through."""

    def send(self, text: str) -> None:
        """Send a payload; returns at once."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Close after everything that was sent."""
        ...


class Session:
    """Numbers the events that its bot is to get, and sends them as long as there is a wire."""

    def __init__(self, state: State, intents: Intent) -> None:
        self.id = secrets.token_hex(16)
        self.intents = intents
        self.sequence = 0
        self.wire: Wire | None = None
        self._state = state
        self._backlog: deque[tuple[int, str]] = deque(maxlen=_BACKLOG)
        self._alone_since = 0.0

    def take(self, kind: str, data: Json, channel_id: int | None = None) -> None:
        """Send an event, if the bot asked for it and may see it."""
        if self._visible(kind, channel_id) and wanted(self.intents, kind, data):
            self.dispatch(kind, self._readable(kind, data))

    def dispatch(self, kind: str, data: Json) -> None:
        """Send an event."""
        self.sequence += 1
        text = json.dumps({"op": 0, "s": self.sequence, "t": kind, "d": data})
        self._backlog.append((self.sequence, text))
        if self.wire:
            self.wire.send(text)

    def attach(self, wire: Wire) -> None:
        """Send through this wire from now on."""
        if self.wire:
            self.wire.close(4000, "Resumed elsewhere.")
        self.wire = wire

    def detach(self, wire: Wire) -> None:
        """The wire is broken; events are kept until there is another."""
        if self.wire is wire:
            self.wire = None
            self._alone_since = time.monotonic()

    def can_replay(self, after: int) -> bool:
        """Whether everything after this number is still there."""
        oldest = self._backlog[0][0] if self._backlog else self.sequence + 1
        return oldest <= after + 1

    def replay(self, after: int) -> None:
        """Send again what came after this number."""
        for sequence, text in self._backlog:
            if sequence > after and self.wire:
                self.wire.send(text)

    @property
    def stale(self) -> bool:
        """Whether nobody will come back for it."""
        return self.wire is None and time.monotonic() > self._alone_since + SESSION_SECONDS

    def _visible(self, kind: str, channel_id: int | None) -> bool:
        if channel_id is None or kind in _OF_ALL_CHANNELS:
            return True
        return self._state.may(self._state.bot.id, self._state.channels[channel_id], Permission.VIEW_CHANNEL)

    def _readable(self, kind: str, data: Json) -> Json:
        may_read = self.intents & Intent.MESSAGE_CONTENT and self._state.message_content_intent
        if kind not in _WITH_CONTENT or may_read or "guild_id" not in data:
            return data
        return redact(data, self._state.bot.id)
