"""Where a reply that was cut goes on, and how both parts become one text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.seam import joined, kept

TEXTS = (
    "Once upon a time there was a fish. It swam on and on.\n\nAnd then, *suddenly*, it stopped.",
    "Look:\n\n```python\ndef swim(fish):\n    for wave in sea:\n        fish.cross(wave)\n    return fish\n```\n\nThat is all.",
    "- one\n  - two, indented\n- three\n\n> quoted\n> twice\n\n| a | b |\n| - | - |\n| 1 | 2 |",
    "从前有一条鱼。它游啊游, 没有人知道它去哪里。然后它停了下来。",
)


@pytest.mark.parametrize("text", TEXTS)
def test_wherever_a_text_is_cut_a_model_that_goes_on_where_it_was_told_to_makes_it_whole(text: str) -> None:
    for end in range(1, len(text)):
        start = kept(text[:end])
        assert text.startswith(start)
        assert joined(text[:end], text[len(start) :].lstrip()) == text


@given(st.text(), st.text())
def test_nothing_is_lost_but_the_last_word(beginning: str, more: str) -> None:
    start = kept(beginning)
    assert beginning.startswith(start)
    assert len(beginning[len(start) :].split()) <= 1
    if more.strip():
        assert joined(beginning, more).startswith(start)
    else:
        assert joined(beginning, more) == beginning


def test_a_word_is_written_again_and_what_has_no_words_is_not() -> None:
    assert kept("there was a fi") == kept("there was a fish.") == "there was a "
    assert kept("One") == ""
    assert kept(f"see https://example.invalid/{'x' * 40}") == "see "
    assert kept(f"see {'x' * 201}") == f"see {'x' * 201}"


def test_a_code_block_that_is_opened_again_is_not() -> None:
    beginning = "So:\n```python\nx = 1\ny = 2"
    assert joined(beginning, "```python\n2\n```") == "So:\n```python\nx = 1\ny = 2\n```"
    assert joined(beginning, "2\n```") == "So:\n```python\nx = 1\ny = 2\n```"
    assert joined("So: look", "```python\nx = 1\n```") == "So: ```python\nx = 1\n```"
    assert joined("```\nx = 1\ny", "```\nDone.") == "```\nx = 1\n```\nDone."
