"""The policy `buffer`: the model sees everything in the epoch, until its context forces a cut (ConversationBufferMemory)."""

from __future__ import annotations

from bot.memory.policy import Marks
from bot.memory.trimming import TrimmingPolicy


def buffer_policy(context: Marks) -> TrimmingPolicy:
    """Return the policy for prompts bounded by the model's *context* alone."""
    return TrimmingPolicy("buffer", context, f"everything, up to the model's context of {context.asked:,} tokens")
