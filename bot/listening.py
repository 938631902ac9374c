"""A message on Discord, translated into what a conversation hears: who may be heard, is it said to us, and what does it say.

The same for what comes live and for what is read in a channel's history. When either is done is not decided here.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import Literal

import discord

from bot.caches import Names
from bot.conversation import Conversations, Said
from bot.errors import ChannelClosed, DeliveryError
from bot.ports import Speaker
from bot.replies import nonce

log = logging.getLogger(__name__)

NOTHING_SAID = "I am here. Tell me something or ask me in the same message, and I will remember it."
ONLY_FILES = "I see that you sent {names}, but I read text only. Tell me in words what it is about."
NOT_SAVED = (
    "I cannot write to my memory right now; the host's log says why. I will answer this message as soon as I can: there is no "
    "need to send it again."
)

_MENTION = re.compile(r"<(@[!&]?|#)(\d+)>")
_CUSTOM_EMOJI = re.compile(r"<a?(:\w+:)\d+>")

#: Names by user id that a message does not tell by itself: in a history, members come without what a server calls them.
Nicknames = Mapping[int, str]
_NONE: Nicknames = {}


class Listener:
    """Hears people for *conversations*. *speaker_for* opens a channel for a word outside of any turn."""

    def __init__(
        self,
        client: discord.Client,
        conversations: Conversations,
        names: Names,
        reply_mode: Literal["mention", "listen", "all"],
        speaker_for: Callable[[int], Speaker],
    ) -> None:
        self._client = client
        self._conversations = conversations
        self._names = names
        self._reply_mode = reply_mode
        self._speaker_for = speaker_for

    def listens_to(self, message: discord.Message) -> bool:
        """Whether the reply mode remembers this message: words of a person."""
        return _is_said_by_a_person(message) and (self._reply_mode != "mention" or self._is_addressed(message))

    def _is_addressed(self, message: discord.Message) -> bool:
        """Whether it is answered: a direct message, a mention of us or our role, a reply to a message of ours."""
        own = self._client.user
        if self._reply_mode == "all" or message.guild is None or own is None:
            return own is not None
        replied_to = message.reference.resolved if message.reference else None
        return (
            any(user.id == own.id for user in message.mentions)
            or any(self._names.is_role_of(message.guild.id, role, own.id) for role in message.raw_role_mentions)
            or (isinstance(replied_to, discord.Message) and replied_to.author.id == own.id)
        )

    async def hear(self, message: discord.Message, *, nicknames: Nicknames = _NONE, is_answered: bool = False) -> None:
        """Let a message that we listen to be remembered, and answered if it is addressed to us.

        One that *is_answered* gets no word outside of a turn. Raises :class:`storage.errors.StorageError`.
        """
        addressed = self._is_addressed(message)
        text = self._readable(message, nicknames)
        content = "\n".join([text, *_files(message)]).strip()
        if not content:
            if addressed and not is_answered:
                await self._say(message, NOTHING_SAID)
            return
        said = Said(
            message_id=message.id,
            channel_id=message.channel.id,
            guild_id=message.guild.id if message.guild else None,
            author_id=message.author.id,
            author_name=_name(message.author, nicknames),
            content=content,
            created_at=message.created_at.timestamp(),
        )
        new = await self._conversations.hear(said, addressed=addressed and bool(text))
        if new and addressed and not text and not is_answered:
            files = ", ".join(attachment.filename for attachment in message.attachments)
            await self._say(message, ONLY_FILES.format(names=files))

    async def excuse(self, message: discord.Message) -> None:
        """Say, if a message is addressed to us, that it could not be saved. A reply that comes soon takes the place of this."""
        if self._is_addressed(message):
            await self._say(message, NOT_SAVED)

    async def correct(self, message: discord.Message, *, nicknames: Nicknames = _NONE) -> None:
        """Let memory say what a message says now. An update without new words (an embed unfurling) changes nothing."""
        if message.edited_at is None or not _is_said_by_a_person(message):
            return
        content = "\n".join([self._readable(message, nicknames), *_files(message)]).strip()
        author_name = _name(message.author, nicknames)
        await self._conversations.correct(message.channel.id, message.id, message.author.id, author_name, content)

    async def _say(self, message: discord.Message, sentence: str) -> None:
        """Answer *message* outside of any turn: this is no part of the conversation and is not remembered."""
        try:
            await self._speaker_for(message.channel.id).send(
                sentence, nonce=nonce(message.id, 0, 0), reply_to=message.id, ping=message.author.id
            )
        except ChannelClosed:
            pass  # the host is told once, by who found out
        except DeliveryError as error:
            log.warning("%s", error, extra={"channel": message.channel.id})

    def _readable(self, message: discord.Message, nicknames: Nicknames) -> str:
        """Return the text with names where Discord has ids, and without the mention of us that it starts with."""
        own_id = self._client.user.id if self._client.user else 0
        text = re.sub(rf"^\s*<@!?{own_id}>[\s,:]*", "", message.content)
        people = {user.id: _name(user, nicknames) for user in message.mentions}
        server_id = message.guild.id if message.guild else 0

        def spoken(mention: re.Match[str]) -> str:
            sign, any_id = mention[1], int(mention[2])
            name = people.get(any_id) if sign in ("@", "@!") else self._names.of(server_id, any_id)
            return mention[0] if name is None else f"{sign[0]}{name}"

        text = _MENTION.sub(spoken, text)
        return _CUSTOM_EMOJI.sub(r"\1", text).strip()


def _is_said_by_a_person(message: discord.Message) -> bool:
    is_words = message.type in (discord.MessageType.default, discord.MessageType.reply)
    return is_words and not message.author.bot and message.webhook_id is None


def _files(message: discord.Message) -> list[str]:
    return [f"[file: {attachment.filename}]" for attachment in message.attachments]


def _name(user: discord.User | discord.Member, nicknames: Nicknames) -> str:
    return nicknames.get(user.id, user.display_name)
