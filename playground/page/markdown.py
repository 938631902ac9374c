"""A message's text as HTML: Discord's flavor of Markdown, rendered by markdown-it-py and highlighted by Pygments.

Whatever the text says, what comes out is inert: HTML in it is shown as text, links lead to http, https, mailto or xmpp,
and nothing carries a style or a script. ``markdown_rules.py`` holds what Discord does differently from CommonMark.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from mdit_py_plugins.gfm_autolink import gfm_autolink_plugin
from pygments import formatters, highlight, lexers, util  # type: ignore[import-untyped]  # its stubs are a package apart

from playground.names import Names
from playground.page.markdown_rules import discord_rules

#: Every Pygments class starts with this, so that a stylesheet can tell them from ours.
CODE_CLASS_PREFIX = "hl-"

#: The plugin for bare links takes the scheme off the text before it asks whether the link is valid, so every scheme
#: that it knows has to be valid or text would vanish. None of them runs anything.
_SAFE_LINK = re.compile(r"^(https?|mailto|xmpp):", re.IGNORECASE)

#: Deeper nesting than anyone writes; past it markdown-it-py drops text instead of showing it flat.
_MAX_NESTING = 100

_formatter = formatters.HtmlFormatter(nowrap=True, classprefix=CODE_CLASS_PREFIX)


def render(content: str, names: Names) -> str:
    """HTML for *content*, safe to insert into the page."""
    html: str = _markdown.render(content, {"names": names})
    return html.strip()


def read(content: str, names: Names) -> list[Token]:
    """What *content* is made of: blocks, each with its words beneath it."""
    return _markdown.parse(content, {"names": names})


def _highlight(code: str, language: str, _attributes: str) -> str:
    """Highlighted and escaped *code*; an empty string tells markdown-it-py to escape it plainly."""
    if not language:
        return ""
    try:
        lexer = lexers.get_lexer_by_name(language, stripnl=False)
    except util.ClassNotFound:
        return ""
    return str(highlight(code, lexer, _formatter))


def _link_open(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    tokens[index].attrSet("target", "_blank")
    tokens[index].attrSet("rel", "noopener noreferrer")
    return renderer.renderToken(tokens, index, options, env)


def _strong(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
    """Two underscores underline on Discord; two asterisks are bold as everywhere."""
    if tokens[index].markup == "__":
        tokens[index].tag = "u"
    return renderer.renderToken(tokens, index, options, env)


def _build() -> MarkdownIt:
    options: dict[str, Any] = {
        "html": False,
        "breaks": True,
        "xhtmlOut": False,
        "maxNesting": _MAX_NESTING,
        "highlight": _highlight,
    }
    markdown = MarkdownIt("commonmark", options)
    markdown.enable("strikethrough")
    markdown.disable(["code", "hr", "html_block", "html_inline", "image", "entity", "lheading", "reference"])
    markdown.use(gfm_autolink_plugin)
    markdown.disable(["gfm_autolink_www", "gfm_autolink_email"])
    markdown.use(discord_rules)
    markdown.validateLink = lambda url: _SAFE_LINK.match(url) is not None  # type: ignore[method-assign]  # documented hook
    markdown.add_render_rule("link_open", _link_open)
    markdown.add_render_rule("strong_open", _strong)
    markdown.add_render_rule("strong_close", _strong)
    return markdown


_markdown = _build()
