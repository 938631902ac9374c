"""Channels, threads, guilds and members: changed by a real discord.py bot, and refused where Discord refuses."""

from __future__ import annotations

from typing import Any

import discord
import pytest

from playground.discord import ChannelType, DiscordError, Permission, World


async def code(action: Any) -> int:
    with pytest.raises(discord.HTTPException) as error:
        await action
    return error.value.code


async def test_a_channel_is_changed_and_deleted_by_who_may(
    world: World, client: discord.Client, channel: discord.TextChannel, general: int
) -> None:
    assert await code(channel.edit(topic="fish")) == 50013
    assert await code(channel.delete()) == 50013
    world.set_permissions(general, world.bot_id, allow=Permission.MANAGE_CHANNELS)
    await channel.edit(name="the-reef", topic="fish", slowmode_delay=5)
    assert world.channels[general]["name"] == "the-reef"
    changed = await client.fetch_channel(general)
    assert isinstance(changed, discord.TextChannel)
    assert (changed.topic, changed.slowmode_delay) == ("fish", 5)
    await channel.delete()
    assert general not in world.channels
    assert world.channel_id("random") in world.channels
    with pytest.raises(KeyError):
        world.channel_id("a-thread")
    assert await code(client.fetch_channel(general)) == 10003


async def test_a_thread_is_renamed_archived_locked_and_left(
    world: World, channel: discord.TextChannel, nemo: int, general: int
) -> None:
    thread = await channel.create_thread(name="own", type=discord.ChannelType.public_thread)
    assert world.messages(general)[-1]["type"] == 18
    renamed = await thread.edit(name="renamed", auto_archive_duration=60)
    assert (renamed.name, renamed.auto_archive_duration) == ("renamed", 60)
    await thread.add_user(discord.Object(nemo))
    assert {member.id for member in await thread.fetch_members()} == {nemo, world.bot_id}
    await thread.leave()
    assert await code(thread.edit(locked=True)) == 50013
    world.archive_thread(thread.id, locked=True)
    assert await code(thread.send("too late")) == 50083
    assert await code(thread.add_user(discord.Object(world.user_id("marlin")))) == 50083
    assert await code(thread.delete()) == 50013
    with pytest.raises(DiscordError, match="system message"):
        await world.say(nemo, general, "to Discord", reply_to=int(world.messages(general)[-1]["id"]))


async def test_a_private_thread_is_hidden_from_who_is_not_in_it(
    world: World, channel: discord.TextChannel, nemo: int, marlin: int, general: int
) -> None:
    world.set_permissions(general, world.bot_id, allow=Permission.CREATE_PRIVATE_THREADS)
    private = await channel.create_thread(name="private", invitable=False)
    assert not world.may(nemo, private.id, Permission.VIEW_CHANNEL)
    assert world.may(marlin, private.id, Permission.VIEW_CHANNEL)
    assert private.id not in world.visible_channels(nemo)


async def test_a_thread_under_a_message_can_be_deleted(
    world: World, client: discord.Client, nemo: int, general: int
) -> None:
    said = int((await world.say(nemo, general, "talk?"))["id"])
    thread = world.create_thread(nemo, general, "talk", message_id=said)
    assert world.messages(general)[-1]["thread"]["id"] == str(thread) == str(said)
    assert world.messages(thread)[0]["referenced_message"]["content"] == "talk?"
    await client.wait_for("thread_create", timeout=2)
    world.delete_channel(thread)
    assert (await client.wait_for("raw_thread_delete", timeout=2)).thread_id == thread
    assert "thread" not in world.messages(general)[-1]


async def test_where_no_thread_and_no_message_can_be(world: World, client: discord.Client, api: Any, nemo: int) -> None:
    dm, thread = world.dm(nemo), world.channel_id("a-thread")
    forum = world.create_channel("forum", kind=ChannelType.FORUM)

    async def refused(method: str, path: str, body: Any = None) -> int:
        status, answer = await api(method, path, body)
        assert status >= 400
        return int(answer["code"])

    assert await refused("POST", f"/channels/{dm}/threads", {"name": "x", "type": 11}) == 50003
    assert await refused("POST", f"/channels/{thread}/threads", {"name": "x", "type": 11}) == 50008
    assert await refused("POST", f"/channels/{forum}/threads", {"name": "x"}) == 50035
    assert await refused("POST", f"/channels/{forum}/messages", {"content": "x"}) == 50008
    assert await refused("PUT", f"/channels/{dm}/thread-members/@me") == 50008
    assert await refused("PATCH", f"/channels/{dm}", {"name": "x"}) == 50003
    assert await refused("DELETE", f"/channels/{dm}") == 50003
    assert await refused("POST", f"/channels/{dm}/messages/bulk-delete", {"messages": ["1", "2"]}) == 50003
    assert await refused("PATCH", f"/channels/{thread}", {"topic": "threads have none"}) == 50035
    said = int((await world.say(nemo, dm, "mine"))["id"])
    assert await refused("DELETE", f"/channels/{dm}/messages/{said}") == 50003
    assert await refused("POST", "/users/@me/channels", {"recipient_id": str(world.bot_id)}) == 50007


