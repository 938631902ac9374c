"""What is said about a reply in small print under it, or in its place. Pure: sentences, and where they stand."""

from __future__ import annotations

from bot.chunks import closed
from bot.ports import INTERRUPTED, STOPPED

WAITING = "⏳ {} You need not ask again: the answer will come here."
IN_LINE = "⏳ You are {} in line: I am writing as many replies at once as I may. The answer will come here."
SPENT, SPENT_SIGN = "🪫 {}", "🪫"
GAVE_UP = "The model did not work for an hour, so I gave up on this one: ask again later."
TOO_OLD = "I was away when you wrote this, and it is too long ago to answer now. Ask again if it still matters."
NEUTRAL = "Something went wrong on my side and I could not answer; the host's log says what. Please try again."

_SMALL = "-# "

#: What is added to a reply that is not whole, by its finish reason.
NOTES = {
    INTERRUPTED: f"{_SMALL}The model's connection broke off here.",
    "length": f"{_SMALL}The model's limit for one reply ended it here.",
    "content_filter": f"{_SMALL}The model's content filter ended the reply here.",
    STOPPED: f"{_SMALL}⏹️ Stopped here.",
}
STOPPED_EARLY = f"{_SMALL}⏹️ Stopped before a word was written."
STOPPED_BY_RESET = f"{_SMALL}Stopped: the memory of this channel was reset."


def with_note(text: str, finish_reason: str | None) -> str:
    """Return a reply as it is shown: with a word about why it is not whole, if it is not."""
    note = NOTES.get(finish_reason or "")
    return beneath(text, note) if note else text


def beneath(text: str, sentence: str) -> str:
    """Return *text* with a *sentence* in small print under it."""
    return f"{closed(text)}\n{_SMALL}{sentence.removeprefix(_SMALL)}"
