"""The little model's HTTP server: routes, streaming, errors. What a reply says is the brain's business."""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from aiohttp import web

from playground.model import brain, tokens
from playground.model.drafts import Draft, cut
from playground.model.errors import Answer, ApiError, Json, bad_request, openai_error, overflow, takes_no_images
from playground.model.levers import Ending, Levers, Pause
from playground.model.requests import Ask, read_chat_request, read_text_request

#: The name of the one model that is served unless told otherwise.
MODEL = "little-model"

#: So fast one still sees it being written: 160 bytes of text a second.
VISIBLE_SPEED = 40.0

LARGEST_BODY = 16 * 1024 * 1024
KEEP_ALIVE_EVERY = 0.05


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as it came. *client* tells one connection from another, *key* is what it was sent as one.

    *at* is ``time.monotonic()``, in seconds.
    """

    path: str
    body: Json
    client: str
    key: str | None = None
    at: float = field(default_factory=time.monotonic)


class LittleModel:
    """An OpenAI-compatible server, up as long as its context is open.

    *tokens_per_second* is the speed of streams, None for at once. *requests* logs the bodies of what was asked,
    *active* counts the requests that are being answered: it falls when a client hangs up.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        models: Sequence[str] = (MODEL,),
        tokens_per_second: float | None = VISIBLE_SPEED,
    ) -> None:
        self.levers = Levers()
        self.requests: list[Request] = []
        self.active = 0
        self.tokens_per_second = tokens_per_second
        self._host, self._port = host, port
        self._models = tuple(models)
        self._started = int(time.time())
        self._cache = tokens.PrefixCache()
        self._runner: web.AppRunner | None = None

    @property
    def base_url(self) -> str:
        """What OPENAI_BASE_URL has to be, "http://127.0.0.1:PORT/v1"."""
        return f"http://{self._host}:{self._port}/v1"

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._guard], client_max_size=LARGEST_BODY)
        app.add_routes(
            [
                web.post("/v1/chat/completions", self._chat),
                web.post("/v1/completions", self._completions),
                web.get("/v1/models", self._list_models),
                web.get("/v1/models/{model:.+}", self._get_model),
            ]
        )
        app.on_response_prepare.append(_add_request_id)
        # A client that hangs up must end the reply, as with real servers: what is not read costs nothing.
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner:
            await self._runner.cleanup()

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        self.active += 1
        try:
            return await handler(request)
        except ApiError as error:
            return _respond(error.answer)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as error:
            return _respond(openai_error(error.status, f"Invalid URL ({request.method} {request.path})"))
        except web.HTTPRequestEntityTooLarge:
            return _respond(openai_error(413, f"The request is larger than {LARGEST_BODY} bytes."))
        finally:
            self.active -= 1

    async def _list_models(self, _: web.Request) -> web.StreamResponse:
        if answer := self.levers.answers.take():
            return _respond(answer)
        return web.json_response({"object": "list", "data": [self._model(name) for name in self._models]})

    async def _get_model(self, request: web.Request) -> web.StreamResponse:
        if answer := self.levers.answers.take():
            return _respond(answer)
        self._check_model(request.match_info["model"])
        return web.json_response(self._model(request.match_info["model"]))

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        return await self._complete(request, read_chat_request)

    async def _completions(self, request: web.Request) -> web.StreamResponse:
        return await self._complete(request, read_text_request)

    async def _complete(self, request: web.Request, read: Callable[[Json], Ask]) -> web.StreamResponse:
        body = await _json(request)
        self.requests.append(Request(request.path, body, _client(request), _key(request)))
        await self.levers.door.wait()
        levers = self.levers.for_request(body)
        if levers.cuts.take():
            _reset(request)
            return web.Response()
        if answer := levers.answers.take():
            return _respond(answer)
        for name in levers.refused_fields & body.keys():
            raise bad_request(f"Unrecognized request argument supplied: {name}", name)
        ask = read(body)
        self._check_model(ask.model)
        if levers.blindness and any(utterance.images for utterance in ask.heard):
            return _respond(takes_no_images(levers.blindness))
        pause = levers.pauses.take()
        if pause and not pause.comments:
            await asyncio.sleep(pause.seconds)
        draft = self._draft(ask, levers)
        ending = levers.endings.take() or Ending()
        if ask.stream:
            return await self._stream(request, draft, pause, ending)
        if ending.reset:
            _reset(request)
        return web.json_response(draft.whole())

    def _draft(self, ask: Ask, levers: Levers) -> Draft:
        prompt_tokens = round(tokens.count(ask.prompt) * levers.tokens_factor)
        limit = levers.prompt_limit
        if limit is not None and prompt_tokens > limit:
            raise ApiError(overflow(levers.overflow_shape, limit=limit, prompt=prompt_tokens))
        scripted = levers.texts.take()
        said = (levers.writer or brain.reply)(ask.heard) if scripted is None else scripted
        if ask.kind == "text" and scripted is None and not ask.prompt.endswith((" ", "\n")):
            # A completion model goes on with the text, so its first token brings the space after "AI:".
            said = f" {said}"
        text, finish_reason = cut(said, ask)
        cached = self._cache.look_up(ask.prompt)
        reasoning = levers.reasonings.take() or ""
        return Draft(ask, text, finish_reason, reasoning, prompt_tokens, cached, levers.reasoning_field)

    async def _stream(
        self, request: web.Request, draft: Draft, pause: Pause | None, ending: Ending
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        if pause and pause.comments:
            await _comment(response, pause.seconds)
        if draft.ask.kind == "chat":
            await _send(response, draft.opening())
        for thought in tokens.pieces(draft.reasoning):
            await self._wait(ending)
            await _send(response, draft.thought(thought))
        pieces = tokens.pieces(draft.text)[: ending.after]
        for piece in itertools.cycle(pieces) if ending.endless else pieces:
            await self._wait(ending)
            await _send(response, draft.piece(piece))
        await response.write(ending.raw)
        if ending.reset:
            _reset(request)
            return response
        if ending.finish_reason:
            await _send(response, draft.ending())
        if draft.ask.include_usage and ending.done:
            await _send(response, draft.accounts())
        if ending.done:
            await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response

    async def _wait(self, ending: Ending) -> None:
        """Take as long as one token does."""
        speed = self.tokens_per_second  # which may be changed while it writes
        if gap := ending.seconds or (1 / speed if speed else 0):
            await asyncio.sleep(gap)

    def _check_model(self, name: str) -> None:
        if name not in self._models:
            message = f"The model `{name}` does not exist; this server has {', '.join(self._models)}."
            raise ApiError(openai_error(404, message, param="model", code="model_not_found"))

    def _model(self, name: str) -> Json:
        return {"id": name, "object": "model", "created": self._started, "owned_by": "playground"}


async def _json(request: web.Request) -> Json:
    try:
        body = json.loads(await request.read())
    except ValueError:
        raise bad_request("We could not parse the JSON body of your request.") from None
    if not isinstance(body, dict):
        raise bad_request("The body of the request must be a JSON object.")
    return body


def _key(request: web.Request) -> str | None:
    return request.headers.get("Authorization", "").removeprefix("Bearer ") or None


def _client(request: web.Request) -> str:
    return str(request.transport.get_extra_info("peername")) if request.transport else "gone"


async def _send(response: web.StreamResponse, event: Json) -> None:
    await response.write(f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode())


async def _comment(response: web.StreamResponse, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        await response.write(b": keep-alive\n\n")
        await asyncio.sleep(KEEP_ALIVE_EVERY)


def _reset(request: web.Request) -> None:
    if request.transport:
        request.transport.abort()


def _respond(answer: Answer) -> web.Response:
    text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
    return web.Response(status=answer.status, text=text, headers=answer.headers, content_type=answer.content_type)


async def _add_request_id(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.setdefault("x-request-id", f"req_{secrets.token_hex(8)}")
