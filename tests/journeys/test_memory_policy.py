"""`/memory policy`: what holds and where from, changing part of it, and values out of bounds."""

from __future__ import annotations

import pytest
import simcord

from bot.errors import OutOfBounds
from playground.model import LittleModel
from storage.records import Place
from tests.journeys.conftest import MakeSettings, World, living
from tests.journeys.shown import prompt_of, text_of


async def set_policy(world: World, **changes: object) -> str:
    result = await world.marlin.slash(world.channel, "memory policy", **changes)
    assert result.ephemeral
    return text_of(result)


async def test_without_arguments_it_tells_what_holds_and_where_from(world: World) -> None:
    text = await set_policy(world)
    assert text.startswith("## Memory policy\nHere holds: hybrid")
    assert "As the host set it." in text
    await set_policy(world, tokens=2_000)
    text = await set_policy(world)
    assert "up to 2,000 tokens" in text
    assert "Set for this channel: 2,000 tokens." in text


@pytest.mark.parametrize("policy", ["buffer", "window", "tokens", "summary", "hybrid"])
async def test_every_policy_can_be_chosen(world: World, policy: str) -> None:
    assert f"From the next turn on: {policy}" in await set_policy(world, policy=policy)
    await world.ask("My name is Nemo.")
    assert "Nemo" in await world.ask("What is my name?")
    shown = text_of(await world.nemo.slash(world.channel, "memory show"))
    assert f"**Policy** {policy}" in shown
    assert f"Set for this channel: policy `{policy}`." in shown


async def test_a_change_keeps_the_others_and_the_hosts_takes_all_back(world: World) -> None:
    await set_policy(world, policy="window", messages=6)
    text = await set_policy(world, tokens=1_500)
    assert "policy `window`, 1,500 tokens, 6 messages" in text
    text = await set_policy(world, policy="host")
    assert "From the next turn on: hybrid" in text
    assert "As the host set it." in text


async def test_it_holds_from_the_next_turn_on_and_nothing_is_lost(world: World, model: LittleModel) -> None:
    await world.ask("My fish is called Bubbles.")
    for number in range(4):
        await world.ask(f"Something else, number {number}.")
    await set_policy(world, policy="window", messages=4)
    await world.ask("What is my fish called?")
    assert len(model.requests[-1].body["messages"]) - 1 <= 4
    await set_policy(world, policy="buffer")
    assert "Bubbles" in await world.ask("What is my fish called?")


async def test_only_this_channel_changes(world: World) -> None:
    other = world.guild.create_text_channel("random")
    await set_policy(world, policy="buffer")
    assert "hybrid" in text_of(await world.marlin.slash(other, "memory policy"))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"tokens": 128_001}, "Nothing was changed: tokens may be from 500 to 128,000 here."),
        ({"policy": "window", "tokens": 1_000_000}, "Nothing was changed: tokens may be from 500 to 128,000 here."),
    ],
)
async def test_out_of_bounds_changes_nothing(world: World, changes: dict[str, object], sentence: str) -> None:
    assert await set_policy(world, **changes) == sentence
    assert "As the host set it." in await set_policy(world)


@pytest.mark.parametrize(
    "changes", [{"tokens": 499}, {"tokens": -1}, {"tokens": 1_000_001}, {"messages": 1}, {"messages": 10_001}]
)
async def test_what_no_host_allows_discord_does_not_take(world: World, changes: dict[str, object]) -> None:
    with pytest.raises(simcord.SetupError, match=r"must be [≥≤]"):
        await set_policy(world, **changes)
    everything = {"name": None, "messages": None, "tokens": None} | changes
    with pytest.raises(OutOfBounds):  # a client that is not Discord's sends it all the same
        await world.bot.services.memories.set_policy(Place(world.channel.id, world.guild.id), **everything)


async def offered(actor: simcord.MemberActor, world: World, typed: str = "", **filled: object) -> list[str]:
    """What is offered for the option `tokens`."""
    choices = await actor.autocomplete(world.channel, "memory policy", "tokens", typed, **filled)
    return [choice["name"] for choice in choices]


async def test_budgets_are_offered_as_the_host_and_the_policy_allow(make_settings: MakeSettings) -> None:
    async with living(make_settings(model_context_tokens=20_000, memory_max_tokens=4_000)) as world:
        everything = await offered(world.marlin, world)
        assert everything[0] == "500 tokens: the least here"
        assert everything[-1] == "20,000 tokens: the most here"
        assert {"4,000 tokens: as inherited", "8,000 tokens", "16,000 tokens"} <= set(everything)
        assert await offered(world.marlin, world, "1") == ["1,000 tokens", "16,000 tokens"]
        assert await offered(world.marlin, world, "four") == everything
        assert await offered(world.nemo, world) == []


async def test_budgets_are_offered_that_leave_room_beside_the_persona(make_settings: MakeSettings) -> None:
    async with living(make_settings(system_prompt="You are a fish. " * 200)) as world:
        least = (await offered(world.marlin, world, policy="hybrid"))[0]
        number = int(least.split(" ")[0].replace(",", ""))
        assert number > 600
        assert f"up to {number:,} tokens" in await set_policy(world, policy="hybrid", tokens=number)


async def test_a_budget_that_the_persona_fills_is_out_of_bounds(make_settings: MakeSettings) -> None:
    async with living(make_settings(system_prompt="You are a fish. " * 200)) as world:
        sentence = await set_policy(world, tokens=600)
        least = int(sentence.split("from ")[1].split(" to")[0].replace(",", ""))
        assert least > 600
        assert "Nothing was changed" in await set_policy(world, tokens=least - 1)
        assert f"up to {least:,} tokens" in await set_policy(world, tokens=least)
        await world.ask("My name is Nemo.")
        prompt = await prompt_of(await world.marlin.slash(world.channel, "memory prompt"))
        assert prompt["total"] <= prompt["budget"] == least


async def test_who_does_not_manage_may_not(world: World) -> None:
    refused = await world.nemo.slash(world.channel, "memory policy", policy="buffer")
    assert "You need the permission" in text_of(refused)
    assert "As the host set it." in await set_policy(world)
