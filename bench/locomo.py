"""Prompt cost and evidence recall on LoCoMo: ``python -m bench.locomo PATH [--budget N] [--policy P] [--json]``.

The data (CC BY-NC 4.0) is no part of this project: PATH names a file of it. What the figures mean stands in
``docs/performance.md``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.replay import CHANNEL, HUMAN, PERSONA, Bill, Channel, Line, count, flat, open_channel
from bot.prompt import ChatPrompt, PromptMessage, person_block
from storage.records import Incoming

SLIDING_WINDOW_TOKENS = 4_000


@dataclass(frozen=True)
class Question:
    """A question, the texts that hold its evidence, and its category (1 to 5)."""

    text: str
    evidence: tuple[str, ...]
    category: int


@dataclass(frozen=True)
class Conversation:
    """One conversation of the data; *human* asks, the other speaker is the bot."""

    human: str
    lines: tuple[Line, ...]
    questions: tuple[Question, ...]


def read(path: Path) -> list[Conversation]:
    """Return the conversations in the file at *path*."""
    return [_conversation(sample) for sample in json.loads(path.read_text(encoding="utf-8"))]


def _conversation(sample: dict[str, Any]) -> Conversation:
    lines = tuple(
        Line(turn["speaker"], turn["text"], _when(session["date"]) + number, turn["dia_id"])
        for session in sample["sessions"]
        for number, turn in enumerate(session["turns"])
    )
    texts = {line.key: line.text for line in lines}
    asked = (
        Question(qa["question"], tuple(texts[key] for key in qa["evidence"] if key in texts), qa["category"])
        for qa in sample["qa"]
    )
    return Conversation(sample["speaker_a"], lines, tuple(question for question in asked if question.evidence))


def _when(date: str) -> float:
    """Return the time of a session, which is written like "1:56 pm on 8 May, 2023"."""
    return datetime.strptime(date, "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC).timestamp()


def without_punctuation(text: str) -> str:
    """Return *text* without any punctuation."""
    return "".join(character for character in text if not unicodedata.category(character).startswith("P"))


def sliding_window(conversation: Conversation) -> Bill:
    """Return the prompts of `trim_messages(strategy="last")`: the newest messages that fit, whole, after the persona."""
    bill = Bill()
    said: list[PromptMessage] = []
    system = PromptMessage("system", PERSONA)
    for line, following in zip(conversation.lines, (*conversation.lines[1:], None), strict=True):
        is_human = line.speaker == conversation.human
        content = person_block(HUMAN, line.speaker, line.text) if is_human else line.text
        said.append(PromptMessage("user" if is_human else "assistant", content))
        if is_human and following is not None and following.speaker != conversation.human:
            bill.prompts.append(ChatPrompt((system, *_newest(said, SLIDING_WINDOW_TOKENS - count(PERSONA)))))
    return bill


def _newest(said: Sequence[PromptMessage], room: int) -> list[PromptMessage]:
    kept: list[PromptMessage] = []
    for message in reversed(said):
        room -= count(flat(ChatPrompt((message,))))
        if room < 0:
            break
        kept.insert(0, message)
    return kept


async def evidence(channel: Channel, human: str, question: Question, text: str) -> tuple[float, float]:
    """Return the share of a question's evidence that stands in the prompt for *text*, and how long the prompt took in ms."""
    channel.next_id += 1
    now = channel.clock[0]
    block = person_block(HUMAN, human, text)
    said = Incoming(channel.next_id, CHANNEL, 1, HUMAN, human, text, channel.services.viewer.message_tokens(block), now)
    await channel.store.accept(said, addressed=False, now=now)
    started = time.perf_counter()
    view = await channel.services.viewer.now(CHANNEL)
    took = 1_000 * (time.perf_counter() - started)
    assert view is not None, "something was said"
    prompt = channel.services.viewer.build(view)
    assert isinstance(prompt, ChatPrompt)
    whole = flat(prompt)
    await channel.store.forget([channel.next_id], now=now)
    return sum(piece in whole for piece in question.evidence) / len(question.evidence), took


