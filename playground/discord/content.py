"""What a bot may read of messages without the privileged intent for their content: only what concerns it.

Source: https://docs.discord.com/developers/events/gateway#message-content-intent
"""

from __future__ import annotations

from playground.discord.records import Json

_HIDDEN: Json = {"content": "", "embeds": [], "attachments": [], "components": []}


def redact(message: Json, bot_id: int) -> Json:
    """A message as a bot without the intent gets it: its own, direct ones, and those that mention it are whole."""
    if message.get("referenced_message"):
        message = message | {"referenced_message": redact(message["referenced_message"], bot_id)}
    mentioned = any(user["id"] == str(bot_id) for user in message["mentions"])
    own = message["author"]["id"] == str(bot_id)
    return message if own or mentioned else message | _HIDDEN
