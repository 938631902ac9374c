"""What a request may ask for: checks bodies against OpenAI's API and reads them. It answers nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from playground.model.errors import Json, bad_request
from playground.model.images import IMAGE_TOKENS, described
from playground.model.reading import Role, Utterance, read_chat, read_text
from playground.model.tokens import BYTES_PER_TOKEN

# The fields of OpenAI's API (openai/openai-openapi 2.3.0), in three groups. These are done as asked:
_DONE = {"model", "stream", "stream_options", "max_tokens", "stop", "n"}
CHAT_DONE = _DONE | {"messages", "max_completion_tokens"}
TEXT_DONE = _DONE | {"prompt"}
# These only tune how a model samples or how a provider bills, and there is nothing here to tune:
_TUNING = {"temperature", "top_p", "frequency_penalty", "presence_penalty", "logit_bias", "seed", "user"}
CHAT_TUNING = _TUNING | {
    "metadata",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_retention",
    "prompt_cache_options",
    "service_tier",
    "verbosity",
    "reasoning_effort",
    "prediction",
    "store",
    "moderation",
}
TEXT_TUNING = _TUNING
# These would change the shape of the answer, so they are refused rather than ignored:
CHAT_REFUSED = {
    "top_logprobs",
    "logprobs",
    "modalities",
    "web_search_options",
    "response_format",
    "audio",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "function_call",
    "functions",
}
TEXT_REFUSED = {"best_of", "echo", "logprobs", "suffix"}

_ROLES: dict[str, Role] = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_STREAM_OPTIONS = {"include_usage", "include_obfuscation"}
MOST_STOPS = 4
# OpenAI's default for completions; chat has none.
TEXT_MAX_TOKENS = 16


@dataclass(frozen=True, slots=True)
class Ask:
    """A request that is in order. *prompt* is the text that tokens are counted of."""

    kind: Literal["chat", "text"]
    model: str
    prompt: str
    heard: tuple[Utterance, ...]
    stop: tuple[str, ...]
    max_tokens: int | None
    stream: bool
    include_usage: bool


def read_chat_request(body: Json) -> Ask:
    """Read the body of POST /v1/chat/completions."""
    _check_fields(body, CHAT_DONE | CHAT_TUNING, CHAT_REFUSED)
    messages = [_message(place, message) for place, message in enumerate(_list(body, "messages"))]
    if not messages:
        raise bad_request("'messages' must not be empty.", "messages", "empty_array")
    prompt = "".join(f"<|{role}|>{text}{_costing(images)}\n" for role, text, images in messages)
    limit = _positive(body, "max_completion_tokens") or _positive(body, "max_tokens")
    return _ask("chat", body, prompt, tuple(_heard(messages)), limit)


def _heard(messages: Iterable[tuple[Role, str, tuple[str, ...]]]) -> Iterator[Utterance]:
    """What is said; a message's images belong to its last words."""
    for role, text, images in messages:
        *before, last = read_chat([(role, text)]) or [Utterance(role, "")]
        yield from before
        if last.text or images:
            yield replace(last, images=images)


def _costing(images: Iterable[str]) -> str:
    """What stands for images where tokens are counted."""
    return "".join(f"<|{image}|>".ljust(IMAGE_TOKENS * BYTES_PER_TOKEN) for image in images)


def read_text_request(body: Json) -> Ask:
    """Read the body of POST /v1/completions."""
    _check_fields(body, TEXT_DONE | TEXT_TUNING, TEXT_REFUSED)
    prompt = body.get("prompt")
    if not isinstance(prompt, str):
        raise bad_request("'prompt' must be one string here.", "prompt", "invalid_type")
    return _ask("text", body, prompt, tuple(read_text(prompt)), _positive(body, "max_tokens") or TEXT_MAX_TOKENS)


def _ask(
    kind: Literal["chat", "text"], body: Json, prompt: str, heard: tuple[Utterance, ...], limit: int | None
) -> Ask:
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise bad_request("you must provide a model parameter", "model")
    if body.get("n") not in (None, 1):
        raise bad_request("'n' must be 1 here.", "n", "unsupported_value")
    stream = _flag(body, "stream")
    options = body.get("stream_options")
    if options is not None and not stream:
        raise bad_request("The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options")
    return Ask(kind, model, prompt, heard, _stop(body), limit, stream, _include_usage(options))


