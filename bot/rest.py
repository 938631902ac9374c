"""What becomes of a request to Discord that fails: whether it may pass, when it is tried again, and for how long at most.

discord.py itself tries a 500, 502 or 504 up to five times, in 25 seconds, and waits for the end of a rate limit; it
does nothing about a 503 or a connection that closes. What is asked for, and whether it may be asked for twice, the
caller knows.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import aiohttp
import discord
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_exponential_jitter,
)

T = TypeVar("T")

#: What a request may fail with, whoever is to blame: Discord, what stands before it, or the network.
FAILURES = (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError)

#: A request that has no answer by then is given up, and tried again.
REQUEST_SECONDS = 30.0

#: No further attempt begins after this time, however long Discord wants us to wait: all end within two and a half minutes.
INSISTING_SECONDS = 120.0
ATTEMPTS = 5

UNAUTHORIZED = 401
TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500
_JSON = "application/json"


def may_pass(error: BaseException) -> bool:
    """Whether the same request may succeed later."""
    if isinstance(error, discord.HTTPException):
        return error.status >= _SERVER_ERROR or error.status == TOO_MANY_REQUESTS or not _is_of_discord(error)
    return isinstance(error, (discord.RateLimited, aiohttp.ClientError, OSError, TimeoutError))


def _is_of_discord(error: discord.HTTPException) -> bool:
    """Whether Discord said so itself, which it does in JSON; a page is a proxy's and says nothing of what was asked."""
    return error.response.headers.get("Content-Type", _JSON) == _JSON


def pause_told(error: BaseException | None) -> float:
    """Return for how many seconds Discord, or the proxy before it, wants to be left alone; 0 if it does not say."""
    if isinstance(error, discord.RateLimited):
        return error.retry_after
    if isinstance(error, discord.HTTPException):
        return seconds(error.response.headers.get("Retry-After"))
    return 0.0


def seconds(header: str | None) -> float:
    """Return a number of seconds as a header has it; 0 if it is none (it may be a date, which Discord does not use)."""
    with contextlib.suppress(ValueError):
        return float(header or 0)
    return 0.0


def pausing(longest: float) -> Callable[[RetryCallState], float]:
    """Return what tenacity waits: longer from attempt to attempt, up to *longest* seconds, and never shorter than we are told."""
    growing = wait_exponential_jitter(multiplier=0.5, max=longest)

    def pause(state: RetryCallState) -> float:
        return max(growing(state), pause_told(state.outcome.exception() if state.outcome else None))

    return pause


async def insist(client: discord.Client, request: Callable[[], Awaitable[T]]) -> T:
    """Make a *request* that may safely be made twice; again if it may pass, for two and a half minutes at most.

    Raises what the last attempt raised, one of :data:`FAILURES`.
    """
    return await _insisting(_bounded, client, request)


_insisting = AsyncRetrying(
    retry=retry_if_exception(may_pass),
    wait=pausing(8.0),
    stop=stop_after_attempt(ATTEMPTS) | stop_before_delay(INSISTING_SECONDS),
    reraise=True,
)


async def _bounded(client: discord.Client, request: Callable[[], Awaitable[T]]) -> T:
    async with asyncio.timeout(REQUEST_SECONDS):
        with cancellable(client):
            try:
                return await request()
            except RuntimeError as error:  # aiohttp's word for a session that is closed
                if client.is_closed():
                    raise discord.ClientException("the bot is stopping") from error
                raise


@contextlib.contextmanager
def cancellable(client: discord.Client) -> Iterator[None]:
    """Let a request of discord.py be cancelled without harm to all others.

    It keeps all requests back while the one that met a global rate limit waits for its end, and would do so for ever if that one
    were cancelled.
    """
    try:
        yield
    except asyncio.CancelledError:
        client.http._global_over.set()
        raise
