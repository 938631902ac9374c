"""Cuts a reply into Discord messages, whole (``cut``) or while it is being written (``preview``).

Pure functions over text: sending, editing and pacing are not here. Every chunk stands alone: a code block that is cut
is closed, and opened again in the next chunk with its language.

A chunk is decided by the shortest beginning of the text that does not fit into one message, and by nothing after it. So
a growing text changes its last chunk only, and what was sent before need not be edited again.

A masked link is shown with its address in sight (``links.py``): only a chunk by itself tells what Discord will take for one.

Markdown is read as Discord reads it. Three backticks open a code block wherever they stand, the next three close it;
``~~~`` and longer runs mean nothing. In a quote each line of a code block starts with ``> ``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from bot.links import unmasked

#: The length of a Discord message. Discord counts code points (github.com/discord/discord-api-docs/issues/1315), some
#: clients count UTF-16 code units. Units are never fewer, so counting them satisfies both.
LIMIT = 2000
#: Below this a chunk might hold little more than the opening of its code block.
SMALLEST_LIMIT = 100
WRITING_MARK = "▌"
#: As many characters are worth showing, even if the first sentence has not ended.
ENOUGH_TO_SHOW = 80

_FENCE = "```"
_QUOTE = "> "
#: The most that closing a code block adds, in UTF-16 code units.
_CLOSING = len("\n" + _QUOTE + _FENCE)

# What may hide three backticks outside of code: an escape, inline code, a backtick that nothing on its line answers.
_PLAIN = re.compile(r"\\[^\w\s]|```|(?P<ticks>`{1,2})(?!`).*?[^`](?P=ticks)(?!`)|`{1,2}.*")
# The language counts only on a line of its own with the fence. It may be incomplete at the end of the text.
_LANGUAGE = re.compile(r"([a-z0-9_+.#-]{0,32})(?:\n|\Z)", re.IGNORECASE)
_QUOTED = re.compile(r" *> ")
# What a line begins with: it is not left behind at the end of a chunk.
_MARKER = re.compile(r"[ \t]*(?:>[ \t]+)?(?:(?:[-*+]|\d{1,3}[.)]|#{1,3})[ \t]+)?")
# What should stay in one piece: inline code, links, mentions, custom emoji, finished or not; a heading and its text.
_WHOLE = re.compile(
    r"""
    (?P<ticks>`{1,2})[^`\n]+(?P=ticks) | `{1,2}[^`\n]{1,200}\Z
    | \[[^\[\]\n]{1,200}(?:\]\([^()\s]*\)? | \]?\Z)
    | <(?:[@#:/]|a:|t:|id:)[^<>\n]{0,100}(?:>|\Z)
    | https?://\S+
    | ^\#{1,3}\ [^\n]*\n+
    """,
    re.VERBOSE | re.MULTILINE,
)
_HALF_WRITTEN = re.compile(
    r"(?:</[^<>\n]{0,60}|<[^<>\s]{0,60}|\bh(?:tt?|ttps?:?/?)?|https?://\S*|(?<=\])\([^()\s]*\)?)\Z"
)
# What a code block without code may have, quoted or not.
_BLANK_CODE = "> \t\n"
_DELIMITERS = "`*_~| \t\n"
_STYLE = re.compile(r"\\[^\w\s]|`+[^`\n]+`+|`+[^`\n]*\Z|\*\*|\*|__|_|~~|\|\||\n\s*\n")

# Joiners, skin tones, and the tags of flags such as Scotland's; a flag is two of the regional indicators.
_JOINS_BEFORE = frozenset("\u200c\u200d") | {chr(code) for code in (*range(0x1F3FB, 0x1F400), *range(0xE0020, 0xE0080))}
_FLAGS = "".join(map(chr, range(0x1F1E6, 0x1F200)))
#: The combining class of the sign that joins two Indic consonants.
_VIRAMA = 9

_PARAGRAPH = re.compile(r"\n\s*\n")
_LINE = re.compile(r"\n")
# A space, or a place between two signs of a script without spaces (but no line starts with closing punctuation).
_WORD = re.compile(r"\s|(?<=[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef])(?=[\u3040-\u30ff\u3400-\u9fff])")
_SENTENCE = re.compile(r"[.!?…]+[\"'”’»)\]*_~|]*(?=\s)|[。！？]+[」』】）”’]*")  # noqa: RUF001 - they are meant
_ABBREVIATED = re.compile(
    r"(?:^|[\s(\"'*_])(?:(?:\w\.)*\w|\d{1,3}|mr|mrs|ms|dr|prof|st|vs|etc|fig|approx|bzw|ca)\Z", re.IGNORECASE
)


def cut(text: str, limit: int = LIMIT) -> list[str]:
    """*text* as messages of at most *limit* UTF-16 code units, none of them blank; [] if *text* is blank.

    They end at a paragraph, line, sentence or word, in this order, as long as that leaves none of them half empty. For
    every beginning of *text* all its chunks but the last are chunks of *text*. Raises ValueError for a *limit* below
    SMALLEST_LIMIT.
    """
    done, rest = _divide(text, limit)
    return [*done, _ready(rest)] if rest else done


def preview(text: str, limit: int = LIMIT) -> list[str]:
    """What to show while *text* is being written: the chunks of ``cut``, the last with the writing mark.

    Open Markdown is closed behind the mark. A delimiter, link or mention that is half written is left out until it is
    whole. There is no mark where there is no room for it.
    """
    done, rest = _divide(text, limit)
    return [*done, _marked(rest, limit)] if rest else done


def first_sentence_done(text: str) -> bool:
    """Whether the beginning of a reply is worth showing: a sentence, a line, or ENOUGH_TO_SHOW characters."""
    text = text.lstrip()
    if text.startswith(_FENCE):
        language = _LANGUAGE.match(text, len(_FENCE))
        text = text[language.end() if language else len(_FENCE) :].lstrip()
    return "\n" in text or len(text) >= ENOUGH_TO_SHOW or any(_sentence_ends(text))


def _divide(text: str, limit: int) -> tuple[list[str], str]:
    """The chunks that are final, and the rest, which fits into one message."""
    if limit < SMALLEST_LIMIT:
        raise ValueError(f"a chunk of {limit} is too short, {SMALLEST_LIMIT} is the least")
    done = []
    rest = text.strip()
    while (end := _overflow(rest, limit)) is not None:
        position = _position(rest[:end])
        chunk = rest[:position].rstrip()
        done.append(_ready(chunk))
        rest = _resumed(rest, position, _open_block(chunk))
    return done, rest


def _overflow(text: str, limit: int) -> int | None:
    """The length of the shortest beginning that ends in a visible character and is too long for a message."""
    units = 0
    for end, character in enumerate(text, start=1):
        units += 2 if character > "\uffff" or text.startswith("](", end - 1) else 1
        if units + _CLOSING > limit and not character.isspace() and _units(_ready(text[:end])) > limit:
            return end
    return None


def _ready(text: str) -> str:
    """*text* as one message: its code closed, its links unmasked (which adds one character to each)."""
    return unmasked(_closed(text))


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


# Code blocks


@dataclass(frozen=True, slots=True)
class _Block:
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
        return f"{self.quote}{_FENCE}{self.language}\n"

    @property
    def closing(self) -> str:
        return f"\n{self.quote}{_FENCE}"


def _blocks(text: str) -> list[_Block]:
    """The code blocks of *text*. Whether a position is in one depends only on what is before it."""
    blocks = []
    position = 0
    while token := _PLAIN.search(text, position):
        position = token.end()
        if token[0] != _FENCE:
            continue
        language = _LANGUAGE.match(text, position)
        code = language.end() if language else position
        close = text.find(_FENCE, code)
        position = len(text) + 1 if close < 0 else close + len(_FENCE)
        quote = _QUOTE if _QUOTED.match(_line_before(text, token.start())) else ""
        blocks.append(_Block(token.start(), code, position, language[1] if language else "", quote))
    return blocks


def _line_before(text: str, position: int) -> str:
    return text[text.rfind("\n", 0, position) + 1 : position]


def _open_block(text: str) -> _Block | None:
    blocks = _blocks(text)
    return blocks[-1] if blocks and blocks[-1].end > len(text) else None


def _closed(text: str) -> str:
    block = _open_block(text)
    if block is None:
        return text
    # What closes it may have been begun: the text grows, and the fence that comes must not count twice.
    code = text[block.code :]
    if begun := len(code) - len(code.rstrip("`")):
        return text + "`" * (len(_FENCE) - begun)
    return text + (block.closing.removeprefix("\n>") if text.endswith("\n>") else block.closing)


def _resumed(text: str, position: int, block: _Block | None) -> str:
    """*text* from *position* on, as a text of its own: in its code block and its quote, if it is in any."""
    behind = text[position:].lstrip()
    gap = text[position : len(text) - len(behind)]
    newline = gap.rfind("\n")
    if newline < 0:
        quoted = _QUOTED.match(_line_before(text, position))
        behind = _QUOTE + behind if quoted else behind
    elif block is not None:
        behind = gap[newline + 1 :] + behind
    return behind if block is None else block.opening + behind


# Where to cut


#: Positions, and the tests that one of them has to pass.
_Tier: TypeAlias = tuple[Sequence[int], list[Callable[[int], bool]]]


def _position(window: str) -> int:
    """Where to cut *window*, which is one visible character longer than what fits."""
    blocks = {inside: block for block in _blocks(window) for inside in range(block.start + 1, block.end)}
    torn = {inside for whole in _WHOLE.finditer(window) for inside in range(whole.start() + 1, whole.end())}

    def is_late(position: int) -> bool:
        return position >= len(window) // 2

    def is_prose(position: int) -> bool:
        return position not in blocks

    def is_clean(position: int) -> bool:
        return position not in torn

    def is_separable(position: int) -> bool:
        return _separable(window, position)

    words = [match.start() for match in _WORD.finditer(window)]
    kinds: list[Sequence[int]] = [
        [match.start() for match in _PARAGRAPH.finditer(window)],
        [match.start() for match in _LINE.finditer(window)],
        list(_sentence_ends(window)),
        words,
    ]
    anywhere = range(1, len(window))
    tiers: list[_Tier] = [(kind, [is_late, is_prose, is_clean]) for kind in kinds]
    tiers += [(kind, [is_late, is_clean]) for kind in kinds]
    tiers += [
        (words, [is_clean]),
        (anywhere, [is_clean, is_separable]),
        (words, []),
        (anywhere, [is_separable]),
        (anywhere, []),
    ]
    for positions, tests in tiers:
        for position in reversed(positions):
            if all(test(position) for test in tests) and _allowed(window, position, blocks.get(position)):
                return position
    return len(window) - 1


def _allowed(window: str, position: int, block: _Block | None) -> bool:
    """Whether neither chunk would have an empty code block, a torn run of backticks, or a list marker left behind."""
    line = window.rfind("\n", 0, position) + 1
    marker = _MARKER.match(window, line)
    if not 0 < position < len(window) or (marker and line < position <= marker.end()):
        return False
    if block is None:
        return window[position - 1 : position + 1] != "``"
    code, ahead = window[block.code : position], window[position:].lstrip(_BLANK_CODE)
    return code.strip(_BLANK_CODE) != "" and not code.endswith("`") and ahead[:1] not in ("", "`")


def _sentence_ends(text: str) -> Iterator[int]:
    for match in _SENTENCE.finditer(text):
        if not (match[0] == "." and _ABBREVIATED.search(text, max(0, match.start() - 12), match.start())):
            yield match.end()


def _separable(text: str, position: int) -> bool:
    """Whether *position* is between two characters as a reader sees them.

    The part of Unicode's rules (UAX #29) that matters in chat: accents, joined and toned emoji, flags, Indic conjuncts
    and Korean letters. The standard library has no more than categories, and a wrong cut costs a glyph, not the text.
    """
    before, after = text[position - 1], text[position]
    if unicodedata.category(after).startswith("M") or after in _JOINS_BEFORE or "\u1160" <= after <= "\u11ff":
        return False
    if before == "\u200d" or unicodedata.combining(before) == _VIRAMA:
        return False
    flags = position - len(text[:position].rstrip(_FLAGS)) if after in _FLAGS else 0
    return flags % 2 == 0


# The writing mark


def _marked(text: str, limit: int) -> str:
    block = _open_block(text)
    code = text[block.code :].rstrip("` \t\n") if block else ""
    if block and code:
        marked = text[: block.code] + code + WRITING_MARK + block.closing
    else:
        marked = _marked_prose(text[: block.start].rstrip() if block else text)
    marked = unmasked(marked)
    return marked if _units(marked) <= limit else _ready(text)


def _marked_prose(text: str) -> str:
    blocks = _blocks(text)
    code = text[: blocks[-1].end] if blocks else ""
    # One asterisk may become two, and the second of two closes or opens: what ends in a delimiter is shown without it.
    prose = text[len(code) :].rstrip(_DELIMITERS)
    if not _closers(prose).startswith("`"):
        prose = _HALF_WRITTEN.sub("", prose).rstrip(_DELIMITERS)
    if code and not prose:
        return f"{code}\n{WRITING_MARK}"
    return code + prose + WRITING_MARK + _closers(prose)


def _closers(prose: str) -> str:
    """What closes the styles that are open at the end of *prose*, the innermost first."""
    styles: list[str] = []
    for token in _STYLE.finditer(prose):
        style = token[0]
        before, after = prose[: token.start()][-1:], prose[token.end() :][:1]
        if style.startswith("\n"):
            styles.clear()
        elif style.startswith("`") and token.end() == len(prose) and not style.endswith("`"):
            styles.append(style[: len(style) - len(style.lstrip("`"))])
        elif style in styles and before.strip():
            del styles[styles.index(style) :]
        elif style[0] not in "\\`" and style not in styles and after.strip() and not before.isalnum():
            styles.append(style)
    return "".join(reversed(styles))
