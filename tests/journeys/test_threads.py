"""`/thread`: a thread that starts with what was said in its channel, as a summary; and who may open one."""

from __future__ import annotations

import json
import re

import discord
import pytest
import simcord

from bot.governance import OFF
from bot.panels import PANEL_LENGTH
from cogs.memory.show import ORIGIN, OUTDATED_SUMMARY
from cogs.threads import I_MAY_NOT, NOT_HERE, NOT_PAID_FOR, NOTHING_SAID, WITHOUT, WITHOUT_A_PART, YOU_MAY_NOT
from playground.model import LittleModel
from storage.records import Place
from tests.journeys.conftest import MakeSettings, World, living
from tests.journeys.governing import system_of
from tests.journeys.shown import files_of, panel_of, prompt_of, shown_last, text_of
from tests.journeys.test_memory_commands import reset
from tests.journeys.test_privacy import about, asked_of, says

SUMMARY = "Nemo's favorite is the kelp."


async def opened(
    world: World, model: LittleModel | None = None, *, name: str | None = None
) -> tuple[simcord.ChannelHandle, str]:
    """Let Nemo open a thread; returns it, and what only he was told."""
    if model is not None:
        model.levers.text(SUMMARY)
    before = {each.id for each in world.channel.threads}
    result = await world.nemo.slash(world.channel, "thread", **({"name": name} if name else {}))
    assert result.ephemeral
    new = [each for each in world.channel.threads if each.id not in before]
    assert len(new) == 1, text_of(result)
    return new[0], text_of(result)


async def refused(world: World, actor: simcord.MemberActor, channel: simcord.ChannelHandle) -> str:
    return text_of(await actor.slash(channel, "thread"))


def first_message(thread: simcord.ChannelHandle) -> str:
    return next(text for message in thread.history() if (text := panel_of(message)))


async def system_in(world: World, thread: simcord.ChannelHandle) -> str:
    """What the model would be told in the thread before anything that is said there."""
    shown = await prompt_of(await world.marlin.slash(thread, "memory prompt"))
    told: str = shown["messages"][0]["content"]
    return told


async def test_it_starts_with_what_was_said_as_a_summary(world: World, model: LittleModel) -> None:
    await says(world, world.nemo, "My favorite is the kelp.")
    thread, told = await opened(world, model, name="Kelp matters")
    assert thread.name == "Kelp matters"
    assert f"<#{thread.id}>" in told
    assert any("goes on from here" in said for said in world.replies())
    assert "**2 messages**" in first_message(thread)
    assert SUMMARY in await system_in(world, thread)
    model.levers.text("Kelp, I heard.")
    assert await world.ask("What do I like?", channel=thread) == "Kelp, I heard."
    assert SUMMARY in system_of(model)
    assert "My favorite is the kelp" not in json.dumps(model.requests[-1].body), "the words stay in the channel"


async def test_the_channel_keeps_its_words_and_the_thread_its_own(world: World, model: LittleModel) -> None:
    await says(world, world.nemo, "My favorite is the kelp.")
    before = await asked_of(world)
    thread, _ = await opened(world, model)
    assert await asked_of(world) == before, "opening a thread changes nothing of the channel's memory"
    await says(world, world.nemo, "My secret is the wreck.", thread)
    assert "wreck" not in await asked_of(world)


async def test_the_summary_is_booked_to_who_opens_the_thread(world: World, model: LittleModel) -> None:
    await says(world, world.marlin, "Mine is the coral.")
    calls = len(model.requests)
    await opened(world, model)
    assert len(model.requests) == calls + 1
    own, everybody = text_of(await world.nemo.slash(world.channel, "usage")).split("**Everybody in this server**")
    assert "0 replies · 1 summary" in own
    assert "1 reply · 1 summary" in everybody
    assert "summar" not in text_of(await world.marlin.slash(world.channel, "usage")).split("**Everybody")[0]
    told = await about(await world.nemo.slash(world.channel, "privacy me"))
    assert told["tokens_of_replies_to_you"] == []
    [day] = told["tokens_of_threads_of_yours"]  # type: ignore[misc]
    assert day["summaries"] == 1


