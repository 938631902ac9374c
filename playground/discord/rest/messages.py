"""Messages. https://docs.discord.com/developers/resources/message"""

from __future__ import annotations

from playground.discord import drafts, messages, payloads
from playground.discord.content import redact
from playground.discord.forms import array, fields, integer, snowflake
from playground.discord.records import Json, Message
from playground.discord.rest.routes import Call, Routes

routes = Routes()

_LIST = fields({"around": snowflake, "before": snowflake, "after": snowflake, "limit": integer(1, 100)})
_BULK = fields({"messages": array(snowflake, maximum=100)}, required=["messages"])


def shown(call: Call, message: Message) -> Json:
    """A message as the bot may read it."""
    payload = payloads.message(call.state, message, call.bot_id)
    whole = call.state.message_content_intent or call.state.channels[message.channel_id].is_dm
    return payload if whole else redact(payload, call.bot_id)


@routes.add("GET", "/channels/{channel_id}/messages", query=_LIST)
def list_messages(call: Call) -> list[Json]:
    """Up to ``limit`` (50) messages, newest first."""
    found = messages.history(call.state, call.bot_id, call.id("channel_id"), call.query)
    return [shown(call, message) for message in found]


@routes.add("GET", "/channels/{channel_id}/messages/{message_id}")
def get_message(call: Call) -> Json:
    """One message."""
    return shown(call, messages.fetch(call.state, call.bot_id, call.id("channel_id"), call.id("message_id")))


@routes.add("POST", "/channels/{channel_id}/messages", body=drafts.CREATE)
def create_message(call: Call) -> Json:
    """Send a message."""
    draft = drafts.draft(call.body, call.files)
    message = messages.send(call.state, call.bot_id, call.id("channel_id"), draft)
    payload = shown(call, message)
    return payload if message.nonce is None else payload | {"nonce": message.nonce}


@routes.add("PATCH", "/channels/{channel_id}/messages/{message_id}", body=drafts.EDIT)
def edit_message(call: Call) -> Json:
    """Change a message."""
    channel_id, message_id = call.id("channel_id"), call.id("message_id")
    return shown(call, messages.edit(call.state, call.bot_id, channel_id, message_id, call.body, call.files))


@routes.add("DELETE", "/channels/{channel_id}/messages/{message_id}")
def delete_message(call: Call) -> None:
    """Delete a message."""
    messages.delete(call.state, call.bot_id, call.id("channel_id"), call.id("message_id"))


@routes.add("POST", "/channels/{channel_id}/messages/bulk-delete", body=_BULK)
def bulk_delete(call: Call) -> None:
    """Delete 2 to 100 messages."""
    messages.bulk_delete(call.state, call.bot_id, call.id("channel_id"), call.body["messages"])
