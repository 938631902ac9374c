"""What every store can do, in the words of the domain. ``tests/contract`` says what each promise means.

Every method that writes returns after its commit: what it returned is on the disk. All raise
:class:`storage.errors.StorageError` when the database cannot do it; then nothing was changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from storage.budget_store import BudgetStore
from storage.pin_store import PinStore
from storage.records import (
    Access,
    Attachment,
    Booked,
    BookedBy,
    BookedDay,
    Closed,
    Compaction,
    Covered,
    DatabaseState,
    Draft,
    Extent,
    Forgotten,
    Incoming,
    Interrupted,
    Kept,
    Message,
    Overrides,
    Overview,
    Place,
    Reach,
    Remembered,
    Role,
    Rules,
    Summary,
    Turn,
    Window,
)
from storage.thread_store import ThreadStore
from storage.turn_store import TurnStore


class Store(TurnStore, BudgetStore, PinStore, ThreadStore, Protocol):
    """The memory of all channels. Times are seconds since the Unix epoch, sizes are tokens."""

    async def accept(self, message: Incoming, *, addressed: bool, now: float) -> bool:
        """Remember *message*; if *addressed*, it joins the channel's claimed turn or claims one.

        Returns False, having changed nothing, for a message that is known already, was deleted, or was said before a reset or by
        somebody who opted out.
        """
        ...

    async def edit(
        self,
        discord_id: int,
        content: str,
        *,
        tokens: int,
        attached: Collection[int] | None = None,
        quote: tuple[str, int] | None = None,
        now: float,
    ) -> bool:
        """Replace what a remembered message of a person says; returns whether there was one that differed.

        Of its attachments those with the ids *attached* stay, with what was read of them; None stands for all. Questions about
        it show *quote*, of so many tokens, then.
        """
        ...

    async def note_attachments(self, read: Collection[Attachment]) -> None:
        """Replace what is known of attachments that were *read*; of those that were deleted meanwhile nothing is kept."""
        ...

    async def forget(self, discord_ids: Collection[int], *, now: float) -> list[Interrupted]:
        """Take what was deleted on Discord, and questions about it, out of memory; return the turns that lost something by it.

        The reply of a turn goes with any of its triggers or chunks. An unfinished turn is brought to its next attempt, or
        cancelled if no triggers remain and none of its chunks was recorded. One that lost a chunk is not answered again.
        """
        ...

    async def said_by(self, author_id: int, place: Extent) -> list[Kept]:
        """Return what is remembered of a person's words in *place*, also what a reset put away."""
        ...

    async def quoted(self, author_id: int, place: Extent) -> list[tuple[int, int | None, str]]:
        """Return what others' questions quote of a person in *place*: channel, Discord id of what is quoted, and the quote.

        In a copy from another channel what is quoted has no id.
        """
        ...

    async def count_by(self, author_id: int, place: Extent) -> int:
        """Return how many messages :meth:`forget_author` takes."""
        ...

    async def booked_for(self, user_id: int, place: Extent) -> list[BookedDay]:
        """Return what replies to a person used in *place*, and summaries for threads that they opened from there."""
        ...

    async def forget_author(self, author_id: int, place: Extent, *, most: int, now: float) -> Forgotten:
        """Take up to *most* of a person's messages in *place*, and questions about them, out of memory, as :meth:`forget` does.

        It is to be called until no message is left.
        """
        ...

    async def remembered_as(self, discord_id: int) -> Remembered | None:
        """Return what a message on Discord is in memory; None if it is not remembered."""
        ...

    async def opt_out(self, user_id: int, *, now: float) -> None:
        """Accept no message of a person any more, wherever it is said; what is remembered stays."""
        ...

    async def opt_in(self, user_id: int) -> None:
        """Accept a person's messages again."""
        ...

    async def opted_out(self) -> frozenset[int]:
        """Return the ids of those whose messages are not accepted."""
        ...

    async def remind_opted_out(self, user_id: int) -> bool:
        """Whether a person who opted out is to be told so now: True once since then."""
        ...

    async def forget_channel(self, channel_id: int) -> None:
        """Take everything that is known of a channel out of memory, whatever the epoch; what was billed stays in the books."""
        ...

    async def known_guilds(self) -> list[int]:
        """Return the ids of the servers of which anything is known."""
        ...

    async def known_channels(self, guild_id: int | None) -> list[int]:
        """Return the ids of a server's channels (None: of the direct messages) of which anything is known.

        Those that spoke last come first. :data:`storage.records.SOMEWHERE` stands for those of which is not known where they are.
        """
        ...

    async def locate(self, guild_id: int, channel_ids: Collection[int]) -> None:
        """Note that these channels are in this server, where that is not known."""
        ...

    async def belong_to(self, user_id: int) -> int:
        """Let this be the memory of the bot *user_id* if it is nobody's yet, and return the id of the bot whose it is."""
        ...

    async def seen(self) -> dict[int, int]:
        """Return what :meth:`save_seen` saved last; nothing if it never did."""
        ...

    async def save_seen(self, marks: Mapping[int, int]) -> None:
        """Save up to which Discord id everything that was said is taken care of, instead of what was saved before.

        *marks* has it by place: a channel, a server, and 0 for everywhere else.
        """
        ...

    async def newest_ids(self, channel_id: int, *, limit: int) -> list[int]:
        """Return the Discord ids of the *limit* newest messages that are remembered of a channel, newest first.

        Each chunk of a reply counts; what was brought in and is older than the channel does not.
        """
        ...

    async def load_window(self, turn: Turn, *, policy: str, reach: Reach) -> Window:
        """Return the messages from the window's start to the turn's last trigger, or those of them that *reach* needs.

        A start that was computed by another policy than *policy* does not count: the window is then bounded by *reach* alone.
        """
        ...

    async def peek_window(self, channel_id: int, *, policy: str, reach: Reach) -> Window | None:
        """Return the same for everything that has a position now; None for a channel that is not known."""
        ...

    async def move_window(self, turn: Turn, *, start: int, policy: str, look_back: int) -> None:
        """Let the window of the turn's epoch start at position *start*, as *policy* computed it.

        A policy that is new here finds messages that no leaf covers: leaves are to be made of the newest *look_back* tokens.
        """
        ...

    async def set_overrides(self, place: Place, overrides: Overrides, *, now: float) -> None:
        """Let a channel set this for itself and its threads, from the next turn on.

        Summaries that are being written become void.
        """
        ...

    async def set_server(self, guild_id: int, overrides: Overrides) -> None:
        """Let a server set this for all of its channels, in the same way."""
        ...

    async def set_access(self, guild_id: int, access: Access) -> None:
        """Keep who may what in a server."""
        ...

    async def rules(self) -> Rules:
        """Return all that servers and channels set for themselves."""
        ...

    async def overrides(self, channel_id: int) -> Overrides:
        """Return what holds in a channel: what its server, a thread's channel, and it itself set."""
        ...

    async def compaction(self, channel_id: int, *, reach: Callable[[Overrides], Reach]) -> Compaction | None:
        """Return what there is to compact in the channel's open epoch, of the backlog as much as *reach* allows."""
        ...

    async def claim_leaf(self, state: Compaction, span: tuple[int, int], *, reason: str, now: float) -> Draft | None:
        """Claim a leaf over the positions of *span*, and return the messages that it is to be written from.

        None if the epoch or the policy is not that of *state* any more, the messages are gone, or a turn there is not finished.
        """
        ...

    async def claim_digest(
        self, state: Compaction, parts: Sequence[Summary], *, reason: str, now: float
    ) -> Draft | None:
        """Claim a digest of *parts*; None if these are not shown any more, or epoch or policy are not those of *state*."""
        ...

    async def commit_summary(
        self,
        draft: Draft,
        *,
        text: str,
        tokens: int,
        model: str,
        prompt_tokens: int,
        completion_tokens: int,
        latency: float,
    ) -> Summary | None:
        """Make a draft a summary and, for a leaf, move the window behind it, in one transaction.

        None, and the draft is thrown away, if its epoch or policy changed or a message in its span did.
        """
        ...

    async def discard_summary(self, draft: Draft) -> None:
        """Throw a draft away."""
        ...

    async def fail_summary(self, draft: Draft, channel_id: int, epoch: int, error: str, *, now: float) -> None:
        """Throw a draft away and note why, until a summary can be made again."""
        ...

    async def booked(
        self,
        days: Collection[str],
        *,
        guild_id: int | None,
        channel_id: int | None = None,
        user_id: int | None = None,
        by: Sequence[BookedBy] = (),
    ) -> list[Booked]:
        """Return the sums of what was booked on *days* (dates in UTC) in a server (None: in direct messages).

        They are by kind, model and what *by* names, and of one channel and one person only if these are given.
        """
        ...

    async def correct_summary(
        self, channel_id: int, text: str, *, tokens: int, instead_of: Sequence[int], now: float
    ) -> bool:
        """Put an admin's words in the place of the summaries with the ids *instead_of*. False if not exactly these are shown.

        They stand until a message beneath them is edited, deleted or expires.
        """
        ...

    async def term_positions(
        self, channel_id: int, epoch: int, terms: Sequence[str], *, newest: int
    ) -> tuple[list[tuple[int, ...]], int]:
        """Return for each of *terms* where it stands, as text, author or date: the *newest* positions, in order; and how many
        positions the epoch has. Words of one stem are one term; any text is safe.
        """
        ...

    async def messages_at(self, channel_id: int, epoch: int, positions: Collection[int]) -> dict[int, Message]:
        """Return the messages at *positions*, those that there are."""
        ...

    async def search(self, channel_id: int, terms: Sequence[str], *, limit: int) -> list[Message]:
        """Return the messages of the open epoch that contain all of *terms*, the best first. Any term is safe."""
        ...

    async def covered(self, channel_id: int, spans: Sequence[tuple[int, int]]) -> Covered | None:
        """Tell what summaries of the open epoch over *spans* of positions stand for: messages that a leaf was made of.

        None if nothing of that is there any more.
        """
        ...

    async def export(self, channel_id: int) -> list[Message]:
        """Return all messages of the open epoch, in order."""
        ...

    async def bring_in(self, messages: Sequence[tuple[Role, Incoming]], *, now: float) -> int:
        """Add messages, each with its role, at the end of their channel's open epoch, all or none; returns how many were new.

        Words of those who opted out are left out, and questions that quote them.
        """
        ...

    async def learn_factor(self, model: str, factor: float, samples: int) -> None:
        """Keep how many of the provider's tokens one of ours is, from so many calls."""
        ...

    async def factors(self) -> dict[str, tuple[float, int]]:
        """Return what was learned for each model: the factor, and from how many calls."""
        ...

    async def tidy(self, *, thoroughly: bool = False) -> None:
        """Let what was deleted leave the files too: the index's segments, unused parts of pages, the write-ahead log.

        Unused parts of a large database's pages are only overwritten *thoroughly*, for which everybody has to wait.
        """
        ...

    async def registered_commands(self, api_url: str, application_id: int) -> str | None:
        """Return the hash of the commands that Discord took last; None if that is not known."""
        ...

    async def save_registered_commands(self, api_url: str, application_id: int, commands: str | None) -> None:
        """Keep the hash of the commands that Discord took; None: what it has is not known."""
        ...

    async def reset(
        self, channel_id: int, *, now: float, epoch: int | None = None, reset_id: int | None = None
    ) -> Closed | None:
        """Close the channel's epoch and open a new one. None if nothing is known of it, or if *epoch*, if given, is not open.

        What was said before the Discord id *reset_id* is not accepted any more. Unfinished turns are cancelled; one of which a
        chunk was recorded is closed by whoever tidies up what is shown of it.
        """
        ...

    async def restore(self, channel_id: int, *, closed_after: float, now: float) -> Closed | None:
        """Swap the open epoch with the one closed last, after *closed_after*, that holds anything; None if there is none."""
        ...

    async def purge(self, *, closed_before: float) -> int:
        """Delete the epochs closed at or before *closed_before*, from the disk too; returns how many."""
        ...

    async def state(self) -> DatabaseState:
        """Tell how the database stands."""
        ...

    async def expire(self, *, before: float, most: int) -> int:
        """Delete the oldest *most* messages that were said before *before*, whole turns with them, and return how many went.

        A turn is as old as its first message; one that is not finished stays. Summaries that cover a message that went are void,
        or gone if nothing is left beneath them.
        """
        ...

    async def overview(self, channel_id: int, *, closed_after: float) -> Overview | None:
        """Tell what the channel's open epoch holds and what a restore would bring back. None if nothing is known of it."""
        ...
