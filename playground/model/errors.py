"""OpenAI's error bodies, and those of other servers where they differ. It raises nothing by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Blindness = Literal["openai", "openrouter", "lm studio", "llama.cpp", "text only"]
Shape = Literal["openai", "vllm", "llama.cpp", "litellm", "anthropic"]
Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer that stands in for a reply."""

    status: int
    body: Json | str
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


class ApiError(Exception):
    """The request is answered with an error."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.status}: {answer.body}")
        self.answer = answer


def openai_error(
    status: int,
    message: str,
    *,
    kind: str = "invalid_request_error",
    param: str | None = None,
    code: str | None = None,
) -> Answer:
    """An error as OpenAI's API words it: *param* names the field that is wrong."""
    return Answer(status, {"error": {"message": message, "type": kind, "param": param, "code": code}})


def bad_request(message: str, param: str | None = None, code: str | None = None) -> ApiError:
    """400, for the field *param*."""
    return ApiError(openai_error(400, message, param=param, code=code))


_BY_STATUS = {
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    402: ("insufficient_quota", "insufficient_balance", "Insufficient balance."),
    403: ("invalid_request_error", "unsupported_country_region_territory", "Access is not allowed from here."),
    404: ("invalid_request_error", "model_not_found", "The model does not exist or you do not have access to it."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    500: ("server_error", None, "The server had an error while processing your request."),
    503: ("server_error", None, "The engine is currently overloaded."),
}


def status_answer(status: int, *, retry_after: float | None = None) -> Answer:
    """The error that a provider sends with *status*. *retry_after* is in seconds."""
    kind, code, message = _BY_STATUS[status]
    answer = openai_error(status, message, kind=kind, code=code)
    return Answer(status, answer.body, {} if retry_after is None else {"Retry-After": f"{retry_after:g}"})


def takes_no_images(shape: Blindness) -> Answer:
    """The model takes no images, in the words of four servers, and of those whose messages know nothing but a text.

    Sources: browser-use/web-ui#274; nexu-io/nexu#733; lmstudio-ai/lmstudio-bug-tracker#908; ggml-org/llama.cpp#13566.
    """
    if shape == "openrouter":
        return Answer(404, {"error": {"message": "No endpoints found that support image input", "code": 404}})
    if shape == "lm studio":
        return Answer(400, {"error": "Model does not support images. Please use a model that does."})
    if shape == "llama.cpp":
        message = "image input is not supported by this server"
        return Answer(500, {"error": {"code": 500, "message": message, "type": "server_error"}})
    if shape == "text only":
        message = "Failed to deserialize the JSON body: messages[1]: unknown variant `image_url`, expected `text`"
        return openai_error(422, message)
    message = "Invalid content type. image_url is only supported by certain models."
    return openai_error(400, message, param="messages.[1].content.[1].type")


def overflow(shape: Shape, *, limit: int, prompt: int) -> Answer:
    """The prompt is longer than the model takes: *prompt* and *limit* in tokens, in the words of five servers.

    Sources: threads with OpenAI's error in mckaywrigley/chatbot-ui#1396; vllm/renderers/params.py and
    vllm/entrypoints/serve (since 0.18); ggml-org/llama.cpp#15780 and tools/server/server-context.cpp;
    BerriAI/litellm as seen in BrokkAi/brokk-app#540 and agent0ai/agent-zero#1102; anthropics/claude-code#62560.
    """
    if shape == "vllm":
        message = (
            f"This model's maximum context length is {limit} tokens. However, you requested 0 output tokens and your"
            f" prompt contains at least {prompt} input tokens, for a total of at least {prompt} tokens. Please reduce"
            " the length of the input prompt or the number of requested output tokens."
            f" (parameter=input_tokens, value={prompt})"
        )
        return Answer(
            400, {"error": {"message": message, "type": "BadRequestError", "param": "input_tokens", "code": 400}}
        )
    if shape == "llama.cpp":
        message = f"request ({prompt} tokens) exceeds the available context size ({limit} tokens), try increasing it"
        kind = "exceed_context_size_error"
        return Answer(
            400,
            {"error": {"code": 400, "message": message, "type": kind, "n_prompt_tokens": prompt, "n_ctx": limit}},
        )
    if shape == "litellm":
        message = (
            "litellm.BadRequestError: AnthropicException - input length and `max_tokens` exceed context limit:"
            f" {prompt} + 1024 > {limit}, decrease input length or `max_tokens` and try again"
        )
        return Answer(400, {"error": {"message": message, "type": None, "param": None, "code": "400"}})
    if shape == "anthropic":
        message = f"prompt is too long: {prompt} tokens > {limit} maximum"
        return Answer(400, {"type": "error", "error": {"type": "invalid_request_error", "message": message}})
    message = (
        f"This model's maximum context length is {limit} tokens. However, your messages resulted in {prompt} tokens."
        " Please reduce the length of the messages."
    )
    return openai_error(400, message, param="messages", code="context_length_exceeded")
