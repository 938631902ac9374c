"""What the little model says: a prompt's utterances in, a reply out, nothing else. Pure, and honest by construction.

Everything it claims to know is quoted from the prompt. What does not stand there it cannot know, so one sees what a
memory policy kept and what it dropped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle, groupby

from playground.model.reading import Utterance, begun, newest, rest
from playground.model.recall import Sentence, asking, informative, is_question, recall, sentences, statements

SEEN = "From what I can see here: "
NOTED = ("Noted: ", "Got it: ", "I will keep that in view: ")
HELLO = "Hello! Tell me something, then ask me about it."
WELCOME = "You are welcome."
NOTHING = "Nothing in what I can see here answers that."
NOTICE = (
    "(I am a small stand-in that only quotes what it can see; to talk to a real model, set OPENAI_API_KEY or"
    " OPENAI_BASE_URL, and CHAT_MODEL, then run `make play` again.)"
)
SHOWN = "You show me "
NOTHING_MORE = "That was all."
NOTHING_TO_SUMMARIZE = "Nothing was said yet."

#: What marks a reply as ours, when it stands in a later prompt.
OURS = (SEEN, NOTHING, HELLO, WELCOME, SHOWN, *NOTED)

#: Bounds, in characters: of one quote, of a summary. And how many questions one reply answers.
LONGEST_QUOTE = 280
LONGEST_SUMMARY = 1200
MOST_QUESTIONS = 3

_SUMMARIZE = re.compile(r"\b(?:summar(?:y|i[sz]e)|distill?|condense)\b", re.IGNORECASE)
_BE_SUMMARIZER = re.compile(
    r"\W*(?:please |you |are |to |your |task |is |progressively )*(?:summari[sz]e|distill?|condense)", re.IGNORECASE
)
_CODE = re.compile(r"\b(?:show|write|give|send)\b.*\bcode\b", re.IGNORECASE | re.DOTALL)
_LONG_CODE = re.compile(r"\blong\b.*\bcode\b", re.IGNORECASE | re.DOTALL)
_LONG = re.compile(r"\blong\b.*\b(?:story|text|tale|answer|reply)\b", re.IGNORECASE | re.DOTALL)
_VERY_LONG = re.compile(r"\bvery long\b", re.IGNORECASE)
_TABLE = re.compile(r"\b(?:as|in) a table\b", re.IGNORECASE)
_WHO_ARE_YOU = re.compile(r"\W*(?:who are you|what(?:'s| is) your name|what are you)\b", re.IGNORECASE)
_GREETING = re.compile(r"(?:hello|hi|hey|good (?:morning|evening|day)|greetings)\b\W*(?:\w+\W*)?", re.IGNORECASE)
_THANKS = re.compile(r"(?:thanks|thank you|thx|cheers)\b.*", re.IGNORECASE | re.DOTALL)


def reply(heard: Sequence[Utterance]) -> str:
    """Answer the newest words of a prompt, or go on with a reply that was cut."""
    if cut := begun(heard):
        before, beginning = cut
        return rest(reply(before), beginning) or NOTHING_MORE
    told_to = [utterance for utterance in heard if _tells_to_summarize(utterance, last=utterance is heard[-1])]
    if told_to:
        return summary([utterance for utterance in heard if utterance not in told_to])
    text = "\n".join(filter(None, [_looking(heard), _answer(heard)]))
    first = all(utterance.role != "assistant" for utterance in heard)
    return f"{text}\n\n{NOTICE}" if first else text


def summary(heard: Sequence[Utterance]) -> str:
    """The most informative sentences that people said, in their order, each with who said it.

    A line is "Name (id): sentences", which ``reading.py`` understands when it stands in a later prompt.
    """
    known = [sentence for sentence in statements(heard) if sentence.source.author or sentence.source.role == "user"]
    ranked = sorted(zip(informative(known), range(len(known)), strict=True), reverse=True)
    kept: set[int] = set()
    length = 0
    for _, place in ranked:
        length += len(_label(known[place].source)) + len(_short(known[place].text)) + 1
        if length > LONGEST_SUMMARY:
            break
        kept.add(place)
    by_speaker = _by_speaker([known[place] for place in sorted(kept)])
    lines = [_label(source) + " ".join(_short(sentence.text) for sentence in said) for source, said in by_speaker]
    return "\n".join(lines) or NOTHING_TO_SUMMARIZE


def _tells_to_summarize(utterance: Utterance, *, last: bool) -> bool:
    """Whether the program asks for a summary, not somebody in the channel: an instruction has no author."""
    if utterance.author is not None or utterance.role == "assistant":
        return False
    if _BE_SUMMARIZER.match(utterance.text):
        return True
    return last and utterance.role == "user" and bool(_SUMMARIZE.search(utterance.text))


def _answer(heard: Sequence[Utterance]) -> str:
    latest = newest(heard)
    if not latest:
        return NOTHING
    wish = _own_words(latest[-1]).text
    if not wish and latest[-1].images:
        return ""
    known = statements(_evidence(heard))
    if _CODE.search(wish):
        return _code(known, long=bool(_LONG_CODE.search(wish)))
    if _TABLE.search(wish):
        return _table(known)
    if _LONG.search(wish):
        return _story(known, _CHAPTERS_OF_A_VERY_LONG_STORY if _VERY_LONG.search(wish) else _NUMBER_OF_CHAPTERS)
    if _SUMMARIZE.search(wish):
        return f"{SEEN}\n{summary(heard[:-1])}"
    asked = [(asker, asking(text)) for asker in latest for text in sentences(_own_words(asker)) if is_question(text)][
        -MOST_QUESTIONS:
    ]
    if not asked:
        return _to_statement(latest[-1])
    answers = [(asker, _about_us(question, heard) or _to_question(question, asker, known)) for asker, question in asked]
    several = len({asker.author for asker, _ in answers}) > 1
    return "\n".join(dict.fromkeys(f"{asker.name}: {answer}" if several else answer for asker, answer in answers))


def _looking(heard: Sequence[Utterance]) -> str:
    """What is to be seen on the images that were just sent, as far as we look: their headers."""
    images = [image for utterance in newest(heard) for image in utterance.images]
    return f"{SHOWN}{' and '.join(images)}." if images else ""


def _own_words(utterance: Utterance) -> Utterance:
    """What somebody says, without the files that they attach."""
    return replace(utterance, text=f"\n{utterance.text}".partition("\n[file: ")[0].strip())


def _evidence(heard: Sequence[Utterance]) -> list[Utterance]:
    """What may answer a question: not the instructions before the conversation, and not our own quotes of it."""
    return [
        utterance
        for place, utterance in enumerate(heard)
        if (utterance.author or place > 0 or utterance.role != "system")
        and not (utterance.role == "assistant" and any(mark in utterance.text for mark in OURS))
    ]


def _about_us(question: str, heard: Sequence[Utterance]) -> str | None:
    """Who we are is what the instructions say, if they do."""
    if not _WHO_ARE_YOU.match(question):
        return None
    instructions = [sentence for part in heard if part.role == "system" for sentence in sentences(part)]
    we_are = next((sentence for sentence in instructions if sentence.startswith("You are")), None)
    return we_are and _sentence(f"{SEEN}my notes say {_quote(we_are)}")


def _to_question(question: str, asker: Utterance, known: Sequence[Sentence]) -> str:
    found = recall(question, asker, known)
    if not found:
        return NOTHING
    told = [f"{_attribution(source, asker)} {_quotes(said)}" for source, said in _by_speaker(found)]
    return _sentence(f"{SEEN}{', and '.join(told)}")


def _to_statement(utterance: Utterance) -> str:
    said = sentences(utterance)
    if not said or _GREETING.fullmatch(utterance.text):
        return HELLO
    if _THANKS.fullmatch(utterance.text):
        return WELCOME
    return f"{NOTED[len(utterance.text) % len(NOTED)]}{_quote(' '.join(said))}"


def _by_speaker(chosen: Sequence[Sentence]) -> list[tuple[Utterance, list[Sentence]]]:
    runs = groupby(chosen, key=lambda known: (known.source.role, known.source.author))
    grouped = [list(run) for _, run in runs]
    return [(run[0].source, run) for run in grouped]


def _attribution(source: Utterance, asker: Utterance) -> str:
    if source.author is not None and source.author != asker.author:
        return f"{source.name} said"
    if source.role == "assistant":
        return "I said earlier"
    if source.author is None and source.role == "system":
        return "my notes say"
    return "you said"


def _label(source: Utterance) -> str:
    return f"{source.name} ({source.author}): " if source.author else ""


def _quotes(said: Sequence[Sentence]) -> str:
    return " and ".join(_quote(sentence.text) for sentence in said)


def _quote(text: str) -> str:
    return f"“{_short(text)}”"


def _sentence(text: str) -> str:
    return text if text.endswith((".”", "!”", "…”")) else f"{text}."


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1].rstrip() + "…"


#: With so many functions a program is longer than one Discord message holds.
_FUNCTIONS_OF_LONG_CODE = 18


def _code(known: Sequence[Sentence], *, long: bool) -> str:
    seen = [_short(sentence.text).replace("`", "'") for sentence in known[-3:]]
    lines = ["seen = [", *(f"    {json.dumps(text, ensure_ascii=False)}," for text in seen), "]"]
    for number in range(1, _FUNCTIONS_OF_LONG_CODE + 1) if long else ():
        lines += [
            "",
            "",
            f"def recall_{number}() -> str:",
            f'    """Wait {number} seconds, and say one thing that was seen."""',
        ]
        lines += [f"    time.sleep({number})", f"    return seen[{number} % len(seen)]"]
    lines = ["import time", "", *lines, ""] if long else lines
    program = "\n".join([*lines, "", "for sentence in seen:", "    print(sentence)"])
    return f"{SEEN}this much, as a program.\n\n```python\n{program}\n```"


#: So many of the newest sentences are in a table.
_ROWS = 12


def _table(known: Sequence[Sentence]) -> str:
    """Who said what, as Markdown has tables."""
    rows = [(sentence.source.name or "me", _short(sentence.text).replace("|", "\\|")) for sentence in known[-_ROWS:]]
    lines = [f"| {number} | {name} | {said} |" for number, (name, said) in enumerate(rows, 1)]
    return "\n".join([f"{SEEN}this much, as a table.\n", "| No. | Who | What |", "|----:|-----|------|", *lines])


_CHAPTERS = (
    "It began quietly, as such stories do, with somebody who wrote {} and waited for an answer.",
    "The words stood there for a while. {}: one could read it twice and it said the same each time.",
    "Further down, where the light of the screen grew pale, there was more. {} And nobody had erased it.",
    "*Was that all?* No. Somewhere between two lines it said {} in plain letters.",
    "So I went back to what I know for **certain**, and that is {} Nothing else was as sure.",
    "Others would have made something up here. I looked again, and again it said {}",
)
#: About 4,000 characters, more than one Discord message holds; and 12,000, more than a reply of five messages holds.
_NUMBER_OF_CHAPTERS = 36
_CHAPTERS_OF_A_VERY_LONG_STORY = 110


def _story(known: Sequence[Sentence], chapters: int) -> str:
    quotes = cycle([_quote(sentence.text) for sentence in known] or ["“…”"])
    told = [
        f"{number}. {chapter.format(next(quotes))}"
        for number, chapter in zip(range(1, chapters + 1), cycle(_CHAPTERS), strict=False)
    ]
    return f"{SEEN}a long story.\n\n" + "\n\n".join(told)
