"""The server: gateway, REST and CDN of one world on one port of loopback. It only puts them together.

A page can be mounted beside them with *extra_routes*.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from aiohttp import web

from playground.discord import cdn
from playground.discord.gateway import Gateway
from playground.discord.levers import Levers, Request
from playground.discord.rest import API, ROUTES, Pipeline
from playground.discord.world import World

#: Discord's own number.
HEARTBEAT_SECONDS = 41.25
#: More than an upload may have, so that it is the API that refuses it.
_MAX_REQUEST_BYTES = 64 * 1024 * 1024


class LittleDiscord:
    """``async with LittleDiscord(world) as discord: ...``

    *port* 0 takes a free one. The addresses are known once it is started, by ``async with`` or :meth:`start`. The world
    stays open when it stops.
    """

    def __init__(
        self,
        world: World,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        extra_routes: Iterable[web.AbstractRouteDef] = (),
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self.world = world
        self.levers = Levers(world.state)
        self.app = web.Application(client_max_size=_MAX_REQUEST_BYTES)
        self._host, self._port = host, port
        self._gateway = Gateway(world.state, self.levers, World.BOT_TOKEN, heartbeat_seconds)
        self._pipeline = Pipeline(world.state, world.interactions, self.levers, ROUTES, World.BOT_TOKEN)
        self.app.router.add_get("/gateway", self._gateway.connect)
        self._pipeline.mount(self.app)
        self.files_fetched = cdn.mount(self.app, world.state, self.levers)
        self.app.add_routes(extra_routes)
        self.app.on_shutdown.append(self._say_goodbye)
        self._runner = web.AppRunner(self.app, handle_signals=False, access_log=None, shutdown_timeout=1.0)

    @property
    def requests(self) -> list[Request]:
        """The REST requests since the start."""
        return self._pipeline.requests

    @property
    def identifies(self) -> list[float]:
        """When the bot identified, in seconds of ``time.monotonic()``."""
        return self._gateway.identifies

    @property
    def resumes(self) -> list[float]:
        """When it resumed a session."""
        return self._gateway.resumes

    @property
    def api_url(self) -> str:
        """``http://127.0.0.1:PORT/api/v10``"""
        return f"http://{self._address}{API}"

    @property
    def gateway_url(self) -> str:
        """``ws://127.0.0.1:PORT/gateway``"""
        return f"ws://{self._address}/gateway"

    @property
    def cdn_url(self) -> str:
        """``http://127.0.0.1:PORT/cdn``"""
        return f"http://{self._address}{cdn.PATH}"

    async def start(self) -> None:
        """Listen."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.world.state.cdn_url, self.world.state.gateway_url = self.cdn_url, self.gateway_url

    async def stop(self) -> None:
        """Send everyone away, and stop listening."""
        await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def _address(self) -> str:
        return f"{self._host}:{self._port}"

    async def _say_goodbye(self, _: web.Application) -> None:
        self._gateway.close()
