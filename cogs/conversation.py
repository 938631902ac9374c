"""Messages, edits and deletions on Discord, translated for the conversation: who said what, and was it said to us."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import discord
from discord.ext import commands

from bot.conversation import Conversations, Said
from bot.errors import DeliveryError
from bot.ports import Speaker
from bot.replies import nonce
from storage import StorageError

if TYPE_CHECKING:
    from bot.client import MnemoBot

log = logging.getLogger(__name__)

NOTHING_SAID = "I am here. Tell me something or ask me in the same message, and I will remember it."
ONLY_FILES = "I see that you sent {names}, but I read text only. Tell me in words what it is about."
NOT_SAVED = (
    "I cannot write to my memory right now, so this message is neither saved nor answered; the host's log says why. "
    "Please send it again later."
)

_CUSTOM_EMOJI = re.compile(r"<a?(:\w+:)\d+>")


class ConversationCog(commands.Cog):
    """Hands over what people say, change and delete. *speaker_for* opens a channel for a word outside of any turn."""

    def __init__(
        self,
        bot: discord.Client,
        conversations: Conversations,
        reply_mode: Literal["mention", "listen", "all"],
        speaker_for: Callable[[int], Speaker],
    ) -> None:
        self._bot = bot
        self._conversations = conversations
        self._reply_mode = reply_mode
        self._speaker_for = speaker_for

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Remember what the reply mode remembers; answer what is addressed to us."""
        if not self._is_said_by_a_person(message):
            return
        addressed = self._reply_mode == "all" or self._is_addressed(message)
        if not addressed and self._reply_mode == "mention":
            return
        await self._hear(message, addressed)

    def _is_said_by_a_person(self, message: discord.Message) -> bool:
        is_words = message.type in (discord.MessageType.default, discord.MessageType.reply)
        return is_words and not message.author.bot and message.webhook_id is None

    def _is_addressed(self, message: discord.Message) -> bool:
        """Whether it is a direct message, mentions us or our role, or replies to a message of ours."""
        own = self._bot.user
        if message.guild is None or own is None:
            return own is not None
        replied_to = message.reference.resolved if message.reference else None
        return (
            any(user.id == own.id for user in message.mentions)
            or any(role.tags is not None and role.tags.bot_id == own.id for role in message.role_mentions)
            or (isinstance(replied_to, discord.Message) and replied_to.author.id == own.id)
        )

    async def _hear(self, message: discord.Message, addressed: bool) -> None:
        text = self._readable(message)
        files = [attachment.filename for attachment in message.attachments]
        content = "\n".join(part for part in (text, *(f"[file: {name}]" for name in files)) if part)
        if not content:
            if addressed:
                await self._say(message, NOTHING_SAID)
            return
        said = Said(
            message_id=message.id,
            channel_id=message.channel.id,
            guild_id=message.guild.id if message.guild else None,
            author_id=message.author.id,
            author_name=message.author.display_name,
            content=content,
            created_at=message.created_at.timestamp(),
        )
        try:
            new = await self._conversations.hear(said, addressed=addressed and bool(text))
        except StorageError as error:
            log.error("a message could not be saved: %s", error, extra={"channel": message.channel.id})
            if addressed:
                await self._say(message, NOT_SAVED)
            return
        if new and addressed and not text:
            await self._say(message, ONLY_FILES.format(names=", ".join(files)))

    async def _say(self, message: discord.Message, sentence: str) -> None:
        """Answer *message* outside of any turn: this is no part of the conversation and is not remembered."""
        try:
            await self._speaker_for(message.channel.id).send(
                sentence, nonce=nonce(message.id, 0, 0), reply_to=message.id, ping=message.author.id
            )
        except DeliveryError as error:
            log.warning("%s", error, extra={"channel": message.channel.id})

    def _readable(self, message: discord.Message) -> str:
        """Return the text with names where Discord has ids, and without the mention of us that it starts with."""
        own_id = self._bot.user.id if self._bot.user else 0
        text = re.sub(rf"^\s*<@!?{own_id}>[\s,:]*", "", message.content)
        names = {f"<@{user.id}>": f"@{user.display_name}" for user in message.mentions}
        names |= {f"<@!{user.id}>": f"@{user.display_name}" for user in message.mentions}
        names |= {f"<@&{role.id}>": f"@{role.name}" for role in message.role_mentions}
        names |= {f"<#{channel.id}>": f"#{channel.name}" for channel in message.channel_mentions}
        text = re.sub(r"<(?:@[!&]?|#)\d+>", lambda mention: names.get(mention[0], mention[0]), text)
        return _CUSTOM_EMOJI.sub(r"\1", text).strip()

    @commands.Cog.listener()
    async def on_raw_message_edit(self, payload: discord.RawMessageUpdateEvent) -> None:
        """Let memory say what the message says now. An update without new words (an embed unfurling) changes nothing."""
        message = payload.message
        if message.edited_at is None or not self._is_said_by_a_person(message):
            return
        text = self._readable(message)
        files = [f"[file: {attachment.filename}]" for attachment in message.attachments]
        content = "\n".join(part for part in (text, *files) if part)
        await self._conversations.correct(
            message.channel.id, message.id, message.author.id, message.author.display_name, content
        )

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
        """Forget the channel, and its threads: Discord does not tell of each."""
        threads = getattr(channel, "threads", [])
        for gone in (channel, *threads):
            await self._conversations.forget_channel(gone.id)

    @commands.Cog.listener()
    async def on_raw_thread_delete(self, payload: discord.RawThreadDeleteEvent) -> None:
        """Forget the thread."""
        await self._conversations.forget_channel(payload.thread_id)


async def setup(bot: MnemoBot) -> None:
    """Add the cog."""
    services = bot.services
    await bot.add_cog(ConversationCog(bot, services.conversations, services.reply_mode, bot.speaker_for))
