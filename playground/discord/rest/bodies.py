"""Reading what a request carries: JSON, or a form with files beside it.

What may be in it is said by the route's forms.
Source: https://docs.discord.com/developers/reference#uploading-files
"""

from __future__ import annotations

import json
import re
from typing import Any

from aiohttp import BodyPartReader, web

from playground.discord.drafts import MAX_UPLOAD, Upload
from playground.discord.errors import DiscordError, Problem, invalid_field

_FILE_FIELD = re.compile(r"files\[(\d+)\]")


async def read(request: web.Request) -> tuple[Any, dict[int, Upload]]:
    """The JSON of a request (None if it has none), and its files by their number."""
    if request.content_type.startswith("multipart/"):
        return await _read_form(request)
    try:
        text = await request.text()
    except web.HTTPRequestEntityTooLarge:
        raise DiscordError(Problem.TOO_LARGE) from None
    return (_parse(text) if text else None), {}


async def _read_form(request: web.Request) -> tuple[Any, dict[int, Upload]]:
    body: Any = None
    files: dict[int, Upload] = {}
    size = 0
    async for part in await request.multipart():
        name = part.name if isinstance(part, BodyPartReader) else None
        assert isinstance(part, BodyPartReader), "a form within a form"
        data = await part.read()
        size += len(data)
        if size > MAX_UPLOAD:
            raise DiscordError(Problem.TOO_LARGE)
        if name == "payload_json":
            body = _parse(data.decode())
        elif name and (match := _FILE_FIELD.fullmatch(name)):
            files[int(match[1])] = Upload(part.filename or "unknown", bytes(data))
        else:
            raise invalid_field(str(name), "UNKNOWN_FIELD", f'The little Discord knows no form field "{name}".')
    return body, files


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise DiscordError(Problem.INVALID_JSON) from None
