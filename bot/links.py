"""How others' words are shown for what they are: links without a mask, whatever they are called, and text as it stands. Pure.

Discord shows ``[words](address)`` as the words alone, which is how a reply could be made to lead people astray. One space between
the two parts ends that, and everything stays readable. It is put in wherever Discord may see such a link: what it sees depends on
rules of its own, so only a code block that nothing before it can have torn open is taken for one.
"""

from __future__ import annotations

import re

#: Where a masked link's address begins: some scheme and its colon, before the parenthesis is closed.
_MASKED = re.compile(r"\](?=\([^)]*:)")

# What Markdown, mentions, emoji and links are made of. Discord shows any of these as it is after a backslash.
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")

_FENCE = "```"
# Elsewhere than at the margin a fence may belong to a list, a quote or a heading, which may end before the code does. A block has
# at least one character of code besides its language: without one the fence that seems to close it is code itself.
_BLOCK = re.compile(r"(^```(?:[\w+.#-]+\n)?\n*[^\n].*?```)", re.DOTALL | re.MULTILINE | re.ASCII)
# What is escaped, and inline code that begins after a space, where no address can have eaten its first backtick.
_INLINE_CODE = re.compile(r"\\[^0-9A-Za-z\s]|(?<!\S)(`{1,2})(?!`)[^`]+\1(?!`)")


def escaped(text: str) -> str:
    """Return *text* so that Discord shows it as it is: no Markdown, no mention, no link."""
    return _PUNCTUATION.sub(r"\\\1", text)


def unmasked(text: str) -> str:
    """Return *text*, one Discord message, with every masked link's address in sight, except in code blocks."""
    if "](" not in text:
        return text
    shown = prose = ""
    for number, part in enumerate(_BLOCK.split(text)):
        if number % 2 == 1 and _is_whole(prose):
            shown += part
            continue
        safe = _MASKED.sub("] ", part)
        shown += safe
        if number % 2 == 0:
            prose += safe
    return shown


def _is_whole(prose: str) -> bool:
    """Whether nothing in what stands before a code block can reach into it: a fence in the middle of a line, a link, a bracket.

    Brackets are not paired: to Discord a later one may belong to the first. Nor is followed up what ends a link that is no
    address, quoted titles and parentheses in it included: any may be open.
    """
    return _FENCE not in prose and "[" not in prose and "`" not in _INLINE_CODE.sub("", prose)
