"""One turn, from its fixed triggers to a saved reply: what the model is asked, and what becomes of its answer.

It knows no other turn and no other channel; which turn comes when is decided in ``bot/conversation.py``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Literal

from bot import prompt
from bot.errors import ContextOverflow, DeliveryError, ModelError, ModelUnavailable
from bot.memory.policy import Marks, Policy, cut_tokens
from bot.ports import INTERRUPTED, ChatModel, ReplyEnd, Speaker
from bot.replies import ReplyWriter
from storage import Store
from storage.records import Message, Outcome, Status, Turn

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

#: After an overflow whose limit the model did not say, this share of the prompt is kept; of a known limit, too.
OVERFLOW_KEEPS = 0.5


@dataclass(frozen=True, slots=True)
class Brain:
    """What all turns share: the memory, the model, and how the one is shown to the other."""

    store: Store
    model: ChatModel
    policy: Policy
    persona: str
    model_name: str
    model_api: Literal["chat", "completions"]
    count: Callable[[str], int]

    @property
    def fixed_tokens(self) -> int:
        """The tokens of a prompt that are no messages."""
        return self.count(prompt.system_text(self.persona)) + prompt.MESSAGE_OVERHEAD + prompt.REPLY_OVERHEAD

    def message_tokens(self, block: str) -> int:
        """Return what *block* costs as one message of a prompt."""
        return self.count(block) + prompt.MESSAGE_OVERHEAD

    def build(self, messages: Sequence[Message]) -> prompt.Prompt:
        """Return the prompt for *messages*, in the shape that the model takes."""
        if self.model_api == "completions":
            return prompt.build_text(self.persona, messages)
        return prompt.build_chat(self.persona, messages)


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
        except (_Outdated, asyncio.CancelledError):
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
        messages = await self._load()
        try:
            return await self._stream(messages)
        except ContextOverflow as overflow:
            log.warning(
                "the prompt was too long; trying once with less: %s", overflow.detail, extra={"turn": self.turn.id}
            )
            return await self._stream(await self._trimmed(messages, overflow.limit))

    async def _stream(self, messages: Sequence[Message]) -> ReplyEnd:
        text = ""
        async with aclosing(
            self._brain.model.stream(self._brain.build(messages), model=self._brain.model_name)
        ) as reply:
            async for item in reply:
                if isinstance(item, ReplyEnd):
                    return item
                text += item
                self._writer.show(text)
        raise ModelUnavailable("The model broke off. Please try again.", detail="the stream had no end")

    async def _load(self) -> tuple[Message, ...]:
        """Return the messages that the policy shows for this turn, having moved the window's start if it cut."""
        policy, fixed = self._brain.policy, self._brain.fixed_tokens
        window = await self._store.load_window(self.turn, policy=policy.key, reach=policy.reach(fixed))
        if not window.messages or window.messages[-1].position != self.turn.newest.position:
            raise _Outdated
        first = policy.first_kept(window.messages, fixed)
        kept = window.messages[first:]
        if first or window.policy != policy.key:
            await self._store.move_window(self.turn, start=kept[0].position, policy=policy.key)
        return self._fitting(kept, policy.trigger_budget(fixed))

    async def _trimmed(self, messages: tuple[Message, ...], limit: int | None) -> tuple[Message, ...]:
        """Return fewer of *messages*, after the model refused them all; the next turn starts there too."""
        fixed = self._brain.fixed_tokens
        total = fixed + sum(message.tokens for message in messages)
        low = int(min(limit or total, total) * OVERFLOW_KEEPS)
        kept = messages[cut_tokens(messages, fixed, Marks(high=low, low=low)) :]
        await self._store.move_window(self.turn, start=kept[0].position, policy=self._brain.policy.key)
        return self._fitting(kept, max(low - fixed, 1))

    def _fitting(self, messages: tuple[Message, ...], room: int) -> tuple[Message, ...]:
        """Return *messages* with the newest shortened, visibly, if it is too long by itself."""
        *before, newest = messages
        if newest.tokens <= room:
            return messages
        around = newest.tokens - self._brain.count(newest.content)
        content = prompt.shortened(newest.content, max(room - around, 0), self._brain.count)
        return (*before, replace(newest, content=content))

    async def _deliver(self, text: str, finish_reason: str | None) -> None:
        note = NOTES.get(finish_reason or "")
        if self._interruption is None:
            await self._writer.finish(f"{text}\n{note}" if note else text)
        if self._interruption is None:
            await self._store.finish(
                self.turn,
                author_id=self._me.id,
                author_name=self._me.name,
                tokens=self._brain.message_tokens(text),
                now=time.time(),
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
