"""What every store can do for a thread that is opened from its channel: a part of :class:`storage.store.Store`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from storage.records import Compaction, Opened, Outline, Place


class ThreadStore(Protocol):
    """Threads that begin with what was said in their channel, as summaries."""

    async def uncovered(self, channel_id: int, *, look_back: int) -> Compaction | None:
        """Return what no summary of the channel covers yet: as the backlog, at most the newest *look_back* tokens of it."""
        ...

    async def open_thread(self, parent_id: int, thread: Place, outlines: Sequence[Outline], *, now: float) -> Opened:
        """Let a thread begin with copies of its channel's summaries, and with *outlines* of what these do not cover.

        Outlines whose drafts are gone are left out; all drafts are thrown away. Returns what the copies stand for, and whether
        that is all of what was outlined. Whatever becomes of a message beneath a copy voids it: an edit, a deletion, its age, the
        end of a reset's grace.
        """
        ...
