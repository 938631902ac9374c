"""What the browser fetches: the page, its files, and the websocket behind it.

It listens on loopback, where any site that one visits could reach it through one's browser; so it answers only to its own
addresses, and lets only its own page open the websocket.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from playground.discord import World
from playground.page import views
from playground.page.prompt import Prompts
from playground.page.session import Session

_STATIC = Path(__file__).parent / "static"
_OWN_HOSTS = {"127.0.0.1", "localhost", "::1"}
#: A file of 8 MB, as the page limits it, is a third larger in base64.
_MAX_FRAME_BYTES = 12 * 1024 * 1024

_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Page:
    """The page onto one world: its routes, and the screens that are open."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._files = {path.name: path for path in _STATIC.iterdir()}
        self._open: set[web.WebSocketResponse] = set()
        self._prompts = Prompts(world)

    def mount(self, app: web.Application) -> None:
        """Serve the page from *app*, and hang up on every screen when it shuts down."""
        app.add_routes(
            [
                web.get("/", self._index),
                web.get("/static/{name}", self._file),
                web.get("/play/ws", self._websocket),
            ]
        )
        app.on_shutdown.append(self._hang_up)

    async def _hang_up(self, _: web.Application) -> None:
        for socket in list(self._open):
            await socket.close()

    async def _index(self, request: web.Request) -> web.StreamResponse:
        _require_own_host(request)
        return web.FileResponse(self._files["index.html"], headers=_HEADERS)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        _require_own_host(request)
        path = self._files.get(request.match_info["name"])
        if path is None:
            raise web.HTTPNotFound
        return web.FileResponse(path, headers=_HEADERS)

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        _require_own_host(request)
        _require_own_origin(request)
        people = views.people(self._world)
        asked = request.query.get("as", "")
        person_id = int(asked) if asked.isdecimal() and int(asked) in people else people[0]
        socket = web.WebSocketResponse(heartbeat=30, max_msg_size=_MAX_FRAME_BYTES)
        await socket.prepare(request)
        self._open.add(socket)
        try:
            await Session(self._world, person_id, socket, self._prompts).run()
        finally:
            self._open.discard(socket)
        return socket


def _require_own_host(request: web.Request) -> None:
    """A name that somebody else has pointed at this machine is not ours."""
    if urlsplit(f"//{request.host}").hostname not in _OWN_HOSTS:
        raise web.HTTPForbidden(text="This page is at http://127.0.0.1 only.")


def _require_own_origin(request: web.Request) -> None:
    """Browsers say where a websocket was opened; what is no browser says nothing."""
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise web.HTTPForbidden(text="Only this playground's own page may connect.")
