"""How fast all replies that are being written may grow together.

Discord takes 50 requests a second of a bot (docs.discord.com/developers/topics/rate-limits#global-rate-limit), whatever the
channel. Replies that grow may have two fifths of these, up to their last words: the rest is for replies that come at once, for
typing and all else. How fast one channel may go is ``replies.py``'s business.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

#: In seconds; 20 a second.
SPACING_SECONDS = 1 / 20
#: After a pause so many may go at once: a first chunk in ten channels, or what a machine that was busy held up.
BURST = 10


class SharedPace:
    """Lets one request after the other go, in the order in which they ask. *clock* is in seconds and never goes back."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._in_order = asyncio.Lock()
        self._next = clock() - BURST * SPACING_SECONDS

    async def wait(self) -> None:
        """Wait for the time of a request. Who stops waiting takes nobody's time."""
        async with self._in_order:
            if (pause := self._next - self._clock()) > 0:
                await self._sleep(pause)
            self._next = max(self._next, self._clock() - (BURST - 1) * SPACING_SECONDS) + SPACING_SECONDS
