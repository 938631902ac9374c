"""The second page of `/server`: who may talk, where, and who may reset; for those who may and those who may not."""

from __future__ import annotations

import discord
import pytest
import simcord

from storage.records import Access, Place
from tests.journeys.conftest import World
from tests.journeys.governing import choose, controls, thread_in
from tests.journeys.shown import shown_last, text_of
from tests.journeys.test_joining import invite
from tests.journeys.test_privacy import about

NOT_YOU = "I may not talk with you in this server; whoever manages it can change that."
NOT_HERE = "I may not talk in this channel."


@pytest.fixture
def coral(world: World) -> simcord.MemberActor:
    """A member who manages the server."""
    admins = world.guild.create_role("Admins", permissions=discord.Permissions(manage_guild=True))
    return world.guild.add_member(world.env.create_user("Coral"), roles=[admins])


async def who_may(world: World, coral: simcord.MemberActor) -> simcord.InteractionResult:
    """Open the second page of the panel."""
    shown = await coral.slash(world.channel, "server")
    assert shown.response is not None
    return await coral.click(shown.response.message, custom_id="mnemo:rules:page:access")


async def said_by(world: World, who: simcord.MemberActor, channel: simcord.ChannelHandle | None = None) -> list[str]:
    """What the bot answers to somebody who speaks to it."""
    where = channel or world.channel
    before = len(world.replies(where))
    await who.send(where, f"{world.mention} Hello!")
    return world.replies(where)[before:]


async def test_everybody_may_at_first_and_there_is_a_way_back(world: World, coral: simcord.MemberActor) -> None:
    shown = await who_may(world, coral)
    assert "Everybody may talk with me in every channel" in text_of(shown)
    assert len(controls(shown)) == 6
    assert shown.response is not None
    back = await coral.click(shown.response.message, custom_id="mnemo:rules:page:server")
    assert "## This server" in text_of(back)


async def test_who_is_blocked_is_told_once_and_never_answered_or_remembered(
    world: World, coral: simcord.MemberActor
) -> None:
    await choose(coral, await who_may(world, coral), "people:block", world.nemo)
    assert await said_by(world, world.nemo) == [NOT_YOU]
    assert await said_by(world, world.nemo) == []
    assert len(await said_by(world, world.marlin)) == 1
    assert NOT_YOU in text_of(await world.nemo.slash(world.channel, "help"))
    found = text_of(await world.marlin.slash(world.channel, "memory search", query="Hello"))
    assert "Nemo" not in found


async def test_a_role_may_and_blocking_wins(world: World, coral: simcord.MemberActor) -> None:
    fish, eels = world.guild.create_role("Fish"), world.guild.create_role("Eels")
    dory = world.guild.add_member(world.env.create_user("Dory"), roles=[fish])
    moray = world.guild.add_member(world.env.create_user("Moray"), roles=[fish, eels])
    shown = await choose(coral, await who_may(world, coral), "people:allow", fish, world.marlin)
    assert "Only whom you allow below may talk with me" in text_of(shown)
    await choose(coral, shown, "people:block", eels)
    assert len(await said_by(world, world.marlin)) == 1
    assert await said_by(world, dory) != [NOT_YOU]
    assert await said_by(world, moray) == [NOT_YOU]
    assert await said_by(world, world.nemo) == [NOT_YOU]
    shown = await choose(coral, await who_may(world, coral), "people:allow")
    assert "Everybody may talk" in text_of(shown)
    assert await said_by(world, world.nemo) != []


async def test_a_choice_made_while_discord_has_not_told_of_the_server_again_counts(
    world: World, coral: simcord.MemberActor
) -> None:
    eels = world.guild.create_role("Eels")
    moray = world.guild.add_member(world.env.create_user("Moray"), roles=[eels])
    shown = await who_may(world, coral)
    world.bot.names.clear()  # as a new session does
    shown = await choose(coral, shown, "people:block", eels)
    assert "exist" not in text_of(shown)
    shown = await choose(coral, shown, "channel:allow", world.channel)
    assert "exist" not in text_of(shown)
    assert "was deleted" not in text_of(shown)
    assert await said_by(world, moray) == [NOT_YOU]
    assert len(await said_by(world, world.nemo)) == 1


async def test_channels_and_their_threads(world: World, coral: simcord.MemberActor) -> None:
    other = world.guild.create_text_channel("other")
    thread = await thread_in(world, other)
    await choose(coral, await who_may(world, coral), "channel:allow", world.channel)
    assert await said_by(world, world.nemo) != [NOT_HERE]
    assert await said_by(world, world.nemo, other) == [NOT_HERE]
    assert await said_by(world, world.nemo, thread) == [NOT_HERE]
    await choose(coral, await who_may(world, coral), "channel:allow", world.channel, other)
    assert len(await said_by(world, world.nemo, thread)) == 1
    await choose(coral, await who_may(world, coral), "channel:block", world.channel)
    assert await said_by(world, world.nemo) == [NOT_HERE]


async def test_who_may_reset(world: World, coral: simcord.MemberActor) -> None:
    await world.ask("My name is Nemo.")
    assert "You need the permission" in text_of(await world.nemo.slash(world.channel, "memory reset"))
    await choose(coral, await who_may(world, coral), "people:reset", world.nemo)
    asked = await world.nemo.slash(world.channel, "memory reset")
    assert "Forget the 2 messages" in text_of(asked)
    assert asked.response is not None
    await choose(coral, await who_may(world, coral), "people:reset")
    refused = await world.nemo.click(asked.response.message, label="Start afresh")
    assert "You need the permission" in text_of(refused)
    assert "Forget the 2 messages" in text_of(await world.marlin.slash(world.channel, "memory reset"))


