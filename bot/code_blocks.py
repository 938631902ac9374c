"""Where Discord sees code blocks in a text, finished or not. Pure; inline code is none.

Three backticks open a code block wherever they stand, the next three close it; ``~~~`` and longer runs mean nothing. In a quote
each line of a code block starts with ``> ``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

FENCE = "```"
QUOTE = "> "

# What may hide three backticks outside of code: an escape, inline code, a backtick that nothing on its line answers.
_PLAIN = re.compile(r"\\[^\w\s]|```|(?P<ticks>`{1,2})(?!`).*?[^`](?P=ticks)(?!`)|`{1,2}.*")
# The language counts only on a line of its own with the fence. It may be incomplete at the end of the text.
LANGUAGE = re.compile(r"([a-z0-9_+.#-]{0,32})(?:\n|\Z)", re.IGNORECASE)
QUOTED = re.compile(r" *> ")


@dataclass(frozen=True, slots=True)
class Block:
    """A code block. *start* is before its first backtick, *code* before its code, *end* behind its last backtick.

    If it is open, *end* is beyond the end of the text.
    """

    start: int
    code: int
    end: int
    language: str
    quote: str

    @property
    def opening(self) -> str:
        return f"{self.quote}{FENCE}{self.language}\n"

    @property
    def closing(self) -> str:
        return f"\n{self.quote}{FENCE}"


def code_blocks(text: str) -> list[Block]:
    """The code blocks of *text*. Whether a position is in one depends only on what is before it."""
    blocks = []
    position = 0
    while token := _PLAIN.search(text, position):
        position = token.end()
        if token[0] != FENCE:
            continue
        language = LANGUAGE.match(text, position)
        code = language.end() if language else position
        close = text.find(FENCE, code)
        position = len(text) + 1 if close < 0 else close + len(FENCE)
        quote = QUOTE if QUOTED.match(line_before(text, token.start())) else ""
        blocks.append(Block(token.start(), code, position, language[1] if language else "", quote))
    return blocks


def line_before(text: str, position: int) -> str:
    return text[text.rfind("\n", 0, position) + 1 : position]


def open_block(text: str) -> Block | None:
    blocks = code_blocks(text)
    return blocks[-1] if blocks and blocks[-1].end > len(text) else None


def fenced(text: str) -> str:
    block = open_block(text)
    if block is None:
        return text
    # What closes it may have been begun: the text grows, and the fence that comes must not count twice.
    code = text[block.code :]
    if begun := len(code) - len(code.rstrip("`")):
        return text + "`" * (len(FENCE) - begun)
    return text + (block.closing.removeprefix("\n>") if text.endswith("\n>") else block.closing)
