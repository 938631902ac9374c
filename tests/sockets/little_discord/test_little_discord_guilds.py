"""Servers that the bot joins while it runs, and what its members may do there: roles given, changed, deleted."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
import pytest

from playground.discord import DiscordError, Permission, World
from tests.sockets.little_discord.conftest import Connect


class Events(discord.Client):
    """Keeps what it is told of servers."""

    def __init__(self, **options: Any) -> None:
        super().__init__(guild_ready_timeout=0, **options)
        self.told: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    async def on_guild_join(self, guild: discord.Guild) -> None:
        self.told.put_nowait(("joined", guild))

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        self.told.put_nowait(("left", guild))

    async def on_guild_role_delete(self, role: discord.Role) -> None:
        self.told.put_nowait(("role deleted", role.name))

    async def on_guild_role_update(self, _: discord.Role, role: discord.Role) -> None:
        self.told.put_nowait(("role changed", role.permissions.value))

    async def on_member_update(self, _: discord.Member, member: discord.Member) -> None:
        self.told.put_nowait(("member changed", member.name))

    async def next(self) -> tuple[str, Any]:
        async with asyncio.timeout(3):
            return await self.told.get()


@pytest.fixture
async def bot(connect: Connect) -> Events:
    client = Events(intents=discord.Intents.default())
    await connect(client)
    return client


async def test_a_bot_joins_a_server_speaks_there_and_is_removed(world: World, bot: Events, nemo: int) -> None:
    reef = world.create_guild("Great Reef", nemo)
    general = world.create_channel("general", guild_id=reef)
    assert bot.get_guild(reef) is None
    world.add_bot(reef)

    kind, guild = await bot.next()
    assert (kind, guild.name, guild.owner_id) == ("joined", "Great Reef", nemo)
    assert [each.name for each in guild.text_channels] == ["general"]
    await guild.text_channels[0].send("Hello!")
    assert world.messages(general)[-1]["content"] == "Hello!"
    assert world.channel_id("general") != general

    world.remove_member(world.bot_id, guild_id=reef)
    assert (await bot.next())[0] == "left"
    with pytest.raises(discord.Forbidden):
        await guild.text_channels[0].send("Still there?")


async def test_a_server_where_the_bot_may_write_nowhere(world: World, bot: Events, nemo: int) -> None:
    reef = world.create_guild("Great Reef", nemo)
    general = world.create_channel("general", guild_id=reef)
    world.set_permissions(general, reef, deny=Permission.SEND_MESSAGES)
    world.add_bot(reef)

    _, guild = await bot.next()
    assert not guild.text_channels[0].permissions_for(guild.me).send_messages


async def test_roles_are_given_changed_and_deleted(world: World, bot: Events, nemo: int, general: int) -> None:
    role = world.create_role("Keeper", 0)
    world.set_roles(nemo, [role])
    assert not world.may(nemo, general, Permission.MANAGE_MESSAGES)
    world.change_role(role, Permission.MANAGE_MESSAGES)
    assert await bot.next() == ("role changed", Permission.MANAGE_MESSAGES)
    assert world.may(nemo, general, Permission.MANAGE_MESSAGES)
    world.delete_role(role)
    assert await bot.next() == ("role deleted", "Keeper")
    assert not world.may(nemo, general, Permission.MANAGE_MESSAGES)
    for wrong in (role, world.guild_id):
        with pytest.raises(DiscordError):
            world.set_roles(nemo, [wrong])
    with pytest.raises(DiscordError):
        world.delete_role(world.guild_id)


async def test_the_bot_is_told_of_its_own_roles_without_the_intent_for_members(
    world: World, bot: Events, marlin: int
) -> None:
    admin = next(role.id for role in world.state.guild_roles(world.guild_id) if role.name == "Admin")
    world.set_roles(marlin, [])
    world.set_roles(world.bot_id, [admin])
    assert (await bot.next())[0] == "member changed"
    assert bot.guilds[0].me.guild_permissions.administrator
    assert bot.told.empty()
