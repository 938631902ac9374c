"""The model, as any server that speaks OpenAI's HTTP API offers it: one client, streamed replies, every failure named.

It is the only importer of ``openai`` and its ``httpx2``. What an error means is ``model_errors.py``'s business, what to
do about it the conversation's.
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
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    aclosing,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import openai

from bot.errors import EmptyReply, ModelError, SettingsError
from bot.model_errors import from_status, no_reply, too_slow, unreachable
from bot.ports import INTERRUPTED, ReplyEnd, Usage
from bot.prompt import ChatPrompt, Prompt

log = logging.getLogger(__name__)

#: In seconds. The read timeout is between two pieces of a reply; ``reply_timeout`` is for all of it.
CONNECT_TIMEOUT = 10.0
READ_TIMEOUT = 60.0

#: Only until a stream has started: connection errors, 408, 409, 429 and 5xx are tried again so many times.
MAX_RETRIES = 2

#: OpenAI's own default for completions is 16 tokens, which is less than a sentence.
TEXT_REPLY_TOKENS = 1024

OPENAI_URL = "https://api.openai.com/v1"

# The client insists on a key; local servers do not look at it.
_NO_KEY = "none"
_KEY = re.compile(r"[\x21-\x7e]+")

# Reading on after [DONE] lets the connection be used again. A server that keeps the stream open is not waited for.
_DRAIN_SECONDS = 0.1


@asynccontextmanager
async def open_model(
    *, api_key: str | None, base_url: str | None, reply_timeout: float, max_reply_tokens: int | None
) -> AsyncIterator[OpenAIModel]:
    """Open the one client that all replies share, and close it.

    *base_url* None is OpenAI itself. *reply_timeout* is in seconds and bounds a whole reply, retries included.
    *max_reply_tokens* None leaves a chat reply's length to the server. Raises :class:`bot.errors.SettingsError` for a
    key that cannot be sent.
    """
    if api_key and not _KEY.fullmatch(api_key):
        raise SettingsError(("OPENAI_API_KEY has characters that no key has, such as a space: copy it again.",))
    # The client sleeps as long as a Retry-After of up to two minutes says. All waits must fit into the deadline.
    longest_wait = reply_timeout / (MAX_RETRIES + 1)

    async def refuse_long_waits(response: httpx2.Response) -> None:
        if (_retry_after(response.headers) or 0.0) > longest_wait:
            response.headers["x-should-retry"] = "false"

    client = openai.AsyncOpenAI(
        api_key=api_key or _NO_KEY,
        base_url=base_url or OPENAI_URL,
        max_retries=MAX_RETRIES,
        timeout=openai.Timeout(READ_TIMEOUT, connect=CONNECT_TIMEOUT),
        http_client=openai.DefaultAsyncHttpx2Client(event_hooks={"response": [refuse_long_waits]}),
    )
    async with client:
        limit_name = "max_tokens" if base_url else "max_completion_tokens"
        yield OpenAIModel(client, reply_timeout, max_reply_tokens, limit_name)


class OpenAIModel:
    """Writes replies, over one client. Make it with :func:`open_model`.

    *limit_name* is what the server calls a chat reply's longest length: OpenAI's newer models refuse ``max_tokens``,
    most other servers know nothing else.
    """

    def __init__(
        self, client: openai.AsyncOpenAI, reply_timeout: float, max_reply_tokens: int | None, limit_name: str
    ) -> None:
        self._client = client
        self._reply_timeout = reply_timeout
        self._max_reply_tokens = max_reply_tokens
        self._limit_name = limit_name
        self._stream_options = True

    async def stream(self, prompt: Prompt, *, model: str) -> AsyncGenerator[str | ReplyEnd, None]:
        """Implement :meth:`bot.ports.ChatModel.stream`.

        Whoever stops before the end has to close it (``contextlib.aclosing``): that hangs up, and a server that is
        hung up on stops writing.
        """
        reply = _Reply(model)
        deadline = asyncio.get_running_loop().time() + self._reply_timeout
        failure: ModelError | None = None
        async with aclosing(self._texts(prompt, reply)) as texts:
            while failure is None:
                try:
                    # Around each piece, not around the loop: a timeout must not fire while the consumer has the turn.
                    async with asyncio.timeout_at(deadline):
                        text = await anext(texts, None)
                except TimeoutError:
                    failure = too_slow(f"the reply was not complete after {self._reply_timeout:g} s")
                except ModelError as error:
                    failure = error
                else:
                    if text is None:
                        break
                    yield text
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
                    asyncio.timeout(self._reply_timeout),
                    self._client.models.with_streaming_response.list() as response,
                ):
                    page = json.loads(await response.read())
                return [str(model["id"]) for model in page["data"]]
            except TimeoutError:
                raise too_slow(f"no list of models after {self._reply_timeout:g} s") from None
            except (ValueError, TypeError, KeyError):
                raise no_reply("the list of models is not one") from None

    async def _texts(self, prompt: Prompt, reply: _Reply) -> AsyncGenerator[str, None]:
        """Yield the text of a reply as it comes, and note everything else in *reply*.

        openai's own stream reads "data: [DONE]" and tells nobody, so a server that always leaves finish_reason out looks
        like one that died. Therefore the request is the client's, with its retries, and the events of the response are
        read here, by httpx2's parser. It also tells a web page from a stream by its content type.
        """
        with self._translated():
            async with AsyncExitStack() as stack:
                events = aiter(httpx2.EventSource(await self._open(stack, prompt, reply.model)))
                async for event in events:
                    if event.data.startswith("[DONE]"):
                        reply.done = True
                        break
                    if text := reply.take(event.data):
                        yield text
                with suppress(TimeoutError):
                    async with asyncio.timeout(_DRAIN_SECONDS):
                        async for _ in events:
                            pass

    async def _open(self, stack: AsyncExitStack, prompt: Prompt, model: str) -> httpx2.Response:
        try:
            response = await stack.enter_async_context(self._request(prompt, model))
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            if not self._stream_options or "stream_options" not in str(error.body):
                raise
            # Some servers do not know the field; without it they only do not tell what the call took.
            self._stream_options = False
            response = await stack.enter_async_context(self._request(prompt, model))
        return response.http_response

    def _request(self, prompt: Prompt, model: str) -> AbstractAsyncContextManager[openai.AsyncAPIResponse[Any]]:
        options: dict[str, Any] = {"model": model, "stream": True}
        if self._stream_options:
            options["stream_options"] = {"include_usage": True}
        if isinstance(prompt, ChatPrompt):
            options["messages"] = [{"role": message.role, "content": message.content} for message in prompt.messages]
            if self._max_reply_tokens is not None:
                options[self._limit_name] = self._max_reply_tokens
            return self._client.chat.completions.with_streaming_response.create(**options)
        options |= {"prompt": prompt.text, "max_tokens": self._max_reply_tokens or TEXT_REPLY_TOKENS}
        if prompt.stop:
            options["stop"] = list(prompt.stop)
        return self._client.completions.with_streaming_response.create(**options)

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
        except _ErrorEvent as event:
            raise from_status(event.status, event.body, secret=secret) from None
        except (openai.APITimeoutError, httpx2.TimeoutException) as error:
            raise too_slow(f"the model's endpoint said nothing in time ({_name(error)})") from None
        except httpx2.SSEError:
            raise no_reply("the model's endpoint answered something else than a stream of events") from None
        except (openai.APIConnectionError, httpx2.HTTPError, ssl.SSLError) as error:
            raise unreachable(f"the connection to the model's endpoint failed ({_name(error)})") from None
        except openai.OpenAIError as error:
            raise no_reply(f"the client could not make anything of the answer ({_name(error)})") from None


@dataclass(slots=True)
class _Reply:
    """What is known of a reply while it comes."""

    model: str
    begun: bool = False
    done: bool = False
    finish_reason: str | None = None
    usage: Usage = field(default_factory=Usage)

    @property
    def whole(self) -> bool:
        """Whether the server said that this is all; some only say [DONE], some only a finish_reason."""
        return self.done or self.finish_reason is not None

    def take(self, data: str) -> str:
        """Note one event and return its text."""
        choice = self._choice(data)
        if isinstance(reason := choice.get("finish_reason"), str):
            self.finish_reason = reason
        said = choice.get("delta") or choice
        text = said.get("content") or said.get("text") or ""
        if not isinstance(text, str):
            raise no_reply("the model's endpoint sent text that is no text")
        if not self.begun:
            # Completion models begin with the space after "AI:"; and white space alone is no reply.
            text = text.lstrip()
            self.begun = bool(text)
        return text

    def _choice(self, data: str) -> dict[str, Any]:
        try:
            event = json.loads(data)
        except ValueError:
            raise no_reply("the model's endpoint sent an event that is no JSON") from None
        if isinstance(event, dict) and event.get("error"):
            raise _ErrorEvent(event["error"])
        if not isinstance(event, dict) or not isinstance(event.get("choices"), list):
            raise no_reply("the model's endpoint sent JSON of another shape")
        self._note(event)
        choice = event["choices"][0] if event["choices"] else {}
        if not isinstance(choice, dict) or not isinstance(choice.get("delta") or {}, dict):
            raise no_reply("the model's endpoint sent a choice of another shape")
        return choice

    def _note(self, event: Mapping[str, Any]) -> None:
        if (name := event.get("model")) and isinstance(name, str):
            self.model = name
        if isinstance(usage := event.get("usage"), dict):
            details = usage.get("prompt_tokens_details")
            cached = details.get("cached_tokens") if isinstance(details, dict) else None
            counts = usage.get("prompt_tokens"), cached, usage.get("completion_tokens")
            self.usage = Usage(*(count if isinstance(count, int) else None for count in counts))

    def nothing(self) -> ModelError:
        """The error for a stream that ended without an error and without a word."""
        if not self.whole:
            return unreachable("the stream ended before the first word")
        return EmptyReply(
            "The model answered nothing: try again, or say it in other words.",
            detail=f"the reply was empty, finish_reason {self.finish_reason}",
        )

    def end(self) -> ReplyEnd:
        """How the reply ended."""
        return ReplyEnd(self.finish_reason if self.whole else INTERRUPTED, self.usage, self.model)


class _ErrorEvent(Exception):
    """An error that came as an event of the stream, as vLLM and llama.cpp send it after they have answered 200."""

    def __init__(self, body: object) -> None:
        super().__init__("an error came in the stream")
        code = body.get("code") if isinstance(body, dict) else None
        self.body = body
        self.status = code if isinstance(code, int) and 400 <= code <= 599 else 500


def _name(error: Exception) -> str:
    return type(error.__cause__ or error).__name__


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
