"""Takes the buttons from the reply before, while the next one is written: only with the newest can be done what they are for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.errors import DeliveryError
from bot.ports import Speaker

log = logging.getLogger(__name__)

#: A reply that takes so long, in seconds, takes the buttons from the one before. One that comes sooner leaves them there, which
#: say when they are pressed that it is too late: so a short reply that comes at once costs one request and not two.
PATIENCE_SECONDS = 0.5

#: So long, in seconds, a turn that is over waits until such a request is answered.
LAST_SECONDS = 2.0


@asynccontextmanager
async def outdating(message_id: int | None, speaker: Speaker) -> AsyncIterator[None]:
    """Take the buttons from the message *message_id*, if the context is open for long. Failing to raises nothing."""
    if message_id is None:
        yield
        return
    begun = asyncio.Event()
    removing = asyncio.create_task(_remove(message_id, speaker, begun), name=f"buttons-{message_id}")
    try:
        yield
        if begun.is_set():
            await asyncio.wait([removing], timeout=LAST_SECONDS)
    finally:
        removing.cancel()
        [outcome] = await asyncio.gather(removing, return_exceptions=True)
        if isinstance(outcome, Exception):  # of ours: the reply stands all the same
            log.error("buttons could not be removed", exc_info=outcome, extra={"message": message_id})


async def _remove(message_id: int, speaker: Speaker, begun: asyncio.Event) -> None:
    await asyncio.sleep(PATIENCE_SECONDS)
    begun.set()
    try:
        await speaker.remove_buttons(message_id)
    except DeliveryError as error:
        log.info("buttons stay: %s", error, extra={"message": message_id})
