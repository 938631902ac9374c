"""Levers: how a test makes the little model answer otherwise than it would. None is active by default.

Each holds for the next *times* requests that it can apply to, or until ``clear()`` (times=None). Levers of one kind
wait for each other, those of different kinds work together (a scripted text, and a stream that breaks in it); a whole
answer such as an error takes its request alone.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from playground.model.errors import Answer, Blindness, Json, Shape, openai_error, overflow, status_answer
from playground.model.reading import Utterance

T = TypeVar("T")

HTML = "<!doctype html><html><body><h1>Welcome to the proxy</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a stream ends: after how many pieces (None: all), with which foreign bytes, and what it says of its end.

    *seconds* pass before each piece. An *endless* one begins its text anew as often as the client takes it.
    """

    after: int | None = None
    raw: bytes = b""
    seconds: float = 0.0
    endless: bool = False
    reset: bool = False
    finish_reason: bool = True
    done: bool = True


@dataclass(frozen=True, slots=True)
class Pause:
    """*seconds* before the reply: silent, or, once the stream is open, with keep-alive comments."""

    seconds: float
    comments: bool = False


class _Queue(Generic[T]):
    def __init__(self) -> None:
        self._waiting: deque[tuple[T, int | None]] = deque()

    def put(self, value: T, times: int | None) -> None:
        self._waiting.append((value, times))

    def take(self) -> T | None:
        if not self._waiting:
            return None
        value, times = self._waiting[0]
        if times is not None:
            self._waiting.popleft()
            if times > 1:
                self._waiting.appendleft((value, times - 1))
        return value

    def clear(self) -> None:
        self._waiting.clear()


