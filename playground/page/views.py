"""What the browser is sent: Discord's JSON, with the HTML of every text beside it, so that the page renders no Markdown.

Added keys: ``html`` (of a message, an embed, its fields, a text component), ``preview`` (of the message that is answered:
one plain line) and ``path`` (of an attachment, and of media that lies here: its address on this very server).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from playground.discord import ChannelType, Permission, World
from playground.names import Names, WorldNames
from playground.page.markdown import render
from playground.page.preview import preview

Json = dict[str, Any]

_NESTING_KEYS = ("accessory", "component")
_MEDIA_KEYS = ("media", "file")


def message(data: Json, names: Names) -> Json:
    """A message."""
    view = data | {
        "html": render(data["content"], names),
        "embeds": [_embed(each, names) for each in data["embeds"]],
        "attachments": [each | {"path": urlsplit(each["url"]).path} for each in data["attachments"]],
        "components": [component(each, names) for each in data["components"]],
    }
    if original := data.get("referenced_message"):
        words = preview(original["content"] or _first_words(original["components"]), names)
        view["referenced_message"] = {"id": original["id"], "author": original["author"], "preview": words}
    return view


def _first_words(components: list[Json]) -> str:
    """The first text of a layout, which has no content of its own."""
    for each in components:
        nested = each.get("components") or []
        if text := str(each.get("content") or "") or _first_words(nested):
            return text
    return ""


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
    if "items" in data:
        view["items"] = [each | {"media": _media(each["media"])} for each in data["items"]]
    view |= {key: _media(data[key]) for key in _MEDIA_KEYS if key in data}
    return view | {key: component(data[key], names) for key in _NESTING_KEYS if key in data}


def _media(data: Json) -> Json:
    """What was uploaded lies here; the page loads nothing from elsewhere."""
    return data | ({"path": urlsplit(data["url"]).path} if "attachment_id" in data else {})


def modal(data: Json, names: Names) -> Json:
    """A form that the bot opens."""
    return data | {"components": [component(each, names) for each in data["components"]]}


def welcome(world: World, person_id: int) -> Json:
    """All that a person's screen starts with, messages excepted."""
    users = world.users
    return {
        "me": users[person_id],
        "people": [users[each] for each in people(world)],
        "bot": world.bot,
        "online": world.state.bot_online,
        "guilds": guilds(world, person_id),
        "channels": channels(world, person_id),
    }


def guilds(world: World, person_id: int) -> list[Json]:
    """The guilds that a person is in, with their roles, and who of the page's people and the bot is there with which."""
    state = world.state
    here = [guild for guild in state.guilds.values() if (guild.id, person_id) in state.members]
    return [
        {
            "id": str(guild.id),
            "name": guild.name,
            "owner_id": str(guild.owner_id),
            "roles": [
                {"id": str(role.id), "name": role.name, "managed": role.bot_id is not None}
                for role in state.guild_roles(guild.id)
            ],
            "members": [
                {"id": str(user_id), "roles": [str(each) for each in state.members[guild.id, user_id].roles]}
                for user_id in world.users
                if (guild.id, user_id) in state.members
            ],
        }
        for guild in here
    ]


def people(world: World) -> list[int]:
    """Whom one can speak as."""
    return [user_id for user_id, user in world.users.items() if not user.get("bot")]


def channels(world: World, person_id: int) -> list[Json]:
    """The channels that a person can see, threads behind their parents, direct messages last."""
    known = world.channels
    visible = [known[each] for each in world.visible_channels(person_id)]
    visible = [each for each in visible if each["type"] != ChannelType.FORUM]
    names = WorldNames(world)
    return [_channel(each, names, world, person_id) for each in sorted(visible, key=_place)]


def _place(channel: Json) -> tuple[bool, int, int]:
    """Threads stand under their parent, which is as old as they are, or older."""
    return channel["type"] == ChannelType.DM, int(channel.get("parent_id") or channel["id"]), int(channel["id"])


def _channel(data: Json, names: Names, world: World, person_id: int) -> Json:
    """A channel, with the label by which a person knows it, and whether they may delete there what others wrote."""
    is_dm = data["type"] == ChannelType.DM
    bot_name = names.user(world.bot_id)
    kept = {key: data.get(key) for key in ("id", "type", "name", "topic", "parent_id", "last_message_id", "guild_id")}
    may_delete = world.may(person_id, int(data["id"]), Permission.MANAGE_MESSAGES)
    return kept | {"label": f"@{bot_name}" if is_dm else f"#{data['name']}", "may_delete": may_delete}
