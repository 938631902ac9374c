"""A message on Discord, translated into what a conversation hears: who may be heard, is it said to us, and what does it say.

The same for what comes live and for what is read in a channel's history. When either is done is not decided here.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Collection, Mapping

import discord

from bot.asking import quoted
from bot.attachments import heard
from bot.caches import Names
from bot.conversation import Conversations, Said
from bot.errors import ChannelClosed, DeliveryError
from bot.governance import Governance
from bot.introduction import OPTED_OUT
from bot.ports import Speaker
from bot.privacy import Privacy
from bot.replies import nonce
from storage.records import About, Attachment, Place, ReplyMode

log = logging.getLogger(__name__)

NOTHING_SAID = "I am here. Tell me something or ask me in the same message, and I will remember it."
NOT_SAVED = (
    "I cannot write to my memory right now; the host's log says why. I will answer this message as soon as I can: there is no "
    "need to send it again."
)

_MENTION = re.compile(r"<(@[!&]?|#)(\d+)>")
_CUSTOM_EMOJI = re.compile(r"<a?(:\w+:)\d+>")

#: Members by user id, where a message does not tell of them by itself: in a history, authors come without names and roles.
Members = Mapping[int, discord.Member]
_NONE: Members = {}

#: Who may not talk with us is told so in a channel once in so many seconds.
REFUSAL_SECONDS = 3_600.0


class Listener:
    """Hears people for *conversations*. *speaker_for* opens a channel for a word outside of any turn."""

    def __init__(
        self,
        client: discord.Client,
        conversations: Conversations,
        privacy: Privacy,
        names: Names,
        governance: Governance,
        speaker_for: Callable[[int], Speaker],
    ) -> None:
        self._client = client
        self._conversations = conversations
        self._privacy = privacy
        self._names = names
        self._governance = governance
        self._refused: dict[tuple[int, int], float] = {}
        self._speaker_for = speaker_for

    def listens_to(self, message: discord.Message) -> bool:
        """Whether the reply mode remembers this message: words of a person."""
        return _is_said_by_a_person(message) and (self._mode(message) != "mention" or self._is_spoken_to(message))

    def _mode(self, message: discord.Message) -> ReplyMode:
        return self._governance.reply_mode(self._place(message))

    def _place(self, message: discord.Message) -> Place:
        if message.guild is None:
            return Place(message.channel.id, None)
        return Place(message.channel.id, message.guild.id, self._names.parent_of(message.guild.id, message.channel.id))

    def _is_addressed(self, message: discord.Message) -> bool:
        """Whether it is answered."""
        return self._is_spoken_to(message) or (self._client.user is not None and self._mode(message) == "all")

    def _is_spoken_to(self, message: discord.Message) -> bool:
        """Whether it is a direct message, a mention of us or our role, or a reply to a message of ours."""
        own = self._client.user
        if message.guild is None or own is None:
            return own is not None
        replied_to = message.reference.resolved if message.reference else None
        return (
            any(user.id == own.id for user in message.mentions)
            or any(self._names.is_role_of(message.guild.id, role, own.id) for role in message.raw_role_mentions)
            or (isinstance(replied_to, discord.Message) and replied_to.author.id == own.id)
        )

    async def hear(self, message: discord.Message, *, members: Members = _NONE, is_answered: bool = False) -> None:
        """Let a message that we listen to be remembered, and answered if it is addressed to us and its author may talk here.

        One that *is_answered* gets no word outside of a turn. Raises :class:`storage.errors.StorageError`.
        """
        place = self._place(message)
        refusal = self._governance.refusal(
            place, message.author.id, _roles(members.get(message.author.id, message.author))
        )
        is_owed_a_word = not is_answered and self._is_spoken_to(message)
        if refusal is not None:
            if is_owed_a_word:
                await self._refuse(message, refusal)
            return
        addressed = self._is_addressed(message)
        if self._privacy.has_opted_out(message.author.id):
            if is_owed_a_word and await self._privacy.is_to_be_reminded(message.author.id):
                await self._say(message, OPTED_OUT)
            return
        said = self._said(message, place, members, is_read=addressed)
        if said is not None:
            await self._conversations.hear(said, addressed=addressed)
        elif is_owed_a_word:
            await self._say(message, NOTHING_SAID)

    def _said(self, message: discord.Message, place: Place, members: Members, *, is_read: bool) -> Said | None:
        content = self._readable(message, members)
        if not content and not message.attachments:
            return None
        return Said(
            message_id=message.id,
            channel_id=place.channel_id,
            guild_id=place.guild_id,
            author_id=message.author.id,
            author_name=_name(message.author, members),
            content=content,
            created_at=message.created_at.timestamp(),
            parent_id=place.parent_id,
            attachments=_attached(message, message.id, is_read=is_read),
        )

    def words_of(self, message: discord.Message, place: Place) -> Said | None:
        """Return what a person said in a message, whether or not the reply mode remembers it; None if it is nobody's words."""
        return self._said(message, place, _NONE, is_read=False) if _is_said_by_a_person(message) else None

    def question_about(
        self, message: discord.Message, question: str, place: Place, *, asker: discord.abc.User, asked: discord.Object
    ) -> Said | None:
        """Return what *asker* asks about a message, whoever wrote it, by the interaction *asked*; None if nothing is in it."""
        content = self._readable(message, _NONE)
        if not content and not message.attachments:
            return None
        quote = quoted(asked.id, message.author.id, message.author.display_name, content)
        return Said(
            message_id=asked.id,
            channel_id=place.channel_id,
            guild_id=place.guild_id,
            author_id=asker.id,
            author_name=asker.display_name,
            content=question,
            created_at=asked.created_at.timestamp(),
            parent_id=place.parent_id,
            attachments=(quote, *_attached(message, asked.id, is_read=True)),
            about=About(message.id, message.author.id, message.created_at.timestamp()),
        )

    async def _refuse(self, message: discord.Message, refusal: str) -> None:
        """Say why the author may not talk here, once in a while."""
        now = time.monotonic()
        self._refused = {who: until for who, until in self._refused.items() if until > now}
        who = (message.channel.id, message.author.id)
        if who not in self._refused:
            self._refused[who] = now + REFUSAL_SECONDS
            await self._say(message, refusal)

    async def excuse(self, message: discord.Message) -> None:
        """Say, if a message is addressed to us, that it could not be saved. A reply that comes soon takes the place of this."""
        if self._is_addressed(message) and not self._privacy.has_opted_out(message.author.id):
            await self._say(message, NOT_SAVED)

    async def correct(self, message: discord.Message, *, members: Members = _NONE) -> None:
        """Let memory say what a message says now. An update without new words (an embed unfurling) changes nothing.

        Of another bot it may be what a question is about. A question about our own words keeps those that it was asked about.
        """
        if message.edited_at is None or (self._client.user is not None and message.author.id == self._client.user.id):
            return
        if self._privacy.has_opted_out(message.author.id):
            return
        content = self._readable(message, members)
        author_name = _name(message.author, members)
        attached = [attachment.id for attachment in message.attachments]
        await self._conversations.correct(
            message.channel.id, message.id, message.author.id, author_name, content, attached
        )

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

    def _readable(self, message: discord.Message, members: Members) -> str:
        """Return the text with names where Discord has ids, and without the mention of us that it starts with."""
        own_id = self._client.user.id if self._client.user else 0
        text = re.sub(rf"^\s*<@!?{own_id}>[\s,:]*", "", message.content)
        people = {user.id: _name(user, members) for user in message.mentions}
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


def _attached(message: discord.Message, owner_id: int, *, is_read: bool) -> tuple[Attachment, ...]:
    """Return what is attached, as that of the message *owner_id*; only of what *is_read* it matters where it is."""
    return tuple(
        heard(owner_id, one.id, one.filename, one.content_type or "", one.size, one.url if is_read else None)
        for one in message.attachments
    )


def _name(user: discord.User | discord.Member, members: Members) -> str:
    return members.get(user.id, user).display_name


def _roles(user: discord.User | discord.Member) -> Collection[int] | None:
    """The ids of somebody's roles, None if a message does not tell."""
    return user._roles if isinstance(user, discord.Member) else None
