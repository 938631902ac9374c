"""One turn, from its fixed triggers to a saved reply: what the model is asked, and what becomes of its answer.

It knows no other turn and no other channel; which turn comes when is decided in ``bot/conversation.py``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from functools import partial
from typing import Literal, TypeVar

from bot.attachments import Attachments, Read
from bot.calibration import Calibration
from bot.errors import ContextOverflow, ModelDown, ModelError, ModelUnavailable
from bot.fault_points import fault_point
from bot.models import Models
from bot.patience import keep_trying
from bot.ports import INTERRUPTED, ChatModel, ReplyEnd, Speaker
from bot.prompt import whole
from bot.replies import ReplyWriter
from bot.view import View, Viewer
from storage import Store
from storage.records import Outcome, Status, Turn

T = TypeVar("T")

log = logging.getLogger(__name__)

#: How long a turn waits for a model that is left alone, in seconds; an answer that comes later surprises more than it helps.
OUTAGE_SECONDS = 3_600.0

WAITING = "⏳ {} You need not ask again: the answer will come here."
GAVE_UP = "The model did not work for an hour, so I gave up on this one: ask again later."
TOO_OLD = "I was away when you wrote this, and it is too long ago to answer now. Ask again if it still matters."
NEUTRAL = "Something went wrong on my side and I could not answer; the host's log says what. Please try again."

#: What is added, in small print, to a reply that is not whole.
NOTES = {
    INTERRUPTED: "-# The model's connection broke off here. Ask me to go on.",
    "length": "-# The model's limit for one reply ended it here. Ask me to go on.",
    "content_filter": "-# The model's content filter ended the reply here.",
}
STOPPED_BY_RESET = "-# Stopped: the memory of this channel was reset."

#: Of a reply in our own words: no model wrote it, and nothing is billed.
OUR_WORDS = Outcome("", finish_reason=None, prompt_tokens=None, cached_tokens=None, completion_tokens=None, latency=0.0)


@dataclass(frozen=True, slots=True)
class Brain:
    """What all turns share: the memory, what of it the model sees, the model, and how its counting differs from ours.

    The model has *reply_seconds* for a whole reply, however often it is asked.
    """

    store: Store
    viewer: Viewer
    attachments: Attachments
    model: ChatModel
    models: Models
    reply_seconds: float
    calibration: Calibration
    now: Callable[[], float] = time.time


@dataclass(frozen=True, slots=True)
class Myself:
    """Who the bot is on Discord, as the author of its replies."""

    id: int
    name: str


class Exchange:
    """The work on one turn. The model is asked within *gate*."""

    def __init__(
        self, turn: Turn, brain: Brain, speaker: Speaker, me: Myself, gate: AbstractAsyncContextManager[None]
    ) -> None:
        self.turn = turn
        self._brain = brain
        self._model = brain.models.of(turn.overrides)
        self._store = brain.store
        self._speaker = speaker
        self._me = me
        self._gate = gate
        self._writer = ReplyWriter(turn, speaker, brain.store)
        self._generating: asyncio.Task[object] | None = None
        self._read: Read | None = None
        self.is_waiting = False
        self._interruption: Literal["withdrawn", "reset"] | None = None

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
            await self._run(answer_after)
        finally:
            await self._writer.close()

    async def _run(self, answer_after: float) -> None:
        await self._writer.find_shown()
        if not self.turn.triggers or self.turn.is_closed:
            await self._stop()
            return
        try:
            if self.turn.status is Status.SENDING:
                await self._deliver(self.turn.reply or "", self.turn.finish_reason)
            elif self.turn.claimed_at < answer_after:
                await self._reply(TOO_OLD, OUR_WORDS)
            else:
                await self._answer()
        except _Outdated:  # memory knows of the deletion a moment before we are told
            self._interruption = self._interruption or "withdrawn"
        except asyncio.CancelledError:
            if self._interruption is None:
                raise
        if self._interruption is not None:
            await self._clean_up()

    async def _answer(self) -> None:
        try:
            end, latency = await self._ask()
        except ModelError as error:
            log.warning("the model gave no reply: %s", error.detail, extra={"turn": self.turn.id})
            await self._end_with(f"⚠️ {error}", Status.FAILED)
            return
        outcome = Outcome(
            model=end.model,
            finish_reason=end.finish_reason,
            prompt_tokens=end.usage.prompt_tokens,
            cached_tokens=end.usage.cached_tokens,
            completion_tokens=end.usage.completion_tokens,
            latency=latency,
        )
        fault_point("text whole")
        await self._reply(self._writer.newest, outcome)

    async def _reply(self, text: str, outcome: Outcome) -> None:
        """Take *text* as the turn's reply. Only we have it, and it may have been paid for: the database is waited for."""
        first_chunk = self._writer.first_chunk(self._with_notes(text, outcome.finish_reason))
        completing = partial(self._store.complete, self.turn, text, outcome, first_chunk=first_chunk)
        if await keep_trying(completing, "a reply"):
            fault_point("completed")
            await self._deliver(text, outcome.finish_reason)

    async def _ask(self) -> tuple[ReplyEnd, float]:
        """Let the model write, and wait for it while it is left alone. Returns how it ended, and its seconds."""
        give_up = asyncio.get_running_loop().time() + OUTAGE_SECONDS
        while True:
            try:
                return await self._interruptibly(self._generate)
            except ModelDown as down:
                await self._wait_for_model(down, give_up)

    async def _generate(self) -> tuple[ReplyEnd, float]:
        async with self._gate, self._speaker.typing():
            started = time.monotonic()
            return await self._stream_with_retry(), time.monotonic() - started

    async def _wait_for_model(self, down: ModelDown, give_up: float) -> None:
        if self._interruption is None and self._writer.newest != (notice := WAITING.format(down)):
            log.warning("a reply waits for the model: %s", down.detail, extra={"turn": self.turn.id})
            await self._writer.finish(notice)
        self.is_waiting = True
        try:
            async with asyncio.timeout_at(give_up):
                await self._interruptibly(lambda: self._brain.model.ready(model=self._model))
        except TimeoutError:
            raise ModelUnavailable(GAVE_UP, detail=down.detail) from None
        finally:
            self.is_waiting = False

    async def _interruptibly(self, work: Callable[[], Coroutine[object, object, T]]) -> T:
        if self._interruption is not None:
            raise _Outdated
        task = asyncio.create_task(work(), name=f"model-{self.turn.id}")
        self._generating = task
        try:
            return await task
        finally:
            task.cancel()

    async def _stream_with_retry(self) -> ReplyEnd:
        if self._read is None:
            budget = self._brain.viewer.trigger_budget(self.turn)
            self._read = await self._brain.attachments.read(self.turn, budget)
            fault_point("files read")
        view = await self._brain.viewer.for_turn(self.turn, self._read.images)
        if view is None:
            raise _Outdated
        deadline = asyncio.get_running_loop().time() + self._brain.reply_seconds
        try:
            return await self._stream(view, deadline)
        except ContextOverflow as overflow:
            log.warning(
                "the prompt was too long; trying once with less: %s", overflow.detail, extra={"turn": self.turn.id}
            )
            return await self._stream(await self._brain.viewer.trimmed(self.turn, view, overflow.limit), deadline)

    async def _stream(self, view: View, deadline: float) -> ReplyEnd:
        text = ""
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
                fault_point("text came")
                text += item
                self._writer.show(whole(text))
        raise ModelUnavailable("The model broke off. Please try again.", detail="the stream had no end")

    async def _deliver(self, text: str, finish_reason: str | None) -> None:
        if self._interruption is None:
            await self._writer.finish(self._with_notes(text, finish_reason))
        fault_point("shown")
        if self._interruption is None:
            finishing = self._store.finish(
                self.turn,
                author_id=self._me.id,
                author_name=self._me.name,
                tokens=self._brain.viewer.message_tokens(text),
                now=self._brain.now(),
            )
            await asyncio.gather(self._writer.noted(), finishing)  # in this order, and in one transaction
            fault_point("answered")

    def _with_notes(self, text: str, finish_reason: str | None) -> str:
        files = self._read or Read(self.turn.attachments)
        return "\n".join(filter(None, [text, NOTES.get(finish_reason or ""), files.note]))

    async def _end_with(self, sentence: str, status: Status) -> None:
        await self._writer.finish(sentence)
        if self._interruption is None:
            await self._store.close_turn(self.turn, status)

    async def fail(self) -> None:
        """End the turn after an error of our own, with one neutral sentence."""
        await self._end_with(f"⚠️ {NEUTRAL}", Status.FAILED)

    async def _clean_up(self) -> None:
        """Leave nothing half-written behind after an interruption."""
        await self._writer.settle()
        fault_point("interrupted")
        if self._interruption == "withdrawn":
            await self._writer.withdraw()
        else:
            await self._stop()

    async def _stop(self) -> None:
        """End a turn that is not to be answered any more; where a beginning of the reply stands, say so."""
        if self._writer.is_visible:
            await self._writer.stop(STOPPED_BY_RESET)
            fault_point("stopped")
        await self._store.close_turn(self.turn, Status.CANCELLED)


class _Outdated(Exception):
    """What is to be answered is not in memory any more; word of it is on its way."""
