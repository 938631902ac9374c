"""Application commands, global and of a guild. https://docs.discord.com/developers/interactions/application-commands"""

from __future__ import annotations

from playground.discord import commands
from playground.discord.errors import DiscordError, Problem
from playground.discord.forms import Check, boolean, fields
from playground.discord.records import Json
from playground.discord.rest.routes import Answer, Call, Handler, Routes

routes = Routes()
_GLOBAL = "/applications/{application_id}/commands"
_GUILD = "/applications/{application_id}/guilds/{guild_id}/commands"
_LIST = fields({"with_localizations": boolean})


def _scope(call: Call) -> int | None:
    """The guild in the path, None for global commands; 50001 for somebody else's application."""
    if call.id("application_id") != call.bot_id:
        raise DiscordError(Problem.MISSING_ACCESS)
    return call.state.guild(call.id("guild_id")).id if "guild_id" in call.path else None


def list_commands(call: Call) -> list[Json]:
    """What is registered."""
    return commands.registered(call.state, _scope(call))


def overwrite_commands(call: Call) -> list[Json]:
    """Put these in place of all that are registered."""
    return commands.overwrite(call.state, _scope(call), call.body)


def create_command(call: Call) -> Answer:
    """Register one; 200 if it takes another's place."""
    result, new = commands.create(call.state, _scope(call), call.body)
    return Answer(201 if new else 200, result)


def get_command(call: Call) -> Json:
    """One of them."""
    return commands.find(call.state, call.id("command_id"), _scope(call))


def edit_command(call: Call) -> Json:
    """Change one."""
    return commands.edit(call.state, commands.find(call.state, call.id("command_id"), _scope(call)), call.body)


def delete_command(call: Call) -> None:
    """Remove one."""
    commands.delete(call.state, commands.find(call.state, call.id("command_id"), _scope(call)))


_NOTHING = fields({})


def _in_both_scopes(
    method: str, rest: str, handler: Handler, *, body: Check = _NOTHING, query: Check = _NOTHING
) -> None:
    for base in (_GLOBAL, _GUILD):
        routes.add(method, base + rest, body=body, query=query)(handler)


_in_both_scopes("GET", "", list_commands, query=_LIST)
_in_both_scopes("PUT", "", overwrite_commands, body=commands.BULK)
_in_both_scopes("POST", "", create_command, body=commands.command)
_in_both_scopes("GET", "/{command_id}", get_command)
_in_both_scopes("PATCH", "/{command_id}", edit_command, body=commands.EDIT)
_in_both_scopes("DELETE", "/{command_id}", delete_command)
