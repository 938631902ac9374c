"""The table of REST routes: what a resource's file says of each, and what its handler gets.

How a request goes through it is in ``pipeline.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playground.discord.drafts import Upload
from playground.discord.errors import invalid_field
from playground.discord.forms import Check, fields
from playground.discord.interactions import Interactions
from playground.discord.records import Json
from playground.discord.state import State

_NOTHING = fields({})


@dataclass(frozen=True)
class Call:
    """One request, checked: *body* and *query* are as the route's forms clean them."""

    state: State
    interactions: Interactions
    path: dict[str, str]
    query: Json
    body: Any
    files: dict[int, Upload]

    @property
    def bot_id(self) -> int:
        """Who asks."""
        return self.state.bot.id

    def id(self, name: str) -> int:
        """An id in the path; an invalid form if it is none."""
        text = self.path[name]
        if not text.isdecimal():
            raise invalid_field(name, "NUMBER_TYPE_COERCE", f'Value "{text}" is not snowflake.')
        return int(text)


@dataclass(frozen=True)
class Answer:
    """An answer whose status is not the usual one."""

    status: int
    body: Any


#: Returns JSON for 200, None for 204, or an Answer.
Handler = Callable[[Call], Any]


@dataclass(frozen=True)
class Route:
    """One route. Its name is its handler's; *token* says whether the bot's token is asked for."""

    method: str
    path: str
    handler: Handler
    body: Check = _NOTHING
    query: Check = _NOTHING
    token: bool = True

    @property
    def name(self) -> str:
        """What ``limits.py`` calls it."""
        return self.handler.__name__

    def fits(self, path: str) -> bool:
        """Whether a path is this route's."""
        wanted, given = self.path.strip("/").split("/"), path.strip("/").split("/")
        return len(wanted) == len(given) and all(
            w == g or w.startswith("{") for w, g in zip(wanted, given, strict=True)
        )


@dataclass
class Routes:
    """The routes of one resource; ``@routes.add(...)`` above a handler puts it in."""

    all: list[Route] = field(default_factory=list)

    def add(
        self, method: str, path: str, *, body: Check = _NOTHING, query: Check = _NOTHING, token: bool = True
    ) -> Callable[[Handler], Handler]:
        """Put a handler behind a method and a path; what its forms do not name, it refuses."""

        def register(handler: Handler) -> Handler:
            self.all.append(Route(method, path, handler, body, query, token))
            return handler

        return register
