"""The model, as any server that speaks OpenAI's HTTP API offers it: one client, streamed replies, every failure named.

It is the only importer of ``openai`` and its ``httpx2``. What an event of a stream says is in ``model_events.py``, what an
error means in ``model_errors.py``; whom to ask when this one fails is ``resilient.py``'s business.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import re
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager, suppress
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import openai

from bot.errors import ModelError, SettingsError
from bot.model_errors import from_status, is_blind, may_be_images, no_reply, too_slow, unreachable
from bot.model_events import ErrorEvent, Reply
from bot.ports import ReplyEnd, Thought
from bot.prompt import ChatPrompt, Prompt, PromptMessage
from bot.settings import OPENAI_URL

log = logging.getLogger(__name__)

#: In seconds. The read timeout is between two pieces of a reply; a reply's deadline is for all of it.
CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 60.0

#: So many replies may be written at once; a connection waits so many seconds for the next one, for a new one costs a handshake.
MAX_CONNECTIONS = 1_000
IDLE_SECONDS = 30.0

#: Only until a stream has started: connection errors, 408, 409, 429 and 5xx are tried again so many times.
MAX_RETRIES = 2

#: In characters, fifty messages on Discord. A model that never ends is hung up on here, long before its deadline.
LONGEST_REPLY = 100_000

#: OpenAI's own default for completions is 16 tokens, which is less than a sentence.
TEXT_REPLY_TOKENS = 1024

# The client insists on a key; local servers do not look at it.
_NO_KEY = "none"
_KEY = re.compile(r"[\x21-\x7e]+")

# Reading on after [DONE] lets the connection be used again. A server that keeps the stream open is not waited for.
_DRAIN_SECONDS = 0.1


@asynccontextmanager
async def open_model(
    *,
    api_key: str | None,
    base_url: str | None,
    patience: float,
    max_reply_tokens: int | None,
    key_variable: str = "OPENAI_API_KEY",
    remembers_blindness: bool = True,
) -> AsyncIterator[OpenAIModel]:
    """Open the one client that all replies share, and close it.

    *base_url* None is OpenAI itself. *patience* is for how many seconds, in all, this endpoint may be waited for before a
    reply begins. *max_reply_tokens* None leaves a chat reply's length to the server. A model that takes no images is sent none
    any more, if *remembers_blindness*. Raises
    :class:`bot.errors.SettingsError` for a key that cannot be sent, which stands in *key_variable*.
    """
    if api_key and not _KEY.fullmatch(api_key):
        raise SettingsError((f"{key_variable} has characters that no key has, such as a space: copy it again.",))
    # The client sleeps as long as a Retry-After of up to two minutes says. All waits must fit into our patience.
    longest_wait = patience / (MAX_RETRIES + 1)
    base_url = base_url or OPENAI_URL

    async def refuse_long_waits(response: httpx2.Response) -> None:
        if (_retry_after(response.headers) or 0.0) > longest_wait:
            response.headers["x-should-retry"] = "false"

    async def leave_out_credentials(request: httpx2.Request) -> None:
        # They are in a header by now, and aiohttp refuses to have them twice.
        if request.url.userinfo:
            request.url = request.url.copy_with(userinfo=b"")

    client = openai.AsyncOpenAI(
        api_key=api_key or _NO_KEY,
        base_url=base_url,
        max_retries=MAX_RETRIES,
        timeout=openai.Timeout(READ_TIMEOUT, connect=CONNECT_TIMEOUT),
        # aiohttp's parser is written in C, and its pool does not look at every idle connection for each request: 2 ms a turn.
        http_client=openai.DefaultAioHttpClient(
            limits=httpx2.Limits(max_connections=MAX_CONNECTIONS, keepalive_expiry=IDLE_SECONDS),
            event_hooks={"request": [leave_out_credentials], "response": [refuse_long_waits]},
        ),
    )
    async with client:
        limit_name = "max_completion_tokens" if base_url == OPENAI_URL else "max_tokens"
        yield OpenAIModel(client, patience, max_reply_tokens, limit_name, remembers_blindness)


class OpenAIModel:
    """Writes replies, over one client. Make it with :func:`open_model`.

    *limit_name* is what the server calls a chat reply's longest length: OpenAI's newer models refuse ``max_tokens``,
    most other servers know nothing else.
    """

    def __init__(
        self,
        client: openai.AsyncOpenAI,
        patience: float,
        max_reply_tokens: int | None,
        limit_name: str,
        remembers_blindness: bool,
    ) -> None:
        self._client = client
        self._patience = patience
        self._max_reply_tokens = max_reply_tokens
        self._limit_name = limit_name
        self._stream_options = True
        self._remembers_blindness = remembers_blindness
        #: The models of which the endpoint has said that they take no images.
        self._blind: set[str] = set()

    async def stream(
        self, prompt: Prompt, *, model: str, deadline: float
    ) -> AsyncGenerator[str | Thought | ReplyEnd, None]:
        """Yield a reply's pieces and its end, as :meth:`bot.ports.ChatModel.stream` does.

        Whoever stops before the end has to close it (``contextlib.aclosing``): that hangs up, and a server that is
        hung up on stops writing.
        """
        reply = Reply(model)
        failure: ModelError | None = None
        try:
            async with aclosing(self._pieces(prompt, reply)) as pieces, asyncio.timeout_at(deadline) as timeout:
                async for piece in pieces:
                    timeout.reschedule(None)  # it must not fire while the consumer has the turn
                    yield piece
                    timeout.reschedule(deadline)
        except TimeoutError:
            failure = too_slow("the reply was not complete at its deadline")
        except ModelError as error:
            failure = error
        if not reply.begun:
            raise failure or reply.nothing()
        if not reply.whole:
            log.warning("a reply broke off: %s", failure.detail if failure else "its stream ended without an end")
        yield reply.end()

    async def list_models(self) -> list[str]:
        """The names of the models that the endpoint offers. Raises :class:`bot.errors.ModelError`."""
        with self._translated():
            try:
                async with (
                    asyncio.timeout(self._patience),
                    self._client.models.with_streaming_response.list() as response,
                ):
                    page = json.loads(await response.read())
                return [str(model["id"]) for model in page["data"]]
            except TimeoutError:
                raise too_slow(f"no list of models after {self._patience:g} s") from None
            except (ValueError, TypeError, KeyError):
                raise no_reply("the list of models is not one") from None

    async def _pieces(self, prompt: Prompt, reply: Reply) -> AsyncGenerator[str | Thought, None]:
        """Yield the text and the reasoning of a reply as they come, and note everything else in *reply*.

        openai's own stream reads "data: [DONE]" and tells nobody, so a server that always leaves finish_reason out looks
        like one that died. Therefore the request is the client's, with its retries, and the events of the response are
        read here, by httpx2's parser. It also tells a web page from a stream by its content type.
        """
        with self._translated():
            async with AsyncExitStack() as stack:
                events = aiter(httpx2.EventSource(await self._open(stack, prompt, reply)))
                async for event in events:
                    if event.data.startswith("[DONE]"):
                        reply.done = True
                        break
                    for piece in reply.take(event.data):
                        yield piece
                    if reply.length > LONGEST_REPLY:
                        reply.finish_reason = "length"
                        return
                for piece in reply.rest():
                    yield piece
                with suppress(TimeoutError):
                    async with asyncio.timeout(_DRAIN_SECONDS):
                        async for _ in events:
                            pass

    async def _open(self, stack: AsyncExitStack, prompt: Prompt, reply: Reply) -> httpx2.Response:
        model = reply.model
        has_images = isinstance(prompt, ChatPrompt) and any(message.images for message in prompt.messages)
        reply.saw_images = not (has_images and model in self._blind)
        while True:
            try:
                stream = await self._request(prompt, model, images=reply.saw_images)
                stack.push_async_callback(stream.close)
                return stream.response
            except openai.APIStatusError as error:
                if error.status_code in (400, 422) and self._stream_options and "stream_options" in str(error.body):
                    # Some servers do not know the field; without it they only do not tell what the call took.
                    self._stream_options = False
                elif has_images and reply.saw_images and may_be_images(error.status_code, error.body):
                    reply.saw_images = False
                    self._note_blindness(model, error)
                else:
                    raise

    def _note_blindness(self, model: str, error: openai.APIStatusError) -> None:
        if self._remembers_blindness and is_blind(error.body):
            self._blind.add(model)
            log.warning(
                "the model %s takes no images (%s): it is sent none until the next start", model, error.status_code
            )
        else:
            log.warning("the model %s was asked again without images (%s)", model, error.status_code)

    async def _request(self, prompt: Prompt, model: str, *, images: bool) -> openai.AsyncStream[object]:
        body: dict[str, Any] = {"model": model, "stream": True}
        if self._stream_options:
            body["stream_options"] = {"include_usage": True}
        if isinstance(prompt, ChatPrompt):
            path = "/chat/completions"
            body["messages"] = [
                {"role": message.role, "content": _content(message, images)} for message in prompt.messages
            ]
            if self._max_reply_tokens is not None:
                body[self._limit_name] = self._max_reply_tokens
        else:
            path = "/completions"
            body |= {"prompt": prompt.text, "max_tokens": self._max_reply_tokens or TEXT_REPLY_TOKENS}
            if prompt.stop:
                body["stop"] = list(prompt.stop)
        # The client's method for a path walks through every parameter by its type hints, which takes milliseconds for a window.
        return await self._client.post(
            path, body=body, cast_to=object, stream=True, stream_cls=openai.AsyncStream[object]
        )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn the client's exceptions into ours, without their text: it may repeat keys, addresses and messages."""
        secret = self._client.api_key
        try:
            yield
        except openai.APIStatusError as error:
            raise from_status(
                error.status_code,
                error.body,
                secret=secret,
                request_id=error.request_id,
                retry_after=_retry_after(error.response.headers),
            ) from None
        except ErrorEvent as event:
            raise from_status(event.status, event.body, secret=secret) from None
        except (openai.APITimeoutError, httpx2.TimeoutException) as error:
            if not isinstance(_root(error), (TimeoutError, httpx2.TimeoutException)):
                # What lies between aiohttp and openai calls a connection that breaks a timeout as well.
                raise unreachable(f"the connection to the model's endpoint broke ({_name(error)})") from None
            raise too_slow(f"the model's endpoint said nothing in time ({_name(error)})") from None
        except httpx2.SSEError:
            raise no_reply("the model's endpoint sent something else than a stream of events of a sane size") from None
        except (openai.APIConnectionError, httpx2.HTTPError, ssl.SSLError) as error:
            raise unreachable(f"the connection to the model's endpoint failed ({_name(error)})") from None
        except openai.OpenAIError as error:
            raise no_reply(f"the client could not make anything of the answer ({_name(error)})") from None


def _content(message: PromptMessage, images: bool) -> str | list[dict[str, Any]]:
    """A message's text, or the parts that it has with its images; who does not get these is told, so as not to make them up."""
    if not message.images:
        return message.content
    if not images:
        return f"{message.content}\n  (You are not shown the images of this message.)"
    shown = [{"type": "image_url", "image_url": {"url": image.url}} for image in message.images]
    return [{"type": "text", "text": message.content}, *shown]


def _name(error: Exception) -> str:
    return type(_root(error)).__name__


def _root(error: BaseException) -> BaseException:
    """What an error came from, beneath what libraries made of it."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """How long the server asks us to wait, in seconds; None if it does not say, or nonsense."""
    with suppress(ValueError):
        if value := headers.get("retry-after-ms"):
            return _finite(float(value) / 1000)
    value = headers.get("retry-after", "")
    with suppress(ValueError):
        return _finite(float(value))
    with suppress(ValueError):
        return _finite(parsedate_to_datetime(value).timestamp() - time.time())
    return None


def _finite(seconds: float) -> float | None:
    return max(seconds, 0.0) if math.isfinite(seconds) else None
