"""The records that cross the boundary of storage. They are frozen and hold no behaviour beyond what their fields imply.

Ids are Discord's snowflakes unless said otherwise, times are seconds since the Unix epoch, sizes are tokens. Texts that people
wrote stay out of every ``repr``, so that no log can hold them by accident.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from storage.budget_records import Budget as Budget
from storage.budget_records import BudgetStanding as BudgetStanding
from storage.budget_records import Limits as Limits
from storage.budget_records import Reservation as Reservation
from storage.messages import QUOTE as QUOTE
from storage.messages import SOMEWHERE as SOMEWHERE
from storage.messages import About as About
from storage.messages import Attachment as Attachment
from storage.messages import Incoming as Incoming
from storage.messages import Message as Message
from storage.messages import Role as Role
from storage.overrides import OVERRIDDEN as OVERRIDDEN
from storage.overrides import Access as Access
from storage.overrides import Overrides as Overrides
from storage.overrides import Place as Place
from storage.overrides import ReplyMode as ReplyMode
from storage.overrides import Rules as Rules
from storage.overrides import merged as merged

#: The finish reason of a turn of whose reply somebody deleted a part while it was written: it is not answered again.
WITHDRAWN = "withdrawn"


class Status(StrEnum):
    """Where a turn is in its life: ``claimed -> generating -> sending -> answered``, or ``failed``, ``cancelled``."""

    CLAIMED = "claimed"
    GENERATING = "generating"
    SENDING = "sending"
    ANSWERED = "answered"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Refusal(StrEnum):
    """Why a turn is not answered once more."""

    GONE = "gone"
    NOT_PERMITTED = "not permitted"
    RESET = "reset"
    UNFINISHED = "unfinished"
    OLDER = "older"
    WHOLE = "whole"


@dataclass(frozen=True, slots=True)
class Chunk:
    """One Discord message of a reply; *discord_id* is None until Discord has said it.

    *reply_to* is the Discord id of the message that the reply refers to, *sent_after* one that it stands after. One of another
    *attempt* than its turn's is no part of the reply any more and has to be taken back.
    """

    number: int
    attempt: int
    text: str = field(repr=False)
    discord_id: int | None
    reply_to: int
    sent_after: int


@dataclass(frozen=True, slots=True)
class Turn:
    """One exchange, taken by a worker: the messages to answer, and what is known of the reply.

    *reply* is the whole text once the model has finished, with its *finish_reason*, else None. *beginning* is what is kept of a
    reply that this attempt goes on with; until it is whole, *finish_reason* tells why that ended. *chunks* are those that were
    recorded before, in order. Without triggers, or if its epoch *is_closed*, all that is left to do is to tidy up what of the
    reply is shown; as for one that :attr:`is_withdrawn`. *outdated* is the Discord id of the last chunk of the turn before, if
    this one has just begun.
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
    beginning: str | None = field(default=None, repr=False)
    chunks: tuple[Chunk, ...] = ()
    overrides: Overrides = field(default_factory=Overrides)
    is_closed: bool = False
    outdated: int | None = None
    attachments: tuple[Attachment, ...] = ()

    @property
    def is_withdrawn(self) -> bool:
        """Whether somebody deleted a part of the reply while it was written."""
        return self.status is Status.GENERATING and self.finish_reason == WITHDRAWN

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
    """A summary of the messages at the positions *first* to *last*. A *corrected* one holds an admin's words.

    One that *is_origin* is what a thread was opened with: it is of messages of the thread's channel, and stands at a position
    where the thread has none.
    """

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
    is_origin: bool = False


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
class Outline:
    """What was written from a draft for a thread that is about to be opened, and what it cost."""

    draft: Draft
    text: str = field(repr=False)
    tokens: int
    model: str
    prompt_tokens: int
    completion_tokens: int


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
    guild_id: int | None = None
    pins: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True)
class Reach:
    """How much a read of the window needs at most; None is no bound."""

    messages: int | None
    tokens: int | None


