"""What the policies `buffer` and `tokens` share: the newest turns verbatim, in tokens of the whole prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.memory.policy import Marks, cut_tokens
from storage.records import Message, Overview, Reach


@dataclass(frozen=True, slots=True)
class TrimmingPolicy:
    """Bounded by *total*, which *description* tells of. A turn is never split, so the window starts on a person's words."""

    name: str
    total: Marks
    description: str

    @property
    def high(self) -> int:
        return self.total.high

    @property
    def key(self) -> str:
        return f"{self.name}:{self.total.key}"

    def reach(self, fixed: int) -> Reach:
        return Reach(messages=None, tokens=max(self.total.high - fixed, 0))

    def first_kept(self, messages: Sequence[Message], fixed: int) -> int:
        return cut_tokens(messages, fixed, self.total)

    def trigger_budget(self, fixed: int) -> int:
        return max(self.total.high - fixed, 1)

    def describe(self) -> str:
        return f"{self.name}: {self.description}"

    def fullness(self, overview: Overview, fixed: int) -> float:
        return (overview.window_tokens + fixed) / self.total.high
