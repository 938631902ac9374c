"""How fast the bot may come back to Discord's gateway: pure arithmetic over what is given; who waits is in ``bot/gateway.py``.

Discord resets the token of a bot that identifies 1,000 times in a day. Ours stays under 500 whatever fails, also over
restarts by a supervisor, because it goes by Discord's own count: once :data:`AT_ONCE` of a day's are used, each
further IDENTIFY comes :data:`SPACING_SECONDS` after the one before or, in a new process, after its start. Any 24
hours touch two of Discord's days at most: 2 * 150 + 86,400 / 600 + 1 = 445.
"""

from __future__ import annotations

from dataclasses import dataclass

#: So many of a day's IDENTIFYs may be used without waiting for each.
AT_ONCE = 150
SPACING_SECONDS = 600.0

#: Discord takes one IDENTIFY in five seconds (``max_concurrency`` 1), as it sees them; the network may bring them nearer to each
#: other. Who fails again and again waits twice as long each time.
LEAST_SPACING_SECONDS = 5.5
MOST_SPACING_SECONDS = 120.0

#: A connection that held this long was a good one.
HELD_SECONDS = 30.0
_FIRST_PAUSE_SECONDS = 0.1
MOST_PAUSE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Starts:
    """Discord's count: *remaining* of *total* IDENTIFYs, all of them again in *reset_after* seconds."""

    total: int
    remaining: int
    reset_after: float


class Pace:
    """Remembers when this process identified and how its connections went. Times are seconds of one monotonic clock."""

    def __init__(self, now: float) -> None:
        self._started = now
        self._identified: float | None = None
        self._identifies = 0
        #: How many connections in a row did not hold.
        self.failures = 0

    def before_identify(self, starts: Starts, now: float) -> float:
        """Return for how many seconds an IDENTIFY has to wait; 0 or less for now."""
        if starts.remaining <= 0:
            return max(starts.reset_after, 1.0)
        waits = [0.0]
        if starts.total - starts.remaining >= AT_ONCE:
            waits.append((self._started if self._identified is None else self._identified) + SPACING_SECONDS - now)
        if self._identified is not None:
            spacing = min(LEAST_SPACING_SECONDS * 2.0 ** (self._identifies - 1), MOST_SPACING_SECONDS)
            waits.append(self._identified + spacing - now)
        return max(waits)

    def identified(self, now: float) -> None:
        """Count an IDENTIFY."""
        self._identified = now
        self._identifies = min(self._identifies + 1, 10)

    def before_connecting(self) -> float:
        """Return for how many seconds a new connection has to wait: the first not, each that fails after it twice as long."""
        if self.failures <= 1:
            return 0.0
        return min(_FIRST_PAUSE_SECONDS * 2.0 ** (self.failures - 2), MOST_PAUSE_SECONDS)

    def ended(self, held: float) -> None:
        """Take in that a connection ended after it *held* so many seconds, 0 if it could not be made."""
        if held >= HELD_SECONDS:
            self.failures = self._identifies = 0
        else:
            self.failures = min(self.failures + 1, 20)
