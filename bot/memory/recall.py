"""Which older messages a turn is shown again, decided from words alone: pure functions over positions and records.

Each term is searched by itself within its (channel, epoch), so how rare it is *here* weighs it and no rank over the whole
table is ever computed. A message scores by how near it stands to each term, so an answer without a single word of the
question is found beside it, and no index of neighbours must be kept or cleaned. It opens nothing and reads no clock.

The order of calls, which ``bot/recall.py`` makes: ``terms``, ``weigh``, ``need`` (which ends it below THRESHOLD), ``rank``,
``chosen``.
"""

from __future__ import annotations

import math
import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import dropwhile, pairwise

from storage.records import Message

#: More terms are not searched: each is a search (0.6 ms at a million messages), and what says much asks little.
MOST_TERMS = 16
#: Of a term that stands in more messages than this only the newest count: it bounds the work in a channel of any size.
MOST_HITS = 500
#: Rough candidates stand within SPREAD of a hit; the best MOST_ROUGH of them are scored exactly, the best
#: MOST_CANDIDATES of those are read.
SPREAD = 2
MOST_ROUGH = 400
MOST_CANDIDATES = 250

#: A message up to REACH from a term may be about it; it counts 1 / (1 + FADE * distance).
REACH = 8
FADE = 0.5
#: A question tells little, the message after it answers, news is told first after a pause, and who is asked about speaks
#: of it. In the unit of a term's weight (its idf: 1 is a word in a third of the messages, 7 one in a thousand).
BONUS_QUESTION = -1.5
BONUS_AFTER_QUESTION = 1.5
BONUS_AFTER_PAUSE = 2.0
BONUS_NAMED_AUTHOR = 1.5
PAUSE_SECONDS = 6 * 3600

#: A message is shown only if its score is FLOOR_TOKENS / share of the weight of all the terms, with recall's share of the
#: budget in tokens (2,400: 0.175; 4,800: 0.0875). Small talk is about much, and no message has a part of it worth its tokens.
FLOOR_TOKENS = 420
#: A small share is no reason to ask for more than this.
HIGHEST_FLOOR = 0.2

#: The least :func:`need` for recall.
THRESHOLD = 0.0
#: Terms that weigh less (those in more than one message of seven here) do not speak for or against recall: they are the
#: function words of a language without lists, and the names of those who are always there.
LEAST_TELLING = 2.0
WEIGHT_ASKS = 1.0
WEIGHT_LENGTH = 0.3
#: A text of four words or more with fewer known ones than this share is in a language that we have no lists for.
KNOWN_LANGUAGE = 0.15
FEWEST_WORDS_TO_TELL = 4

_WORD = re.compile(r"\w+")
_SENTENCE = re.compile(r"(?<=[.!?\u2026])\s+|(?<=[\u3002\uff01\uff1f])|\n+")
_QUESTION_MARK = re.compile("[?\uff1f\u061f]")

_STOP = """
    a about above after again all also am an and any anyone are as ask at be because been before being between both
    but by can could d did do does doing don during each ever few for from further get go got had has have having he her
    here hers him his how i if in into is it its just know ll like m may me mention more most much my myself no nor not of
    off on once one only or other our ours out over own please re really recall remember remind s said same say saying
    says see she should so some something such t tell than that the their theirs them then there these they thing things
    this those through to told too under until up us ve very want was we were what when where which while who whom whose
    why will with would yes you your yours
    bye cool goodbye haha hello hey hi lol oh ok okay thank thanks thx welcome wow yeah yep
"""
STOP = frozenset(_STOP.split())
INTERROGATIVE = frozenset(("what", "when", "where", "who", "whom", "whose", "which", "why", "how"))
_AUXILIARY = "is are was were do does did can could will would should has have had am might may"
AUXILIARY = frozenset(_AUXILIARY.split())
REMINDING = frozenset(("remember", "recall", "remind", "tell"))
_OPENERS = "and but so then now ok okay hey hi hello wow oh well please yes yeah cool nice great"
OPENERS = frozenset(_OPENERS.split())


@dataclass(frozen=True, slots=True)
class Term:
    """A searched term: what it weighs, where it stands out of sight (positions, oldest first), and whether also in sight."""

    weight: float
    before: tuple[int, ...]
    in_sight: bool


