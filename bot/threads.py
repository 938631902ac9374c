"""Threads that are opened with the conversation so far: what they begin with, and that it is made if it is not there.

It decides; ``cogs/threads.py`` opens them on Discord. What else a thread inherits from its channel is ``bot/governance.py``'s.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from bot.compactor import Compactor
from storage import Store
from storage.records import Opened, Outline, Place


@dataclass(frozen=True, slots=True)
class Beginning:
    """What was summarized for a thread that is about to be opened, *is_whole* if the model did not fail."""

    outlines: tuple[Outline, ...]
    is_whole: bool


class Threads:
    """The threads of all channels."""

    def __init__(self, store: Store, compactor: Compactor) -> None:
        self._store = store
        self._compactor = compactor

    async def prepare(self, channel_id: int, opener_id: int) -> Beginning:
        """Summarize what no summary of a channel covers yet, which the person *opener_id* pays for.

        Raises :class:`bot.errors.BudgetSpent` if no tokens are left for that, and :class:`storage.errors.StorageError`.
        """
        outlines, is_whole = await self._compactor.outline(channel_id, payer=opener_id)
        return Beginning(tuple(outlines), is_whole)

    async def begin(self, channel_id: int, thread: Place, beginning: Beginning) -> Opened:
        """Let a thread of a channel begin, and return with what. Raises :class:`storage.errors.StorageError`."""
        opened = await self._store.open_thread(channel_id, thread, beginning.outlines, now=time.time())
        return replace(opened, is_whole=opened.is_whole and beginning.is_whole)

    async def give_up(self, beginning: Beginning) -> None:
        """Throw away what was made for a thread that could not be opened."""
        for outline in beginning.outlines:
            await self._store.discard_summary(outline.draft)
