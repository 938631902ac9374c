"""Markdown tables as Discord can show them, which renders none: as code blocks with aligned columns. Pure functions over text.

Where a text is cut is decided in ``chunks.py``; memory keeps the model's own table. A table is what GitHub's Markdown takes for
one, with its delimiter row on a line that has ended. Its columns are as wide as what is in them, and all together fit a phone:
cells that are longer go on in a further line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise, zip_longest
from typing import TypeAlias

from wcwidth import iter_graphemes, width, wrap

from bot.code_blocks import FENCE, QUOTE, code_blocks

#: What a phone of 390 points shows in a line of code: wider lines are broken there, and nothing stands in its column any more.
PHONE_COLUMNS = 40
#: But no column is made narrower than this: with many of them a table is wider than a phone, and read on a desktop.
NARROWEST_COLUMN = 8
_GAP = "  "
#: In characters: a longer cell, or one that is styled within styles more often, is shown as it is written.
_LONGEST_STYLED = 1000
_DEEPEST_STYLED = 4
#: How many characters of Markdown may stand for one that is shown, in a table's head.
_MARKDOWN_IN_A_HEAD = 8

_MARGIN = r"[ \t]*(?P<quote>>[ \t])?[ \t]*"
_DELIMITERS = re.compile(
    rf"^{_MARGIN}(?=[^\n]*\|)\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*\n", re.MULTILINE
)
_BEGUN_DELIMITERS = re.compile(r"[ \t]*>?[|:\- \t]*")
_LINE_START = re.compile(_MARGIN)
_PIPE = re.compile(r"(?<!\\)\|")
_BREAK = re.compile(r"<br[ \t]*/?>", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# What styles words is no use in code. What is code itself, or escaped, is left as it is.
_STYLED = re.compile(
    r"(?P<ticks>`+)(?P<code>[^`].*?)(?<!`)(?P=ticks)(?!`)"
    r"|\\(?P<escaped>[^\w\s])"
    r"|!?\[(?P<words>[^\[\]]+)\]\((?P<address>[^()\s]*)\)"
    r"|(?P<style>\*\*\*|\*\*|__|~~|\|\|)(?=\S)(?P<styled>.+?)(?<=\S)(?P=style)"
    r"|(?<!\w)(?P<mark>[*_])(?=\S)(?P<marked>.+?)(?<=\S)(?P=mark)(?!\w)"
)


#: What a cell says, line by line.
Lines: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Where a table stands in a text: its header from *start* on, its rows from *body* to *end*, each of *rows* a row's start.

    *quote* is what each line begins with in a quote. *end* is before the last line's end.
    """

    text: str = field(repr=False)
    start: int
    body: int
    end: int
    rows: tuple[int, ...]
    quote: str

    @property
    def head(self) -> str:
        """The header and the delimiter row."""
        return self.text[self.start : self.body]

    def resumed(self, position: int) -> str:
        """What stands before the rest of a row that is cut at *position*: the head, and the cells that are over."""
        row = max(start for start in self.rows if start < position)
        over = len(_PIPE.findall(_without_margin(self.text[row:position]).removeprefix("|")))
        return f"{self.head}{self.quote}|{' |' * over} "

    def drawn(self) -> str:
        """The table as a code block."""
        return "\n".join(line.rstrip() for line in self._lines())

    def room(self) -> int:
        """How long what is drawn may be, in UTF-16 code units: it grows with the table, which the length itself need not do.

        (Only a link or style that becomes whole makes its cell shorter.)
        """
        return sum(_room(line) + 1 for line in self._lines())

    def _lines(self) -> Lines:
        rows = [self.text[start:end] for start, end in pairwise([*self.rows, self.end])] if self.rows else []
        return _block(self.head, tuple(rows), self.quote)


def tables(text: str, longest_head: int) -> Iterator[Table]:
    """The tables of *text*, outside of its code. Whether a position is in one depends only on what is before it, and its line.

    One whose drawn head has more than *longest_head* characters is none: it could not be repeated in each message.
    """
    if "|" not in text:
        return
    over = 0
    code = [range(block.start, block.end) for block in code_blocks(text)]
    for delimiters in _DELIMITERS.finditer(text):
        start = text.rfind("\n", 0, max(0, delimiters.start() - 1)) + 1
        head = text[start : delimiters.start()]
        quote = QUOTE if delimiters["quote"] else ""
        if start < over or start == delimiters.start() or "|" not in head or _quote(head) != quote:
            continue
        if len(_cells(head)) != len(_cells(delimiters[0])) or _touches(code, start, delimiters.end()):
            continue
        has_edge = _without_margin(head).startswith("|")
        rows = tuple(_rows(text, delimiters.end(), quote, has_edge, code))
        over = _line_end(text, rows[-1] if rows else delimiters.start())
        table = Table(text, start, delimiters.end(), over, rows, quote)
        is_short = len(table.head) <= longest_head * _MARKDOWN_IN_A_HEAD
        if is_short and len(replace(table, rows=()).drawn()) <= longest_head:
            yield table


