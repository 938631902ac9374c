"""Budgets of tokens a day, as people, admins and the host meet them. Their bounds under fire: ``test_within_budgets.py``."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import discord
import pytest
import simcord

from bot.breaker import THRESHOLD
from bot.budgets import midnight_after
from bot.conversation import Said
from bot.notes import SPENT_SIGN
from playground.model import LittleModel
from tests.journeys.conftest import MakeSettings, World, living
from tests.journeys.governing import controls, fill, thread_in
from tests.journeys.shown import panel_of, text_of
from tests.quiet import NOW, quiet

#: More than one reply needs, and less than two.
SMALL = 100


def free_again() -> str:
    return f"<t:{int(midnight_after(time.time()))}:R>"


def signs(world: World, message: Any) -> list[str]:
    """The reactions to a message: only the bot reacts here."""
    shown = next(each for each in world.channel.history() if each.id == message.id)
    return [str(reaction.emoji) for reaction in shown.reactions]


def notices(channel: simcord.ChannelHandle) -> list[str]:
    """What admins are told in a channel."""
    return [panel_of(message) for message in channel.history() if message.components and not message.content]


@pytest.mark.parametrize(
    ("setting", "whose"),
    [
        ("daily_tokens_per_user", "that a person may use in a day"),
        ("daily_tokens_per_channel", "that may be used in a day in this channel"),
        ("daily_tokens_per_server", "that may be used in a day in this server"),
        ("daily_tokens", "that my host lets me use in a day"),
    ],
)
async def test_past_a_budget_a_sentence_says_when_it_is_free_again(
    make_settings: MakeSettings, model: LittleModel, setting: str, whose: str
) -> None:
    async with living(make_settings(**{setting: SMALL})) as world:
        assert "Nemo" in await world.ask("My name is Nemo.")
        asked = len(model.requests)
        answer = await world.ask("What is my name?")
        assert answer.startswith(SPENT_SIGN)
        assert whose in answer
        assert free_again() in answer
        assert len(model.requests) == asked, "nothing more was paid for"
        admins = [text for text in notices(world.channel) if "A budget is used up" in text]
        assert len(admins) == (setting != "daily_tokens"), "that is the host's business"
        assert not any("Nemo" in text or str(world.nemo.id) in text for text in admins)


async def test_who_was_told_meets_a_sign_and_others_are_told_too(make_settings: MakeSettings) -> None:
    async with living(make_settings(daily_tokens_per_channel=SMALL)) as world:
        await world.ask("My name is Nemo.")
        assert (await world.ask("What is my name?")).startswith(SPENT_SIGN)
        said = len(world.replies())
        for _ in range(2):
            again = await world.nemo.send(world.channel, f"{world.mention} Hello?")
            assert signs(world, again) == [SPENT_SIGN]
        assert len(world.replies()) == said
        await world.marlin.send(world.channel, f"{world.mention} And me?")
        assert world.last().startswith(SPENT_SIGN)
        assert len(world.replies()) == said + 1


async def test_where_no_sign_can_be_shown_the_sentence_is_said_again(make_settings: MakeSettings) -> None:
    async with living(make_settings(daily_tokens_per_user=SMALL)) as world:
        assert world.bot.user is not None
        never = discord.PermissionOverwrite(add_reactions=False)
        bare = world.guild.create_text_channel("bare", overwrites={world.bot.user: never})
        await world.ask("My name is Nemo.", channel=bare)
        for number in (2, 3, 4):
            assert (await world.ask("What is my name?", channel=bare)).startswith(SPENT_SIGN)
            assert len([text for text in world.replies(bare) if text]) == number


async def test_one_persons_budget_is_nobody_elses(make_settings: MakeSettings) -> None:
    async with living(make_settings(daily_tokens_per_user=SMALL)) as world:
        await world.ask("My name is Nemo.")
        await world.nemo.send_dm("What is my name?")
        assert "that a person may use in a day" in world.last(world.nemo.user.dm_channel), "it holds everywhere"
        await world.marlin.send(world.channel, f"{world.mention} My name is Marlin.")
        assert "Marlin" in world.last()


async def test_what_is_said_meanwhile_is_remembered_and_the_next_day_is_free(
    make_settings: MakeSettings, tmp_path: Path
) -> None:
    async with living(make_settings(daily_tokens=SMALL)) as world:
        await world.ask("Hello there.")
        assert (await world.ask("My name is Nemo.")).startswith(SPENT_SIGN)
        with closing(sqlite3.connect(tmp_path / "mnemo.db")) as db, db:
            db.execute("UPDATE usage SET day = '2020-01-01'")
        assert "Nemo" in await world.ask("What is my name?")


async def test_a_restart_changes_nothing(make_settings: MakeSettings) -> None:
    settings = make_settings(daily_tokens=SMALL)
    async with living(settings) as world:
        await world.ask("My name is Nemo.")
    async with living(settings) as world:
        assert (await world.ask("What is my name?")).startswith(SPENT_SIGN)


async def test_admins_are_told_once_where_notices_go(make_settings: MakeSettings) -> None:
    async with living(make_settings(daily_tokens_per_user=SMALL)) as world:
        office = world.guild.create_text_channel("office")
        world.env.backend.get_guild(world.guild.id).system_channel_id = office.id
        for someone in (world.nemo, world.marlin):
            for _ in range(3):
                await someone.send(world.channel, f"{world.mention} My name is Somebody.")
        [told] = notices(office)
        assert "Somebody in this server used up the **100 tokens**" in told
        assert f"I answer this person again {free_again()}, and everybody else as always" in told
        assert free_again() in told
        assert notices(world.channel) == []


@pytest.mark.parametrize(
    ("changes", "admins", "where"),
    [
        ({"daily_tokens_per_user": SMALL}, {}, "set by whoever hosts me"),
        ({"daily_tokens_per_server": SMALL}, {}, "set by whoever hosts me"),
        ({"daily_tokens_per_channel": SMALL}, {}, "`/channel` has the limit there"),
        ({}, {"channel_day_tokens": SMALL}, "`/channel` has the limit there"),
        ({}, {"user_day_tokens": SMALL}, "`/server` has the limit"),
    ],
)
async def test_admins_are_told_where_the_limit_was_set_and_whom_it_holds_for(
    make_settings: MakeSettings, changes: dict[str, int], admins: dict[str, int], where: str
) -> None:
    async with living(make_settings(**changes)) as world:
        await world.bot.services.governance.set_server(world.guild.id, **admins)
        await world.ask("My name is Nemo.")
        await world.ask("What is my name?")
        [told] = notices(world.channel)
        assert where in told
        assert ("`/server`" in told) == ("`/server`" in where)
        assert ("everybody else as always" in told) == any("user" in name for name in (*changes, *admins))


async def test_a_limit_of_one_token_is_told_in_words(make_settings: MakeSettings) -> None:
    async with living(make_settings(daily_tokens_per_channel=1)) as world:
        await world.ask("My name is Nemo.")
        assert "The 1 token that may be used in a day in this channel is used up" in await world.ask("What is my name?")
        [told] = notices(world.channel)
        assert "The **1 token** that may be used in a day" in told
        assert "is used up" in told


async def test_where_notices_may_not_be_written_they_are_told_where_it_happened(make_settings: MakeSettings) -> None:
    async with living(make_settings(daily_tokens_per_server=SMALL)) as world:
        assert world.bot.user is not None
        closed = world.guild.create_text_channel(
            "closed", overwrites={world.bot.user: discord.PermissionOverwrite(send_messages=False)}
        )
        world.env.backend.get_guild(world.guild.id).system_channel_id = closed.id
        await world.ask("My name is Nemo.")
        await world.ask("What is my name?")
        [told] = notices(world.channel)
        assert "used in a day in this server are used up" in told


async def test_of_the_hosts_budget_the_owner_is_told_in_private(make_settings: MakeSettings, tmp_path: Path) -> None:
    async with living(make_settings()) as world:
        owner = world.marlin.id  # the same in each fresh world
    changes = {"owner_ids": str(owner), "database_url": f"sqlite:///{tmp_path}/second.db"}
    async with living(make_settings(daily_tokens=SMALL, **changes)) as world:
        for _ in range(3):
            await world.ask("My name is Nemo.")
        [told] = notices(world.marlin.user.dm_channel)
        assert "(`DAILY_TOKENS`) are used up" in told
        assert notices(world.channel) == []
        status = text_of(await world.marlin.slash(world.channel, "host status"))
        assert "**Tokens of today**" in status
        assert "of 100 (`DAILY_TOKENS`)" in status
        assert "Everybody, everywhere" in text_of(await world.marlin.slash(world.channel, "usage"))
        assert "Everybody, everywhere" not in text_of(await world.nemo.slash(world.channel, "usage"))


async def test_summaries_count_and_wait_and_it_is_told(make_settings: MakeSettings, model: LittleModel) -> None:
    async with living(make_settings(daily_tokens_per_channel=SMALL)) as world:
        await world.ask("My name is Nemo.")
        asked = len(model.requests)
        refused = text_of(await world.marlin.slash(world.channel, "memory summarize"))
        assert "that may be used in a day in this channel are used up" in refused
        assert free_again() in refused
        assert len(model.requests) == asked
        shown = text_of(await world.nemo.slash(world.channel, "memory show"))
        assert "The last summary could not be made" in shown
        assert "that may be used in a day in this channel are used up" in shown


async def test_retry_needs_a_budget_too(make_settings: MakeSettings, model: LittleModel) -> None:
    async with living(make_settings(daily_tokens_per_user=SMALL)) as world:
        await world.ask("My name is Nemo.")
        [message] = [one for one in world.channel.history() if one.content in world.replies()]
        asked = len(model.requests)
        await world.nemo.click(message, label="Retry")
        [answer] = [text for text in world.replies() if text]
        assert answer.startswith(SPENT_SIGN)
        assert len(model.requests) == asked


async def test_usage_tells_what_of_the_budgets_is_used(make_settings: MakeSettings) -> None:
    settings = make_settings(
        daily_tokens_per_user=10_000, daily_tokens_per_channel=20_000, daily_tokens_per_server=30_000
    )
    async with living(settings) as world:
        await world.marlin.send(world.channel, f"{world.mention} Hello!")
        text = text_of(await world.nemo.slash(world.channel, "usage"))
        assert f"**Budgets of today**, free again {free_again()}" in text
        assert "You, everywhere: 0 of 10.0k tokens" in text
        assert "This channel: 0 of" not in text
        assert "of 20.0k tokens" in text
        assert "This server: " in text
        assert "You, everywhere: 0 of" not in text_of(await world.marlin.slash(world.channel, "usage"))
        await world.nemo.send_dm("Hello!")
        private = text_of(await world.nemo.user.slash("usage"))
        assert "This channel" in private
        assert "This server" not in private


async def test_without_budgets_nothing_is_said_of_them(world: World) -> None:
    await world.ask("Hello!")
    assert "Budgets" not in text_of(await world.nemo.slash(world.channel, "usage"))
    assert "**A channel's tokens a day**: no limit · from the host" in text_of(
        await world.marlin.slash(world.channel, "channel")
    )


@pytest.fixture
def as_admin() -> Callable[[World], simcord.MemberActor]:
    """Make a member who manages the server."""

    def make(world: World) -> simcord.MemberActor:
        admins = world.guild.create_role("Admins", permissions=discord.Permissions(manage_guild=True))
        return world.guild.add_member(world.env.create_user("Coral"), roles=[admins])

    return make


async def test_admins_set_less_for_each_person_in_their_server(
    make_settings: MakeSettings, as_admin: Callable[[World], simcord.MemberActor]
) -> None:
    async with living(make_settings(daily_tokens_per_user=10_000)) as world:
        coral = as_admin(world)
        panel = await coral.slash(world.channel, "server")
        refused = await fill(coral, panel, "limits", {"channel_day_tokens": "", "user_day_tokens": "10001"})
        assert "tokens a day may be from 1 to 10,000 here" in text_of(refused)
        panel = await coral.slash(world.channel, "server")
        done = await fill(coral, panel, "limits", {"channel_day_tokens": "5,000", "user_day_tokens": "100"})
        assert "Tokens a day: 5,000 in a channel, 100 for a person, from the next turn on." in text_of(done)
        await world.ask("My name is Nemo.")
        answer = await world.ask("What is my name?")
        assert "the 100 tokens that a person may use in a day in this server" in answer
        await world.nemo.send_dm("My name is Nemo.")
        assert "Nemo" in world.last(world.nemo.user.dm_channel)
        usage = text_of(await world.nemo.slash(world.channel, "usage"))
        assert "You, in this server: " in usage
        assert "You, everywhere: " in usage


async def test_managers_set_less_for_a_channel_and_its_threads(make_settings: MakeSettings) -> None:
    async with living(make_settings()) as world:
        panel = await world.marlin.slash(world.channel, "channel")
        done = await fill(world.marlin, panel, "limits", {"channel_day_tokens": "100"})
        assert "Tokens a day: 100 in a channel, no limit for a person" in text_of(done)
        elsewhere = world.guild.create_text_channel("elsewhere")
        for _ in range(2):
            assert "Nemo" in await world.ask("My name is Nemo.", channel=elsewhere)
        thread = await thread_in(world, world.channel)
        for place in (world.channel, thread):
            await world.ask("My name is Nemo.", channel=place)
            assert "in this channel are used up" in await world.ask("What is my name?", channel=place)
        panel = await world.marlin.slash(world.channel, "channel")
        assert "**A channel's tokens a day**: 100 · set here" in text_of(panel)
        await fill(world.marlin, panel, "limits", {"channel_day_tokens": ""})
        assert "Nemo" in await world.ask("What is my name?")


async def test_who_manages_only_a_channel_sets_no_limit_for_people(world: World) -> None:
    panel = await world.marlin.slash(world.channel, "channel")
    (button,) = [each for each in controls(panel) if each["custom_id"].endswith(":form:limits")]
    assert panel.response is not None
    opened = await world.marlin.click(panel.response.message, custom_id=button["custom_id"])
    with pytest.raises(Exception, match="user_day_tokens"):
        await world.marlin.submit_modal(opened, {"channel_day_tokens": "5", "user_day_tokens": "5"})
    world.env.backend.remove_member_role(world.guild.id, world.marlin.id, world.guild.roles["Managers"].id)
    refused = await world.marlin.click(panel.response.message, custom_id=button["custom_id"])
    assert "You need the permission" in text_of(refused)


async def test_a_model_that_is_down_uses_nothing_of_a_budget(make_settings: MakeSettings, model: LittleModel) -> None:
    model.levers.status(500, times=100)
    async with quiet(make_settings(daily_tokens=100_000)) as running:
        for _ in range(THRESHOLD - 1):
            assert (await running.ask("Hello!")).startswith("⚠️")
        waits = running.channel(2)
        await running.say("Hello!", channel=2)
        await asyncio.wait_for(waits.changed.wait(), 5)
        assert "I keep trying" in str(waits.texts)
        standing = await running.services.budgets.today()
        assert standing is not None
        assert (standing.used, standing.reserved) == (0, 0)


async def test_who_waits_for_a_budget_keeps_nobody_else_from_being_answered(
    make_settings: MakeSettings, model: LittleModel
) -> None:
    model.levers.about("poor").hang(2)
    async with quiet(make_settings(daily_tokens_per_server=SMALL, max_concurrent_replies=2)) as running:
        for channel in (1, 2, 3):
            await running.say("We are poor.", channel=channel)
        rich = Said(next(running.ids), 10, 8, 43, "Dory", "We have a budget of our own.", NOW)
        await running.services.conversations.hear(rich, addressed=True)
        await running.idle("channel-10")
        assert len(running.channel(10).texts) == 1
        assert [len(running.channel(channel).texts) for channel in (1, 2, 3)] == [0, 0, 0]
        await running.idle("channel-1", "channel-2", "channel-3")
        answers = [text for channel in (1, 2, 3) for text in running.channel(channel).texts.values()]
        assert sum(text.startswith(SPENT_SIGN) for text in answers) == 2
