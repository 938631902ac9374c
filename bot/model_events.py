"""A streamed reply, event by event: what its JSON says, what is known of the reply so far, and how it ended.

It reads no socket and knows no client; ``bot/model.py`` hands it the events.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.errors import EmptyReply, ModelError
from bot.model_errors import no_reply, unreachable
from bot.ports import INTERRUPTED, ReplyEnd, Thought, Usage
from bot.reasoning import Reasoning, Split

#: What servers call the reasoning that they send beside the answer. Some send it under both names.
_REASONING_FIELDS = ("reasoning_content", "reasoning")


@dataclass(slots=True)
class Reply:
    """What is known of a reply while it comes."""

    model: str
    length: int = 0
    saw_images: bool = True
    done: bool = False
    finish_reason: str | None = None
    usage: Usage = field(default_factory=Usage)
    #: How much the model reasoned, in characters.
    reasoned: int = 0

    _half: str = field(default="", init=False)
    _reasoning: Reasoning = field(default_factory=Reasoning, init=False)

    @property
    def begun(self) -> bool:
        """Whether there is a word."""
        return self.length > 0

    @property
    def whole(self) -> bool:
        """Whether the server said that this is all; some only say [DONE], some only a finish_reason."""
        return self.done or self.finish_reason is not None

    def take(self, data: str) -> Iterator[str | Thought]:
        """Note one event, and yield what it says: reasoning, and text of the answer."""
        choice = self._choice(data)
        if isinstance(reason := choice.get("finish_reason"), str):
            self.finish_reason = reason
        said = choice.get("delta") or choice
        text = said.get("content") or said.get("text") or ""
        if not isinstance(text, str):
            raise no_reply("the model's endpoint sent text that is no text")
        beside = next((said[name] for name in _REASONING_FIELDS if isinstance(said.get(name), str)), "")
        split = self._reasoning.split(self._paired(text))
        yield from self._told(split, beside.encode(errors="replace").decode())

    def rest(self) -> Iterator[str | Thought]:
        """Yield what the last event left open."""
        yield from self._told(self._reasoning.rest())

    def _told(self, split: Split, beside: str = "") -> Iterator[str | Thought]:
        thought, answer = beside + split.thought, split.answer
        if split.takes_back:
            self.reasoned += self.length
            self.length = 0
        if thought or split.takes_back:
            self.reasoned += len(thought)
            yield Thought(thought, split.takes_back)
        if not self.begun:
            # Completion models begin with the space after "AI:"; and white space alone is no reply.
            answer = answer.lstrip()
        if answer:
            self.length += len(answer)
            yield answer

    def _paired(self, text: str) -> str:
        """Return *text* with whole characters only: JSON may hold half of a surrogate pair, which nothing takes that is UTF-8.

        Some servers cut between the halves; then the other one comes with the next event.
        """
        text = self._half + text
        self._half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        return text.removesuffix(self._half).encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def _choice(self, data: str) -> dict[str, Any]:
        try:
            event = json.loads(data)
        except ValueError:
            raise no_reply("the model's endpoint sent an event that is no JSON") from None
        if isinstance(event, dict) and event.get("error"):
            raise ErrorEvent(event["error"])
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
            detail=f"the reply was empty, finish_reason {self.finish_reason}, after {self.reasoned} characters of reasoning",
            end=self.end(),
        )

    def end(self) -> ReplyEnd:
        """How the reply ended."""
        finish_reason = self.finish_reason if self.whole else INTERRUPTED
        return ReplyEnd(finish_reason, self.usage, self.model, saw_images=self.saw_images)


class ErrorEvent(Exception):
    """An error that came as an event of the stream, as vLLM and llama.cpp send it after they have answered 200."""

    def __init__(self, body: object) -> None:
        super().__init__("an error came in the stream")
        code = str(body.get("code")) if isinstance(body, dict) else ""
        self.body = body
        self.status = int(code) if re.fullmatch(r"[45]\d\d", code) else 500
