"""What of a reply stands in messages, and what in the file that goes on: nothing twice, nothing lost, however it grows."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chunks import LIMIT, WRITING_MARK, cut, preview
from bot.layout import Laid, Layout

WORDS = [f"w{number:05}" for number in range(5000)]


def prose(length: int) -> str:
    """About so many characters, every word of them another."""
    return "\n\n".join(" ".join(WORDS[start : start + 60]) for start in range(0, length // 7, 60))


def code(lines: int) -> str:
    return "```py\n" + "\n".join(f"total += {WORDS[line]}" for line in range(lines)) + "\n```"


def table(rows: int) -> str:
    return "| Word | Fish |\n|---|---|\n" + "\n".join(f"| {WORDS[row]} | Nemo |" for row in range(rows))


def words_of(laid: Laid) -> list[str]:
    return re.findall(r"w\d{5}", "\n".join([*laid.chunks, laid.file or ""]))


def test_what_fits_needs_no_file() -> None:
    text = prose(8_000)
    assert Layout(5).final(text) == Laid(cut(text))
    assert Layout(5).growing(text) == Laid(preview(text))
    assert Layout(None).final(prose(20_000)) == Laid(cut(prose(20_000)))
    assert Layout(1).final("") == Laid([])


def test_what_does_not_fit_goes_on_in_a_file() -> None:
    for most in (1, 2, 5):
        laid = Layout(most).final(prose(20_000))
        assert len(laid.chunks) == most
        assert words_of(laid) == re.findall(r"w\d{5}", prose(20_000))
        assert all(len(chunk) <= LIMIT for chunk in laid.chunks)
        assert laid.file is not None
        assert laid.chunks[-1].endswith(
            f"\n-# The reply goes on in the attached file, for {len(laid.file):,} more characters."
        )


def test_a_code_block_and_a_table_go_on_in_the_file_as_markdown() -> None:
    laid = Layout(2).final(code(500))
    assert laid.file is not None
    assert laid.file.startswith("```py\ntotal += w")
    assert laid.file.endswith("\n```")
    assert laid.chunks[-1].count("```") == 2
    laid = Layout(2).final(table(500))
    assert laid.file is not None
    assert laid.file.startswith("| Word | Fish |\n|---|---|\n| w")
    assert words_of(laid) == WORDS[:500]


def test_small_print_at_the_end_stays_in_sight() -> None:
    note = "\n-# The model's connection broke off here. Ask me to go on.\n-# I could not read a.zip."
    laid = Layout(3).final(prose(20_000) + note)
    assert laid.chunks[-1].endswith(note)
    assert len(laid.chunks[-1]) <= LIMIT
    assert laid.file is not None
    assert "-#" not in laid.file


def test_while_it_grows_beyond_its_messages_it_tells_how_far_it_is() -> None:
    layout = Layout(2)
    shown = [layout.growing(prose(30_000)[:end]).chunks for end in range(0, 30_000, 500)]
    assert all(len(chunks) <= 2 for chunks in shown)
    assert all(len(chunk) <= LIMIT for chunks in shown for chunk in chunks)
    last = shown[-1][-1]
    assert last.endswith(f"-# 29,000 characters so far; the rest will come as a file. {WRITING_MARK}")
    assert len({chunks[-1] for chunks in shown[20:]}) == 20  # not each change of the text is an edit
    assert len({chunks[-1].partition("\n-# ")[0] for chunks in shown[20:]}) == 1


TEXTS = st.lists(
    st.integers(1, 3_000).map(prose) | st.integers(1, 80).map(code) | st.integers(1, 80).map(table), max_size=5
).map("\n\n".join)


@settings(max_examples=30)
@given(TEXTS, st.integers(1, 4), st.lists(st.integers(0, 12_000), max_size=5))
def test_it_does_not_matter_how_it_grew(text: str, most: int, ends: list[int]) -> None:
    layout = Layout(most)
    for end in sorted(ends):
        assert layout.growing(text[:end]) == Layout(most).growing(text[:end])
    assert layout.final(text) == Layout(most).final(text)
    assert sorted(words_of(layout.final(text))) == sorted(re.findall(r"w\d{5}", text))


def test_another_text_begins_anew() -> None:
    layout = Layout(2)
    layout.growing("⏳ The model does not answer.")
    assert layout.growing("Hello there. And") == Laid([f"Hello there. And{WRITING_MARK}"])
