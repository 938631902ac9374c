"""Guilds: founding one, who is in it, its roles and who has them.

Channels and their permissions have a room of their own. Source: https://docs.discord.com/developers/resources/guild
"""

from __future__ import annotations

from collections.abc import Sequence

from playground.discord import payloads
from playground.discord.errors import DiscordError, Problem, invalid_field
from playground.discord.permissions import ORDINARY, Permission
from playground.discord.records import Guild, Json, Member, Role
from playground.discord.state import State

_ADMIN = "Admin"
_NAME_LENGTH = range(2, 101)


def found(state: State, name: str, owner_id: int) -> Guild:
    """Make a guild with the roles @everyone and Admin, and its owner as the only member."""
    if len(name) not in _NAME_LENGTH:
        raise invalid_field("name", "BASE_TYPE_BAD_LENGTH", "A server's name has 2 to 100 characters.")
    guild = Guild(state.ids.next(), name, owner_id)
    state.guilds[guild.id] = guild
    state.save(guild)
    state.add_role(Role(guild.id, guild.id, "@everyone", ORDINARY))
    add_role(state, guild.id, _ADMIN, Permission.ADMINISTRATOR)
    add_member(state, guild.id, owner_id, [admin_role(state, guild.id)])
    return guild


def admin_role(state: State, guild_id: int) -> int:
    """The role with which a guild is founded."""
    return next(role.id for role in state.guild_roles(guild_id) if role.name == _ADMIN)


def add_bot(state: State, guild_id: int) -> None:
    """Let the bot join, with a role of its own. It is told of the whole guild."""
    if (guild_id, state.bot.id) in state.members:
        return
    role = next((each for each in state.guild_roles(guild_id) if each.bot_id == state.bot.id), None)
    if role is None:
        role = Role(state.ids.next(), guild_id, state.bot.username, ORDINARY, position=1, bot_id=state.bot.id)
        state.add_role(role)
    state.add_member(Member(state.ids.next(), guild_id, state.bot.id, [role.id]))
    data = whole(state, state.guilds[guild_id], with_members=False)
    state.hub.dispatch("GUILD_CREATE", data)
    state.hub.show("GUILD_CREATE", data)


def add_member(state: State, guild_id: int, user_id: int, roles: Sequence[int] = (), nick: str | None = None) -> None:
    """Let a person join."""
    member = Member(state.ids.next(), guild_id, user_id, list(roles), nick)
    state.add_member(member)
    _tell_of_member(state, "GUILD_MEMBER_ADD", member)


def remove_member(state: State, guild_id: int, user_id: int) -> None:
    """Let a person leave; let the bot be removed."""
    state.remove_member(state.member(guild_id, user_id))
    data = {"guild_id": str(guild_id), "user": payloads.user(state.user(user_id))}
    state.hub.dispatch("GUILD_MEMBER_REMOVE", data)
    if user_id == state.bot.id:
        state.hub.dispatch("GUILD_DELETE", {"id": str(guild_id)})
    state.hub.show("GUILD_MEMBER_REMOVE", data)


def set_roles(state: State, guild_id: int, user_id: int, role_ids: Sequence[int]) -> None:
    """Give a member these roles in place of those that they had."""
    member = state.member(guild_id, user_id)
    for role_id in role_ids:
        if role_id == guild_id or role_id not in state.roles or state.roles[role_id].guild_id != guild_id:
            raise invalid_field("roles", "BASE_TYPE_CHOICES", "There is no such role.")
    member.roles = list(dict.fromkeys(role_ids))
    state.save(member)
    _tell_of_member(state, "GUILD_MEMBER_UPDATE", member)


def add_role(state: State, guild_id: int, name: str, permissions: int) -> Role:
    """Make a role."""
    role = Role(state.ids.next(), guild_id, name, int(permissions), len(state.guild_roles(guild_id)))
    state.add_role(role)
    _tell(state, "GUILD_ROLE_CREATE", {"guild_id": str(guild_id), "role": payloads.role(role)})
    return role


def change_role(state: State, role_id: int, permissions: int) -> None:
    """Change what a role allows."""
    role = _role(state, role_id)
    role.permissions = int(permissions)
    state.save(role)
    _tell(state, "GUILD_ROLE_UPDATE", {"guild_id": str(role.guild_id), "role": payloads.role(role)})


def delete_role(state: State, role_id: int) -> None:
    """Delete a role; nobody has it any more."""
    role = _role(state, role_id)
    if role_id == role.guild_id or role.bot_id:
        raise DiscordError(Problem.INVALID_ROLE)
    for member in [each for each in state.members.values() if role_id in each.roles]:
        set_roles(state, role.guild_id, member.user_id, [each for each in member.roles if each != role_id])
    state.remove_role(role)
    _tell(state, "GUILD_ROLE_DELETE", {"guild_id": str(role.guild_id), "role_id": str(role_id)})


def whole(state: State, guild: Guild, *, with_members: bool) -> Json:
    """GUILD_CREATE: a guild with everything in it. Without its members, the bot itself is the only one.

    It says nothing of ``unavailable``, by which a client knows that the bot has just joined.
    """
    bot_id = state.bot.id
    channels = [each for each in state.channels.values() if each.guild_id == guild.id]
    threads = [each for each in channels if each.is_thread and not each.archived]
    members = [member for (guild_id, _), member in state.members.items() if guild_id == guild.id]
    known = [each for each in members if each.user_id == bot_id or with_members]
    return payloads.guild(state, guild) | {
        "joined_at": payloads.member(state, state.member(guild.id, bot_id))["joined_at"],
        "large": False,
        "member_count": len(members),
        "members": [payloads.member(state, each) for each in known],
        "channels": [payloads.channel(state, each, bot_id) for each in channels if not each.is_thread],
        "threads": [
            payloads.channel(state, each, bot_id)
            for each in threads
            if state.may(bot_id, each, Permission.VIEW_CHANNEL)
        ],
        "presences": [],
        "voice_states": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def _role(state: State, role_id: int) -> Role:
    if role_id not in state.roles:
        raise DiscordError(Problem.UNKNOWN_ROLE)
    return state.roles[role_id]


def _tell_of_member(state: State, kind: str, member: Member) -> None:
    _tell(state, kind, payloads.member(state, member) | {"guild_id": str(member.guild_id)})


def _tell(state: State, kind: str, data: Json) -> None:
    """Tell the bot, if it is in the guild, and everyone who watches."""
    if (int(data["guild_id"]), state.bot.id) in state.members:
        state.hub.dispatch(kind, data)
    state.hub.show(kind, data)
