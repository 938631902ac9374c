"""Reactions: putting an emoji under a message, taking it away, listing who did.

This world has Unicode emoji only. Source: https://docs.discord.com/developers/resources/message#create-reaction
"""

from __future__ import annotations

from playground.discord import payloads
from playground.discord.errors import DiscordError, Problem
from playground.discord.messages import fetch
from playground.discord.permissions import Permission
from playground.discord.records import Json, Message, User
from playground.discord.state import State

_MAX_DIFFERENT = 20


def add(state: State, user_id: int, channel_id: int, message_id: int, emoji: str) -> None:
    """React. A second time with the same emoji changes nothing."""
    if emoji.isascii():
        raise DiscordError(Problem.UNKNOWN_EMOJI)
    message = fetch(state, user_id, channel_id, message_id)
    if emoji not in message.reactions:
        state.require(user_id, state.channel(channel_id), Permission.ADD_REACTIONS)
        if len(message.reactions) == _MAX_DIFFERENT:
            raise DiscordError(Problem.TOO_MANY_REACTIONS)
    users = message.reactions.setdefault(emoji, [])
    if user_id not in users:
        users.append(user_id)
        state.save_message(message)
        _tell(state, "MESSAGE_REACTION_ADD", message, user_id, emoji)


def remove(state: State, user_id: int, channel_id: int, message_id: int, emoji: str) -> None:
    """Take one's reaction back; one that is not there is no error."""
    message = fetch(state, user_id, channel_id, message_id)
    if user_id not in message.reactions.get(emoji, []):
        return
    message.reactions[emoji].remove(user_id)
    if not message.reactions[emoji]:
        del message.reactions[emoji]
    state.save_message(message)
    _tell(state, "MESSAGE_REACTION_REMOVE", message, user_id, emoji)


def who(state: State, reader_id: int, channel_id: int, message_id: int, emoji: str, query: Json) -> list[User]:
    """Who reacted with an emoji: up to ``limit`` (25), ids greater than ``after``."""
    message = fetch(state, reader_id, channel_id, message_id)
    later = sorted(each for each in message.reactions.get(emoji, []) if each > (query.get("after") or 0))
    return [state.users[each] for each in later[: query.get("limit") or 25]]


def _tell(state: State, kind: str, message: Message, user_id: int, emoji: str) -> None:
    channel = state.channels[message.channel_id]
    data = {
        "user_id": str(user_id),
        "channel_id": str(message.channel_id),
        "message_id": str(message.id),
        "emoji": payloads.emoji(emoji),
        "type": 0,
        "burst": False,
    }
    if channel.guild_id:
        data["guild_id"] = str(channel.guild_id)
    if kind == "MESSAGE_REACTION_ADD":
        data["message_author_id"] = str(message.author_id)
        if channel.guild_id:
            data["member"] = payloads.member(state, state.member(channel.guild_id, user_id))
    state.emit(kind, data, channel)
