"""Chunks: what a reader sees of a long reply, by examples, and what holds for every text, by property."""

# ruff: noqa: RUF001 - texts in other scripts are what is tested here

from __future__ import annotations

import re
from itertools import accumulate

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.chunks import ENOUGH_TO_SHOW, LIMIT, SMALLEST_LIMIT, WRITING_MARK, closed, cut, first_sentence_done, preview

unhurried = settings(deadline=None)  # a busy machine is no failure
SMALL = 120  # a limit at which texts that hypothesis likes to write have many chunks


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def visible(text: str) -> str:
    """*text* without what a cut may add or drop: fences with their language, quote marks, whitespace."""
    return re.sub(r"```(?:python\n)?|^> |\s", "", text, flags=re.MULTILINE)


def is_within(short: str, long: str) -> bool:
    """Whether all characters of *short* are in *long*, in their order."""
    rest = iter(long)
    return all(character in rest for character in short)


# Texts as models write them, and texts as nobody should.

WORDS = st.sampled_from(
    [
        *("the", "of", "remember", "lighthouse", "e.g.", "3.14", "Yes!", "No?", "done.", "ok…", "well-known", "über"),
        *("память", "記憶", "こんにちは。", "👍🏽", "👩‍💻", "<@123456789012345678>", "<:blob:123456789012345678>"),
        *("`x = 1`", "**bold**", "*soft*", "||hush||", "~~old~~"),
        *("https://example.org/a/b?c=d", "[here](https://example.org)"),
    ]
)
LONG_WORDS = st.sampled_from(
    ["x" * 150, "語" * 130, "👨‍👩‍👧" * 30, "https://example.org/" + "y" * 140, "<@1234567890>" * 15]
)
SENTENCES = st.lists(WORDS | LONG_WORDS.filter(lambda word: len(word) < 140), min_size=1, max_size=25).map(" ".join)
CODE = st.lists(
    st.sampled_from(["x = 1", "", "    return x", "if x > 1:", "z" * 140, "# 1. a list?"]), min_size=1, max_size=12
)
CODE_BLOCKS = CODE.map(lambda lines: "```python\nstart()\n" + "\n".join(lines) + "\n```")
QUOTED_CODE = CODE.map(lambda lines: "> ```python\n> start()\n" + "".join(f"> {line}\n" for line in lines) + "> ```")
LISTS = st.lists(SENTENCES, min_size=1, max_size=4).map(lambda items: "\n".join(f"- {item}" for item in items))
QUOTES = st.lists(SENTENCES, min_size=1, max_size=3).map(lambda lines: "\n".join(f"> {line}" for line in lines))
HEADINGS = SENTENCES.map(lambda text: f"## {text[:40]}")
REPLIES = st.lists(SENTENCES | LONG_WORDS | CODE_BLOCKS | QUOTED_CODE | LISTS | QUOTES | HEADINGS, max_size=6).map(
    "\n\n".join
)
NOISE = st.text(alphabet="`*_~|<>[]()\\@:/# \n.ab9é😀\u0301\u200d語", max_size=600)
TEXTS = REPLIES | NOISE | st.text(max_size=400)


@unhurried
@given(TEXTS)
@example("```" * 300)
@example("a" + "\u0301" * 500)
@example("> " * 300)
@example("```\n" + "`` " * 200)
def test_every_chunk_can_be_sent(text: str) -> None:
    for chunk in cut(text, SMALL):
        assert units(chunk) <= SMALL
        assert chunk.strip() == chunk != ""  # Discord strips what it is sent: so shown and recorded texts are equal


@unhurried
@given(TEXTS)
def test_no_visible_character_is_lost(text: str) -> None:
    ignored = re.compile(r"[\s`>]")
    assert is_within(ignored.sub("", text), ignored.sub("", "".join(cut(text, SMALL))))


@unhurried
@given(REPLIES)
def test_nothing_is_added_but_fences_and_quotes(text: str) -> None:
    assert "".join(map(visible, cut(text, SMALL))) == visible(text)


# What Discord takes for a code block: it has code, and its language stands on a line of its own.
DISCORDS_CODE_BLOCK = re.compile(r"```(?:[\w+.#-]+\n)?\n*(?P<code>[^\n].*?)\n*```", re.DOTALL)