async def test_whose_roles_cannot_be_had_may_not_talk_where_a_role_may_not(
    world: World, coral: simcord.MemberActor
) -> None:
    fish, governance = world.guild.create_role("Fish"), world.bot.services.governance
    here = Place(world.channel.id, world.guild.id)
    assert governance.refusal(here, world.nemo.id, None) is None
    await choose(coral, await who_may(world, coral), "people:block", fish)
    assert governance.refusal(here, world.nemo.id, None) == NOT_YOU
    assert governance.refusal(here, world.nemo.id, ()) is None


async def test_everyone_is_a_role_that_everybody_has(world: World, coral: simcord.MemberActor) -> None:
    await world.ask("My name is Nemo.")
    everyone = world.guild.default_role
    await choose(coral, await who_may(world, coral), "people:block", everyone)
    assert await said_by(world, world.nemo) == [NOT_YOU]
    await choose(coral, await who_may(world, coral), "people:block")
    await choose(coral, await who_may(world, coral), "people:allow", everyone)
    assert await said_by(world, world.nemo) not in ([], [NOT_YOU])
    await choose(coral, await who_may(world, coral), "people:reset", everyone)
    assert "Forget the" in text_of(await world.nemo.slash(world.channel, "memory reset"))


async def test_who_is_named_in_a_list_is_told_so_with_what_is_kept_about_them(
    world: World, coral: simcord.MemberActor
) -> None:
    assert "I keep nothing about you" in text_of(await world.nemo.slash(world.channel, "privacy me"))
    await choose(coral, await who_may(world, coral), "people:block", world.nemo)
    await choose(coral, await who_may(world, coral), "people:reset", world.nemo)
    told = await about(await world.nemo.slash(world.channel, "privacy me"))
    assert told["lists_of_this_server"] == ["may not talk", "may reset"]
    assert told["messages"] == []


async def test_what_was_deleted_is_told_of_and_left_out_by_choosing_anew(
    world: World, coral: simcord.MemberActor
) -> None:
    fish, other = world.guild.create_role("Fish"), world.guild.create_text_channel("other")
    await choose(coral, await who_may(world, coral), "people:block", fish)
    await choose(coral, await who_may(world, coral), "channel:block", other)
    shown = await who_may(world, coral)
    world.env.backend.delete_role(world.guild.id, fish.id)
    world.env.backend.delete_channel(other.id)
    await world.env.settle()
    text = text_of(await who_may(world, coral))
    assert "A role of this list was deleted. Choose anew, or take it out below." in text
    assert "A channel of this list was deleted. Choose anew, or take it out below." in text
    shown = await choose(coral, await who_may(world, coral), "people:block", world.nemo)
    assert "A role of this list was deleted" not in text_of(shown)


async def test_who_allowed_only_what_was_deleted_finds_the_way_out(world: World, coral: simcord.MemberActor) -> None:
    fish = world.guild.create_role("Fish")
    await choose(coral, await who_may(world, coral), "people:allow", fish)
    assert "Take out what was deleted" not in str(shown_last(await who_may(world, coral)).components)
    world.env.backend.delete_role(world.guild.id, fish.id)
    await world.env.settle()
    assert await said_by(world, world.nemo) == [NOT_YOU], "what one may not do on Discord lets nobody in"
    shown = await who_may(world, coral)
    assert "Nothing of this list exists any more" in str(shown_last(shown).components)
    cleaned = await coral.click(shown_last(shown), label="Take out what was deleted")
    assert "✅ What was deleted is in no list any more." in text_of(cleaned)
    assert "Everybody may talk" in text_of(cleaned)
    assert await said_by(world, world.nemo) != [NOT_YOU]


async def test_a_permission_that_is_gone_counts_at_the_click(world: World, coral: simcord.MemberActor) -> None:
    shown = await who_may(world, coral)
    world.env.backend.remove_member_role(world.guild.id, coral.id, world.guild.roles["Admins"].id)
    refused = await choose(coral, shown, "people:block", world.nemo)
    assert "You need the permission Manage Server for this." in text_of(refused)
    assert await said_by(world, world.nemo) != [NOT_YOU]


async def test_a_permission_that_is_gone_takes_nothing_out_that_was_deleted(
    world: World, coral: simcord.MemberActor
) -> None:
    fish, governance = world.guild.create_role("Fish"), world.bot.services.governance
    await choose(coral, await who_may(world, coral), "people:block", fish)
    world.env.backend.delete_role(world.guild.id, fish.id)
    await world.env.settle()
    shown = await who_may(world, coral)
    world.env.backend.remove_member_role(world.guild.id, coral.id, world.guild.roles["Admins"].id)
    refused = await coral.click(shown_last(shown), label="Take out what was deleted")
    assert "You need the permission Manage Server for this." in text_of(refused)
    assert governance.access(world.guild.id).block_role == {fish.id}


async def test_only_who_speaks_to_the_bot_is_told(world: World, coral: simcord.MemberActor) -> None:
    await choose(world.marlin, await world.marlin.slash(world.channel, "channel"), "reply_mode", "all")
    await choose(coral, await who_may(world, coral), "people:block", world.nemo)
    await world.nemo.send(world.channel, "I talk to somebody else.")
    assert world.replies() == []


async def test_a_server_that_removes_the_bot_is_forgotten(world: World, coral: simcord.MemberActor) -> None:
    await choose(coral, await who_may(world, coral), "people:block", world.nemo)
    await choose(world.marlin, await world.marlin.slash(world.channel, "channel"), "persona", "Tutor")
    await invite(world)
    assert await said_by(world, world.nemo) != [NOT_YOU]
    await world.bot.services.governance.load()  # as the next start does
    assert world.bot.services.governance.access(world.guild.id) == Access()
    assert "**Persona**: custom · from the host" in text_of(await world.marlin.slash(world.channel, "channel"))