def _check_fields(body: Json, known: set[str], refused: set[str]) -> None:
    for name, value in body.items():
        if name in refused and value is not None:
            raise bad_request(f"'{name}' is not supported by this model.", name, "unsupported_parameter")
        if name not in known | refused:
            raise bad_request(f"Unrecognized request argument supplied: {name}", name, "unknown_parameter")


def _message(place: int, message: object) -> tuple[Role, str, tuple[str, ...]]:
    where = f"messages[{place}]"
    if not isinstance(message, dict):
        raise bad_request(f"'{where}' must be an object.", where, "invalid_type")
    role = _ROLES.get(str(message.get("role")))
    if role is None:
        raise bad_request(
            f"'{where}.role' must be one of {', '.join(_ROLES)}, not {message.get('role')!r}.",
            f"{where}.role",
            "invalid_value",
        )
    for name in message.keys() - {"role", "content", "name"}:
        raise bad_request(f"Unknown parameter: '{where}.{name}'.", f"{where}.{name}", "unknown_parameter")
    text, images = _content(f"{where}.content", message.get("content"))
    if images and role != "user":
        raise bad_request(f"'{where}': images may only stand in messages of role user.", where, "invalid_value")
    return role, text, images


def _content(where: str, content: object) -> tuple[str, tuple[str, ...]]:
    if isinstance(content, str):
        return content, ()
    if not isinstance(content, list) or not content:
        raise bad_request(f"'{where}' must be a string or a list of parts.", where, "invalid_type")
    texts: list[str] = []
    images: list[str] = []
    for place, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind == "text" and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif kind == "image_url":
            images.append(_image(f"{where}[{place}].image_url", part.get("image_url")))
        else:
            raise bad_request(f"'{where}' may only have parts of type text and image_url.", where, "invalid_value")
    return "".join(texts), tuple(images)


def _image(where: str, image: object) -> str:
    if not isinstance(image, dict) or not isinstance(image.get("url"), str):
        raise bad_request(f"'{where}' must be an object with a url.", where, "invalid_type")
    for name in image.keys() - {"url", "detail"}:
        raise bad_request(f"Unknown parameter: '{where}.{name}'.", f"{where}.{name}", "unknown_parameter")
    if image.get("detail") not in (None, "auto", "low", "high"):
        raise bad_request(f"'{where}.detail' must be auto, low or high.", f"{where}.detail", "invalid_value")
    seen = described(image["url"])
    if seen is None:
        raise bad_request("You uploaded an unsupported image. Please make sure it is valid.", None, "invalid_image")
    return seen


def _list(body: Mapping[str, object], name: str) -> list[object]:
    value = body.get(name)
    if not isinstance(value, list):
        raise bad_request(f"'{name}' must be a list.", name, "invalid_type")
    return value


def _flag(body: Mapping[str, object], name: str) -> bool:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise bad_request(f"'{name}' must be a boolean.", name, "invalid_type")
    return bool(value)


def _positive(body: Mapping[str, object], name: str) -> int | None:
    value = body.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise bad_request(f"'{name}' must be a whole number of at least 1.", name, "integer_below_min_value")
    return value


def _stop(body: Mapping[str, object]) -> tuple[str, ...]:
    value = body.get("stop")
    stops = [] if value is None else [value] if isinstance(value, str) else value
    if not isinstance(stops, list) or not all(isinstance(stop, str) and stop for stop in stops):
        raise bad_request("'stop' must be a string or a list of strings.", "stop", "invalid_type")
    if len(stops) > MOST_STOPS:
        raise bad_request(f"'stop' must not have more than {MOST_STOPS} items.", "stop", "array_above_max_length")
    return tuple(stops)


def _include_usage(options: object) -> bool:
    if options is None:
        return False
    if not isinstance(options, dict):
        raise bad_request("'stream_options' must be an object.", "stream_options", "invalid_type")
    for name in options.keys() - _STREAM_OPTIONS:
        raise bad_request(f"Unknown parameter: 'stream_options.{name}'.", f"stream_options.{name}", "unknown_parameter")
    return _flag(options, "include_usage")
