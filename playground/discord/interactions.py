"""Interactions: what a person starts with a command, a button, a menu or a modal, and the bot has to answer in time.

How the bot answers is in ``responses.py``; what a command's options may be is in ``invocations.py``.
Source: https://docs.discord.com/developers/interactions/receiving-and-responding
"""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

from playground.discord import payloads
from playground.discord.commands import Context
from playground.discord.drafts import MAX_UPLOAD
from playground.discord.errors import DiscordError, Problem
from playground.discord.records import Channel, Json, Message
from playground.discord.snowflakes import created_at
from playground.discord.state import State

#: The bot has so long for its first answer, and its token is good for so long.
ANSWER_SECONDS, TOKEN_SECONDS = 3.0, 15 * 60.0


class InteractionType(IntEnum):
    """What a person did."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL_SUBMIT = 5


Progress = Literal["pending", "deferred", "answered", "failed"]


@dataclass
class Interaction:
    """One thing that a person did, and what the bot answered so far.

    ``state`` is "pending" until the bot answers, "deferred" if it asked for time, "answered" once something is shown, and
    "failed" ("the application did not respond") 3 seconds after a start without an answer.
    """

    id: int
    token: str
    type: InteractionType
    user_id: int
    channel_id: int
    name: str
    _world: State = field(repr=False)
    #: The message whose component was used, or out of which the modal was opened.
    source: Message | None = None
    target: Message | None = None
    state: Progress = "pending"
    modal: Json | None = None
    choices: list[Json] | None = None
    ephemeral: bool = False
    original: Message | None = None
    sent: list[Message] = field(default_factory=list)
    _settled: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _timeout: asyncio.TimerHandle | None = field(default=None, repr=False)

    @property
    def message(self) -> Json | None:
        """The first response, as a message; None before it, and when it was deleted."""
        return self._shown(self.original) if self.original else None

    @property
    def followups(self) -> list[Json]:
        """The messages after the first response, those excluded that were deleted."""
        return [shown for message in self.sent if (shown := self._shown(message))]

    @property
    def expired(self) -> bool:
        """Whether the token is no longer good."""
        return time.time() > self.started_at + TOKEN_SECONDS

    @property
    def started_at(self) -> float:
        """When the person did it, as Unix seconds."""
        return created_at(self.id)

    async def wait_answered(self, timeout: float = 5.0) -> Interaction:  # noqa: ASYNC109 what a test wants to say
        """Wait until it is answered; TimeoutError if it fails, or neither happens within *timeout* seconds."""
        async with asyncio.timeout(timeout):
            await self._settled.wait()
        if self.state == "failed":
            raise TimeoutError("the application did not respond")
        return self

    def advance(self, state: Progress) -> None:
        """Go on to another state, and tell the person's screens."""
        self.state = state
        if state != "pending" and self._timeout:
            self._timeout.cancel()
        if state in {"answered", "failed"}:
            self._settled.set()
        self._world.hub.show("INTERACTION_UPDATE", self.summary(), self.user_id)

    def start_clock(self) -> None:
        """Fail after 3 seconds, unless the bot answers."""
        self._timeout = asyncio.get_running_loop().call_later(ANSWER_SECONDS, self.advance, "failed")

    def abandon(self) -> None:
        """Stop the clock, because the world ends."""
        if self._timeout:
            self._timeout.cancel()

    def summary(self) -> Json:
        """What a screen needs to know of it."""
        return {
            "id": str(self.id),
            "type": int(self.type),
            "name": self.name,
            "user_id": str(self.user_id),
            "channel_id": str(self.channel_id),
            "state": self.state,
            "message_id": str(self.original.id) if self.original else None,
            "source_message_id": str(self.source.id) if self.source else None,
            "modal": self.modal,
        }

    def metadata(self) -> Json:
        """What every message that answers it carries."""
        world = self._world
        data: Json = {
            "id": str(self.id),
            "type": int(self.type),
            "user": payloads.user(world.users[self.user_id]),
            "authorizing_integration_owners": _owners(world.channels[self.channel_id]),
        }
        if self.type == InteractionType.COMMAND:
            data["name"] = self.name
        if self.original:
            data["original_response_message_id"] = str(self.original.id)
        if self.target:
            data["target_message_id"] = str(self.target.id)
        if self.type == InteractionType.COMPONENT and self.source:
            data["interacted_message_id"] = str(self.source.id)
        return data

    def _shown(self, message: Message) -> Json | None:
        world = self._world
        return payloads.message(world, message, self.user_id) if world.is_there(message) else None


