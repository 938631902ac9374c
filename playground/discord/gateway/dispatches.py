"""What a session is told first: who the bot is and which guilds it is in; and of members on request.

Source: https://docs.discord.com/developers/events/gateway-events
"""

from __future__ import annotations

from playground.discord import payloads
from playground.discord.records import Guild, Json, Member
from playground.discord.state import State


def guilds(state: State) -> list[Guild]:
    """The guilds that the bot is in."""
    return [guild for guild in state.guilds.values() if (guild.id, state.bot.id) in state.members]


def ready(state: State, session_id: str, guilds: list[Guild]) -> Json:
    """READY. It only names the guilds; each follows whole."""
    return {
        "v": 10,
        "user": payloads.current_user(state.bot),
        "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
        "session_id": session_id,
        "session_type": "normal",
        "resume_gateway_url": state.gateway_url,
        "shard": [0, 1],
        "application": {"id": str(state.bot.id), "flags": payloads.application_flags(state)},
        "private_channels": [],
        "relationships": [],
        "user_settings": {},
        "presences": [],
        "_trace": [],
    }


def members_chunk(state: State, request: Json) -> Json:
    """GUILD_MEMBERS_CHUNK: the members in ``user_ids``, or those whose name begins with ``query``."""
    guild_id, ids = request["guild_id"], request.get("user_ids")
    members = _members(state, guild_id)
    if ids:
        found = [each for each in members if each.user_id in ids]
    else:
        beginning = (request.get("query") or "").lower()
        found = [each for each in members if state.users[each.user_id].username.lower().startswith(beginning)]
        found = found[: request.get("limit") or None]
    chunk: Json = {
        "guild_id": str(guild_id),
        "members": [payloads.member(state, each) for each in found],
        "chunk_index": 0,
        "chunk_count": 1,
    }
    if ids:
        chunk["not_found"] = [str(each) for each in ids if (guild_id, each) not in state.members]
    if request.get("presences"):
        chunk["presences"] = []
    return chunk | ({"nonce": request["nonce"]} if request.get("nonce") else {})


def _members(state: State, guild_id: int) -> list[Member]:
    return [member for (guild, _), member in state.members.items() if guild == guild_id]
