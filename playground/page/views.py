"""What the browser is sent: Discord's JSON, with the HTML of every text beside it, so that the page renders no Markdown.

Added keys: ``html`` (of a message, an embed, its fields, a text component), ``preview`` (of the message that is answered:
one plain line) and ``path`` (of an attachment: its address on this very server).
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from playground.discord import ChannelType, World
from playground.names import Names, WorldNames, plain
from playground.page.markdown import render

Json = dict[str, Any]

_PREVIEW_CHARACTERS = 160
_SPOILER = re.compile(r"\|\|.+?\|\|", re.DOTALL)
_MARKS = re.compile(r"\*\*|__|~~|`|^(?:#{1,3}|-#|>) ")
_NESTING_KEYS = ("accessory", "component")


def message(data: Json, names: Names) -> Json:
    """A message."""
    view = data | {
        "html": render(data["content"], names),
        "embeds": [_embed(each, names) for each in data["embeds"]],
        "attachments": [each | {"path": urlsplit(each["url"]).path} for each in data["attachments"]],
        "components": [component(each, names) for each in data["components"]],
    }
    if original := data.get("referenced_message"):
        preview = _preview(plain(original["content"], names))
        view["referenced_message"] = {"id": original["id"], "author": original["author"], "preview": preview}
    return view


def _preview(text: str) -> str:
    """One line without marks, and without what a spoiler hides."""
    line = " ".join(_SPOILER.sub("▇▇▇", text).split())
    return _MARKS.sub("", line)[:_PREVIEW_CHARACTERS]


def _embed(data: Json, names: Names) -> Json:
    fields = [each | {"html": render(each["value"], names)} for each in data.get("fields") or []]
    return data | {"html": render(data.get("description") or "", names), "fields": fields}


def component(data: Json, names: Names) -> Json:
    """A component, and what is nested in it."""
    view = dict(data)
    if "content" in data:
        view["html"] = render(data["content"], names)
    if "components" in data:
        view["components"] = [component(each, names) for each in data["components"]]
    return view | {key: component(data[key], names) for key in _NESTING_KEYS if key in data}


def modal(data: Json, names: Names) -> Json:
    """A form that the bot opens."""
    return data | {"components": [component(each, names) for each in data["components"]]}


def welcome(world: World, person_id: int) -> Json:
    """All that a person's screen starts with, messages excepted."""
    guild = world.state.guild(world.guild_id)
    users = world.users
    return {
        "me": users[person_id],
        "people": [users[each] for each in people(world)],
        "bot": world.bot,
        "online": world.state.bot_online,
        "guild": {
            "id": str(guild.id),
            "name": guild.name,
            "roles": [{"id": str(role.id), "name": role.name} for role in world.state.guild_roles(guild.id)],
        },
        "channels": channels(world, person_id),
    }


def people(world: World) -> list[int]:
    """Whom one can speak as."""
    return [user_id for user_id, user in world.users.items() if not user.get("bot")]


def channels(world: World, person_id: int) -> list[Json]:
    """The channels that a person can see, threads behind their parents, direct messages last."""
    known = world.channels
    visible = [known[each] for each in world.visible_channels(person_id)]
    visible = [each for each in visible if each["type"] != ChannelType.FORUM]
    names = WorldNames(world)
    return [_channel(each, names, world) for each in sorted(visible, key=_place)]


def _place(channel: Json) -> tuple[bool, int, int]:
    """Threads stand under their parent, which is as old as they are, or older."""
    return channel["type"] == ChannelType.DM, int(channel.get("parent_id") or channel["id"]), int(channel["id"])


def _channel(data: Json, names: Names, world: World) -> Json:
    """A channel, with the label by which a person knows it."""
    is_dm = data["type"] == ChannelType.DM
    bot_name = names.user(world.bot_id)
    kept = {key: data.get(key) for key in ("id", "type", "name", "topic", "parent_id", "last_message_id")}
    return kept | {"label": f"@{bot_name}" if is_dm else f"#{data['name']}"}
