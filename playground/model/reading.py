"""Reads a prompt into utterances: who said what, in which role. It decides nothing about the answer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Role = Literal["system", "user", "assistant"]

# "[42 Nemo] text", as the transcript of a channel has it, and "Nemo (42): text", as our own summaries have it.
_HEADER = re.compile(r"\[(?P<id>\d+) (?P<name>.*?)\] ?(?P<text>.*)")
_SUMMARY_LINE = re.compile(r"(?P<name>[^:\s][^:]{0,63}?) \((?P<id>\d+)\): (?P<text>.*)")
# What is recalled stands in one block: its further lines are indented, a speaker who is named again has no id, and we are (you).
_MEMORY = "[memory] "
_NAMED_AGAIN = re.compile(r"\[(?P<name>[^\]]+)\] ?(?P<text>.*)")
_OURS_AGAIN = "(you) "
_BETWEEN = ("-- ", "…")
_HUMAN = re.compile(r"(?:Human|User): ?(?P<text>.*)")
# What asks us to go on with a reply that was cut; in one text the beginning stands behind the last label.
_GO_ON = "[continue] "
_BEGUN = re.compile(r"(?P<cue>AI:) \S")
# The last line of a completion prompt: whoever is to speak next, "AI:" or "[Mnemo]".
_CUE = re.compile(r"[^\[\n]{1,64}:|\[[^\]\n]{1,64}\]:?")


@dataclass(frozen=True, slots=True)
class Utterance:
    """One thing that stands in the prompt, with what its *images* are. *author* is an id, None where the prompt names nobody;
    *is_recalled* says that it was said long before what stands around it.
    """

    role: Role
    text: str
    author: str | None = None
    name: str = ""
    is_recalled: bool = False
    images: tuple[str, ...] = ()


def read_chat(messages: Iterable[tuple[Role, str]]) -> list[Utterance]:
    """Read chat messages; a message may hold several people's blocks."""
    return [utterance for role, text in messages for utterance in _blocks(role, text.split("\n"))]


def read_text(prompt: str) -> list[Utterance]:
    """Read a completion prompt: what stands before the first speaker is "system", what follows the cue is ours."""
    lines = prompt.rstrip().split("\n")
    cue = lines.pop().strip() if _CUE.fullmatch(lines[-1].strip()) else _cue_before(lines)
    heard: list[Utterance] = []
    run: list[str] = []
    role: Role = "system"
    for line in lines:
        speaker = _speaker(line, cue)
        if speaker:
            heard += _blocks(role, run)
            role, line = speaker
            run = []
        run.append(line)
    return heard + list(_blocks(role, run))


def _cue_before(lines: Sequence[str]) -> str | None:
    """The label of a reply that was begun; None if the last one to speak is a person."""
    spoke = next((line for line in reversed(lines) if _BEGUN.match(line) or _speaker(line, None)), "")
    found = _BEGUN.match(spoke)
    return found and found["cue"]


def _speaker(line: str, cue: str | None) -> tuple[Role, str] | None:
    """The role that *line* opens and the line without its label; None if it goes on with what was said before."""
    if cue and line.startswith(cue):
        return "assistant", line.removeprefix(cue).lstrip()
    if human := _HUMAN.match(line):
        return "user", human["text"]
    return ("user", line) if _HEADER.match(line) else None


def begun(heard: Sequence[Utterance]) -> tuple[Sequence[Utterance], str] | None:
    """What was heard before a reply that we are to go on with, and its beginning; None if we are to answer."""
    asked = (
        len(heard) > 1 and heard[-1].author is None and heard[-1].role == "user" and heard[-1].text.startswith(_GO_ON)
    )
    until = heard[:-1] if asked else heard
    return (until[:-1], until[-1].text) if until and until[-1].role == "assistant" else None


def rest(whole: str, beginning: str) -> str | None:
    """What comes in *whole* after its *beginning*, white space apart; None if it has no such beginning."""
    letters = iter("".join(beginning.split()))
    due = next(letters, "")
    for place, sign in enumerate(whole):
        if not due:
            return whole[place:]
        if sign.isspace():
            continue
        if sign != due:
            return None
        due = next(letters, "")
    return None if due else ""


def newest(heard: Sequence[Utterance]) -> list[Utterance]:
    """What people said since the last reply."""
    trailing: list[Utterance] = []
    for utterance in reversed(heard):
        if utterance.role == "assistant" and not utterance.is_recalled:
            break
        if utterance.role == "user":
            trailing.insert(0, utterance)
    return trailing


def _blocks(role: Role, lines: Sequence[str]) -> Iterator[Utterance]:
    if role == "user" and lines and lines[0].startswith(_MEMORY):
        yield from _recalled([lines[0].removeprefix(_MEMORY), *(line.removeprefix("  ") for line in lines[1:])])
        return
    open_block: Utterance | None = None
    for line in lines:
        header = None if role == "assistant" else _HEADER.match(line) or _SUMMARY_LINE.match(line)
        if header:
            if open_block:
                yield open_block
            open_block = Utterance(role, header["text"], header["id"], header["name"])
        elif open_block:
            # Continuation lines are indented by two spaces, so that none of them can look like a header.
            open_block = replace(open_block, text=f"{open_block.text}\n{line.removeprefix('  ')}")
        else:
            open_block = Utterance(role, line)
    if open_block and open_block.text.strip():
        yield replace(open_block, text=open_block.text.strip())


def _recalled(lines: Sequence[str]) -> Iterator[Utterance]:
    """What stands in a block of recalled messages, or of a summary: nobody says it now."""
    authors: dict[str, str] = {}
    run: list[str] = []
    for line in lines:
        if line.startswith(_BETWEEN):
            continue
        if header := _HEADER.match(line):
            authors[header["name"]] = header["id"]
        elif (again := _NAMED_AGAIN.match(line)) and again["name"] in authors:
            line = f"[{authors[again['name']]} {again['name']}] {again['text']}"
        elif line.startswith(_OURS_AGAIN):
            yield from _blocks("system", run)
            run = []
            yield Utterance("assistant", line.removeprefix(_OURS_AGAIN), is_recalled=True)
            continue
        run.append(line)
    yield from _blocks("system", run)
