"""The way of a REST request: logged, broken by a lever, limited, authorized, checked, handled, answered.

What a route does is in the file of its resource.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from playground.discord.errors import DiscordError, Problem
from playground.discord.forms import clean
from playground.discord.interactions import Interactions
from playground.discord.levers import VIA, Fault, Levers, Request
from playground.discord.limits import Limits, Verdict
from playground.discord.rest import bodies
from playground.discord.rest.routes import Answer, Call, Route
from playground.discord.state import State

API = "/api/v10"


class Cut(Exception):
    """Close the connection without an answer."""


class Pipeline:
    """What every request goes through."""

    def __init__(
        self, state: State, interactions: Interactions, levers: Levers, routes: list[Route], token: str
    ) -> None:
        self.requests: list[Request] = []
        self._state = state
        self._interactions = interactions
        self._levers = levers
        self._routes = routes
        self._authorization = f"Bot {token}"
        self._limits = Limits()

    def mount(self, app: web.Application) -> None:
        """Serve all routes, and refuse all others by name."""
        for route in self._routes:
            app.router.add_route(route.method, API + route.path, self._handler(route))
        app.router.add_route("*", "/api/{rest:.*}", self._handler(None))

    def _handler(self, route: Route | None) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            entry = Request(request.method, request.path.removeprefix(API), time.monotonic())
            self.requests.append(entry)
            try:
                response = await self._answer(request, entry, route)
            except Cut:
                if request.transport:
                    request.transport.abort()
                return web.Response()  # goes nowhere
            entry.status = response.status
            return response

        return handle

    async def _answer(self, request: web.Request, entry: Request, route: Route | None) -> web.Response:
        fault = self._levers.take(request.method, entry.route)
        verdict = Verdict({})
        try:
            entry.body, files = await bodies.read(request)
            if fault and not fault.after and (broken := await _break(fault)):
                return broken
            if route is None:
                raise self._unknown(request.method, entry.route)
            verdict = self._judge(request, route)
            response = _limited(verdict) if verdict.retry_after else self._run(request, route, entry.body, files)
        except DiscordError as error:
            response = _json(error.status, error.payload())
        if fault and fault.after and (broken := await _break(fault)):
            return broken
        response.headers.update(VIA | verdict.headers)
        return response

    def _judge(self, request: web.Request, route: Route) -> Verdict:
        path = request.match_info
        major = path.get("channel_id") or path.get("guild_id") or path.get("token") or ""
        return self._limits.judge(route.name, major, enforced=self._levers.limits_enforced, counts_globally=route.token)

    def _run(self, request: web.Request, route: Route, body: Any, files: dict[int, Any]) -> web.Response:
        if route.token and request.headers.get("Authorization") != self._authorization:
            raise DiscordError(Problem.UNAUTHORIZED)
        call = Call(
            self._state,
            self._interactions,
            dict(request.match_info),
            clean(route.query, dict(request.query)),
            clean(route.body, {} if body is None else body),
            files,
        )
        result = route.handler(call)
        if result is None:
            return web.Response(status=204)
        return _json(result.status, result.body) if isinstance(result, Answer) else _json(200, result)

    def _unknown(self, method: str, path: str) -> DiscordError:
        methods = sorted({route.method for route in self._routes if route.fits(path)})
        if methods:
            return DiscordError(Problem.METHOD_NOT_ALLOWED, f"{method} {path}; it takes {', '.join(methods)}")
        return DiscordError(Problem.NOT_FOUND, f"the little Discord has no {method} {path}")


async def _break(fault: Fault) -> web.Response | None:
    """Do what a fault says; None if the request goes on nevertheless."""
    if fault.seconds is not None:
        await asyncio.sleep(fault.seconds)
        return None
    if fault.status is None:
        raise Cut
    body = fault.body
    headers = dict(fault.headers)
    if isinstance(body, str):
        return web.Response(status=fault.status, text=body, content_type="text/html", headers=headers)
    if body is None and fault.status == 429:
        body, headers = {"message": "You are being rate limited.", "retry_after": 0.3, "global": False}, VIA | headers
    response = _json(fault.status, {"message": "Broken by a lever", "code": 0} if body is None else body)
    response.headers.update(headers)
    return response


def _limited(verdict: Verdict) -> web.Response:
    body = {"message": "You are being rate limited.", "retry_after": verdict.retry_after, "global": verdict.is_global}
    return _json(429, body)


def _json(status: int, body: Any) -> web.Response:
    # discord.py parses JSON only under exactly this type: with a charset behind it, it would get a string.
    return web.Response(status=status, body=json.dumps(body).encode(), content_type="application/json")
