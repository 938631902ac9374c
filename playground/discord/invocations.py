"""What a person fills in: the options of a command, the values of a menu, the fields of a modal, checked as Discord's
own client checks them before anything is sent to the bot.

It only builds the ``data`` of an interaction; ``interactions.py`` sends it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from playground.discord import components, payloads, pictures
from playground.discord.commands import CommandType, OptionType, usable
from playground.discord.components import ComponentType
from playground.discord.errors import DiscordError, Problem, invalid_field
from playground.discord.records import Channel, Json, Message
from playground.discord.state import State

_TYPES: dict[int, type | tuple[type, ...]] = {
    OptionType.STRING: str,
    OptionType.INTEGER: int,
    OptionType.BOOLEAN: bool,
    OptionType.NUMBER: (int, float),
}
_IDS = {OptionType.USER, OptionType.CHANNEL, OptionType.ROLE, OptionType.MENTIONABLE}


def slash(state: State, user_id: int, channel: Channel, path: str, options: Mapping[str, Any]) -> Json:
    """The data of a slash command. *path* has spaces between command, group and subcommand."""
    found, schema = _find_slash(state, user_id, channel, path)
    unknown = set(options) - {each["name"] for each in schema}
    if unknown:
        raise invalid_field(f"options.{min(unknown)}", "UNKNOWN_FIELD", f"/{path} has no such option.")
    resolved: Json = {}
    given = []
    for option in schema:
        if option["name"] not in options:
            if option.get("required"):
                raise invalid_field(f"options.{option['name']}", "BASE_TYPE_REQUIRED", "This option is required")
            continue
        value = _option_value(state, channel, option, options[option["name"]], resolved)
        given.append({"name": option["name"], "type": option["type"], "value": value})
    return _command_data(found, path, given) | ({"resolved": resolved} if resolved else {})


def autocomplete(
    state: State, user_id: int, channel: Channel, path: str, focused: str, options: Mapping[str, Any]
) -> Json:
    """The data of an autocomplete: the options as far as they are typed in, unchecked, one of them focused."""
    found, schema = _find_slash(state, user_id, channel, path)
    option = next((each for each in schema if each["name"] == focused), None)
    if option is None or not option.get("autocomplete"):
        raise invalid_field(f"options.{focused}", "UNKNOWN_FIELD", f"/{path} completes no such option.")
    typed = {focused: ""} | dict(options)
    given = [
        {"name": each["name"], "type": each["type"], "value": typed[each["name"]]}
        | ({"focused": True} if each["name"] == focused else {})
        for each in schema
        if each["name"] in typed
    ]
    return _command_data(found, path, given)


def context_menu(
    state: State, user_id: int, channel: Channel, name: str, target: Message | None, target_user_id: int
) -> Json:
    """The data of a command in the menu of a message, or of a user."""
    found = _find(state, user_id, channel, name, {CommandType.USER, CommandType.MESSAGE})
    data = _command_data(found, name, [])
    if found["type"] == CommandType.MESSAGE:
        if target is None:
            raise DiscordError(Problem.UNKNOWN_MESSAGE)
        message = payloads.message(state, target, state.bot.id)
        return data | {"target_id": str(target.id), "resolved": {"messages": {str(target.id): message}}}
    resolved: Json = {}
    _resolve_user(state, channel, target_user_id, resolved)
    return data | {"target_id": str(target_user_id), "resolved": resolved}


def component(state: State, channel: Channel, message: Message, custom_id: str, values: Sequence[Any] | None) -> Json:
    """The data of a button or a menu that somebody used."""
    found = components.find(message.components, custom_id)
    if found is None:
        raise invalid_field("data.custom_id", "COMPONENT_VALIDATION_FAILED", f'There is no component "{custom_id}".')
    if found.get("disabled"):
        raise invalid_field("data.custom_id", "COMPONENT_DISABLED", f'The component "{custom_id}" is disabled.')
    data: Json = {"custom_id": custom_id, "component_type": found["type"], "id": found["id"]}
    if found["type"] == ComponentType.BUTTON:
        return data
    return data | _selected(state, channel, found, list(values or []))


def modal(state: State, channel: Channel, opened: Json, values: Mapping[str, Any]) -> Json:
    """The data of a modal that somebody filled in. *values* by ``custom_id``: a text, or a menu's list of values."""
    resolved: Json = {}
    unknown = set(values) - {each.get("custom_id") for each in components.walk(opened["components"])}
    if unknown:
        raise invalid_field("components", "UNKNOWN_FIELD", f'The modal has no field "{min(unknown)}".')

    def entered(field: Json) -> Json:
        data: Json = {"type": field["type"], "id": field["id"]}
        if field.get("components"):
            return data | {"components": [entered(each) for each in field["components"]]}
        if field.get("component"):
            return data | {"component": entered(field["component"])}
        if field["type"] == ComponentType.TEXT_INPUT:
            return data | {"custom_id": field["custom_id"], "value": _entered_text(field, values)}
        if field["type"] in components.SELECTS:
            picked = _selected(state, channel, field, list(values.get(field["custom_id"]) or []), in_modal=True)
            for kind, found in picked.pop("resolved", {}).items():
                resolved.setdefault(kind, {}).update(found)
            return data | {"custom_id": field["custom_id"]} | picked
        return data

    data = {"custom_id": opened["custom_id"], "components": [entered(each) for each in opened["components"]]}
    return data | ({"resolved": resolved} if resolved else {})


