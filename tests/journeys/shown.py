"""What an answer to a command shows: all its words, its files, its last message."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import discord
import simcord


def _messages(result: simcord.InteractionResult) -> list[Any]:
    return [shown for shown in (result.response, *result.followups) if shown is not None]


def text_of(result: simcord.InteractionResult) -> str:
    """All that the caller was shown, panels included."""
    words: list[str] = []
    for message in _messages(result):
        words += [message.content, *_texts(message.components)]
    return "\n".join(word for word in words if word)


def panel_of(message: discord.Message) -> str:
    """All texts of a panel in a channel."""
    return "\n".join(_texts([component.to_dict() for component in message.components]))  # type: ignore[misc]


def _texts(components: list[dict[str, Any]]) -> Iterator[str]:
    """The texts of a panel, in order."""
    for component in components:
        if "content" in component:
            yield component["content"]
        yield from _texts(component.get("components", []))


def shown_last(result: simcord.InteractionResult) -> discord.Message:
    """The last message that the caller was shown."""
    return _messages(result)[-1].message  # type: ignore[no-any-return]


async def files_of(result: simcord.InteractionResult) -> dict[str, str]:
    """The files that the caller was given, by name."""
    attached = [file for message in _messages(result) for file in message.attachments]
    return {file.filename: (await file.read()).decode() for file in attached}


async def prompt_of(result: simcord.InteractionResult) -> dict[str, Any]:
    """What `/memory prompt` shows, as programs read it."""
    return json.loads((await files_of(result))["prompt.json"])  # type: ignore[no-any-return]
