"""The part of :class:`storage.store.Store` that is about turns: who works on them, what is shown and kept of replies."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

from storage.records import Outcome, Overrides, Refusal, Status, Turn


class TurnStore(Protocol):
    """A turn's life: ``claimed -> generating -> sending -> answered``, or ``failed``, ``cancelled``."""

    async def unfinished_channels(self) -> list[int]:
        """Return the ids of the channels where a turn waits, those that wait longest first."""
        ...

    async def begin(
        self, channel_id: int, *, owner: str, lease: float, budget: Callable[[Overrides], int], now: float
    ) -> Turn | None:
        """Take the channel's next turn for *owner* for *lease* seconds; None if there is none.

        A turn that was left in the middle, by *owner* or by somebody whose lease is over, comes before the claimed one.
        A claimed one becomes `generating`: its oldest triggers that fit the *budget* for what the channel sets for itself
        are fixed, at least one; the rest wait in a new claimed turn.
        """
        ...

    async def record_chunk(self, turn: Turn, number: int, text: str) -> bool:
        """Record that a chunk is about to be sent with *text*. False if this attempt was taken away: it must not be sent then."""
        ...

    async def chunk_sent(self, turn: Turn, number: int, discord_id: int) -> None:
        """Record the Discord id of a chunk. A power cut may take it back: who resumes finds the chunk by its nonce and place."""
        ...

    async def retract_chunks(self, turn: Turn, *, first: int) -> None:
        """Mark the chunks from number *first* on as no part of the reply any more, before they are deleted on Discord."""
        ...

    async def drop_chunks(self, turn: Turn, *, first: int) -> None:
        """Forget the chunks from number *first* on, once they are deleted on Discord."""
        ...

    async def complete(
        self, turn: Turn, reply: str, outcome: Outcome, *, first_chunk: str | None = None, now: float
    ) -> bool:
        """`generating -> sending`: the text is whole, and booked. False if this attempt was taken away meanwhile.

        With *first_chunk* it also records, as :meth:`record_chunk` does, that the first chunk is about to be sent with this text.
        """
        ...

    async def finish(self, turn: Turn, *, author_id: int, author_name: str, tokens: int, now: float) -> bool:
        """`sending -> answered`: the reply is a message now. False if this attempt was taken away meanwhile.

        A power cut may take this back, not the reply: who resumes the turn finishes it again.
        """
        ...

    async def book_reply(self, turn: Turn, outcome: Outcome, *, now: float) -> None:
        """Book an attempt of which no reply became."""
        ...

    async def reopen(self, message_id: int, *, may: Callable[[Collection[int]], bool], now: float) -> int | Refusal:
        """Take the reply that the message *message_id* is a part of out of memory, to be written anew where it stands.

        Its turn is left `generating`, at its next attempt, with the chunks that are shown. Returns the channel's id, or why not:
        only the newest turn of a channel that still has all it answers can be. *may* tells, of the ids of those who asked,
        whether the caller may.
        """
        ...

    async def go_on(
        self, message_id: int, *, may: Callable[[Collection[int]], bool], after: Collection[str], now: float
    ) -> int | Refusal:
        """Let the reply that the message *message_id* is a part of be gone on with, in the same way as :meth:`reopen`.

        It must have ended for one of the reasons *after*. It stays in memory as it is until the whole of it takes its place.
        """
        ...

    async def close_turn(self, turn: Turn, status: Status) -> bool:
        """End an unfinished turn as `failed` or `cancelled`, or as `answered` by what is kept of its reply from before.

        False if this attempt is over already.
        """
        ...
