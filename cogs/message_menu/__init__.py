"""What the bot offers in a message's own menu, under Apps: *Forget this*, *Remember this*, *Ask about this*. One a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.catch_up import CatchUp
from bot.conversation import Conversations
from bot.listening import Listener
from bot.pins import Pins
from bot.privacy import Privacy
from cogs.message_menu.ask import AskCommand
from cogs.message_menu.forget import ForgetCommand
from cogs.message_menu.remember import RememberCommand, UnpinButton

if TYPE_CHECKING:
    from bot.client import MnemoBot


class MessageMenuCog(commands.Cog):
    """The commands of the menu. discord.py takes them from no class by itself."""

    def __init__(
        self,
        bot: commands.Bot,
        listener: Listener,
        conversations: Conversations,
        pins: Pins,
        privacy: Privacy,
        catch_up: CatchUp,
    ) -> None:
        self._bot = bot
        self._menu = [
            app_commands.ContextMenu(name="Forget this", callback=ForgetCommand(conversations).forget),
            app_commands.ContextMenu(
                name="Remember this", callback=RememberCommand(pins, listener, privacy, catch_up).remember
            ),
            app_commands.ContextMenu(
                name="Ask about this", callback=AskCommand(listener, conversations, privacy, catch_up).ask
            ),
        ]

    async def cog_load(self) -> None:
        """Offer them."""
        for command in self._menu:
            self._bot.tree.add_command(command)

    async def cog_unload(self) -> None:
        """Offer them no more."""
        for command in self._menu:
            self._bot.tree.remove_command(command.name, type=discord.AppCommandType.message)


async def setup(bot: MnemoBot) -> None:
    """Add the cog, and the button whose messages may be older than this process."""
    services = bot.services
    bot.add_dynamic_items(UnpinButton)
    await bot.add_cog(
        MessageMenuCog(bot, bot.listener, services.conversations, services.pins, services.privacy, services.catch_up)
    )
