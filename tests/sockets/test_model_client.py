"""The bot's model client against the little model: the real openai client, over real HTTP on loopback."""

from __future__ import annotations

import asyncio
import json
import socket
import time
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from functools import partial
from typing import get_args

import pytest

from bot.errors import (
    ContextOverflow,
    EmptyReply,
    ModelBusy,
    ModelError,
    ModelRefused,
    ModelUnavailable,
    RequestRefused,
    SettingsError,
)
from bot.model import LONGEST_REPLY, TEXT_REPLY_TOKENS, OpenAIModel, open_model
from bot.ports import INTERRUPTED, ReplyEnd, Thought, Usage
from bot.prompt import ChatPrompt, PromptMessage, TextPrompt
from playground.model import MODEL, LittleModel, tokens
from playground.model.errors import Shape, overflow

KEY = "sk-proj-Very_Secret.0123456789"
CONTENT = "The treasure lies beneath the old oak."
CHAT = ChatPrompt((PromptMessage("system", "You are Mnemo."), PromptMessage("user", f"[42 Nemo] {CONTENT}")))
TEXT = TextPrompt(f"You are Mnemo.\n\nHuman: [42 Nemo] {CONTENT} Where is the treasure?\nAI:", ("\nHuman:",))
# The client waits half a second before it tries again unless it is told otherwise.
AT_ONCE = {"retry-after-ms": "1"}

Open = Callable[..., AbstractAsyncContextManager[OpenAIModel]]


@pytest.fixture
async def little() -> AsyncIterator[LittleModel]:
    async with LittleModel(tokens_per_second=None) as running:
        yield running


@pytest.fixture
def connect(little: LittleModel, monkeypatch: pytest.MonkeyPatch) -> Open:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return partial(open_model, api_key=KEY, base_url=little.base_url, patience=10.0, max_reply_tokens=None)


@pytest.fixture
async def client(connect: Open) -> AsyncIterator[OpenAIModel]:
    async with connect() as opened:
        yield opened


def stream(
    client: OpenAIModel, prompt: ChatPrompt | TextPrompt = CHAT, *, seconds: float = 10.0
) -> AsyncGenerator[str | Thought | ReplyEnd, None]:
    """Ask for a reply within *seconds*."""
    return client.stream(prompt, model=MODEL, deadline=asyncio.get_running_loop().time() + seconds)


async def read(
    client: OpenAIModel, prompt: ChatPrompt | TextPrompt = CHAT, *, seconds: float = 10.0
) -> tuple[str, ReplyEnd]:
    """Take a reply to its end, without what was thought before."""
    pieces: list[str] = []
    async with aclosing(stream(client, prompt, seconds=seconds)) as items:
        async for item in items:
            if isinstance(item, ReplyEnd):
                return "".join(pieces), item
            if isinstance(item, str):
                pieces.append(item)
    raise AssertionError("the stream had no end")


