"""Cuts a reply into Discord messages, whole (``cut``) or while it is being written (``preview``).

Pure functions over text: sending, editing and pacing are not here. Every chunk stands alone: a code block that is cut
is closed, and opened again in the next chunk with its language.

A chunk is decided by the shortest beginning of the text that does not fit into one message, and by nothing after it. So
a growing text changes its last chunk only, and what was sent before need not be edited again.

A table is shown as a code block with aligned columns (``tables.py``), in each message by itself and with its header.

A masked link is shown with its address in sight (``links.py``): only a chunk by itself tells what Discord will take for one.

Markdown is read as Discord reads it: ``code_blocks.py`` says where it sees code.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from bot.code_blocks import FENCE, LANGUAGE, QUOTE, QUOTED, Block, code_blocks, fenced, line_before, open_block
from bot.links import unmasked
from bot.tables import Table, tables, undecided

#: The length of a Discord message. Discord counts code points (github.com/discord/discord-api-docs/issues/1315), some
#: clients count UTF-16 code units. Units are never fewer, so counting them satisfies both.
LIMIT = 2000
#: Below this a chunk might hold little more than the opening of its code block.
SMALLEST_LIMIT = 100
WRITING_MARK = "▌"
#: As many characters are worth showing, even if the first sentence has not ended.
ENOUGH_TO_SHOW = 80

#: The most that closing a code block adds, in UTF-16 code units.
_CLOSING = len("\n" + QUOTE + FENCE)

#: So many messages' characters are looked at to cut one: tables and links may have more than is shown of them.
_LOOK_AHEAD = 4
#: A table's head is repeated in each message that has some of its rows; of one message it may take this part.
_HEADS_IN_A_MESSAGE = 3

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
_BLANK_ROW = "> |\t\n"
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
    return [*done, _ready(rest, limit)] if rest else done


def preview(text: str, limit: int = LIMIT) -> list[str]:
    """What to show while *text* is being written: the chunks of ``cut``, the last with the writing mark.

    Open Markdown is closed behind the mark. A delimiter, link or mention that is half written is left out until it is
    whole. There is no mark where there is no room for it.
    """
    done, rest = _divide(text, limit)
    return [*done, _marked(rest, limit)] if rest else done


def closed(text: str) -> str:
    """*text* with the code block and the styles that are open at its end closed: what follows is read as it stands."""
    block = open_block(text)
    if block is not None:
        return fenced(text)
    blocks = code_blocks(text)
    prose = text[blocks[-1].end if blocks else 0 :]
    return text + _closers(prose)


def ends_in_code(text: str) -> bool:
    """Whether a code block is open at the end of *text*."""
    return open_block(text) is not None


def first_sentence_done(text: str) -> bool:
    """Whether the beginning of a reply is worth showing: a sentence, a line, or ENOUGH_TO_SHOW characters."""
    text = text.lstrip()
    if text.startswith(FENCE):
        language = LANGUAGE.match(text, len(FENCE))
        text = text[language.end() if language else len(FENCE) :].lstrip()
    else:
        text = _decided(text, LIMIT)
    return "\n" in text or len(text) >= ENOUGH_TO_SHOW or any(_sentence_ends(text))


def divided(text: str, limit: int = LIMIT) -> tuple[str, str] | None:
    """The first chunk of *text* and, as a text of its own, what goes on behind it; None if one message holds all.

    *text* begins with a visible character. It raises ValueError as ``cut`` does.
    """
    if limit < SMALLEST_LIMIT:
        raise ValueError(f"a chunk of {limit} is too short, {SMALLEST_LIMIT} is the least")
    # What is far behind a chunk's end matters to nothing; to look at it each time would take long.
    near = text[: limit * _LOOK_AHEAD]
    end = _overflow(near, limit)
    if end is None:
        near = text
        end = _overflow(text, limit) if len(text) > limit * _LOOK_AHEAD else None
    if end is None:
        return None
    position = _position(text[:end], limit)
    chunk = text[:position].rstrip()
    rest = _resumed(text, position, open_block(chunk), _around(position, _tables(near, limit)))
    return _ready(chunk, limit), rest


def _divide(text: str, limit: int) -> tuple[list[str], str]:
    """The chunks that are final, and the rest, which fits into one message."""
    done = []
    rest = text.strip()
    while (first := divided(rest, limit)) is not None:
        chunk, rest = first
        done.append(chunk)
    return done, rest


def _overflow(text: str, limit: int) -> int | None:
    """The length of the shortest beginning that ends in a visible character and is too long for a message."""

    def is_too_long(end: int) -> bool:
        return _size(text[:end], limit) > limit

    units = end = 0
    bodies = {table.body: table for table in _tables(text, limit)}
    if not bodies and _units(text) + text.count("](") + _CLOSING <= limit:
        return None
    while end < len(text):
        if table := bodies.get(end):
            # A row that grows makes its table longer, never shorter: so there is no need to draw it for each of its characters.
            ends = [one + 1 for one in range(end, table.end) if not text[one].isspace()]
            for first in range(0, len(ends), limit):
                if is_too_long((some := ends[first : first + limit])[-1]):
                    return some[bisect_left(some, True, key=is_too_long)]
            end = max(end, table.end)
            units = _size(text[:end], limit)
            if ends:
                continue
        units += 2 if text[end] > "\uffff" or text.startswith("](", end) else 1
        end += 1
        if units + _CLOSING > limit and not text[end - 1].isspace() and is_too_long(end):
            return end
    return None


def _ready(text: str, limit: int, draw: Callable[[Table], str] = Table.drawn) -> str:
    """*text* as one message: tables drawn, its code closed, its links unmasked (which adds one character to each)."""
    return unmasked(fenced(_drawn(text, limit, draw)))


def _size(text: str, limit: int) -> int:
    """How long *text* may be as one message."""
    return _units(_ready(text, limit, lambda table: "-" * table.room()))


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


# What goes on in the next chunk


def _resumed(text: str, position: int, block: Block | None, table: Table | None) -> str:
    """*text* from *position* on, as a text of its own: in its code block, table and quote, if it is in any."""
    behind = text[position:].lstrip()
    gap = text[position : len(text) - len(behind)]
    newline = gap.rfind("\n")
    if table is not None:
        return table.resumed(position) + behind if newline < 0 else table.head + gap[newline + 1 :] + behind
    if newline < 0:
        quoted = QUOTED.match(line_before(text, position))
        behind = QUOTE + behind if quoted else behind
    elif block is not None:
        behind = gap[newline + 1 :] + behind
    return behind if block is None else block.opening + behind


# Tables


def _tables(text: str, limit: int) -> list[Table]:
    return list(tables(text, limit // _HEADS_IN_A_MESSAGE))


def _around(position: int, found: Sequence[Table]) -> Table | None:
    return next((table for table in found if table.start < position < table.end), None)


def _drawn(text: str, limit: int, draw: Callable[[Table], str] = Table.drawn) -> str:
    for table in reversed(_tables(text, limit)):
        text = text[: table.start] + draw(table) + text[table.end :]
    return text


def _decided(text: str, limit: int) -> str:
    """*text*, which grows, without the end of it that may become a table, or a row of one, and cannot be shown yet."""
    if open_block(text) is not None:
        return text
    found = _tables(text, limit)
    return text[: undecided(text, found[-1] if found else None)]


# Where to cut


#: Positions, and the tests that one of them has to pass.
_Tier: TypeAlias = tuple[Sequence[int], list[Callable[[int], bool]]]


def _position(window: str, limit: int) -> int:
    """Where to cut *window*, which is one visible character longer than what fits."""
    blocks = {inside: block for block in code_blocks(window) for inside in range(block.start + 1, block.end)}
    found = _tables(window, limit)
    tabled = {inside: table for table in found for inside in range(table.start + 1, table.end)}
    torn = {inside for whole in _WHOLE.finditer(window) for inside in range(whole.start() + 1, whole.end())}
    torn |= tabled.keys() - {row - 1 for table in found for row in table.rows}

    def is_late(position: int) -> bool:
        return position >= len(window) // 2

    def is_prose(position: int) -> bool:
        return position not in blocks and position not in tabled

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
            if not all(test(position) for test in tests):
                continue
            if _allowed(window, position, blocks.get(position)) and _parts(tabled.get(position), position):
                return position
    return len(window) - 1


def _allowed(window: str, position: int, block: Block | None) -> bool:
    """Whether neither chunk would have an empty code block, a torn run of backticks, or a list marker left behind."""
    line = window.rfind("\n", 0, position) + 1
    marker = _MARKER.match(window, line)
    if not 0 < position < len(window) or (marker and line < position <= marker.end()):
        return False
    if block is None:
        return window[position - 1 : position + 1] != "``"
    code, ahead = window[block.code : position], window[position:].lstrip(_BLANK_CODE)
    return code.strip(_BLANK_CODE) != "" and not code.endswith("`") and ahead[:1] not in ("", "`")


def _parts(table: Table | None, position: int) -> bool:
    """Whether both sides of *position* would have something of the table's rows, if it is in one."""
    if table is None:
        return True
    before = table.text[table.body : position]
    return before.strip(_BLANK_ROW) != "" and table.text[position : table.end].strip(_BLANK_ROW) != ""


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
    text = _drawn(_decided(text, limit), limit).rstrip()
    block = open_block(text)
    code = text[block.code :].rstrip("` \t\n") if block else ""
    if block and code:
        marked = text[: block.code] + code + WRITING_MARK + block.closing
    else:
        marked = _marked_prose(text[: block.start].rstrip() if block else text)
    marked = unmasked(marked)
    return marked if _units(marked) <= limit else _ready(text, limit)


def _marked_prose(text: str) -> str:
    blocks = code_blocks(text)
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
