"""When to leave an endpoint alone: it counts failures in a row, opens, and lets one call through after a pause.

Pure but for its clock. Which failures count, and what people are told meanwhile, is decided elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable

#: So many failures in a row open a breaker.
THRESHOLD = 3

#: How long it stays open, in seconds; longer each time that the one call after a pause failed, too.
PAUSES = (5.0, 15.0, 60.0, 300.0)

#: A Retry-After is honored within these bounds, in seconds: nobody is left alone for a year, nor asked without a breath.
RETRY_AFTER_BOUNDS = (1.0, 900.0)


class Call:
    """A call that a breaker let through. It is told what became of it, and in any case that it is over."""

    __slots__ = ()


class Breaker:
    """Closed, open for a while, or half-open: then one call decides for all. *clock* is in seconds and never goes back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures = 0
        self._openings = 0
        self._open_until: float | None = None
        self._probe: Call | None = None

    @property
    def is_closed(self) -> bool:
        """Whether calls go through as they come."""
        return self._open_until is None

    def pause(self) -> float:
        """Return for how many seconds no call goes through; infinite while one is on its way that decides."""
        if self._open_until is None:
            return 0.0
        return math.inf if self._probe else max(self._open_until - self._clock(), 0.0)

    def enter(self) -> Call | None:
        """Let a call through, or return None."""
        if self.pause() > 0:
            return None
        call = Call()
        if not self.is_closed:
            self._probe = call
        return call

    def succeeded(self) -> None:
        """A call was answered: whatever failed before is over."""
        self._failures = self._openings = 0
        self._open_until = self._probe = None

    def failed(self, call: Call, retry_after: float | None = None) -> None:
        """*call* failed; the endpoint may have asked to be left alone for *retry_after* seconds.

        Calls that were let through before it opened and fail only now change nothing any more.
        """
        if not self.is_closed and call is not self._probe:
            return
        self._failures += 1
        if retry_after is not None:
            least, most = RETRY_AFTER_BOUNDS
            self._open(min(max(retry_after, least), most))
        elif not self.is_closed or self._failures >= THRESHOLD:
            self._open(PAUSES[min(self._openings, len(PAUSES) - 1)])

    def leave(self, call: Call) -> None:
        """*call* is over; if nobody said how, the next one decides."""
        if call is self._probe:
            self._probe = None

    def _open(self, pause: float) -> None:
        self._openings += 1
        self._open_until = self._clock() + pause
        self._probe = None
