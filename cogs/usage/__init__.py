"""`/usage`: what was used here, as a panel with a picture, and as CSV. Who asks sees it alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.answers import defer
from cogs.usage.panel import Choice, CsvButton, GroupingSelect, PeriodSelect, show

if TYPE_CHECKING:
    from bot.client import MnemoBot


class UsageCog(commands.Cog):
    """The command."""

    @app_commands.command(description="See what was used here: tokens, cost and cache share, as a picture and as CSV")
    async def usage(self, interaction: discord.Interaction) -> None:
        """Show the panel."""
        await defer(interaction, ephemeral=True)
        await show(interaction, Choice())


async def setup(bot: MnemoBot) -> None:
    """Add the cog, and the menus and buttons whose messages may be older than this process."""
    bot.add_dynamic_items(PeriodSelect, GroupingSelect, CsvButton)
    await bot.add_cog(UsageCog())