class Interactions:
    """All interactions since the start of the program, by id and by token; none is kept on disk."""

    def __init__(self, state: State) -> None:
        self._world = state
        self._by_id: dict[int, Interaction] = {}
        self._by_token: dict[str, Interaction] = {}

    def start(
        self,
        kind: InteractionType,
        user_id: int,
        channel: Channel,
        name: str,
        data: Json,
        *,
        source: Message | None = None,
        target: Message | None = None,
    ) -> Interaction:
        """Tell the bot what a person did, and start the clock."""
        token = secrets.token_urlsafe(96)
        interaction = Interaction(
            self._world.ids.next(), token, kind, user_id, channel.id, name, self._world, source, target
        )
        self._by_id[interaction.id] = self._by_token[token] = interaction
        interaction.start_clock()
        interaction.advance("pending")
        self._world.hub.dispatch("INTERACTION_CREATE", _payload(self._world, interaction, channel, data))
        return interaction

    def find(self, interaction_id: int) -> Interaction | None:
        """By its id; None if there is none."""
        return self._by_id.get(interaction_id)

    def by_token(self, token: str) -> Interaction:
        """By a token that is still good; 10015 for one that never was, 50027 for one that is too old."""
        interaction = self._by_token.get(token)
        if interaction is None:
            raise DiscordError(Problem.UNKNOWN_WEBHOOK)
        if interaction.expired:
            raise DiscordError(Problem.INVALID_WEBHOOK_TOKEN)
        return interaction

    def close(self) -> None:
        """Stop all clocks."""
        for interaction in self._by_id.values():
            interaction.abandon()


def _payload(state: State, interaction: Interaction, channel: Channel, data: Json) -> Json:
    """What the bot receives."""
    bot_id = state.bot.id
    permissions = str(int(state.permissions(interaction.user_id, channel)))
    payload: Json = {
        "id": str(interaction.id),
        "application_id": str(bot_id),
        "type": int(interaction.type),
        "token": interaction.token,
        "version": 1,
        "data": data,
        "channel_id": str(channel.id),
        "channel": payloads.channel(state, channel, bot_id) | {"permissions": permissions},
        "app_permissions": str(int(state.permissions(bot_id, channel))),
        "locale": "en-US",
        "entitlements": [],
        "attachment_size_limit": MAX_UPLOAD,
        "authorizing_integration_owners": _owners(channel),
        "context": int(Context.BOT_DM if channel.is_dm else Context.GUILD),
    }
    if channel.guild_id:
        member = payloads.member(state, state.member(channel.guild_id, interaction.user_id))
        payload["guild_id"] = str(channel.guild_id)
        payload["guild"] = {"id": str(channel.guild_id), "locale": "en-US", "features": []}
        payload["guild_locale"] = "en-US"
        payload["member"] = member | {"permissions": permissions}
    else:
        payload["user"] = payloads.user(state.users[interaction.user_id])
    if interaction.source:
        payload["message"] = payloads.message(state, interaction.source, bot_id)
    return payload


def _owners(channel: Channel) -> Json:
    """Who installed the application here: the guild, or ("0") nobody in particular, in a DM with the bot."""
    return {"0": str(channel.guild_id) if channel.guild_id else "0"}
