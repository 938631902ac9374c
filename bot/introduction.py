"""How the bot introduces itself: what to say to be answered, and what it remembers. Sentences only, for whoever shows them."""

from __future__ import annotations

from storage.records import ReplyMode

OPTED_OUT = (
    "You opted out: I keep nothing of what you say and show it to no model, so I cannot answer you. "
    "`/privacy opt-in` changes that."
)
NOTHING_NEW = "I remember nothing of what you say here now. What I remember from before stays until it is forgotten."


def how_to_talk(reply_mode: ReplyMode, me: str, *, in_private: bool) -> str:
    """Return what to do to be answered. *me* is the bot as a mention; *in_private* is a direct message."""
    if in_private or reply_mode == "all":
        return "Just write: I answer every message here."
    return f"Mention {me}, or reply to one of my messages."


def what_is_remembered(reply_mode: ReplyMode, *, in_private: bool, is_heard: bool = True) -> str:
    """Return what is remembered; *is_heard* False: whoever reads it is not, by what they or admins decided."""
    if not is_heard:
        return NOTHING_NEW
    if in_private:
        return "I remember what you write here and what I answer."
    if reply_mode == "mention":
        return "I remember what is said to me and what I answer, and nothing else."
    return "I remember every message of a person, and what I answer."
