"""How fast all replies that are being written may grow together: pure arithmetic, and a wait.

Discord takes 50 requests a second of a bot (docs.discord.com/developers/topics/rate-limits#global-rate-limit), whatever the
channel. Replies that grow may have two fifths of these, up to their last words: the rest is for replies that come at once, for
typing and all else. How fast one channel may go is ``replies.py``'s business.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

#: In seconds; 20 a second.
SPACING_SECONDS = 1 / 20
#: After a pause so many may go at once: a first chunk in ten channels, or what a machine that was busy held up.
BURST = 10


class SharedPace:
    """Gives each request its time, in the order in which they ask. *clock* is in seconds and never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next = clock() - BURST * SPACING_SECONDS

    def pause(self) -> float:
        """Return for how many seconds the next request has to wait, and count it in."""
        now = self._clock()
        self._next = max(self._next, now - BURST * SPACING_SECONDS) + SPACING_SECONDS
        return max(0.0, self._next - now)

    async def wait(self) -> None:
        """Wait for the time of a request."""
        if pause := self.pause():
            await asyncio.sleep(pause)
