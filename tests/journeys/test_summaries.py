"""`/memory summarize` and the summary in `/memory show`: what it covers and costs, who may correct it, and when it fails."""

from __future__ import annotations

import discord
import pytest
import simcord

from playground.model import LittleModel
from tests.journeys.conftest import MakeSettings, World, living
from tests.journeys.shown import files_of, prompt_of, shown_last, text_of


async def summarized(world: World) -> simcord.InteractionResult:
    await world.ask("My name is Nemo.")
    await world.ask("My cat is called Pixel.")
    return await world.marlin.slash(world.channel, "memory summarize")


async def open_form(world: World) -> simcord.InteractionResult:
    shown = await world.marlin.slash(world.channel, "memory show")
    return await world.marlin.click(shown_last(shown), label="Correct the summary")


async def correct(world: World, words: str) -> simcord.InteractionResult:
    return await world.marlin.submit_modal(await open_form(world), {"summary": words})


async def test_summarizing_shows_the_summary_what_it_covers_and_what_it_cost(world: World) -> None:
    result = await summarized(world)
    assert result.ephemeral
    text = text_of(result)
    assert "4 messages from <t:" in text
    assert "the model read " in text
    assert "Pixel" in text

    shown = text_of(await world.nemo.slash(world.channel, "memory show"))
    assert "**Last compaction** <t:" in shown
    assert "because asked for" in shown
    assert "The summary" in shown
    assert "Pixel" in shown


async def test_the_focus_reaches_the_model(world: World, model: LittleModel) -> None:
    await world.ask("My name is Nemo.")
    await world.marlin.slash(world.channel, "memory summarize", focus="all the cats")
    assert "all the cats" in model.requests[-1].body["messages"][-1]["content"]


async def test_nothing_new_to_summarize(world: World) -> None:
    await summarized(world)
    assert "nothing new to summarize" in text_of(await world.marlin.slash(world.channel, "memory summarize"))


async def test_what_was_summarized_still_stands_in_the_prompt(world: World) -> None:
    await summarized(world)
    prompt = await prompt_of(await world.marlin.slash(world.channel, "memory prompt"))
    assert [message["role"] for message in prompt["messages"]] == ["system"]
    assert "Pixel" in prompt["messages"][0]["content"]
    parts = {part["name"]: part["tokens"] for part in prompt["parts"]}
    assert parts["summary"] > 0
    assert (parts["window"], parts["recalled"], parts["newest"]) == (0, 0, 0)
    assert "Pixel" in await world.ask("What is my cat called?")


async def test_who_does_not_manage_may_not_summarize_nor_correct(world: World) -> None:
    await summarized(world)
    assert "You need the permission" in text_of(await world.nemo.slash(world.channel, "memory summarize"))
    shown = await world.nemo.slash(world.channel, "memory show")
    assert "Correct the summary" not in str(shown_last(shown).components)


async def test_who_cannot_read_the_history_is_not_shown_its_summary(world: World) -> None:
    forward = world.guild.create_text_channel(
        "forward-only",
        overwrites={world.guild.default_role: discord.PermissionOverwrite(read_message_history=False)},
    )
    await world.ask("My cat is called Pixel.", channel=forward)
    await world.marlin.slash(forward, "memory summarize")
    shown = text_of(await world.nemo.slash(forward, "memory show"))
    assert "**Messages** 2" in shown
    assert "Pixel" not in shown


async def test_a_policy_without_a_summary_says_what_to_do(make_settings: MakeSettings) -> None:
    async with living(make_settings(memory_policy="tokens")) as world:
        assert "/memory policy" in text_of(await summarized(world))


async def test_a_policy_that_hides_the_summary_says_so(world: World) -> None:
    await summarized(world)
    await world.marlin.slash(world.channel, "memory policy", policy="tokens")
    shown = await world.marlin.slash(world.channel, "memory show")
    assert "does not show to the model" in text_of(shown)
    assert "Correct the summary" not in str(shown_last(shown).components)


