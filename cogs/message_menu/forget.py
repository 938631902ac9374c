"""*Forget this*: one message leaves the memory, and stays on Discord."""

from __future__ import annotations

import discord

from bot.answers import MODERATING, answer, defer, is_moderator
from bot.conversation import Conversations
from bot.errors import NotPermitted, UserFacingError

FORGOT_WORDS = (
    "Forgotten, with my reply to it, if there was one, and what summaries said of it. On Discord it still stands; "
    "I do not take it in again."
)
FORGOT_REPLY = "I forgot that I said this. On Discord it still stands."
NOT_REMEMBERED = "I do not remember this message."
STILL_WRITING = "I am still writing this reply: wait until it is finished, or delete it."
NOT_YOURS = f"You can let me forget your own messages; for those of others you need {MODERATING}."


class ForgetCommand:
    """The command."""

    def __init__(self, conversations: Conversations) -> None:
        self._conversations = conversations

    async def forget(self, interaction: discord.Interaction, message: discord.Message) -> None:
        """Let the message leave the memory, for who wrote it and for moderators."""
        await defer(interaction, ephemeral=True)
        if message.author.id != interaction.user.id and not is_moderator(interaction):
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
