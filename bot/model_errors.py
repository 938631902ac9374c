"""What a model server's error means: from a status and a body to the :class:`bot.errors.ModelError` to raise.

Pure: it sends nothing and knows no client. It takes nothing from a body but what has the shape of a code, because
servers repeat keys and messages in their errors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.errors import (
    ContextOverflow,
    ModelBusy,
    ModelDown,
    ModelError,
    ModelRefused,
    ModelUnavailable,
    RequestRefused,
)

# One word, as error codes, types, parameters and request ids are; never a sentence.
_CODE = re.compile(r"[\w.\[\]-]{1,64}")

# OpenAI: code "context_length_exceeded". vLLM and many others: "This model's maximum context length is 8192 tokens."
# llama.cpp: type "exceed_context_size_error". LiteLLM: "ContextWindowExceededError". Anthropic behind a proxy: "prompt
# is too long: 213462 tokens > 200000 maximum", "input length and `max_tokens` exceed context limit: 179413 + 32768 > 200000".
_OVERFLOW = re.compile(
    r"context[ _]?(?:length|window|size|limit)|(?:prompt|input) is too long|max_model_len", re.IGNORECASE
)
_OVERFLOW_STATUSES = frozenset({400, 413, 422, 500})
_LIMIT = re.compile(
    r"context[ _](?:length|window|size)(?: is| of|:)? \(?(?P<context>\d[\d,]*)|\d(?: tokens)? > (?P<maximum>\d[\d,]*\d)",
    re.IGNORECASE,
)

_NO_CREDIT = "The account at the model's provider has no credit left: whoever hosts me has to top it up."
# How a server says that a model takes no images; other errors mean only the images that were sent. OpenAI: "image_url is only
# supported by certain models" (browser-use/web-ui#274). OpenRouter: 404 "No endpoints found that support image input"
# (nexu-io/nexu#733). Ollama: "this model does not support image input" (ollama/ollama#17301). LM Studio: "Model does not support
# images" (lmstudio-ai/lmstudio-bug-tracker#362). vLLM: "is not a multimodal model" (kortix-ai/suna#646), "At most 0 image(s)".
# llama.cpp: 500 "image input is not supported" (ggml-org/llama.cpp#13566). Servers that know text alone: "unknown variant
# `image_url`", "content must be a string".
_BLIND = re.compile(
    r"only supported by|(?:not|n't|found that) support|not (?:a )?multi-?modal|mmproj|not enabled|at most 0 image"
    r"|missing data required|unknown variant|(?:must|should) be a (?:valid )?string|text[- ]only|only text",
    re.IGNORECASE,
)
_REFUSING_STATUSES = frozenset({400, 404, 413, 415, 422})
_BROKEN_STATUSES = frozenset({500, 501})

_REFUSALS = {
    401: "The model's provider does not accept my key: whoever hosts me has to check OPENAI_API_KEY.",
    402: _NO_CREDIT,
    403: "The model's provider does not let my account use this model: whoever hosts me has to check the account and CHAT_MODEL.",
    404: "The model's provider does not know this model: whoever hosts me has to check CHAT_MODEL and OPENAI_BASE_URL.",
}
_NOT_ACCEPTED = "The model did not accept what I sent: whoever hosts me finds the reason in the log."
_OWN_PROBLEM = "The model has a problem of its own: try again in a moment."
_TOO_LONG = "This conversation is longer than the model can take: ask again with a shorter message."


def unreachable(detail: str) -> ModelUnavailable:
    """The connection could not be made, or broke."""
    return ModelUnavailable("I cannot reach the model: try again in a moment.", detail=detail)


def too_slow(detail: str) -> ModelUnavailable:
    """Nothing came in time."""
    return ModelUnavailable("The model took too long to answer: try again in a moment.", detail=detail)


def no_reply(detail: str) -> ModelUnavailable:
    """What came is no reply of such an API: a web page, garbage, JSON of another shape."""
    return ModelUnavailable(
        "The model's address answers, but not as a model does: whoever hosts me has to check OPENAI_BASE_URL.",
        detail=detail,
    )


def down(reason: ModelError) -> ModelDown:
    """The model is left alone for now, because of *reason*."""
    sentence = str(reason) if isinstance(reason, ModelRefused) else "The model does not work right now."
    return ModelDown(f"{sentence} I keep trying.", detail=reason.detail)


def from_status(
    status: int,
    body: object,
    *,
    secret: str,
    request_id: str | None = None,
    retry_after: float | None = None,
) -> ModelError:
    """The error that *status* means. *body* is what the server said of it: the ``error`` of its JSON, or any text.

    *retry_after* is in seconds; *secret* is the key, which no detail repeats.
    """
    error = body if isinstance(body, Mapping) else {"message": body}
    named = [error.get("type"), error.get("code"), error.get("param"), request_id]
    codes = [str(name) for name in named if isinstance(name, str) and _CODE.fullmatch(name) and secret not in name]
    detail = (
        f"the model's endpoint answered {status} ({', '.join(codes)})" if codes else f"the endpoint answered {status}"
    )
    if status in _OVERFLOW_STATUSES and _is_overflow(error):
        return ContextOverflow(_TOO_LONG, detail=detail, limit=_limit(error))
    if status == 429 and "insufficient_quota" in codes:
        return ModelRefused(_NO_CREDIT, detail=detail)
    if status == 429:
        return ModelBusy(
            f"The model is busy: try again in {_wait(retry_after)}.", detail=detail, retry_after=retry_after
        )
    if status >= 500 or status in (408, 409):
        return ModelUnavailable(_OWN_PROBLEM, detail=detail)
    if status in _REFUSALS:
        return ModelRefused(_REFUSALS[status], detail=detail)
    return RequestRefused(_NOT_ACCEPTED, detail=detail)


def may_be_images(status: int, body: object) -> bool:
    """Whether an error to a request with images may have come of them, so that it is worth asking without."""
    if status in _OVERFLOW_STATUSES and _is_overflow(body if isinstance(body, Mapping) else {"message": body}):
        return False
    return status in _REFUSING_STATUSES or (status in _BROKEN_STATUSES and is_blind(body))


def is_blind(body: object) -> bool:
    """Whether an error to a request with images says that the model takes none at all."""
    return _BLIND.search(str(body)) is not None


def _is_overflow(error: Mapping[object, object]) -> bool:
    return any(_OVERFLOW.search(str(error.get(name))) for name in ("code", "type", "message"))


def _limit(error: Mapping[object, object]) -> int | None:
    """The model's context in tokens: llama.cpp has a field for it, the others say it in their sentence."""
    if isinstance(n_ctx := error.get("n_ctx"), int):
        return n_ctx
    found = _LIMIT.search(str(error.get("message")))
    return int((found["context"] or found["maximum"]).replace(",", "")) if found else None


def _wait(seconds: float | None) -> str:
    if seconds is None:
        return "a moment"
    if seconds < 2:
        return "a second"
    if seconds <= 90:
        return f"{round(seconds)} seconds"
    return f"{round(seconds / 60)} minutes"
