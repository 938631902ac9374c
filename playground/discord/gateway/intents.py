"""Which events a gateway session asked for, and what it may read in them.

Source: https://docs.discord.com/developers/events/gateway#gateway-intents
"""

from __future__ import annotations

from enum import IntFlag

from playground.discord.records import Json


class Intent(IntFlag):
    """The intents; those that this world has no events for are known, too, so that nobody is refused for them."""

    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_MODERATION = 1 << 2
    GUILD_EXPRESSIONS = 1 << 3
    GUILD_INTEGRATIONS = 1 << 4
    GUILD_WEBHOOKS = 1 << 5
    GUILD_INVITES = 1 << 6
    GUILD_VOICE_STATES = 1 << 7
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    GUILD_MESSAGE_REACTIONS = 1 << 10
    GUILD_MESSAGE_TYPING = 1 << 11
    DIRECT_MESSAGES = 1 << 12
    DIRECT_MESSAGE_REACTIONS = 1 << 13
    DIRECT_MESSAGE_TYPING = 1 << 14
    MESSAGE_CONTENT = 1 << 15
    GUILD_SCHEDULED_EVENTS = 1 << 16
    AUTO_MODERATION_CONFIGURATION = 1 << 20
    AUTO_MODERATION_EXECUTION = 1 << 21
    GUILD_MESSAGE_POLLS = 1 << 24
    DIRECT_MESSAGE_POLLS = 1 << 25


ALL_INTENTS = Intent(sum(Intent))

#: By how an event's name begins: the intent in guilds, and the one in direct messages. The first that fits counts.
_NEEDED = (
    ("MESSAGE_REACTION_", Intent.GUILD_MESSAGE_REACTIONS, Intent.DIRECT_MESSAGE_REACTIONS),
    ("MESSAGE_", Intent.GUILD_MESSAGES, Intent.DIRECT_MESSAGES),
    ("TYPING_START", Intent.GUILD_MESSAGE_TYPING, Intent.DIRECT_MESSAGE_TYPING),
    ("GUILD_MEMBER_", Intent.GUILD_MEMBERS, Intent.GUILD_MEMBERS),
    ("GUILD_", Intent.GUILDS, Intent.GUILDS),
    ("CHANNEL_", Intent.GUILDS, Intent.GUILDS),
    ("THREAD_", Intent.GUILDS, Intent.GUILDS),
)
#: These come to everyone: the answer to a request, and what concerns the session itself.
_ALWAYS = {"READY", "RESUMED", "INTERACTION_CREATE", "GUILD_MEMBERS_CHUNK"}


def wanted(intents: Intent, kind: str, data: Json) -> bool:
    """Whether a session with these intents gets this event."""
    if kind in _ALWAYS:
        return True
    if kind == "GUILD_MEMBER_UPDATE" and data["user"].get("bot"):  # the bot itself, of which it is always told
        return bool(intents & Intent.GUILDS)
    in_guild = "guild_id" in data or kind.startswith("GUILD_")
    for beginning, guild, direct in _NEEDED:
        if kind.startswith(beginning):
            return bool(intents & (guild if in_guild else direct))
    raise AssertionError(f"nobody decided which intent {kind} needs")
