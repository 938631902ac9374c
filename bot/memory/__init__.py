"""The memory policies, one file each, and :func:`choose`, which makes the configured one."""

from __future__ import annotations

from bot.memory.buffer import BufferPolicy
from bot.memory.policy import Marks, Policy
from bot.memory.tokens import TokensPolicy
from bot.memory.window import WindowPolicy

__all__ = ["Policy", "choose"]


def choose(name: str, *, max_messages: int, max_tokens: int, context_tokens: int, trim_to: float) -> Policy:
    """Return the policy called *name*. Raises :class:`ValueError` for an unknown one.

    *max_messages*, *max_tokens* and *context_tokens* are high marks, *trim_to* the share of them that a cut leaves.
    """
    context = Marks.of(context_tokens, trim_to)
    if name == "buffer":
        return BufferPolicy(context)
    if name == "window":
        return WindowPolicy(Marks.of(max_messages, trim_to), context)
    if name == "tokens":
        return TokensPolicy(Marks.of(max_tokens, trim_to))
    raise ValueError(f"unknown memory policy: {name}")
