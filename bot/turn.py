"""One turn, from its fixed triggers to a saved reply: what the model is asked, and what becomes of its answer.

It knows no other turn and no other channel; which turn comes when is decided in ``bot/conversation.py``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from functools import partial
from typing import Literal, TypeVar

from bot import notes
from bot.attachments import Read
from bot.bill import Bill
from bot.brain import Brain, Myself
from bot.budgets import BudgetTaken
from bot.errors import BudgetSpent, ContextOverflow, ModelDown, ModelError, ModelUnavailable
from bot.fault_points import fault_point
from bot.line import Ticket, ordinal
from bot.outdated import outdating
from bot.patience import is_being_cancelled, keep_trying
from bot.ports import STOPPED, Button, ReplyEnd, Speaker, Thought, Usage, buttons_after
from bot.prompt import whole
from bot.replies import ReplyWriter
from bot.seam import joined
from bot.signs import Signs
from bot.view import View
from storage import StorageError
from storage.records import Outcome, Status, Turn

T = TypeVar("T")

log = logging.getLogger(__name__)

#: How long a turn waits for a model that is left alone, in seconds; an answer that comes later surprises more than it helps.
OUTAGE_SECONDS = 3_600.0

#: Of a reply in our own words: no model wrote it, and nothing is billed.
OUR_WORDS = Outcome("", finish_reason=None, prompt_tokens=None, cached_tokens=None, completion_tokens=None, latency=0.0)


class Exchange:
    """The work on one turn. The model is asked within *gate*; *signs* stand on its triggers until something answers them."""

    def __init__(
        self,
        turn: Turn,
        brain: Brain,
        speaker: Speaker,
        me: Myself,
        gate: AbstractAsyncContextManager[None],
        signs: Signs,
    ) -> None:
        self.turn = turn
        self._brain = brain
        self._model = brain.models.of(turn.overrides)
        self._store = brain.store
        self._speaker = speaker
        self._me = me
        self._gate = gate
        self._signs = signs
        self._writer = ReplyWriter(turn, speaker, brain.store, brain.reply_chunks, brain.pace, self._take_signs)
        payers = [trigger.author_id for trigger in reversed(turn.triggers)]
        what = (turn.id, turn.channel_id, turn.overrides, payers, self._model)
        self._bill = Bill(*what, brain.budgets, brain.viewer.count, self._book)
        self._generating: asyncio.Task[object] | None = None
        self._text = ""
        self._is_stopped = False
        self._is_written = False
        self._is_over = False  # in the store: what is heard of afterwards is not about this work any more
        self._end: ReplyEnd | None = None
        self._read: Read | None = None
        self.is_waiting = False
        self._interruption: Literal["withdrawn", "reset"] | None = None

    def shows(self, message_id: int) -> bool:
        """Whether a message on Discord is a part of the reply."""
        return self._writer.shows(message_id)

    def is_answering(self, message_id: int) -> bool:
        """Whether an answer to a message is being written, or may be any moment."""
        return not self.is_waiting and any(trigger.discord_id == message_id for trigger in self.turn.triggers)

    def stop(self) -> bool:
        """End the reply with what is written of it. False if it is all written, or is being stopped already."""
        if self._is_written or self._is_stopped or self._interruption is not None:
            return False
        self._is_stopped = True
        if self._generating is not None:
            self._generating.cancel()
        return True

    def interrupt(self, reason: Literal["withdrawn", "reset"]) -> None:
        """Stop working on this attempt: a message under it was deleted (*withdrawn*), or its epoch was closed (*reset*)."""
        self._interruption = reason
        self._writer.halt()
        if self._generating is not None:
            self._generating.cancel()

    async def run(self, *, answer_after: float) -> None:
        """Bring the turn to its end.

        To a turn claimed before *answer_after* the reply is a word that it is too late: without any, the model would take it up
        with the next turn. Raises :class:`bot.errors.DeliveryError` and :class:`storage.errors.StorageError`; the turn is then
        left as it is and can be taken up again.
        """
        try:
            async with outdating(self.turn.outdated, self._speaker):
                await self._run(answer_after)
        finally:
            await self._writer.close()
            self._take_signs()
            with suppress(StorageError):  # then whoever takes the turn up, or the next start, books what is known
                await self._bill.book(self._text, self._end)

    def _take_signs(self) -> None:
        self._signs.answered(self.turn.channel_id, [trigger.discord_id or 0 for trigger in self.turn.triggers])

    async def _run(self, answer_after: float) -> None:
        await self._writer.find_shown()
        if not self.turn.triggers or self.turn.is_closed or self.turn.is_withdrawn:
            await self._stop()
            return
        try:
            if self.turn.status is Status.SENDING:
                await self._deliver(self.turn.reply or "", self.turn.finish_reason)
            elif self.turn.claimed_at < answer_after:
                await self._answer_late()
            else:
                await self._answer()
        except _Outdated:  # memory knows of the deletion a moment before we are told
            self._interruption = self._interruption or "withdrawn"
        except asyncio.CancelledError:
            if self._interruption is None or is_being_cancelled():
                raise
        if self._interruption is not None and not self._is_over:
            await self._clean_up()

    async def _answer_late(self) -> None:
        if self.turn.beginning is None:
            await self._reply(notes.TOO_OLD, OUR_WORDS)
        else:
            await self._leave()

    async def _answer(self) -> None:
        started = time.monotonic()
        try:
            end, latency = await self._ask()
        except BudgetSpent as spent:
            await self._decline(spent)
            return
        except ModelError as error:
            log.warning("the model gave no reply: %s", error.detail, extra={"turn": self.turn.id})
            await self._bill.failed(error)
            await self._end_with(f"⚠️ {error}", Status.FAILED)
            return
        except _OutOfSight:  # most often because it was deleted: then this attempt is not ours any more
            if not await self._reply(self._standing(f"⚠️ {notes.NEUTRAL}"), OUR_WORDS):
                raise _Outdated from None
            log.error("what was asked is not in the window", extra={"turn": self.turn.id})
            return
        except _Stopped:
            fault_point("asked to stop")
            if not self._text:
                await self._bill.book("")
                await (
                    self._end_with(notes.STOPPED_EARLY, Status.FAILED) if self.turn.beginning is None else self._leave()
                )
                return
            end, latency = ReplyEnd(STOPPED, Usage(), self._model), time.monotonic() - started
        self._end = end
        fault_point("text whole")
        await self._reply(self._so_far, self._bill.outcome(end, self._text, latency))

    @property
    def _so_far(self) -> str:
        """The reply as far as it is written, the part included that was there before this attempt."""
        return whole(joined(self.turn.beginning or "", self._text))

    async def _book(self, outcome: Outcome) -> None:
        """Book a call of which no reply becomes."""
        await self._store.book_reply(self.turn, outcome, now=self._brain.now())

    async def _decline(self, spent: BudgetSpent) -> None:
        """Answer that no tokens are left: with a sentence, and who was told that here today already with a sign."""
        turn, people = self.turn, [trigger.author_id for trigger in self.turn.triggers]
        is_news = self._brain.budgets.is_news(spent.budget, turn.channel_id, people)
        if not is_news and not self._writer.is_visible:
            signs = [self._signs.show(turn.channel_id, one.discord_id or 0, notes.SPENT_SIGN) for one in turn.triggers]
            if all(await asyncio.gather(*signs)):
                await self._store.close_turn(turn, Status.FAILED)
                return
        await self._end_with(notes.SPENT.format(spent), Status.FAILED)

    async def _reply(self, text: str, outcome: Outcome) -> bool:
        """Take *text* as the turn's reply; False if this attempt was taken away.

        Only we have it, and it may have been paid for: the database is waited for.
        """
        self._is_written = True
        first_chunk = self._writer.first_chunk(self._with_notes(text, outcome.finish_reason))
        now = self._brain.now()
        completing = partial(self._store.complete, self.turn, text, outcome, first_chunk=first_chunk, now=now)
        if not await keep_trying(completing, "a reply"):
            return False
        self._writer.recorded(first_chunk)
        self._bill.booked()
        fault_point("completed")
        await self._deliver(text, outcome.finish_reason)
        return True

    async def _ask(self) -> tuple[ReplyEnd, float]:
        """Let the model write, and wait for it while it is left alone. Returns how it ended, and its seconds."""
        give_up = asyncio.get_running_loop().time() + OUTAGE_SECONDS
        while True:
            try:
                async with self._gate, self._speaker.typing():
                    with self._brain.line.ticket() as ticket:
                        await self._stand_in_line(ticket)
                        return await self._interruptibly(self._generate)
            except BudgetTaken as taken:
                await self._wait(taken.over)
            except ModelDown as down:
                await self._bill.failed(down)
                await self._wait_for_model(down, give_up)

    async def _stand_in_line(self, ticket: Ticket) -> None:
        """Wait until one reply more may be written, and tell the place in the line if that takes long."""
        self.is_waiting = not ticket.admitted.is_set()
        try:
            while (place := await self._interruptibly(ticket.wait)) is not None:
                await self._writer.finish(self._standing(notes.IN_LINE.format(ordinal(place))), (Button.STOP,))
        finally:
            self.is_waiting = False

    async def _generate(self) -> tuple[ReplyEnd, float]:
        started = time.monotonic()
        return await self._stream_with_retry(), time.monotonic() - started

    async def _wait_for_model(self, down: ModelDown, give_up: float) -> None:
        if self._interruption is None and self._writer.newest != (notice := self._standing(notes.WAITING.format(down))):
            log.warning("a reply waits for the model: %s", down.detail, extra={"turn": self.turn.id})
            await self._writer.finish(notice, (Button.STOP,))
        try:
            async with asyncio.timeout_at(give_up):
                await self._wait(lambda: self._brain.model.ready(model=self._model))
        except TimeoutError:
            raise ModelUnavailable(notes.GAVE_UP, detail=down.detail) from None

    async def _wait(self, until: Callable[[], Coroutine[object, object, None]]) -> None:
        self.is_waiting = True
        try:
            await self._interruptibly(until)
        finally:
            self.is_waiting = False

    async def _interruptibly(self, work: Callable[[], Coroutine[object, object, T]]) -> T:
        self._check()
        task = asyncio.create_task(work(), name=f"model-{self.turn.id}")
        self._generating = task
        try:
            return await task
        except asyncio.CancelledError:
            if not is_being_cancelled():
                self._check()
            raise
        finally:
            task.cancel()

    def _check(self) -> None:
        """Raise if the model need not write, or not any more."""
        if self._interruption is not None:
            raise _Outdated
        if self._is_stopped:
            raise _Stopped

    async def _stream_with_retry(self) -> ReplyEnd:
        if self._read is None:
            budget = self._brain.viewer.trigger_budget(self.turn.overrides)
            self._read = await self._brain.attachments.read(self.turn, budget)
            fault_point("files read")
        view = await self._brain.viewer.for_turn(self.turn, self._read.images)
        if view is None:
            raise _OutOfSight
        await self._bill.open(partial(self._brain.viewer.total, view))
        fault_point("reserved")
        deadline = asyncio.get_running_loop().time() + self._brain.reply_seconds
        try:
            return await self._stream(view, deadline)
        except ContextOverflow as overflow:
            log.warning(
                "the prompt was too long; trying once with less: %s", overflow.detail, extra={"turn": self.turn.id}
            )
            view = await self._brain.viewer.trimmed(self.turn, view, overflow.limit)
            self._bill.asked = partial(self._brain.viewer.total, view)
            return await self._stream(view, deadline)

    async def _stream(self, view: View, deadline: float) -> ReplyEnd:
        self._text, self._bill.thought_tokens = "", 0
        brain, request = self._brain, self._brain.viewer.build(view)
        fault_point("prompt built")
        async with aclosing(brain.model.stream(request, model=self._model, deadline=deadline)) as reply:
            async for item in reply:
                if isinstance(item, ReplyEnd):
                    if not item.saw_images and self._read is not None:
                        self._read = await keep_trying(partial(brain.attachments.not_seen, self._read), "a reply")
                    # Another model counts in other tokens, and what an image takes is a guess.
                    if not item.is_fallback and not view.images:
                        await brain.calibration.learn(self._model, brain.viewer.total(view), item.usage.prompt_tokens)
                    return item
                if isinstance(item, Thought):
                    if item.takes_back:
                        self._bill.thought_tokens += brain.viewer.count(self._text)
                        self._text = ""
                    self._bill.thought_tokens += brain.viewer.count(item.text)
                    continue
                fault_point("text came")
                self._text += item
                self._writer.show(self._so_far)
        raise ModelUnavailable("The model broke off. Please try again.", detail="the stream had no end")

    async def _deliver(self, text: str, finish_reason: str | None) -> None:
        self._is_written = True
        if self._interruption is None:
            await self._writer.finish(self._with_notes(text, finish_reason), buttons_after(finish_reason))
        fault_point("shown")
        if self._interruption is None:
            finishing = self._store.finish(
                self.turn,
                author_id=self._me.id,
                author_name=self._me.name,
                tokens=self._brain.viewer.message_tokens(text),
                now=self._brain.now(),
            )
            # In this order, and in one transaction.
            _, self._is_over = await asyncio.gather(self._writer.noted(), finishing)
            fault_point("answered")

    def _with_notes(self, text: str, finish_reason: str | None) -> str:
        files = self._read or Read(self.turn.attachments)
        return "\n".join(filter(None, [notes.with_note(text, finish_reason), files.note]))

    async def _end_with(self, sentence: str, status: Status) -> None:
        """End the turn with a *sentence* instead of a reply; one that was to go on stays, with the *sentence* beneath it."""
        self._is_written = True
        goes_on = self.turn.beginning is not None
        await self._writer.finish(self._standing(sentence), buttons_after(self.turn.finish_reason if goes_on else None))
        if self._interruption is None:
            self._is_over = await self._store.close_turn(self.turn, Status.ANSWERED if goes_on else status)

    def _standing(self, sentence: str) -> str:
        return sentence if self.turn.beginning is None else notes.beneath(self.turn.beginning, sentence)

    async def _leave(self, *, is_over: bool = False) -> None:
        """Leave a reply that was to go on as it was before; without buttons, if its epoch *is_over*."""
        self._is_written = True
        shown = self._with_notes(self.turn.beginning or "", self.turn.finish_reason)
        await self._writer.finish(shown, () if is_over else buttons_after(self.turn.finish_reason))
        self._is_over = await self._store.close_turn(self.turn, Status.ANSWERED)

    async def fail(self) -> None:
        """End the turn after an error of our own, with one neutral sentence."""
        await self._end_with(f"⚠️ {notes.NEUTRAL}", Status.FAILED)

    async def _clean_up(self) -> None:
        """Leave nothing half-written behind after an interruption."""
        await self._writer.settle()
        await self._bill.book(self._text, self._end)
        fault_point("interrupted")
        if self._interruption == "withdrawn":
            await self._writer.withdraw()
        else:
            await self._stop()

    async def _stop(self) -> None:
        """End a turn that is not to be answered any more; where a beginning of the reply stands, say so."""
        if self.turn.beginning is not None and self._interruption != "withdrawn":
            await self._leave(is_over=True)
            return
        if self._writer.is_visible:
            await self._writer.stop(notes.STOPPED_BY_RESET)
            fault_point("stopped")
        await self._store.close_turn(self.turn, Status.CANCELLED)


class _Outdated(Exception):
    """What is to be answered is not in memory any more; word of it is on its way."""


class _OutOfSight(Exception):
    """What is to be answered is not what the model would see last."""


class _Stopped(Exception):
    """Somebody stopped the reply."""
