"""What there is to read in a server, and where we may write, as plain numbers, taken once when Discord tells of the server.

Nothing else looks for channels in discord.py's cache; what feeds this differently needs to change nothing but this.
"""

from __future__ import annotations

from dataclasses import dataclass

import discord

from bot.catch_up import Survey

_Readable = discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread


@dataclass(frozen=True, slots=True)
class Joined:
    """A server that we joined, *at* which second since the Unix epoch, and the channel where a first word belongs."""

    guild_id: int
    channel_id: int
    at: int


def survey(guild: discord.Guild) -> Survey:
    """Look at a server that is available."""
    joined_at = guild.me.joined_at
    readable: list[_Readable] = [*guild.text_channels, *guild.voice_channels, *guild.stage_channels, *guild.threads]
    newest = {channel.id: channel.last_message_id or 0 for channel in readable if _may_read(channel, guild.me)}
    everything = {channel.id for channel in (*guild.channels, *guild.threads)}
    return Survey(
        guild_id=guild.id,
        since=discord.utils.time_snowflake(joined_at) if joined_at else 0,
        newest=newest,
        hidden=frozenset(everything - newest.keys()),
    )


def joined(guild: discord.Guild) -> Joined | None:
    """Look at a server that we just joined; None if there is no channel where we may write.

    The channel is the one for Discord's own notices, if we may write there, or the first text channel where we may.
    """
    candidates = [channel for channel in (guild.system_channel, *guild.text_channels) if channel is not None]
    place = next((channel for channel in candidates if _may_write(channel, guild.me)), None)
    if place is None:
        return None
    return Joined(guild.id, place.id, int(guild.me.joined_at.timestamp()) if guild.me.joined_at else 0)


def _may_write(channel: discord.TextChannel, me: discord.Member) -> bool:
    may = channel.permissions_for(me)
    return may.view_channel and may.send_messages


def _may_read(channel: _Readable, me: discord.Member) -> bool:
    if isinstance(channel, discord.Thread) and channel.parent is None:
        return False  # its permissions are its parent's
    may = channel.permissions_for(me)
    # https://discord.com/developers/docs/resources/message#get-channel-messages
    may_listen = may.connect or not isinstance(channel, (discord.VoiceChannel, discord.StageChannel))
    return may.view_channel and may.read_message_history and may_listen