@unhurried
@given(REPLIES, st.data())
def test_every_chunk_closes_its_code_as_discord_reads_it(text: str, data: st.DataObject) -> None:
    for chunk in cut(text, SMALL) + preview(text[: data.draw(st.integers(0, len(text)))], SMALL):
        unquoted = re.sub(r"^> ", "", chunk, flags=re.MULTILINE)
        assert "```" not in DISCORDS_CODE_BLOCK.sub("", unquoted)
        for block in DISCORDS_CODE_BLOCK.finditer(unquoted):
            assert block["code"].strip()
            assert "```" not in block["code"]


@unhurried
@given(TEXTS)
def test_a_chunk_is_one_chunk(text: str) -> None:
    assert all(cut(chunk, SMALL) == [chunk] for chunk in cut(text, SMALL))


@settings(unhurried, max_examples=300)
@given(TEXTS, st.data())
def test_a_growing_text_changes_its_last_chunk_only(text: str, data: st.DataObject) -> None:
    whole = cut(text, SMALL)
    for _ in range(5):
        final = cut(text[: data.draw(st.integers(0, len(text)))], SMALL)[:-1]
        assert final == whole[: len(final)]
        assert len(final) < max(1, len(whole))


@unhurried
@given(TEXTS)
def test_a_preview_is_the_chunks_with_a_mark_in_the_last(text: str) -> None:
    chunks, shown = cut(text, SMALL), preview(text, SMALL)
    assert shown[:-1] == chunks[:-1]
    for chunk in shown:
        assert units(chunk) <= SMALL
        assert cut(chunk, SMALL) == [chunk]
    if shown and units(chunks[-1]) < SMALL - 20:
        assert shown[-1].count(WRITING_MARK) == 1 + chunks[-1].count(WRITING_MARK)


@unhurried
@given(
    st.lists(
        st.sampled_from(["👨‍👩‍👧‍👦", "🇩🇪", "🇧🇷", "👍🏿", "e\u0301", "क्षि", "각", "😀", "x", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "1️⃣"]),
        min_size=80,
        max_size=200,
    )
)
def test_no_cut_is_inside_what_a_reader_sees_as_one_character(characters: list[str]) -> None:
    chunks = cut("".join(characters), SMALL)
    assert "".join(chunks) == "".join(characters)
    assert set(accumulate(map(len, chunks))) <= set(accumulate(map(len, characters)))


def sentence(letter: str, length: int) -> str:
    return (f"{letter * 7} " * length)[: length - 1].rstrip() + "."


def test_what_fits_is_one_chunk() -> None:
    assert cut("Hello!") == ["Hello!"]
    assert cut("x" * LIMIT) == ["x" * LIMIT]
    assert cut(f"{'x' * LIMIT}\n\n") == ["x" * LIMIT]


@pytest.mark.parametrize("blank", ["", " ", "\n\n\t ", "\u3000\u2003"])
def test_nothing_to_say_is_no_chunk(blank: str) -> None:
    assert cut(blank) == preview(blank) == []


def test_a_limit_that_has_no_room_for_code_blocks() -> None:
    with pytest.raises(ValueError, match="too short"):
        cut("Hello!", SMALLEST_LIMIT - 1)


def test_an_emoji_counts_as_its_utf16_units() -> None:
    assert [len(chunk) for chunk in cut("😀" * 1500)] == [1000, 500]


def test_a_paragraph_is_preferred_to_a_line_to_a_sentence_to_a_word() -> None:
    first, second, third = sentence("a", 1100), sentence("b", 500), sentence("c", 900)
    assert cut(f"{first}\n\n{second}\n{third}") == [first, f"{second}\n{third}"]
    assert cut(f"{first}\n{second} {third}") == [first, f"{second} {third}"]
    assert cut(f"{first} {second} {third}") == [f"{first} {second}", third]
    words = "word " * 500
    assert cut(words) == [("word " * 400).strip(), ("word " * 100).strip()]


def test_a_boundary_near_the_start_leaves_no_chunk_needlessly_short() -> None:
    chunks = cut(f"Sure!\n\n{sentence('a', 2300)}")
    assert len(chunks) == 2
    assert len(chunks[0]) > 1900


