"""A reply as Discord shows it: messages and, if there would be too many, a file that goes on where the last of them ends.

Pure. Where a text is cut is decided in ``chunks.py``, when what is shown in ``replies.py``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.chunks import LIMIT, WRITING_MARK, cut, divided, preview

#: What the file is called.
FILE_NAME = "reply.md"

GOES_ON = "\n-# The reply goes on in the attached file, for {:,} more characters."
#: Told in thousands: each change is an edit.
WRITING = f"\n-# {{:,}} characters so far; the rest will come as a file. {WRITING_MARK}"
_STEP = 1000
_LONGEST_NOTE = 80

# Notes of ours at the end: why the reply is not whole, which files could not be used.
_SMALL_PRINT = re.compile(r"(?:\n-# [^\n]+)+\Z")


@dataclass(frozen=True, slots=True)
class Laid:
    """A reply as it is to be shown: its *chunks* and, attached to the last of them, the *file* that goes on, as Markdown."""

    chunks: list[str]
    file: str | None = None


class Layout:
    """Lays out a reply that may grow, in at most *most* chunks (1 or more; None: as many as it takes)."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._forget()

    def _forget(self) -> None:
        self._text = self._rest = ""
        self._before: list[str] = []
        self._last_growing: str | None = None

    def _take(self, text: str) -> bool:
        """Divide *text*, from where we were if it has grown; returns whether there is more than the messages hold."""
        if not text.startswith(self._text):
            self._forget()
        self._rest += text[len(self._text) :]
        self._text = text
        if self._last_growing is not None:
            return True
        if not self._before:
            self._rest = self._rest.lstrip()
        while (first := divided(self._rest)) is not None:
            if len(self._before) + 1 == self._most:
                return True
            self._before.append(first[0])
            self._rest = first[1]
        return False

    def growing(self, text: str) -> Laid:
        """Lay out *text*, which is being written: the last chunk has the writing mark."""
        if not self._take(text):
            return Laid([*self._before, *preview(self._rest)])
        if self._last_growing is None:
            self._last_growing, _ = self._last("")
        return Laid([*self._before, self._last_growing + WRITING.format(len(text) // _STEP * _STEP)])

    def final(self, text: str) -> Laid:
        """Lay out *text*, which is whole. What small print it ends with stays in sight."""
        if not self._take(text):
            return Laid([*self._before, *cut(self._rest)])
        notes = _SMALL_PRINT.search(self._rest)
        small_print = notes[0] if notes and len(notes[0]) < LIMIT // 2 else ""
        last, rest = self._last(small_print)
        file = rest.removesuffix(small_print)
        return Laid([*self._before, last + GOES_ON.format(len(file)) + small_print], file)

    def _last(self, small_print: str) -> tuple[str, str]:
        """The last chunk, with room for a note and *small_print*, and what goes on behind it."""
        divisions = divided(self._rest, LIMIT - _LONGEST_NOTE - len(small_print))
        assert divisions is not None, "what is too long for a message is too long for less"
        return divisions
