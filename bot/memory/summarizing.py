"""What the policies `summary` and `hybrid` share: a summary, the newest turns verbatim, and how the budget is split between them.

The window has a share of its own, or what the fixed part and the summary leave. At the soft mark a compaction starts in the
background; if it is late, the prompt is cut all the same. Recall takes what room is left, up to its share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.memory.policy import Marks, cut
from storage.records import Message, Overview, Reach

#: At this share of the window's high mark a compaction starts, so that it is done before the prompt has to be cut without it.
SOFT = 0.85


@dataclass(frozen=True, slots=True)
class SummarizingPolicy:
    """Bounded by *total*, in tokens of the whole prompt, of which summary, window and recall may have shares of 0 to 1.

    A cut leaves *depth* of what `MEMORY_TRIM_TO` says: less, where recall finds again what the window loses.
    """

    name: str
    total: Marks
    summary_share: float
    window_share: float
    recall_share: float
    depth: float

    @property
    def high(self) -> int:
        return self.total.high

    @property
    def key(self) -> str:
        return f"{self.name}:{self.total.key}"

    @property
    def summary_tokens(self) -> int:
        """What the shown summaries may take."""
        return int(self.total.high * self.summary_share)

    @property
    def recall_tokens(self) -> int:
        """What recalled passages may take."""
        return int(self.total.high * self.recall_share)

    def window_marks(self, fixed: int) -> Marks:
        """Return the marks of the window alone."""
        room = max(self.total.high - fixed - self.summary_tokens, 1)
        return Marks.of(min(room, int(self.total.high * self.window_share)), self.total.trim_to * self.depth)

    def soft_mark(self, fixed: int) -> int:
        """Return the size of the window at which a compaction starts."""
        return int(self.window_marks(fixed).high * SOFT)

    def reach(self, fixed: int) -> Reach:
        return Reach(messages=None, tokens=self.trigger_budget(fixed))

    def first_kept(self, messages: Sequence[Message], fixed: int) -> int:
        return cut(messages, [message.tokens for message in messages], self.window_marks(fixed))

    def trigger_budget(self, fixed: int) -> int:
        return max(self.total.high - fixed - self.summary_tokens, 1)

    def describe(self) -> str:
        parts = "a summary, the newest turns" + (", recalled passages" if self.recall_share else "")
        return f"{self.name}: {parts}, up to {self.total.asked:,} tokens together"

    def fullness(self, overview: Overview, fixed: int) -> float:
        summaries = min(sum(summary.tokens for summary in overview.summaries), self.summary_tokens)
        return (overview.window_tokens + fixed + summaries) / self.total.high
