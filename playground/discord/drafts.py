"""What an author asks to be sent or changed: the fields that Discord takes for a message, and the draft they make.

Whether the author may, and what comes of it, is in ``messages.py``.
Source: https://docs.discord.com/developers/resources/message#create-message
"""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass, field
from typing import Any

from playground.discord import components
from playground.discord.errors import DiscordError, Problem, invalid_field
from playground.discord.forms import Check, array, boolean, fields, integer, one_of, snowflake, text, wrong
from playground.discord.mentions import ALLOWED_MENTIONS
from playground.discord.records import Json, MessageFlag

#: Characters of content from a bot, and from a person who pays Discord.
BOT_CONTENT, PERSON_CONTENT = 2000, 4000
#: Bytes of one request, for a guild that has no boosts.
MAX_UPLOAD = 10 * 1024 * 1024
#: Characters of a nonce that is a string.
_MAX_NONCE = 25
#: Characters of all embeds of a message together.
_MAX_EMBEDS_TEXT = 6000


@dataclass(frozen=True)
class Upload:
    """A file on its way in."""

    filename: str
    data: bytes
    description: str | None = None

    @property
    def content_type(self) -> str | None:
        """What Discord makes of the name: it does not believe the uploader."""
        guessed, _ = mimetypes.guess_type(self.filename)
        return f"{guessed}; charset=utf-8" if guessed and guessed.startswith("text/") else guessed


@dataclass
class Draft:
    """A message before it is sent."""

    content: str = ""
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    uploads: list[Upload] = field(default_factory=list)
    flags: int = 0
    tts: bool = False
    allowed_mentions: Json | None = None
    reference: Json | None = None
    nonce: str | int | None = None
    enforce_nonce: bool = False

    def check(self) -> None:
        """Refuse what cannot be a message."""
        v2 = bool(self.flags & MessageFlag.IS_COMPONENTS_V2)
        if v2 and (self.content or self.embeds):
            name = "content" if self.content else "embeds"
            sentence = f"The '{name}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
            raise invalid_field(name, "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", sentence)
        components.check_message(self.components, v2=v2)
        components.check_files(self.components, {each.filename for each in self.uploads})
        if not (self.content or self.embeds or self.components or self.uploads):
            raise DiscordError(Problem.EMPTY_MESSAGE)
        check_embeds(self.embeds)


