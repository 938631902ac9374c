"""What admins decide: what holds in which channel and where that comes from, and who may talk and reset.

All of it is kept in mind, because every message asks, and written to the store, which keeps it and reads it again for each turn.
It knows no Discord; the panels are in ``cogs/governance``.
"""

from __future__ import annotations

import asyncio
import bisect
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from bot.errors import OutOfBounds
from bot.memory import POLICIES, Policies
from bot.models import Models
from bot.prompt import whole
from storage import Store
from storage.records import Access, Overrides, Place, ReplyMode, Rules, merged

Source = Literal["host", "server", "parent", "channel"]

#: What may be set; the same bounds as the host's settings have.
MESSAGES_BOUNDS = (2, 10_000)
TOKENS_BOUNDS = (500, 1_000_000)
DAY_TOKENS_BOUNDS = (1, 999_999_999)

#: A form of Discord's takes so many characters.
PERSONA_LENGTH = 4_000

#: A prompt must have room for at least so many tokens of what people say.
LEAST_ROOM_TOKENS = 100

OFF = "I am switched off in this channel."
NOT_HERE = "I may not talk in this channel."
NOT_YOU = "I may not talk with you in this server; whoever manages it can change that."

_NOTHING = Overrides()
_EVERYBODY = Access()


@dataclass(frozen=True, slots=True)
class Layers:
    """What is set for one place; each wins over those before it. *parent* is a thread's channel."""

    host: Overrides
    server: Overrides = _NOTHING
    parent: Overrides = _NOTHING
    channel: Overrides = _NOTHING

    @property
    def holds(self) -> Overrides:
        """What holds in the end."""
        return merged(self.host, self.server, self.parent, self.channel)

    def source(self, name: str) -> Source:
        """Return which of them a value comes from. *name* is a field of :class:`Overrides`."""
        layers: tuple[Source, ...] = ("channel", "parent", "server")
        return next((layer for layer in layers if getattr(getattr(self, layer), name) is not None), "host")


