"""The policy `buffer`: the model sees everything in the epoch, until its context forces a cut (ConversationBufferMemory)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.memory.policy import Marks, cut_tokens
from storage.records import Message, Overview, Reach


@dataclass(frozen=True, slots=True)
class BufferPolicy:
    """Bounded by the model's *context* alone, in tokens."""

    context: Marks

    @property
    def high(self) -> int:
        return self.context.high

    @property
    def key(self) -> str:
        return f"buffer:{self.context.key}"

    def reach(self, fixed: int) -> Reach:
        return Reach(messages=None, tokens=max(self.context.high - fixed, 0))

    def first_kept(self, messages: Sequence[Message], fixed: int) -> int:
        return cut_tokens(messages, fixed, self.context)

    def trigger_budget(self, fixed: int) -> int:
        return max(self.context.high - fixed, 1)

    def describe(self) -> str:
        return f"buffer: everything, up to the model's context of {self.context.asked:,} tokens"

    def fullness(self, overview: Overview, fixed: int) -> float:
        return (overview.window_tokens + fixed) / self.context.high
