"""What Discord tells of its sessions and servers, handed over to who catches up with what was said while nobody listened."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import discord
from discord.ext import commands

from bot.catch_up import CatchUp, Survey
from storage import StorageError

if TYPE_CHECKING:
    from bot.client import MnemoBot

log = logging.getLogger(__name__)


class CatchUpCog(commands.Cog):
    """A session that is resumed needs nothing of this: Discord sends what was missed."""

    def __init__(self, bot: discord.Client, catch_up: CatchUp) -> None:
        self._bot = bot
        self._catch_up = catch_up

    @commands.Cog.listener()
    async def on_connect(self) -> None:
        """A session began: its servers are named, and come one by one."""
        await self._catch_up.begin([guild.id for guild in self._bot.guilds])

    @commands.Cog.listener()
    async def on_survey(self, found: Survey) -> None:
        """A server of the session came, or is back after an outage, or we were invited (``bot/caches.py``)."""
        await self._catch_up.arrived(found)

    @commands.Cog.listener()
    async def on_guild_unavailable(self, guild: discord.Guild) -> None:
        """Discord lost a server for a while."""
        self._catch_up.vanished(guild.id)

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """We were removed."""
        await self._catch_up.left(guild.id)

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """All servers came that are not in an outage."""
        await self._catch_up.ready([guild.id for guild in self._bot.guilds])

    async def cog_unload(self) -> None:
        """Stop, and keep where we stand."""
        await self._catch_up.close()
        try:
            await self._catch_up.save()
        except StorageError as error:
            log.error("where I stand could not be kept; the next start looks a little further back: %s", error)


async def setup(bot: MnemoBot) -> None:
    """Add the cog."""
    await bot.add_cog(CatchUpCog(bot, bot.services.catch_up))