@dataclass(frozen=True, slots=True)
class Window:
    """The newest messages of an epoch, oldest first, up to and including a turn's last trigger.

    *policy* names the policy that *start* was computed by; *start* is a position. *summaries* are those to be shown, *pins* the
    pinned messages of the epoch, as they were pinned, also those of the window, *origin* what a thread was opened with.
    """

    messages: tuple[Message, ...]
    start: int
    policy: str
    epoch: int
    summaries: tuple[Summary, ...] = ()
    pins: tuple[Message, ...] = ()
    origin: tuple[Summary, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the model's work on a turn ended, for the books. Counts are None where nobody counted.

    *reservation* is the id of what was reserved for it in budgets, None if that was not necessary.
    """

    model: str
    finish_reason: str | None
    prompt_tokens: int | None
    cached_tokens: int | None
    completion_tokens: int | None
    latency: float
    reservation: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What calls of a model cost, in tokens: of their prompts, those of them that were cached, and those that were written."""

    calls: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.cached_tokens + other.cached_tokens,
            self.completion_tokens + other.completion_tokens,
        )

    @property
    def tokens(self) -> int:
        """All of them."""
        return self.prompt_tokens + self.completion_tokens


#: Where a message on Discord stands in memory, if somebody wants it pinned: remembered, as it is here and now; put away by a
#: reset; a reply that is still being written; forgotten, and not to be taken in again; or not known.
Standing = Literal["remembered", "put away", "unfinished", "forgotten", "unknown"]

#: What a message on Discord is in memory: words of a person, a reply (or a part of one), or one that is still being written.
Remembered = Literal["words", "reply", "unfinished reply"]

BookedBy = Literal["day", "channel_id", "user_id"]

BookedKind = Literal["reply", "summary"]


@dataclass(frozen=True, slots=True)
class Booked:
    """A sum of the books. *day* is a date in UTC, *user_id* whom a reply answered or who opened the thread that a summary is for.

    Other summaries are nobody's, which is 0. None: not summed by it.
    """

    day: str | None
    channel_id: int | None
    user_id: int | None
    kind: BookedKind
    model: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class BookedDay:
    """What replies to one person, or summaries for threads that they opened, used on a *day* (in UTC) in a channel."""

    day: str
    channel_id: int
    kind: BookedKind
    model: str
    usage: Usage


@dataclass(frozen=True, slots=True)
class Extent:
    """Where something holds: in one channel, in one server, or (without either) everywhere."""

    channel_id: int | None = None
    guild_id: int | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """One remembered message of a person, and where; *put_away* by a reset, it is out of the model's sight."""

    channel_id: int
    put_away: bool
    message: Message
    attachments: tuple[Attachment, ...] = ()


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
class Forgotten:
    """What was taken out of memory: so many messages of these channels, and the turns that lost something by it."""

    messages: int
    channels: frozenset[int]
    interrupted: list[Interrupted]


@dataclass(frozen=True, slots=True)
class Covered:
    """What a summary stands for: how many messages, and when the first and the last of them were said."""

    messages: int
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Opened:
    """What a thread begins with: what its summaries stand for, None if it has none, and whether nothing was lost on the way."""

    covered: Covered | None
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Closed:
    """An epoch that a reset closed, or a restore opened again: how many messages it holds.

    One that is not *is_empty* may have none: it holds the summary that a thread was opened with.
    """

    epoch: int
    messages: int
    is_empty: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """What is remembered in a channel's open epoch. *since* is the oldest message's time, None without messages.

    ``window_*`` counts the part that the model sees next. *summaries* are those that are shown, *origin* what a thread was opened
    with, *lost_correction* tells that an admin's correction is void, *compaction_error* why the last summary could not be made,
    None if it could.
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
    pins: tuple[Message, ...] = ()
    origin: tuple[Summary, ...] = ()


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """How the database stands. Sizes are bytes, *log_size* that of the write-ahead log, *free* what is left on its disk.

    *unfinished_turns* are those that have no answer yet.
    """

    sqlite_version: str
    size: int
    log_size: int
    free: int
    unfinished_turns: int