def words(text: str) -> list[str]:
    """Return the words of *text*, folded, in order."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def terms(text: str) -> list[str]:
    """Return what to search for: the words of *text* that carry meaning, each once; none in "How are you?"."""
    return [word for word in dict.fromkeys(words(text)) if word not in STOP][:MOST_TERMS]


def weigh(
    hits: Sequence[Sequence[int]], total: int, window_start: int, shown: Collection[int] = frozenset()
) -> list[Term]:
    """Return a query's terms, from the positions of each that are before the newest message, of *total* messages.

    Words of one stem have the same hits and count once. A word that was never said weighs most: nothing covers it. What is
    *shown* is in sight as the window is.
    """
    said = dict.fromkeys(tuple(sorted(positions)) for positions in hits if positions)
    unsaid = [()] * sum(not positions for positions in hits)
    return [_term(positions, total, window_start, shown) for positions in (*said, *unsaid)]


def _term(positions: tuple[int, ...], total: int, window_start: int, shown: Collection[int]) -> Term:
    count = min(len(positions), total)
    weight = math.log(1 + (total - count + 0.5) / (count + 0.5))
    cut = bisect_left(positions, window_start)
    before = tuple(position for position in positions[:cut] if position not in shown)
    return Term(weight, before, in_sight=len(before) < len(positions))


def need(found: Sequence[Term], *, asking: bool) -> float:
    """Return how much the newest message needs what the window does not show; recall from :data:`THRESHOLD` on.

    The part of its terms' weight that one older message has, less the part that the window has: what is in sight need
    not be recalled. A message that says much asks little. Minus infinity without anything to recall.
    """
    telling = [term for term in found if term.weight >= LEAST_TELLING]
    together: defaultdict[int, float] = defaultdict(float)
    for term in telling:
        for place in term.before:
            together[place] += term.weight
    if not together:
        return -math.inf
    total = sum(term.weight for term in telling)
    shown = sum(term.weight for term in telling if term.in_sight)
    return (max(together.values()) - shown) / total + WEIGHT_ASKS * asking - WEIGHT_LENGTH * math.log(len(telling) + 1)


def asks(text: str, names: frozenset[str] = frozenset()) -> bool:
    """Whether *text* asks or tells to remember, by its words: punctuation may be missing. *names* may be addressed first.

    True for a language without word lists: then the counts decide, and rather for recall.
    """
    spoken = words(text)
    if len(spoken) >= FEWEST_WORDS_TO_TELL and sum(word in STOP for word in spoken) < KNOWN_LANGUAGE * len(spoken):
        return True
    return any(_is_question(words(sentence), names) for sentence in _SENTENCE.split(text))


def _is_question(sentence: Sequence[str], names: frozenset[str]) -> bool:
    if any(first in INTERROGATIVE and second in AUXILIARY for first, second in pairwise(sentence)):
        return True
    begin = list(dropwhile(lambda word: word in OPENERS or word in names, sentence))[:3]
    return bool(begin) and (begin[0] in AUXILIARY | REMINDING or not INTERROGATIVE.isdisjoint(begin))


def rank(found: Sequence[Term], window_start: int) -> dict[int, float]:
    """Return the best candidates with their scores: what stands near the most telling terms."""
    rough: defaultdict[int, float] = defaultdict(float)
    for term in found:
        for offset in range(-SPREAD, SPREAD + 1):
            weight = term.weight / (1 + FADE * abs(offset))
            for hit in term.before:
                rough[hit + offset] += weight
    scores = {
        place: sum(term.weight * _nearness(term.before, place) for term in found)
        for place in nlargest(MOST_ROUGH, rough, key=rough.__getitem__)
        if 0 <= place < window_start
    }
    return {place: scores[place] for place in nlargest(MOST_CANDIDATES, scores, key=scores.__getitem__)}


def _nearness(hits: Sequence[int], place: int) -> float:
    index = bisect_left(hits, place)
    after = hits[index] - place if index < len(hits) else REACH + 1
    before = place - hits[index - 1] if index else REACH + 1
    distance = min(after, before)
    return 1 / (1 + FADE * distance) if distance <= REACH else 0.0


def chosen(
    scores: Mapping[int, float], read: Mapping[int, Message], found: Sequence[Term], text: str, share: int
) -> list[int]:
    """Return the positions that are worth showing, best first.

    *read* has the candidates and the message before each; *text* is the newest message; *share* is what recall may take
    at most, in tokens.
    """
    said = frozenset(words(text))
    least = min(FLOOR_TOKENS / share, HIGHEST_FLOOR) * sum(term.weight for term in found)
    final = {place: scores[place] + _bonus(read[place], read.get(place - 1), said) for place in scores if place in read}
    return sorted((place for place in final if final[place] >= least), key=final.__getitem__, reverse=True)


def _bonus(this: Message, previous: Message | None, said: frozenset[str]) -> float:
    bonus = 0.0
    if _QUESTION_MARK.search(this.content):
        bonus += BONUS_QUESTION
    if previous and _QUESTION_MARK.search(previous.content):
        bonus += BONUS_AFTER_QUESTION
    if previous is None or this.created_at - previous.created_at >= PAUSE_SECONDS:
        bonus += BONUS_AFTER_PAUSE
    if not said.isdisjoint(words(this.author_name)):
        bonus += BONUS_NAMED_AUTHOR
    return bonus
