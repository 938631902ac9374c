"""Rate limits: the buckets into which routes fall, what is left in each, and the headers that say so.

Discord publishes no numbers: a client has to read the headers. These are what is seen of them.
Source: https://docs.discord.com/developers/topics/rate-limits
"""

from __future__ import annotations

import hashlib
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Rate:
    """So many requests in so many seconds."""

    requests: int
    seconds: float


#: By the name of the route (see ``rest/``). What is not here has the default.
RATES = {
    "create_message": Rate(5, 5.0),
    "edit_message": Rate(5, 5.0),
    "delete_message": Rate(5, 1.0),
    "bulk_delete": Rate(1, 3.0),
    "trigger_typing": Rate(5, 5.0),
    "add_own_reaction": Rate(1, 0.25),
    "delete_own_reaction": Rate(1, 0.25),
    "follow_up": Rate(5, 2.0),
    "edit_original": Rate(5, 2.0),
}
DEFAULT = Rate(50, 1.0)
#: All requests of a bot together; those that carry an interaction's token do not count.
GLOBAL = Rate(50, 1.0)
DAY_SECONDS = 86_400.0
#: What the headers say while no limit is enforced: so much that no client slows down by itself.
_UNLIMITED = Rate(1000, 1.0)


@dataclass
class Bucket:
    """The requests of the current window, which opens with the first of them."""

    rate: Rate
    used: int = 0
    opened_at: float = -math.inf

    def take(self, now: float) -> bool:
        """Count a request; False, and not counted, if the bucket is empty."""
        if now >= self.opened_at + self.rate.seconds:
            self.opened_at, self.used = now, 0
        if self.used >= self.rate.requests:
            return False
        self.used += 1
        return True

    def reset_after(self, now: float) -> float:
        """Seconds until it is full again."""
        return max(0.0, self.opened_at + self.rate.seconds - now)


@dataclass
class Verdict:
    """What a request may do, and what its answer's headers are. *retry_after* is None if it may go on."""

    headers: dict[str, str]
    retry_after: float | None = None
    is_global: bool = False


@dataclass
class Limits:
    """All buckets."""

    clock: Callable[[], float] = time.monotonic
    _buckets: dict[tuple[str, str], Bucket] = field(default_factory=dict)
    _recent: deque[float] = field(default_factory=deque)

    def judge(self, route: str, major: str, *, enforced: bool, counts_globally: bool) -> Verdict:
        """Count one request for *route* on the channel, guild or webhook *major*."""
        now = self.clock()
        if not enforced:
            return Verdict(_headers(route, Bucket(_UNLIMITED, 1, now), now))
        bucket = self._buckets.setdefault((route, major), Bucket(RATES.get(route, DEFAULT)))
        if counts_globally and (wait := self._global_wait(now)) > 0:
            headers = {"Retry-After": str(math.ceil(wait)), "X-RateLimit-Global": "true", "X-RateLimit-Scope": "global"}
            return Verdict(headers, wait, is_global=True)
        if not bucket.take(now):
            wait = bucket.reset_after(now)
            refused = {"Retry-After": str(math.ceil(wait)), "X-RateLimit-Scope": "user"}
            return Verdict(_headers(route, bucket, now) | refused, wait)
        if counts_globally:
            self._recent.append(now)
        return Verdict(_headers(route, bucket, now))

    def _global_wait(self, now: float) -> float:
        """Seconds until another request fits into the last second; 0 if one does now."""
        while self._recent and self._recent[0] <= now - GLOBAL.seconds:
            self._recent.popleft()
        return 0.0 if len(self._recent) < GLOBAL.requests else self._recent[0] + GLOBAL.seconds - now


def _headers(route: str, bucket: Bucket, now: float) -> dict[str, str]:
    reset_after = bucket.reset_after(now)
    return {
        "X-RateLimit-Limit": str(bucket.rate.requests),
        "X-RateLimit-Remaining": str(bucket.rate.requests - bucket.used),
        "X-RateLimit-Reset": f"{time.time() + reset_after:.3f}",
        "X-RateLimit-Reset-After": f"{reset_after:.3f}",
        "X-RateLimit-Bucket": hashlib.sha256(route.encode()).hexdigest()[:32],
    }


@dataclass
class SessionStarts:
    """How often a bot may still identify until *reset_at* (``time.monotonic()``), when it has all of a day's again.

    Source: https://docs.discord.com/developers/events/gateway#session-start-limit-object
    """

    remaining: int
    reset_at: float
    total: int = 1000

    def take(self, now: float) -> bool:
        """Count one; False if none is left."""
        self._renew(now)
        self.remaining -= 1
        return self.remaining >= 0

    def told(self, now: float) -> dict[str, int]:
        """What ``GET /gateway/bot`` says of it."""
        self._renew(now)
        reset_after = math.ceil((self.reset_at - now) * 1000)
        left = max(0, self.remaining)
        return {"total": self.total, "remaining": left, "reset_after": reset_after, "max_concurrency": 1}

    def _renew(self, now: float) -> None:
        if now >= self.reset_at:
            self.remaining, self.reset_at = self.total, now + DAY_SECONDS
