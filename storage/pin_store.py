"""What every store can do about pinned messages: a part of :class:`storage.store.Store`."""

from __future__ import annotations

from typing import Protocol

from storage.records import Incoming, Message, Standing


class PinStore(Protocol):
    """Pins. A pin is a mark on a remembered message, and goes wherever that goes."""

    async def standing(self, channel_id: int, discord_id: int) -> tuple[Standing, Message | None]:
        """Return where a message on Discord, or what it is a part of, stands in the memory of a channel, and that message."""
        ...

    async def pinned(self, channel_id: int) -> tuple[Message, ...]:
        """Return the pinned messages of the open epoch, as they were pinned."""
        ...

    async def pin(self, discord_id: int, *, now: float) -> bool:
        """Pin a remembered message, once; returns whether it is there."""
        ...

    async def keep(self, message: Incoming, *, now: float) -> bool:
        """Remember *message* for its pin alone, as no part of the conversation.

        Returns False, having changed nothing, for one that is known already, was deleted, or was said by somebody who opted out.
        """
        ...

    async def unpin(self, channel_id: int, discord_id: int) -> bool:
        """Unpin a message of the open epoch; False if it is not pinned there. What was kept for its pin alone is gone."""
        ...

    async def unpin_at(self, channel_id: int, position: int) -> bool:
        """Unpin in the same way what stands at *position* and has no id on Discord: it was brought in from another channel."""
        ...
