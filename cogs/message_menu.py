"""What the bot offers in a message's own menu, under Apps: *Forget this*."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.ext import commands

from bot.answers import answer, defer, is_manager
from bot.conversation import Conversations
from bot.errors import NotPermitted, UserFacingError

if TYPE_CHECKING:
    from bot.client import MnemoBot

FORGOT_WORDS = (
    "Forgotten, with my reply to it, if there was one, and what summaries said of it. On Discord it still stands; "
    "I do not take it in again."
)
FORGOT_REPLY = "I forgot that I said this. On Discord it still stands."
NOT_REMEMBERED = "I do not remember this message."
STILL_WRITING = "I am still writing this reply: wait until it is finished, or delete it."
NOT_YOURS = "You can let me forget your own messages; for those of others you need the permission Manage Messages."


class MessageMenuCog(commands.Cog):
    """The commands of the menu. discord.py takes them from no class by itself."""

    def __init__(self, bot: commands.Bot, conversations: Conversations) -> None:
        self._bot = bot
        self._conversations = conversations
        self._forget = app_commands.ContextMenu(name="Forget this", callback=self.forget)

    async def cog_load(self) -> None:
        """Offer them."""
        self._bot.tree.add_command(self._forget)

    async def cog_unload(self) -> None:
        """Offer them no more."""
        self._bot.tree.remove_command(self._forget.name, type=self._forget.type)

    async def forget(self, interaction: discord.Interaction, message: discord.Message) -> None:
        """Let the message leave the memory, for who wrote it and for moderators."""
        await defer(interaction, ephemeral=True)
        if message.author.id != interaction.user.id and not _moderates(interaction):
            raise NotPermitted(NOT_YOURS)
        match await self._conversations.forget_this(message.channel.id, message.id):
            case "words":
                await answer(interaction, FORGOT_WORDS)
            case "reply":
                await answer(interaction, FORGOT_REPLY)
            case "unfinished reply":
                raise UserFacingError(STILL_WRITING)
            case None:
                await answer(interaction, NOT_REMEMBERED)


def _moderates(interaction: discord.Interaction) -> bool:
    """Whether the caller may have others' messages forgotten here."""
    return is_manager(interaction) or interaction.permissions.manage_messages


async def setup(bot: MnemoBot) -> None:
    """Add the cog."""
    await bot.add_cog(MessageMenuCog(bot, bot.services.conversations))
