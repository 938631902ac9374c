"""Replays a conversation through the product's own conversation code and store, and prices the prompts that it sends.

Nothing goes over a network here: the model is a script that says what was said in the data, the summarizer is the little model's,
and the channel only swallows what is shown.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.brain import Myself
from bot.calibration import Calibration
from bot.client import Services
from bot.conversation import Said
from bot.memory.recall import THRESHOLD
from bot.ports import Button, ReplyEnd, Usage
from bot.prompt import ChatPrompt, Prompt
from bot.runtime import compose
from bot.settings import Settings
from bot.tokens import TokenCounter
from playground.model import brain
from playground.model.reading import read_chat
from storage import Store, open_store
from storage.records import Incoming

#: A provider with prefix caching bills the longest common prefix with the previous prompt, in whole blocks, at a tenth.
CACHE_BLOCK = 128
CACHE_FROM = 1_024
CACHE_PRICE = 0.1

BYTES_PER_TOKEN = 4
PERSONA_TOKENS = 200
PERSONA = "You are B. " + "x" * (PERSONA_TOKENS * BYTES_PER_TOKEN - len("You are B. "))

CHANNEL = 1_000_000_000_000_000_000
HUMAN = 400_000_000_000_000_001
BOT = 500_000_000_000_000_001
SUMMARIZER = "summarizer"


def count(text: str) -> int:
    """Return the tokens of *text* by the ruler: four UTF-8 bytes are one."""
    return math.ceil(len(text.encode()) / BYTES_PER_TOKEN)


@dataclass(frozen=True)
class Line:
    """One message of the data. *key* is what questions call it."""

    speaker: str
    text: str
    at: float
    key: str = ""


@dataclass
class Bill:
    """What was sent: *prompts* for replies, in order, and the tokens that summaries read and wrote."""

    prompts: list[ChatPrompt] = field(default_factory=list)
    summary_tokens: int = 0

    def billed(self) -> float:
        """Return what all of it costs, in tokens at full price."""
        total = float(self.summary_tokens)
        previous = ""
        for prompt in self.prompts:
            text = flat(prompt)
            cached = cached_tokens(previous, text)
            total += count(text) - cached * (1 - CACHE_PRICE)
            previous = text
        return total


def flat(prompt: ChatPrompt) -> str:
    """Return a prompt as the text whose tokens are counted: roles included, as any chat template has them."""
    return "".join(f"<{message.role}>\n{message.content}\n" for message in prompt.messages)


def cached_tokens(previous: str, text: str) -> int:
    """Return how many tokens of *text* a provider would find in its cache after *previous*."""
    before, now = previous.encode(), text.encode()
    same = next((at for at, (a, b) in enumerate(zip(before, now, strict=False)) if a != b), min(len(before), len(now)))
    tokens = same // BYTES_PER_TOKEN
    return tokens // CACHE_BLOCK * CACHE_BLOCK if tokens >= CACHE_FROM else 0


class Script:
    """The model: replies with what it is given, summarizes as the little model does, and keeps the bill."""

    def __init__(self) -> None:
        self.bill = Bill()
        self.next_reply = ""

    async def stream(
        self,
        prompt: Prompt,
        *,
        model: str,
        deadline: float,  # noqa: ARG002 the port's
    ) -> AsyncGenerator[str | ReplyEnd, None]:
        """Write the next reply, or a summary."""
        assert isinstance(prompt, ChatPrompt), "the figures are for chat models"
        if model == SUMMARIZER:
            text = brain.reply(read_chat([(message.role, message.content) for message in prompt.messages]))
            self.bill.summary_tokens += count(flat(prompt)) + count(text)
        else:
            text = self.next_reply
            self.bill.prompts.append(prompt)
        yield text
        yield ReplyEnd("stop", Usage(), model)


class Nowhere:
    """A channel in which replies appear and are seen by nobody."""

    def __init__(self) -> None:
        self._next_id = BOT

    @contextlib.asynccontextmanager
    async def typing(self) -> AsyncIterator[None]:
        """Show nothing."""
        yield

    async def send(  # the port's arguments, all of them
        self,
        text: str,  # noqa: ARG002
        *,
        nonce: str,  # noqa: ARG002
        reply_to: int | None,  # noqa: ARG002
        ping: int | None,  # noqa: ARG002
        buttons: Sequence[Button] = (),  # noqa: ARG002
        file: str | None = None,  # noqa: ARG002
    ) -> int:
        """Return an id."""
        self._next_id += 1
        return self._next_id

    async def edit(
        self, message_id: int, text: str, *, ping: int | None, buttons: Sequence[Button] = (), file: str | None = None
    ) -> None:
        """Do nothing."""

    async def react(self, message_id: int, emoji: str) -> bool:  # noqa: ARG002 nothing is shown anywhere
        """Do nothing, as if it had been done."""
        return True

    async def take_reaction_back(self, message_id: int, emoji: str) -> None:
        """Do nothing."""

    async def remove_buttons(self, message_id: int) -> None:
        """Do nothing."""

    async def delete(self, message_id: int) -> None:
        """Do nothing."""

    async def find(self, *, after: int, reply_to: int | None, text: str) -> int | None:  # noqa: ARG002 the port's
        """Find nothing."""
        return None


@dataclass
class Channel:
    """A channel with the product behind it, as the data's clock sees it."""

    services: Services
    store: Store
    script: Script
    clock: list[float]
    next_id: int = 10**17

    async def hear(self, line: Line, *, addressed: bool) -> None:
        """Let a person say a line."""
        self.next_id += 1
        self.clock[0] = line.at
        said = Said(self.next_id, CHANNEL, 1, HUMAN, line.speaker, line.text, line.at)
        await self.services.conversations.hear(said, addressed=addressed)

    async def bring_in(self, line: Line) -> None:
        """Let the bot have said a line that belongs to no turn."""
        tokens = self.services.viewer.message_tokens(line.text)
        said = Incoming(0, CHANNEL, 1, BOT, line.speaker, line.text, tokens, line.at)
        await self.store.bring_in([("assistant", said)], now=line.at)

    async def settle(self) -> None:
        """Wait until nothing is answered or compacted any more."""
        while busy := [t for t in asyncio.all_tasks() if t.get_name().startswith(("channel-", "compaction-"))]:
            await asyncio.wait(busy)

    async def replay(self, lines: Sequence[Line], human: str) -> None:
        """Let *human* and the bot say all of *lines*: a turn is what *human* says until the bot speaks."""
        at = 0
        while at < len(lines):
            asked = at
            while asked < len(lines) and lines[asked].speaker == human:
                asked += 1
            said = asked
            while said < len(lines) and lines[said].speaker != human:
                said += 1
            await self._turn(lines[at:asked], lines[asked:said])
            at = said

    async def _turn(self, asked: Sequence[Line], replies: Sequence[Line]) -> None:
        answered = asked and replies
        for line in asked[:-1] if answered else asked:
            await self.hear(line, addressed=False)
        if answered:
            self.script.next_reply = replies[0].text
            await self.hear(asked[-1], addressed=True)
            self.clock[0] = replies[0].at
            await self.settle()
        for line in replies[1:] if answered else replies:
            await self.bring_in(line)


@contextlib.asynccontextmanager
async def open_channel(
    folder: Path, *, policy: str, budget: int, always_recall: bool, **more: object
) -> AsyncIterator[Channel]:
    """Open an empty channel on a database in *folder*, with the default settings but for these."""
    settings = Settings(
        _env_file=None,  # type: ignore[call-arg]  # pydantic-settings' own
        openai_base_url="http://127.0.0.1:9",
        chat_model="script",
        summary_model=SUMMARIZER,
        memory_policy=policy,
        memory_max_tokens=budget,
        reply_mode="listen",
        **more,
    )
    clock = [0.0]
    script = Script()
    async with open_store(f"sqlite:///{folder}/replay.db") as store:
        services = compose(
            settings,
            store,
            script,
            TokenCounter("bytes", count),
            Calibration(store, "script", {}),
            PERSONA,
            recall_threshold=-math.inf if always_recall else THRESHOLD,
            now=lambda: clock[0],
        )
        nowhere = Nowhere()
        services.conversations.attach(lambda _: nowhere, Myself(BOT, "B"))
        yield Channel(services, store, script, clock)
        await services.conversations.close(1)
        await services.compactor.close()