def nonce(value: Any) -> str | int:
    """A number, or a string of 25 characters."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    checked: str = text(maximum=_MAX_NONCE)(value)
    return checked


def _any_embed_type(value: Any) -> str:
    """Discord makes every embed of a bot a rich one."""
    text()(value)
    return "rich"


_url = text(0, 2048)
_with_url = fields({"url": _url})
_embed_field = fields({"name": text(1, 256), "value": text(1, 1024), "inline": boolean}, required=["name", "value"])
_embed = fields(
    {
        "type": _any_embed_type,
        "title": text(0, 256),
        "description": text(0, 4096),
        "url": _url,
        "timestamp": text(),
        "color": integer(0, 0xFFFFFF),
        "footer": fields({"text": text(0, 2048), "icon_url": _url}),
        "author": fields({"name": text(0, 256), "url": _url, "icon_url": _url}),
        "image": _with_url,
        "thumbnail": _with_url,
        "fields": array(_embed_field, maximum=25),
        "flags": integer(),  # discord.py sends it, Discord does not read it
    }
)


def check_embeds(embeds: list[Json]) -> None:
    """Refuse embeds that together are too long."""
    size = 0
    for embed in embeds:
        size += len(embed.get("title") or "") + len(embed.get("description") or "")
        size += len((embed.get("footer") or {}).get("text") or "") + len((embed.get("author") or {}).get("name") or "")
        size += sum(len(each["name"]) + len(each["value"]) for each in embed.get("fields") or [])
    if size > _MAX_EMBEDS_TEXT:
        sentence = f"Embed size exceeds maximum size of {_MAX_EMBEDS_TEXT}"
        raise invalid_field("embeds", "MAX_EMBED_SIZE_EXCEEDED", sentence)


def _settable(*flags: MessageFlag) -> Check:
    allowed = sum(flags)

    def check(value: Any) -> int:
        bits: int = integer(minimum=0)(value)
        if bits & ~allowed:
            raise wrong("BITFIELD_VALUE", f"The flags {bits & ~allowed} cannot be set here.")
        return bits

    return check


_new_attachment: dict[str, Check] = {
    "id": snowflake,
    "filename": text(1, 1024),
    "description": text(0, 1024),
    "title": text(0, 1024),
}
#: Attachments that an edit keeps come back as they were received; Discord reads only their ids.
_received: dict[str, Check] = {
    "size": integer(),
    "url": text(),
    "proxy_url": text(),
    "content_type": text(),
    "width": integer(),
    "height": integer(),
    "spoiler": boolean,
    "ephemeral": boolean,
    "flags": integer(),
}
_attachment = fields(_new_attachment | _received, required=["id"])
_reference = fields(
    {
        "type": one_of(0),
        "message_id": snowflake,
        "channel_id": snowflake,
        "guild_id": snowflake,
        "fail_if_not_exists": boolean,
    },
    required=["message_id"],
)
_any_message: dict[str, Check] = {
    "content": text(maximum=BOT_CONTENT),
    "embeds": array(_embed, maximum=10),
    "components": components.MESSAGE_COMPONENTS,
    "allowed_mentions": ALLOWED_MENTIONS,
    "attachments": array(_attachment, maximum=10),
}
_new_message = _any_message | {
    "tts": boolean,
    "flags": _settable(MessageFlag.SUPPRESS_EMBEDS, MessageFlag.SUPPRESS_NOTIFICATIONS, MessageFlag.IS_COMPONENTS_V2),
}
CREATE = fields(_new_message | {"nonce": nonce, "enforce_nonce": boolean, "message_reference": _reference})
EDIT = fields(
    _any_message | {"flags": _settable(MessageFlag.SUPPRESS_EMBEDS, MessageFlag.IS_COMPONENTS_V2), "tts": boolean}
)
#: Responses and follow-ups to interactions: no reply, no nonce, but visible to one person only if so wished.
RESPONSE = fields(
    _new_message
    | {
        "flags": _settable(
            MessageFlag.SUPPRESS_EMBEDS,
            MessageFlag.EPHEMERAL,
            MessageFlag.SUPPRESS_NOTIFICATIONS,
            MessageFlag.IS_COMPONENTS_V2,
        )
    }
)


def draft(body: Json, files: dict[int, Upload]) -> Draft:
    """The draft that a cleaned body and its files make. *files* are numbered as in the names of their form fields."""
    return Draft(
        content=(body.get("content") or "").strip(),
        embeds=embeds(body),
        components=components.number(body.get("components") or []),
        uploads=uploads(body, files),
        flags=body.get("flags") or 0,
        tts=bool(body.get("tts")),
        allowed_mentions=body.get("allowed_mentions"),
        reference=body.get("message_reference"),
        nonce=body.get("nonce"),
        enforce_nonce=bool(body.get("enforce_nonce")),
    )


def embeds(body: Json) -> list[Json]:
    """The embeds of a body, with what Discord adds to them."""
    return [
        {"type": "rich"} | embed | {"fields": [{"inline": False} | each for each in embed.get("fields") or []]}
        for embed in body.get("embeds") or []
    ]


def uploads(body: Json, files: dict[int, Upload]) -> list[Upload]:
    """The files with the names and descriptions that ``attachments`` gives them by their number."""
    described = {each["id"]: each for each in body.get("attachments") or []}
    return [
        Upload(
            described.get(index, {}).get("filename") or file.filename,
            file.data,
            described.get(index, {}).get("description"),
        )
        for index, file in sorted(files.items())
    ]
