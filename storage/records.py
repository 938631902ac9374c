"""The records that cross the boundary of storage. They are frozen and hold no behaviour beyond what their fields imply.

Ids are Discord's snowflakes unless said otherwise, times are seconds since the Unix epoch, sizes are tokens. Texts that people
wrote stay out of every ``repr``, so that no log can hold them by accident.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

Role = Literal["user", "assistant"]


class Status(StrEnum):
    """Where a turn is in its life: ``claimed -> generating -> sending -> answered``, or ``failed``, ``cancelled``."""

    CLAIMED = "claimed"
    GENERATING = "generating"
    SENDING = "sending"
    ANSWERED = "answered"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message that someone said, as it is handed over to be remembered. *tokens* counts it as the model will see it."""

    discord_id: int
    channel_id: int
    guild_id: int | None
    author_id: int
    author_name: str = field(repr=False)
    content: str = field(repr=False)
    tokens: int
    created_at: float


@dataclass(frozen=True, slots=True)
class Message:
    """One remembered message. *position* orders it in its channel; *turn_id* is None if it belongs to no turn."""

    position: int
    role: Role
    author_id: int
    author_name: str = field(repr=False)
    content: str = field(repr=False)
    tokens: int
    created_at: float
    turn_id: int | None = None
    discord_id: int | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """One Discord message of a reply; *discord_id* is None until Discord has said it."""

    number: int
    text: str = field(repr=False)
    discord_id: int | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One exchange, taken by a worker: the messages to answer, and what is known of the reply.

    *reply* is the whole text once the model has finished, with its *finish_reason*, else None. *chunks* are those of this
    reply that were recorded before, in order.
    """

    id: int
    channel_id: int
    epoch: int
    status: Status
    attempt: int
    position: int
    claimed_at: float
    triggers: tuple[Message, ...]
    reply: str | None = field(default=None, repr=False)
    finish_reason: str | None = None
    chunks: tuple[Chunk, ...] = ()

    @property
    def newest(self) -> Message:
        """The trigger that the reply refers to, and whose id makes its nonces."""
        return self.triggers[-1]


@dataclass(frozen=True, slots=True)
class Reach:
    """How much a read of the window needs at most; None is no bound."""

    messages: int | None
    tokens: int | None


@dataclass(frozen=True, slots=True)
class Window:
    """The newest messages of an epoch, oldest first, up to and including a turn's last trigger.

    *policy* names the policy that *start* was computed by; *start* is a position.
    """

    messages: tuple[Message, ...]
    start: int
    policy: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the model's work on a turn ended, for the books. Counts are None where the provider did not say."""

    model: str
    finish_reason: str | None
    prompt_tokens: int | None
    cached_tokens: int | None
    completion_tokens: int | None
    latency: float


@dataclass(frozen=True, slots=True)
class Interrupted:
    """A turn whose reply must go, because a message under it did. *status* is what the turn was before."""

    turn_id: int
    channel_id: int
    status: Status

    @property
    def was_running(self) -> bool:
        """Whether a worker is at it right now."""
        return self.status in (Status.GENERATING, Status.SENDING)


@dataclass(frozen=True, slots=True)
class Closed:
    """An epoch that a reset closed: how many messages it holds."""

    epoch: int
    messages: int


@dataclass(frozen=True, slots=True)
class Overview:
    """What is remembered in a channel's open epoch. *since* is the oldest message's time, None without messages.

    ``window_*`` counts the part that the model sees next.
    """

    epoch: int
    messages: int
    tokens: int
    since: float | None
    window_messages: int
    window_tokens: int
    restorable_messages: int
    restorable_since: float | None