async def test_summaries_that_are_there_are_copied_and_not_made_again(world: World, model: LittleModel) -> None:
    await says(world, world.nemo, "My favorite is the kelp.")
    model.levers.text("An old summary about kelp.")
    await world.marlin.slash(world.channel, "memory summarize")
    calls = len(model.requests)
    thread, _ = await opened(world)
    assert len(model.requests) == calls
    assert "An old summary about kelp." in await system_in(world, thread)


@pytest.mark.parametrize("policy", ["buffer", "window", "tokens", "summary", "hybrid"])
async def test_whatever_the_policy_the_model_sees_it(
    make_settings: MakeSettings, model: LittleModel, policy: str
) -> None:
    async with living(make_settings(memory_policy=policy)) as world:
        await says(world, world.nemo, "My favorite is the kelp.")
        thread, _ = await opened(world, model)
        assert SUMMARY in await system_in(world, thread)
        shown = text_of(await world.marlin.slash(thread, "memory show"))
        assert SUMMARY in shown
        assert "does not show" not in shown


async def test_persona_model_and_policy_are_the_channels(world: World, model: LittleModel) -> None:
    place = Place(world.channel.id, world.guild.id)
    await world.bot.services.governance.set_channel(place, persona="You are a pirate.", policy="tokens")
    await says(world, world.nemo, "My favorite is the kelp.")
    thread, _ = await opened(world, model)
    told = await system_in(world, thread)
    assert told.startswith("You are a pirate.")
    assert SUMMARY in told
    assert "tokens" in text_of(await world.marlin.slash(thread, "memory policy"))


@pytest.mark.parametrize("change", ["edit", "delete", "forget", "forget-me"])
async def test_what_voids_the_channels_summary_voids_the_copy(world: World, model: LittleModel, change: str) -> None:
    said = await world.nemo.send(world.channel, f"{world.mention} My favorite is the kelp.")
    thread, _ = await opened(world, model)
    await says(world, world.marlin, "Mine is the coral.", thread)
    match change:
        case "edit":
            await world.nemo.edit(said, content=f"{world.mention} I have no favorite.")
        case "delete":
            await world.nemo.delete(said)
        case "forget":
            await world.nemo.context_menu(world.channel, "Forget this", said)
        case _:
            await world.nemo.slash(world.channel, "privacy forget-me")
    now = await asked_of(world, thread)
    assert "kelp" not in now
    assert "coral" in now


async def test_a_digest_made_of_it_goes_too(make_settings: MakeSettings, model: LittleModel) -> None:
    async with living(make_settings()) as world:
        said = await world.nemo.send(world.channel, f"{world.mention} My favorite is the kelp.")
        model.levers.text("kelp " * 300)
        await world.nemo.slash(world.channel, "thread")
        [thread] = world.channel.threads
        await says(world, world.marlin, "Mine is the coral.", thread)
        model.levers.text("coral " * 250)
        model.levers.text("A digest of kelp and coral.")
        await world.marlin.slash(thread, "memory summarize")
        assert "A digest of kelp" in await system_in(world, thread)
        await world.nemo.delete(said)
        now = await system_in(world, thread)
        assert "kelp" not in now
        assert "coral" in now, "the thread's own leaf is shown again"


async def test_a_reset_of_the_channel_takes_it_along_once_it_is_past_its_grace(
    make_settings: MakeSettings, model: LittleModel
) -> None:
    async with living(make_settings(reset_grace_hours=0)) as world:
        await says(world, world.nemo, "My favorite is the kelp.")
        thread, _ = await opened(world, model)
        asked = await world.marlin.slash(world.channel, "memory reset")
        await world.marlin.click(shown_last(asked), label="Start afresh")
        assert "kelp" not in await asked_of(world, thread)