class Governance:
    """What admins decide. *host* has a value for everything, *fixed_tokens* says how long a prompt is without messages.

    *changed* is told which channels' memory may look otherwise now.
    """

    def __init__(
        self,
        store: Store,
        host: Overrides,
        policies: Policies,
        models: Models,
        fixed_tokens: Callable[[Overrides], int],
        changed: Callable[[int], None],
    ) -> None:
        self._store = store
        self._host = host
        self._policies = policies
        self.models = models
        self._fixed_tokens = fixed_tokens
        self._changed = changed
        self._rules = Rules({}, {}, {})
        self._changing = asyncio.Lock()

    async def load(self) -> None:
        """Call to mind what was decided before."""
        self._rules = await self._store.rules()

    def layers(self, place: Place) -> Layers:
        """Return what is set for a place."""
        return self._layers(self._rules, place)

    def _layers(self, rules: Rules, place: Place) -> Layers:
        server = rules.servers.get(place.guild_id or 0, _NOTHING)
        return Layers(self._host, server, _own(rules, place.parent_id), _own(rules, place.channel_id))

    def holds(self, place: Place) -> Overrides:
        """Return what holds in a place; there is a value for everything."""
        is_set = place.guild_id in self._rules.servers or any(
            each in self._rules.channels for each in (place.parent_id, place.channel_id)
        )
        return self.layers(place).holds if is_set else self._host

    def reply_mode(self, place: Place) -> ReplyMode:
        """Return which messages are remembered and answered in a place."""
        mode = self.holds(place).reply_mode
        assert mode is not None, "the host has one"
        return mode

    def access(self, guild_id: int) -> Access:
        """Return who may what in a server."""
        return self._rules.access.get(guild_id, _EVERYBODY)

    def refusal(self, place: Place, user_id: int, roles: Collection[int] | None) -> str | None:
        """Return why somebody may not talk with us in a place, as a sentence; None if they may.

        *roles* None: they cannot be had. Where roles decide, that counts against them. Everybody has the role @everyone, whose id
        is the server's.
        """
        if not self.holds(place).is_on:
            return OFF
        access = self.access(place.guild_id or 0)
        here = {place.channel_id, place.parent_id}
        if here & access.block_channel or (access.allow_channel and not here & access.allow_channel):
            return NOT_HERE
        held = {place.guild_id, *(roles or ())}
        if user_id in access.block_user or (access.block_role and (roles is None or access.block_role & held)):
            return NOT_YOU
        is_open = not (access.allow_role or access.allow_user)
        may = is_open or user_id in access.allow_user or bool(access.allow_role & held)
        return None if may else NOT_YOU

    def may_reset(self, guild_id: int, user_id: int, roles: Collection[int]) -> bool:
        """Whether somebody who does not manage the channel may reset it all the same."""
        access = self.access(guild_id)
        return user_id in access.reset_user or bool(access.reset_role & {guild_id, *roles})

    def lists_of(self, guild_id: int, user_id: int) -> list[str]:
        """Return what the lists say in which a server's managers named somebody."""
        access = self.access(guild_id)
        lists = {"may talk": access.allow_user, "may not talk": access.block_user, "may reset": access.reset_user}
        return [said for said, people in lists.items() if user_id in people]

    async def set_channel(self, place: Place, **changes: Any) -> Layers:
        """Let a channel set this for itself and its threads, or inherit it (None), from the next message on.

        Raises :class:`bot.errors.OutOfBounds`, having changed nothing.
        """
        checked = await self._checked(changes)
        async with self._changing:
            own = replace(_own(self._rules, place.channel_id), **checked)
            after = replace(self._rules, channels={**self._rules.channels, place.channel_id: (place, own)})
            below = [each for each, _ in after.channels.values() if each.parent_id == place.channel_id]
            self._check_room(after, [place, *below], changes)
            await self._store.set_overrides(place, own, now=time.time())
            self._rules = after
        for each in (place, *below):
            self._changed(each.channel_id)
        return self.layers(place)

    async def set_server(self, guild_id: int, **changes: Any) -> Layers:
        """Let a server set this for all of its channels, or inherit it (None).

        Raises :class:`bot.errors.OutOfBounds`, having changed nothing.
        """
        checked = await self._checked(changes)
        async with self._changing:
            own = replace(self._rules.servers.get(guild_id, _NOTHING), **checked)
            after = replace(self._rules, servers={**self._rules.servers, guild_id: own})
            below = [each for each, _ in after.channels.values() if each.guild_id == guild_id]
            self._check_room(after, [Place(0, guild_id), *below], changes)
            await self._store.set_server(guild_id, own)
            self._rules = after
        for each in below:
            self._changed(each.channel_id)
        return self.layers(Place(0, guild_id))

    async def set_access(self, guild_id: int, **lists: frozenset[int]) -> Access:
        """Replace lists of who may what. Their names are the fields of :class:`Access`."""
        async with self._changing:
            access = replace(self.access(guild_id), **lists)
            await self._store.set_access(guild_id, access)
            self._rules = replace(self._rules, access={**self._rules.access, guild_id: access})
        return access

    def forget(self, channel_id: int) -> None:
        """Forget a channel that was deleted."""
        channels = {key: value for key, value in self._rules.channels.items() if key != channel_id}
        self._rules = replace(self._rules, channels=channels)

    def tokens_bounds(self, holds: Overrides) -> tuple[int, int]:
        """Return how many tokens may be chosen where *holds* holds: the least depends on policy and persona, which must fit."""
        least, most = TOKENS_BOUNDS[0], min(TOKENS_BOUNDS[1], self._policies.context_tokens)

        def room(tokens: int) -> int:
            return self._room(replace(holds, max_tokens=tokens))

        return min(least + bisect.bisect_left(range(least, most), LEAST_ROOM_TOKENS, key=room), most), most

    def _room(self, holds: Overrides) -> int:
        return self._policies.for_channel(holds).trigger_budget(self._fixed_tokens(holds))

    async def forget_server(self, guild_id: int) -> None:
        """Forget what was decided in a server that we were removed from."""
        async with self._changing:
            await self._store.set_server(guild_id, _NOTHING)
            await self._store.set_access(guild_id, _EVERYBODY)
            servers = {key: value for key, value in self._rules.servers.items() if key != guild_id}
            access = {key: value for key, value in self._rules.access.items() if key != guild_id}
            self._rules = replace(self._rules, servers=servers, access=access)

    async def _checked(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Return *changes* as they can be kept; blank texts are None."""
        if isinstance(persona := changes.get("persona"), str):
            changes = {**changes, "persona": (persona := whole(persona).strip()) or None}
            if len(persona) > PERSONA_LENGTH:
                raise OutOfBounds(f"Nothing was changed: a persona has {PERSONA_LENGTH:,} characters at most.")
        if changes.get("policy") not in (None, *POLICIES):
            raise OutOfBounds(f"Nothing was changed: a policy is one of {', '.join(POLICIES)}.")
        if changes.get("reply_mode") not in (None, *get_args(ReplyMode)):
            raise OutOfBounds(f"Nothing was changed: a reply mode is one of {', '.join(get_args(ReplyMode))}.")
        if changes.get("model") is not None:
            await self.models.check(changes["model"])
        _check("messages", changes.get("max_messages"), MESSAGES_BOUNDS)
        for name in ("user_day_tokens", "channel_day_tokens"):
            least, most = DAY_TOKENS_BOUNDS
            _check("tokens a day", changes.get(name), (least, getattr(self._host, name) or most))
        return changes

    def _check_room(self, after: Rules, places: Collection[Place], changes: dict[str, Any]) -> None:
        """Refuse what leaves one of *places* too little of a prompt for what people say."""
        if not changes.keys() & {"persona", "policy", "max_tokens", "model"}:
            return
        for place in places:
            holds = self._layers(after, place).holds
            if changes.get("max_tokens") is not None or "policy" in changes:
                _check("tokens", holds.max_tokens, self.tokens_bounds(holds))
            if self._room(holds) < LEAST_ROOM_TOKENS:
                where = f" in <#{place.channel_id}>" if place.channel_id else ""
                raise OutOfBounds(
                    f"Nothing was changed: the persona would have {self._fixed_tokens(holds):,} tokens{where}, and leave no room "
                    f"in a prompt of {self._policies.prompt_tokens(holds):,}. Shorten it, or raise the budget first."
                )


def _own(rules: Rules, channel_id: int | None) -> Overrides:
    _, overrides = rules.channels.get(channel_id or 0, (None, _NOTHING))
    return overrides


def _check(what: str, value: int | None, bounds: tuple[int, int]) -> None:
    if value is not None and not bounds[0] <= value <= bounds[1]:
        raise OutOfBounds(f"Nothing was changed: {what} may be from {bounds[0]:,} to {bounds[1]:,} here.")
