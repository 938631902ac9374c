"""`/memory`: what people can see and do of what is remembered in a channel. One subject a file; this puts them together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from discord.ext import commands

from cogs.memory.files import FileCommands
from cogs.memory.policy import PolicyCommand
from cogs.memory.reset import KeepButton, ResetButton, ResetCommands
from cogs.memory.search import SearchCommand
from cogs.memory.show import ShowCommand, UnpinMenu
from cogs.memory.summary import CorrectButton, SummaryCommand

if TYPE_CHECKING:
    from bot.client import MnemoBot


class MemoryCog(
    ShowCommand,
    SearchCommand,
    SummaryCommand,
    PolicyCommand,
    FileCommands,
    ResetCommands,
    commands.GroupCog,
    group_name="memory",
    group_description="What I remember in this channel",
):
    """The commands of the group."""


async def setup(bot: MnemoBot) -> None:
    """Add the cog, and the buttons and menus whose messages may be older than this process."""
    bot.add_dynamic_items(ResetButton, KeepButton, CorrectButton, UnpinMenu)
    await bot.add_cog(MemoryCog(bot.services.memories))
