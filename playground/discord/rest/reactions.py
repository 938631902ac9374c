"""Reactions. https://docs.discord.com/developers/resources/message#create-reaction"""

from __future__ import annotations

from playground.discord import payloads, reactions
from playground.discord.forms import fields, integer, one_of, snowflake
from playground.discord.records import Json
from playground.discord.rest.routes import Call, Routes

routes = Routes()
_REACTION = "/channels/{channel_id}/messages/{message_id}/reactions/{emoji}"
_WHO = fields({"after": snowflake, "limit": integer(1, 100), "type": one_of("0", 0)})


def _place(call: Call) -> tuple[int, int, str]:
    return call.id("channel_id"), call.id("message_id"), call.path["emoji"]


@routes.add("PUT", _REACTION + "/@me")
def add_own_reaction(call: Call) -> None:
    """React."""
    reactions.add(call.state, call.bot_id, *_place(call))


@routes.add("DELETE", _REACTION + "/@me")
def delete_own_reaction(call: Call) -> None:
    """Take one's reaction back."""
    reactions.remove(call.state, call.bot_id, *_place(call))


@routes.add("GET", _REACTION, query=_WHO)
def list_reactions(call: Call) -> list[Json]:
    """Who reacted with this emoji."""
    return [payloads.user(user) for user in reactions.who(call.state, call.bot_id, *_place(call), call.query)]
