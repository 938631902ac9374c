"""Components as Discord writes them into a message: defaults filled in, and media with where they can be fetched.

What may be sent is in ``components.py``. Source: https://docs.discord.com/developers/components/reference
"""

from __future__ import annotations

from typing import Any

from playground.discord.components import ComponentType
from playground.discord.records import Json

#: What stands there if the bot did not say.
_DEFAULTS: dict[int, Json] = {
    ComponentType.CONTAINER: {"accent_color": None, "spoiler": False},
    ComponentType.SEPARATOR: {"divider": True, "spacing": 1},
    ComponentType.THUMBNAIL: {"description": None, "spoiler": False},
    ComponentType.FILE: {"name": None, "size": None, "spoiler": False},
}
_ITEM: Json = {"description": None, "spoiler": False}


def shown(tree: list[Json], attachments: list[Json]) -> list[Json]:
    """*tree* as the bot and people receive it. *attachments* are the message's, as they receive these."""
    return [_shown(_said(each), attachments) for each in tree]


def _said(node: Any) -> Any:
    """Without nulls, by which a bot says nothing."""
    if isinstance(node, list):
        return [_said(each) for each in node]
    if isinstance(node, dict):
        return {key: _said(value) for key, value in node.items() if value is not None}
    return node


def _shown(component: Json, attachments: list[Json]) -> Json:
    view = _DEFAULTS.get(component["type"], {}) | component
    if "components" in view:
        view["components"] = [_shown(each, attachments) for each in view["components"]]
    if "accessory" in view:
        view["accessory"] = _shown(view["accessory"], attachments)
    if "items" in view:
        places = ((each, _media(each["media"], view["id"], attachments)) for each in view["items"])
        view["items"] = [_ITEM | each | {"media": media} for each, media in places]
    if "media" in view:
        view["media"] = _media(view["media"], view["id"], attachments)
    if "file" in view:
        view["file"] = _media(view["file"], view["id"], attachments)
        own = next((each for each in attachments if each["id"] == view["file"].get("attachment_id")), {})
        view |= {"name": own.get("filename"), "size": own.get("size")}
    return view


def _media(media: Json, component_id: int, attachments: list[Json]) -> Json:
    """A file of the message, or something that lies elsewhere, whose id Discord makes up."""
    url = media["url"]
    own = next((each for each in attachments if url == f"attachment://{each['filename']}"), None)
    if own is None:
        return {"id": str(component_id), "url": url, "proxy_url": url}
    found = {key: own[key] for key in ("id", "url", "proxy_url", "content_type", "width", "height") if key in own}
    return found | {"attachment_id": own["id"]}
