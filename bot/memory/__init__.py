"""The memory policies, one file each, and :class:`Policies`, which makes the one that holds in a channel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bot.memory.buffer import buffer_policy
from bot.memory.hybrid import hybrid_policy
from bot.memory.policy import Marks, Policy
from bot.memory.summary import summary_policy
from bot.memory.tokens import tokens_policy
from bot.memory.window import WindowPolicy
from storage.records import Overrides

__all__ = ["POLICIES", "Policies", "Policy"]

POLICIES = ("buffer", "window", "tokens", "summary", "hybrid")


@dataclass(frozen=True, slots=True)
class Policies:
    """The host's choice, which a channel may override.

    *max_messages*, *max_tokens* and *context_tokens* are high marks, *trim_to* the share of them that a cut leaves.
    *scale* tells how many tokens of a model (None: of the host's) one of ours is, as far as that is known now.
    """

    name: str
    max_messages: int
    max_tokens: int
    context_tokens: int
    trim_to: float
    scale: Callable[[str | None], float] = lambda _: 1.0

    def for_channel(self, overrides: Overrides) -> Policy:
        """Return the policy of a channel. Raises :class:`ValueError` for a name that is none of :data:`POLICIES`."""
        name = overrides.policy or self.name
        max_messages = overrides.max_messages or self.max_messages
        context = Marks.of(self.context_tokens, self.trim_to, self.scale(overrides.model))
        tokens = Marks.of(self.prompt_tokens(overrides), self.trim_to, self.scale(overrides.model))
        if name == "buffer":
            return buffer_policy(context)
        if name == "window":
            return WindowPolicy(Marks.of(max_messages, self.trim_to), context)
        if name == "tokens":
            return tokens_policy(tokens)
        if name == "summary":
            return summary_policy(tokens)
        if name == "hybrid":
            return hybrid_policy(tokens)
        raise ValueError(f"unknown memory policy: {name}")

    def prompt_tokens(self, overrides: Overrides) -> int:
        """Return the most tokens that a prompt of the channel may have, as the provider counts them."""
        if (overrides.policy or self.name) in ("buffer", "window"):
            return self.context_tokens
        return min(overrides.max_tokens or self.max_tokens, self.context_tokens)
