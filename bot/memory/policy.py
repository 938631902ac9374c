"""What every memory policy can do, and the one way to cut that they share. Pure functions over records.

A window grows to its high mark and is then cut once to its low mark, so that between cuts a prompt only grows at its
end, and a provider's prefix cache keeps hitting.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, Self

from storage.records import Message, Overview, Reach


@dataclass(frozen=True, slots=True)
class Marks:
    """At *high* the window is full; a cut leaves at most *low*. *asked* is the high mark as it was configured."""

    high: int
    low: int
    asked: int
    trim_to: float

    @classmethod
    def of(cls, high: int, trim_to: float, scale: float = 1.0) -> Self:
        """Return the marks for a high mark and the share of it that a cut leaves.

        *scale* is how many of the unit of *high* one of ours is: the provider's tokens for one of our estimate.
        """
        ours = max(1, int(high / scale))
        return cls(ours, max(1, int(ours * trim_to)), high, trim_to)

    @property
    def key(self) -> str:
        """What the marks were configured as, whatever the scale is now."""
        return f"{self.asked}/{self.trim_to:g}"


#: Pinned messages may take this share of a prompt, whatever the policy.
PIN_SHARE = 0.1


class Policy(Protocol):
    """Decides which of the newest messages the model sees."""

    @property
    def high(self) -> int:
        """The most tokens that a whole prompt may have."""
        ...

    @property
    def key(self) -> str:
        """Names the policy and all that its decision depends on: a window's start holds as long as this is the same."""
        ...

    def reach(self, fixed: int) -> Reach:
        """Return how much of the window must be read to decide. *fixed*: the prompt's tokens that are no messages."""
        ...

    def first_kept(self, messages: Sequence[Message], fixed: int) -> int:
        """Return the index of the first of *messages* (oldest first, the last is to be answered) that stays."""
        ...

    def trigger_budget(self, fixed: int) -> int:
        """Return how many tokens the triggers of one turn may have together."""
        ...

    def describe(self) -> str:
        """Return one phrase for people: the name and the marks."""
        ...

    def fullness(self, overview: Overview, fixed: int) -> float:
        """Return how much of what :meth:`describe` names is used, 1.0 being all of it; what is recalled does not count."""
        ...


def pin_tokens(policy: Policy, fixed: int) -> int:
    """Return what pinned messages may take; never more than half of what the newest turn could have."""
    return min(int(policy.high * PIN_SHARE), policy.trigger_budget(fixed) // 2)


def allowed_cuts(messages: Sequence[Message]) -> Iterator[int]:
    """Yield the indexes before which a cut may fall: between turns, and between messages that belong to none."""
    for index, message in enumerate(messages):
        if index == 0 or message.turn_id is None or message.turn_id != messages[index - 1].turn_id:
            yield index


def cut(messages: Sequence[Message], sizes: Sequence[int], marks: Marks) -> int:
    """Return the index of the first message that stays: 0 up to the high mark, else where at most the low mark is left.

    The turn that the last message belongs to always stays, whatever its size.
    """
    left = sum(sizes)
    if left <= marks.high:
        return 0
    passed = 0
    last_allowed = 0
    for index in allowed_cuts(messages):
        left -= sum(sizes[passed:index])
        passed = last_allowed = index
        if left <= marks.low:
            break
    return last_allowed


def cut_tokens(messages: Sequence[Message], fixed: int, marks: Marks) -> int:
    """Like :func:`cut`, by tokens; the marks hold for the whole prompt, of which *fixed* tokens are no messages."""
    room = replace(marks, high=max(marks.high - fixed, 0), low=max(marks.low - fixed, 0))
    return cut(messages, [message.tokens for message in messages], room)