async def test_a_long_summary_comes_as_a_file_too(make_settings: MakeSettings, model: LittleModel) -> None:
    async with living(make_settings(memory_max_tokens=100_000)) as world:
        await world.ask("My name is Nemo.")
        model.levers.long_reply(6_000)
        made = await world.marlin.slash(world.channel, "memory summarize")
        assert len((await files_of(made))["summary.md"]) > 5_900
        shown = await world.marlin.slash(world.channel, "memory show")
        assert len((await files_of(shown))["summary.md"]) > 5_900
        assert "Discord's form takes 4,000" in text_of(
            await world.marlin.click(shown_last(shown), label="Correct the summary")
        )


async def test_a_correction_takes_the_place_of_the_summary(world: World, model: LittleModel) -> None:
    await summarized(world)
    form = await open_form(world)
    assert form.modal is not None
    assert "Pixel" in str(form.modal)
    done = await world.marlin.submit_modal(form, {"summary": "Nemo's cat is called Voxel."})
    assert "your words" in text_of(done)
    shown = text_of(await world.nemo.slash(world.channel, "memory show"))
    assert "Voxel" in shown
    assert "Pixel" not in shown
    assert "an admin's words" in shown
    await world.ask("What is my cat called?")
    assert "Voxel" in model.requests[-1].body["messages"][0]["content"]


async def test_the_button_works_after_a_restart_and_asks_again_who_may(world: World) -> None:
    await summarized(world)
    shown = shown_last(await world.marlin.slash(world.channel, "memory show"))
    world.bot._connection._view_store._views.clear()  # what a restart forgets; the message stays on Discord
    assert (await world.marlin.click(shown, label="Correct the summary")).modal is not None
    world.env.backend.remove_member_role(world.guild.id, world.marlin.id, world.guild.roles["Managers"].id)
    refused = await world.marlin.click(shown, label="Correct the summary")
    assert "You need the permission" in text_of(refused)


async def test_losing_the_permission_while_the_form_is_open(world: World) -> None:
    await summarized(world)
    form = await open_form(world)
    world.env.backend.remove_member_role(world.guild.id, world.marlin.id, world.guild.roles["Managers"].id)
    assert "You need the permission" in text_of(await world.marlin.submit_modal(form, {"summary": "Mine now."}))


async def test_a_correction_that_is_too_long_is_handed_back(world: World) -> None:
    await summarized(world)
    words = "This does not fit. " * 150
    refused = await correct(world, words)
    assert "was left as it is" in text_of(refused)
    assert (await files_of(refused))["your-summary.md"].strip() == words.strip()
    assert "Pixel" in text_of(await world.nemo.slash(world.channel, "memory show"))


async def test_a_summary_that_changed_meanwhile_is_not_overwritten(world: World) -> None:
    await summarized(world)
    form = await open_form(world)
    await world.ask("My dog is called Rex.")
    await world.marlin.slash(world.channel, "memory summarize")
    refused = await world.marlin.submit_modal(form, {"summary": "Only a cat."})
    assert "changed while you wrote" in text_of(refused)
    assert "Rex" in text_of(await world.nemo.slash(world.channel, "memory show"))


async def test_a_correction_is_void_once_a_message_beneath_it_is_deleted(world: World) -> None:
    sent = await world.nemo.send(world.channel, f"{world.mention} My password is hunter2.")
    await world.ask("My name is Nemo.")
    await world.marlin.slash(world.channel, "memory summarize")
    await correct(world, "Nemo's password is hunter2.")
    await world.nemo.delete(sent)
    shown = text_of(await world.marlin.slash(world.channel, "memory show"))
    assert "correction is void" in shown
    assert "hunter2" not in shown


@pytest.mark.parametrize("fault", ["nothing", "far too much", "refused"])
async def test_a_summary_that_fails_is_told_and_not_kept(world: World, model: LittleModel, fault: str) -> None:
    await world.ask("My name is Nemo.")
    if fault == "nothing":
        model.levers.empty()
    elif fault == "far too much":
        model.levers.long_reply(30_000)
    else:
        model.levers.status(401)
    failed = text_of(await world.marlin.slash(world.channel, "memory summarize"))
    assert "Summarized" not in failed
    shown = text_of(await world.nemo.slash(world.channel, "memory show"))
    assert "could not be made" in shown
    assert "it is tried again" in shown
    assert "very many" not in shown

    model.levers.clear()
    await world.marlin.slash(world.channel, "memory summarize")
    assert "could not be made" not in text_of(await world.nemo.slash(world.channel, "memory show"))
