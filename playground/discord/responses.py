"""How the bot answers an interaction: the first answer, and through the token whatever follows.

What a person starts is in ``interactions.py``.
Source: https://docs.discord.com/developers/interactions/receiving-and-responding#responding-to-an-interaction
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from playground.discord import components, drafts, messages, payloads
from playground.discord.drafts import Draft, Upload
from playground.discord.errors import DiscordError, Problem, invalid_field
from playground.discord.forms import Check, array, fields, mapping, tagged, text, wrong
from playground.discord.interactions import Interaction, Interactions, InteractionType
from playground.discord.records import Json, Message, MessageFlag, MessageType
from playground.discord.state import State


class CallbackType(IntEnum):
    """The kinds of first answers."""

    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    CHOICES = 8
    MODAL = 9


_ON_COMPONENTS = {CallbackType.DEFERRED_UPDATE, CallbackType.UPDATE}
_ALLOWED = {
    InteractionType.COMMAND: {CallbackType.MESSAGE, CallbackType.DEFERRED_MESSAGE, CallbackType.MODAL},
    InteractionType.COMPONENT: {CallbackType.MESSAGE, CallbackType.DEFERRED_MESSAGE, CallbackType.MODAL}
    | _ON_COMPONENTS,
    InteractionType.AUTOCOMPLETE: {CallbackType.CHOICES},
    InteractionType.MODAL_SUBMIT: {CallbackType.MESSAGE, CallbackType.DEFERRED_MESSAGE} | _ON_COMPONENTS,
}


def _choice_value(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise wrong("UNION_TYPE_CHOICES", "Must be a string or a number.")
    return text(0, 100)(value) if isinstance(value, str) else value


_choice = fields(
    {"name": text(1, 100), "name_localizations": mapping(text(1, 100)), "value": _choice_value},
    required=("name", "value"),
)


def _with_data(data: Check, *, required: bool = False) -> Check:
    return fields({"type": lambda value: value, "data": data}, required=("type", "data") if required else ("type",))


CALLBACK = tagged(
    {
        CallbackType.MESSAGE: _with_data(drafts.RESPONSE, required=True),
        CallbackType.DEFERRED_MESSAGE: _with_data(drafts.RESPONSE),
        CallbackType.DEFERRED_UPDATE: _with_data(fields({})),
        CallbackType.UPDATE: _with_data(drafts.RESPONSE),
        CallbackType.CHOICES: _with_data(
            fields({"choices": array(_choice, maximum=25)}, required=["choices"]), required=True
        ),
        CallbackType.MODAL: _with_data(components.MODAL, required=True),
    }
)


def callback(
    state: State, interactions: Interactions, interaction_id: int, token: str, body: Json, files: dict[int, Upload]
) -> Interaction:
    """Give the first answer. 10062 if there is nothing to answer, or no more; 40060 if it was answered."""
    interaction = interactions.find(interaction_id)
    if interaction is None or interaction.token != token or interaction.state == "failed":
        raise DiscordError(Problem.UNKNOWN_INTERACTION)
    if interaction.state != "pending":
        raise DiscordError(Problem.ALREADY_ACKNOWLEDGED)
    answer, data = CallbackType(body["type"]), body.get("data") or {}
    _require_allowed(interaction, answer)
    match answer:
        case CallbackType.MESSAGE:
            _respond(state, interaction, drafts.draft(data, files))
            interaction.advance("answered")
        case CallbackType.DEFERRED_MESSAGE:
            loading = Draft(flags=(data.get("flags") or 0) | MessageFlag.LOADING)
            _respond(state, interaction, loading)
            interaction.advance("deferred")
        case CallbackType.DEFERRED_UPDATE:
            interaction.original = interaction.source
            interaction.advance("deferred")
        case CallbackType.UPDATE:
            interaction.original = interaction.source
            messages.change(state, find(state, interaction, None), data, files)
            interaction.advance("answered")
        case CallbackType.CHOICES:
            interaction.choices = data["choices"]
            interaction.advance("answered")
        case CallbackType.MODAL:
            components.check_custom_ids(list(components.walk(data["components"])))
            components.number(data["components"])
            interaction.modal = data | {"interaction_id": str(interaction.id)}
            interaction.advance("answered")
    return interaction


def callback_payload(state: State, interaction: Interaction, answer: int) -> Json:
    """What ``with_response`` returns."""
    summary: Json = {"id": str(interaction.id), "type": int(interaction.type)}
    resource: Json = {"type": answer}
    if original := interaction.original:
        summary |= {
            "response_message_id": str(original.id),
            "response_message_loading": bool(original.flags & MessageFlag.LOADING),
            "response_message_ephemeral": bool(original.flags & MessageFlag.EPHEMERAL),
        }
        if answer in {CallbackType.MESSAGE, CallbackType.UPDATE}:
            resource["message"] = payloads.message(state, original, state.bot.id)
    return {"interaction": summary, "resource": resource}


def follow_up(state: State, interaction: Interaction, draft: Draft) -> Message:
    """Send another message. The first one after "deferred" takes the place of the loading message."""
    if interaction.state in {"pending", "failed"}:
        raise DiscordError(Problem.UNKNOWN_WEBHOOK)
    draft.check()
    loading = interaction.original
    if loading and loading.flags & MessageFlag.LOADING and state.is_there(loading):
        _fill(state, interaction, loading, draft)
        return loading
    message = _compose(state, interaction, draft, interaction.original)
    interaction.sent.append(message)
    messages.publish(state, message)
    interaction.advance("answered")
    return message


def find(state: State, interaction: Interaction, message_id: int | None) -> Message:
    """One of the interaction's messages by its id, or (None) the original one; 10008 if it is not there."""
    own = [interaction.original] if message_id is None else [interaction.original, *interaction.sent]
    for message in own:
        if message and message_id in {None, message.id} and state.is_there(message):
            return message
    raise DiscordError(Problem.UNKNOWN_MESSAGE)


