"""Guilds, their channels, roles and members. https://docs.discord.com/developers/resources/guild"""

from __future__ import annotations

from playground.discord import payloads, threads
from playground.discord.errors import DiscordError, Problem
from playground.discord.forms import boolean, fields, integer, snowflake, text
from playground.discord.records import Json, Member
from playground.discord.rest.routes import Call, Routes

routes = Routes()


def _guild_id(call: Call) -> int:
    """The guild in the path; 50001 if the bot is not in it."""
    guild = call.state.guild(call.id("guild_id"))
    if (guild.id, call.bot_id) not in call.state.members:
        raise DiscordError(Problem.MISSING_ACCESS)
    return guild.id


def _members(call: Call) -> list[Member]:
    guild_id = _guild_id(call)
    return [member for (guild, _), member in call.state.members.items() if guild == guild_id]


@routes.add("GET", "/guilds/{guild_id}", query=fields({"with_counts": boolean}))
def get_guild(call: Call) -> Json:
    """A guild."""
    guild = payloads.guild(call.state, call.state.guild(_guild_id(call)))
    if call.query.get("with_counts"):
        guild |= {"approximate_member_count": len(_members(call)), "approximate_presence_count": 1}
    return guild


@routes.add("GET", "/guilds/{guild_id}/channels")
def list_guild_channels(call: Call) -> list[Json]:
    """Its channels, without threads."""
    guild_id = _guild_id(call)
    channels = [each for each in call.state.channels.values() if each.guild_id == guild_id and not each.is_thread]
    return [payloads.channel(call.state, each, call.bot_id) for each in channels]


@routes.add("GET", "/guilds/{guild_id}/roles")
def list_guild_roles(call: Call) -> list[Json]:
    """Its roles."""
    return [payloads.role(role) for role in call.state.guild_roles(_guild_id(call))]


@routes.add("GET", "/guilds/{guild_id}/members", query=fields({"limit": integer(1, 1000), "after": snowflake}))
def list_guild_members(call: Call) -> list[Json]:
    """Its members by id: up to ``limit`` (1) after ``after``."""
    later = sorted((m for m in _members(call) if m.user_id > (call.query.get("after") or 0)), key=lambda m: m.user_id)
    return [payloads.member(call.state, member) for member in later[: call.query.get("limit") or 1]]


@routes.add(
    "GET",
    "/guilds/{guild_id}/members/search",
    query=fields({"query": text(1, 100), "limit": integer(1, 1000)}, required=["query"]),
)
def search_guild_members(call: Call) -> list[Json]:
    """Members whose name or nickname begins with ``query``."""
    start = call.query["query"].lower()
    found = [
        member
        for member in _members(call)
        if call.state.users[member.user_id].username.lower().startswith(start)
        or (member.nick or "").lower().startswith(start)
    ]
    return [payloads.member(call.state, member) for member in found[: call.query.get("limit") or 1]]


@routes.add("GET", "/guilds/{guild_id}/members/{user_id}")
def get_guild_member(call: Call) -> Json:
    """One member."""
    return payloads.member(call.state, call.state.member(_guild_id(call), call.id("user_id")))


@routes.add("GET", "/guilds/{guild_id}/threads/active")
def list_active_threads(call: Call) -> Json:
    """The open threads that the bot can see."""
    found = threads.active(call.state, call.bot_id, _guild_id(call))
    joined = [payloads.thread_member(each, call.bot_id) for each in found if call.bot_id in each.member_ids]
    shown = [payloads.channel(call.state, each, call.bot_id) for each in found]
    return {"threads": shown, "members": joined, "has_more": False}
