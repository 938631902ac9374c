"""One turn, from its fixed triggers to a saved reply: what the model is asked, and what becomes of its answer.

It knows no other turn and no other channel; which turn comes when is decided in ``bot/conversation.py``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

from bot.calibration import Calibration
from bot.errors import ContextOverflow, DeliveryError, ModelError, ModelUnavailable
from bot.ports import INTERRUPTED, ChatModel, ReplyEnd, Speaker
from bot.replies import ReplyWriter
from bot.view import View, Viewer
from storage import Store
from storage.records import Outcome, Status, Turn

log = logging.getLogger(__name__)

TOO_OLD = "I was away when you wrote this, and it is too long ago to answer now. Ask again if it still matters."
NEUTRAL = "Something went wrong on my side and I could not answer; the host's log says what. Please try again."

#: What is added, in small print, to a reply that is not whole.
NOTES = {
    INTERRUPTED: "-# The model's connection broke off here. Ask me to go on.",
    "length": "-# The model's limit for one reply ended it here. Ask me to go on.",
    "content_filter": "-# The model's content filter ended the reply here.",
}
STOPPED_BY_RESET = "-# Stopped: the memory of this channel was reset."


@dataclass(frozen=True, slots=True)
class Brain:
    """What all turns share: the memory, what of it the model sees, the model, and how its counting differs from ours."""

    store: Store
    viewer: Viewer
    model: ChatModel
    model_name: str
    calibration: Calibration
    now: Callable[[], float] = time.time


@dataclass(frozen=True, slots=True)
class Myself:
    """Who the bot is on Discord, as the author of its replies."""

    id: int
    name: str


class Exchange:
    """The work on one turn."""

    def __init__(self, turn: Turn, brain: Brain, speaker: Speaker, me: Myself) -> None:
        self.turn = turn
        self._brain = brain
        self._store = brain.store
        self._speaker = speaker
        self._me = me
        self._writer = ReplyWriter(turn, speaker, brain.store)
        self._generating: asyncio.Task[ReplyEnd] | None = None
        self._interruption: Literal["withdrawn", "reset"] | None = None

    def interrupt(self, reason: Literal["withdrawn", "reset"]) -> None:
        """Stop working on this attempt: a message under it was deleted (*withdrawn*), or its epoch was closed (*reset*)."""
        self._interruption = reason
        self._writer.halt()
        if self._generating is not None:
            self._generating.cancel()

    async def run(self, *, answer_after: float) -> None:
        """Bring the turn to its end.

        A turn claimed before *answer_after* gets a word that it is too late. Raises :class:`bot.errors.DeliveryError` and
        :class:`storage.errors.StorageError`; the turn is then left as it is and can be taken up again.
        """
        try:
            await self._run(answer_after)
        finally:
            await self._writer.close()

    async def _run(self, answer_after: float) -> None:
        await self._writer.find_shown()
        try:
            if self.turn.status is Status.SENDING:
                await self._deliver(self.turn.reply or "", self.turn.finish_reason)
            elif self.turn.claimed_at < answer_after:
                await self._end_with(TOO_OLD, Status.CANCELLED)
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
        started = time.monotonic()
        try:
            async with self._speaker.typing():
                end = await self._generate()
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
            latency=time.monotonic() - started,
        )
        text = self._writer.newest
        if await self._store.complete(self.turn, text, outcome):
            await self._deliver(text, end.finish_reason)

    async def _generate(self) -> ReplyEnd:
        if self._interruption is not None:
            raise _Outdated
        self._generating = asyncio.create_task(self._stream_with_retry(), name=f"model-{self.turn.id}")
        try:
            return await self._generating
        finally:
            self._generating.cancel()

    async def _stream_with_retry(self) -> ReplyEnd:
        view = await self._brain.viewer.for_turn(self.turn)
        if view is None:
            raise _Outdated
        try:
            return await self._stream(view)
        except ContextOverflow as overflow:
            log.warning(
                "the prompt was too long; trying once with less: %s", overflow.detail, extra={"turn": self.turn.id}
            )
            return await self._stream(await self._brain.viewer.trimmed(self.turn, view, overflow.limit))

    async def _stream(self, view: View) -> ReplyEnd:
        text = ""
        request = self._brain.viewer.build(view)
        async with aclosing(self._brain.model.stream(request, model=self._brain.model_name)) as reply:
            async for item in reply:
                if isinstance(item, ReplyEnd):
                    await self._brain.calibration.learn(self._brain.viewer.total(view), item.usage.prompt_tokens)
                    return item
                text += item
                self._writer.show(text)
        raise ModelUnavailable("The model broke off. Please try again.", detail="the stream had no end")

    async def _deliver(self, text: str, finish_reason: str | None) -> None:
        note = NOTES.get(finish_reason or "")
        if self._interruption is None:
            await self._writer.finish(f"{text}\n{note}" if note else text)
        if self._interruption is None:
            await self._store.finish(
                self.turn,
                author_id=self._me.id,
                author_name=self._me.name,
                tokens=self._brain.viewer.message_tokens(text),
                now=self._brain.now(),
            )

    async def _end_with(self, sentence: str, status: Status) -> None:
        await self._writer.finish(sentence)
        if self._interruption is None:
            await self._store.close_turn(self.turn, status)

    async def fail(self) -> None:
        """End the turn after an error of our own, with one neutral sentence."""
        await self._end_with(f"⚠️ {NEUTRAL}", Status.FAILED)

    async def _clean_up(self) -> None:
        """Leave nothing half-written behind after an interruption."""
        try:
            await self._writer.settle()
            if self._interruption == "withdrawn":
                await self._writer.withdraw()
            elif self._writer.is_visible:
                await self._writer.stop(STOPPED_BY_RESET)
        except DeliveryError as error:
            log.info("an interrupted reply could not be tidied up: %s", error, extra={"turn": self.turn.id})


class _Outdated(Exception):
    """What is to be answered is not in memory any more; word of it is on its way."""
