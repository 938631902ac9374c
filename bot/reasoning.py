"""Tells a model's reasoning from its answer where both come as one text. Pure; what comes in a field of its own is not for here.

Models that reason begin their reply with ``<think>...</think>`` (some say ``<thinking>``), unless their server takes it out. Only
what stands before the first word of the answer counts: later, or in code, the tags are words like all others.
"""

from __future__ import annotations

_TAGS = ("<think>", "<thinking>")


class Reasoning:
    """Takes a reply piece by piece, however the pieces are cut."""

    def __init__(self) -> None:
        self._held = ""
        self._closing: str | None = None
        self._is_answer = False

    def split(self, piece: str) -> tuple[str, str]:
        """Return what is known now to be reasoning, and what to be the answer; what may be a tag waits for the next piece."""
        text, self._held = self._held + piece, ""
        thought = ""
        while not self._is_answer:
            if self._closing is None:
                text = text.lstrip()
                tag = next((tag for tag in _TAGS if text[: len(tag)].lower() == tag), None)
                if tag is not None:
                    self._closing, text = tag.replace("<", "</"), text[len(tag) :]
                elif any(tag.startswith(text.lower()) for tag in _TAGS):
                    self._held = text
                    return thought, ""
                else:
                    self._is_answer = True
            else:
                end = text.lower().find(self._closing)
                if end < 0:
                    known = max(0, len(text) - len(self._closing) + 1)
                    self._held = text[known:]
                    return thought + text[:known], ""
                thought, text, self._closing = thought + text[:end], text[end + len(self._closing) :], None
        return thought, text

    def rest(self) -> tuple[str, str]:
        """Return what still waits at the end of the reply, as :meth:`split` does."""
        held, self._held = self._held, ""
        return (held, "") if self._closing is not None else ("", held)
