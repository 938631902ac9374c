"""A message's text as HTML: Discord's flavor, and nothing in it that a browser would run."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.page.markdown import render
from playground.page.preview import preview


class Reef:
    """One person whose name is hostile, one channel, no role."""

    def user(self, user_id: int) -> str | None:
        return {1: 'Nemo<img src=x onerror="alert(1)">'}.get(user_id)

    def channel(self, channel_id: int) -> str | None:
        return {2: "general"}.get(channel_id)

    def role(self, role_id: int) -> str | None:
        return None


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("**bold** *italic* _italic_", "<p><strong>bold</strong> <em>italic</em> <em>italic</em></p>"),
        ("__underline__ ~~gone~~", "<p><u>underline</u> <s>gone</s></p>"),
        ("# one\n### three", "<h1>one</h1>\n<h3>three</h3>"),
        ("#### four", "<p>#### four</p>"),
        ("-# small", "<small>small</small>"),
        ("one\ntwo", "<p>one<br>\ntwo</p>"),
        ("- a\nafter", "<ul>\n<li>a</li>\n</ul>\n<p>after</p>"),
        ("> said\nanswered", "<blockquote>\n<p>said</p>\n</blockquote>\n<p>answered</p>"),
        (">no quote", "<p>&gt;no quote</p>"),
        (">>> all\n\nthis", "<blockquote>\n<p>all</p>\n<p>this</p>\n</blockquote>"),
        ("`a <b>`", "<p><code>a &lt;b&gt;</code></p>"),
        ("&amp; stays", "<p>&amp;amp; stays</p>"),
        ("---", "<p>---</p>"),
        ("<#2> <@9> <@&3>", '<p><span class="mention">#general</span> <span class="mention">@unknown-user</span> '
         '<span class="mention">@unknown-role</span></p>'),
        ("@everyone", '<p><span class="mention">@everyone</span></p>'),
        ("</memory show:12>", '<p><span class="mention">/memory show</span></p>'),
        ("<:wave:123>", "<p>:wave:</p>"),
        ("<t:0:R>", '<p><time datetime="1970-01-01T00:00:00+00:00" data-style="R">1970-01-01T00:00:00+00:00</time></p>'),
        ("<t:9999999999999>", "<p>&lt;t:9999999999999&gt;</p>"),
    ],
)  # fmt: skip
def test_discords_markdown(written: str, shown: str) -> None:
    assert render(written, Reef()) == shown


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("## Usage\n**12 tokens** today\n-# In _this_ server.", "Usage 12 tokens today In this server."),
        ("> said\n\n- one\n- `two`", "said one two"),
        ("[reef](https://a.example) https://b.example ~~no~~ 2 \\* 3 ** 4", "reef https://b.example no 2 * 3 ** 4"),
        ("```python\nfish = 1\n```\nafter", "fish = 1 after"),
        ("He ||**dies** in ||the end||", "He ▇▇▇the end||"),
        ("<#2>, <@1> & </memory show:12>", '#general, @Nemo<img src=x onerror="alert(1)"> & /memory show'),
        ("x" * 200, "x" * 160),
        ("-# ", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_above_an_answer_stand_plain_words(written: str, words: str) -> None:
    assert preview(written, Reef()) == words


@given(st.text("ab*_~`|>#-[]()<@1&\n ", max_size=60))
def test_any_text_has_a_preview_of_one_line(written: str) -> None:
    assert "\n" not in preview(written, Reef())


def test_a_spoiler_can_be_revealed_by_keyboard() -> None:
    html = render("||he **dies**||", Reef())

    assert 'role="button" tabindex="0"' in html
    assert "he <strong>dies</strong>" in html


@pytest.mark.parametrize(
    "written", ["[the reef](https://reef.example/a)", "https://reef.example/a", "<https://reef.example/a>"]
)
def test_links_open_elsewhere_and_tell_nothing(written: str) -> None:
    html = render(written, Reef())

    assert '<a href="https://reef.example/a" target="_blank" rel="noopener noreferrer">' in html


def test_code_is_highlighted_in_the_language_that_it_names() -> None:
    assert '<span class="hl-k">def</span>' in render("```py\ndef swim(): ...\n```", Reef())
    assert render("```nonsense\n<b>\n```", Reef()) == '<pre><code class="language-nonsense">&lt;b&gt;\n</code></pre>'


@pytest.mark.parametrize(
    "text", ["mail nemo@reef.example now", "mailto:nemo@reef.example", "xmpp:nemo@reef.example", "www.reef.example"]
)
def test_no_text_is_lost_to_the_search_for_links(text: str) -> None:
    assert re.sub(r"<[^>]*>", "", render(text, Reef())) == text


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[click](javascript:alert(1))",
        "[click](data:text/html,<script>alert(1)</script>)",
        '[click](https://a" onmouseover="alert(1))',
        '```"><script>alert(1)</script>\nx\n```',
        "```html\n<script>alert(1)</script>\n```",
        "||<script>alert(1)</script>||",
        "<@1>",
        "> <svg onload=alert(1)>",
        "![x](https://elsewhere.example/pixel.png)",
    ],
)
def test_nothing_in_a_message_runs(hostile: str) -> None:
    assert dangers(render(hostile, Reef())) == []


@given(st.text(st.sampled_from("<>\"'`*_~|[]()#@&:/\\\n -+!.1abjt=") | st.characters(), max_size=80))
def test_nothing_in_any_message_runs(text: str) -> None:
    assert dangers(render(text, Reef())) == []


class _Dangers(HTMLParser):
    """Finds what a message must never become."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "img", "svg", "iframe", "style", "object", "form", "input"}:
            self.found.append(tag)
        for name, value in attrs:
            is_unsafe_link = name == "href" and not re.match(r"(https?|mailto|xmpp):", value or "", re.IGNORECASE)
            if name.startswith("on") or name in {"style", "src", "id"} or is_unsafe_link:
                self.found.append(f"{tag} {name}={value}")


def dangers(html: str) -> list[str]:
    """Tags and attributes that a browser would act on."""
    parser = _Dangers()
    parser.feed(html)
    parser.close()
    return parser.found
