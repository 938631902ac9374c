"""The shapes of message components and modals that Discord accepts, and the finding of one in a tree of them.

What happens when somebody uses one is in ``interactions.py``.
Source: https://docs.discord.com/developers/components/reference
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from enum import IntEnum
from typing import Any

from playground.discord.errors import invalid_field
from playground.discord.forms import (
    Check,
    Invalid,
    array,
    boolean,
    fields,
    integer,
    one_of,
    snowflake,
    tagged,
    text,
    wrong,
)
from playground.discord.records import Json


class ComponentType(IntEnum):
    """The kinds of components."""

    ACTION_ROW = 1
    BUTTON = 2
    STRING_SELECT = 3
    TEXT_INPUT = 4
    USER_SELECT = 5
    ROLE_SELECT = 6
    MENTIONABLE_SELECT = 7
    CHANNEL_SELECT = 8
    SECTION = 9
    TEXT_DISPLAY = 10
    THUMBNAIL = 11
    MEDIA_GALLERY = 12
    FILE = 13
    SEPARATOR = 14
    CONTAINER = 17
    LABEL = 18


SELECTS = (
    ComponentType.STRING_SELECT,
    ComponentType.USER_SELECT,
    ComponentType.ROLE_SELECT,
    ComponentType.MENTIONABLE_SELECT,
    ComponentType.CHANNEL_SELECT,
)
_LINK, _PREMIUM = 5, 6
#: Of a message with the flag IS_COMPONENTS_V2, nested ones included; and characters of all its texts together.
_MAX_COMPONENTS, _MAX_TEXT = 40, 4000

_custom_id = text(1, 100)


def _id(value: Any) -> str:
    """An id that goes out again as it came, so a string, as all that Discord sends: JavaScript would round the number."""
    return str(snowflake(value))


_emoji = fields({"id": _id, "name": text(1, 32), "animated": boolean})
_URL = re.compile(r"(?P<scheme>[a-z][-+.a-z0-9]*)://.", re.IGNORECASE)
#: A file of the message itself, in place of an address.
_ATTACHMENT = "attachment"


def _url_of(*schemes: str) -> Check:
    def check(value: Any) -> str:
        url: str = text(1, 2048)(value)
        match = _URL.match(url)
        if match is None:
            raise wrong("URL_TYPE_INVALID_URL", "Not a well formed URL.")
        if match["scheme"].lower() not in schemes:
            message = f'Scheme "{match["scheme"].lower()}" is not supported. Scheme must be one of {schemes}.'
            raise wrong("URL_TYPE_INVALID_SCHEME", message)
        return url

    return check


_media = fields({"url": _url_of("http", "https", _ATTACHMENT)}, required=["url"])
_own_file = fields({"url": _url_of(_ATTACHMENT)}, required=["url"])


def _component(known: dict[str, Check], required: tuple[str, ...] = ()) -> Check:
    every = {"type": integer(), "id": integer(minimum=0)}
    return fields(every | known, required=("type", *required))


_button_fields = _component(
    {
        "style": integer(1, _PREMIUM),
        "label": text(0, 80),
        "emoji": _emoji,
        "custom_id": _custom_id,
        "url": text(1, 512),
        "sku_id": _id,
        "disabled": boolean,
    },
    required=("style",),
)


def _button(value: Any) -> Json:
    button: Json = _button_fields(value)
    needed = {_LINK: "url", _PREMIUM: "sku_id"}.get(button["style"], "custom_id")
    if not button.get(needed):
        raise wrong("BASE_TYPE_REQUIRED", f"A button of style {button['style']} needs {needed}.")
    if button["style"] != _PREMIUM and not button.get("label") and not button.get("emoji"):
        raise wrong("BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED", "A button needs a label or an emoji.")
    return button


_select_option = fields(
    {"label": text(1, 100), "value": text(1, 100), "description": text(1, 100), "emoji": _emoji, "default": boolean},
    required=["label", "value"],
)
_any_select: dict[str, Check] = {
    "custom_id": _custom_id,
    "placeholder": text(0, 150),
    "min_values": integer(0, 25),
    "max_values": integer(1, 25),
    "disabled": boolean,
    "required": boolean,
}


def _select(known: dict[str, Check], required: tuple[str, ...]) -> Check:
    """A menu, whose bounds leave something to choose."""
    checked = _component(_any_select | known, required)

    def check(value: Any) -> Json:
        menu: Json = checked(value)
        low, high = menu.get("min_values"), menu.get("max_values")
        if (1 if low is None else low) > (1 if high is None else high):
            raise Invalid({"min_values": wrong("BASE_TYPE_BAD_RANGE", "Must not be above max_values.").tree})
        values = [each["value"] for each in menu.get("options") or []]
        for index, each in enumerate(values):
            if each in values[:index]:
                duplicate = wrong(
                    "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", "The specified option value is already used"
                )
                raise Invalid({"options": {str(index): {"value": duplicate.tree}}})
        return menu

    return check


_string_select = _select({"options": array(_select_option, 1, 25)}, required=("custom_id", "options"))
_default_value = fields({"id": _id, "type": one_of("user", "role", "channel")}, required=["id", "type"])
_entity_select = _select(
    {"default_values": array(_default_value, maximum=25), "channel_types": array(integer())}, required=("custom_id",)
)
_selects: dict[int, Check] = {
    kind: _string_select if kind == ComponentType.STRING_SELECT else _entity_select for kind in SELECTS
}
_text_input = _component(
    {
        "custom_id": _custom_id,
        "style": one_of(1, 2),
        "label": text(1, 45),
        "value": text(0, 4000),
        "placeholder": text(0, 100),
        "required": boolean,
        "min_length": integer(0, 4000),
        "max_length": integer(1, 4000),
    },
    required=("custom_id", "style"),
)
_text_display = _component({"content": text(1, 4000)}, required=("content",))
_thumbnail = _component({"media": _media, "description": text(1, 1024), "spoiler": boolean}, required=("media",))
_action_row_items = tagged(_selects | {ComponentType.BUTTON: _button})
_action_row_fields = _component({"components": array(_action_row_items, 1, 5)}, required=("components",))


def _action_row(value: Any) -> Json:
    row: Json = _action_row_fields(value)
    if len(row["components"]) > 1 and any(each["type"] in SELECTS for each in row["components"]):
        raise wrong("COMPONENT_LAYOUT_WIDTH_EXCEEDED", "A select takes a whole action row.")
    return row


_gallery_item = fields({"media": _media, "description": text(1, 1024), "spoiler": boolean}, required=["media"])
_in_container: dict[int, Check] = {
    ComponentType.ACTION_ROW: _action_row,
    ComponentType.TEXT_DISPLAY: _text_display,
    ComponentType.SECTION: _component(
        {
            "components": array(tagged({ComponentType.TEXT_DISPLAY: _text_display}), 1, 3),
            "accessory": tagged({ComponentType.BUTTON: _button, ComponentType.THUMBNAIL: _thumbnail}),
        },
        required=("components", "accessory"),
    ),
    ComponentType.MEDIA_GALLERY: _component({"items": array(_gallery_item, 1, 10)}, required=("items",)),
    ComponentType.FILE: _component({"file": _own_file, "spoiler": boolean}, required=("file",)),
    ComponentType.SEPARATOR: _component({"divider": boolean, "spacing": one_of(1, 2)}),
}
_container = _component(
    {
        "components": array(tagged(_in_container), 1, _MAX_COMPONENTS),
        "accent_color": integer(0, 0xFFFFFF),
        "spoiler": boolean,
    },
    required=("components",),
)
_label = _component(
    {
        "label": text(1, 45),
        "description": text(1, 100),
        "component": tagged(_selects | {ComponentType.TEXT_INPUT: _text_input}),
    },
    required=("label", "component"),
)
_modal_row = _component(
    {"components": array(tagged({ComponentType.TEXT_INPUT: _text_input}), 1, 1)}, required=("components",)
)

#: The components of a message, with or without the flag IS_COMPONENTS_V2 (which :func:`check_message` looks at).
MESSAGE_COMPONENTS = array(tagged(_in_container | {ComponentType.CONTAINER: _container}), maximum=_MAX_COMPONENTS)
MODAL = fields(
    {
        "custom_id": _custom_id,
        "title": text(1, 45),
        "components": array(
            tagged(
                {
                    ComponentType.ACTION_ROW: _modal_row,
                    ComponentType.LABEL: _label,
                    ComponentType.TEXT_DISPLAY: _text_display,
                }
            ),
            1,
            5,
        ),
    },
    required=["custom_id", "title", "components"],
)


def walk(components: list[Json]) -> Iterator[Json]:
    """Every component of a tree, from the top down."""
    for component in components:
        yield component
        yield from walk(component.get("components") or [])
        yield from walk([component[key] for key in ("accessory", "component") if component.get(key)])


def find(components: list[Json], custom_id: str) -> Json | None:
    """The component with this ``custom_id``."""
    return next((each for each in walk(components) if each.get("custom_id") == custom_id), None)


def written(components: list[Json]) -> str:
    """All texts of a tree, by lines: what is searched for mentions."""
    return "\n".join(each["content"] for each in walk(components) if each["type"] == ComponentType.TEXT_DISPLAY)


def media(components: list[Json]) -> Iterator[Json]:
    """Every ``{"url": ...}`` of a tree: of thumbnails, galleries and files."""
    for component in walk(components):
        yield from (item["media"] for item in component.get("items") or [])
        yield from (component[key] for key in ("media", "file") if component.get(key))


def check_files(components: list[Json], filenames: Collection[str]) -> None:
    """Refuse what refers to a file that the message does not have."""
    for each in media(components):
        scheme, _, name = each["url"].partition("://")
        if scheme == _ATTACHMENT and name not in filenames:
            code = "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND"
            raise invalid_field("components", code, f'The referenced attachment "{name}" was not found')


def number(components: list[Json]) -> list[Json]:
    """Give an ``id`` to every component that has none, counting from 1, as Discord does."""
    taken = {each["id"] for each in walk(components) if each.get("id")}
    free = (candidate for candidate in range(1, 10_000) if candidate not in taken)
    for component in walk(components):
        if not component.get("id"):
            component["id"] = next(free)
    return components


def check_message(components: list[Json], *, v2: bool) -> None:
    """Refuse what only the flag IS_COMPONENTS_V2 allows, too many of them, and two with one ``custom_id``."""
    everything = list(walk(components))
    if not v2:
        wrong_kind = next((i for i, each in enumerate(components) if each["type"] != ComponentType.ACTION_ROW), None)
        if wrong_kind is not None:
            raise invalid_field(f"components.{wrong_kind}.type", "BASE_TYPE_CHOICES", "Value must be one of (1,).")
        if len(components) > 5:
            raise invalid_field("components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
    if len(everything) > _MAX_COMPONENTS and v2:
        raise invalid_field("components", "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", "At most 40 components.")
    if sum(len(each.get("content") or "") for each in everything) > _MAX_TEXT:
        raise invalid_field("components", "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", "At most 4000 characters.")
    check_custom_ids(everything)


def check_custom_ids(everything: list[Json]) -> None:
    """Refuse two components with one ``custom_id``."""
    custom_ids = [each["custom_id"] for each in everything if each.get("custom_id")]
    for custom_id in custom_ids:
        if custom_ids.count(custom_id) > 1:
            message = f'Component custom id "{custom_id}" cannot be duplicated.'
            raise invalid_field("components", "COMPONENT_CUSTOM_ID_DUPLICATED", message)
