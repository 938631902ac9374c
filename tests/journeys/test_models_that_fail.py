"""A model that fails: one sentence that says what happened and what to do, nothing lost, and the bot goes on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from playground.model import LittleModel
from tests.journeys.conftest import World

FAULTS: dict[str, tuple[Callable[[LittleModel], None], str]] = {
    "401": (lambda model: model.levers.status(401), "key"),
    "500": (lambda model: model.levers.status(500, times=10), "try again"),
    "nothing": (lambda model: model.levers.empty(), "answered nothing"),
    "html": (lambda model: model.levers.html(times=10), "OPENAI_BASE_URL"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_is_one_sentence_and_the_next_message_is_answered(
    world: World, model: LittleModel, fault: str
) -> None:
    pull, word = FAULTS[fault]
    pull(model)
    answer = await world.ask("My name is Nemo.")
    assert answer.startswith("⚠️")
    assert word in answer
    assert len(world.replies()) == 1
    assert "http" not in answer

    model.levers.clear()
    assert "Nemo" in await world.ask("What is my name?")
    assert len(world.replies()) == 2


async def test_a_broken_stream_is_marked_and_not_kept_as_whole(world: World, model: LittleModel) -> None:
    model.levers.text("The first sentence is here. The second one will never be finished because the line breaks.")
    model.levers.break_stream(after=10)
    answer = await world.ask("Tell me two things")
    assert answer.startswith("The first")
    assert "broke off" in answer


@pytest.mark.parametrize("shape", ["openai", "vllm", "llama.cpp"])
async def test_an_overflow_trims_and_tries_once(world: World, model: LittleModel, shape: str) -> None:
    for number in range(8):
        await world.ask(f"Message number {number}.")
    model.levers.overflow(shape)  # type: ignore[arg-type]  # one of the little model's shapes
    before = len(model.requests)
    answer = await world.ask("My name is Nemo.")
    assert not answer.startswith("⚠️")
    refused, accepted = (len(request.body["messages"]) for request in model.requests[before:])
    assert accepted < refused


async def test_a_second_overflow_is_told(world: World, model: LittleModel) -> None:
    model.levers.overflow("openai", times=2)
    assert (await world.ask("Hello there.")).startswith("⚠️")
    assert not (await world.ask("Hello again.")).startswith("⚠️")
