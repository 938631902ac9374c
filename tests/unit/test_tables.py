"""Tables: what a reader sees of them, by examples, and what holds for every table and wherever a text is cut, by property."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wcwidth import iter_graphemes, width

from bot.chunks import LIMIT, WRITING_MARK, cut, first_sentence_done, preview
from bot.tables import PHONE_COLUMNS

SMALL = 320  # a limit at which a table of a few rows has several chunks

FISH = """\
| Fish | **Age** | Home |
|:-----|----:|:--:|
| Nemo | 3 | the `anemone` |
| Dory | 12 | \\| |"""


def drawn(*lines: str) -> str:
    return "\n".join(["```", *lines, "```"])


def test_a_table_is_an_aligned_code_block() -> None:
    assert cut(f"Look:\n\n{FISH}\n\nThat is all.") == [
        "Look:\n\n"
        + drawn("Fish  Age     Home", "----  ---  -----------", "Nemo    3  the anemone", "Dory   12       |")
        + "\n\nThat is all."
    ]


def test_without_pipes_at_its_edges_it_is_one_as_well() -> None:
    assert cut("a | b\n--|--\n1 | 2\n3 | 4\n\nEnd") == [drawn("a  b", "-  -", "1  2", "3  4") + "\n\nEnd"]


def test_in_a_quote_it_stays_there() -> None:
    assert cut("> | a | b |\n> |---|---|\n> | 1 | 2 |\nEnd") == ["> ```\n> a  b\n> -  -\n> 1  2\n> ```\nEnd"]


@pytest.mark.parametrize(
    "text",
    [
        f"```\n{FISH}\n```",
        "| a | b |\nno delimiters",
        "| a | b |\n|---|",
        "Title\n---\nText",
        "a || b\n||secret||",
        "| a |\n\n|---|\n| 1 |",
        "|---|---|\n| 1 | 2 |",
    ],
)
def test_what_is_no_table_is_left_alone(text: str) -> None:
    assert cut(text) == [text]


def test_cells_that_are_missing_or_too_many() -> None:
    assert cut("| a | b |\n|---|---|\n| 1 |\n| 1 | 2 | 3 |") == [drawn("a  b", "-  -----", "1", "1  2 | 3")]


def test_what_styles_words_is_left_out_and_words_are_not() -> None:
    table = "| a |\n|---|\n| **b** and __c__, *d* ~~e~~ `f*g*` |\n| [h](https://i.org) 2*3*4 j_k_l \\*m\\* |\n| ``` n |"
    assert " ".join(re.findall(r"\w+", cut(table)[0])) == "a b and c d e f g h https i org 2 3 4 j_k_l m n"


def test_a_line_break_in_a_cell_is_one() -> None:
    assert cut("| a | b |\n|---|---|\n| 1<br>2 | 3 |\n| 4 | 5 |") == [drawn("a  b", "-  -", "1  3", "2", "", "4  5")]


def test_other_line_breaks_are_none_in_a_table() -> None:
    assert cut("| a\u2028b | c |\n|---|---|\n| 1\x0b2 | 3\x1b[1m |") == [drawn("a b  c", "---  ----", "1 2  3[1m")]


def test_wide_characters_take_two_columns() -> None:
    [table] = cut("| a | b |\n|---|---|\n| 小丑鱼 | x |\n| 👩‍👩‍👧 | x |\n| e\u0301 | x |\n| 🇩🇪❤️ | x |")
    assert {width(line.partition("x")[0]) for line in table.splitlines() if line.endswith("x")} == {
        len("小丑鱼") * 2 + 2
    }


def test_a_table_that_is_too_wide_for_a_phone_goes_on_in_further_lines() -> None:
    long = "It swims against the East Australian Current every year"
    [table] = cut(f"| Fish | About |\n|---|---|\n| Nemo | {long} |\n| Dory | forgets |")
    assert max(map(width, table.splitlines())) <= PHONE_COLUMNS
    lines = table.splitlines()
    assert " ".join(line[6:].strip() for line in lines[3:5]) == long
    assert lines[5:7] == ["", "Dory  forgets"]


def test_many_columns_are_not_squeezed_to_nothing() -> None:
    row = "| " + " | ".join(["elephant"] * 8) + " |"
    [table] = cut(f"{row}\n{'|---' * 8}|\n{row}")
    assert table.splitlines()[1] == "  ".join(["elephant"] * 8)


def test_a_table_over_a_chunk_border_has_its_header_in_both() -> None:
    rows = [f"| fish-{number:03} | {'swims ' * 4}|" for number in range(120)]
    chunks = cut("\n".join(["Look:", "| Name | What |", "|---|---|", *rows, "", "That is all."]))
    assert len(chunks) > 2
    for chunk in chunks:
        assert re.search(r"^```\nName\s+What\n-+  -+\nfish", chunk, re.MULTILINE)
        assert chunk.count("```") == 2
        assert len(chunk) <= LIMIT
    assert re.findall(r"fish-\d+", "\n".join(chunks)) == [f"fish-{number:03}" for number in range(120)]


def test_a_table_that_fits_into_one_message_is_not_cut() -> None:
    prose = "The sea is wide. " * 76
    rows = "\n".join(f"| {number} | fish |" for number in range(80))
    first, second = cut(f"{prose}\n\n| a | b |\n|---|---|\n{rows}")
    assert first == prose.strip()
    assert second.count("fish") == 80


def test_a_row_that_no_message_holds_goes_on_in_its_cell() -> None:
    words = [f"word{number:04}" for number in range(800)]
    chunks = cut(f"| a | b |\n|---|---|\n| x | {' '.join(words)} |\n| y | end |")
    assert re.findall(r"word\d+", "\n".join(chunks)) == words
    assert all(re.search(r"^   +word", chunk, re.MULTILINE) for chunk in chunks)
    assert all(chunk.startswith("```\na  b\n") for chunk in chunks)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Look:\n| Fi", "Look:▌"),
        ("Look:\n| Fish | Age |", "Look:▌"),
        ("Look:\n| Fish | Age |\n|--", "Look:▌"),
        ("Look:\n| Fish | Age |\n|---|---|\n", "Look:▌"),
        ("| Fish | Age |\n|---|---|\n| Ne", drawn("Fish  Age", "----  ---") + "\n▌"),
        ("| Fish | Age |\n|---|---|\n| Nemo |", drawn("Fish  Age", "----  ---") + "\n▌"),
        ("| Fish | Age |\n|---|---|\n| Nemo | 3 |", drawn("Fish  Age", "----  ---", "Nemo  3") + "\n▌"),
        ("| Fish | Age |\n|---|---|\n| Nemo | 3 |\n|", drawn("Fish  Age", "----  ---", "Nemo  3") + "\n▌"),
        ("| Fish | Age |\n|---|---|\n| Nemo | 3 |\n\nSo", drawn("Fish  Age", "----  ---", "Nemo  3") + "\n\nSo▌"),
        ("| a | b |\n|---|---|\n| 1 | 2 |\n- one", drawn("a  b", "-  -", "1  2") + "\n- one▌"),
        ("| not a table\nbut words", "| not a table\nbut words▌"),
        ("||a secret", "||a secret▌||"),
        ("```\n| a | b |", "```\n| a | b |▌\n```"),
    ],
)
def test_a_table_is_shown_row_by_row_while_it_is_written(text: str, shown: str) -> None:
    assert preview(text) == [shown]


def test_a_reply_that_begins_with_a_table_is_shown_when_the_table_is() -> None:
    assert not first_sentence_done("| Fish | Age |\n|---")
    assert first_sentence_done("| Fish | Age |\n|---|---|\n| N")


# What holds for every table

NUMBERED = st.integers(0, 9).map(lambda digit: f"word{digit}")
WORDS = NUMBERED | st.sampled_from(["記憶", "👍🏽", "3.14", ""])
MARKED = st.sampled_from(["**bold**", "`x = 1`", "[here](https://example.org)", "a<br>b"])
PLAIN_CELLS = st.lists(WORDS, max_size=7).map(" ".join)
CELLS = st.lists(WORDS | MARKED, max_size=7).map(" ".join)
PROSE = st.lists(NUMBERED | st.sampled_from(["Yes.", "- an item\n", "`x`", "\n\n"]), max_size=30).map(" ".join)
CODE = st.just("```py\nx = 1\n| no | table |\n|---|---|\n```")


@st.composite
def markdown_tables(draw: st.DrawFn, too_many: int = 1, cells: st.SearchStrategy[str] = CELLS) -> str:
    columns = draw(st.integers(1, 4))
    delimiters = draw(st.lists(st.sampled_from(["---", ":--", "--:", ":-:"]), min_size=columns, max_size=columns))
    rows = draw(st.lists(st.lists(cells, min_size=columns, max_size=columns + too_many), max_size=8))
    head = [f"Head{number}" for number in range(columns)]
    mark = draw(st.sampled_from(["", "> "]))
    return "\n".join(f"{mark}| {' | '.join(row)} |" for row in [head, delimiters, *rows])


@st.composite
def replies(draw: st.DrawFn, cells: st.SearchStrategy[str] = CELLS) -> str:
    """Texts with tables in which each word is another, and so can be looked for."""
    text = "\n\n".join(draw(st.lists(markdown_tables(cells=cells) | PROSE | CODE, min_size=1, max_size=4)))
    words = iter(range(1000, 9999))
    return re.sub(r"word\d", lambda _: f"w{next(words)}", text)


@settings(max_examples=50)
@given(replies())
def test_each_word_is_kept_and_each_chunk_can_be_sent(text: str) -> None:
    chunks = cut(text, SMALL)
    assert sorted(re.findall(r"w\d{4}", text)) == sorted(re.findall(r"w\d{4}", "\n".join(chunks)))
    for chunk in chunks:
        assert len(chunk.encode("utf-16-le")) // 2 <= SMALL
        assert chunk.strip() == chunk != ""
        assert chunk.count("```") % 2 == 0
        assert cut(chunk, SMALL) == [chunk]


def aligned(lines: list[str]) -> bool:
    """Whether no cell of a drawn table reaches into the gap between two columns."""
    widths = [len(dashes) for dashes in next(line for line in lines if re.fullmatch(r"-+(  -+)*", line)).split()]
    gaps = {sum(widths[:count]) + 2 * count + offset for count in range(1, len(widths)) for offset in (-2, -1)}
    for line in lines:
        place = 0
        for character in iter_graphemes(line):
            taken = range(place, place := place + width(character))
            if character != " " and gaps & set(taken):
                return False
    return True


@settings(max_examples=50)
@given(markdown_tables().filter(lambda text: text.count("\n") > 1))
def test_each_chunk_of_a_table_is_aligned(text: str) -> None:
    for chunk in cut(text, SMALL):
        lines = chunk.replace("> ", "").split("\n")
        assert lines[0] == lines[-1] == "```"
        assert "Head0" in lines[1]
        assert aligned([line.rstrip() for line in lines[1:-1]])


@settings(max_examples=50)
@given(replies(PLAIN_CELLS), st.data())
def test_a_growing_text_changes_its_last_chunk_only(text: str, data: st.DataObject) -> None:
    whole = cut(text, SMALL)
    for _ in range(5):
        beginning = text[: data.draw(st.integers(0, len(text)))]
        final = cut(beginning, SMALL)[:-1]
        assert final == whole[: len(final)]
        shown = preview(beginning, SMALL)
        assert shown[:-1] == final
        for chunk in shown:
            assert len(chunk.encode("utf-16-le")) // 2 <= SMALL
            assert chunk.count("```") % 2 == 0


@settings(max_examples=50)
@given(markdown_tables(too_many=0), st.data())
def test_of_a_table_no_half_is_ever_shown(text: str, data: st.DataObject) -> None:
    for chunk in preview(text[: data.draw(st.integers(0, len(text)))], SMALL):
        plain = re.sub(r"^> ?", "", chunk, flags=re.MULTILINE)
        assert not re.search(r"^\|", plain, re.MULTILINE)
        assert re.fullmatch(rf"(```\n.+\n```\n)?{WRITING_MARK}|```\n.+\n```", plain, re.DOTALL)