def _find(state: State, user_id: int, channel: Channel, name: str, kinds: set[CommandType]) -> Json:
    for found in usable(state, user_id, channel):
        if found["name"] == name and found["type"] in kinds:
            return found
    raise DiscordError(Problem.UNKNOWN_COMMAND, f'"{name}" is not registered, or not offered to this person here')


def _find_slash(state: State, user_id: int, channel: Channel, path: str) -> tuple[Json, list[Json]]:
    """The command, and the options of its subcommand that *path* leads to."""
    name, *rest = path.removeprefix("/").split()
    found = _find(state, user_id, channel, name, {CommandType.CHAT_INPUT})
    node = found
    for part in rest:
        deeper = (each for each in node.get("options") or [] if each["type"] <= OptionType.GROUP)
        node = next((each for each in deeper if each["name"] == part), {})
        if not node:
            raise DiscordError(Problem.UNKNOWN_COMMAND, f'"/{path}" has no "{part}"')
    schema: list[Json] = node.get("options") or []
    if any(each["type"] <= OptionType.GROUP for each in schema):
        raise DiscordError(Problem.UNKNOWN_COMMAND, f'"/{path}" needs a subcommand')
    return found, schema


def _command_data(found: Json, path: str, given: list[Json]) -> Json:
    parts = [] if found["type"] != CommandType.CHAT_INPUT else path.removeprefix("/").split()[1:]
    for depth, part in reversed(list(enumerate(parts))):
        group = depth == 0 and len(parts) == 2
        given = [{"name": part, "type": int(OptionType.GROUP if group else OptionType.SUBCOMMAND), "options": given}]
    data = {"id": found["id"], "name": found["name"], "type": found["type"]}
    if "guild_id" in found:
        data["guild_id"] = found["guild_id"]
    return data | ({"options": given} if given else {})


def _option_value(state: State, channel: Channel, option: Json, value: Any, resolved: Json) -> Any:
    kind, name = option["type"], f"options.{option['name']}"
    if value is None or value != value:  # JSON writes what is no number as null, or as NaN
        raise invalid_field(name, "BASE_TYPE_CONVERT", f"{value!r} is no value for this option.")
    if kind in _IDS:
        _resolve(state, channel, kind, int(value), resolved)
        return str(value)
    if kind == OptionType.ATTACHMENT:
        return _resolve_upload(state, channel, value, resolved)
    if not isinstance(value, _TYPES[kind]) or (isinstance(value, bool) and kind != OptionType.BOOLEAN):
        raise invalid_field(name, "BASE_TYPE_CONVERT", f"{value!r} is no value for this option.")
    size, unit = (len(value), "length") if isinstance(value, str) else (value, "value")
    low, high = option.get(f"min_{unit}"), option.get(f"max_{unit}")
    if (low is not None and size < low) or (high is not None and size > high):
        raise invalid_field(name, "BASE_TYPE_BAD_LENGTH", f"Its {unit} must be between {low} and {high}.")
    if option.get("choices") and value not in [each["value"] for each in option["choices"]]:
        raise invalid_field(name, "BASE_TYPE_CHOICES", f"{value!r} is not one of the choices.")
    return value


