"""A reply before it is sent: its text, cut as the request wants it, and the JSON bodies that carry it."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field

from playground.model import tokens
from playground.model.errors import Json
from playground.model.requests import Ask


@dataclass(frozen=True, slots=True)
class Draft:
    """One reply. *prompt_tokens*, *cached_tokens*: what the prompt took, and what of it was seen before."""

    ask: Ask
    text: str
    finish_reason: str
    reasoning: str
    prompt_tokens: int
    cached_tokens: int
    reasoning_field: str = "reasoning_content"
    id: str = field(default_factory=lambda: secrets.token_hex(12))
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(self) -> Json:
        """The body of an answer that is not streamed."""
        if self.ask.kind == "chat":
            message = {"role": "assistant", "content": self.text, "refusal": None} | self._reasoning(self.reasoning)
            choice: Json = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish_reason}
        else:
            choice = {"index": 0, "text": self.text, "logprobs": None, "finish_reason": self.finish_reason}
        return self._body("chat.completion", [choice]) | {"usage": self.usage()}

    def opening(self) -> Json:
        """The first event of a chat's stream, which only names the role."""
        return self._event({"role": "assistant", "content": "", "refusal": None})

    def thought(self, text: str) -> Json:
        """An event with a piece of the reasoning."""
        return self._event(self._reasoning(text))

    def piece(self, text: str) -> Json:
        """An event with a piece of the text."""
        return self._event({"content": text}, text)

    def ending(self) -> Json:
        """The event that says why the text ends."""
        return self._event({}, finish_reason=self.finish_reason)

    def accounts(self) -> Json:
        """The last event, if usage was asked for."""
        return self._body("chat.completion.chunk", []) | {"usage": self.usage()}

    def usage(self) -> Json:
        """What the call took, in tokens."""
        completion = tokens.count(self.text) + tokens.count(self.reasoning)
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": completion,
            "total_tokens": self.prompt_tokens + completion,
            "prompt_tokens_details": {"cached_tokens": self.cached_tokens},
            "completion_tokens_details": {"reasoning_tokens": tokens.count(self.reasoning)},
        }

    def _event(self, delta: Json, text: str = "", *, finish_reason: str | None = None) -> Json:
        said: Json = {"delta": delta} if self.ask.kind == "chat" else {"text": text}
        choice = {"index": 0, **said, "logprobs": None, "finish_reason": finish_reason}
        usage = {"usage": None} if self.ask.include_usage else {}
        return self._body("chat.completion.chunk", [choice]) | usage

    def _body(self, name: str, choices: list[Json]) -> Json:
        chat = self.ask.kind == "chat"
        return {
            "id": f"chatcmpl-{self.id}" if chat else f"cmpl-{self.id}",
            "object": name if chat else "text_completion",
            "created": self.created,
            "model": self.ask.model,
            "choices": choices,
        }

    def _reasoning(self, text: str) -> Json:
        return {self.reasoning_field: text} if text else {}


def cut(text: str, ask: Ask) -> tuple[str, str]:
    """The text that *ask* gets of *text*, and its finish_reason."""
    ends = [place for stop in ask.stop if (place := text.find(stop)) >= 0]
    kept = text[: min(ends)] if ends else text
    if ask.max_tokens is not None and tokens.count(kept) > ask.max_tokens:
        return tokens.truncate(kept, ask.max_tokens), "length"
    return kept, "stop"
