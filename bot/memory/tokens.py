"""The policy `tokens`: the newest turns within a token budget for the whole prompt (`trim_messages(strategy="last")`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.memory.policy import Marks, cut_tokens
from storage.records import Message, Overview, Reach


@dataclass(frozen=True, slots=True)
class TokensPolicy:
    """Bounded by *marks*, in tokens of the whole prompt. A turn is never split, so the window starts on a person's words."""

    marks: Marks

    @property
    def high(self) -> int:
        return self.marks.high

    @property
    def key(self) -> str:
        return f"tokens:{self.marks.key}"

    def reach(self, fixed: int) -> Reach:
        return Reach(messages=None, tokens=max(self.marks.high - fixed, 0))

    def first_kept(self, messages: Sequence[Message], fixed: int) -> int:
        return cut_tokens(messages, fixed, self.marks)

    def trigger_budget(self, fixed: int) -> int:
        return max(self.marks.high - fixed, 1)

    def describe(self) -> str:
        return f"tokens: up to {self.marks.asked:,} tokens, then cut to {self.marks.trim_to:.0%} of it"

    def fullness(self, overview: Overview, fixed: int) -> float:
        return (overview.window_tokens + fixed) / self.marks.high
