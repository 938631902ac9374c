"""Makes summaries in the background: one channel's compaction never delays a reply, nor another channel's compaction.

What to make and how to ask for it is in ``bot/memory/compaction.py``; this owns the tasks, calls the model and commits. A failure
changes nothing: the messages stay, the prompt is cut without a summary, and it is tried again later.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass

from bot import summary_prompt
from bot.bill import Bill
from bot.budgets import Budgets
from bot.errors import BudgetSpent, EmptyReply, ModelError, UserFacingError
from bot.fault_points import fault_point
from bot.memory import compaction
from bot.memory.compaction import FoldTask, LeafTask
from bot.memory.hybrid import hybrid_policy
from bot.memory.policy import Marks, Policy
from bot.memory.summarizing import SummarizingPolicy
from bot.patience import end
from bot.ports import ChatModel, ReplyEnd, Thought
from bot.prompt import ChatPrompt, Prompt, whole
from storage import StorageError, Store
from storage.records import Compaction, Draft, Message, Outcome, Outline, Overrides, Reach, Summary, SummaryKind, Usage

log = logging.getLogger(__name__)

#: After a failure a channel is left alone this long, in seconds, longer each time.
RETRY_SECONDS = (60.0, 300.0, 900.0, 3_600.0)

#: A thread is opened with summaries of at most so many of its channel's tokens that no summary covers.
LOOK_BACK_TOKENS = 32_000
FOR_A_THREAD = "a thread is opened"

#: What is read of a channel whose policy keeps no summaries.
NOTHING = Reach(messages=0, tokens=0)

#: A reply that ended so is whole; None comes from servers that never say.
_WHOLE = ("stop", None)


class SummaryRefused(ModelError):
    """The summarizer answered, but with nothing that can be kept."""


class AlreadySummarizing(UserFacingError):
    """A compaction of the channel runs right now."""


@dataclass(frozen=True, slots=True)
class Written:
    """What the summarizer wrote, and what it cost."""

    text: str
    end: ReplyEnd
    latency: float


@dataclass(frozen=True, slots=True)
class Summarizer:
    """The model as a writer of summaries, with *seconds* for each: *shape* turns the request into what the model takes."""

    model: ChatModel
    model_name: str
    shape: Callable[[ChatPrompt], Prompt]
    seconds: float

    async def write(self, request: ChatPrompt) -> Written:
        """Return what the model writes, whole or not. Raises :class:`bot.errors.ModelError`."""
        started = time.monotonic()
        text = ""
        deadline = asyncio.get_running_loop().time() + self.seconds
        stream = self.model.stream(self.shape(request), model=self.model_name, deadline=deadline)
        async with aclosing(stream) as items:
            async for item in items:
                if isinstance(item, ReplyEnd):
                    return Written(whole(text).strip(), item, time.monotonic() - started)
                if isinstance(item, Thought):
                    text = "" if item.takes_back else text
                else:
                    text += item
        raise EmptyReply("The summarizer wrote nothing.", detail="the stream had no end")


class Compactor:
    """Compacts channels whose policy keeps summaries.

    *policy_for* gives a channel's policy, *count* a text's tokens, *fixed_tokens* the size of its prompt without messages, its
    pinned ones apart.
    """

    def __init__(
        self,
        store: Store,
        summarizer: Summarizer,
        policy_for: Callable[[Overrides], Policy],
        count: Callable[[str], int],
        fixed_tokens: Callable[[Overrides, Sequence[Message]], int],
        budgets: Budgets,
    ) -> None:
        self._store = store
        self._summarizer = summarizer
        self._policy_for = policy_for
        self._count = count
        self._fixed_tokens = fixed_tokens
        self._budgets = budgets
        self._running: dict[int, asyncio.Task[None]] = {}
        self._again: set[int] = set()
        self._failures: dict[int, int] = {}
        self._retries: dict[int, asyncio.TimerHandle] = {}
        self._is_closed = False

    def consider(self, channel_id: int) -> None:
        """Compact the channel in the background, if there is something to compact and it did not just fail."""
        if self._is_closed or channel_id in self._retries:
            return
        self._again.add(channel_id)
        if channel_id not in self._running:
            task = asyncio.create_task(self._work(channel_id), name=f"compaction-{channel_id}")
            self._running[channel_id] = task

    async def close(self) -> None:
        """Stop; what is being written is thrown away and made again another time."""
        self._is_closed = True
        for retry in self._retries.values():
            retry.cancel()
        await end(list(self._running.values()))

    async def summarize_now(self, channel_id: int, focus: str | None) -> list[Summary]:
        """Summarize everything that is finished, whatever the marks say, and return the summaries that this made.

        Raises :class:`AlreadySummarizing`, :class:`bot.errors.ModelError` and :class:`storage.errors.StorageError`.
        """
        if channel_id in self._running:
            raise AlreadySummarizing("I am summarizing this channel right now; look at /memory show in a moment.")
        current = asyncio.current_task()
        assert current is not None, "called from a task"
        self._running[channel_id] = current
        try:
            made = []
            while (summary := await self._step(channel_id, everything=True, focus=focus)) is not None:
                made.append(summary)
            return made
        finally:
            del self._running[channel_id]
            if channel_id in self._again:  # something changed meanwhile, and nobody else was let to look at it
                self.consider(channel_id)

    async def outline(self, channel_id: int, *, payer: int) -> tuple[list[Outline], bool]:
        """Summarize what no summary of a channel covers, for a thread; the channel's own memory stays as it is.

        Returns what was made, oldest first, and whether that is all: a model that fails, or a budget that is spent on the way,
        leaves the newest part out. The drafts are to be handed to :meth:`storage.store.Store.open_thread`, or thrown away. Raises
        :class:`bot.errors.BudgetSpent` if nothing could be made for that, and :class:`storage.errors.StorageError`.
        """
        state = await self._store.uncovered(channel_id, look_back=LOOK_BACK_TOKENS)
        made: list[Outline] = []
        if state is None:
            return made, True
        policy = self._policy_for(state.overrides)
        if not isinstance(policy, SummarizingPolicy):
            policy = hybrid_policy(Marks.of(min(policy.high, compaction.INPUT_TOKENS), 1))
        try:
            for span in compaction.spans(state.backlog, compaction.input_tokens(policy, self._fixed(state))):
                outline = await self._outline(state, policy, span, payer)
                if outline is None:  # a reset, or another policy, came between
                    return made, False
                made.append(outline)
        except ModelError as error:
            if isinstance(error, BudgetSpent) and not made:
                raise
            log.warning("a thread starts without a summary: %s", error.detail, extra={"channel": channel_id})
            return made, False
        except BaseException:
            for outline in made:
                await asyncio.shield(self._store.discard_summary(outline.draft))
            raise
        return made, True

    async def _outline(
        self, state: Compaction, policy: SummarizingPolicy, span: tuple[int, int], payer: int
    ) -> Outline | None:
        draft = await self._store.claim_leaf(state, span, reason=FOR_A_THREAD, now=time.time())
        if draft is None:
            return None
        try:
            written = await self._write(state, draft, policy, None, payer)
            self._check(draft, policy, written)
        except BaseException:
            await asyncio.shield(self._store.discard_summary(draft))
            raise
        usage, tokens = written.end.usage, self._count(written.text)
        paid = (usage.prompt_tokens or 0, usage.completion_tokens or 0)
        return Outline(draft, written.text, tokens, written.end.model, *paid)

    async def _work(self, channel_id: int) -> None:
        try:
            while channel_id in self._again:
                self._again.discard(channel_id)
                while await self._step(channel_id, everything=False, focus=None) is not None:
                    self._failures.pop(channel_id, None)
        except (ModelError, StorageError) as error:
            self._postpone(channel_id, error)
        finally:
            self._again.discard(channel_id)
            del self._running[channel_id]

    def _postpone(self, channel_id: int, error: Exception) -> None:
        failures = self._failures.get(channel_id, 0)
        pause = RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]
        if isinstance(error, BudgetSpent):
            pause = min(max(pause, error.free_in), RETRY_SECONDS[-1])  # not later, for the host may raise it meanwhile
        self._failures[channel_id] = failures + 1
        # By a timer: in a channel that is quiet now, the first reply later should find the summary made.
        self._retries[channel_id] = asyncio.get_running_loop().call_later(pause, self._try_again, channel_id)
        why = error.detail if isinstance(error, ModelError) else str(error)
        log.warning(
            "no summary could be made, which is tried again in %.0f s: %s", pause, why, extra={"channel": channel_id}
        )

    def _try_again(self, channel_id: int) -> None:
        del self._retries[channel_id]
        self.consider(channel_id)

    async def _step(self, channel_id: int, *, everything: bool, focus: str | None) -> Summary | None:
        """Make one summary; None if there is nothing to do. A draft that became void counts as nothing."""
        state = await self._store.compaction(channel_id, reach=self._reach)
        if state is None:
            return None
        policy = self._policy_for(state.overrides)
        if not isinstance(policy, SummarizingPolicy):
            return None
        task = compaction.next_task(state, policy, self._fixed(state), everything=everything)
        if task is None:
            return None
        draft = await self._claim(state, task)
        if draft is None:  # what it was to be made of changed since it was read, and whoever changed it told us
            return None
        fault_point("summary claimed")
        try:
            written = await self._write(state, draft, policy, focus)
            self._check(draft, policy, written)
        except ModelError as error:
            await self._store.fail_summary(draft, state.channel_id, state.epoch, error.detail, now=time.time())
            raise
        except asyncio.CancelledError:
            await asyncio.shield(self._store.discard_summary(draft))
            raise
        return await self._commit(state, draft, written)

    def _fixed(self, state: Compaction) -> int:
        return self._fixed_tokens(state.overrides, state.pins)

    def _reach(self, overrides: Overrides) -> Reach:
        policy = self._policy_for(overrides)
        if not isinstance(policy, SummarizingPolicy):
            return NOTHING
        return compaction.backlog_reach(policy, self._fixed_tokens(overrides, ()))

    async def _claim(self, state: Compaction, task: LeafTask | FoldTask) -> Draft | None:
        now = time.time()
        if isinstance(task, LeafTask):
            return await self._store.claim_leaf(state, task.span, reason=task.reason, now=now)
        return await self._store.claim_digest(state, task.parts, reason=task.reason, now=now)

    async def _write(
        self, state: Compaction, draft: Draft, policy: SummarizingPolicy, focus: str | None, payer: int | None = None
    ) -> Written:
        """Return what the model writes, having booked what it was paid for, whatever becomes of the text."""
        target = compaction.target_tokens(draft.kind, policy)
        if draft.kind is SummaryKind.LEAF:
            room = compaction.input_tokens(policy, self._fixed(state))
            request = summary_prompt.leaf_prompt(
                summary_prompt.within(draft.messages, room, self._count), target, focus
            )
        else:
            request = summary_prompt.digest_prompt(draft.parts, target, focus)
        bill = self._bill(state, draft, payer)
        await bill.open_in_time(lambda: sum(self._count(message.content) for message in request.messages))
        fault_point("summary reserved")
        try:
            written = await self._summarizer.write(request)
            await bill.book(written.text, written.end)
        except ModelError as error:
            await bill.failed(error)
            raise
        finally:
            with suppress(StorageError):  # then the next start books what is known
                await bill.book("")
            fault_point("summary written")
        return written

    def _bill(self, state: Compaction, draft: Draft, payer: int | None) -> Bill:
        async def write(outcome: Outcome) -> None:
            told = (outcome.prompt_tokens or 0, outcome.cached_tokens or 0, outcome.completion_tokens or 0)
            how = {"payer": payer, "reservation": outcome.reservation}
            await self._store.book_summary(state, outcome.model, Usage(1, *told), now=time.time(), **how)

        model, payers = self._summarizer.model_name, () if payer is None else (payer,)
        return Bill(-draft.id, state.channel_id, state.overrides, payers, model, self._budgets, self._count, write)

    def _check(self, draft: Draft, policy: SummarizingPolicy, written: Written) -> None:
        """Refuse what cannot be kept."""
        target = compaction.target_tokens(draft.kind, policy)
        length = self._count(written.text)
        if written.end.finish_reason not in _WHOLE:
            raise SummaryRefused("The summary broke off.", detail=f"it ended with {written.end.finish_reason}")
        if not written.text:
            raise EmptyReply("The summarizer wrote nothing.", detail="the summarizer answered nothing")
        if length > max(target * compaction.SLACK, policy.summary_tokens):
            raise SummaryRefused(
                "The summarizer wrote far too much.",
                detail=f"the summarizer wrote {length:,} tokens where about {target:,} were asked for",
            )

    async def _commit(self, state: Compaction, draft: Draft, written: Written) -> Summary | None:
        """Store what was written, unless something under it changed meanwhile."""
        usage = written.end.usage
        summary = await self._store.commit_summary(
            draft,
            text=written.text,
            tokens=self._count(written.text),
            model=written.end.model,
            prompt_tokens=usage.prompt_tokens or 0,
            completion_tokens=usage.completion_tokens or 0,
            latency=written.latency,
        )
        fault_point("summary stored")
        where = {"channel": state.channel_id, "span": f"{draft.first}-{draft.last}"}
        if summary is None:
            log.info("a %s is void before it was stored: something under it changed", draft.kind, extra=where)
            return None
        log.info(
            "stored a %s because %s: %d messages or parts became %d tokens, for %d + %d tokens in %.1f s",
            draft.kind,
            summary.reason,
            len(draft.messages) or len(draft.parts),
            summary.tokens,
            summary.prompt_tokens,
            summary.completion_tokens,
            written.latency,
            extra=where,
        )
        return summary
