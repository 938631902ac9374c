"""The records of what admins set for servers and channels, a part of ``records.py``, by which everybody else imports them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

ReplyMode = Literal["mention", "listen", "all"]


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a channel or a server sets for itself, or what of all that holds in a channel; None where the host's setting holds.

    ``*_day_tokens`` are limits for a day: of one person in the server, and of the channel.
    """

    policy: str | None = None
    max_messages: int | None = None
    max_tokens: int | None = None
    persona: str | None = field(default=None, repr=False)
    model: str | None = None
    reply_mode: ReplyMode | None = None
    is_on: bool | None = None
    user_day_tokens: int | None = None
    channel_day_tokens: int | None = None


def merged(*layers: Overrides) -> Overrides:
    """Return what holds when each of *layers* wins over those before it."""
    values: dict[str, Any] = {}
    for name in OVERRIDDEN:
        values[name] = next((value for layer in reversed(layers) if (value := getattr(layer, name)) is not None), None)
    return Overrides(**values)


OVERRIDDEN = tuple(each.name for each in fields(Overrides))


@dataclass(frozen=True, slots=True)
class Place:
    """A channel, and where it is: *guild_id* is None for a direct message, *parent_id* is the channel that a thread is in."""

    channel_id: int
    guild_id: int | None
    parent_id: int | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """The people and places of a server by which is decided who may what: ids of channels, roles and users.

    ``allow_*`` empty allows everybody; ``block_*`` wins over it. Who is in ``reset_*`` may reset besides those who manage.
    """

    allow_channel: frozenset[int] = frozenset()
    block_channel: frozenset[int] = frozenset()
    allow_role: frozenset[int] = frozenset()
    allow_user: frozenset[int] = frozenset()
    block_role: frozenset[int] = frozenset()
    block_user: frozenset[int] = frozenset()
    reset_role: frozenset[int] = frozenset()
    reset_user: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Rules:
    """All that admins set: by server, by channel (with where it is), and who may what by server."""

    servers: Mapping[int, Overrides]
    channels: Mapping[int, tuple[Place, Overrides]]
    access: Mapping[int, Access]