def _resolve_upload(state: State, channel: Channel, file: tuple[str, str, bytes], resolved: Json) -> str:
    filename, content_type, data = file
    attachment_id = state.ids.next()
    state.store.put_file(attachment_id, filename, data)
    url = f"{state.cdn_url}/ephemeral-attachments/{channel.id}/{attachment_id}/{filename}"
    resolved.setdefault("attachments", {})[str(attachment_id)] = {
        "id": str(attachment_id),
        "filename": filename,
        "content_type": content_type,
        "size": len(data),
        "url": url,
        "proxy_url": url,
        "ephemeral": True,
    } | pictures.measured(data)
    return str(attachment_id)


def _resolve(state: State, channel: Channel, kind: int, snowflake: int, resolved: Json) -> None:
    """Put the full object behind an id beside the options, as Discord does."""
    if kind == OptionType.CHANNEL:
        found = state.channel(snowflake)
        bits = str(int(state.permissions(state.bot.id, found)))
        resolved.setdefault("channels", {})[str(snowflake)] = payloads.channel(state, found) | {"permissions": bits}
    elif kind == OptionType.ROLE or (kind == OptionType.MENTIONABLE and snowflake in state.roles):
        if snowflake not in state.roles:
            raise invalid_field("options", "BASE_TYPE_CHOICES", "There is no such role.")
        resolved.setdefault("roles", {})[str(snowflake)] = payloads.role(state.roles[snowflake])
    else:
        _resolve_user(state, channel, snowflake, resolved)


def _resolve_user(state: State, channel: Channel, user_id: int, resolved: Json) -> None:
    resolved.setdefault("users", {})[str(user_id)] = payloads.user(state.user(user_id))
    if member := payloads.partial_member(state, channel.guild_id, user_id):
        bits = str(int(state.permissions(user_id, channel)))
        resolved.setdefault("members", {})[str(user_id)] = member | {"permissions": bits}


_RESOLVED_AS: dict[int, OptionType] = {
    ComponentType.USER_SELECT: OptionType.USER,
    ComponentType.ROLE_SELECT: OptionType.ROLE,
    ComponentType.MENTIONABLE_SELECT: OptionType.MENTIONABLE,
    ComponentType.CHANNEL_SELECT: OptionType.CHANNEL,
}


def _selected(state: State, channel: Channel, menu: Json, values: list[Any], *, in_modal: bool = False) -> Json:
    """The values that somebody picked in a menu; an optional one in a modal may be left alone."""
    low, high = menu.get("min_values"), menu.get("max_values") or 1
    low = 1 if low is None else low
    left_alone = in_modal and not values and menu.get("required") is False
    if not low <= len(values) <= high and not left_alone:
        raise invalid_field("data.values", "BASE_TYPE_BAD_LENGTH", f"Must be between {low} and {high} in length.")
    if menu["type"] == ComponentType.STRING_SELECT:
        for value in values:
            if value not in [each["value"] for each in menu["options"]]:
                raise invalid_field("data.values", "BASE_TYPE_CHOICES", f"{value!r} is not one of the options.")
        return {"values": values}
    resolved: Json = {}
    for value in values:
        _resolve(state, channel, _RESOLVED_AS[menu["type"]], int(value), resolved)
    return {"values": [str(value) for value in values], "resolved": resolved}


def _entered_text(field: Json, values: Mapping[str, Any]) -> str:
    value = values.get(field["custom_id"])
    entered: str = field.get("value") or "" if value is None else value
    low, high = field.get("min_length") or 0, field.get("max_length") or 4000
    required = field.get("required") is not False
    if (required and not entered) or len(entered) > high or (entered and len(entered) < low):
        message = f"Must be between {max(low, int(required))} and {high} in length."
        raise invalid_field(f"components.{field['custom_id']}", "BASE_TYPE_BAD_LENGTH", message)
    return entered
