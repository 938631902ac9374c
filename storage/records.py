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
    """One Discord message of a reply; *discord_id* is None until Discord has said it.

    *reply_to* is the Discord id of the trigger that the reply refers to. One of another *attempt* than its turn's is no part of
    the reply any more and has to be taken back.
    """

    number: int
    attempt: int
    text: str = field(repr=False)
    discord_id: int | None
    reply_to: int


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a channel sets for itself; None where the host's setting holds."""

    policy: str | None = None
    max_messages: int | None = None
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One exchange, taken by a worker: the messages to answer, and what is known of the reply.

    *reply* is the whole text once the model has finished, with its *finish_reason*, else None. *chunks* are those that were
    recorded before, in order. Without triggers, or if its epoch *is_closed*, all that is left to do is to tidy up what of the
    reply is shown.
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
    overrides: Overrides = Overrides()
    is_closed: bool = False

    @property
    def newest(self) -> Message:
        """The trigger that the reply refers to, and whose id makes its nonces."""
        return self.triggers[-1]


class SummaryKind(StrEnum):
    """A *leaf* is made of messages, a *digest* of leaves."""

    LEAF = "leaf"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary of the messages at the positions *first* to *last*. A *corrected* one holds an admin's words."""

    id: int
    kind: SummaryKind
    first: int
    last: int
    text: str = field(repr=False)
    tokens: int
    corrected: bool
    reason: str
    model: str
    prompt_tokens: int
    completion_tokens: int
    created_at: float


@dataclass(frozen=True, slots=True)
class Draft:
    """A summary that was claimed and is to be written: from *messages* (a leaf) or *parts* (a digest)."""

    id: int
    kind: SummaryKind
    first: int
    last: int
    messages: tuple[Message, ...] = ()
    parts: tuple[Summary, ...] = ()


@dataclass(frozen=True, slots=True)
class Compaction:
    """What a compactor needs to know of a channel's open epoch.

    *backlog* are the oldest messages after the last leaf, up to the first turn that is not finished, *is_whole* if these are
    all. *gaps* are the spans whose leaf is void, *summaries* those that are shown.
    """

    channel_id: int
    epoch: int
    overrides: Overrides
    policy: str
    backlog: tuple[Message, ...]
    is_whole: bool
    gaps: tuple[tuple[int, int], ...]
    summaries: tuple[Summary, ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """How much a read of the window needs at most; None is no bound."""

    messages: int | None
    tokens: int | None


@dataclass(frozen=True, slots=True)
class Window:
    """The newest messages of an epoch, oldest first, up to and including a turn's last trigger.

    *policy* names the policy that *start* was computed by; *start* is a position. *summaries* are those to be shown.
    """

    messages: tuple[Message, ...]
    start: int
    policy: str
    epoch: int
    summaries: tuple[Summary, ...] = ()


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
class Covered:
    """What a summary stands for: how many messages, and when the first and the last of them were said."""

    messages: int
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Closed:
    """An epoch that a reset closed: how many messages it holds."""

    epoch: int
    messages: int


@dataclass(frozen=True, slots=True)
class Overview:
    """What is remembered in a channel's open epoch. *since* is the oldest message's time, None without messages.

    ``window_*`` counts the part that the model sees next. *summaries* are those that are shown, *lost_correction* tells that an
    admin's correction is void, *compaction_error* why the last summary could not be made, None if it could.
    """

    epoch: int
    messages: int
    tokens: int
    since: float | None
    window_messages: int
    window_tokens: int
    summaries: tuple[Summary, ...]
    lost_correction: bool
    compaction_error: str | None
    compaction_failed_at: float | None
    overrides: Overrides
    restorable_messages: int
    restorable_since: float | None