class Levers:
    """Faults and scripted replies. The server takes from it what applies to a request."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Back to ordinary."""
        #: Prompts with more tokens than this are answered with an overflow, in *overflow_shape*.
        self.prompt_limit: int | None = None
        #: How many tokens are billed for one of ours: another provider's vocabulary.
        self.tokens_factor = 1.0
        #: The only model whose requests are pulled at; None for all.
        self.only_model: str | None = None
        self.overflow_shape: Shape = "openai"
        #: Fields of OpenAI's API that this server does not know: a request that has one is answered 400.
        self.refused_fields: set[str] = set()
        #: How this server refuses images; None if its model takes them.
        self.blindness: Blindness | None = None
        #: Requests wait at the door until it is opened.
        self.door = asyncio.Event()
        self.door.set()
        self._about: dict[str, Levers] = {}
        self.answers: _Queue[Answer] = _Queue()
        self.cuts: _Queue[bool] = _Queue()
        self.texts: _Queue[str] = _Queue()
        #: Writes the replies instead of the brain, where no text is scripted: what stands in the prompt in, a reply out.
        self.writer: Callable[[Sequence[Utterance]], str] | None = None
        self.reasonings: _Queue[str] = _Queue()
        #: What this server calls its reasoning.
        self.reasoning_field = "reasoning_content"
        self.pauses: _Queue[Pause] = _Queue()
        self.endings: _Queue[Ending] = _Queue()

    def about(self, word: str) -> Levers:
        """Levers of their own for the requests that hold *word*; those of everybody do not apply to them."""
        return self._about.setdefault(word, Levers())

    def for_request(self, body: Json) -> Levers:
        """What applies to a request: its word's levers, these, or none."""
        text = str(body)
        for word, levers in self._about.items():
            if word in text:
                return levers
        return self if self.only_model in (None, body.get("model")) else Levers()

    def hold(self) -> None:
        """Let requests wait until ``door.set()``, so that they go on together."""
        self.door.clear()

    def text(self, text: str, *, times: int | None = 1) -> None:
        """Reply with *text*."""
        self.texts.put(text, times)

    def empty(self, *, times: int | None = 1) -> None:
        """Finish properly, without a word."""
        self.text("", times=times)

    def long_reply(self, characters: int = 30_000, *, times: int | None = 1) -> None:
        """Reply with exactly so many characters, in sentences and paragraphs."""
        paragraph = "This sentence is one of very many. " * 12 + "\n\n"
        self.text((paragraph * (characters // len(paragraph) + 1))[:characters], times=times)

    def reasoning(self, text: str, *, times: int | None = 1) -> None:
        """Send *text* before the reply, in *reasoning_field*: DeepSeek and llama.cpp have another than OpenRouter and Ollama."""
        self.reasonings.put(text, times)

    def answer(self, answer: Answer, *, times: int | None = 1) -> None:
        """Send this HTTP answer instead of a reply, to requests for models too."""
        self.answers.put(answer, times)

    def status(
        self,
        status: int,
        *,
        body: Json | str | None = None,
        retry_after: float | None = None,
        headers: dict[str, str] | None = None,
        times: int | None = 1,
    ) -> None:
        """Answer an error: OpenAI's for 401, 402, 403, 404, 429, 500 and 503, or *body*. *retry_after* in seconds."""
        usual = status_answer(status, retry_after=retry_after) if body is None else Answer(status, body)
        self.answer(Answer(status, usual.body, usual.headers | (headers or {})), times=times)

    def html(self, *, times: int | None = 1) -> None:
        """Answer 200 with a web page, as a captive portal or a proxy does."""
        self.answer(Answer(200, HTML, content_type="text/html"), times=times)

    def cut(self, *, times: int | None = 1) -> None:
        """Reset the connection instead of an answer."""
        self.cuts.put(True, times)

    def overflow(self, shape: Shape, *, limit: int = 8192, prompt: int = 9000, times: int | None = 1) -> None:
        """Answer that the prompt is too long, as the server named *shape* says it."""
        self.answer(overflow(shape, limit=limit, prompt=prompt), times=times)

    def hang(self, seconds: float, *, times: int | None = 1) -> None:
        """Say nothing, not even a header, for so long."""
        self.pauses.put(Pause(seconds), times)

    def keep_alive(self, seconds: float, *, times: int | None = 1) -> None:
        """Open the stream, then send nothing but comments for so long."""
        self.pauses.put(Pause(seconds, comments=True), times)

    def break_stream(self, after: int, *, times: int | None = 1) -> None:
        """Reset the connection after so many pieces of text."""
        self.endings.put(Ending(after, reset=True), times)

    def garbage(self, after: int = 0, *, times: int | None = 1) -> None:
        """Send an event that is no JSON after so many pieces of text."""
        self.endings.put(Ending(after, raw=b'data: {"id": garbage\n\n'), times)

    def foreign(self, after: int = 0, *, times: int | None = 1) -> None:
        """Send JSON of another shape after so many pieces of text."""
        self.endings.put(Ending(after, raw=b'data: {"hello": ["world"]}\n\n'), times)

    def raw(self, raw: bytes, *, after: int = 0, times: int | None = 1) -> None:
        """Send these bytes after so many pieces of text, and then the end as usual."""
        self.endings.put(Ending(after, raw=raw), times)

    def bad_utf8(self, after: int = 0, *, times: int | None = 1) -> None:
        """Send bytes that are no UTF-8 after so many pieces of text, in an event that is whole otherwise."""
        raw = b'data: {"choices": [{"index": 0, "delta": {"content": "\xff\xfe"}, "text": "\xff\xfe"}]}\n\n'
        self.endings.put(Ending(after, raw=raw), times)

    def huge_line(self, size: int = 4 * 1024 * 1024, *, after: int = 0, times: int | None = 1) -> None:
        """Send one line of *size* bytes, which does not end, after so many pieces of text."""
        self.endings.put(Ending(after, raw=b'data: {"choices": [{"delta": {"content": "' + b"x" * size), times)

    def trickle(self, seconds: float, *, times: int | None = 1) -> None:
        """Let so many seconds pass before each piece of text."""
        self.endings.put(Ending(seconds=seconds), times)

    def endless(self, seconds: float = 0.0, *, times: int | None = 1) -> None:
        """Write the text again and again, as long as the client listens, with so many seconds before each piece."""
        self.endings.put(Ending(endless=True, seconds=seconds), times)

    def stream_error(self, answer: Answer | None = None, *, after: int = 0, times: int | None = 1) -> None:
        """Send an error as an event of the stream after so many pieces of text, as vLLM and llama.cpp do."""
        body = (answer or openai_error(500, "The engine stopped.", kind="server_error")).body
        self.endings.put(Ending(after, raw=f"data: {json.dumps(body)}\n\n".encode()), times)

    def end_early(self, after: int, *, times: int | None = 1) -> None:
        """Close the stream cleanly after so many pieces: no finish_reason, no usage, no [DONE]."""
        self.endings.put(Ending(after, finish_reason=False, done=False), times)

    def no_done(self, *, times: int | None = 1) -> None:
        """Finish with a finish_reason, but without [DONE]."""
        self.endings.put(Ending(done=False), times)

    def no_finish_reason(self, *, times: int | None = 1) -> None:
        """Finish with [DONE], but without a finish_reason, as some local servers do."""
        self.endings.put(Ending(finish_reason=False), times)
