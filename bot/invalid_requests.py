"""Requests that Discord counts against us: all of them are counted here, in one place, and the bot slows itself down in time.

Discord bans an address for a while after 10,000 answers of 401, 403 or 429 (a limit that is shared with others does
not count) in ten minutes:
https://docs.discord.com/developers/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans. Here, from
:data:`SLOW_FROM` of them on, requests go out one a second, whatever they are: 500 + 600 in ten minutes, and what was
under way.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from types import SimpleNamespace

import aiohttp

from bot.rest import TOO_MANY_REQUESTS, UNAUTHORIZED, seconds

log = logging.getLogger(__name__)

WINDOW_SECONDS = 600.0
SLOW_FROM = 500
SPACING_SECONDS = 1.0

#: Whom the proxy before Discord turns away is silent for as long as it says, or so long if it does not; but not for longer.
BANNED_SECONDS = 5.0
LONGEST_BAN_SECONDS = 600.0

_FORBIDDEN = 403
_COUNTED = (UNAUTHORIZED, _FORBIDDEN, TOO_MANY_REQUESTS)


class InvalidRequests:
    """The count, and the brake. *clock* is in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        #: Set once Discord has refused the token itself.
        self.token_refused = asyncio.Event()
        self._clock = clock
        self._at: deque[float] = deque()
        self._next = 0.0
        self._slow = False

    def trace(self) -> aiohttp.TraceConfig:
        """Return what lets a session's requests be counted and held back."""
        config = aiohttp.TraceConfig()
        config.on_request_start.append(self._hold)
        config.on_request_end.append(self._take)
        return config

    def pause(self) -> float:
        """Return for how many seconds the next request has to wait, and count it in."""
        now = self._clock()
        while self._at and self._at[0] <= now - WINDOW_SECONDS:
            self._at.popleft()
        slow = len(self._at) >= SLOW_FROM
        if slow != self._slow:
            self._slow = slow
            self._tell()
        due = max(now, self._next)
        if slow:
            self._next = due + SPACING_SECONDS
        return due - now

    def count(self, status: int, *, scope: str | None = None, via: str | None = None, retry_after: float = 0.0) -> None:
        """Take in an answer: its status, and what its headers say of the limit that it ran into."""
        if status not in _COUNTED or (status == TOO_MANY_REQUESTS and scope == "shared"):
            return
        self._at.append(self._clock())
        if status == TOO_MANY_REQUESTS and via is None:
            silence = min(retry_after or BANNED_SECONDS, LONGEST_BAN_SECONDS)
            self._next = max(self._next, self._clock() + silence)
            log.warning("Discord's proxy turns us away; no request goes out for %.0f s", silence)

    def _tell(self) -> None:
        if self._slow:
            log.warning(
                "Discord has refused %d requests in ten minutes and would lock us out after 10,000: from now on one goes out "
                "each second. The warnings above say what it refuses.",
                len(self._at),
            )
        else:
            log.info("Discord refuses fewer requests again; they go out at once")

    async def _hold(self, _: aiohttp.ClientSession, __: SimpleNamespace, ___: aiohttp.TraceRequestStartParams) -> None:
        if (pause := self.pause()) > 0:
            await asyncio.sleep(pause)

    async def _take(self, _: aiohttp.ClientSession, __: SimpleNamespace, told: aiohttp.TraceRequestEndParams) -> None:
        answer = told.response
        headers = answer.headers
        self.count(
            answer.status,
            scope=headers.get("X-RateLimit-Scope"),
            via=headers.get("Via"),
            retry_after=seconds(headers.get("Retry-After")),
        )
        # An interaction's token, which stands in the address, may be refused by itself.
        if answer.status == UNAUTHORIZED and not {"interactions", "webhooks"} & set(told.url.parts):
            self.token_refused.set()
