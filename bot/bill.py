"""What a model is paid for its calls: reserved in the budgets before each, and booked after it, whatever becomes of the text."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bot.budgets import Budgets, BudgetTaken
from bot.errors import EmptyReply, ModelError
from bot.ports import ReplyEnd, Usage
from storage import StorageError
from storage.records import Outcome, Overrides

#: How a call ended of which we know nothing but that it did.
_BROKEN_OFF = ReplyEnd(None, Usage(), "")


@dataclass
class Bill:
    """The calls of *model* for one turn or summary, one after the other, in a channel where this *holds*.

    *number* is what the store knows it by, *payers* are the people whom it is for, *count* counts a text's tokens as we do,
    *write* puts the end of a call into the books. *asked* tells how many tokens, as we count, the prompt of the open call has;
    None: no call is open. *thought_tokens* counts what it wrote that is no part of its text.
    """

    number: int
    channel_id: int
    holds: Overrides
    payers: Sequence[int]
    model: str
    budgets: Budgets
    count: Callable[[str], int]
    write: Callable[[Outcome], Awaitable[None]]
    asked: Callable[[], int] | None = None
    thought_tokens: int = 0
    _reservation: int | None = None

    async def open(self, asked: Callable[[], int]) -> None:
        """Reserve what a call with a prompt of *asked* tokens may use. Raises what :meth:`bot.budgets.Budgets.reserve` does.

        They are counted only if that matters: replies are waited for.
        """
        who = (self.channel_id, self.holds, self.payers, self.model)
        self._reservation = await self.budgets.reserve(self.number, *who, asked)
        self.asked = asked

    async def open_in_time(self, asked: Callable[[], int]) -> None:
        """Do the same, and wait where calls that are under way may use all that is left."""
        while True:
            try:
                return await self.open(asked)
            except BudgetTaken as taken:
                await taken.over()

    def outcome(self, end: ReplyEnd, text: str, latency: float = 0.0) -> Outcome:
        """Return how the open call ended, that wrote *text*. Tokens that the provider does not tell are counted by us."""
        told = end.usage
        prompt, completion = told.prompt_tokens, told.completion_tokens
        if prompt is None:
            prompt = self._scaled(self.asked()) if self.asked else 0
        return Outcome(
            model=end.model or self.model,
            finish_reason=end.finish_reason,
            prompt_tokens=prompt,
            cached_tokens=told.cached_tokens,
            completion_tokens=self._scaled(self.count(text) + self.thought_tokens)
            if completion is None
            else completion,
            latency=latency,
            reservation=self._reservation,
        )

    def _scaled(self, tokens: int) -> int:
        return self.budgets.scaled(self.model, tokens)

    def booked(self) -> None:
        """Take in that the open call is in the books."""
        self.asked = self._reservation = None
        self.budgets.settled()

    async def book(self, text: str, end: ReplyEnd | None = None) -> None:
        """Book the open call, if there is one; without an *end* it broke off after *text*."""
        if self.asked is None:
            return
        asked, outcome = self.asked, self.outcome(end or _BROKEN_OFF, text)
        if (
            self._reservation is None
        ):  # what was reserved is booked once, however often we ask; of this we may never hear that it is
            self.asked = None
        try:
            await self.write(outcome)
        except StorageError:
            self.asked = asked
            raise
        self.booked()

    async def failed(self, error: ModelError) -> None:
        """Take in that the model did not write: nothing is paid for that, unless it told otherwise."""
        if isinstance(error, EmptyReply) and error.end is not None:
            await self.book("", error.end)
        if self._reservation is not None:
            await self.budgets.release(self._reservation)
        self.asked = self._reservation = None