async def test_chat_reply_comes_in_pieces_with_its_usage(little: LittleModel, client: OpenAIModel) -> None:
    pieces = [item async for item in stream(client)]
    *texts, end = pieces
    assert len(texts) > 5
    assert CONTENT in "".join(str(text) for text in texts)
    assert isinstance(end, ReplyEnd)
    assert (end.finish_reason, end.model, end.usage.cached_tokens) == ("stop", MODEL, 0)
    assert end.usage.prompt_tokens
    assert end.usage.completion_tokens
    assert little.requests[0].body == {
        "model": MODEL,
        "messages": [
            {"role": "system", "content": "You are Mnemo."},
            {"role": "user", "content": f"[42 Nemo] {CONTENT}"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def test_completion_reply(little: LittleModel, client: OpenAIModel) -> None:
    text, end = await read(client, TEXT)
    assert text.startswith("From what I can see here: you said “The treasure lies")
    assert end.finish_reason == "stop"
    assert little.requests[0].path == "/v1/completions"
    assert little.requests[0].body["stop"] == ["\nHuman:"]
    assert little.requests[0].body["max_tokens"] == TEXT_REPLY_TOKENS


async def test_the_reply_length_is_named_as_openai_does_or_as_others_do(
    little: LittleModel, connect: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    openai = little.base_url.replace("127.0.0.1", "localhost")
    monkeypatch.setattr("bot.model.OPENAI_URL", openai)
    names = {little.base_url: "max_tokens", None: "max_completion_tokens", openai: "max_completion_tokens"}
    for base_url, name in names.items():
        async with connect(base_url=base_url, max_reply_tokens=3) as client:
            text, end = await read(client)
        assert (len(text), end.finish_reason) == (12, "length")
        assert {field: value for field, value in little.requests[-1].body.items() if "max" in field} == {name: 3}


async def test_a_prompt_seen_before_counts_as_cached(client: OpenAIModel) -> None:
    prompt = ChatPrompt((PromptMessage("user", "word " * 2000),))
    assert [(await read(client, prompt))[1].usage.cached_tokens for _ in range(2)] == [0, 2432]


async def test_30000_characters_arrive_whole(little: LittleModel, client: OpenAIModel) -> None:
    little.levers.long_reply(30_000)
    text, end = await read(client)
    assert (len(text), end.finish_reason) == (30_000, "stop")


async def test_replies_share_a_connection(little: LittleModel, client: OpenAIModel) -> None:
    await read(client)
    await read(client)
    assert len({request.client for request in little.requests}) == 1


async def test_reasoning_is_not_shown(little: LittleModel, client: OpenAIModel) -> None:
    little.levers.reasoning("First I should think about oaks.")
    little.levers.text("Under the oak.")
    text, end = await read(client)
    assert text == "Under the oak."
    assert end.usage.completion_tokens == tokens.count("First I should think about oaks.") + tokens.count(text)


async def test_stream_options_are_left_out_where_they_are_unknown(little: LittleModel, client: OpenAIModel) -> None:
    little.levers.refused_fields.add("stream_options")
    _, end = await read(client)
    assert (end.finish_reason, end.usage.prompt_tokens) == ("stop", None)
    await read(client)
    assert ["stream_options" in request.body for request in little.requests] == [True, False, False]


@pytest.mark.parametrize(
    ("status", "kind", "names"),
    [
        (400, RequestRefused, "log"),
        (401, ModelRefused, "OPENAI_API_KEY"),
        (402, ModelRefused, "credit"),
        (403, ModelRefused, "CHAT_MODEL"),
        (404, ModelRefused, "CHAT_MODEL"),
        (429, ModelBusy, "busy"),
        (500, ModelUnavailable, "try again"),
        (503, ModelUnavailable, "try again"),
    ],
)
async def test_statuses(
    little: LittleModel, client: OpenAIModel, status: int, kind: type[ModelError], names: str
) -> None:
    body = {"error": {"message": "no", "type": "bad", "param": None, "code": None}} if status == 400 else None
    little.levers.status(status, body=body, headers=AT_ONCE, times=None)
    with pytest.raises(kind, match=names) as caught:
        await read(client)
    assert str(status) in caught.value.detail
    assert "req_" in caught.value.detail
    assert len(little.requests) == (3 if status in (429, 500, 503) else 1)


async def test_a_passing_error_is_not_seen(little: LittleModel, client: OpenAIModel) -> None:
    little.levers.status(503, headers=AT_ONCE)
    little.levers.status(429, headers=AT_ONCE)
    assert CONTENT in (await read(client))[0]


async def test_credit_that_is_used_up_is_not_called_busy(little: LittleModel, client: OpenAIModel) -> None:
    error = {"message": "You exceeded your quota.", "type": "insufficient_quota", "code": "insufficient_quota"}
    little.levers.status(429, body={"error": error}, headers=AT_ONCE, times=None)
    with pytest.raises(ModelRefused, match="credit"):
        await read(client)


@pytest.mark.parametrize("retry_after", ["30", "Fri, 31 Dec 2100 23:59:59 GMT"])
async def test_a_wait_beyond_the_deadline_is_busy_at_once(
    little: LittleModel, client: OpenAIModel, retry_after: str
) -> None:
    little.levers.status(429, headers={"Retry-After": retry_after}, times=None)
    started = time.monotonic()
    with pytest.raises(ModelBusy, match="busy") as caught:
        await read(client)
    assert time.monotonic() - started < 1
    assert caught.value.retry_after is not None
    assert caught.value.retry_after >= 29
    assert len(little.requests) == 1


@pytest.mark.parametrize("shape", get_args(Shape))
@pytest.mark.parametrize("in_stream", [False, True])
async def test_overflow(little: LittleModel, client: OpenAIModel, shape: Shape, in_stream: bool) -> None:
    if in_stream:
        little.levers.stream_error(overflow(shape, limit=8192, prompt=9000))
    else:
        little.levers.overflow(shape, limit=8192, prompt=9000)
    with pytest.raises(ContextOverflow) as caught:
        await read(client)
    assert caught.value.limit == 8192


async def test_a_prompt_above_the_limit_overflows(little: LittleModel, client: OpenAIModel) -> None:
    little.levers.prompt_limit = 20
    with pytest.raises(ContextOverflow):
        await read(client, ChatPrompt((PromptMessage("user", "x" * 100),)))
    await read(client, ChatPrompt((PromptMessage("user", "x"),)))


async def test_an_empty_reply(little: LittleModel, client: OpenAIModel) -> None:
    for text in ("", " \n\n"):
        little.levers.text(text)
        with pytest.raises(EmptyReply):
            await read(client)


@pytest.mark.parametrize("fault", ["html", "garbage", "foreign", "stream_error", "huge_line"])
async def test_what_is_no_reply(little: LittleModel, client: OpenAIModel, fault: str) -> None:
    getattr(little.levers, fault)()
    with pytest.raises(ModelUnavailable):
        await read(client)


@pytest.mark.parametrize("fault", ["break_stream", "end_early", "garbage", "foreign", "stream_error", "huge_line"])
async def test_a_stream_that_ends_after_its_first_words_is_marked(
    little: LittleModel, client: OpenAIModel, fault: str
) -> None:
    little.levers.text("One two three four five six.")
    getattr(little.levers, fault)(after=3)
    assert await read(client) == ("One two thre", ReplyEnd(INTERRUPTED, Usage(), MODEL))


@pytest.mark.parametrize("fault", ["break_stream", "end_early", "cut"])
async def test_a_stream_that_ends_before_its_first_word_is_an_error(
    little: LittleModel, client: OpenAIModel, fault: str
) -> None:
    getattr(little.levers, fault)(**({"times": None} if fault == "cut" else {"after": 0}))
    with pytest.raises(ModelUnavailable, match="cannot reach"):
        await read(client)


async def test_bytes_that_are_no_text_cost_only_themselves(little: LittleModel, client: OpenAIModel) -> None:
    little.levers.text("One two three four.")
    little.levers.bad_utf8(after=2)
    text, end = await read(client)
    assert (text, end.finish_reason) == ("One two \ufffd\ufffd", "stop")


async def test_half_characters_are_put_together(little: LittleModel, client: OpenAIModel) -> None:
    halves = [{"choices": [{"delta": {"content": half}}]} for half in ("\ud83d", "\ude00 ", "\ud83d", "!")]
    little.levers.raw("".join(f"data: {json.dumps(half)}\n\n" for half in halves).encode())
    assert (await read(client))[0] == "😀 \ufffd!"


async def test_a_reply_that_never_ends_is_ended(little: LittleModel, client: OpenAIModel) -> None:
    little.levers.text("And so on. " * 500)
    little.levers.endless()
    text, end = await read(client)
    assert (len(text) // LONGEST_REPLY, end.finish_reason) == (1, "length")
    await _until(lambda: little.active == 0)


async def test_a_trickle_is_cut_at_the_deadline(little: LittleModel, client: OpenAIModel) -> None:
    little.levers.trickle(0.1)
    text, end = await read(client, seconds=0.5)
    assert text
    assert end.finish_reason == INTERRUPTED


async def test_servers_that_say_only_half_of_the_end(little: LittleModel, client: OpenAIModel) -> None:
    little.levers.no_done()
    assert (await read(client))[1].finish_reason == "stop"
    little.levers.no_finish_reason()
    assert (await read(client))[1].finish_reason is None


@pytest.mark.parametrize("silence", ["hang", "keep_alive"])
async def test_the_deadline_bounds_a_silent_server(little: LittleModel, client: OpenAIModel, silence: str) -> None:
    getattr(little.levers, silence)(30)
    with pytest.raises(ModelUnavailable, match="too long"):
        await read(client, seconds=0.3)
    await _until(lambda: little.active == 0)


async def test_the_deadline_never_fires_while_the_consumer_has_the_turn(client: OpenAIModel) -> None:
    async with aclosing(stream(client, seconds=0.2)) as items:
        await anext(items)
        await asyncio.sleep(0.4)
        rest = [item async for item in items]
    assert isinstance(rest[-1], ReplyEnd)


async def test_a_cancelled_consumer_hangs_up_at_once(little: LittleModel, client: OpenAIModel) -> None:
    little.tokens_per_second = 5
    reading = asyncio.create_task(read(client))
    await _until(lambda: little.active == 1)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await _until(lambda: little.active == 0, seconds=0.5)


async def test_a_consumer_that_stops_hangs_up_at_once(little: LittleModel, client: OpenAIModel) -> None:
    little.tokens_per_second = 20
    async with aclosing(stream(client)) as items:
        await anext(items)
    await _until(lambda: little.active == 0, seconds=0.5)


async def test_nobody_listens(connect: Open) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://user:hunter2@127.0.0.1:{unused.getsockname()[1]}/v1"
        async with connect(base_url=url) as client:
            with pytest.raises(ModelUnavailable, match="cannot reach") as caught:
                await read(client)
    assert "ConnectionRefusedError" in caught.value.detail
    assert "hunter2" not in _everything_told(caught.value)


async def test_a_server_that_hangs_up_without_a_word_is_not_called_slow(connect: Open) -> None:
    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server, connect(base_url=address) as client:
        with pytest.raises(ModelUnavailable, match="cannot reach") as caught:
            await read(client)
    assert "ServerDisconnectedError" in caught.value.detail


async def test_list_models(little: LittleModel, client: OpenAIModel) -> None:
    assert await client.list_models() == [MODEL]
    little.levers.status(401)
    with pytest.raises(ModelRefused, match="OPENAI_API_KEY"):
        await client.list_models()
    little.levers.html()
    with pytest.raises(ModelUnavailable, match="OPENAI_BASE_URL"):
        await client.list_models()


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422, 429, 500])
async def test_no_error_repeats_the_key_or_what_was_said(little: LittleModel, client: OpenAIModel, status: int) -> None:
    for told in (KEY, CONTENT, f"context length {KEY} {CONTENT}"):
        error = dict.fromkeys(("message", "type", "code", "param"), told)
        for body in ({"error": error}, error, {"error": told}, told, [told]):
            little.levers.status(status, body=body, headers=AT_ONCE | {"x-request-id": told}, times=3)
            with pytest.raises(ModelError) as caught:
                await read(client)
            little.levers.clear()
            assert KEY not in _everything_told(caught.value)
            assert CONTENT not in _everything_told(caught.value)


async def test_a_key_that_cannot_be_sent_is_said_at_the_start(connect: Open) -> None:
    for key in ("sk-ключ", "sk-two words", "sk-line\n"):
        with pytest.raises(SettingsError, match="OPENAI_API_KEY") as caught:
            async with connect(api_key=key):
                pass
        assert key not in _everything_told(caught.value)


async def test_no_key_is_needed_by_a_server_that_asks_for_none(connect: Open) -> None:
    async with connect(api_key=None) as client:
        assert await client.list_models() == [MODEL]


def _everything_told(error: BaseException) -> str:
    detail = error.detail if isinstance(error, ModelError) else ""
    # The test's own lines show what it calls with; only what the error says counts.
    told = traceback.TracebackException.from_exception(error)
    chain = []
    while told:
        chain.append("".join(told.format_exception_only()))
        told = told.__cause__ or (None if told.__suppress_context__ else told.__context__)
    return f"{error} {error!r} {detail} {chain}"


async def _until(happened: Callable[[], bool], *, seconds: float = 2.0) -> None:
    async with asyncio.timeout(seconds):
        while not happened():  # noqa: ASYNC110 nobody tells when a client has hung up
            await asyncio.sleep(0.01)
