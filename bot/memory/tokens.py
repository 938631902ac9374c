"""The policy `tokens`: the newest turns within a token budget for the whole prompt (`trim_messages(strategy="last")`)."""

from __future__ import annotations

from bot.memory.policy import Marks
from bot.memory.trimming import TrimmingPolicy


def tokens_policy(total: Marks) -> TrimmingPolicy:
    """Return the policy for prompts bounded by *total*."""
    return TrimmingPolicy("tokens", total, f"up to {total.asked:,} tokens, then cut to {total.trim_to:.0%} of it")
