"""Recall: finds the older messages that the newest one is about, and shows them as one block. How they are chosen is pure,
in ``bot/memory/recall.py``; this reads from the store what that needs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from bot import prompt
from bot.memory import recall
from storage import Store
from storage.records import Message

HEADING = "Earlier messages of this channel that may matter now, oldest first; (you) said what is marked so."

#: Between two passages that are not neighbours.
GAP = "…"


class Recaller:
    """Makes the recalled block of a prompt. *count* counts the tokens of a text; *threshold* is the least need for one."""

    def __init__(self, store: Store, count: Callable[[str], int], threshold: float = recall.THRESHOLD) -> None:
        self._store = store
        self._count = count
        self._threshold = threshold

    async def recall(
        self,
        channel_id: int,
        epoch: int,
        window: Sequence[Message],
        room: int,
        share: int,
        shown: Collection[int] = (),
    ) -> str | None:
        """Return what of the time before *window* the end of *window* is about; None if it needs nothing.

        The block has at most *room* tokens; *share* is how much recall may take of a prompt at most, room or not. The positions
        *shown* are in sight without it.
        """
        start, asked = window[0].position, _asked(window)
        text = "\n".join(prompt.own_words(message.content) for message in asked)
        terms = recall.terms(text)
        if not terms:
            return None
        hits, total = await self._store.term_positions(channel_id, epoch, terms, newest=recall.MOST_HITS)
        said_now = asked[0].position
        before = [tuple(position for position in positions if position < said_now) for positions in hits]
        found = recall.weigh(before, total - len(asked), start, shown)
        names = frozenset(word for message in window for word in recall.words(message.author_name))
        if recall.need(found, asking=recall.asks(text, names)) < self._threshold:
            return None
        scores = {place: score for place, score in recall.rank(found, start).items() if place not in shown}
        around = sorted({place for score in scores for place in (score - 1, score)})
        read = await self._store.messages_at(channel_id, epoch, around)
        ranked = recall.chosen(scores, read, found, text, share)
        kept = self._pack(ranked, read, room)
        return prompt.memory_block(_render(kept, read)) if kept else None

    def _pack(self, ranked: Sequence[int], read: Mapping[int, Message], room: int) -> list[int]:
        """Return the best of *ranked* that fit *room* tokens with their headings, oldest first."""
        left = room - self._count(prompt.memory_block(HEADING)) - prompt.MESSAGE_OVERHEAD
        kept: list[int] = []
        headings: set[str] = set()
        authors = _Authors(read[place] for place in ranked)
        for place in ranked:
            new = {_day(read[place]), authors.introduction(read[place])} - headings
            cost = self._count(f"\n  {authors.line(read[place], known=True)}\n  {GAP}") + sum(map(self._count, new))
            if cost <= left:
                left -= cost
                headings |= new
                kept.append(place)
        return sorted(kept)


class _Authors:
    """How the authors of passages are called: by id and name once, then by name, unless two share it."""

    def __init__(self, passages: Iterable[Message]) -> None:
        names = {
            message.author_id: prompt.clean_name(message.author_name) for message in passages if message.role == "user"
        }
        self._shared = {name for name, times in Counter(names.values()).items() if times > 1}

    def introduction(self, message: Message) -> str:
        """Return what an author's first passage has more than the others, as far as its size goes."""
        return str(message.author_id) if message.role == "user" else ""

    def line(self, message: Message, *, known: bool) -> str:
        """Return a passage; its further lines are indented, so that none can pass for another passage."""
        if message.role == "assistant":
            return f"(you) {prompt.indented(message.content)}"
        name = prompt.clean_name(message.author_name)
        if known and name not in self._shared and not name[0].isnumeric():  # "[42 Nemo]" is what 42 is called
            return f"[{name}] {prompt.indented(message.content)}"
        return prompt.block(message)


def _asked(window: Sequence[Message]) -> list[Message]:
    """Return what is to be answered: the newest message, and those that are answered with it."""
    newest = window[-1]
    together = [message for message in window if newest.turn_id is not None and message.turn_id == newest.turn_id]
    return together or [newest]


def _render(kept: Sequence[int], read: Mapping[int, Message]) -> str:
    authors = _Authors(read[place] for place in kept)
    lines = [HEADING]
    day = ""
    introduced: set[int] = set()
    for index, place in enumerate(kept):
        message = read[place]
        if (today := _day(message)) != day:
            day = today
            lines.append(day)
        elif kept[index - 1] != place - 1:
            lines.append(GAP)
        lines.append(authors.line(message, known=message.author_id in introduced))
        introduced.add(message.author_id)
    return "\n".join(lines)


def _day(message: Message) -> str:
    return f"-- {datetime.fromtimestamp(message.created_at, UTC):%Y-%m-%d}"
