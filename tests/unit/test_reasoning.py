"""Reasoning: what of a reply is not for people, however its pieces are cut, and what is an answer that only talks about it."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import EmptyReply
from bot.model_events import Reply
from bot.ports import Thought
from bot.reasoning import Reasoning

#: What a model says, what of it is reasoning, and what is the answer.
SAID = {
    "<think>Who is Nemo?</think>A fish.": ("Who is Nemo?", "A fish."),
    "<think>\nWho?\n</think>\n\nA fish.": ("\nWho?\n", "A fish."),
    "\n <THINKING>Who?</Thinking>A fish.": ("Who?", "A fish."),
    "<think></think>A fish.": ("", "A fish."),
    "<think>One.</think> <think>Two.</think>A fish.": ("One.Two.", "A fish."),
    "<think>a </thin b </thinking> c</think>A fish.": ("a </thin b </thinking> c", "A fish."),
    "<think>Who is": ("Who is", ""),
    "<think>Who is</thi": ("Who is</thi", ""),
    "<thi": ("", "<thi"),
    "<thinker>": ("", "<thinker>"),
    "A fish. <think>No.</think>": ("", "A fish. <think>No.</think>"),
    "```\n<think>\n```": ("", "```\n<think>\n```"),
    "`<think>` begins it.": ("", "`<think>` begins it."),
    "</think> alone": ("", "</think> alone"),
    "<think>a</think>Then <think>b</think>": ("a", "Then <think>b</think>"),
    # Where the opening tag is a part of the prompt.
    "Who?\n</think>\n\nA fish.": ("Who?\n", "\nA fish."),
    "Who?\n</THINK> \nA fish.": ("Who?\n", "A fish."),
    "</think>\nA fish.": ("", "A fish."),
    "Who?\n</thinking>": ("Who?\n", ""),
    "A fish.\n</thi": ("", "A fish.\n</thi"),
    "<b>\n<i\n</think>": ("<b>\n<i\n", ""),
    "It ends with </think>\nalways.": ("", "It ends with </think>\nalways."),
    "A line\n</think> is it.": ("", "A line\n</think> is it."),
    "As code:\n```\n</think>\n```\nThat is it.": ("", "As code:\n```\n</think>\n```\nThat is it."),
    "<think>a</think>Then\n</think>\nb": ("a", "Then\n</think>\nb"),
    "a\n</think>\nb\n</think>\nc": ("a\n", "b\n</think>\nc"),
    "": ("", ""),
}


def split(pieces: list[str]) -> tuple[str, str]:
    reasoning = Reasoning()
    thought = answer = ""
    for part in [*map(reasoning.split, pieces), reasoning.rest()]:
        if part.takes_back:
            thought, answer = thought + answer, ""
        thought, answer = thought + part.thought, answer + part.answer
    return thought, answer


@pytest.mark.parametrize("text", SAID)
def test_what_is_reasoning(text: str) -> None:
    assert split([text]) == SAID[text]
    assert split(list(text)) == SAID[text]


@given(st.sampled_from(list(SAID)), st.data())
def test_it_does_not_matter_where_the_pieces_are_cut(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    assert split([text[start:end] for start, end in pairwise([0, *cuts, len(text)])]) == SAID[text]


def test_nothing_of_an_answer_waits() -> None:
    reasoning = Reasoning()
    assert [reasoning.split(piece).answer for piece in ("<th", "e fish", "<think>")] == ["", "<the fish", "<think>"]
    assert [reasoning.split(piece).answer for piece in ("\n", "</", "a>")] == ["\n", "", "</a>"]


def event(**said: object) -> str:
    return json.dumps({"choices": [{"delta": said}]})


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_in_a_field_of_its_own(name: str) -> None:
    reply = Reply("little-model")
    said = [*reply.take(event(**{name: "Who?", "content": None})), *reply.take(event(content="A fish.")), *reply.rest()]
    assert said == [Thought("Who?"), "A fish."]
    assert reply.length == len("A fish.")


def test_reasoning_that_comes_under_both_names_is_one() -> None:
    told = event(reasoning_content="Who?", reasoning="Who?", content="")
    assert list(Reply("little-model").take(told)) == [Thought("Who?")]


def test_reasoning_alone_is_no_reply_and_the_host_learns_why() -> None:
    reply = Reply("little-model")
    said = [*reply.take(event(content="<think>Who is</th")), *reply.rest()]
    assert "".join(piece.text for piece in said if isinstance(piece, Thought)) == "Who is</th"
    reply.finish_reason = "length"
    assert not reply.begun
    error = reply.nothing()
    assert isinstance(error, EmptyReply)
    assert "10 characters of reasoning" in error.detail


def test_what_seemed_to_be_the_answer_is_taken_back() -> None:
    reply = Reply("little-model")
    said = [
        piece for text in ("Who is", " Nemo?\n</th", "ink>\n", "\nA fish.") for piece in reply.take(event(content=text))
    ]
    assert said == ["Who is", " Nemo?\n", Thought("", takes_back=True), "A fish."]
    assert (reply.length, reply.reasoned) == (len("A fish."), len("Who is Nemo?\n"))


def test_reasoning_alone_that_is_taken_back_is_no_reply() -> None:
    reply = Reply("little-model")
    said = [*reply.take(event(content="Who is Nemo?\n</think>")), *reply.rest()]
    assert said == ["Who is Nemo?\n", Thought("", takes_back=True)]
    assert not reply.begun
