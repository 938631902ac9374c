"""What every store can do, in the words of the domain. ``tests/contract`` says what each promise means.

Every method that writes returns after its commit: what it returned is on the disk. All raise
:class:`storage.errors.StorageError` when the database cannot do it; then nothing was changed.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from storage.records import Closed, Incoming, Interrupted, Outcome, Overview, Reach, Status, Turn, Window


class Store(Protocol):
    """The memory of all channels. Times are seconds since the Unix epoch, sizes are tokens."""

    async def accept(self, message: Incoming, *, addressed: bool, now: float) -> bool:
        """Remember *message*; if *addressed*, it joins the channel's claimed turn or claims one.

        Returns False, having changed nothing, for a message that is known already or was deleted.
        """
        ...

    async def edit(self, discord_id: int, content: str, *, tokens: int, now: float) -> bool:
        """Replace what a remembered message of a person says; returns whether there was one that differed."""
        ...

    async def forget(self, discord_ids: Collection[int], *, now: float) -> list[Interrupted]:
        """Take what was deleted on Discord out of memory, and return the turns that lost a trigger or a chunk.

        The reply of a turn goes with any of its triggers or chunks. An unfinished turn is brought to its next attempt
        if triggers remain, else cancelled.
        """
        ...

    async def unfinished_channels(self) -> list[int]:
        """Return the ids of the channels where a turn waits, those that wait longest first."""
        ...

    async def begin(self, channel_id: int, *, owner: str, lease: float, budget: int, now: float) -> Turn | None:
        """Take the channel's next turn for *owner* for *lease* seconds; None if there is none.

        A turn that was left in the middle, by *owner* or by somebody whose lease is over, comes before the claimed one.
        A claimed one becomes `generating`: its oldest triggers that fit *budget* are fixed, at least one; the rest wait
        in a new claimed turn.
        """
        ...

    async def load_window(self, turn: Turn, *, policy: str, reach: Reach) -> Window:
        """Return the messages from the window's start to the turn's last trigger, or those of them that *reach* needs.

        A start that was computed by another policy than *policy* does not count: the window is then bounded by *reach* alone.
        """
        ...

    async def move_window(self, turn: Turn, *, start: int, policy: str) -> None:
        """Let the window of the turn's epoch start at position *start*, as *policy* computed it."""
        ...

    async def record_chunk(self, turn: Turn, number: int, text: str) -> None:
        """Record that a chunk is about to be sent with *text*."""
        ...

    async def chunk_sent(self, turn: Turn, number: int, discord_id: int) -> None:
        """Record the Discord id of a chunk."""
        ...

    async def drop_chunks(self, turn: Turn, *, first: int) -> None:
        """Forget the chunks from number *first* on, before they are deleted on Discord."""
        ...

    async def complete(self, turn: Turn, reply: str, outcome: Outcome) -> bool:
        """`generating -> sending`: the text is whole. False if this attempt was taken away meanwhile (reset, deletion)."""
        ...

    async def finish(self, turn: Turn, *, author_id: int, author_name: str, tokens: int, now: float) -> bool:
        """`sending -> answered`: the reply is a message now, and booked. False if this attempt was taken away meanwhile."""
        ...

    async def close_turn(self, turn: Turn, status: Status) -> bool:
        """End an unfinished turn as `failed` or `cancelled`. False if this attempt is over already."""
        ...

    async def reset(self, channel_id: int, *, now: float) -> Closed | None:
        """Close the channel's epoch, cancel its unfinished turns and open a new one. None if nothing is known of it."""
        ...

    async def restore(self, channel_id: int, *, closed_after: float, now: float) -> Closed | None:
        """Swap the open epoch with the one closed last, if that was after *closed_after*; None if there is none."""
        ...

    async def purge(self, *, closed_before: float) -> int:
        """Delete the epochs closed at or before *closed_before*, from the disk too; returns how many."""
        ...

    async def overview(self, channel_id: int, *, closed_after: float) -> Overview | None:
        """Tell what the channel's open epoch holds and what a restore would bring back. None if nothing is known of it."""
        ...
