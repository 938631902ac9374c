"""Messages, edits and deletions on Discord as they come, handed over to who hears them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import discord
from discord.ext import commands

from bot.catch_up import CatchUp
from bot.conversation import Conversations
from bot.governance import Governance
from bot.listening import Listener
from storage import StorageError

if TYPE_CHECKING:
    from bot.client import MnemoBot

log = logging.getLogger(__name__)


class ConversationCog(commands.Cog):
    """Hands over what people say, change and delete; what was said before, and is still being fetched, comes first."""

    def __init__(
        self, conversations: Conversations, listener: Listener, catch_up: CatchUp, governance: Governance
    ) -> None:
        self._conversations = conversations
        self._listener = listener
        self._catch_up = catch_up
        self._governance = governance

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Remember what the reply mode remembers; answer what is addressed to us."""
        self._catch_up.saw(message.id)
        if not self._listener.listens_to(message):
            return
        guild_id = message.guild.id if message.guild else None
        await self._catch_up.settled(message.channel.id, guild_id)
        try:
            await self._listener.hear(message)
        except StorageError as error:
            log.error(
                "a message could not be saved, and is fetched again: %s", error, extra={"channel": message.channel.id}
            )
            self._catch_up.missed(message.channel.id, guild_id, message.id)
            await self._listener.excuse(message)

    @commands.Cog.listener()
    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """Let memory say what the message says now: what is remembered, and what is just being fetched as it was before."""
        await self._listener.correct(payload.message)
        if await self._catch_up.fetched(payload.channel_id, payload.guild_id):
            await self._listener.correct(payload.message)

    @commands.Cog.listener()
    async def on_raw_message_delete(self, payload: discord.RawMessageDeleteEvent) -> None:
        """Forget the message, and the reply that stands on it."""
        await self._conversations.forget(payload.channel_id, [payload.message_id])

    @commands.Cog.listener()
    async def on_raw_bulk_message_delete(self, payload: discord.RawBulkMessageDeleteEvent) -> None:
        """Forget the messages, and the replies that stand on them."""
        await self._conversations.forget(payload.channel_id, payload.message_ids)

    @commands.Cog.listener()
    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """Forget the channel. Its threads are told of one by one, too."""
        await self._conversations.forget_channel(channel.id)
        self._governance.forget(channel.id)

    @commands.Cog.listener()
    async def on_raw_thread_delete(self, payload: discord.RawThreadDeleteEvent) -> None:
        """Forget the thread."""
        await self._conversations.forget_channel(payload.thread_id)
        self._governance.forget(payload.thread_id)


async def setup(bot: MnemoBot) -> None:
    """Add the cog."""
    services = bot.services
    await bot.add_cog(ConversationCog(services.conversations, bot.listener, services.catch_up, services.governance))
