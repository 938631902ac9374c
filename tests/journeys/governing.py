"""Using the panels of `/channel` and `/server`: their menus, buttons and forms, by what they change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import simcord

from playground.model import LittleModel
from tests.journeys.conftest import World


def _all(components: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for each in components:
        yield each
        yield from _all(each.get("components", []))
        if "accessory" in each:
            yield each["accessory"]


def controls(shown: simcord.InteractionResult) -> list[dict[str, Any]]:
    """The menus and buttons of a panel."""
    assert shown.response is not None
    return [each for each in _all(shown.response.components) if "custom_id" in each]


def menu(shown: simcord.InteractionResult, name: str) -> dict[str, Any]:
    """The control that changes *name*, which its id ends on."""
    (found,) = [
        each for each in controls(shown) if each["custom_id"].endswith(f":{name}") and ":form:" not in each["custom_id"]
    ]
    return found


async def choose(who: Any, shown: simcord.InteractionResult, name: str, *values: Any) -> simcord.InteractionResult:
    """Choose in the menu that changes *name*."""
    assert shown.response is not None
    chosen: simcord.InteractionResult = await who.select(
        shown.response.message, list(values), custom_id=menu(shown, name)["custom_id"]
    )
    return chosen


async def fill(
    who: simcord.MemberActor, shown: simcord.InteractionResult, form: str, values: dict[str, str]
) -> simcord.InteractionResult:
    """Open a form of the panel and send it with *values*."""
    assert shown.response is not None
    (button,) = [each for each in controls(shown) if each["custom_id"].endswith(f":form:{form}")]
    opened = await who.click(shown.response.message, custom_id=button["custom_id"])
    return await who.submit_modal(opened, values)


def system_of(model: LittleModel) -> str:
    """What the model was told last of who it is."""
    told: str = model.requests[-1].body["messages"][0]["content"]
    return told


async def thread_in(world: World, channel: simcord.ChannelHandle) -> simcord.ChannelHandle:
    """A new thread of a channel."""
    made = world.env.backend.create_thread(channel.id, "thread", world.nemo.id)
    await world.env.settle()
    (thread,) = [each for each in channel.threads if each.id == made.id]
    return thread
