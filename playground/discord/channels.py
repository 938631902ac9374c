"""Channels and direct messages: making, changing and deleting them. Threads have a room of their own.

Source: https://docs.discord.com/developers/resources/channel
"""

from __future__ import annotations

from playground.discord import payloads
from playground.discord.errors import DiscordError, Problem
from playground.discord.permissions import Permission
from playground.discord.records import Channel, ChannelType, Json, Overwrite, OverwriteType
from playground.discord.state import State


def create(state: State, guild_id: int, name: str, kind: ChannelType, topic: str | None) -> Channel:
    """Make a text channel or a forum."""
    position = sum(each.guild_id == guild_id and not each.is_thread for each in state.channels.values())
    channel = Channel(state.ids.next(), kind, guild_id=guild_id, name=name, topic=topic, position=position)
    state.add_channel(channel)
    state.emit("CHANNEL_CREATE", payloads.channel(state, channel), channel)
    return channel


def direct(state: State, one_id: int, other_id: int) -> Channel:
    """The direct messages between two users; made if they never spoke."""
    ends = sorted([state.user(one_id).id, state.user(other_id).id])
    if one_id == other_id:
        raise DiscordError(Problem.CANNOT_DM)
    for channel in state.channels.values():
        if channel.is_dm and sorted(channel.member_ids) == ends:
            return channel
    channel = Channel(state.ids.next(), ChannelType.DM, member_ids=ends)
    state.add_channel(channel)
    # Bots are not told of new direct messages, since version 8 of the API.
    state.hub.show("CHANNEL_CREATE", payloads.channel(state, channel, state.bot.id), state.only_for(channel))
    return channel


def change(state: State, actor_id: int, channel: Channel, body: Json) -> None:
    """Rename a channel, or change its topic or its slowmode."""
    state.require(actor_id, channel, Permission.MANAGE_CHANNELS)
    channel.name = body.get("name") or channel.name
    channel.topic = body.get("topic", channel.topic)
    if body.get("rate_limit_per_user") is not None:
        channel.slowmode_seconds = body["rate_limit_per_user"]
    updated(state, channel)


def set_permissions(state: State, channel: Channel, target_id: int, allow: int, deny: int) -> None:
    """Put an overwrite for a role or a member in place of the one that was there."""
    kind = OverwriteType.ROLE if target_id in state.roles else OverwriteType.MEMBER
    others = [each for each in channel.overwrites if each.target_id != target_id]
    channel.overwrites = [*others, Overwrite(target_id, kind, int(allow), int(deny))]
    updated(state, channel)


def updated(state: State, channel: Channel) -> None:
    """Keep a changed channel, and tell of it."""
    state.save(channel)
    state.emit("CHANNEL_UPDATE", payloads.channel(state, channel), channel)


def delete(state: State, channel: Channel) -> None:
    """Delete a channel, its messages and its threads."""
    for thread in state.threads(channel.id):
        state.remove_channel(thread)
    kind = "THREAD_DELETE" if channel.is_thread else "CHANNEL_DELETE"
    state.emit(kind, payloads.channel(state, channel), channel)
    state.remove_channel(channel)


def visible(state: State, user_id: int) -> list[Channel]:
    """The channels that a user can see, in the order of their making."""
    return [channel for channel in state.channels.values() if state.may(user_id, channel, Permission.VIEW_CHANNEL)]
