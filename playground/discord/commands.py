"""Application commands: what a bot may register, what is registered, and who may use it where.

The using itself is in ``invocations.py``. Source: https://docs.discord.com/developers/interactions/application-commands
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from playground.discord.errors import DiscordError, Problem, invalid_field
from playground.discord.forms import (
    Check,
    array,
    boolean,
    fields,
    integer,
    mapping,
    number,
    one_of,
    tagged,
    text,
    wrong,
)
from playground.discord.permissions import Permission
from playground.discord.records import Channel, Json
from playground.discord.state import State


class CommandType(IntEnum):
    """The kinds of commands."""

    CHAT_INPUT = 1
    USER = 2
    MESSAGE = 3


class OptionType(IntEnum):
    """The kinds of a slash command's options."""

    SUBCOMMAND = 1
    GROUP = 2
    STRING = 3
    INTEGER = 4
    BOOLEAN = 5
    USER = 6
    CHANNEL = 7
    ROLE = 8
    MENTIONABLE = 9
    NUMBER = 10
    ATTACHMENT = 11


class Context(IntEnum):
    """Where a command may be used."""

    GUILD = 0
    BOT_DM = 1
    PRIVATE_CHANNEL = 2


#: Commands of each kind, globally and in each guild.
_MAX_COMMANDS = {CommandType.CHAT_INPUT: 100, CommandType.USER: 15, CommandType.MESSAGE: 15}
_WORD = r"[-_'\w]{1,32}"


