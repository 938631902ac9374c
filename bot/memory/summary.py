"""The policy `summary`: a running summary and, verbatim, the turns that are not summarized yet (the summary-memory example)."""

from __future__ import annotations

from bot.memory.policy import Marks
from bot.memory.summarizing import SummarizingPolicy

SUMMARY_SHARE = 0.3


def summary_policy(total: Marks) -> SummarizingPolicy:
    """Return the policy for prompts bounded by *total*: what the summary leaves belongs to the window."""
    return SummarizingPolicy("summary", total, SUMMARY_SHARE, window_share=1.0, recall_share=0.0, depth=1.0)
