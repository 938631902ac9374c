"""What is done from time to time without anybody asking: what is to be forgotten leaves the database, and its files."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from discord.ext import commands, tasks

from bot.memories import Memories
from storage import StorageError

if TYPE_CHECKING:
    from bot.client import MnemoBot

log = logging.getLogger(__name__)

#: What was edited, deleted or reset is gone from the files after a minute: this, and the time that it takes.
SECONDS = 45


class HousekeepingCog(commands.Cog):
    """Owns the loop."""

    def __init__(self, memories: Memories) -> None:
        self._memories = memories

    async def cog_load(self) -> None:
        """Start the loop."""
        self.tidy.start()

    async def cog_unload(self) -> None:
        """End the loop."""
        self.tidy.cancel()

    @tasks.loop(seconds=SECONDS)
    async def tidy(self) -> None:
        """Delete what is past its grace, and what of it still stands in the files; a database that cannot is asked again."""
        try:
            purged = await self._memories.purge()
            await self._memories.tidy()
        except StorageError as error:
            log.error("what is to be forgotten could not be deleted; trying again in %d s: %s", SECONDS, error)
        else:
            if purged:
                log.info("deleted %d memories that were reset longer ago than the grace", purged)


async def setup(bot: MnemoBot) -> None:
    """Add the cog."""
    await bot.add_cog(HousekeepingCog(bot.services.memories))