def _lower_word(value: Any) -> str:
    word: str = text(1, 32, _WORD)(value)
    if word != word.lower():
        raise wrong("APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
    return word


_localizations = mapping(text(1, 100))


def _bits(value: Any) -> str:
    """A permission set is a number in a string; discord.py sends a number, which Discord takes too."""
    return str(integer(minimum=0)(value))


_described: dict[str, Check] = {
    "type": integer(),
    "name": _lower_word,
    "name_localizations": _localizations,
    "description": text(1, 100),
    "description_localizations": _localizations,
}


def _option(**more: Check) -> Check:
    return fields(_described | {"required": boolean} | more, required=("type", "name", "description"))


def _choices(value: Check) -> Check:
    known = {"name": text(1, 100), "name_localizations": _localizations, "value": value}
    return array(fields(known, required=("name", "value")), maximum=25)


def _unambiguous(options: Check) -> Check:
    """No two options of one name, and no required one after one that is not."""

    def check(value: Any) -> Any:
        checked = options(value)
        names = [each["name"] for each in checked]
        if len(set(names)) < len(names):
            raise wrong("APPLICATION_COMMAND_OPTIONS_NAME_INVALID", "Option name is already used")
        required = [bool(each.get("required")) for each in checked if each["type"] >= OptionType.STRING]
        if required != sorted(required, reverse=True):
            message = "Required options must be placed before non-required options"
            raise wrong("APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", message)
        return checked

    return check


_plain: dict[int, Check] = {
    OptionType.STRING: _option(
        choices=_choices(text(1, 100)),
        autocomplete=boolean,
        min_length=integer(0, 6000),
        max_length=integer(1, 6000),
    ),
    OptionType.INTEGER: _option(
        choices=_choices(integer()), autocomplete=boolean, min_value=integer(), max_value=integer()
    ),
    OptionType.BOOLEAN: _option(),
    OptionType.USER: _option(),
    OptionType.CHANNEL: _option(channel_types=array(integer())),
    OptionType.ROLE: _option(),
    OptionType.MENTIONABLE: _option(),
    OptionType.NUMBER: _option(choices=_choices(number), autocomplete=boolean, min_value=number, max_value=number),
    OptionType.ATTACHMENT: _option(),
}
_subcommand: dict[int, Check] = {
    OptionType.SUBCOMMAND: _option(options=_unambiguous(array(tagged(_plain), maximum=25)))
}
_group: dict[int, Check] = {OptionType.GROUP: _option(options=_unambiguous(array(tagged(_subcommand), maximum=25)))}
_options = _unambiguous(array(tagged(_plain | _subcommand | _group), maximum=25))

_any_command: dict[str, Check] = {
    "type": one_of(*CommandType),
    "name": text(1, 32),
    "name_localizations": _localizations,
    "description": text(0, 100),
    "description_localizations": _localizations,
    "options": _options,
    "default_member_permissions": _bits,
    "dm_permission": boolean,
    "contexts": array(one_of(*Context)),
    "integration_types": array(one_of(0, 1)),
    "nsfw": boolean,
}
_command_fields = fields(_any_command, required=("name",))
EDIT = fields(_any_command)


def command(value: Any) -> Json:
    """A command as a bot registers it, with what the kinds have not in common."""
    checked: Json = _command_fields(value)
    if (checked.get("type") or CommandType.CHAT_INPUT) == CommandType.CHAT_INPUT:
        fields({"name": _lower_word, "description": text(1, 100)}, required=("name", "description"))(
            {key: checked[key] for key in ("name", "description") if key in checked}
        )
    elif checked.get("description"):
        raise wrong("APPLICATION_COMMAND_INVALID_DESCRIPTION", "Context menu commands cannot have description")
    elif checked.get("options"):
        raise wrong("APPLICATION_COMMAND_INVALID_OPTIONS", "Context menu commands cannot have options")
    return checked


BULK = array(command, maximum=sum(_MAX_COMMANDS.values()))


def registered(state: State, guild_id: int | None) -> list[Json]:
    """The commands of a guild, or (None) the global ones."""
    scope = str(guild_id) if guild_id else None
    return [each for each in state.commands.values() if each.get("guild_id") == scope]


def find(state: State, command_id: int, guild_id: int | None) -> Json:
    """A registered command; 10063 if there is none."""
    found = state.commands.get(command_id)
    if found is None or found not in registered(state, guild_id):
        raise DiscordError(Problem.UNKNOWN_COMMAND)
    return found


def overwrite(state: State, guild_id: int | None, bodies: list[Json]) -> list[Json]:
    """Put these commands in place of all of this scope. Who keeps name and kind keeps its id."""
    keys = [_key(body) for body in bodies]
    if len(set(keys)) < len(keys):
        raise invalid_field("name", "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique")
    for kind, maximum in _MAX_COMMANDS.items():
        if sum(key[0] == kind for key in keys) > maximum:
            raise invalid_field("type", "APPLICATION_COMMANDS_MAX", f"At most {maximum} commands of this type.")
    for each in registered(state, guild_id):
        if _key(each) not in keys:
            _drop(state, each)
    result = [_upsert(state, guild_id, body) for body in bodies]
    _tell(state)
    return result


def create(state: State, guild_id: int | None, body: Json) -> tuple[Json, bool]:
    """Register a command; one of the same name and kind is replaced. Also says whether it is new."""
    known = len(state.commands)
    result = _upsert(state, guild_id, body)
    _tell(state)
    return result, len(state.commands) > known


def edit(state: State, found: Json, body: Json) -> Json:
    """Change a registered command."""
    found |= body | {"version": str(state.ids.next())}
    state.store.put("command", int(found["id"]), found)
    _tell(state)
    return found


def delete(state: State, found: Json) -> None:
    """Remove a registered command."""
    _drop(state, found)
    _tell(state)


def usable(state: State, user_id: int, channel: Channel) -> list[Json]:
    """The commands that a person is offered in a channel: in a guild without the bot, none."""
    if channel.guild_id and (channel.guild_id, state.bot.id) not in state.members:
        return []
    everything = registered(state, None) + (registered(state, channel.guild_id) if channel.guild_id else [])
    return [each for each in everything if may_use(state, user_id, channel, each)]


def may_use(state: State, user_id: int, channel: Channel, found: Json) -> bool:
    """Whether a person is offered a command in a channel. A server's admin could override the permissions; here not."""
    contexts = found.get("contexts")
    here = Context.BOT_DM if channel.is_dm else Context.GUILD
    if contexts is not None and here not in contexts:
        return False
    if channel.is_dm and (found.get("dm_permission") is False or found.get("guild_id")):
        return False
    needed = Permission.USE_APPLICATION_COMMANDS
    default = found.get("default_member_permissions")
    bits = state.permissions(user_id, channel)
    if default is not None and not channel.is_dm:
        needed |= Permission(int(default)) if int(default) else Permission.ADMINISTRATOR
    return bits & needed == needed


def _key(body: Json) -> tuple[int, str]:
    return body.get("type") or CommandType.CHAT_INPUT, body["name"]


def _upsert(state: State, guild_id: int | None, body: Json) -> Json:
    old = next((each for each in registered(state, guild_id) if _key(each) == _key(body)), None)
    bot_id = str(state.bot.id)
    result: Json = {
        "id": old["id"] if old else str(state.ids.next()),
        "application_id": bot_id,
        "version": str(state.ids.next()),
        "type": int(CommandType.CHAT_INPUT),
        "name_localizations": None,
        "description": "",
        "description_localizations": None,
        "default_member_permissions": None,
        "dm_permission": True,
        "contexts": None,
        "integration_types": [0],
        "nsfw": False,
    } | {key: value for key, value in body.items() if value is not None}
    if guild_id:
        result["guild_id"] = str(guild_id)
    state.commands[int(result["id"])] = result
    state.store.put("command", int(result["id"]), result)
    return result


def _drop(state: State, found: Json) -> None:
    del state.commands[int(found["id"])]
    state.store.delete("command", int(found["id"]))


def _tell(state: State) -> None:
    state.hub.show("COMMANDS_UPDATE", {"commands": list(state.commands.values())})
