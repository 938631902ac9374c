"""*Remember this*: pinned messages stand in every prompt of their channel, for who may pin, and for nobody else."""

from __future__ import annotations

import json
import time

import discord
import pytest
import simcord

from bot.governance import OFF
from bot.introduction import OPTED_OUT as TOLD_OPTED_OUT
from bot.pins import MOST_PINS, NOT_WORDS, TOO_OLD
from bot.prompt import PINNED_HEADING
from cogs.message_menu.forget import FORGOT_WORDS
from cogs.message_menu.remember import OPTED_OUT
from playground.model import LittleModel
from storage.records import Incoming, Place
from tests.journeys.conftest import MakeSettings, World, living
from tests.journeys.governing import controls
from tests.journeys.shown import files_of, prompt_of, shown_last, text_of
from tests.journeys.test_message_menu import forget, said_in
from tests.journeys.test_privacy import asked_of, opt_out, says

PINNED = "📌 I remember this"


async def remember(world: World, message: discord.Message, actor: simcord.MemberActor | None = None) -> str:
    """What whoever wants a message pinned is told."""
    result = await (actor or world.marlin).context_menu(world.channel, "Remember this", message)
    assert result.ephemeral
    return text_of(result)


async def say(world: World, text: str, actor: simcord.MemberActor | None = None) -> discord.Message:
    """Let somebody say something that is not for the bot."""
    await (actor or world.nemo).send(world.channel, text)
    return said_in(world, text)


async def prompt(world: World) -> list[dict[str, str]]:
    """The messages of the next prompt after the system's."""
    told: list[dict[str, str]] = (await prompt_of(await world.marlin.slash(world.channel, "memory prompt")))["messages"]
    return told[1:]


async def pinned_block(world: World) -> str:
    blocks = [one["content"] for one in await prompt(world) if one["content"].startswith("[pinned]")]
    assert len(blocks) <= 1
    return blocks[0] if blocks else ""


async def shown(world: World, actor: simcord.MemberActor | None = None) -> str:
    return text_of(await (actor or world.marlin).slash(world.channel, "memory show"))


async def fill_window(world: World) -> None:
    """Talk until the window has lost what was said first."""
    for number in range(6):
        await says(world, world.nemo, f"{number} " + "The current is warm and slow today. " * 12)


async def test_what_was_not_for_the_bot_is_remembered_and_pinned_by_the_click(world: World) -> None:
    rules = await say(world, "House rule: no fishing on Sundays.")
    assert "fishing" not in await asked_of(world)
    told = await remember(world, rules)
    assert PINNED in told
    assert "House rule" in told
    block = await pinned_block(world)
    assert block.splitlines() == [
        f"[pinned] {PINNED_HEADING}",
        f"  [{world.nemo.id} Nemo] House rule: no fishing on Sundays.",
    ]
    await world.ask("Hello!")
    [first, newest] = [one["content"] for one in (await prompt(world))[:2]]
    assert first == block, "it stands before the window, and in front of what is said later"
    assert "Hello!" in newest


async def test_one_of_the_window_stands_there_and_only_there_until_the_window_loses_it(
    make_settings: MakeSettings,
) -> None:
    async with living(make_settings(memory_policy="tokens", memory_max_tokens=1200)) as world:
        await says(world, world.nemo, "The key is under the anemone.")
        assert PINNED in await remember(world, said_in(world, "The key is under"))
        assert await pinned_block(world) == ""
        assert json.dumps(await prompt(world)).count("under the anemone") >= 1
        await fill_window(world)
        assert "The key is under the anemone." in await pinned_block(world)
        outside = [one["content"] for one in await prompt(world) if not one["content"].startswith("[pinned]")]
        assert "The key is under" not in json.dumps(outside)


@pytest.mark.parametrize("is_remembered", [False, True])
async def test_what_a_pin_says_calls_nothing_else_to_mind(
    make_settings: MakeSettings, model: LittleModel, is_remembered: bool
) -> None:
    async with living(make_settings(memory_policy="hybrid", memory_max_tokens=1200)) as world:
        await says(world, world.nemo, "Hello everybody, nice to be with you.")
        secret = "The passphrase of the clubhouse is anemone."
        if is_remembered:
            await says(world, world.nemo, secret)
            await remember(world, said_in(world, secret))
        else:
            await remember(world, await say(world, secret))
        await fill_window(world)
        await says(world, world.nemo, "What is the passphrase of the clubhouse?")
        sent = [one["content"] for one in model.requests[-1].body["messages"]]
        assert any(one.startswith("[pinned]") and secret in one for one in sent)
        assert not any(one.startswith("[memory]") for one in sent)


