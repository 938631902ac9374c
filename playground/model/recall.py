"""Finds the sentences of a prompt that best match a question, by the words that they share. It writes no answers."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from playground.model.reading import Utterance

#: A sentence answers a question if it has at least this share of the question's words, each weighed by its rarity.
THRESHOLD = 0.5
#: Sentences that score this close to the best one are quoted beside it.
NEAR_BEST = 0.9
MOST_QUOTES = 2
#: What counts for less than a person's own words: what others, notes and replies say.
SECOND_HAND = 0.8

FIRST_PERSON = frozenset({"i", "me", "my", "mine", "myself"})
POSSESSIVE = frozenset({"my", "mine"})
SECOND_PERSON = frozenset({"you", "your", "yours"})

_ABOUT_MEMORY = frozenset({"know", "recall", "remember", "said", "see", "told"})

_WORD = re.compile(r"\w+")
_STOP = frozenset(
    _WORD.findall(
        """a about above again all also am an and any anyone are as ask at be been before being but by can could d did do
    does doing done ever first for from further had has have having he her here hers him his how i if in into is it its
    just know last list ll m me mention mine more most my myself no not of off on once only or other our ours out over
    own please re really recall remember remind s said same say saying says see she should show so some something such t
    tell than that the their theirs them then there these they thing things this those through to told too under until
    up us ve very want was we were what when where which while who whom whose why will with would yes you your yours
    whats whos wheres whens hows"""
    )
)
# Different words for the same question: "What is my dog called?" asks for a name.
_SAME = {"call": "nam", "colour": "color", "favourit": "favorit", "resid": "liv"}
# The full-width marks of Chinese and Japanese need no space after them.
_SENTENCE_END = re.compile(r"(?<=[.!?\u2026])\s+|(?<=[\u3002\uff01\uff1f])|\n+")
_QUESTION_MARKS = ("?", "\uff1f", "\u061f")
_ADDRESS = re.compile(r"(?:@\S+[\s,:]+)+")

_ASK = (
    r"(?:(?:what|who|where|when|how)'?s\b"
    r"|(?:what|who|where|when|how|whom|whose|why|which)\b(?! (?:i|you|we|he|she|it|they|my|the)\b)"
    r"|(?:tell me|remind me|show me|list|quote|repeat)\b"
    r"|(?:is|are|am|was|were|do|does|did|can|could|will|would|should|has|have|had) (?:i|you|we|he|she|it|they|there|"
    r"this|that|my|your|our|his|her|their|anyone|anybody|someone|the)\b)"
)
_ASKS = re.compile(_ASK, re.IGNORECASE)
# How one turns to somebody before one asks. Of these, some may be what a question is about ("Wait times at the reef?"): they
# count as an opening only before a pause, or right before what asks.
_TURNS = r"(?:and|but|so|then|now|ok|okay|please|hey|hi|hello|oh|ah|um|uh|hmm)\b[\s,;:.!\u2026\u2014]*"
_CALLS = r"(?:wait|hold on|well|look|listen|sorry|yes|yeah|no|right|actually|again|bot|mnemo|all|everyone|guys|folks)\b"
_PAUSE = r"(?:\s*[,;:.!\u2026\u2014]\s*|\s+-+\s+)"
_OPENING = re.compile(rf"(?:{_TURNS}|{_CALLS}(?:{_PAUSE}|\s+(?={_CALLS}|{_TURNS}|{_ASK})))+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of the prompt, with its source."""

    text: str
    source: Utterance


def sentences(utterance: Utterance) -> list[str]:
    """The sentences of *utterance*, without the name of whom it addresses ("@Mnemo, ...")."""
    text = _ADDRESS.sub("", utterance.text, count=1) if _ADDRESS.match(utterance.text) else utterance.text
    return [sentence.strip() for sentence in _SENTENCE_END.split(text) if sentence.strip()]


def is_question(sentence: str) -> bool:
    """Whether *sentence* asks for something; without its mark, "when is it" does, and "when I was young" does not."""
    return sentence.endswith(_QUESTION_MARKS) or (bool(_ASKS.match(asking(sentence))) and not sentence.endswith("!"))


def asking(question: str) -> str:
    """*question* without what one says before one asks ("Wait, ...", "Hey Mnemo, ..."), which no answer has to hold."""
    opening = _OPENING.match(question)
    return question[opening.end() :] or question if opening else question