def test_sentences_end_where_they_end() -> None:
    start = sentence("a", 1900)
    assert cut(f"{start} It costs 3.14, e.g. at Dr. {'b' * 90} c.") == [
        start,
        f"It costs 3.14, e.g. at Dr. {'b' * 90} c.",
    ]
    chinese = "我们在海边看到了一座灯塔。" * 160
    chunks = cut(chinese)
    assert "".join(chunks) == chinese
    assert chunks[0].endswith("。")


def test_an_over_long_word_is_cut_where_it_must_be() -> None:
    assert cut("x" * 4500) == ["x" * 2000, "x" * 2000, "x" * 500]
    assert cut(f"Look: {'x' * 2500}") == ["Look:", "x" * 2000, "x" * 500]


@pytest.mark.parametrize(
    "whole",
    [
        "<@123456789012345678>",
        "<a:party_blob:123456789012345678>",
        "</memory show:123456789012345678>",
        "`git commit --amend --no-edit`",
        "https://example.org/events/2025/winter?ref=chat",
    ],
)
def test_mentions_links_and_inline_code_stay_in_one_piece(whole: str) -> None:
    for length in range(LIMIT - len(whole) - 1, LIMIT + 2):
        words = ("word " * 500)[:length].strip()
        chunks = cut(f"{words} {whole} and more words behind it, so that there are two messages in any case")
        assert any(whole in chunk for chunk in chunks)
        assert len(chunks) == 2


def test_a_run_of_custom_emoji_is_cut_between_two_of_them() -> None:
    emoji = "<:blob:123456789012345678>"
    assert all(len(chunk) % len(emoji) == 0 for chunk in cut(emoji * 200))


def test_a_heading_and_a_list_marker_stay_with_what_follows() -> None:
    start = sentence("a", 1960)
    assert cut(f"{start}\n## Plan\n\n{sentence('b', 300)}") == [start, f"## Plan\n\n{sentence('b', 300)}"]
    item = "b" * 60
    assert cut(f"{start}\n1. {item}") == [start, f"1. {item}"]


CODE_LINES = "\n".join(f"    total += {number:04}" for number in range(300))


def test_a_code_block_is_closed_and_opened_again_with_its_language() -> None:
    chunks = cut(f"Here you are:\n```py\ndef f():\n{CODE_LINES}\n```\nThat is all.")
    assert len(chunks) == 3
    assert all(len(chunk) > 1900 for chunk in chunks[:2])
    assert all(chunk.endswith("\n```") for chunk in chunks[:2])
    assert all(chunk.startswith("```py\n    total += ") for chunk in chunks[1:])  # indentation is kept
    assert chunks[2].endswith("    total += 0299\n```\nThat is all.")


def test_a_code_block_that_fits_into_one_message_is_not_cut() -> None:
    code = f"```\n{CODE_LINES[:900].rstrip()}\n```"
    assert cut(f"{sentence('a', 1300)}\n{code}") == [sentence("a", 1300), code]


def test_a_block_that_just_fits_with_its_fence_is_not_cut() -> None:
    code = f"```py\n{'x = 1; ' * 284}y\n```"[:1990] + "z" * 6 + "\n```"
    assert len(code) == LIMIT
    assert cut(code) == [code]
    assert cut(f"{code}\nBye") == [code, "Bye"]


def test_code_in_a_quote_is_closed_and_opened_in_the_quote() -> None:
    quoted = "\n".join(f"> total += {number:04}" for number in range(150))
    first, second = cut(f"> ```py\n{quoted}\n> ```")
    assert first.endswith("\n> ```")
    assert second.startswith("> ```py\n> total += ")


def test_code_in_a_list_ends_where_discord_ends_it() -> None:
    first, second = cut(f"- like this:\n  ```py\n{CODE_LINES[:2100]}\n  ```\n- and so on")
    assert first.endswith("\n```")
    assert second.startswith("```py\n    total")
    assert second.endswith("\n  ```\n- and so on")


def test_tildes_open_no_code_block_in_discord() -> None:
    assert cut(f"~~~\n{sentence('a', 1000)}\n\n{sentence('b', 1500)}")[0] == f"~~~\n{sentence('a', 1000)}"