async def test_a_model_that_fails_opens_it_without(world: World, model: LittleModel) -> None:
    await says(world, world.nemo, "My favorite is the kelp.")
    for _ in range(10):
        model.levers.status(500)
    thread, _ = await opened(world)
    assert WITHOUT in first_message(thread)
    assert "kelp" not in await asked_of(world, thread)


async def test_who_has_used_up_a_budget_opens_none(make_settings: MakeSettings, model: LittleModel) -> None:
    async with living(make_settings(daily_tokens_per_user=100)) as world:
        await says(world, world.nemo, "My favorite is the kelp.")
        calls = len(model.requests)
        told = await refused(world, world.nemo, world.channel)
        assert told.startswith(NOT_PAID_FOR.format("You have used up the 100 tokens that a person may use in a day"))
        assert len(model.requests) == calls
        assert world.channel.threads == []
        assert not any("goes on from here" in said for said in world.replies())

        model.levers.text(SUMMARY)
        assert "## 🧵 Opened" in text_of(await world.marlin.slash(world.channel, "thread")), "that is paid by Marlin"
        assert len(model.requests) == calls + 1
        assert "You have used up" in await refused(world, world.marlin, world.channel)
        assert len(model.requests) == calls + 1


async def test_who_has_used_up_a_budget_opens_one_where_all_is_summarized(
    make_settings: MakeSettings, model: LittleModel
) -> None:
    async with living(make_settings(daily_tokens_per_user=100)) as world:
        await says(world, world.nemo, "My favorite is the kelp.")
        model.levers.text(SUMMARY)
        await world.marlin.slash(world.channel, "memory summarize")
        thread, _ = await opened(world)
        assert SUMMARY in await system_in(world, thread)


async def test_a_budget_that_is_spent_on_the_way_leaves_the_newest_out(
    make_settings: MakeSettings, model: LittleModel
) -> None:
    async with living(
        make_settings(memory_policy="tokens", memory_max_tokens=1_000, daily_tokens_per_user=100)
    ) as world:
        await says(world, world.nemo, "My favorite is the kelp. " * 70)
        dory = world.guild.add_member(world.env.create_user("Dory"))
        await says(world, dory, "Mine is the coral. " * 70)
        calls = len(model.requests)
        model.levers.text("A summary of kelp.")
        await world.marlin.slash(world.channel, "thread")
        [thread] = world.channel.threads
        assert len(model.requests) == calls + 1
        assert "**2 messages**" in first_message(thread)
        assert WITHOUT_A_PART in first_message(thread)


async def test_a_reset_puts_the_summary_away_and_a_restore_brings_it_back(world: World, model: LittleModel) -> None:
    await says(world, world.nemo, "My favorite is the kelp.")
    thread, _ = await opened(world, model)
    asked = text_of(await world.marlin.slash(thread, "memory reset"))
    assert "Forget the summary that I remember in this channel, for everybody here?" in asked
    told = await reset(world, world.marlin, channel=thread)
    assert "A summary is put away until" in told
    assert "brings it back" in told
    assert SUMMARY not in text_of(await world.marlin.slash(thread, "memory show"))
    assert "I remember again: a summary." in text_of(await world.marlin.slash(thread, "memory restore"))
    assert SUMMARY in await system_in(world, thread)


@pytest.mark.parametrize("is_folded", [False, True])
async def test_show_tells_what_the_model_sees_from_what_it_does_not(
    make_settings: MakeSettings, model: LittleModel, is_folded: bool
) -> None:
    async with living(make_settings()) as world:
        await says(world, world.nemo, "My favorite is the kelp.")
        model.levers.text(SUMMARY + " kelp" * (270 if is_folded else 1))
        await world.nemo.slash(world.channel, "thread")
        [thread] = world.channel.threads
        await says(world, world.marlin, "Mine is the coral.", thread)
        model.levers.text("Marlin's is the coral." + " coral" * (230 if is_folded else 1))
        model.levers.text("A digest of kelp and coral.")
        await world.marlin.slash(thread, "memory summarize")
        await world.marlin.slash(thread, "memory policy", policy="window")
        assert SUMMARY in await system_in(world, thread)
        shown = await world.marlin.slash(thread, "memory show")
        before, seen, unseen = re.split(f"### (?:{ORIGIN}|{OUTDATED_SUMMARY})", text_of(shown))
        assert "the summary and the newest" in before
        assert SUMMARY in seen
        assert ("A digest of kelp and coral." if is_folded else "Marlin's is the coral.") in unseen