def statements(heard: Iterable[Utterance]) -> list[Sentence]:
    """Everything in *heard* that could answer a question, oldest first; what was said twice counts as said last."""
    found: dict[tuple[str | None, str], Sentence] = {}
    for utterance in heard:
        for text in sentences(utterance):
            if not is_question(text):
                found.pop((utterance.author, text), None)
                found[utterance.author, text] = Sentence(text, utterance)
    return list(found.values())


def recall(question: str, asker: Utterance, known: Sequence[Sentence]) -> list[Sentence]:
    """The sentences of *known* that answer *question*, oldest first; none if nothing fits."""
    asked = stems(question)
    if not asked:
        return _overview(question, asker, known)
    weight = _weights(known)
    total = sum(weight(stem) for stem in asked)
    people = {stem for sentence in known for stem in stems(sentence.source.name)}
    about = asked & people
    scored = []
    for place, sentence in enumerate(known):
        shared = asked & (stems(sentence.text) | stems(sentence.source.name))
        share = sum(weight(stem) for stem in shared) / total
        share *= _relevance(words(question), about, asker, sentence)
        if share >= THRESHOLD:
            scored.append((share + _phrase_bonus(question, sentence.text), place))
    best = sorted(scored, reverse=True)[:MOST_QUOTES]
    return [known[place] for score, place in sorted(best, key=lambda item: item[1]) if score >= NEAR_BEST * best[0][0]]


def _overview(question: str, asker: Utterance, known: Sequence[Sentence]) -> list[Sentence]:
    """What was said last: by the asker if they ask about themselves ("Who am I?"), by anyone if they ask what we know."""
    said = [sentence for sentence in known if sentence.source.role == "user" or sentence.source.author]
    if words(question) & FIRST_PERSON:
        said = [sentence for sentence in said if sentence.source.author == asker.author]
    elif not words(question) & _ABOUT_MEMORY:
        return []
    return said[-MOST_QUOTES:]


def _relevance(asked: frozenset[str], about: frozenset[str], asker: Utterance, sentence: Sentence) -> float:
    """How far a sentence may speak for whom the question is about: "my name" is what the asker calls it."""
    source, said = sentence.source, words(sentence.text)
    personal = source.role != "assistant" and bool(said & FIRST_PERSON)
    if asked & FIRST_PERSON:
        if source.author == asker.author and source.role != "assistant":
            return 1.0
        meant = not asked & POSSESSIVE or said & (words(asker.name) | SECOND_PERSON)
        return SECOND_HAND if meant and not personal else 0.0
    if personal and (asked & SECOND_PERSON or (about and not about & stems(source.name))):
        return 0.0
    return 1.0 if source.role == "user" else SECOND_HAND


def _weights(known: Sequence[Sentence]) -> _Weights:
    return _Weights(len(known), Counter(stem for sentence in known for stem in stems(sentence.text)))


@dataclass(frozen=True, slots=True)
class _Weights:
    """Rare words tell more. A word of the question that stands nowhere in the prompt weighs most: nothing covers it."""

    total: int
    seen: Counter[str]

    def __call__(self, stem: str) -> float:
        return math.log(1 + self.total / (self.seen[stem] + 0.5)) + 0.1


def informative(known: Sequence[Sentence]) -> list[float]:
    """How much each sentence tells, for summaries: its rare words, a bonus for figures, none for length as such."""
    weight = _weights(known)
    return [
        sum(weight(stem) for stem in stems(sentence.text)) / math.sqrt(len(words(sentence.text)) + 3)
        + (0.5 if re.search(r"\d", sentence.text) else 0.0)
        for sentence in known
    ]


def _phrase_bonus(question: str, sentence: str) -> float:
    shared = set(pairwise(_split(question))) & set(pairwise(_split(sentence)))
    return 0.05 * min(len(shared), 3)


@lru_cache(maxsize=4096)
def stems(text: str) -> frozenset[str]:
    """The words of *text* that carry meaning, without their endings."""
    return frozenset(_stem(word) for word in _split(text) if word not in _STOP)


def words(text: str) -> frozenset[str]:
    """All words of *text* in lower case."""
    return frozenset(_split(text))


@lru_cache(maxsize=4096)
def _split(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word.removesuffix(ending)
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiouls":
        word = word[:-1]
    return _SAME.get(word, word)
