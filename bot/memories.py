"""What people can do with a channel's memory: see it, reset and restore it, shape, search and take it out.

It decides; ``cogs/memory`` translates and checks who may. Talking is ``bot/conversation.py``'s business.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bot import formats
from bot.compactor import Compactor
from bot.errors import NothingToRestore, OutOfBounds, UserFacingError
from bot.fault_points import fault_point
from bot.governance import Governance
from bot.memory import POLICIES, Policies
from bot.memory.summarizing import SummarizingPolicy
from bot.prompt_report import PromptReport
from bot.retention import expiry
from bot.view import Viewer
from storage import Store
from storage.records import Closed, Covered, Message, Overrides, Overview, Place, Summary, SummaryKind

HOUR_SECONDS = 3_600.0

#: Messages that are too old leave in steps of so many, between which others write, and at most so many each time.
EXPIRED_IN_A_STEP = 200
EXPIRED_AT_ONCE = 20_000

#: What a channel calls the policy and the bounds that it inherits.
HOST = "host"

#: What of all that a channel may set makes its policy.
POLICY_FIELDS = ("policy", "max_messages", "max_tokens")

SEARCH_LIMIT = 10
#: So many different words of a search are looked for, the first ones.
SEARCH_WORDS = 16

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class PolicyReport:
    """The policy that holds in a channel, as a phrase, and what of it the channel set for itself.

    *is_hosts* tells that the rest of it is as the host set it, and not a server or a thread's channel.
    """

    policy: str
    overrides: Overrides
    is_hosts: bool


@dataclass(frozen=True, slots=True)
class CompactionReport:
    """Summaries that were made, oldest first, and what they stand for; None if nothing of that is left."""

    summaries: tuple[Summary, ...]
    covered: Covered | None

    @property
    def prompt_tokens(self) -> int:
        """What the summarizer read, in tokens as it bills them."""
        return sum(summary.prompt_tokens for summary in self.summaries)

    @property
    def completion_tokens(self) -> int:
        """What the summarizer wrote, in tokens as it bills them."""
        return sum(summary.completion_tokens for summary in self.summaries)

    @property
    def text(self) -> str:
        """The summaries in people's sight: not those that went into a digest that was made with them."""
        digests = [summary for summary in self.summaries if summary.kind is SummaryKind.DIGEST][-1:]
        covered = digests[0].last if digests else -1
        leaves = [each for each in self.summaries if each.kind is SummaryKind.LEAF and each.last > covered]
        return summary_text([*digests, *leaves])


@dataclass(frozen=True, slots=True)
class MemoryReport:
    """What `/memory show` tells of a channel.

    *fullness* is 1.0 where the policy's budget is used up; *last_compaction* is the newest summary that is shown, by a model.
    Where the policy does not keep a summary, one from before may be there, of which the model sees only what a thread was opened
    with. ``pin_*`` is what pins take of a prompt, and may.
    """

    overview: Overview
    policy: PolicyReport
    keeps_summary: bool
    fullness: float
    last_compaction: CompactionReport | None
    restorable_until: float | None
    retention_days: int | None
    pin_tokens: int
    pin_budget: int
    pins_without_room: tuple[Message, ...]

    @property
    def summary(self) -> str:
        """The summary, oldest part first; nothing if there is none."""
        return summary_text(self.overview.summaries)

    @property
    def seen_summary(self) -> str:
        """What the model sees of it: where the policy keeps none, what a thread was opened with, also if a digest covers that."""
        return self.summary if self.keeps_summary else summary_text(self.overview.origin)

    @property
    def unseen_summary(self) -> str:
        """What the model does not see of it: where the policy keeps none, all that was made since."""
        made = [summary for summary in self.overview.summaries if not summary.is_origin]
        return "" if self.keeps_summary else summary_text(made)


@dataclass(frozen=True, slots=True)
class ResetReport:
    """What a reset closed, and until when (seconds since the Unix epoch) it can be restored; None: it is gone.

    Without messages it was the summary that a thread was opened with, or (*was_empty*) nothing.
    """

    messages: int
    was_empty: bool
    restorable_until: float | None


