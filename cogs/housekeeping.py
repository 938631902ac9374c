"""What is done from time to time without anybody asking: memories that were reset longer ago than the grace are deleted."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from discord.ext import commands, tasks

from bot.conversation import Conversations
from storage import StorageError

if TYPE_CHECKING:
    from bot.client import MnemoBot

log = logging.getLogger(__name__)

PURGE_MINUTES = 10


class HousekeepingCog(commands.Cog):
    """Owns the loop that purges."""

    def __init__(self, conversations: Conversations) -> None:
        self._conversations = conversations

    async def cog_load(self) -> None:
        """Start the loop."""
        self.purge.start()

    async def cog_unload(self) -> None:
        """End the loop."""
        self.purge.cancel()

    @tasks.loop(minutes=PURGE_MINUTES)
    async def purge(self) -> None:
        """Delete what is past its grace; a database that cannot do it now is asked again next time."""
        try:
            purged = await self._conversations.purge()
        except StorageError as error:
            log.error("old memories could not be deleted; trying again in %d minutes: %s", PURGE_MINUTES, error)
        else:
            if purged:
                log.info("deleted %d memories that were reset longer ago than the grace", purged)


async def setup(bot: MnemoBot) -> None:
    """Add the cog."""
    await bot.add_cog(HousekeepingCog(bot.services.conversations))
