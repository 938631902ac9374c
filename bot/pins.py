"""Pinned messages: what a channel keeps in every prompt, whether one more fits, pinning and unpinning.

It decides; ``cogs`` translate and check who may. Where pins stand in a prompt is ``bot/view.py``'s business.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from bot.conversation import Conversations
from bot.errors import OutOfBounds, UserFacingError
from bot.governance import Governance
from bot.retention import expiry
from bot.said import Said
from bot.view import Viewer
from storage import Store
from storage.records import Message, Place, Standing

#: So many messages may be pinned in a channel: one menu of Discord's lists them all.
MOST_PINS = 25

NOT_WORDS = "I can only keep messages of people, with text or a file, and my own replies."
TOO_MANY = f"There are {MOST_PINS} pins here already, and no more fit: unpin one first (`/memory show`)."
TOO_OLD = "This message is older than what I may keep: whoever hosts me set that limit."
GONE = "This message was deleted, or its author opted out of being remembered: I do not keep it."

_REFUSED: dict[Standing, str] = {
    "put away": "This message was put away by a reset: `/memory restore` brings it back, and then it can be pinned.",
    "unfinished": "I am still writing this reply: wait until it is finished.",
    "forgotten": "I was told to forget this message, and do not take it in again.",
}


class Pins:
    """The pins of all channels."""

    def __init__(
        self,
        store: Store,
        viewer: Viewer,
        conversations: Conversations,
        governance: Governance,
        *,
        retention_days: int | None,
    ) -> None:
        self._store = store
        self._viewer = viewer
        self._conversations = conversations
        self._governance = governance
        self._retention_days = retention_days
        self._pinning = asyncio.Lock()

    async def pin(self, place: Place, message_id: int, said: Said | None) -> Message:
        """Keep a message in every prompt of its channel, and return it. *said* is what it says, None if that is not for us.

        One that is not remembered is, from then on, as long as it is pinned. Raises :class:`bot.errors.UserFacingError`, having
        changed nothing, and :class:`storage.errors.StorageError`.
        """
        async with self._pinning:  # so that two at once cannot take the same room
            standing, message = await self._store.standing(place.channel_id, message_id)
            if standing in _REFUSED:
                raise UserFacingError(_REFUSED[standing])
            if message is not None and message.pinned_at is not None:
                return message
            if message is None:
                await self._keep(place, said)
            else:
                self._check_room(place, await self.of(place.channel_id), message)
                await self._store.pin(message_id, now=time.time())
            _, pinned = await self._store.standing(place.channel_id, message_id)
        if pinned is None:
            raise UserFacingError(GONE)
        return pinned

    async def _keep(self, place: Place, said: Said | None) -> None:
        if said is None:
            raise UserFacingError(NOT_WORDS)
        if said.created_at < expiry(time.time(), self._retention_days):
            raise UserFacingError(TOO_OLD)
        message = Message(0, "user", said.author_id, said.author_name, said.text, 0, said.created_at)
        self._check_room(place, await self.of(place.channel_id), message)
        if not await self._conversations.keep(said):
            raise UserFacingError(GONE)

    def _check_room(self, place: Place, pins: Sequence[Message], more: Message) -> None:
        if len(pins) >= MOST_PINS:
            raise OutOfBounds(TOO_MANY)
        budget = self._viewer.pin_budget(self._governance.holds(place))
        needed = self._viewer.pin_cost([*pins, more])
        if needed > budget:
            raise OutOfBounds(
                f"This does not fit: with it, the pins here would take {needed:,} tokens, and {budget:,} of each prompt are "
                "theirs. Unpin another one (`/memory show`), or raise the channel's budget (`/memory policy`)."
            )

    async def unpin(self, channel_id: int, message_id: int) -> bool:
        """Keep a message in every prompt no more; False if it is not pinned any more."""
        return await self._store.unpin(channel_id, message_id)

    async def unpin_at(self, channel_id: int, position: int) -> bool:
        """Do the same for the message at *position*, which has no id on Discord."""
        return await self._store.unpin_at(channel_id, position)

    async def of(self, channel_id: int) -> tuple[Message, ...]:
        """Return the pinned messages of a channel, as they were pinned."""
        return await self._store.pinned(channel_id)