class Memories:
    """The memory of all channels. *interrupt* stops the reply that is being written in a channel."""

    def __init__(
        self,
        store: Store,
        policies: Policies,
        viewer: Viewer,
        compactor: Compactor,
        *,
        governance: Governance,
        grace_hours: float,
        retention_days: int | None,
        interrupt: Callable[[int], None],
    ) -> None:
        self._store = store
        self._policies = policies
        self._viewer = viewer
        self._compactor = compactor
        self._governance = governance
        self._grace = grace_hours * HOUR_SECONDS
        self._retention_days = retention_days
        self._interrupt = interrupt
        #: When :meth:`tidy` succeeded last, in seconds since the Unix epoch.
        self.tidied_at: float | None = None

    async def report(self, place: Place) -> MemoryReport | None:
        """Tell what is remembered in a channel; None if nothing is known of it."""
        channel_id = place.channel_id
        overview = await self._store.overview(channel_id, closed_after=time.time() - self._grace)
        if overview is None:
            return None
        policy = self._policies.for_channel(overview.overrides)
        written = [summary for summary in overview.summaries if not summary.corrected]
        shown_pins = self._viewer.fitting_pins(overview.overrides, overview.pins)
        newest = max(written, key=lambda summary: summary.created_at, default=None)
        return MemoryReport(
            overview=overview,
            policy=self.policy(place),
            keeps_summary=isinstance(policy, SummarizingPolicy),
            fullness=policy.fullness(overview, self._viewer.fixed_tokens(overview.overrides, overview.pins)),
            last_compaction=None if newest is None else await self._compaction(channel_id, [newest]),
            restorable_until=overview.restorable_since and overview.restorable_since + self._grace,
            retention_days=self._retention_days,
            pin_tokens=self._viewer.pin_cost(shown_pins),
            pin_budget=self._viewer.pin_budget(overview.overrides),
            pins_without_room=tuple(pin for pin in overview.pins if pin not in shown_pins),
        )

    async def reset(
        self, channel_id: int, *, epoch: int | None = None, reset_id: int | None = None
    ) -> ResetReport | None:
        """Start afresh in a channel. A reply that is being written is stopped. None if *epoch* is not the open one any more.

        *reset_id* is the Discord id of what asked for it: what was said before is not remembered, however late it is heard of.
        """
        now = time.time()
        closed = await self._store.reset(channel_id, now=now, epoch=epoch, reset_id=reset_id)
        fault_point("reset")
        if closed is None:
            return None
        self._interrupt(channel_id)
        if not self._grace:
            await self.purge()
        restorable = self._grace > 0 and not closed.is_empty
        return ResetReport(closed.messages, closed.is_empty, now + self._grace if restorable else None)

    async def restore(self, channel_id: int) -> Closed:
        """Bring back what the last reset closed, and set aside what was said since.

        Raises :class:`bot.errors.NothingToRestore`.
        """
        now = time.time()
        restored = await self._store.restore(channel_id, closed_after=now - self._grace, now=now)
        if restored is None:
            raise NothingToRestore("There is nothing to restore here: no reset is recent enough.")
        self._interrupt(channel_id)
        return restored

    async def purge(self) -> int:
        """Delete for good what was reset longer ago than the grace; returns how many epochs."""
        purged = await self._store.purge(closed_before=time.time() - self._grace)
        fault_point("purged")
        return purged

    async def expire(self) -> int:
        """Delete what was said longer ago than the host keeps it, up to :data:`EXPIRED_AT_ONCE`; returns how many messages."""
        before = expiry(time.time(), self._retention_days)
        total = 0
        while total < EXPIRED_AT_ONCE and (expired := await self._store.expire(before=before, most=EXPIRED_IN_A_STEP)):
            total += expired
        return total

    async def tidy(self, *, thoroughly: bool) -> None:
        """Let what was deleted leave the database's files, too; *thoroughly* makes everybody wait if the database is large."""
        await self._store.tidy(thoroughly=thoroughly)
        self.tidied_at = time.time()
        fault_point("tidied")

    async def summarize(self, channel_id: int, focus: str | None) -> CompactionReport | None:
        """Summarize now what is not summarized yet, and tell what this made; None if there was nothing.

        Raises :class:`bot.errors.UserFacingError`: the policy keeps no summary, one is being made, the model failed.
        """
        self._summarizing(await self._store.overrides(channel_id))
        made = await self._compactor.summarize_now(channel_id, focus)
        return await self._compaction(channel_id, made) if made else None

    def _summarizing(self, overrides: Overrides) -> SummarizingPolicy:
        policy = self._policies.for_channel(overrides)
        if not isinstance(policy, SummarizingPolicy):
            raise UserFacingError(
                "This channel's memory policy keeps no summary; choose `summary` or `hybrid` with /memory policy first."
            )
        return policy

    async def _compaction(self, channel_id: int, made: Sequence[Summary]) -> CompactionReport:
        spans = [(each.first, each.last) for each in made]
        return CompactionReport(tuple(made), await self._store.covered(channel_id, spans))

    async def correct_summary(self, channel_id: int, text: str, *, instead_of: Sequence[Summary]) -> None:
        """Put an admin's words in the place of the summaries that the admin has seen.

        Raises :class:`bot.errors.UserFacingError`, having changed nothing, also if other ones are shown now: those would be lost.
        """
        overview = await self._store.overview(channel_id, closed_after=time.time())
        if overview is None or not overview.summaries:
            raise OutOfBounds("There is no summary here to correct.")
        text = text.strip()
        tokens = self._viewer.count(text)
        limit = self._summarizing(overview.overrides).summary_tokens // 2
        if not text:
            raise OutOfBounds("The summary was left as it is: an empty one would say nothing.")
        if tokens > limit:
            raise OutOfBounds(
                f"The summary was left as it is: yours has {tokens:,} tokens, and {limit:,} fit beside what is still to come."
            )
        seen = [summary.id for summary in instead_of]
        if not await self._store.correct_summary(channel_id, text, tokens=tokens, instead_of=seen, now=time.time()):
            raise OutOfBounds("The summary changed while you wrote, and was left as it is: look at it again first.")

    def policy(self, place: Place) -> PolicyReport:
        """Tell which policy holds in a channel."""
        layers = self._governance.layers(place)
        of_the_host = all(layers.source(name) in ("host", "channel") for name in POLICY_FIELDS)
        return PolicyReport(self._policies.for_channel(layers.holds).describe(), layers.channel, of_the_host)

    async def set_policy(
        self, place: Place, *, name: str | None, messages: int | None, tokens: int | None
    ) -> PolicyReport:
        """Let a channel have a policy or bounds of its own from the next turn on; what is None stays as it is.

        :data:`HOST` as the *name* first returns all of it to what the channel inherits. Raises :class:`bot.errors.OutOfBounds`,
        having changed nothing.
        """
        given = {"policy": None if name == HOST else name, "max_messages": messages, "max_tokens": tokens}
        changes = {field: value for field, value in given.items() if name == HOST or value is not None}
        await self._governance.set_channel(place, **changes)
        return self.policy(place)

    def tokens_bounds(self, place: Place, policy: str | None) -> tuple[int, int]:
        """Return how many tokens a channel may choose with the *policy* of this name; None, or no policy's: with its own."""
        holds = self._governance.holds(place)
        chosen = policy if policy in POLICIES else holds.policy
        return self._governance.tokens_bounds(replace(holds, policy=chosen))

    def inherited_tokens(self, place: Place) -> int:
        """Return how many tokens a prompt has in a channel that sets nothing itself."""
        tokens = replace(self._governance.layers(place), channel=Overrides()).holds.max_tokens
        assert tokens is not None, "the host has a number"
        return tokens

    async def prompt(self, channel_id: int) -> PromptReport | None:
        """Return exactly what the model would see now, None if nothing is remembered."""
        view = await self._viewer.now(channel_id)
        if view is None:
            return None
        overrides = await self._store.overrides(channel_id)
        scale = self._policies.scale(overrides.model)
        return PromptReport(
            model=self._governance.models.of(overrides),
            policy=self._policies.for_channel(overrides).describe(),
            parts=tuple((name, int(tokens * scale)) for name, tokens in self._viewer.costs(view).items()),
            budget=self._policies.prompt_tokens(overrides),
            prompt=self._viewer.build(view),
        )

    async def search(self, channel_id: int, query: str) -> list[Message]:
        """Return the remembered messages that contain all words of *query*, the best first; any query is safe."""
        return await self._store.search(channel_id, search_words(query), limit=SEARCH_LIMIT)

    async def export(self, channel_id: int, form: formats.Format) -> str | None:
        """Return everything that is remembered here as the text of a file, None if nothing is."""
        messages = await self._store.export(channel_id)
        # In a thread: a hundred thousand messages take a second, in which other channels want answers.
        return await asyncio.to_thread(formats.write, messages, channel_id, form) if messages else None


def summary_text(summaries: Sequence[Summary]) -> str:
    """Return *summaries* as people read them, one paragraph each or more."""
    return "\n\n".join(summary.text for summary in summaries)


def search_words(query: str) -> list[str]:
    """Return the different words of *query* that are looked for."""
    return list(dict.fromkeys(_WORD.findall(query)))[:SEARCH_WORDS]
