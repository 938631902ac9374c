"""What a summarizer is asked. Pure: from which messages and when is decided in ``bot/memory/compaction.py``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from bot.prompt import FRAMING, ChatPrompt, PromptMessage, block, indented, shortened
from storage.records import Message, Summary

#: Models are told a length in words; a token is about three quarters of one (OpenAI's help center, "What are tokens").
WORDS_PER_TOKEN = 0.75

INSTRUCTIONS = "You summarize a conversation of a Discord channel, so that it can be remembered.\n\n" + FRAMING

DISTILL = (
    "Distill the above chat messages into a single summary message. Include as many specific details as you can: names, dates, "
    "numbers, decisions, promises, preferences, and who said or did what. Write at most {words} words, in the language of the "
    "conversation, the summary alone."
)
FOLD = (
    "Distill the above summaries of one conversation, oldest first, into a single summary. Include as many specific details as "
    "you can, keep their order in time, and let the newer one stand where two contradict each other. Write at most {words} "
    "words, in the language of the summaries, the summary alone."
)
FOCUS = " Pay special attention to: {focus}."


def leaf_prompt(messages: Sequence[Message], tokens: int, focus: str | None) -> ChatPrompt:
    """Return the request for a leaf of about *tokens* tokens."""
    return _request([PromptMessage(message.role, block(message)) for message in messages], DISTILL, tokens, focus)


def digest_prompt(parts: Sequence[Summary], tokens: int, focus: str | None) -> ChatPrompt:
    """Return the request for a digest of about *tokens* tokens."""
    return _request([PromptMessage("user", f"[memory] {indented(part.text)}") for part in parts], FOLD, tokens, focus)


def _request(above: list[PromptMessage], wish: str, tokens: int, focus: str | None) -> ChatPrompt:
    asked = wish.format(words=max(int(tokens * WORDS_PER_TOKEN), 1))
    if focus:
        asked += FOCUS.format(focus=" ".join(focus.split()))
    return ChatPrompt((PromptMessage("system", INSTRUCTIONS), *above, PromptMessage("user", asked)))


def within(messages: Sequence[Message], tokens: int, count: Callable[[str], int]) -> tuple[Message, ...]:
    """Return *messages*, each cut to its share of *tokens* if they have more together, as a turn by itself can."""
    if sum(message.tokens for message in messages) <= tokens:
        return tuple(messages)
    share = tokens // len(messages)
    return tuple(_cut_to(message, share, count) for message in messages)


def _cut_to(message: Message, tokens: int, count: Callable[[str], int]) -> Message:
    around = message.tokens - count(message.content)
    return replace(message, content=shortened(message.content, max(tokens - around, 0), count))