@dataclass
class Figures:
    """What was measured of one conversation."""

    turns: int
    billed: float
    billed_all_recalled: float
    billed_sliding: float
    prompt_tokens: list[int]
    sliding_prompt_tokens: list[int]
    recalls: list[tuple[int, float]]
    recalls_without_punctuation: list[float]
    milliseconds: list[float]


async def measure(conversation: Conversation, policy: str, budget: int) -> Figures:
    """Replay *conversation*, ask its questions, and replay it once more with every turn recalling."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_channel(Path(folder), policy=policy, budget=budget, always_recall=False) as channel:
            await channel.replay(conversation.lines, conversation.human)
            bill = channel.script.bill
            asked = [(q, await evidence(channel, conversation.human, q, q.text)) for q in conversation.questions]
            bare = [
                await evidence(channel, conversation.human, q, without_punctuation(q.text))
                for q in conversation.questions
            ]
    with tempfile.TemporaryDirectory() as folder:
        async with open_channel(Path(folder), policy=policy, budget=budget, always_recall=True) as channel:
            await channel.replay(conversation.lines, conversation.human)
            always = channel.script.bill
    sliding = sliding_window(conversation)
    return Figures(
        turns=len(bill.prompts),
        billed=bill.billed(),
        billed_all_recalled=always.billed(),
        billed_sliding=sliding.billed(),
        prompt_tokens=[count(flat(prompt)) for prompt in bill.prompts],
        sliding_prompt_tokens=[count(flat(prompt)) for prompt in sliding.prompts],
        recalls=[(question.category, share) for question, (share, _) in asked],
        recalls_without_punctuation=[share for share, _ in bare],
        milliseconds=[took for _, (_, took) in asked],
    )


def together(figures: Sequence[Figures]) -> dict[str, Any]:
    """Return the figures of all conversations: means over all turns and over all questions."""
    turns = sum(one.turns for one in figures)
    by_category: defaultdict[int, list[float]] = defaultdict(list)
    for category, share in (recall for one in figures for recall in one.recalls):
        by_category[category].append(share)
    everything = [share for shares in by_category.values() for share in shares]
    bare = [share for one in figures for share in one.recalls_without_punctuation]
    prompts = [tokens for one in figures for tokens in one.prompt_tokens]
    sliding = [tokens for one in figures for tokens in one.sliding_prompt_tokens]
    return {
        "billed_tokens_per_turn": round(sum(one.billed for one in figures) / turns, 1),
        "billed_tokens_per_turn_all_recalled": round(sum(one.billed_all_recalled for one in figures) / turns, 1),
        "sliding_window_billed_tokens_per_turn": round(sum(one.billed_sliding for one in figures) / turns, 1),
        "mean_prompt_tokens": round(statistics.fmean(prompts), 1),
        "largest_prompt_tokens": max(prompts),
        "sliding_window_mean_prompt_tokens": round(statistics.fmean(sliding), 1),
        "evidence_recall": round(statistics.fmean(everything), 4),
        "evidence_recall_without_punctuation": round(statistics.fmean(bare), 4),
        "evidence_recall_by_category": {
            str(category): round(statistics.fmean(shares), 4) for category, shares in sorted(by_category.items())
        },
        "recall_ms_p50": round(statistics.median(took for one in figures for took in one.milliseconds), 2),
        "turns": turns,
        "questions": len(everything),
    }


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.locomo", description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--budget", type=int, default=4_000)
    parser.add_argument("--policy", default="hybrid")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = [await measure(one, arguments.policy, arguments.budget) for one in read(arguments.path)]
    result = together(figures)
    print(json.dumps(result) if arguments.json else "\n".join(f"{name}: {value}" for name, value in result.items()))


if __name__ == "__main__":
    asyncio.run(main())
