"""What people say and the model answers while a proof runs: made so that a reply tells which messages it is for, and is whole.

A message has a number, says how many sentences it wants, and holds a secret that no reply repeats. A reply names the messages
that had no answer before it. Summaries do repeat secrets: what is deleted must leave them too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from playground.model.reading import Utterance, newest, rest
from playground.model.reading import begun as beginning

_MESSAGE = re.compile(r"Message (\d+) wants (\d+) sentences\. (secret\d+v\d+)\.")
_SECRET = re.compile(r"secret\d+v\d+")
_REPLY = re.compile(r"To ([\d, ]+):")

#: A summary has to be short.
SECRETS_IN_A_SUMMARY = 5


def message(number: int, sentences: int, version: int = 0) -> str:
    """What somebody says; an edit gives it another *version*, and with it another secret."""
    return f"Message {number} wants {sentences} sentences. secret{number}v{version}."


def secret(content: str) -> str | None:
    """What nobody may know any more once the message is changed or deleted; None if it is none of ours."""
    found = _MESSAGE.search(content)
    return found[3] if found else None


def secrets(words: str) -> set[str]:
    """All of them that stand anywhere in *words*."""
    return set(_SECRET.findall(words))


def edited(content: str) -> str:
    """The same message with another secret."""
    return re.sub(r"v(\d+)\.$", lambda version: f"v{int(version[1]) + 1}.", content)


def number(content: str) -> int:
    """The number of a message."""
    found = _MESSAGE.search(content)
    assert found, content
    return int(found[1])


def reply(numbers: Sequence[int], sentences: int) -> str:
    """The reply to the messages with these *numbers*, the newest of which wanted so many *sentences*."""
    told = [f"This is sentence {place} of the reply to message {numbers[-1]}." for place in range(sentences)]
    return " ".join([f"To {', '.join(map(str, numbers))}:", *told, "That is all."])


def answered(content: str) -> list[int]:
    """The numbers of the messages that a reply is for; none if it is no reply, or not a whole one."""
    found = _REPLY.match(content)
    if not found:
        return []
    numbers = [int(each) for each in found[1].split(", ")]
    return numbers if content == reply(numbers, content.count("This is sentence")) else []


def begun(content: str) -> list[int]:
    """The numbers of the messages that a reply is for of which this is a beginning; none if it is none."""
    found = _REPLY.match(content)
    if not found:
        return []
    numbers = [int(each) for each in found[1].split(", ")]
    return numbers if reply(numbers, content.count("This is") + 1).startswith(content) else answered(content)


def write(heard: Sequence[Utterance]) -> str:
    """Write what the model says: the lever ``writer``."""
    if cut := beginning(heard):
        return rest(write(cut[0]), cut[1]) or "This is no beginning of mine."
    if heard[-1].author is None:  # an instruction of the program's: to summarize
        return f"Summary. {' '.join(_SECRET.findall(' '.join(each.text for each in heard))[:SECRETS_IN_A_SUMMARY])}"
    wishes = [found for utterance in newest(heard) if (found := _MESSAGE.search(utterance.text))]
    return reply([int(wish[1]) for wish in wishes], int(wishes[-1][2]))


_SECRET = re.compile(r"secret\d+v\d+")
