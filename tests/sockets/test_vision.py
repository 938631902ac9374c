"""Images over real HTTP: sent as OpenAI's API has them, and left out for models that take none, in whatever words they say so."""

from __future__ import annotations

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Any, get_args

import pytest
from openapi_schema_validator import OAS31Validator

from bot.errors import ContextOverflow, ModelRefused
from bot.model import OpenAIModel, open_model
from bot.ports import ReplyEnd
from bot.prompt import ChatPrompt, Image, PromptMessage
from bot.resilient import ResilientModel
from playground.model import MODEL, LittleModel
from playground.model.errors import Blindness, openai_error
from tests import attached
from tests.sockets.fork_server import ROOT

SPECIFICATION = Path(os.environ.get("MNEMO_SPECS") or ROOT.parent / "shared/specs") / "openai-openapi.json"
REEF = Image(f"data:image/png;base64,{base64.b64encode(attached.png()).decode()}", 1_000)
PROMPT = ChatPrompt(
    (PromptMessage("system", "You are Mnemo."), PromptMessage("user", "[42 Nemo] My name is Nemo.", (REEF,)))
)
# The client waits half a second before it tries again unless it is told otherwise.
AT_ONCE = {"retry-after-ms": "1"}


@pytest.fixture
async def little() -> AsyncIterator[LittleModel]:
    async with LittleModel(tokens_per_second=None) as running:
        yield running


@pytest.fixture
async def client(little: LittleModel) -> AsyncIterator[OpenAIModel]:
    async with open_model(api_key=None, base_url=little.base_url, patience=10, max_reply_tokens=None) as opened:
        yield opened


async def look(model: OpenAIModel | ResilientModel, prompt: ChatPrompt = PROMPT) -> tuple[str, bool]:
    """Show the prompt, and return the reply and whether its images were seen."""
    deadline = asyncio.get_running_loop().time() + 10
    async with aclosing(model.stream(prompt, model=MODEL, deadline=deadline)) as items:
        *texts, end = [item async for item in items]
    assert isinstance(end, ReplyEnd)
    return "".join(map(str, texts)), end.saw_images


def shown(little: LittleModel) -> list[bool]:
    """For each request, whether it had images."""
    return ["image_url" in str(request.body["messages"]) for request in little.requests]


async def test_an_image_is_seen(client: OpenAIModel, little: LittleModel) -> None:
    reply, seen = await look(client)
    assert reply.startswith("You show me a PNG of 640 by 480 pixels.")
    assert seen
    assert little.requests[0].body["messages"][1] == {
        "role": "user",
        "content": [
            {"type": "text", "text": "[42 Nemo] My name is Nemo."},
            {"type": "image_url", "image_url": {"url": REEF.url}},
        ],
    }


async def test_what_is_sent_is_what_the_api_takes(client: OpenAIModel, little: LittleModel) -> None:
    if not SPECIFICATION.exists():
        pytest.skip(f"{SPECIFICATION} is not there; MNEMO_SPECS names another folder")
    await look(client)
    document: dict[str, Any] = json.loads(SPECIFICATION.read_text())
    schema = {"$ref": "#/components/schemas/ChatCompletionRequestMessage", "components": document["components"]}
    for message in little.requests[0].body["messages"]:  # type: ignore[attr-defined]  # a list of messages
        OAS31Validator(schema).validate(message)


@pytest.mark.parametrize("words", get_args(Blindness))
async def test_a_model_that_takes_none_is_asked_without_from_then_on(
    client: OpenAIModel, little: LittleModel, words: Blindness
) -> None:
    little.levers.blindness = words
    reply, seen = await look(client)
    assert "Nemo" in reply
    assert not seen
    assert "not shown the images" in str(little.requests[-1].body["messages"])
    asked = len(little.requests)
    assert not (await look(client))[1]
    assert shown(little)[asked:] == [False]


@pytest.mark.parametrize(
    "message",
    [
        "You uploaded an unsupported image. Please make sure your image has one of these formats: png, jpeg.",
        "Could not process image",
        "image exceeds 5 MB maximum: 6000000 bytes > 5242880 bytes",
        "Invalid image data.",
    ],
)
async def test_an_image_that_is_refused_says_nothing_of_the_next(
    client: OpenAIModel, little: LittleModel, message: str
) -> None:
    little.levers.answer(openai_error(400, message))
    assert not (await look(client))[1]
    assert (await look(client))[1]
    assert shown(little) == [True, False, True]


async def test_who_says_that_the_model_sees_is_believed(little: LittleModel) -> None:
    async with open_model(
        api_key=None, base_url=little.base_url, patience=10, max_reply_tokens=None, remembers_blindness=False
    ) as client:
        little.levers.blindness = "openai"
        assert not (await look(client))[1]
        little.levers.clear()
        assert (await look(client))[1]


async def test_a_prompt_without_images_is_asked_once_and_its_error_stays(
    client: OpenAIModel, little: LittleModel
) -> None:
    little.levers.status(404, times=None)
    with pytest.raises(ModelRefused):
        await look(client, ChatPrompt(PROMPT.messages[:1]))
    assert len(little.requests) == 1
    with pytest.raises(ModelRefused):
        await look(client)
    assert shown(little) == [False, True, False]


async def test_a_prompt_that_is_too_long_is_not_taken_for_blindness(client: OpenAIModel, little: LittleModel) -> None:
    little.levers.prompt_limit = 10
    with pytest.raises(ContextOverflow):
        await look(client)
    assert shown(little) == [True]


async def test_the_fallback_sees_what_the_main_model_cannot(little: LittleModel) -> None:
    async with AsyncExitStack() as stack:
        second = await stack.enter_async_context(LittleModel(tokens_per_second=None))
        main, other = [
            await stack.enter_async_context(
                open_model(api_key=None, base_url=each.base_url, patience=2, max_reply_tokens=None)
            )
            for each in (little, second)
        ]
        both = ResilientModel(main, (other, MODEL))
        little.levers.blindness = "openai"
        assert not (await look(both))[1]
        little.levers.status(401, headers=AT_ONCE, times=None)
        assert (await look(both))[1]
