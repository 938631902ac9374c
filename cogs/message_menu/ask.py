"""*Ask about this*: one question about a message, remembered or not, which is answered as a reply to it."""

from __future__ import annotations

from typing import Self

import discord

from bot.answers import answer, defer, only_if, place_of, require_writers
from bot.catch_up import CatchUp
from bot.conversation import Conversations
from bot.errors import UserFacingError
from bot.forms import Form
from bot.listening import Listener
from bot.panels import panel
from bot.privacy import Privacy
from bot.rest import insist

#: So many characters a question may have.
QUESTION_LENGTH = 1_000

AUTHOR_OPTED_OUT = (
    "Who wrote this opted out: I show nothing of theirs to a model, so I cannot answer questions about it."
)
NOTHING_ASKED = "Your question was empty: ask about the message again, and write what you want to know."
NOTHING_THERE = "There is no text and no file in this message that I could read."
DELETED = "This message was deleted, or is older than what I may keep: I do not answer questions about it."


class AskCommand:
    """The command."""

    def __init__(self, listener: Listener, conversations: Conversations, privacy: Privacy, catch_up: CatchUp) -> None:
        self._listener = listener
        self._conversations = conversations
        self._privacy = privacy
        self._catch_up = catch_up

    @only_if(require_writers)
    async def ask(self, interaction: discord.Interaction, message: discord.Message) -> None:
        """Open the form, if there will be an answer. It has to be the first word, so nothing is deferred."""
        self._check(message)
        await AskForm(self, message, interaction).open(interaction)

    def _check(self, message: discord.Message) -> None:
        if self._privacy.has_opted_out(message.author.id):
            raise UserFacingError(AUTHOR_OPTED_OUT)
        if not message.content and not message.attachments:
            raise UserFacingError(NOTHING_THERE)

    async def take(self, interaction: discord.Interaction, message: discord.Message, written: str) -> None:
        """Let the question be answered in its turn, about the message as it is now."""
        await defer(interaction, ephemeral=True, thinking=True)
        require_writers(interaction)
        question, place = " ".join(written.split()), place_of(interaction)
        if not question:
            raise UserFacingError(NOTHING_ASKED)
        message = await _as_it_is_now(interaction, message)
        self._check(message)
        await self._catch_up.settled(place.channel_id, place.guild_id)
        asked = discord.Object(interaction.id)
        said = self._listener.question_about(message, question, place, asker=interaction.user, asked=asked)
        if said is None:
            raise UserFacingError(NOTHING_THERE)
        if not await self._conversations.hear(said, addressed=True):
            raise UserFacingError(DELETED)
        await answer(
            interaction, view=panel(f"## Asked\nMy answer comes as a reply to [the message]({message.jump_url}).")
        )


async def _as_it_is_now(interaction: discord.Interaction, message: discord.Message) -> discord.Message:
    """Return what stands on Discord: while the form was open, the message may have been edited or deleted."""
    try:
        return await insist(interaction.client, message.fetch)
    except discord.NotFound:
        raise UserFacingError(DELETED) from None
    except discord.Forbidden:  # who may not read what was said before was shown it by Discord all the same
        return message


class AskForm(Form):
    """The form: one question."""

    def __init__(self, command: AskCommand, message: discord.Message, interaction: discord.Interaction) -> None:
        super().__init__(interaction, "Ask about this message")
        self._command = command
        self._message = message
        self._question: discord.ui.TextInput[Self] = discord.ui.TextInput(
            label="What do you want to know?",
            style=discord.TextStyle.paragraph,
            custom_id="question",
            max_length=QUESTION_LENGTH,
        )
        self.add_item(self._question)

    async def on_submit(self, interaction: discord.Interaction) -> None:
        """Hand the question over."""
        await self._command.take(interaction, self._message, self._question.value)
