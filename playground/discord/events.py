"""Who is told what happens: people's screens, and the bot's gateway sessions.

What happens, and what it means, is decided by who tells.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from playground.discord.records import Json


@dataclass(frozen=True, slots=True)
class Event:
    """Something that somebody can see. *data* is shared: read it, never change it.

    *kind* is Discord's dispatch name, or one of the little Discord's own: ``INTERACTION_UPDATE``, ``BOT_STATUS``,
    ``COMMANDS_UPDATE``. *only_for* is the id of the one person who may see it, None if everyone in the channel may.
    """

    kind: str
    data: Json
    only_for: int | None = None


class Watch:
    """The events from the moment on at which it is entered; ends when the hub closes."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()

    def __enter__(self) -> Self:
        self._hub.watchers.append(self._events)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._hub.watchers.remove(self._events)

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        event = await self._events.get()
        if event is None:
            raise StopAsyncIteration
        return event


#: Takes a dispatch's name and data, and the id of the channel in which it happened (None: everywhere).
GatewaySink = Callable[[str, Json, int | None], None]


class Hub:
    """Passes on what it is told, at once and in order."""

    def __init__(self) -> None:
        self.watchers: list[asyncio.Queue[Event | None]] = []
        self.gateway_sinks: list[GatewaySink] = []

    def show(self, kind: str, data: Json, only_for: int | None = None) -> None:
        """Tell those who watch."""
        for watcher in self.watchers:
            watcher.put_nowait(Event(kind, data, only_for))

    def dispatch(self, kind: str, data: Json, channel_id: int | None = None) -> None:
        """Tell the bot."""
        for sink in self.gateway_sinks:
            sink(kind, data, channel_id)

    def close(self) -> None:
        """End all watches."""
        for watcher in self.watchers:
            watcher.put_nowait(None)
