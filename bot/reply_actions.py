"""What people can do about a reply by the buttons under it: stop it, go on with it, have it written anew.

It decides; ``cogs/replies.py`` translates. The work on a turn, first or once more, is ``bot/turn.py``'s.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection

from bot.conversation import Conversations
from bot.errors import NotPermitted, OutdatedButton, UserFacingError
from bot.fault_points import fault_point
from bot.ports import CUT_SHORT
from storage import Store
from storage.records import Refusal

#: Tells, of the ids of those who asked, whether somebody may change a reply.
May = Callable[[Collection[int]], bool]

NOT_WRITTEN = "This reply is not being written any more."
STOPPING = "This reply is just ending."
NOT_YOURS = "Only who asked, and who manages messages here, can do this."

_REFUSED: dict[Refusal, tuple[type[UserFacingError], str]] = {
    Refusal.NOT_PERMITTED: (NotPermitted, NOT_YOURS),
    Refusal.UNFINISHED: (UserFacingError, "I am still writing this reply."),
    Refusal.OLDER: (OutdatedButton, "I can only change my newest reply here: ask again instead."),
    Refusal.RESET: (OutdatedButton, "The memory of this channel was reset since this reply: ask again instead."),
    Refusal.WHOLE: (UserFacingError, "This reply is whole: ask me if you want more."),
    Refusal.GONE: (OutdatedButton, "Of this reply, or of what it answers, something was deleted: ask again instead."),
}


class ReplyActions:
    """What the buttons do. A reply is meant by the Discord id of any part of it; *may* tells whether the caller may change it."""

    def __init__(self, store: Store, conversations: Conversations) -> None:
        self._store = store
        self._conversations = conversations

    def stop(self, channel_id: int, message_id: int, *, may: May) -> None:
        """End the reply with what is written of it. Raises :class:`bot.errors.UserFacingError` if that cannot be."""
        exchange = self._conversations.exchange_in(channel_id)
        if exchange is None or not exchange.shows(message_id):
            raise UserFacingError(NOT_WRITTEN)
        if not may({trigger.author_id for trigger in exchange.turn.triggers}):
            raise NotPermitted(NOT_YOURS)
        if not exchange.stop():
            raise UserFacingError(STOPPING)

    async def retry(self, message_id: int, *, may: May) -> int:
        """Take the reply out of memory, to be written anew where it stands; returns the channel to :meth:`take_up`.

        Raises :class:`bot.errors.UserFacingError` if that cannot be.
        """
        return await self._reopen(self._store.reopen(message_id, may=may, now=time.time()))

    async def go_on(self, message_id: int, *, may: May) -> int:
        """Let a reply that was cut short be gone on with, in the same way; until it is whole, memory keeps what there is."""
        return await self._reopen(self._store.go_on(message_id, may=may, after=CUT_SHORT, now=time.time()))

    async def _reopen(self, reopening: Awaitable[int | Refusal]) -> int:
        fault_point("button pressed")
        channel_id = await reopening
        if isinstance(channel_id, Refusal):
            error, sentence = _REFUSED[channel_id]
            raise error(sentence)
        fault_point("reopened")
        return channel_id

    def take_up(self, channel_id: int) -> None:
        """Work on what was left in the middle in a channel."""
        self._conversations.take_up(channel_id)
