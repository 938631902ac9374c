"""A prompt, shown to people and programs: what the model would see now, as files, and what each part of it costs. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from bot.prompt import ChatPrompt, Prompt

#: What OpenAI's prompt caching reuses: a prefix of at least so many tokens, in whole blocks
#: (https://platform.openai.com/docs/guides/prompt-caching). Other providers do much the same.
CACHE_LEAST_TOKENS = 1_024
CACHE_BLOCK_TOKENS = 128

#: The parts that stand before the recalled passages: they only grow at their end from one prompt to the next.
_LASTING = ("persona", "summary", "pinned", "window")


@dataclass(frozen=True, slots=True)
class PromptReport:
    """The prompt of one channel: names and tokens of its *parts*, as they stand, and the most that all may have (*budget*).

    Tokens are the provider's, as far as its bills have taught how they differ from ours.
    """

    model: str
    policy: str
    parts: tuple[tuple[str, int], ...]
    budget: int
    prompt: Prompt

    @property
    def total(self) -> int:
        """The tokens of the whole prompt."""
        return sum(tokens for _, tokens in self.parts)

    @property
    def cache_reusable_tokens(self) -> int:
        """How many of the tokens a provider's cache can reuse for the next prompt, if nothing is cut in between."""
        lasting = sum(tokens for name, tokens in self.parts if name in _LASTING)
        return lasting // CACHE_BLOCK_TOKENS * CACHE_BLOCK_TOKENS if lasting >= CACHE_LEAST_TOKENS else 0

    def as_json(self) -> str:
        """Return the report for programs; this shape is public, and the page of play reads it.

        ``{"model": str, "policy": str, "parts": [{"name": str, "tokens": int}, ...], "total": int, "budget": int,
        "cache_reusable_tokens": int}``, and what is sent: for a chat model ``"messages": [{"role": str, "content": str}, ...]``,
        for a completion model ``"text": str, "stop": [str, ...]``. The names of the parts are ``persona``, ``summary``,
        ``pinned``, ``window``, ``recalled`` and ``newest``, always all six and in this order.
        """
        told = {
            "model": self.model,
            "policy": self.policy,
            "parts": [{"name": name, "tokens": tokens} for name, tokens in self.parts],
            "total": self.total,
            "budget": self.budget,
            "cache_reusable_tokens": self.cache_reusable_tokens,
        }
        return json.dumps(told | self._sent(), ensure_ascii=False, indent=2)

    def _sent(self) -> dict[str, object]:
        if isinstance(self.prompt, ChatPrompt):
            return {"messages": [{"role": each.role, "content": each.content} for each in self.prompt.messages]}
        return {"text": self.prompt.text, "stop": list(self.prompt.stop)}

    def as_markdown(self) -> str:
        """Return the prompt for people, each message with its role."""
        if isinstance(self.prompt, ChatPrompt):
            shown = [(f"{number}. {each.role}", each.content) for number, each in enumerate(self.prompt.messages, 1)]
        else:
            shown = [("The text", self.prompt.text), ("Stops at", "\n".join(map(repr, self.prompt.stop)))]
        return "\n\n".join(f"## {title}\n\n{_fenced(content)}" for title, content in shown) + "\n"


def _fenced(text: str) -> str:
    """Return *text* in a block of code that it cannot end, whatever fences it holds."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"
