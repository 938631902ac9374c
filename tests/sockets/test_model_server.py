"""The little model's HTTP, as any client sees it: routes, shapes, streams. Its answers have tests of their own."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from playground.model import MODEL, LittleModel

CHAT: dict[str, Any] = {"model": MODEL, "messages": [{"role": "user", "content": "[42 Nemo] My name is Nemo."}]}
TEXT: dict[str, Any] = {"model": MODEL, "prompt": "Human: [42 Nemo] My name is Nemo.\nAI:", "max_tokens": 500}


@pytest.fixture
async def model() -> AsyncIterator[LittleModel]:
    async with LittleModel(tokens_per_second=None) as running:
        yield running


@pytest.fixture
async def http(model: LittleModel) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(f"{model.base_url}/") as session:
        yield session


async def post(http: aiohttp.ClientSession, path: str, body: object) -> tuple[int, dict[str, Any]]:
    async with http.post(path, json=body) as response:
        assert response.headers["x-request-id"].startswith("req_")
        return response.status, await response.json()


async def events(http: aiohttp.ClientSession, path: str, body: dict[str, Any]) -> list[Any]:
    """The events of a stream, parsed, and what ends it."""
    async with http.post(path, json=body | {"stream": True}) as response:
        assert response.content_type == "text/event-stream"
        data = [line.removeprefix("data: ") for line in (await response.text()).split("\n") if line]
    return [json.loads(one) if one.startswith("{") else one for one in data]


async def test_whole_replies(http: aiohttp.ClientSession) -> None:
    status, chat = await post(http, "chat/completions", CHAT)
    assert (status, chat["object"], chat["model"]) == (200, "chat.completion", MODEL)
    assert "My name is Nemo." in chat["choices"][0]["message"]["content"]
    assert chat["choices"][0]["finish_reason"] == "stop"
    assert chat["usage"]["total_tokens"] == chat["usage"]["prompt_tokens"] + chat["usage"]["completion_tokens"]
    _, text = await post(http, "completions", TEXT)
    assert text["object"] == "text_completion"
    assert text["choices"][0]["text"].startswith(" ")


async def test_streamed_replies(http: aiohttp.ClientSession) -> None:
    first, *middle, last, done = await events(http, "chat/completions", CHAT)
    assert first["choices"][0]["delta"]["role"] == "assistant"
    assert "My name is Nemo." in "".join(event["choices"][0]["delta"]["content"] for event in middle)
    assert last["choices"][0] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}
    assert done == "[DONE]"
    *_, usage, done = await events(http, "completions", TEXT | {"stream_options": {"include_usage": True}})
    assert usage["choices"] == []
    assert usage["usage"]["completion_tokens"] > 0


async def test_stop_and_length(http: aiohttp.ClientSession) -> None:
    _, stopped = await post(http, "completions", TEXT | {"stop": ["\n\n"]})
    assert "stand-in" not in stopped["choices"][0]["text"]
    assert stopped["choices"][0]["finish_reason"] == "stop"
    _, cut = await post(http, "chat/completions", CHAT | {"max_tokens": 2})
    assert len(cut["choices"][0]["message"]["content"].encode()) <= 8
    assert (cut["choices"][0]["finish_reason"], cut["usage"]["completion_tokens"]) == ("length", 2)


async def test_models(http: aiohttp.ClientSession) -> None:
    async with http.get("models") as response:
        assert [model["id"] for model in (await response.json())["data"]] == [MODEL]
    async with http.get(f"models/{MODEL}") as response:
        assert (await response.json())["object"] == "model"
    async with http.get("models/gpt-9") as response:
        assert (response.status, (await response.json())["error"]["code"]) == (404, "model_not_found")


async def test_errors_name_what_is_wrong(http: aiohttp.ClientSession) -> None:
    status, body = await post(http, "embeddings", {})
    assert (status, body["error"]["message"]) == (404, "Invalid URL (POST /v1/embeddings)")
    status, body = await post(http, "models", {})
    assert (status, body["error"]["message"]) == (405, "Invalid URL (POST /v1/models)")
    status, body = await post(http, "chat/completions", CHAT | {"mode": "gpt"})
    assert (status, body["error"]["param"]) == (400, "mode")
    status, body = await post(http, "chat/completions", CHAT | {"model": "gpt-9"})
    assert (status, body["error"]["param"]) == (404, "model")
    status, _ = await post(http, "chat/completions", ["no object"])
    assert status == 400
    async with http.post("completions", data="no json") as response:
        assert response.status == 400


async def test_speed_is_visible_and_settable(model: LittleModel, http: aiohttp.ClientSession) -> None:
    model.tokens_per_second = 50
    model.levers.text("tokn" * 10)
    started = time.monotonic()
    assert len(await events(http, "chat/completions", CHAT)) == 13
    assert 0.15 < time.monotonic() - started < 1


async def test_levers_for_a_word_pull_at_nobody_else(model: LittleModel, http: aiohttp.ClientSession) -> None:
    model.levers.about("Nemo").status(500)
    model.levers.status(401)
    other = CHAT | {"messages": [{"role": "user", "content": "[7 Marlin] Hello."}]}
    got = [await post(http, "chat/completions", body) for body in (CHAT, CHAT, other, other)]
    assert [status for status, _ in got] == [500, 200, 401, 200]


async def test_requests_wait_at_the_door_and_go_on_together(model: LittleModel, http: aiohttp.ClientSession) -> None:
    model.levers.hold()
    waiting = [asyncio.create_task(post(http, "chat/completions", CHAT)) for _ in range(3)]
    while len(model.requests) < 3:  # noqa: ASYNC110 nobody tells when a request has come
        await asyncio.sleep(0.01)
    assert not any(task.done() for task in waiting)
    model.levers.door.set()
    assert [status for status, _ in await asyncio.gather(*waiting)] == [200] * 3


async def test_a_cut_is_no_answer(model: LittleModel, http: aiohttp.ClientSession) -> None:
    model.levers.cut()
    with pytest.raises(aiohttp.ClientConnectionError):
        await http.post("chat/completions", json=CHAT)
    assert (await post(http, "chat/completions", CHAT))[0] == 200


async def test_what_no_stream_should_hold(model: LittleModel, http: aiohttp.ClientSession) -> None:
    model.levers.text("tokn" * 3, times=None)

    async def sent() -> bytes:
        async with http.post("chat/completions", json=CHAT | {"stream": True}) as response:
            return await response.read()

    model.levers.bad_utf8(after=1)
    assert b"\xff\xfe" in await sent()
    model.levers.huge_line(1_000_000)
    assert max(map(len, (await sent()).split(b"\n"))) > 1_000_000
    model.levers.trickle(0.05)
    started = time.monotonic()
    await sent()
    assert time.monotonic() - started > 0.15
    model.levers.endless()
    async with http.post("chat/completions", json=CHAT | {"stream": True}) as response:
        assert (await response.content.readexactly(100_000)).count(b"tokn") > 100


async def test_the_key_that_came_is_noted(model: LittleModel, http: aiohttp.ClientSession) -> None:
    await post(http, "chat/completions", CHAT)
    async with http.post("chat/completions", json=CHAT, headers={"Authorization": "Bearer sk-1"}):
        pass
    assert [request.key for request in model.requests] == [None, "sk-1"]


async def test_levers_wait_for_each_other(model: LittleModel, http: aiohttp.ClientSession) -> None:
    model.levers.text("one")
    model.levers.text("two")
    model.levers.status(500)
    got = [await post(http, "chat/completions", CHAT) for _ in range(4)]
    assert [status for status, _ in got] == [500, 200, 200, 200]
    assert [body["choices"][0]["message"]["content"] for _, body in got[1:3]] == ["one", "two"]
    model.levers.html(times=None)
    model.levers.clear()
    assert (await post(http, "chat/completions", CHAT))[0] == 200
