"""What Discord's references stand for: the names behind ``<@1>``, ``<#2>`` and ``<@&3>`` in a message's text.

It puts names into plain text, for the terminal; ``page/markdown.py`` renders them for the browser.
"""

from __future__ import annotations

import re
from typing import Protocol

from playground.discord import World

#: A mention as it stands in a message's text. Source: Discord's documentation, "Message Formatting".
MENTION = re.compile(r"<(?P<sigil>@!|@&|@|#)(?P<id>[0-9]{1,20})>")


class Names(Protocol):
    """Who and what is behind an id; None for one that is not known."""

    def user(self, user_id: int) -> str | None: ...

    def channel(self, channel_id: int) -> str | None: ...

    def role(self, role_id: int) -> str | None: ...


class WorldNames:
    """The names in a world."""

    def __init__(self, world: World) -> None:
        self._state = world.state

    def user(self, user_id: int) -> str | None:
        """A user's display name."""
        user = self._state.users.get(user_id)
        return user.display_name if user else None

    def channel(self, channel_id: int) -> str | None:
        """A channel's name; a direct message has none."""
        channel = self._state.channels.get(channel_id)
        return channel.name if channel else None

    def role(self, role_id: int) -> str | None:
        """A role's name."""
        role = self._state.roles.get(role_id)
        return role.name if role else None


def label(mention: re.Match[str], names: Names) -> str:
    """What a reader sees in place of *mention*, such as ``@Nemo`` or ``#general``."""
    target = int(mention["id"])
    match mention["sigil"]:
        case "#":
            return f"#{names.channel(target) or 'unknown'}"
        case "@&":
            return f"@{names.role(target) or 'unknown-role'}"
        case _:
            return f"@{names.user(target) or 'unknown-user'}"


def plain(content: str, names: Names) -> str:
    """*content* with its mentions replaced by names."""
    return MENTION.sub(lambda mention: label(mention, names), content)