def test_backticks_in_inline_code_or_escaped_open_no_code_block() -> None:
    for mention in ("` ``` `", "\\`\\`\\`", "`` ``` ``"):
        chunks = cut(f"Write {mention} to open one. {sentence('a', 1500)} {sentence('b', 1500)}")
        assert "".join(chunks).count("```") == mention.count("```")


def test_an_unfinished_code_block_is_closed() -> None:
    assert cut("```py\nx = 1") == ["```py\nx = 1\n```"]
    assert cut("```py\nx = 1\n`") == ["```py\nx = 1\n```"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Hello", "Hello▌"),
        ("Hello \n", "Hello▌"),
        ("so **impor", "so **impor▌**"),
        ("so **important*", "so **important▌**"),
        ("so **important**", "so **important▌**"),
        ("***both", "***both▌***"),
        ("||a *secret", "||a *secret▌*||"),
        ("run `git comm", "run `git comm▌`"),
        ("run `git commit`", "run `git commit▌`"),
        ("run `a < b <@1", "run `a < b <@1▌`"),
        ("2*3 and snake_case and 4 * 5", "2*3 and snake_case and 4 * 5▌"),
        ("* one\n* two", "* one\n* two▌"),
        ("**never closed\n\nnext", "**never closed\n\nnext▌"),
        ("ask <@1234", "ask▌"),
        ("ask <@1234>", "ask <@1234>▌"),
        ("use </memory sh", "use▌"),
        ("see https://exam", "see▌"),
        ("see https://example.org for", "see https://example.org for▌"),
        ("see [this", "see [this▌"),
        ("see [this](", "see [this]▌"),
        ("see [this](https://exam", "see [this]▌"),
        ("see [this](https://example.org)", "see [this]▌"),
        ("see [this](https://example.org) and", "see [this] (https://example.org) and▌"),
        ("run `a[0](x)`", "run `a[0](x)▌`"),
        ("```", "▌"),
        ("Look:\n```py", "Look:▌"),
        ("```py\nx = 1\n", "```py\nx = 1▌\n```"),
        ("```py\nx = 1\n``", "```py\nx = 1▌\n```"),
        ("```py\nx = 1\n```", "```py\nx = 1\n```\n▌"),
        ("```py\nx = 1\n```\n**", "```py\nx = 1\n```\n▌"),
        ("```py\nx = **1", "```py\nx = **1▌\n```"),
        ("> ```py\n> x = 1", "> ```py\n> x = 1▌\n> ```"),
    ],
)
def test_the_mark_never_breaks_markdown(text: str, shown: str) -> None:
    assert preview(text) == [shown]


def test_there_is_no_mark_where_there_is_no_room() -> None:
    assert preview("x" * LIMIT) == ["x" * LIMIT]
    assert preview("x" * (LIMIT - 1)) == ["x" * (LIMIT - 1) + WRITING_MARK]


@pytest.mark.parametrize(
    "text",
    [
        "Your name is Nemo. ",
        "Really? Y",
        "Yes!\n",
        "Well… maybe",
        'She said "no." And',
        "**Done.** Next",
        "你叫尼莫。",
        "本当に？",
        "# A heading\n",
        "- an item\n-",
        "```py\nx = 1\n",
        "It costs 3.14 in total. A",
        "word " * (ENOUGH_TO_SHOW // 5) + "w",
    ],
)
def test_a_first_sentence(text: str) -> None:
    assert first_sentence_done(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "Your name is",
        "Your name is Nemo.",  # "Nemo.js" may come
        "1. ",
        "1. First",
        "About 3.14",
        "Fruit, e.g. ",
        "Fruit, e.g. pears",
        "Ask Dr. Li",
        "```py\n",
        "```py\nx = 1",
    ],
)
def test_no_first_sentence_yet(text: str) -> None:
    assert not first_sentence_done(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("It is so.", "It is so."),
        ("It is **so", "It is **so**"),
        ("```py\nx = 1", "```py\nx = 1\n```"),
        ("```\nx\n```\nand *that", "```\nx\n```\nand *that*"),
    ],
)
def test_what_follows_a_beginning_is_read_as_it_stands(text: str, shown: str) -> None:
    assert closed(text) == shown