@pytest.mark.parametrize("policy", ["buffer", "window", "tokens", "summary", "hybrid"])
async def test_every_policy_shows_pins_and_prompt_and_show_tell_of_them(
    make_settings: MakeSettings, policy: str
) -> None:
    async with living(make_settings(memory_policy=policy)) as world:
        await remember(world, await say(world, "House rule: no fishing on Sundays."))
        await world.ask("Hello!")
        assert "no fishing" in await pinned_block(world)
        result = await world.marlin.slash(world.channel, "memory prompt")
        told = await prompt_of(result)
        assert told["total"] <= told["budget"]
        [pinned] = [part for part in (await prompt_of(result))["parts"] if part["name"] == "pinned"]
        assert pinned["tokens"] > 0
        assert "no fishing on Sundays" in await shown(world)


async def test_an_edit_changes_the_pin_a_deletion_takes_it_away(world: World) -> None:
    rules = await say(world, "House rule: no fishing on Sundays.")
    await remember(world, rules)
    await world.nemo.edit(rules, content="House rule: no fishing on Mondays.")
    assert "Mondays" in await pinned_block(world)
    assert "Sundays" not in await asked_of(world)
    await world.nemo.delete(rules)
    assert await asked_of(world) == ""


async def test_a_reset_closes_pins_with_their_epoch_and_a_restore_brings_them_back(world: World) -> None:
    rules = await say(world, "House rule: no fishing on Sundays.")
    await remember(world, rules)
    await world.marlin.click(shown_last(await world.marlin.slash(world.channel, "memory reset")), label="Start afresh")
    assert await asked_of(world) == ""
    assert "put away by a reset" in await remember(world, rules)
    await world.marlin.slash(world.channel, "memory restore")
    assert "no fishing" in await pinned_block(world)


async def test_forgetting_takes_pins_along(world: World) -> None:
    rules = await say(world, "House rule: no fishing on Sundays.")
    await remember(world, rules)
    assert await forget(world, world.nemo, rules) == FORGOT_WORDS
    assert await asked_of(world) == ""
    assert "told to forget" in await remember(world, rules)
    other = await say(world, "House rule: no shells in the class.")
    await remember(world, other)
    await world.nemo.slash(world.channel, "privacy forget-me")
    assert await asked_of(world) == ""


async def test_who_opted_out_is_not_pinned(world: World) -> None:
    rules = await say(world, "House rule: no fishing on Sundays.")
    await opt_out(world, world.nemo)
    assert await remember(world, rules) == OPTED_OUT
    assert OPTED_OUT != TOLD_OPTED_OUT
    assert await asked_of(world) == ""


async def test_who_does_not_look_after_messages_may_not_pin_not_even_own_ones(world: World) -> None:
    rules = await say(world, "House rule: no fishing on Sundays.")
    assert "Manage Messages, Manage Channels or Manage Server" in await remember(world, rules, world.nemo)
    assert await asked_of(world) == ""
    assert "Remember this" not in text_of(await world.nemo.slash(world.channel, "help"))
    assert "Remember this" in text_of(await world.marlin.slash(world.channel, "help"))


async def test_where_i_am_switched_off_nothing_is_pinned(world: World) -> None:
    rules = await say(world, "House rule: no fishing on Sundays.")
    await world.bot.services.governance.set_channel(Place(world.channel.id, world.guild.id), is_on=False)
    assert await remember(world, rules) == OFF
    assert not await world.bot.services.pins.of(world.channel.id)


async def test_losing_the_role_takes_effect_at_the_click(world: World) -> None:
    rules = await say(world, "House rule: no fishing on Sundays.")
    panel = await world.marlin.context_menu(world.channel, "Remember this", rules)
    world.env.backend.remove_member_role(world.guild.id, world.marlin.id, world.guild.roles["Managers"].id)
    assert "Manage Messages" in text_of(await world.marlin.click(shown_last(panel), label="Unpin"))
    assert "no fishing" in json.dumps((await world.bot.services.pins.of(world.channel.id))[0].content)


