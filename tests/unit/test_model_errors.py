"""What servers say when a prompt is too long, as seen in the wild, and what is made of it."""

from __future__ import annotations

import pytest

from bot.errors import ContextOverflow, ModelBusy, ModelUnavailable, RequestRefused
from bot.model_errors import from_status


@pytest.mark.parametrize(
    ("status", "body", "limit"),
    [
        (400, {"code": "context_length_exceeded", "message": "Your input exceeds the context window."}, None),
        (400, {"message": "This model's maximum context length is 8192 tokens. However, ..."}, 8192),
        (400, {"message": "'max_tokens' is too large: 64. This model's maximum context length is 8,192 tokens"}, 8192),
        (400, {"type": "exceed_context_size_error", "message": "the request exceeds it", "n_ctx": 256}, 256),
        (500, {"type": "exceed_context_size_error", "message": "the request exceeds it", "n_ctx": 256}, 256),
        (400, {"message": "request (9412 tokens) exceeds the available context size (8192 tokens)"}, 8192),
        (400, {"message": "Requested tokens (2285) exceed context window of 2048"}, 2048),
        (400, {"message": "prompt is too long: 213462 tokens > 200000 maximum"}, 200000),
        (
            400,
            {"message": "AnthropicException - input length and `max_tokens` exceed context limit: 9 + 2 > 10, ..."},
            10,
        ),
        (413, {"message": "litellm.ContextWindowExceededError: Input length 9000 exceeds model limit"}, None),
        (400, "The prompt is 9000 tokens, which exceeds the model's maximum context length of 8192 tokens.", 8192),
    ],
)
def test_overflows(status: int, body: object, limit: int | None) -> None:
    error = from_status(status, body, secret="sk-1")
    assert isinstance(error, ContextOverflow)
    assert error.limit == limit


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"message": "max_tokens is too large: 100000. This model supports at most 16384"}, RequestRefused),
        (400, {"message": "Invalid 'tools' format"}, RequestRefused),
        (429, {"message": "Request too large: context length 9000", "code": "rate_limit_exceeded"}, ModelBusy),
        (500, {"message": "The server had an error"}, ModelUnavailable),
        (502, "<html>Bad gateway</html>", ModelUnavailable),
        (409, None, ModelUnavailable),
    ],
)
def test_what_is_no_overflow(status: int, body: object, kind: type[Exception]) -> None:
    assert type(from_status(status, body, secret="sk-1")) is kind


@pytest.mark.parametrize(
    ("seconds", "said"), [(None, "in a moment"), (0.2, "in a second"), (20, "in 20 seconds"), (600, "in 10 minutes")]
)
def test_a_wait_is_said_in_words(seconds: float | None, said: str) -> None:
    assert said in str(from_status(429, {}, secret="sk-1", retry_after=seconds))


def test_the_detail_is_made_of_codes_alone() -> None:
    body = {"message": "You said: oak", "type": "invalid request", "code": "bad_thing", "param": "messages[0].role"}
    error = from_status(400, body, secret="sk-1", request_id="req_7")
    assert error.detail == "the model's endpoint answered 400 (bad_thing, messages[0].role, req_7)"
