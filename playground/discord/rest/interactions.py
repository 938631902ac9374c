"""Answers to interactions, and what follows through their tokens. No other token is asked for.

https://docs.discord.com/developers/interactions/receiving-and-responding
"""

from __future__ import annotations

from typing import Any

from playground.discord import drafts, messages, payloads, responses
from playground.discord.errors import DiscordError, Problem
from playground.discord.forms import boolean, fields
from playground.discord.interactions import Interaction
from playground.discord.records import Json, Message
from playground.discord.rest.routes import Call, Routes

routes = Routes()
_WEBHOOK = "/webhooks/{application_id}/{token}"
_MESSAGE = _WEBHOOK + "/messages/{message_id}"
_WAIT = fields({"wait": boolean, "with_components": boolean})
_COMPONENTS = fields({"with_components": boolean})


def _interaction(call: Call) -> Interaction:
    if call.id("application_id") != call.bot_id:
        raise DiscordError(Problem.UNKNOWN_WEBHOOK)
    return call.interactions.by_token(call.path["token"])


def _message(call: Call, interaction: Interaction) -> Message:
    original = call.path["message_id"] == "@original"
    return responses.find(call.state, interaction, None if original else call.id("message_id"))


def _shown(call: Call, message: Message) -> Json:
    return payloads.message(call.state, message, call.bot_id)


@routes.add(
    "POST",
    "/interactions/{interaction_id}/{token}/callback",
    body=responses.CALLBACK,
    query=fields({"with_response": boolean}),
    token=False,
)
def interaction_callback(call: Call) -> Any:
    """Give the first answer."""
    interaction = responses.callback(
        call.state, call.interactions, call.id("interaction_id"), call.path["token"], call.body, call.files
    )
    if call.query.get("with_response"):
        return responses.callback_payload(call.state, interaction, call.body["type"])
    return None


@routes.add("POST", _WEBHOOK, body=drafts.RESPONSE, query=_WAIT, token=False)
def follow_up(call: Call) -> Json:
    """Send another message."""
    message = responses.follow_up(call.state, _interaction(call), drafts.draft(call.body, call.files))
    return _shown(call, message)


@routes.add("GET", _MESSAGE, token=False)
def get_original(call: Call) -> Json:
    """One of the interaction's messages."""
    return _shown(call, _message(call, _interaction(call)))


@routes.add("PATCH", _MESSAGE, body=drafts.EDIT, query=_COMPONENTS, token=False)
def edit_original(call: Call) -> Json:
    """Change one of them."""
    interaction = _interaction(call)
    message = _message(call, interaction)
    responses.edit(call.state, interaction, message, call.body, call.files)
    return _shown(call, message)


@routes.add("DELETE", _MESSAGE, token=False)
def delete_original(call: Call) -> None:
    """Delete one of them."""
    messages.remove(call.state, _message(call, _interaction(call)))
