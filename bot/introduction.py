"""How the bot introduces itself: what to say to be answered, and what it remembers. Sentences only, for whoever shows them."""

from __future__ import annotations

from storage.records import ReplyMode


def how_to_talk(reply_mode: ReplyMode, me: str, *, in_private: bool) -> str:
    """Return what to do to be answered. *me* is the bot as a mention; *in_private* is a direct message."""
    if in_private or reply_mode == "all":
        return "Just write: I answer every message here."
    return f"Mention {me}, or reply to one of my messages."


def what_is_remembered(reply_mode: ReplyMode, *, in_private: bool) -> str:
    """Return what is remembered."""
    if in_private:
        return "I remember what you write here and what I answer."
    if reply_mode == "mention":
        return "I remember what is said to me and what I answer, and nothing else."
    return "I remember every message of a person, and what I answer."