def undecided(text: str, last: Table | None) -> int:
    """From where on *text*, which grows, is not to be shown yet; its length if all is.

    That is a row that is being written, and a line that will be a table's header or is none, as the next one says. *last* is the
    text's last table; what is asked about stands in no code.
    """
    if last is not None and last.rows and last.end == len(text):
        row = text[last.rows[-1] :]
        is_whole = row.rstrip().endswith("|") and len(_cells(row)) >= len(_cells(last.head.partition("\n")[0]))
        return len(text) if is_whole else last.rows[-1]
    line = text.rfind("\n") + 1
    before = text.rfind("\n", 0, max(0, line - 1)) + 1
    if last is not None and before < last.end:
        before = line
    if before < line and _may_begin(text[before:line]) and _BEGUN_DELIMITERS.fullmatch(text, line):
        return before
    return line if _may_begin(text[line:]) else len(text)


def _may_begin(line: str) -> bool:
    line = _without_margin(line)
    return line.startswith("|") and not line.startswith("||")


def _rows(text: str, position: int, quote: str, has_edge: bool, code: Sequence[range]) -> Iterator[int]:
    while position < len(text):
        end = _line_end(text, position)
        words = _without_margin(text[position:end])
        if not words or _quote(text[position:end]) != quote or (has_edge and words[0] != "|"):
            return
        if _touches(code, position, end):
            return
        yield position
        position = end + 1


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _touches(code: Sequence[range], start: int, end: int) -> bool:
    return any(block.start < end and start < block.stop for block in code)


def _quote(line: str) -> str:
    margin = _LINE_START.match(line)
    return QUOTE if margin and margin["quote"] else ""


def _without_margin(line: str) -> str:
    return _LINE_START.sub("", line, count=1).rstrip()


def _cells(line: str, most: int | None = None) -> list[str]:
    """The cells of a row; what would be beyond the *most*, for which there is no header, belongs to the last."""
    cells = _PIPE.split(_without_margin(line).removeprefix("|"))
    if len(cells) > 1 and not cells[-1].strip():
        del cells[-1]
    return cells if most is None else [*cells[: most - 1], "|".join(cells[most - 1 :])]


def _alignment(delimiter: str) -> str:
    delimiter = delimiter.strip()
    if delimiter.endswith(":"):
        return "^" if delimiter.startswith(":") else ">"
    return "<"


@lru_cache(1024)
def _plain(cell: str) -> Lines:
    """The words of a cell, without what styles them, a line for each that it wants."""
    lines = _BREAK.split(cell)
    plain = (_CONTROL.sub("", " ".join(_unstyled(line).split())) for line in lines)
    return tuple(line.replace(FENCE, "'''") for line in plain)  # the fence would end the code block


def _unstyled(text: str, depth: int = 0) -> str:
    def words(found: re.Match[str]) -> str:
        if found["words"]:
            return f"{_unstyled(found['words'], depth + 1)} ({found['address']})"
        if found["code"] or found["escaped"]:
            return found["code"] or found["escaped"]
        return _unstyled(found["styled"] or found["marked"], depth + 1)

    return text if len(text) > _LONGEST_STYLED or depth > _DEEPEST_STYLED else _STYLED.sub(words, text)


@lru_cache(256)
def _block(head: str, rows: Lines, quote: str) -> Lines:
    """The lines of a code block for a table's head and *rows*."""
    header, delimiters = head.removesuffix("\n").split("\n")
    alignments = [_alignment(cell) for cell in _cells(delimiters)]
    cells = [[_plain(cell) for cell in _cells(line, len(alignments))] for line in (header, *rows)]
    return tuple(f"{quote}{line}" for line in [FENCE, *_aligned(cells, alignments), FENCE])


def _aligned(rows: Sequence[Sequence[Lines]], alignments: list[str]) -> Iterator[str]:
    """The lines of a table whose first row is its header."""
    rows = [[*row, *[("",)] * (len(alignments) - len(row))] for row in rows]
    natural = [max(width(line) for cell in column for line in cell) for column in zip(*rows, strict=True)]
    widths = _fitting(
        [max(each, 1) for each in natural], max(PHONE_COLUMNS, len(natural) * (NARROWEST_COLUMN + len(_GAP)))
    )
    was_long = False
    for number, row in enumerate(rows):
        cells = [_wrapped(lines, wide) for lines, wide in zip(row, widths, strict=True)]
        lines = list(zip_longest(*cells, fillvalue=""))
        # A row of several lines is set apart from its neighbors.
        if number > 1 and (was_long or len(lines) > 1):
            yield ""
        was_long = len(lines) > 1
        for line in lines:
            yield _GAP.join(map(_padded, line, widths, alignments))
        if number == 0:
            yield _GAP.join("-" * wide for wide in widths)


def _fitting(natural: list[int], most: int) -> list[int]:
    """The widths of columns that would like to be *natural* and may take *most* together: the widest give what is needed."""
    room = most - len(_GAP) * (len(natural) - 1)
    widths = dict.fromkeys(range(len(natural)), 0)
    for left, column in zip(range(len(natural), 0, -1), sorted(widths, key=natural.__getitem__), strict=True):
        widths[column] = min(natural[column], room // left)
        room -= widths[column]
    return list(widths.values())


@lru_cache(1024)
def _wrapped(lines: Lines, wide: int) -> Lines:
    return tuple(part for line in lines for part in ([line] if width(line) <= wide else wrap(line, wide)))


def _room(line: str) -> int:
    if line.isascii():
        return len(line)
    return sum(max(width(one), len(one.encode("utf-16-le")) // 2) for one in iter_graphemes(line))


def _padded(text: str, wide: int, alignment: str) -> str:
    room = max(0, wide - width(text))
    before = {"<": 0, ">": room, "^": room // 2}[alignment]
    return " " * before + text + " " * (room - before)
