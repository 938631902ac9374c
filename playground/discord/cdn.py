"""Uploaded files, as Discord's CDN serves them. (There are no avatars and icons here.)"""

from __future__ import annotations

import asyncio
import mimetypes

from aiohttp import web

from playground.discord.levers import FileAnswer, Levers
from playground.discord.state import State

PATH = "/cdn"
#: A page on this port must not run what somebody uploaded.
_HEADERS = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
_PIECE_BYTES = 1_000


def mount(app: web.Application, state: State, levers: Levers) -> list[str]:
    """Serve the files of a world. Returns the names of those that are asked for, which grow."""
    asked: list[str] = []

    async def get(request: web.Request) -> web.StreamResponse:
        asked.append(request.match_info["filename"])
        kept = state.store.file(int(request.match_info["file_id"]))
        if kept is None or kept[0] != request.match_info["filename"]:
            return web.Response(status=404, text="This content is no longer available.")
        filename, data = kept
        kind = mimetypes.guess_type(filename)[0] or "application/octet-stream"
        headers = {**_HEADERS, "Content-Type": kind}
        if levers.files is not None:
            return await _misbehave(request, levers.files, data, headers)
        return web.Response(body=data, headers=headers)

    for folder in ("attachments", "ephemeral-attachments"):
        app.router.add_get(f"{PATH}/{folder}/{{channel_id:\\d+}}/{{file_id:\\d+}}/{{filename}}", get)
    return asked


async def _misbehave(
    request: web.Request, answer: FileAnswer, data: bytes, headers: dict[str, str]
) -> web.StreamResponse:
    await asyncio.sleep(answer.seconds)
    body = data if answer.body is None else answer.body
    if not answer.pause:
        return web.Response(status=answer.status, body=body, headers=headers | dict(answer.headers))
    response = web.StreamResponse(status=answer.status, headers=headers | dict(answer.headers))
    await response.prepare(request)
    for start in range(0, len(body), _PIECE_BYTES):
        await response.write(body[start : start + _PIECE_BYTES])
        await asyncio.sleep(answer.pause)
    return response