async def test_bulk_deletes_are_bounded(
    world: World, client: discord.Client, channel: discord.TextChannel, nemo: int, general: int
) -> None:
    world.set_permissions(general, world.bot_id, allow=Permission.MANAGE_MESSAGES)
    ids = [int((await world.say(nemo, general, str(n)))["id"]) for n in range(3)]
    await channel.delete_messages([discord.Object(each) for each in ids[:2]])
    assert [each["id"] for each in world.messages(general)][-1] == str(ids[2])
    assert await code(client.http.delete_messages(general, ids[2:])) == 50016
    assert await code(client.http.delete_messages(general, [1, 2])) == 50034
    await (await channel.fetch_message(ids[2])).edit(suppress=True)
    assert world.messages(general)[-1]["flags"] == 4
    assert await code(channel.get_partial_message(ids[2]).edit(content="not mine")) == 50005


async def test_the_guild_its_members_and_roles(world: World, client: discord.Client, nemo: int, api: Any) -> None:
    guild = await client.fetch_guild(world.guild_id)
    assert guild.approximate_member_count == 4
    _, members = await api("GET", f"/guilds/{world.guild_id}/members?limit=3")
    assert [member["user"]["username"] for member in members] == ["Mnemo", "owner", "nemo"]
    role = world.create_role("Fish", Permission.MANAGE_MESSAGES)
    assert (await client.wait_for("guild_role_create", timeout=2)).id == role
    assert "Fish" in {each.name for each in await guild.fetch_roles()}
    assert {channel.name for channel in await guild.fetch_channels()} == {"general", "random"}
    dory = world.create_user("dory", display_name="Dory")
    assert not world.visible_channels(dory)
    world.add_member(dory, roles=[role], nick="The blue one")
    assert (await client.guilds[0].fetch_member(dory)).guild_permissions.manage_messages
    _, [found] = await api("GET", f"/guilds/{world.guild_id}/members/search?query=the")
    assert found["user"]["username"] == "dory"
    world.rename(dory, "Dory Blue")
    assert (await client.fetch_user(dory)).display_name == "Dory Blue"
    assert await code(guild.fetch_member(12345)) == 10007
    assert [each.name async for each in client.fetch_guilds()] == ["Mnemo Playground"]


async def test_role_mentions_need_the_permission(
    world: World, channel: discord.TextChannel, marlin: int, general: int
) -> None:
    role = world.create_role("Fish", 0)
    text = f"<@&{role}> @everyone"
    said = await world.say(marlin, general, text)
    assert (said["mention_roles"], said["mention_everyone"]) == ([str(role)], True)
    only = discord.AllowedMentions(everyone=False, users=False, roles=[discord.Object(role)])
    world.set_permissions(general, world.bot_id, allow=Permission.MENTION_EVERYONE)
    sent = await channel.send(text, allowed_mentions=only)
    assert (sent.raw_role_mentions, sent.mention_everyone) == ([role], False)


async def test_people_have_longer_messages_and_the_same_rules(
    world: World, client: discord.Client, nemo: int, marlin: int, general: int
) -> None:
    assert len((await world.say(nemo, general, "x" * 4000))["content"]) == 4000
    with pytest.raises(DiscordError, match="4000"):
        await world.say(nemo, general, "x" * 4001)
    theirs = int((await world.say(marlin, general, "mine"))["id"])
    with pytest.raises(DiscordError, match="50005"):
        await world.edit(nemo, general, theirs, "yours")
    with pytest.raises(DiscordError, match="50013"):
        await world.delete(nemo, general, theirs)
    world.set_permissions(general, world.guild_id, deny=Permission.READ_MESSAGE_HISTORY)
    with pytest.raises(DiscordError, match="160002"):
        await world.say(nemo, general, "about that", reply_to=theirs)
    world.set_permissions(general, nemo, deny=Permission.SEND_MESSAGES)
    with pytest.raises(DiscordError, match="50013"):
        await world.type(nemo, general)
