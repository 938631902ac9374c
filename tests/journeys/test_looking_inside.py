"""`/memory prompt`, `/memory search` and `/memory export`: what the model would see, finding things, and taking them out."""

from __future__ import annotations

import json
import re

import discord
import pytest
import simcord

from playground.model import LittleModel
from tests.journeys.conftest import MakeSettings, World, living
from tests.journeys.shown import files_of, prompt_of, text_of

NAMES = ["persona", "summary", "pinned", "window", "recalled", "newest"]


async def search(world: World, query: str) -> str:
    result = await world.nemo.slash(world.channel, "memory search", query=query)
    assert result.ephemeral
    return text_of(result)


async def test_the_prompt_is_what_the_model_sees(world: World, model: LittleModel) -> None:
    await world.ask("My name is Nemo.")
    sent = model.requests[-1].body["messages"]
    result = await world.marlin.slash(world.channel, "memory prompt")
    assert result.ephemeral
    prompt = await prompt_of(result)
    assert prompt["messages"][: len(sent)] == sent
    assert [part["name"] for part in prompt["parts"]] == NAMES
    assert prompt["total"] == sum(part["tokens"] for part in prompt["parts"]) <= prompt["budget"] == 4_000
    assert (prompt["model"], prompt["cache_reusable_tokens"]) == ("little-model", 0)
    assert "a provider's cache would reuse none of them: it is too short" in text_of(result)

    await world.ask("What is my name?")
    assert model.requests[-1].body["messages"][: len(prompt["messages"])] == prompt["messages"]


@pytest.mark.parametrize("policy", ["tokens", "summary", "hybrid"])
async def test_the_budget_that_show_tells_is_the_prompts(world: World, model: LittleModel, policy: str) -> None:
    await world.marlin.slash(world.channel, "memory policy", policy=policy)
    await world.ask("Kelp is a plant. " * 60)
    model.levers.text("Kelp grows. " * 60)
    await world.marlin.slash(world.channel, "memory summarize")
    await world.ask("Coral is an animal. " * 60)
    prompt = await prompt_of(await world.marlin.slash(world.channel, "memory prompt"))
    shown = re.search(r"\*\*Budget\*\* [█░]+ (\d+)%", text_of(await world.nemo.slash(world.channel, "memory show")))
    assert shown is not None
    assert abs(int(shown[1]) - 100 * prompt["total"] / prompt["budget"]) <= 2


async def test_the_prompt_for_people_tells_roles_and_costs(world: World) -> None:
    await world.ask("```\nNot the end of the block\n```")
    result = await world.marlin.slash(world.channel, "memory prompt")
    page = (await files_of(result))["prompt.md"]
    assert "## 1. system" in page
    assert "## 2. user\n\n````\n" in page
    for name in (*NAMES, "total", "budget"):
        assert f"\n{name} " in text_of(result)


async def test_what_a_cache_would_reuse_is_told_in_whole_blocks(make_settings: MakeSettings) -> None:
    async with living(make_settings(memory_policy="tokens", memory_max_tokens=8_000)) as world:
        for number in range(12):
            await world.ask(f"{number} is a number. " * 60)
        result = await world.marlin.slash(world.channel, "memory prompt")
        prompt = await prompt_of(result)
        lasting = sum(part["tokens"] for part in prompt["parts"][:4])
        assert prompt["cache_reusable_tokens"] == lasting // 128 * 128 > 1_024
        assert f"reuse the first {prompt['cache_reusable_tokens']:,}" in text_of(result)


async def test_a_completion_models_prompt_is_one_text(make_settings: MakeSettings) -> None:
    async with living(make_settings(model_api="completions")) as world:
        await world.ask("My name is Nemo.")
        result = await world.marlin.slash(world.channel, "memory prompt")
        prompt = await prompt_of(result)
        assert f"Human: [{world.nemo.id} Nemo] My name is Nemo.\nAI:" in prompt["text"]
        assert prompt["text"].endswith("\nHuman: \nAI:")
        assert prompt["stop"] == ["\nHuman:"]
        assert "## Stops at" in (await files_of(result))["prompt.md"]
        await world.marlin.slash(world.channel, "memory summarize")
        prompt = await prompt_of(await world.marlin.slash(world.channel, "memory prompt"))
        assert prompt["text"].endswith("\n\nHuman: \nAI:")


@pytest.mark.parametrize("command", ["memory prompt", "memory export"])
async def test_who_does_not_manage_may_not_look_inside(world: World, command: str) -> None:
    await world.ask("My name is Nemo.")
    refused = await world.nemo.slash(world.channel, command)
    assert "You need the permission" in text_of(refused)
    assert await files_of(refused) == {}


@pytest.mark.parametrize("command", ["memory prompt", "memory export", "memory show", "memory summarize"])
async def test_where_nothing_is_remembered_it_is_said(world: World, command: str) -> None:
    assert "nothing" in text_of(await world.marlin.slash(world.channel, command))


