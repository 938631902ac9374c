"""What the world consists of, as it is kept: plain records with ids as ints.

How Discord writes them is in ``payloads.py``; what may be done with them is in the rooms named after them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import IntEnum, IntFlag
from typing import Any

Json = dict[str, Any]


class ChannelType(IntEnum):
    """The kinds of channels that this world can have."""

    TEXT = 0
    DM = 1
    PUBLIC_THREAD = 11
    PRIVATE_THREAD = 12
    FORUM = 15


class MessageType(IntEnum):
    """The kinds of messages that this world makes."""

    DEFAULT = 0
    THREAD_CREATED = 18
    REPLY = 19
    CHAT_INPUT_COMMAND = 20
    THREAD_STARTER_MESSAGE = 21
    CONTEXT_MENU_COMMAND = 23


#: People and bots write these; the others are Discord's own and can be neither edited nor answered.
WRITTEN = {MessageType.DEFAULT, MessageType.REPLY, MessageType.CHAT_INPUT_COMMAND, MessageType.CONTEXT_MENU_COMMAND}


class MessageFlag(IntFlag):
    """Flags of a message."""

    SUPPRESS_EMBEDS = 1 << 2
    HAS_THREAD = 1 << 5
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    IS_COMPONENTS_V2 = 1 << 15


class OverwriteType(IntEnum):
    """Whom a permission overwrite is for."""

    ROLE = 0
    MEMBER = 1


@dataclass
class Record:
    """Something that is kept under its id."""

    id: int

    def document(self) -> Json:
        """As it is kept."""
        return asdict(self)


@dataclass
class User(Record):
    """A person, or the bot."""

    username: str
    display_name: str
    bot: bool = False
    accepts_dms: bool = True


@dataclass
class Role(Record):
    """A role; the one with its guild's id is @everyone."""

    guild_id: int
    name: str
    permissions: int
    position: int = 0
    bot_id: int | None = None


@dataclass
class Guild(Record):
    """A server."""

    name: str
    owner_id: int


@dataclass
class Member(Record):
    """A user in a guild; *id* is its own, for keeping only."""

    guild_id: int
    user_id: int
    roles: list[int] = field(default_factory=list)
    nick: str | None = None


@dataclass
class Overwrite:
    """What a channel allows and denies to one role or one member."""

    target_id: int
    type: int
    allow: int = 0
    deny: int = 0


@dataclass
class Channel(Record):
    """A text channel, a forum, a thread in one of them, or a direct message."""

    type: int
    guild_id: int | None = None
    name: str | None = None
    topic: str | None = None
    position: int = 0
    parent_id: int | None = None
    owner_id: int | None = None
    overwrites: list[Overwrite] = field(default_factory=list)
    #: Of a DM: both ends. Of a thread: who joined it.
    member_ids: list[int] = field(default_factory=list)
    last_message_id: int | None = None
    archived: bool = False
    locked: bool = False
    auto_archive_minutes: int = 4320
    archive_changed_at: float = 0.0
    slowmode_seconds: int = 0
    message_count: int = 0

    @property
    def is_thread(self) -> bool:
        """Whether it hangs under another channel."""
        return self.type in {ChannelType.PUBLIC_THREAD, ChannelType.PRIVATE_THREAD}

    @property
    def is_dm(self) -> bool:
        """Whether it is a direct message."""
        return self.type == ChannelType.DM

    @classmethod
    def from_document(cls, document: Json) -> Channel:
        """The channel that was kept."""
        overwrites = [Overwrite(**overwrite) for overwrite in document.pop("overwrites")]
        return cls(**document, overwrites=overwrites)


@dataclass
class Message(Record):
    """A message. Its time of creation is in its id.

    *attachments* lack their URL, which depends on the port; *interaction* is Discord's ``interaction_metadata``;
    *reactions* are the ids of who reacted by emoji; *only_for* is the one user who can see it (ephemeral, never kept).
    """

    channel_id: int
    author_id: int
    content: str = ""
    type: int = MessageType.DEFAULT
    edited_at: float | None = None
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    flags: int = 0
    tts: bool = False
    mention_ids: list[int] = field(default_factory=list)
    mention_role_ids: list[int] = field(default_factory=list)
    mention_everyone: bool = False
    reference_channel_id: int | None = None
    reference_id: int | None = None
    nonce: str | int | None = None
    reactions: dict[str, list[int]] = field(default_factory=dict)
    interaction: Json | None = None
    only_for: int | None = None