async def test_unpinning_what_was_kept_for_its_pin_forgets_it(world: World) -> None:
    rules = await say(world, "House rule: no fishing on Sundays.")
    panel = await world.marlin.context_menu(world.channel, "Remember this", rules)
    assert "Unpinned" in text_of(await world.marlin.click(shown_last(panel), label="Unpin"))
    assert await asked_of(world) == ""
    again = await world.marlin.context_menu(world.channel, "Remember this", rules)
    assert PINNED in text_of(again), "and it can be pinned again"


async def test_memory_show_lists_pins_and_unpins_them(world: World) -> None:
    await says(world, world.nemo, "The key is under the anemone.")
    await remember(world, said_in(world, "The key is under"))
    result = await world.marlin.slash(world.channel, "memory show")
    assert "The key is under the anemone" in text_of(result)
    assert result.response is not None
    key = str(said_in(world, "The key is under").id)
    unpinned = await world.marlin.select(result.response.message, [key], custom_id="mnemo:pins")
    assert "**Messages** 2" in text_of(unpinned), "the panel is shown anew"
    assert "📌" not in text_of(unpinned)
    assert "📌" not in await shown(world)
    assert "anemone" in await asked_of(world), "it was part of the conversation, and stays that"


async def test_losing_the_role_takes_effect_in_a_list_that_was_shown_before(world: World) -> None:
    rules = await say(world, "House rule: no fishing on Sundays.")
    await remember(world, rules)
    result = await world.marlin.slash(world.channel, "memory show")
    world.env.backend.remove_member_role(world.guild.id, world.marlin.id, world.guild.roles["Managers"].id)
    refused = await world.marlin.select(shown_last(result), [str(rules.id)], custom_id="mnemo:pins")
    assert "Manage Messages" in text_of(refused)
    assert [pin.discord_id for pin in await world.bot.services.pins.of(world.channel.id)] == [rules.id]


async def test_what_a_pin_says_is_no_link_in_the_list(world: World) -> None:
    await remember(world, await say(world, "See [the rules](https://evil.example) first."))
    told = await shown(world)
    assert "the rules" in told
    assert "[the rules](" not in told


async def test_pins_that_were_brought_in_from_another_channel_are_listed_and_unpinned_one_by_one(world: World) -> None:
    key, rules = "The key is here", ["Keep to the left", "No fishing"]
    copies = [
        Incoming(0, world.channel.id, world.guild.id, 42, "Dory", text, 20, at, pinned_at=at, is_apart=text in rules)
        for at, text in enumerate((*rules, key), 1_800_000_000)
    ]
    await world.bot.services.memories._store.bring_in([("user", copy) for copy in copies], now=time.time())
    block = await pinned_block(world)
    assert [text in block for text in (*rules, key)] == [True, True, False]
    for left in ([*rules, key], [rules[1], key], [key]):
        result = await world.marlin.slash(world.channel, "memory show")
        told = text_of(result)
        assert [text in told for text in (*rules, key)] == [text in left for text in (*rules, key)]
        assert "None" not in told
        assert "go there" not in told, "there is nothing on Discord to go to"
        [menu] = [one for one in controls(result) if one["custom_id"] == "mnemo:pins"]
        values = [option["value"] for option in menu["options"]]
        assert len(set(values)) == len(left)
        assert result.response is not None
        await world.marlin.select(result.response.message, [values[-1]], custom_id="mnemo:pins")
    assert "📌" not in await shown(world)
    now = await asked_of(world)
    assert key in now, "it was part of the conversation, and stays that"
    assert not any(text in now for text in rules)


async def test_who_may_not_read_the_history_sees_no_pins(world: World) -> None:
    channel = world.guild.create_text_channel(
        "closed", overwrites={world.guild.default_role: discord.PermissionOverwrite(read_message_history=False)}
    )
    await world.marlin.send(channel, "House rule: no fishing on Sundays.")
    said = channel.last_message
    assert said is not None
    assert PINNED in text_of(await world.marlin.context_menu(channel, "Remember this", said))
    told = text_of(await world.nemo.slash(channel, "memory show"))
    assert "**Messages** 1" in told
    assert "fishing" not in told


async def test_search_and_export_tell_them(world: World) -> None:
    await remember(world, await say(world, "House rule: no fishing on Sundays."))
    found = text_of(await world.nemo.slash(world.channel, "memory search", query="fishing"))
    assert "📌" in found
    result = await world.marlin.slash(world.channel, "memory export")
    [line] = [json.loads(each) for file in (await files_of(result)).values() for each in file.splitlines()]
    assert line["pinned_at"] is not None


