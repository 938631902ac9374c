"""What admins set for channels and a thread, as the model is sent it by a bot that is its own process, and over a restart."""

from __future__ import annotations

from typing import Any

from playground.discord import World
from playground.model import MODEL, LittleModel
from tests.sockets.conftest import SECOND_MODEL, Stage


async def _panel(stage: Stage, channel: int, scope: str = "channel") -> dict[str, Any]:
    shown = await stage.world.slash(stage.world.user_id("owner"), channel, scope)
    message: dict[str, Any] = await stage.until(lambda: shown.message and shown.message["components"] and shown.message)
    return message


async def _choose(stage: Stage, channel: int, panel: dict[str, Any], name: str, value: str) -> None:
    world: World = stage.world
    clicked = await world.click(
        world.user_id("owner"), channel, int(panel["id"]), f"mnemo:rules:channel:{name}", values=[value]
    )
    await stage.until(lambda: clicked.message and "✅" in str(clicked.message["components"]))


async def _fill(stage: Stage, channel: int, panel: dict[str, Any], form: str, values: dict[str, str]) -> None:
    owner = stage.world.user_id("owner")
    opened = await stage.world.click(owner, channel, int(panel["id"]), f"mnemo:rules:{form}")
    modal = await stage.until(lambda: opened.modal)
    sent = await stage.world.submit_modal(owner, modal, values)
    await stage.until(lambda: sent.message and "✅" in str(sent.message["components"]))


async def _sent(stage: Stage, both: LittleModel, channel: int) -> tuple[str, str]:
    """The model, and the first words of what it is told, when somebody speaks to the bot in a channel."""
    await stage.ask(channel, "Hello!")
    body = both.requests[-1].body
    return body["model"], body["messages"][0]["content"][:15]


async def test_each_channel_has_its_own_and_a_restart_keeps_it(stage: Stage) -> None:
    async with LittleModel(models=(MODEL, SECOND_MODEL), tokens_per_second=None) as both:
        bot = await stage.start(openai_base_url=both.base_url)
        one, other = stage.channel(), stage.channel()
        thread = stage.world.create_thread(stage.nemo, one, "thread")
        panel = await _panel(stage, one)
        await _fill(stage, one, panel, "channel:form:persona", {"persona": "You are a crab. Walk sideways."})
        await _choose(stage, one, panel, "model", SECOND_MODEL)
        await _choose(stage, one, panel, "reply_mode", "listen")
        outside = await _panel(stage, other)
        await _choose(stage, other, outside, "persona", "Tutor")
        inside = await _panel(stage, thread)
        expected = {
            one: (SECOND_MODEL, "You are a crab."),
            other: (MODEL, "You are a patie"),
            thread: (SECOND_MODEL, "You are a crab."),
        }
        assert {each: await _sent(stage, both, each) for each in expected} == expected
        await _choose(stage, thread, inside, "persona", "Storyteller")
        expected[thread] = (SECOND_MODEL, "You are the sto")
        assert await _sent(stage, both, thread) == expected[thread]
        await bot.stop()

        await stage.start(openai_base_url=both.base_url)
        for channel in (one, other, thread):
            await stage.say(channel, "Nobody asked the bot.")
        assert {each: await _sent(stage, both, each) for each in expected} == expected
        heard = {
            channel: "Nobody asked" in str(request.body)
            for channel, request in zip(expected, both.requests[-3:], strict=True)
        }
        assert heard == {one: True, other: False, thread: True}
        await _choose(stage, one, panel, "persona", "inherit")  # the panel from before the restart
        assert (await _sent(stage, both, one))[1] == "You are Mnemo, "


async def test_what_a_channel_set_that_was_deleted_meanwhile_holds_nobody_up(stage: Stage) -> None:
    bot = await stage.start()
    one, other = stage.channel(), stage.channel()
    await stage.ask(one, "Hello!")
    await _fill(stage, one, await _panel(stage, one), "channel:form:persona", {"persona": "You are a crab. " * 200})
    assert await bot.stop() == 0
    stage.world.delete_channel(one)
    await stage.start()
    await stage.until(
        lambda: stage.recall("SELECT id FROM channels") == [other] or not stage.recall("SELECT 1 FROM channels")
    )
    # A budget in which that persona would leave no room.
    await _fill(stage, other, await _panel(stage, other, "server"), "server:form:budget", {"max_tokens": "900"})