async def test_search_shows_author_date_words_in_bold_and_a_link(world: World) -> None:
    sent = await world.nemo.send(world.channel, f"{world.mention} My cat Pixel likes the big reefs.")
    text = await search(world, "pixel reef")
    assert f"https://discord.com/channels/{world.guild.id}/{world.channel.id}/{sent.id}" in text
    assert "**Nemo**, <t:" in text
    assert "**Pixel** likes the big **reefs**" in text


async def test_search_looks_for_whole_words_whatever_their_english_ending(world: World) -> None:
    await world.ask("I like the anemones.")
    assert "**anemones**" in await search(world, "anemone")
    told = await search(world, "anem")
    assert "I look for whole words (an English ending, such as a plural's, makes no difference)" in told


async def test_search_finds_replies_too_and_links_to_them(world: World, model: LittleModel) -> None:
    model.levers.text("Coelacanths are old fish.")
    await world.ask("Tell me of fish")
    reply = world.channel.last_message
    assert reply is not None
    assert f"/{world.channel.id}/{reply.id}" in await search(world, "coelacanth")


async def test_search_shows_what_people_wrote_and_never_renders_it(world: World) -> None:
    await world.ask("xylophone [click **here**](http://evil.example) @everyone <@1> # big\n> quote `code` ||secret||")
    text = await search(world, "xylophone here")
    assert r"\[click \*\***here**\*\*\]\(http\:\/\/evil\.example\)" in text
    assert r"\@everyone \<\@1\>" in text
    assert r"\|\|secret\|\|" in text


async def test_search_ends_at_the_channel_and_at_a_reset(world: World) -> None:
    other = world.guild.create_text_channel("random")
    await world.ask("My code is xylophone.", channel=other)
    assert "I found nothing" in await search(world, "xylophone")


@pytest.mark.parametrize(
    "query", ['"', "OR", "AND NOT", "*", "a:b", "(((", "NEAR(a b)", "\0", "'; --", "x" * 300, "y " * 150]
)
async def test_any_query_is_answered(world: World, query: str) -> None:
    await world.ask("My name is Nemo.")
    assert (await search(world, query)).startswith(("## What I found", "I found nothing"))


async def test_long_finds_fit_a_panel(world: World) -> None:
    for number in range(12):
        await world.ask(f"xylophone {'*_`' * 300} {number}")
    text = await search(world, "xylophone")
    assert text.count("**xylophone**") >= 5
    assert len(text) <= 4_096 + 50


async def test_who_cannot_read_the_history_cannot_search_it(world: World) -> None:
    forward = world.guild.create_text_channel(
        "forward-only",
        overwrites={world.guild.default_role: discord.PermissionOverwrite(read_message_history=False)},
    )
    await world.ask("My cat is called Pixel.", channel=forward)
    refused = await world.nemo.slash(forward, "memory search", query="Pixel")
    assert text_of(refused) == "You need the permission Read Message History for this."


async def test_in_a_direct_message_everything_is_ones_own(world: World) -> None:
    await world.nemo.send_dm("My cat is called Pixel.")
    found = text_of(await world.nemo.user.slash("memory search", query="Pixel"))
    assert "https://discord.com/channels/@me/" in found
    assert (await prompt_of(await world.nemo.user.slash("memory prompt")))["total"] > 0


async def export(world: World, **how: str) -> simcord.InteractionResult:
    return await world.marlin.slash(world.channel, "memory export", **how)


async def test_export_as_jsonl_holds_every_message(world: World) -> None:
    await world.ask("My name is Nemo.")
    result = await export(world)
    assert result.ephemeral
    ((name, text),) = (await files_of(result)).items()
    assert name == f"memory-{world.channel.id}.jsonl"
    question, answer = (json.loads(line) for line in text.splitlines())
    assert (question["role"], question["author_id"], question["content"]) == ("user", world.nemo.id, "My name is Nemo.")
    assert (answer["role"], answer["turn_id"]) == ("assistant", question["turn_id"])


async def test_export_in_other_formats(world: World) -> None:
    await world.ask("My name is Nemo.")
    (text,) = (await files_of(await export(world, format="markdown"))).values()
    assert "> My name is Nemo." in text
    (text,) = (await files_of(await export(world, format="langchain"))).values()
    assert [message["type"] for message in json.loads(text)] == ["human", "ai"]


async def test_an_export_that_discord_does_not_take_names_the_command_line(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.ask("My name is Nemo.")
    monkeypatch.setattr(discord.Interaction, "filesize_limit", property(lambda self: 100, lambda self, value: None))
    result = await export(world)
    assert f"python -m bot export {world.channel.id} --format jsonl" in text_of(result)
    assert await files_of(result) == {}
