"""Discord's permission bits, and the arithmetic that makes one number of roles and overwrites.

Who has which roles, and what a missing permission prevents, is decided elsewhere.
Source: https://docs.discord.com/developers/topics/permissions
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntFlag
from typing import Protocol


class Permission(IntFlag):
    """The permissions that this world knows of."""

    NONE = 0
    KICK_MEMBERS = 1 << 1
    BAN_MEMBERS = 1 << 2
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_EXTERNAL_EMOJIS = 1 << 18
    CHANGE_NICKNAME = 1 << 26
    MANAGE_ROLES = 1 << 28
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    CREATE_PRIVATE_THREADS = 1 << 36
    SEND_MESSAGES_IN_THREADS = 1 << 38
    MODERATE_MEMBERS = 1 << 40


#: Bits 0 to 50, as Discord has them: administrators have those too that nobody here asks about.
ALL = (1 << 51) - 1

#: Nobody has roles in a direct message; this is what its two ends may do there.
IN_A_DM = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.ADD_REACTIONS
    | Permission.USE_EXTERNAL_EMOJIS
    | Permission.USE_APPLICATION_COMMANDS
)

#: What @everyone may do in a new guild, and what the bot's own role is given.
ORDINARY = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.SEND_MESSAGES_IN_THREADS
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.ADD_REACTIONS
    | Permission.USE_EXTERNAL_EMOJIS
    | Permission.CHANGE_NICKNAME
    | Permission.USE_APPLICATION_COMMANDS
)


class AllowsAndDenies(Protocol):
    """An overwrite, as far as the arithmetic needs it."""

    target_id: int
    allow: int
    deny: int


def base(role_permissions: Iterable[int], *, owner: bool) -> int:
    """What somebody with these roles may do in the guild at large."""
    total = 0
    for bits in role_permissions:
        total |= bits
    return ALL if owner or total & Permission.ADMINISTRATOR else total


def in_channel(
    base: int, overwrites: Iterable[AllowsAndDenies], *, everyone_id: int, role_ids: Iterable[int], user_id: int
) -> int:
    """What is left of *base* in a channel: @everyone's overwrite, then all roles' at once, then the member's own."""
    if base & Permission.ADMINISTRATOR:
        return ALL
    by_target = {overwrite.target_id: overwrite for overwrite in overwrites}
    roles = [by_target[role] for role in role_ids if role in by_target and role != everyone_id]
    bits = base
    if everyone := by_target.get(everyone_id):
        bits = bits & ~everyone.deny | everyone.allow
    for overwrite in roles:
        bits &= ~overwrite.deny
    for overwrite in roles:
        bits |= overwrite.allow
    if own := by_target.get(user_id):
        bits = bits & ~own.deny | own.allow
    return bits if bits & Permission.VIEW_CHANNEL else 0
