"""What is done from time to time without anybody asking: what is to be forgotten goes, and where we stand is kept."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from discord.ext import commands, tasks

from bot.catch_up import CatchUp
from bot.memories import Memories
from storage import StorageError

if TYPE_CHECKING:
    from bot.client import MnemoBot

log = logging.getLogger(__name__)

#: What was edited, deleted or reset is gone from the files after a minute: this, and the time that it takes.
SECONDS = 45


class HousekeepingCog(commands.Cog):
    """Owns the loops."""

    def __init__(self, memories: Memories, catch_up: CatchUp) -> None:
        self._memories = memories
        self._catch_up = catch_up
        self._day = datetime.now(UTC).date()

    async def cog_load(self) -> None:
        """Start the loops."""
        self.tidy.start()
        self.keep.start()

    async def cog_unload(self) -> None:
        """End the loops."""
        self.tidy.cancel()
        self.keep.cancel()

    @tasks.loop(seconds=SECONDS)
    async def tidy(self) -> None:
        """Delete what is past its grace or too old, and what of it stands in the files; what fails is tried again."""
        today = datetime.now(UTC).date()
        try:
            purged = await self._memories.purge()
            expired = await self._memories.expire()
            await self._memories.tidy(thoroughly=today != self._day)
        except StorageError as error:
            log.error("what is to be forgotten could not be deleted; trying again in %d s: %s", SECONDS, error)
        except Exception:  # else discord.py would end the loop, and nothing would be forgotten until the next start
            log.exception("housekeeping failed; trying again in %d s", SECONDS)
        else:
            self._day = today
            if purged:
                log.info("deleted %d memories that were reset longer ago than the grace", purged)
            if expired:
                log.info("deleted %d messages that are older than RETENTION_DAYS", expired)

    @tasks.loop(seconds=SECONDS)
    async def keep(self) -> None:
        """Keep up to where we have heard everything: the next start goes on from there."""
        try:
            await self._catch_up.save()
        except StorageError as error:
            log.error("up to where I have heard everything could not be kept; trying again in %d s: %s", SECONDS, error)
        except Exception:  # as above
            log.exception("housekeeping failed; trying again in %d s", SECONDS)


async def setup(bot: MnemoBot) -> None:
    """Add the cog."""
    await bot.add_cog(HousekeepingCog(bot.services.memories, bot.services.catch_up))
