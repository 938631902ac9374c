"""What Discord's Markdown has and CommonMark has not, as rules for markdown-it-py.

Quotes that end with their line, ``>>>`` to the end, ``-#`` subtext, three levels of headings, spoilers, mentions,
timestamps. ``markdown.py`` puts them to work. Source: Discord's help center, "Markdown Text 101", and Discord's
documentation, "Message Formatting".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.rules_block import StateBlock, heading
from markdown_it.rules_inline import StateInline

from playground.names import MENTION, Names, label

_DEEPEST_HEADING = 3
_SPOILER = "||"
_SUBTEXT = "-# "
_QUOTE = "> "
_QUOTE_REST = ">>> "

_Show = Callable[[re.Match[str], Names], str]


def discord_rules(markdown: MarkdownIt) -> None:
    """A plugin: teach *markdown* what Discord does differently. Rendering needs ``env["names"]``."""
    blocks, inline = markdown.block.ruler, markdown.inline.ruler
    blocks.at("heading", _heading, {"alt": ["paragraph"]})
    blocks.at("blockquote", _quote, {"alt": ["paragraph", "list"]})
    blocks.before("paragraph", "subtext", _subtext, {"alt": ["paragraph"]})
    blocks.before("paragraph", "outdent", _outdent, {"alt": ["paragraph"]})
    markdown.inline.add_terminator_char("|")
    inline.before("link", "spoiler", _spoiler)
    for name, pattern, show in _REFERENCES:
        inline.before("autolink", name, partial(_reference, pattern=pattern, show=show))


def _line(state: StateBlock, line: int) -> str:
    """*line* without its indent."""
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _heading(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    text = _line(state, start)
    level = len(text) - len(text.lstrip("#"))
    if level > _DEEPEST_HEADING or not text[level:].strip():
        return False
    return heading(state, start, end, silent)


def _subtext(state: StateBlock, start: int, _end: int, silent: bool) -> bool:
    text = _line(state, start)
    if not text.startswith(_SUBTEXT):
        return False
    if not silent:
        state.line = start + 1
        state.push("subtext_open", "small", 1).block = True
        inline = state.push("inline", "", 0)
        inline.content, inline.map, inline.children = text[len(_SUBTEXT) :].strip(), [start, state.line], []
        state.push("subtext_close", "small", -1).block = True
    return True


def _quote(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Only lines that carry the mark are quoted, and there are no quotes in quotes."""
    first = _line(state, start)
    takes_rest = first.startswith(_QUOTE_REST)
    if state.env.get("quoted") or not (takes_rest or first.startswith(_QUOTE)):
        return False
    if silent:
        return True
    if takes_rest:
        lines = [first.removeprefix(_QUOTE_REST)]
        lines += [state.src[state.bMarks[line] : state.eMarks[line]] for line in range(start + 1, end)]
    else:
        lines = []
        while start + len(lines) < end and (text := _line(state, start + len(lines))).startswith(_QUOTE):
            lines.append(text.removeprefix(_QUOTE))
    state.line = start + len(lines)
    state.push("blockquote_open", "blockquote", 1)
    state.md.block.parse("\n".join(lines), state.md, {**state.env, "quoted": True}, state.tokens)
    state.push("blockquote_close", "blockquote", -1)
    return True


def _outdent(state: StateBlock, start: int, _end: int, silent: bool) -> bool:
    """A line that is not indented ends the list item above it; in CommonMark it would continue its paragraph."""
    return silent and state.sCount[start] < state.blkIndent


def _spoiler(state: StateInline, silent: bool) -> bool:
    start, end = state.pos + len(_SPOILER), state.posMax
    if not state.src.startswith(_SPOILER, state.pos):
        return False
    close = state.src.find(_SPOILER, start + 1, end)
    if close < 0:
        return False
    if not silent:
        opening = state.push("spoiler_open", "span", 1)
        opening.attrs = {"class": "spoiler", "role": "button", "tabindex": "0", "aria-label": "Spoiler"}
        state.pos, state.posMax = start, close
        state.md.inline.tokenize(state)
        state.push("spoiler_close", "span", -1)
    state.pos, state.posMax = close + len(_SPOILER), end
    return True


def _reference(state: StateInline, silent: bool, *, pattern: re.Pattern[str], show: _Show) -> bool:
    match = pattern.match(state.src, state.pos, state.posMax)
    if match is None:
        return False
    if not silent:
        state.push("html_inline", "", 0).content = show(match, state.env["names"])
    state.pos = match.end()
    return True


def _chip(text: str) -> str:
    return f'<span class="mention">{escapeHtml(text)}</span>'


def _time(match: re.Match[str], _names: Names) -> str:
    """The browser knows the reader's clock and words the time; where the date is out of range, the text stays."""
    try:
        moment = datetime.fromtimestamp(int(match["seconds"]), UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return escapeHtml(match[0])
    return f'<time datetime="{moment}" data-style="{match["style"] or "f"}">{moment}</time>'


#: What stands for something else: the name of its rule, how it is written, and its HTML.
_REFERENCES: tuple[tuple[str, re.Pattern[str], _Show], ...] = (
    ("mention", MENTION, lambda match, names: _chip(label(match, names))),
    ("everyone", re.compile(r"@(?:everyone|here)\b"), lambda match, _: _chip(match[0])),
    ("command", re.compile(r"<(?P<path>/[-\w ]{1,100}):[0-9]{1,20}>"), lambda match, _: _chip(match["path"])),
    ("emoji", re.compile(r"<a?(?P<name>:\w{2,32}:)[0-9]{1,20}>"), lambda match, _: escapeHtml(match["name"])),
    ("timestamp", re.compile(r"<t:(?P<seconds>-?[0-9]{1,13})(?::(?P<style>[tTdDfFR]))?>"), _time),
)
