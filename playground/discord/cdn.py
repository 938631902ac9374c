"""Uploaded files, as Discord's CDN serves them. (There are no avatars and icons here.)"""

from __future__ import annotations

import mimetypes

from aiohttp import web

from playground.discord.state import State

PATH = "/cdn"
#: A page on this port must not run what somebody uploaded.
_HEADERS = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}


def mount(app: web.Application, state: State) -> None:
    """Serve the files of a world."""

    async def get(request: web.Request) -> web.Response:
        kept = state.store.file(int(request.match_info["file_id"]))
        if kept is None or kept[0] != request.match_info["filename"]:
            return web.Response(status=404, text="This content is no longer available.")
        filename, data = kept
        kind = mimetypes.guess_type(filename)[0] or "application/octet-stream"
        return web.Response(body=data, content_type=kind, headers=_HEADERS)

    for folder in ("attachments", "ephemeral-attachments"):
        app.router.add_get(f"{PATH}/{folder}/{{channel_id:\\d+}}/{{file_id:\\d+}}/{{filename}}", get)
