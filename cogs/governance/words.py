"""Pure: what the panels of `/channel` and `/server` say of what holds, and of where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from bot.governance import Layers
from bot.introduction import what_is_remembered
from bot.personas import PRESETS
from bot.wording import clipped
from storage.records import Access, Overrides, Place, ReplyMode

Scope = Literal["channel", "server"]

#: What a panel changes by a menu, as people call it.
LABELS = {
    "is_on": "On or off",
    "reply_mode": "Reply mode",
    "persona": "Persona",
    "model": "Model",
    "policy": "Memory policy",
}

MODES: dict[ReplyMode, str] = {
    "mention": "answer and remember what is said to me",
    "listen": "remember everything, answer what is said to me",
    "all": "remember and answer everything",
}

POLICIES = {
    "buffer": "everything since the last reset",
    "window": "the newest messages",
    "tokens": "the newest turns",
    "summary": "a summary and the newest turns",
    "hybrid": "a summary, the newest turns, recalled passages",
}

#: So much of a persona is shown.
PERSONA_SHOWN = 200

INHERITED = "inherited again, {}"
NOTHING_WRITTEN = "nothing was written, so it is inherited again, {}"


def heading(scope: Scope, place: Place) -> str:
    """Return what the panel is about, and what is inherited."""
    if scope == "server":
        return "## This server\n-# What holds in its channels, unless `/channel` says otherwise there"
    if place.guild_id is None:
        return "## This conversation\n-# What is not set here is as the host set it"
    if place.parent_id is not None:
        return f"## This thread\n-# What is not set here is as in <#{place.parent_id}>"
    return "## This channel\n-# What is not set here is as in this server, and there as the host set it"


def source(layers: Layers, name: str, place: Place) -> str:
    """Return where a value comes from."""
    words = {
        "host": "from the host",
        "server": "set for this server",
        "parent": f"from <#{place.parent_id}>",
        "channel": "set here",
    }
    return words[layers.source(name)]


def value(holds: Overrides, name: str) -> str:
    """Return a value in a few words."""
    match name, getattr(holds, name):
        case "is_on", is_on:
            return "on" if is_on else "off"
        case "persona", text:
            return next((title for title, preset in PRESETS.items() if preset == text), "custom")
        case _, other:
            return str(other)


def shown(layers: Layers, name: str, place: Place, model: str) -> str:
    """Return one value as the panel shows it. *model* is what writes the replies."""
    holds = layers.holds
    line = f"**{LABELS[name]}**: {value(holds, name)} · {source(layers, name, place)}"
    match name:
        case "is_on" if not holds.is_on:
            return f"{line}\n-# I remember nothing new and answer nobody. What I remember stays."
        case "reply_mode":
            assert holds.reply_mode is not None, "the host has one"
            return f"{line}\n-# {what_is_remembered(holds.reply_mode, in_private=False)}"
        case "model" if model != holds.model:
            return f"{line}\n-# The host does not allow it any more, so `{model}` writes."
        case _:
            return line


def persona(layers: Layers, place: Place) -> str:
    """Return the persona, or its beginning."""
    text = " ".join((layers.holds.persona or "").split()).replace("`", "'")
    text = clipped(text, PERSONA_SHOWN)
    return f"{shown(layers, 'persona', place, '')}\n```\n{text}\n```"


def budget(layers: Layers, place: Place) -> str:
    """Return how much of the memory a prompt may hold."""
    holds = layers.holds
    return (
        f"**Budget**: {holds.max_tokens:,} tokens · {source(layers, 'max_tokens', place)}\n"
        f"**Window**: {holds.max_messages:,} messages · {source(layers, 'max_messages', place)}\n"
        "-# Tokens of a whole prompt, for `tokens`, `summary` and `hybrid`; messages for `window`"
    )


def limits(layers: Layers, place: Place) -> str:
    """Return how many tokens a day may be used."""
    return (
        f"**A channel's tokens a day**: {_day_tokens(layers, 'channel_day_tokens', place)}\n"
        f"**A person's**: {_day_tokens(layers, 'user_day_tokens', place)}\n"
        "-# Summaries count in; `/usage` shows what is used"
    )


def _day_tokens(layers: Layers, name: str, place: Place) -> str:
    tokens, most = getattr(layers.holds, name), getattr(layers.host, name)
    told = f"{_limit(tokens)} · {source(layers, name, place)}"
    return told if most is None or tokens <= most else f"{told}, but the host allows {most:,} and no more"


def _limit(tokens: int | None) -> str:
    return "no limit" if tokens is None else f"{tokens:,}"


def told(layers: Layers, name: str, place: Place, words: str = INHERITED) -> str:
    """Return what a change did, as a sentence."""
    holds, scope = layers.holds, layers.source(name)
    if getattr(layers.channel if place.channel_id else layers.server, name) is None:
        return f"{LABELS[name]}: {words.format(source(layers, name, place))}."
    if name == "reply_mode" and scope in ("channel", "server") and holds.reply_mode in ("listen", "all"):
        return f"From now on: {what_is_remembered(holds.reply_mode, in_private=False)}"
    return f"{LABELS[name]}: {value(holds, name)}, from the next message on."


def formed(layers: Layers, changes: Mapping[str, object], place: Place) -> str:
    """Return what a form did, as a sentence."""
    if "persona" in changes:
        return told(layers, "persona", place, NOTHING_WRITTEN)
    holds = layers.holds
    if "channel_day_tokens" in changes:
        channel, person = _limit(holds.channel_day_tokens), _limit(holds.user_day_tokens)
        return f"Tokens a day: {channel} in a channel, {person} for a person, from the next turn on."
    return f"Budget: {holds.max_tokens:,} tokens, {holds.max_messages:,} messages, from the next turn on."


def who_may(access: Access) -> str:
    """Return in a sentence who may talk."""
    people = "Everybody" if not (access.allow_role or access.allow_user) else "Only whom you allow below"
    places = "in every channel" if not access.allow_channel else "in the channels that you allow below"
    return f"## Who may\n{people} may talk with me {places}, except whom and where you block. Blocking wins."