async def test_both_parts_of_a_long_summary_have_room_in_show(make_settings: MakeSettings, model: LittleModel) -> None:
    async with living(make_settings(memory_max_tokens=20_000)) as world:
        await says(world, world.nemo, "My favorite is the kelp.")
        kelp, coral = "kelp " * 900, "coral " * 750
        model.levers.text(kelp)
        thread, _ = await opened(world)
        await says(world, world.marlin, "Mine is the coral.", thread)
        model.levers.text(coral)
        await world.marlin.slash(thread, "memory summarize")
        await world.marlin.slash(thread, "memory policy", policy="window")
        shown = await world.marlin.slash(thread, "memory show")
        assert 3_900 < len(text_of(shown)) <= PANEL_LENGTH
        assert text_of(shown).count("…") == 2
        whole = (await files_of(shown))["summary.md"]
        assert kelp.strip() in whole
        assert coral.strip() in whole


async def test_of_a_channel_where_nothing_was_said(world: World, model: LittleModel) -> None:
    thread, _ = await opened(world)
    assert NOTHING_SAID in first_message(thread)
    assert model.requests == []


async def test_who_may_not_create_threads_is_told_so(world: World) -> None:
    hidden = discord.PermissionOverwrite(create_public_threads=False)
    closed = world.guild.create_text_channel("closed", overwrites={world.guild.default_role: hidden})
    assert await refused(world, world.nemo, closed) in (YOU_MAY_NOT, I_MAY_NOT)
    assert closed.threads == []
    assert "`/thread`" not in text_of(await world.nemo.slash(closed, "help"))
    assert "`/thread`" in text_of(await world.nemo.slash(world.channel, "help"))


async def test_what_the_bot_may_not_do_is_told(world: World) -> None:
    role = world.guild.create_role("Openers", permissions=discord.Permissions(create_public_threads=True))
    opener = world.guild.add_member(world.env.create_user("Gill"), roles=[role])
    closed = world.guild.create_text_channel(
        "closed",
        overwrites={
            world.guild.default_role: discord.PermissionOverwrite(create_public_threads=False),
            role: discord.PermissionOverwrite(create_public_threads=True),
        },
    )
    assert await refused(world, opener, closed) == I_MAY_NOT
    assert await refused(world, world.nemo, closed) == YOU_MAY_NOT


async def test_in_threads_and_direct_messages_there_are_none(world: World, model: LittleModel) -> None:
    thread, _ = await opened(world)
    assert await refused(world, world.nemo, thread) == NOT_HERE
    assert text_of(await world.nemo.user.slash("thread")) == NOT_HERE
    assert "a thread" not in NOT_HERE, "a direct message is none"


async def test_where_the_bot_is_off_there_are_none(world: World) -> None:
    await world.bot.services.governance.set_channel(Place(world.channel.id, world.guild.id), is_on=False)
    assert await refused(world, world.nemo, world.channel) == OFF
    assert world.channel.threads == []


async def test_what_was_set_for_a_thread_goes_with_it(world: World) -> None:
    thread, _ = await opened(world)
    governance, place = world.bot.services.governance, Place(thread.id, world.guild.id, world.channel.id)
    await governance.set_channel(place, persona="You are a pirate.")
    assert governance.holds(place).persona == "You are a pirate."
    world.env.backend.delete_channel(thread.id)
    await world.env.settle()
    assert governance.holds(place).persona != "You are a pirate."
