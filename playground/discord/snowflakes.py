"""Discord's ids: 64-bit numbers that carry the time at which they were made.

This file makes and reads them; what they name is not its business.
Source: https://docs.discord.com/developers/reference#snowflakes
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

#: The first second of 2015, in Unix milliseconds.
DISCORD_EPOCH = 1_420_070_400_000
#: Below the time stand worker, process and a counter.
TIME_SHIFT = 22


def created_at(snowflake: int) -> float:
    """The Unix time, in seconds, at which *snowflake* was made."""
    return ((snowflake >> TIME_SHIFT) + DISCORD_EPOCH) / 1000


def timestamp(seconds: float) -> str:
    """A Unix time as Discord writes it: ISO 8601 in UTC with an offset."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


class Snowflakes:
    """Makes ids of the present time; each is greater than every one before, also when the clock steps back."""

    def __init__(self, last: int = 0, clock: Callable[[], float] = time.time) -> None:
        self.last = last
        self._clock = clock

    def next(self) -> int:
        """A new id."""
        now = int(self._clock() * 1000) - DISCORD_EPOCH
        self.last = max(now << TIME_SHIFT, self.last + 1)
        return self.last