async def test_my_replies_can_be_pinned_and_others_bots_cannot(world: World) -> None:
    await world.ask("Hello!")
    reply = world.channel.last_message
    assert reply is not None
    assert PINNED in await remember(world, reply)
    bot = world.guild.add_member(world.env.create_user("Feed", bot=True))
    await bot.send(world.channel, "The password is anglerfish.")
    assert await remember(world, said_in(world, "anglerfish")) == NOT_WORDS
    assert "anglerfish" not in await asked_of(world)


async def test_what_does_not_fit_is_told_at_the_click_and_nothing_is_stored(make_settings: MakeSettings) -> None:
    async with living(make_settings(memory_max_tokens=1000)) as world:
        long = await say(world, "The whole story of the reef. " * 30)
        told = await remember(world, long)
        assert "does not fit" in told
        assert "of each prompt" in told
        assert await asked_of(world) == ""


async def test_there_are_so_many_pins_and_no_more(make_settings: MakeSettings) -> None:
    async with living(make_settings(memory_policy="buffer")) as world:
        for number in range(MOST_PINS):
            assert PINNED in await remember(world, await say(world, f"Rule {number}."))
        assert "no more fit" in await remember(world, await say(world, "One more rule."))
        result = await world.marlin.slash(world.channel, "memory show")
        assert f"{MOST_PINS} of {MOST_PINS} pins" in text_of(result)


async def test_a_smaller_budget_says_which_have_no_room(world: World) -> None:
    for text in ("First rule: " + "be kind to every fish. " * 9, "Second rule: " + "share your food. " * 9):
        assert PINNED in await remember(world, await say(world, text))
    await world.marlin.slash(world.channel, "memory policy", tokens=1000)
    told = await shown(world)
    assert "no room for it" in told
    block = await pinned_block(world)
    assert "Second rule" in block
    assert "First rule" not in block


async def test_what_is_older_than_the_host_keeps_is_not_pinned(make_settings: MakeSettings) -> None:
    async with living(make_settings(retention_days=1)) as world:
        rules = await say(world, "House rule: no fishing on Sundays.")
        world.bot.services.pins._retention_days = -1  # SimCord's clock does not go
        assert await remember(world, rules) == TOO_OLD


async def test_a_click_that_comes_again_shows_the_pin_with_its_way_back(world: World) -> None:
    rules = await say(world, "House rule: no fishing on Sundays.")
    assert await remember(world, rules) == await remember(world, rules)
    assert (await pinned_block(world)).count("fishing") == 1


@pytest.mark.parametrize("policy", ["tokens", "summary", "hybrid"])
async def test_prompts_keep_their_budget_and_their_beginning_with_pins(
    make_settings: MakeSettings, policy: str
) -> None:
    async with living(make_settings(memory_policy=policy, memory_max_tokens=1500)) as world:
        await remember(world, await say(world, "House rule: no fishing on Sundays. " * 3))
        beginnings = set()
        for number in range(12):
            await world.ask(f"{number} is a number, and I tell you more about it. " * 4)
            told = await prompt_of(await world.marlin.slash(world.channel, "memory prompt"))
            assert told["total"] <= told["budget"] == 1500
            beginnings.add(told["messages"][1]["content"])
            assert sum(one["content"].startswith("[pinned]") for one in told["messages"]) == 1
        assert len(beginnings) == 1, "what is pinned stands before the window, and is the same each time"


async def test_what_was_summarized_and_is_recalled_stands_there_once(
    make_settings: MakeSettings, model: LittleModel
) -> None:
    async with living(make_settings(memory_max_tokens=1200)) as world:
        model.levers.text("I see.")
        await says(world, world.nemo, "The treasure lies under the old anemone.")
        assert PINNED in await remember(world, said_in(world, "The treasure lies"))
        await fill_window(world)
        await says(world, world.nemo, "Where does the treasure lie?")
        asked = [request.body["messages"] for request in model.requests]
        [sent] = [one for one in asked if "Where does the treasure lie?" in one[-1]["content"]]
        blocks = [one["content"] for one in sent[1:]]
        assert [block.partition(" ")[0] for block in blocks if "under the old anemone" in block] == ["[pinned]"]