def edit(state: State, interaction: Interaction, message: Message, body: Json, files: dict[int, Upload]) -> None:
    """Change one of the interaction's messages; a loading one is loading no more."""
    if message.flags & MessageFlag.LOADING:
        draft = drafts.draft(body, files)
        draft.check()
        _fill(state, interaction, message, draft)
        return
    messages.change(state, message, body, files)
    interaction.advance("answered")


def _require_allowed(interaction: Interaction, answer: CallbackType) -> None:
    without_source = answer in _ON_COMPONENTS and interaction.source is None
    if answer not in _ALLOWED[interaction.type] or without_source:
        message = f"An interaction of type {int(interaction.type)} cannot be answered with {int(answer)} here."
        raise invalid_field("type", "INTERACTION_CALLBACK_TYPE_INVALID", message)


def _respond(state: State, interaction: Interaction, draft: Draft) -> None:
    if not draft.flags & MessageFlag.LOADING:
        draft.check()
    message = _compose(state, interaction, draft, interaction.source)
    interaction.original = message
    messages.publish(state, message)


def _compose(state: State, interaction: Interaction, draft: Draft, answers: Message | None) -> Message:
    channel = state.channel(interaction.channel_id)
    message = messages.compose(state, state.bot.id, channel, draft, answers)
    if interaction.type == InteractionType.COMMAND and answers is None:
        menu = interaction.target is not None
        message.type = MessageType.CONTEXT_MENU_COMMAND if menu else MessageType.CHAT_INPUT_COMMAND
    message.interaction = interaction.metadata()
    if draft.flags & MessageFlag.EPHEMERAL:
        message.only_for = interaction.user_id
    return message


def _fill(state: State, interaction: Interaction, message: Message, draft: Draft) -> None:
    """Put what the bot was thinking about in place of the loading message. It keeps its id, and who sees it."""
    filled = messages.compose(state, state.bot.id, state.channel(message.channel_id), draft, None)
    for name in ("content", "embeds", "components", "attachments", "mention_ids", "mention_role_ids"):
        setattr(message, name, getattr(filled, name))
    message.flags = filled.flags | message.flags & MessageFlag.EPHEMERAL
    if message.only_for is None:
        message.flags &= ~MessageFlag.EPHEMERAL
    state.save_message(message)
    messages.announce(state, "MESSAGE_UPDATE", message)
    interaction.advance("answered")
