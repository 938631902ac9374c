"""How counts, long texts and places on Discord are worded, wherever people read of them. Pure."""

from __future__ import annotations


def plural(number: float, one: str, many: str | None = None) -> str:
    """Return "1 message", "2 messages", "1.5 hours"; *many* is what several are called, if that is not *one* with an s."""
    if number == 1:
        return f"1 {one}"
    return f"{number:,.0f} {many or f'{one}s'}" if number >= 1e6 else f"{number:,g} {many or f'{one}s'}"


def clipped(text: str, length: int) -> str:
    """Return *text*, or its beginning and an ellipsis if it has more than *length* characters."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def address(guild_id: int | None, channel_id: int, message_id: int) -> str:
    """Return the link to a message."""
    return f"https://discord.com/channels/{guild_id or '@me'}/{channel_id}/{message_id}"
