"""One model out of two: who is asked, when the main one is left alone, and when the fallback stands in for it.

It sends nothing itself. When a breaker opens is ``breaker.py``'s business, what people read meanwhile the turn's.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Protocol

from bot.breaker import Breaker, Call
from bot.errors import ModelBusy, ModelError, ModelRefused, ModelUnavailable, RequestRefused
from bot.model_errors import down, too_slow
from bot.ports import ModelState, ReplyEnd, Thought
from bot.prompt import Prompt

log = logging.getLogger(__name__)

#: What says that an endpoint is down for everybody. All else is an answer of an endpoint that works.
_DOWN = (ModelUnavailable, ModelBusy, ModelRefused)

#: What another endpoint need not have. The others would come again: a prompt is too long, a model has nothing to say.
_PASSED_ON = (*_DOWN, RequestRefused)


class Endpoint(Protocol):
    """One server with models."""

    def stream(self, prompt: Prompt, *, model: str, deadline: float) -> AsyncGenerator[str | Thought | ReplyEnd, None]:
        """Write a reply, as :meth:`bot.ports.ChatModel.stream` says; never :class:`bot.errors.ModelDown`."""
        ...

    async def list_models(self) -> list[str]:
        """Return the names of its models. Raises :class:`bot.errors.ModelError`."""
        ...


class _Route:
    """One model at one endpoint, and whether it is worth asking: it keeps the last failure that says it is not."""

    def __init__(self, title: str, endpoint: Endpoint, model: str, clock: Callable[[], float]) -> None:
        self.title = title
        self.endpoint = endpoint
        self.model = model
        self.breaker = Breaker(clock)
        self.failure: ModelError | None = None

    @property
    def state(self) -> ModelState:
        return ModelState(self.title, self.breaker.pause(), None if self.failure is None else self.failure.detail)

    def worked(self) -> None:
        if not self.breaker.is_closed:
            log.info("%s works again", self.title)
        self.breaker.succeeded()
        self.failure = None

    def failed(self, call: Call, error: ModelError) -> None:
        was_closed = self.breaker.is_closed
        self.failure = error
        self.breaker.failed(call, error.retry_after if isinstance(error, ModelBusy) else None)
        if was_closed and not self.breaker.is_closed:
            pause = self.breaker.pause()
            log.warning("%s is left alone, and tried again in %.0f s: %s", self.title, pause, error.detail)


class ResilientModel:
    """The :class:`bot.ports.ChatModel` that everything uses: *main*, and *fallback* with the name of its model, if there is one.

    Each model of an endpoint has a breaker of its own, for replies and summaries together: a wrong SUMMARY_MODEL stops no
    reply. *clock* is in seconds and never goes back.
    """

    def __init__(
        self,
        main: Endpoint,
        fallback: tuple[Endpoint, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._main = main
        self._clock = clock
        self._routes: dict[str, _Route] = {}
        self._fallback = fallback and _Route(f"FALLBACK_MODEL {fallback[1]}", *fallback, clock)
        self._changed = asyncio.Event()

    async def stream(
        self, prompt: Prompt, *, model: str, deadline: float
    ) -> AsyncGenerator[str | Thought | ReplyEnd, None]:
        """Implement :meth:`bot.ports.ChatModel.stream`.

        Raises :class:`bot.errors.ModelDown` when nobody may be asked any more, also if it was this call that failed.
        """
        failure: ModelError | None = None
        routes = self._routes_for(model)
        for number, route in enumerate(routes):
            call = route.breaker.enter()
            if call is None:
                continue
            if failure is not None:
                log.warning("%s is asked instead: %s", route.title, failure.detail)
            may_pass_on = any(other.breaker.pause() == 0 for other in routes[number + 1 :])
            async with aclosing(route.endpoint.stream(prompt, model=route.model, deadline=deadline)) as items:
                try:
                    first = await self._first(route, call, items, _half(deadline) if may_pass_on else deadline)
                    while isinstance(first, Thought):  # who thinks works, and may take its time
                        yield first
                        first = await anext(items)
                except _PASSED_ON as error:
                    failure = failure or error
                    continue
                yield first
                async for item in items:
                    if isinstance(item, ReplyEnd):
                        item = replace(item, is_fallback=route is self._fallback)
                    yield item
                return
        main = routes[0]
        if main.failure is None or main.breaker.is_closed:
            assert failure is not None, "a closed breaker let the call through"
            raise failure
        raise down(main.failure)

    async def ready(self, *, model: str) -> None:
        """Implement :meth:`bot.ports.ChatModel.ready`."""
        while pause := min(route.breaker.pause() for route in self._routes_for(model)):
            with suppress(TimeoutError):
                async with asyncio.timeout(None if math.isinf(pause) else pause):
                    await self._changed.wait()

    async def list_models(self) -> list[str]:
        """Implement :meth:`bot.ports.ChatModel.list_models`."""
        return await self._main.list_models()

    def states(self, models: Sequence[str]) -> list[ModelState]:
        """Implement :meth:`bot.ports.ChatModel.states`."""
        routes = {route.title: route for model in models for route in self._routes_for(model)}
        return [route.state for route in routes.values()]

    def _routes_for(self, model: str) -> list[_Route]:
        main = self._routes.setdefault(model, _Route(f"The model {model}", self._main, model, self._clock))
        return [main, self._fallback] if self._fallback else [main]

    async def _first(
        self, route: _Route, call: Call, items: AsyncGenerator[str | Thought | ReplyEnd, None], deadline: float
    ) -> str | Thought | ReplyEnd:
        """Return the first piece, and note whether the endpoint works: whoever begins to write does."""
        try:
            async with asyncio.timeout_at(deadline):
                first = await anext(items)
        except TimeoutError:
            error = too_slow("the model's endpoint wrote nothing in its time")
            route.failed(call, error)
            raise error from None
        except _DOWN as error:
            route.failed(call, error)
            raise
        except ModelError:
            route.worked()
            raise
        else:
            route.worked()
            return first
        finally:
            route.breaker.leave(call)
            self._changed.set()
            self._changed = asyncio.Event()


def _half(deadline: float) -> float:
    """Half of the time that is left: the other half is for who stands in."""
    now = asyncio.get_running_loop().time()
    return now + (deadline - now) / 2
