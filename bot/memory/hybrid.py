"""The policy `hybrid`, the default: a running summary, the newest turns verbatim, and passages recalled from further back.

It is what the documents end on: "a certain number of messages are retained in chat history while others are summarized". The
shares were measured (``docs/performance.md``): a smaller window costs little, because what it loses is recalled when it matters.
"""

from __future__ import annotations

from bot.memory.policy import Marks
from bot.memory.summarizing import SummarizingPolicy

SUMMARY_SHARE = 0.13
WINDOW_SHARE = 0.475
RECALL_SHARE = 0.6
DEPTH = 0.75


def hybrid_policy(total: Marks) -> SummarizingPolicy:
    """Return the policy for prompts bounded by *total*."""
    return SummarizingPolicy("hybrid", total, SUMMARY_SHARE, WINDOW_SHARE, RECALL_SHARE, DEPTH)
