"""Tells a model's reasoning from its answer where both come as one text. Pure; what comes in a field of its own is not for here.

Models that reason begin their reply with ``<think>...</think>`` (some say ``<thinking>``), unless their server takes it out. Only
what stands before the first word of the answer counts: later, or in code, the tags are words like all others. But some servers
put the opening tag into the prompt: then what seemed to be an answer turns out to be reasoning when a line is nothing but the
closing tag.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from bot.code_blocks import open_block

_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_TAGS = ("<think>", "<thinking>")
_CLOSING = ("</think>", "</thinking>")


class Split(NamedTuple):
    """A piece of a reply: what of it is reasoning, what is answer. *takes_back*: the answer before it was reasoning, too."""

    thought: str
    answer: str
    takes_back: bool = False


class Reasoning:
    """Takes a reply piece by piece, however the pieces are cut."""

    def __init__(self) -> None:
        self._held = ""
        self._closing: str | None = None
        self._is_answer = False
        self._had_tags = False
        #: The answer so far.
        self._answer: list[str] = []

    def split(self, piece: str) -> Split:
        """Return what is known now to be reasoning, and what to be the answer; what may be a tag waits for the next piece."""
        text, self._held = self._held + piece, ""
        thought = ""
        while not self._is_answer:
            if self._closing is None:
                text = text.lstrip()
                tag = next((tag for tag in _TAGS if text[: len(tag)].lower() == tag), None)
                if tag is not None:
                    self._closing, text = tag.replace("<", "</"), text[len(tag) :]
                    self._had_tags = True
                elif any(tag.startswith(text.lower()) for tag in _TAGS):
                    self._held = text
                    return Split(thought, "")
                else:
                    self._is_answer = True
            else:
                end = text.lower().find(self._closing)
                if end < 0:
                    known = max(0, len(text) - len(self._closing) + 1)
                    self._held = text[known:]
                    return Split(thought + text[:known], "")
                thought, text, self._closing = thought + text[:end], text[end + len(self._closing) :], None
        return Split(thought, text) if self._had_tags else self._answered(text)

    def _answered(self, text: str) -> Split:
        """Look for the closing tag in *text*, which goes on with the answer of a reply without an opening one."""
        before = len(self._answer)
        for line in _LINES.findall(text):
            is_new = not self._answer or self._answer[-1].endswith("\n")
            word = line.rstrip().lower()
            if is_new and word in _CLOSING and line.endswith("\n") and open_block("".join(self._answer)) is None:
                self._had_tags = True
                thought = "".join(self._answer[before:])
                return Split(thought, text[len(thought) + len(line) :], takes_back=True)
            if is_new and word and not line.endswith("\n") and any(tag.startswith(word) for tag in _CLOSING):
                self._held = line
                break
            self._answer.append(line)
        return Split("", "".join(self._answer[before:]))

    def rest(self) -> Split:
        """Return what still waits at the end of the reply, as :meth:`split` does."""
        held, self._held = self._held, ""
        if self._closing is not None:
            return Split(held, "")
        if held.rstrip().lower() in _CLOSING and open_block("".join(self._answer)) is None:
            return Split("", "", takes_back=True)
        return Split("", held)
