"""The records of messages and what belongs to them, a part of ``records.py``, by which everybody else imports them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Role = Literal["user", "assistant"]

#: The id of the attachment that is no file, but the message that a question is about.
QUOTE = 0

#: The server of a channel of which was not said yet where it is: it was brought in.
SOMEWHERE = 0


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that a person attached to a message: its *name*, its *type* as Discord says it, and its *size* in bytes.

    *url* is where it can be fetched, None if it is not to be fetched (any more). *block*, of so many *tokens*, is how the model
    sees it; *problem* tells people what could not be used of it.
    """

    message_id: int
    id: int
    name: str = field(repr=False)
    type: str
    size: int
    url: str | None = field(repr=False)
    block: str = field(repr=False)
    tokens: int
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class About:
    """Another message, which a question is about, by its Discord id (0: none) and its author's. The question is as old as it."""

    message_id: int
    author_id: int
    created_at: float


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message that someone said, as it is handed over to be remembered. *tokens* counts its *content* as the model will see it,
    without the *attachments*. *guild_id* is None in a direct message, and may be :data:`SOMEWHERE`; *parent_id* is the channel
    that a thread is in. What a question is *about* stands with it as the attachment :data:`QUOTE`.

    What is brought in may have no *discord_id* (0), may be pinned, and then be no part of the conversation (*is_apart*).
    """

    discord_id: int
    channel_id: int
    guild_id: int | None
    author_id: int
    author_name: str = field(repr=False)
    content: str = field(repr=False)
    tokens: int
    created_at: float
    parent_id: int | None = None
    attachments: tuple[Attachment, ...] = ()
    about: About | None = None
    pinned_at: float | None = None
    is_apart: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """One remembered message. *position* orders it in its channel; *turn_id* is None if it belongs to no turn.

    A pinned one at a position below 0 is no part of the conversation. *about_id* is the Discord id of what a question is about,
    None also in a copy of one, *about_author* who wrote that, *about_at* when.
    """

    position: int
    role: Role
    author_id: int
    author_name: str = field(repr=False)
    content: str = field(repr=False)
    tokens: int
    created_at: float
    turn_id: int | None = None
    discord_id: int | None = None
    about_id: int | None = None
    pinned_at: float | None = None
    about_author: int | None = None
    about_at: float | None = None

    @property
    def shown_as(self) -> int | None:
        """The id of the message on Discord that a reply to this one refers to."""
        return self.about_id or self.discord_id
