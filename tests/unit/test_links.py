"""Masked links: whatever a model writes, Discord shows no link whose address the reader does not see. Code stays as it is."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.chunks import SMALLEST_LIMIT, WRITING_MARK, cut, preview
from bot.links import unmasked


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("[click here](https://evil.example)", "[click here] (https://evil.example)"),
        ("[https://good.example](https://evil.example)", "[https://good.example] (https://evil.example)"),
        ("[a](<https://evil.example>)", "[a] (<https://evil.example>)"),
        ('[a](https://evil.example "https://good.example")', '[a] (https://evil.example "https://good.example")'),
        ("[a [nested] b](https://evil.example)", "[a [nested] b] (https://evil.example)"),
        ("[**bold** `code`](https://evil.example)", "[**bold** `code`] (https://evil.example)"),
        ("[a](\nhttps://evil.example)", "[a] (\nhttps://evil.example)"),
        (r"[a\](https://evil.example)", r"[a\] (https://evil.example)"),
        (r"[a](https\://evil.example)", r"[a] (https\://evil.example)"),
        ("![a picture](https://evil.example/x.png)", "![a picture] (https://evil.example/x.png)"),
        ("[a](https://one.example)[b](https://two.example)", "[a] (https://one.example)[b] (https://two.example)"),
        ("[a](discord://-/settings)", "[a] (discord://-/settings)"),
        # Inline code may be torn open by what stands before it; a space in it does no harm.
        ("[a `](https://evil.example) `", "[a `] (https://evil.example) `"),
        # None of these is a block of code to Discord, or not until there.
        ("> ```\n[a](https://evil.example)\n> ```", "> ```\n[a] (https://evil.example)\n> ```"),
        ("# ```\n[a](https://evil.example)\n```", "# ```\n[a] (https://evil.example)\n```"),
        ("- ```\n[a](https://evil.example)\n```", "- ```\n[a] (https://evil.example)\n```"),
        ("x ``` y\n```\n[a](https://evil.example)\n```", "x ``` y\n```\n[a] (https://evil.example)\n```"),
        ("[x\n```\n](https://evil.example)\n```", "[x\n```\n] (https://evil.example)\n```"),
        ("```\n[a](https://evil.example)", "```\n[a] (https://evil.example)"),
        # A block without code is none: what seems to close it is its code.
        ("``````\n```[a](https://evil.example)\n```", "``````\n```[a] (https://evil.example)\n```"),
        ("```py\n```\n```\n[a](https://evil.example)\n```", "```py\n```\n```\n[a] (https://evil.example)\n```"),
        ("`\n```[`[a](https://evil.example)```", "`\n```[`[a] (https://evil.example)```"),
        ("[](\n```)[a](https://evil.example)\n```", "[](\n```)[a] (https://evil.example)\n```"),
        ("[b]\n```](http://[a](https://evil.example)\n```", "[b]\n```] (http://[a] (https://evil.example)\n```"),
        ("``x `\n```[``[a](https://evil.example)\n```", "``x `\n```[``[a] (https://evil.example)\n```"),
        ("http://x`y z`\n```\nx`[a](http://e)\n```", "http://x`y z`\n```\nx`[a] (http://e)\n```"),
        ('[](x ")\n```")[a](https://evil.example)\n```', '[](x ")\n```")[a] (https://evil.example)\n```'),
    ],
)
def test_a_masked_link_shows_its_address(written: str, shown: str) -> None:
    assert unmasked(written) == shown


@pytest.mark.parametrize(
    "written",
    [
        "see https://example.org and <https://example.org>",
        "call handlers[i](event) or [this](that)",
        "[1] and (2: two)",
        "[a][b]\n\n[b]: https://example.org",  # Discord knows no such links: all of it is shown
        "```py\nlinks[0](f(x=1), y={1: 2})\n```",
        "See `handlers` and ``more``:\n```py\nhandlers[0](x={1: 2})\n```",
        "Look:\n```md\n[a](https://example.org)\n```\nand\n```md\n[b](https://example.org)\n```",
    ],
)
def test_what_is_no_masked_link_stays_as_it_is(written: str) -> None:
    assert unmasked(written) == written


# Discord's own rules for a link and for code, as its clients' parser (simple-markdown, MIT) describes them, tried at each place
# from left to right. Whatever they take for a link must not be there.
_DISCORDS_CODE = re.compile(
    r"```(?:[a-z0-9_+\-.#]+\n)?\n*[^\n].*?\n*```|(`+)(?:.*?[^`])\1(?!`)", re.DOTALL | re.IGNORECASE
)
_DISCORDS_LINK = re.compile(
    r"""\[((?:\[[^\]]*\]|[^\[\]]|\](?=[^\[]*\]))*)\]\(\s*<?((?:\([^)]*\)|[^\s\\]|\\.)*?)>?(?:\s+['"](.*?)['"])?\s*\)""",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\[^0-9A-Za-z\s]")
_ADDRESS = re.compile(r"(?:https?|discord)\\?:", re.IGNORECASE)


def links_in(message: str) -> list[str]:
    """The addresses of the masked links that Discord shows in *message*, blocks of lists and quotes apart."""
    found, place = [], 0
    while place < len(message):
        for rule in (_ESCAPE, _DISCORDS_CODE, _DISCORDS_LINK):
            if matched := rule.match(message, place):
                if rule is _DISCORDS_LINK and _ADDRESS.match(matched[2]):
                    found.append(matched[2])
                place = matched.end()
                break
        else:
            place += 1
    return found


PIECES = st.sampled_from(
    [
        *(
            "[",
            "]",
            "(",
            ")",
            "](",
            "`",
            "``",
            "```",
            "\n",
            "\n```",
            "```py\n",
            " ",
            "x",
            "\\",
            "<",
            ">",
            "> ",
            '"',
            "**",
            ": ",
        ),
        *("https://evil.example", "http://", "[click](https://evil.example)", "[a[b]c](<https://evil.example>)"),
    ]
)
TEXTS = st.lists(PIECES, max_size=25).map("".join)


def test_the_rules_above_find_links() -> None:
    assert links_in("a [b](https://evil.example) `[c](https://d.example)`") == ["https://evil.example"]


@settings(max_examples=400)
@given(TEXTS)
@example("```\n[a](https://evil.example)```")
@example("[a](https://evil.example `) `")
def test_discord_sees_no_masked_link(text: str) -> None:
    assert links_in(unmasked(text)) == []
    assert unmasked(text).replace(" ", "") == text.replace(" ", "")
    assert unmasked(unmasked(text)) == unmasked(text)


@settings(max_examples=200)
@given(TEXTS, st.integers(0, SMALLEST_LIMIT + 20))
@example("[click](https://evil.example/" + "y" * 60 + ")", 70)
def test_neither_over_the_border_of_two_messages_nor_while_it_is_being_written(text: str, before: int) -> None:
    text = "x" * before + " " + text
    for message in cut(text, SMALLEST_LIMIT):
        assert links_in(message) == []
    for end in range(len(text) + 1):
        assert all(links_in(message) == [] for message in preview(text[:end], SMALLEST_LIMIT))


@pytest.mark.parametrize(
    "link", ["[click here](https://evil.example)", "[https://good.example](https://evil.example/a)"]
)
def test_what_is_shown_of_a_link_only_grows(link: str) -> None:
    text = f"See {link} for more."
    (whole,) = cut(text)
    last = ""
    for end in range(1, len(text) + 1):
        (shown,) = preview(text[:end])
        shown = shown.removesuffix(WRITING_MARK)
        assert shown.startswith(last), "it jumped back"
        assert whole.startswith(shown)
        last = shown
