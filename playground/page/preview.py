"""A message's text as one line of plain words, for the small line above an answer.

It reads Markdown as ``markdown.py`` does, so that no mark is left standing, and keeps hidden what a spoiler hides.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from markdown_it.token import Token

from playground.names import Names
from playground.page.markdown import read

_MOST_CHARACTERS = 160
_HIDDEN = "▇▇▇"
_TAG = re.compile(r"<[^>]*>")


def preview(content: str, names: Names) -> str:
    """The beginning of *content*, as far as it fits into a line."""
    words = "".join(_words(read(content, names)))
    return " ".join(words.split())[:_MOST_CHARACTERS]


def _words(tokens: Sequence[Token]) -> Iterator[str]:
    spoilers = 0
    for token in tokens:
        spoilers += token.nesting if token.type.startswith("spoiler") else 0
        if token.type == "spoiler_open" and spoilers == 1:
            yield _HIDDEN
        if not spoilers:
            yield from _words(token.children) if token.children else [_word(token)]


def _word(token: Token) -> str:
    """What is to be read of a token without others in it; blocks and lines end with a space."""
    if token.type == "html_inline":  # what stands for a mention or a time: see ``markdown_rules.py``
        return html.unescape(_TAG.sub("", token.content))
    return token.content or (" " if token.block or token.type.endswith("break") else "")
