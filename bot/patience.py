"""Trying again, longer and longer, what must not be given up: what waits here exists nowhere else. And when patience ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

from storage import StorageError

T = TypeVar("T")

log = logging.getLogger(__name__)

#: Who cannot reach the database or Discord waits this long, in seconds, longer each time.
RETRY_SECONDS = (1.0, 3.0, 10.0, 30.0, 60.0)

#: What a cancelled task still has to do, like booking a call, may take so long, in seconds, each.
LAST_WORK_SECONDS = 0.5


def pause_after(failures: int) -> float:
    """Return how long to wait, in seconds, after so many *failures* before this one."""
    return RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]


def is_being_cancelled() -> bool:
    """Whether this task is being cancelled, and not only one that it waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def keep_trying(change: Callable[[], Awaitable[T]], what: str) -> T:
    """Make a change of the database, however long it cannot. *what* waits meanwhile, for the log."""
    failures = 0
    while True:
        try:
            return await change()
        except StorageError as error:
            pause = pause_after(failures)
            failures += 1
            log.error("%s waits: %s Trying again in %.0f s.", what, error, pause)
            await asyncio.sleep(pause)


async def end(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel *tasks*, and then whatever they still do for more than a moment: a stop does not wait for a locked database."""
    late = set(tasks)
    while late:
        for task in late:
            task.cancel()
        _, late = await asyncio.wait(late, timeout=LAST_WORK_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)
