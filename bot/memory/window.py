"""The policy `window`: the newest messages, counted (the documents' trimming example with a length counter)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.memory.policy import Marks, cut, cut_tokens
from storage.records import Message, Overview, Reach


@dataclass(frozen=True, slots=True)
class WindowPolicy:
    """Bounded by *marks*, in messages, and by the model's *context*, in tokens."""

    marks: Marks
    context: Marks

    @property
    def high(self) -> int:
        return self.context.high

    @property
    def key(self) -> str:
        return f"window:{self.marks.key}:{self.context.key}"

    def reach(self, fixed: int) -> Reach:
        return Reach(messages=self.marks.high, tokens=max(self.context.high - fixed, 0))

    def first_kept(self, messages: Sequence[Message], fixed: int) -> int:
        by_count = cut(messages, [1] * len(messages), self.marks)
        return by_count + cut_tokens(messages[by_count:], fixed, self.context)

    def trigger_budget(self, fixed: int) -> int:
        return max(self.context.high - fixed, 1)

    def describe(self) -> str:
        return f"window: up to {self.marks.asked:,} messages, then cut to {self.marks.low:,}"

    def fullness(self, overview: Overview, fixed: int) -> float:
        return max(overview.window_messages / self.marks.high, (overview.window_tokens + fixed) / self.context.high)
