"""Channels. https://docs.discord.com/developers/resources/channel"""

from __future__ import annotations

from playground.discord import channels, messages, payloads, threads
from playground.discord.errors import DiscordError, Problem
from playground.discord.forms import boolean, clean, fields, integer, one_of, text
from playground.discord.permissions import Permission
from playground.discord.records import Channel, Json
from playground.discord.rest.routes import Call, Routes

routes = Routes()
#: Minutes without a word until a thread is archived.
ARCHIVE_MINUTES = one_of(60, 1440, 4320, 10080)

_CHANGE_CHANNEL = fields({"name": text(1, 100), "topic": text(0, 1024), "rate_limit_per_user": integer(0, 21600)})
_CHANGE_THREAD = fields(
    {
        "name": text(1, 100),
        "archived": boolean,
        "locked": boolean,
        "auto_archive_duration": ARCHIVE_MINUTES,
        "rate_limit_per_user": integer(0, 21600),
    }
)


def _channel(call: Call) -> Channel:
    channel = call.state.channel(call.id("channel_id"))
    call.state.require(call.bot_id, channel)
    return channel


@routes.add("GET", "/channels/{channel_id}")
def get_channel(call: Call) -> Json:
    """A channel that the bot can see."""
    return payloads.channel(call.state, _channel(call), call.bot_id)


@routes.add("PATCH", "/channels/{channel_id}", body=lambda value: value)
def edit_channel(call: Call) -> Json:
    """Change a channel or a thread; they take different fields."""
    channel = _channel(call)
    if channel.is_dm:
        raise DiscordError(Problem.NOT_IN_A_DM)
    if channel.is_thread:
        threads.change(call.state, call.bot_id, channel, clean(_CHANGE_THREAD, call.body))
    else:
        channels.change(call.state, call.bot_id, channel, clean(_CHANGE_CHANNEL, call.body))
    return payloads.channel(call.state, channel, call.bot_id)


@routes.add("DELETE", "/channels/{channel_id}")
def delete_channel(call: Call) -> Json:
    """Delete a channel or a thread."""
    channel = _channel(call)
    if channel.is_dm:
        raise DiscordError(Problem.NOT_IN_A_DM)
    needed = Permission.MANAGE_THREADS if channel.is_thread else Permission.MANAGE_CHANNELS
    call.state.require(call.bot_id, channel, needed)
    payload = payloads.channel(call.state, channel, call.bot_id)
    channels.delete(call.state, channel)
    return payload


@routes.add("POST", "/channels/{channel_id}/typing")
def trigger_typing(call: Call) -> None:
    """Type."""
    messages.type_in(call.state, call.bot_id, call.id("channel_id"))
