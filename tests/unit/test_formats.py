"""Files of a memory: what is written can be read again, what is read is checked, and who breaks a line is told which."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.formats import NOBODY, BadLine, Format, Parsed, ReadableFormat, read, write
from storage.records import Message

CHANNEL = 7
NOW = 1_800_000_000.0

IDS = st.integers(1, 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)

SECONDS = st.floats(0, 253_402_300_799)

#: What a question says of what it is about: all three, in a copy not the id, and all other messages nothing.
ABOUT = st.none() | st.tuples(st.none() | IDS, IDS, SECONDS)


def about(message: Message, told: tuple[int | None, int, float] | None) -> Message:
    return message if told is None else replace(message, about_id=told[0], about_author=told[1], about_at=told[2])


SAID_BY_ANYBODY = st.builds(
    Message,
    position=st.integers(-(2**63) + 1, 2**63 - 1),
    role=st.sampled_from(["user", "assistant"]),
    author_id=IDS,
    author_name=TEXT,
    content=TEXT,
    tokens=st.integers(0, 10_000),
    created_at=SECONDS,
    turn_id=st.none() | IDS,
    discord_id=st.none() | IDS,
    pinned_at=st.none() | SECONDS,
)
MESSAGES = st.builds(about, SAID_BY_ANYBODY, ABOUT)

SAID = Message(1, "user", 42, "Nemo", "Hi there", 12, NOW, turn_id=3, discord_id=1001)
REPLY = Message(2, "assistant", 99, "Mnemo", "Hello, Nemo!", 8, NOW + 1, turn_id=3, discord_id=1002)


def parse(text: str, form: ReadableFormat = "auto") -> Parsed:
    return read(text, form, channel_id=CHANNEL, now=NOW)


@pytest.mark.parametrize("form", ["jsonl", "langchain"])
@pytest.mark.parametrize("read_as", ["auto", "same"])
@given(messages=st.lists(MESSAGES, min_size=1, max_size=5))
def test_what_is_written_is_read_again(form: Format, read_as: str, messages: list[Message]) -> None:
    text = write(messages, CHANNEL, form)
    assert parse(text, form if read_as == "same" else "auto") == Parsed(tuple(messages), 0)  # type: ignore[arg-type]


@given(text=st.text())
def test_no_file_breaks_the_reader(text: str) -> None:
    for form in ("auto", "jsonl", "langchain"):
        with contextlib.suppress(BadLine):
            parse(text, form)  # type: ignore[arg-type]  # all are readable formats


def test_jsonl_is_one_object_a_line_with_all_fields() -> None:
    first, second = write([SAID, REPLY], CHANNEL, "jsonl").splitlines()
    assert json.loads(first) == {
        "channel_id": CHANNEL,
        "position": 1,
        "role": "user",
        "author_id": 42,
        "author_name": "Nemo",
        "content": "Hi there",
        "tokens": 12,
        "created_at": NOW,
        "turn_id": 3,
        "discord_id": 1001,
        "about_id": None,
        "pinned_at": None,
        "about_author": None,
        "about_at": None,
    }
    assert json.loads(second)["content"] == "Hello, Nemo!"


def test_langchain_gets_its_own_shape() -> None:
    human, ai = json.loads(write([SAID, REPLY], CHANNEL, "langchain"))
    assert human["type"] == human["data"]["type"] == "human"
    assert human["data"]["content"] == "Hi there"
    assert human["data"]["name"] == "Nemo"
    assert human["data"]["id"] == "1001"
    assert ai["type"] == "ai"
    assert ai["data"]["tool_calls"] == ai["data"]["invalid_tool_calls"] == []
    assert ai["data"]["additional_kwargs"]["mnemo"]["created_at"] == NOW + 1


def test_a_transcript_quotes_what_people_wrote() -> None:
    text = write([replace(SAID, author_name="**Ne\nmo**", content="one\n# two")], CHANNEL, "markdown")
    assert "> one\n> # two\n" in text
    assert "2027-01-15 08:00 UTC" in text
    assert [line for line in text.splitlines() if line.startswith("#")] == ["# What Mnemo remembers of channel 7"]


# As LangChain's messages_to_dict writes it (langchain_core.messages), before 1.0 and since.
HUMAN = {
    "type": "human",
    "data": {"content": "My name is Xai.", "additional_kwargs": {}, "response_metadata": {}, "type": "human", "name": None,
             "id": None, "example": False},
}  # fmt: skip
AI = {
    "type": "ai",
    "data": {"content": [{"type": "text", "text": "Hello Xai!"}, {"type": "tool_call", "name": "wave"}, "Bye."],
             "additional_kwargs": {}, "response_metadata": {"logprobs": None}, "type": "ai", "name": None, "id": "run-92880019",
             "tool_calls": [], "invalid_tool_calls": [], "usage_metadata": None},
}  # fmt: skip
SYSTEM = {"type": "system", "data": {"content": "You are a pirate.", "type": "system"}}
CALL = {"type": "ai", "data": {"content": "", "tool_calls": [{"name": "wave", "args": {}, "id": "1"}]}}


@pytest.mark.parametrize("shape", ["list", "pretty list", "a line each"])
def test_langchains_own_messages_are_read(shape: str) -> None:
    items = [SYSTEM, HUMAN, AI, CALL]
    lines = "\n".join(json.dumps(item) for item in items)
    text = lines if shape == "a line each" else json.dumps(items, indent=2 if shape == "pretty list" else None)
    parsed = parse(text)
    assert parsed.skipped == 2
    human, ai = parsed.messages
    assert (human.role, human.author_id, human.author_name) == ("user", NOBODY, "Human")
    assert (human.content, human.created_at, human.discord_id) == ("My name is Xai.", NOW, None)
    assert (ai.role, ai.author_name, ai.content) == ("assistant", "AI", "Hello Xai!\nBye.")


def test_a_copy_in_another_channel_has_no_discord_id() -> None:
    for form in ("jsonl", "langchain"):
        text = write([SAID], CHANNEL, form)  # type: ignore[arg-type]  # both are formats
        (copy,) = read(text, "auto", channel_id=8, now=NOW).messages
        assert copy == replace(SAID, discord_id=None)


ASKED = Message(
    3,
    "user",
    42,
    "Nemo",
    "What is it?\n[about the message of 43 Marlin]\n  coral",
    12,
    NOW + 2,
    discord_id=1003,
    about_id=900,
)


@pytest.mark.parametrize("told", [{}, {"about_author": 43, "about_at": NOW - 9}])
def test_a_copy_of_a_question_is_about_no_message_of_its_channel(told: dict[str, float]) -> None:
    line = json.dumps(
        {
            "channel_id": CHANNEL,
            "role": "user",
            "author_name": "Nemo",
            "content": "Why?",
            "created_at": NOW,
            "about_id": 900,
        }
        | told
    )
    assert [read(line, "jsonl", channel_id=channel, now=NOW).messages[0].about_id for channel in (CHANNEL, 8)] == [
        900,
        None,
    ]


def test_a_copy_of_a_question_still_says_whom_it_quotes() -> None:
    asked = replace(ASKED, about_author=43, about_at=NOW - 9)
    (copy,) = read(write([asked], CHANNEL, "jsonl"), "auto", channel_id=8, now=NOW).messages
    assert copy == replace(asked, discord_id=None, about_id=None)


@pytest.mark.parametrize("channel", [CHANNEL, 8])
@pytest.mark.parametrize("told", [{}, {"about_author": 43}, {"about_at": NOW}])
def test_a_question_that_does_not_say_whom_it_quotes_loses_the_quote(channel: int, told: dict[str, float]) -> None:
    line = {key: value for key, value in json.loads(write([ASKED], CHANNEL, "jsonl")).items() if value is not None}
    parsed = read(json.dumps(line | told), "auto", channel_id=channel, now=NOW)
    (question,) = parsed.messages
    assert question.content == "What is it?"
    assert (question.about_author, question.about_at) == (NOBODY, ASKED.created_at)
    assert question.about_id == (900 if channel == CHANNEL else None), "a deletion on Discord still reaches it"
    assert (parsed.skipped, parsed.unquoted) == (0, 1)
    again = write(parsed.messages, channel, "jsonl")
    assert read(again, "auto", channel_id=channel, now=NOW) == Parsed(parsed.messages, 0)


def test_a_question_of_which_nothing_is_left_is_left_out() -> None:
    text = write([SAID, replace(ASKED, content="\ncoral")], CHANNEL, "jsonl")
    assert parse(text) == Parsed((SAID,), 1)


def test_a_name_that_looks_like_a_shape_decides_nothing() -> None:
    said = replace(SAID, author_name="data", content='{"type": "human", "data": {}}')
    assert parse(write([said], CHANNEL, "jsonl")).messages == (said,)


LINE = write([SAID], CHANNEL, "jsonl")


@pytest.mark.parametrize(
    ("text", "form", "complaint"),
    [
        (f"{LINE}\n{{broken\n", "auto", "line 3: Invalid JSON"),
        (f"{LINE}[1]\n", "jsonl", "line 2: Input should be an object"),
        (LINE.replace('"user"', '"system"'), "auto", "line 1: role: Input should be 'user' or 'assistant'"),
        (LINE.replace("42", "-1"), "auto", "line 1: author_id: "),
        (LINE.replace("42", "9" * 30), "auto", "line 1: author_id: "),
        (LINE.replace("1001", "0"), "auto", "line 1: discord_id: "),
        (LINE.replace(str(NOW), "NaN"), "auto", "line 1: created_at: "),
        (LINE.replace(str(NOW), "1e300"), "auto", "line 1: created_at: "),
        (LINE.replace('"Hi there"', "5"), "auto", "line 1: content: "),
        (LINE.replace('"Hi there"', '""'), "auto", "line 1: content: "),
        (LINE.replace("Hi there", r"\ud800"), "auto", "line 1: "),
        (LINE.replace(', "author_name": "Nemo"', ""), "auto", "line 1: author_name: Field required"),
        ("[" * 100_000, "auto", "line 1: it is not JSON"),
        ("[\n{},\n{]", "auto", "line 3: it is not JSON"),
        (json.dumps([HUMAN, {"type": "human"}]), "auto", "message 2 of the list: data: Field required"),
        (json.dumps([HUMAN, {"type": "human", "data": {"content": 5}}]), "auto", "message 2 of the list: data.content"),
        (json.dumps([{"type": "human", "data": {"content": "\ud800"}}]), "auto", "message 1 of the list: "),
        (f"{json.dumps(HUMAN)}\nnot JSON", "auto", "line 2: Invalid JSON"),
    ],
)
def test_a_broken_line_is_told_by_its_number(text: str, form: ReadableFormat, complaint: str) -> None:
    with pytest.raises(BadLine) as told:
        parse(text, form)
    assert str(told.value).startswith(complaint)
    assert "Hi there" not in str(told.value)
    assert "\n" not in str(told.value)
