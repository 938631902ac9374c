"""`/channel` and `/server`: what holds where, where that comes from, changing it and giving it back, for those who may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import discord
import pytest
import simcord

from playground.model import LittleModel
from tests.journeys.conftest import MakeSettings, World, living
from tests.journeys.governing import choose, controls, fill, menu, system_of, thread_in
from tests.journeys.shown import text_of


@pytest.fixture
async def model() -> AsyncIterator[LittleModel]:
    """An endpoint with two models."""
    async with LittleModel(tokens_per_second=None, models=("little-model", "second-model")) as running:
        yield running


@pytest.fixture
def coral(world: World) -> simcord.MemberActor:
    """A member who manages the server."""
    admins = world.guild.create_role("Admins", permissions=discord.Permissions(manage_guild=True))
    return world.guild.add_member(world.env.create_user("Coral"), roles=[admins])


async def test_it_shows_everything_that_holds_and_where_it_comes_from(world: World) -> None:
    shown = await world.marlin.slash(world.channel, "channel")
    assert shown.ephemeral
    text = text_of(shown)
    for line in (
        "**On or off**: on · from the host",
        "**Reply mode**: mention · from the host",
        "**Persona**: custom · from the host",
        "You are Mnemo, a friendly and knowledgeable member",
        "**Model**: little-model · from the host",
        "**Memory policy**: hybrid · from the host",
        "**Budget**: 4,000 tokens · from the host",
        "**Window**: 40 messages · from the host",
        "**A channel's tokens a day**: no limit · from the host",
    ):
        assert line in text
    assert len(controls(shown)) == 8


async def test_who_does_not_manage_may_not(world: World) -> None:
    for command, needed in (("channel", "Manage Channels or Manage Server"), ("server", "Manage Server")):
        assert f"You need the permission {needed}" in text_of(await world.nemo.slash(world.channel, command))
    assert "You need the permission Manage Server" in text_of(await world.marlin.slash(world.channel, "server"))


async def test_a_permission_that_is_gone_counts_at_the_click(world: World) -> None:
    shown = await world.marlin.slash(world.channel, "channel")
    world.env.backend.remove_member_role(world.guild.id, world.marlin.id, world.guild.roles["Managers"].id)
    refused = await choose(world.marlin, shown, "reply_mode", "all")
    assert "You need the permission" in text_of(refused)
    await world.nemo.send(world.channel, "Nobody asked.")
    assert world.replies() == []


async def test_a_permission_that_is_gone_counts_for_a_form_that_is_open(world: World, model: LittleModel) -> None:
    shown = await world.marlin.slash(world.channel, "channel")
    assert shown.response is not None
    opened = await world.marlin.click(shown.response.message, label="Write it")
    world.env.backend.remove_member_role(world.guild.id, world.marlin.id, world.guild.roles["Managers"].id)
    refused = await world.marlin.submit_modal(opened, {"persona": "You obey Marlin."})
    assert "You need the permission" in text_of(refused)
    await world.ask("Hello!")
    assert system_of(model).startswith("You are Mnemo")


async def test_the_reply_mode_holds_at_once_and_the_panel_says_what_is_remembered(world: World) -> None:
    shown = await world.marlin.slash(world.channel, "channel")
    shown = await choose(world.marlin, shown, "reply_mode", "all")
    assert "✅ From now on: I remember every message of a person, and what I answer." in text_of(shown)
    assert "**Reply mode**: all · set here" in text_of(shown)
    await world.nemo.send(world.channel, "My name is Nemo.")
    assert len(world.replies()) == 1
    helped = text_of(await world.nemo.slash(world.channel, "help"))
    assert "Just write: I answer every message here." in helped
    other = world.guild.create_text_channel("other")
    await world.nemo.send(other, "My name is Nemo.")
    assert world.replies(other) == []
    shown = await choose(world.marlin, shown, "reply_mode", "inherit")
    assert "✅ Reply mode: inherited again, from the host." in text_of(shown)
    await world.nemo.send(world.channel, "And now?")
    assert len(world.replies()) == 1


async def test_a_persona_in_own_words_and_back(world: World, model: LittleModel) -> None:
    shown = await world.marlin.slash(world.channel, "channel")
    words = "You are a pirate. " + "Arr! " * 796
    shown = await fill(world.marlin, shown, "persona", {"persona": words[:4_000]})
    assert "**Persona**: custom · set here" in text_of(shown)
    await world.ask("Hello!")
    assert system_of(model).startswith("You are a pirate.")
    shown = await fill(world.marlin, shown, "persona", {"persona": "   "})
    assert "✅ Persona: nothing was written, so it is inherited again, from the host." in text_of(shown)
    await world.ask("Hello!")
    assert system_of(model).startswith("You are Mnemo")


async def test_a_named_persona(world: World, model: LittleModel) -> None:
    shown = await choose(world.marlin, await world.marlin.slash(world.channel, "channel"), "persona", "Tutor")
    assert "**Persona**: Tutor · set here" in text_of(shown)
    await world.ask("Hello!")
    assert system_of(model).startswith("You are a patient tutor.")


async def test_a_persona_that_leaves_no_room_is_handed_back(make_settings: MakeSettings, model: LittleModel) -> None:
    async with living(make_settings(memory_max_tokens=1_000)) as world:
        shown = await world.marlin.slash(world.channel, "channel")
        refused = await fill(world.marlin, shown, "persona", {"persona": "ñandú " * 666})
        assert "Nothing was changed: the persona would have" in text_of(refused)
        (file,) = [each for one in refused.followups for each in one.attachments]
        assert (await file.read()).decode() == "ñandú " * 666
        await world.ask("Hello!")
        assert system_of(model).startswith("You are Mnemo")


async def test_a_change_of_persona_leaves_the_rest_of_the_prompt_as_it_was(world: World, model: LittleModel) -> None:
    await world.ask("My name is Nemo.")
    await choose(world.marlin, await world.marlin.slash(world.channel, "channel"), "persona", "Concise")
    before = model.requests[-1].body["messages"]
    await world.ask("What is my name?")
    assert model.requests[-1].body["messages"][1 : len(before)] == before[1:]


async def test_a_model_of_the_endpoint(make_settings: MakeSettings, model: LittleModel) -> None:
    async with living(make_settings()) as world:
        offered = await world.marlin.autocomplete(world.channel, "channel", "model", "SECOND")
        assert [each["value"] for each in offered] == ["second-model"]
        assert await world.nemo.autocomplete(world.channel, "channel", "model", "") == []
        shown = await world.marlin.slash(world.channel, "channel", model="second-model")
        assert "**Model**: second-model · set here" in text_of(shown)
        await world.ask("Hello!")
        assert model.requests[-1].body["model"] == "second-model"
        refused = await world.marlin.slash(world.channel, "channel", model="third-model")
        assert text_of(refused) == "Nothing was changed: the model's endpoint has no model of this name."
        shown = await choose(world.marlin, shown, "model", "inherit")
        await world.ask("Hello!")
        assert model.requests[-1].body["model"] == "little-model"


async def test_a_model_that_the_host_does_not_allow(make_settings: MakeSettings, model: LittleModel) -> None:
    async with living(make_settings(allowed_models="third-model")) as world:
        refused = await world.marlin.slash(world.channel, "channel", model="second-model")
        assert text_of(refused) == "Nothing was changed: whoever hosts me does not allow this model here."
        shown = await world.marlin.slash(world.channel, "channel")
        assert [option["value"] for option in menu(shown, "model")["options"]] == ["inherit", "little-model"]


async def test_policy_and_budget_are_those_of_memory_policy(world: World) -> None:
    await world.marlin.slash(world.channel, "memory policy", policy="window", messages=6)
    shown = await world.marlin.slash(world.channel, "channel")
    assert "**Memory policy**: window · set here" in text_of(shown)
    assert "**Window**: 6 messages · set here" in text_of(shown)
    shown = await fill(world.marlin, shown, "budget", {"max_tokens": "2,000", "max_messages": ""})
    assert "**Budget**: 2,000 tokens · set here" in text_of(shown)
    assert "**Window**: 40 messages · from the host" in text_of(shown)
    told = text_of(await world.marlin.slash(world.channel, "memory policy"))
    assert "Set for this channel: policy `window`, 2,000 tokens." in told


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        ({"max_tokens": "many"}, "Nothing was changed: a budget is a whole number, or empty to inherit it."),
        ({"max_tokens": "4"}, "Nothing was changed: tokens may be from 500 to 128,000 here."),
        ({"max_messages": "1"}, "Nothing was changed: messages may be from 2 to 10,000 here."),
    ],
)
async def test_numbers_that_are_none(world: World, numbers: dict[str, str], sentence: str) -> None:
    shown = await world.marlin.slash(world.channel, "channel")
    assert sentence in text_of(await fill(world.marlin, shown, "budget", numbers))
    assert "**Budget**: 4,000 tokens · from the host" in text_of(await world.marlin.slash(world.channel, "channel"))


async def test_a_channel_that_is_off_remembers_and_answers_nothing_and_says_so_once(world: World) -> None:
    shown = await choose(world.marlin, await world.marlin.slash(world.channel, "channel"), "is_on", "off")
    assert "I remember nothing new and answer nobody." in text_of(shown)
    for _ in range(2):
        await world.ask("Are you there?")
    assert world.replies() == ["I am switched off in this channel."]
    assert "I remember nothing in this channel yet." in text_of(await world.nemo.slash(world.channel, "memory show"))
    assert "I am switched off in this channel." in text_of(await world.nemo.slash(world.channel, "help"))
    await choose(world.marlin, shown, "is_on", "inherit")
    await world.ask("Are you there?")
    assert len(world.replies()) == 2


async def test_a_servers_defaults_hold_where_a_channel_sets_nothing(
    world: World, model: LittleModel, coral: simcord.MemberActor
) -> None:
    other = world.guild.create_text_channel("other")
    await choose(world.marlin, await world.marlin.slash(other, "channel"), "persona", "Tutor")
    shown = await choose(coral, await coral.slash(world.channel, "server"), "persona", "Storyteller")
    assert "✅ Persona: Storyteller, from the next message on." in text_of(shown)
    assert "**Persona**: Storyteller · set for this server" in text_of(
        await world.marlin.slash(world.channel, "channel")
    )
    await world.ask("Hello!")
    assert system_of(model).startswith("You are the storyteller")
    await world.ask("Hello!", channel=other)
    assert system_of(model).startswith("You are a patient tutor.")
    told = text_of(await world.marlin.slash(world.channel, "memory policy"))
    assert "As the host set it." in told
    await choose(coral, shown, "policy", "window")
    told = text_of(await world.marlin.slash(world.channel, "memory policy"))
    assert told.startswith("## Memory policy\nHere holds: window")
    assert "Inherited; `/channel` tells where from." in told


async def test_a_thread_inherits_from_its_channel(world: World, model: LittleModel) -> None:
    await choose(world.marlin, await world.marlin.slash(world.channel, "channel"), "persona", "Tutor")
    await choose(world.marlin, await world.marlin.slash(world.channel, "channel"), "reply_mode", "all")
    thread = await thread_in(world, world.channel)
    text = text_of(await world.marlin.slash(thread, "channel"))
    assert f"What is not set here is as in <#{world.channel.id}>" in text
    assert f"**Persona**: Tutor · from <#{world.channel.id}>" in text
    await world.nemo.send(thread, "Hello!")
    assert system_of(model).startswith("You are a patient tutor.")
    await choose(world.marlin, await world.marlin.slash(thread, "channel"), "persona", "Concise")
    await world.nemo.send(thread, "Hello!")
    assert system_of(model).startswith("You answer in one to three sentences")
    await world.ask("Hello!")
    assert system_of(model).startswith("You are a patient tutor.")


async def test_a_direct_message_is_its_own(world: World, model: LittleModel) -> None:
    shown: Any = await world.nemo.user.slash("channel")
    assert "**Reply mode**" not in text_of(shown)
    await choose(world.nemo.user, shown, "persona", "Tutor")
    await world.nemo.send_dm("Hello!")
    assert system_of(model).startswith("You are a patient tutor.")
