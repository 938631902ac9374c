"""What to compact next. Pure: what a summarizer is asked is in ``bot/summary_prompt.py``, the running in ``bot/compactor.py``.

A *leaf* is made of messages, a *digest* is folded from leaves: transcripts are summarized once. Every span has a leaf of its
own, so that an edit or deletion costs that leaf and the digests above it, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from bot.memory.policy import allowed_cuts
from bot.memory.summarizing import SummarizingPolicy
from storage.records import Compaction, Message, Reach, Summary, SummaryKind

#: A summary is made of at most so many tokens, and of at least one turn or two parts: models summarize short spans better.
INPUT_TOKENS = 4_000

#: A leaf is asked for with this share of the summary's tokens, a digest with that. What is longer by SLACK, and longer than
#: all of the summary's share, is refused.
LEAF_SHARE = 0.25
DIGEST_SHARE = 0.5
SLACK = 2.0


@dataclass(frozen=True, slots=True)
class LeafTask:
    """Summarize the messages at the positions of *span*."""

    span: tuple[int, int]
    reason: str


@dataclass(frozen=True, slots=True)
class FoldTask:
    """Fold *parts*, which are shown summaries in order, into a digest."""

    parts: tuple[Summary, ...]
    reason: str


def backlog_reach(policy: SummarizingPolicy, fixed: int) -> Reach:
    """Return how much must be read to decide what comes next."""
    return Reach(messages=None, tokens=policy.window_marks(fixed).high + INPUT_TOKENS)


def input_tokens(policy: SummarizingPolicy, fixed: int) -> int:
    """Return of how much a summary is made at most: the model that writes replies can read that, too."""
    return min(INPUT_TOKENS, max(policy.total.high - fixed, 1))


def next_task(
    state: Compaction, policy: SummarizingPolicy, fixed: int, *, everything: bool = False
) -> LeafTask | FoldTask | None:
    """Return what to compact next, None if nothing: gaps first, then what the window is to lose, then folding.

    With *everything*, all finished messages are summarized, not only those above the soft mark. A policy that is new here first
    computes its window, with the next turn: that bounds how far back leaves are made.
    """
    if state.gaps:
        return LeafTask(state.gaps[0], "a message was edited or deleted")
    is_new_here = state.policy != policy.key
    if (everything or not is_new_here) and (span := _span_to_leave(state, policy, fixed, everything)):
        return LeafTask(span, "asked for" if everything else "the window is full")
    if sum(summary.tokens for summary in state.summaries) > policy.summary_tokens:
        parts = _first(foldable(state.summaries), input_tokens(policy, fixed))
        return FoldTask(parts, "the summaries outgrew their share") if len(parts) > 1 else None
    return None


def _span_to_leave(
    state: Compaction, policy: SummarizingPolicy, fixed: int, everything: bool
) -> tuple[int, int] | None:
    backlog = state.backlog
    sizes = [message.tokens for message in backlog]
    left = sum(sizes)
    if not backlog or (state.is_whole and not everything and left <= policy.soft_mark(fixed)):
        return None
    low = 0 if everything else policy.window_marks(fixed).low
    most = input_tokens(policy, fixed)
    taken = end = 0
    for index in [*list(allowed_cuts(backlog))[1:], len(backlog)]:
        if index == len(backlog) and not (everything and state.is_whole):
            break
        if end and taken + sum(sizes[end:index]) > most:
            break
        taken += sum(sizes[end:index])
        end = index
        if state.is_whole and left - taken <= low:
            break
    return (backlog[0].position, backlog[end - 1].position) if end else None


def spans(messages: Sequence[Message], tokens: int) -> list[tuple[int, int]]:
    """Return the positions of *messages* in spans of whole turns, each of *tokens* at most, or of one turn."""
    found: list[tuple[int, int]] = []
    begin = taken = 0
    cuts = [*allowed_cuts(messages), len(messages)]
    for start, end in pairwise(cuts):
        size = sum(message.tokens for message in messages[start:end])
        if start > begin and taken + size > tokens:
            found.append((messages[begin].position, messages[start - 1].position))
            begin, taken = start, 0
        taken += size
    return [*found, (messages[begin].position, messages[-1].position)] if messages else []


def foldable(shown: Sequence[Summary]) -> tuple[Summary, ...]:
    """Return those of the *shown* summaries that a fold may take: all after the last one that an admin corrected."""
    corrected = [index for index, summary in enumerate(shown) if summary.corrected]
    return tuple(shown[corrected[-1] + 1 if corrected else 0 :])


def _first(parts: Sequence[Summary], tokens: int) -> tuple[Summary, ...]:
    """Return the oldest of *parts* that have at most *tokens* together, but two at least."""
    taken = 0
    for count, part in enumerate(parts):
        taken += part.tokens
        if taken > tokens:
            return tuple(parts[: max(count, 2)])
    return tuple(parts)


def target_tokens(kind: SummaryKind, policy: SummarizingPolicy) -> int:
    """Return how long a summary should be."""
    share = LEAF_SHARE if kind is SummaryKind.LEAF else DIGEST_SHARE
    return max(int(policy.summary_tokens * share), 1)
