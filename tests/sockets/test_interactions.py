"""Commands and forms whose answer comes at a bad time: past Discord's patience, after a restart, or two at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.answers import DONE_LATE
from bot.forms import HANDED_BACK
from cogs.memory.summary import BUSY
from playground.discord import interactions
from playground.discord.commands import CommandType, OptionType
from playground.discord.interactions import Interaction
from tests.sockets.conftest import SLOW_DATABASE, Stage, play

WORDS = "You are a crab. " * 100


async def answer_to(stage: Stage, interaction: Interaction) -> str:
    """All that an interaction was answered with, once it was."""
    await stage.until(
        lambda: interaction.message and (interaction.message["content"] or interaction.message["components"])
    )
    return str(interaction.message)


async def channel_with_a_summary(stage: Stage, text: str) -> int:
    channel = stage.channel()
    await stage.ask(channel, text)
    await stage.until(lambda: stage.idle)
    while not stage.recall("SELECT 1 FROM summaries WHERE channel_id = ? AND state = 'ready'", channel):
        # Just after a reply the bot may be looking for itself whether there is something to summarize.
        await answer_to(stage, await stage.world.slash(stage.world.user_id("owner"), channel, "memory summarize"))
    return channel


async def form_of(stage: Stage, channel: int, command: str, button: str) -> Interaction:
    """Open a form from the panel that *command* shows."""
    owner = stage.world.user_id("owner")
    shown = await stage.world.slash(owner, channel, command)
    await answer_to(stage, shown)
    assert shown.message is not None
    opened = await stage.world.click(owner, channel, int(shown.message["id"]), button)
    await stage.until(lambda: opened.modal)
    return opened


async def test_what_takes_more_than_fifteen_minutes_is_told_in_the_channel(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot = await stage.start()
    channel, owner = stage.channel(), stage.world.user_id("owner")
    await stage.ask(channel, "My cat is Pixel.")
    await stage.until(lambda: stage.idle)
    before = len(stage.shown(channel))
    monkeypatch.setattr(interactions, "TOKEN_SECONDS", 1.0)
    stage.model.levers.hang(2.0, times=1)
    await stage.world.slash(owner, channel, "memory summarize")
    await stage.until(lambda: stage.shown(channel)[before:])
    assert stage.shown(channel)[before:] == [f"<@{owner}> {DONE_LATE}"]
    await stage.ask(channel, "My dog is Rex.")
    await stage.until(lambda: stage.idle)
    monkeypatch.setattr(interactions, "TOKEN_SECONDS", 0.0)
    stage.model.levers.text("a" * 30_000)
    await stage.world.slash(owner, channel, "memory summarize")
    await stage.until(lambda: len(stage.shown(channel)) == before + 3)
    said = stage.shown(channel)[-1]
    assert said.startswith(f"<@{owner}> ")
    assert DONE_LATE not in said, "it was not done"
    assert await bot.stop() == 0
    assert bot.trouble == []


async def a_form_that_is_sent_after_a_restart_is_handed_back(stage: Stage) -> None:
    bot = await stage.start()
    channel, owner = stage.channel(), stage.world.user_id("owner")
    opened = await form_of(stage, channel, "channel", "mnemo:rules:channel:form:persona")
    assert await bot.stop() == 0
    await stage.start()
    assert opened.modal is not None
    sent = await stage.world.submit_modal(owner, opened.modal, {"persona": WORDS})
    assert HANDED_BACK in await answer_to(stage, sent)
    assert sent.message is not None
    [file] = sent.message["attachments"]
    assert (file["filename"], file["size"]) == ("your-words.md", len(WORDS))


async def two_forms_at_once_are_two(stage: Stage) -> None:
    await stage.start()
    owner = stage.world.user_id("owner")
    channels = [await channel_with_a_summary(stage, text) for text in ("My cat is Pixel.", "My dog is Rex.")]
    forms = [await form_of(stage, channel, "memory show", "mnemo:correct") for channel in channels]
    for form, words in zip(forms, ("It is called Voxel.", "It is called Max."), strict=True):
        assert form.modal is not None
        sent = await stage.world.submit_modal(owner, form.modal, {"summary": words})
        assert "your words now" in await answer_to(stage, sent)
    for channel, words in zip(channels, ("Voxel", "Max"), strict=True):
        assert words in await answer_to(stage, await stage.world.slash(owner, channel, "memory show"))


def all_commands(stage: Stage) -> Iterator[tuple[str, dict[str, object]]]:
    """The path of each slash command, with what it needs."""

    def leaves(path: str, node: dict[str, Any]) -> Iterator[tuple[str, dict[str, object]]]:
        options = node.get("options", [])
        inner = [each for each in options if each["type"] in (OptionType.SUBCOMMAND, OptionType.GROUP)]
        for each in inner:
            yield from leaves(f"{path} {each['name']}", each)
        if not inner:
            yield path, {each["name"]: "Nemo" for each in options if each.get("required")}

    for command in stage.world.commands():
        if command["type"] == CommandType.CHAT_INPUT:
            yield from leaves(command["name"], command)


async def everything_is_acknowledged_however_long_the_model_and_the_database_take(stage: Stage) -> None:
    owner = stage.world.user_id("owner")
    await stage.start(script=SLOW_DATABASE, owner_ids=owner)
    channel = await channel_with_a_summary(stage, "My cat is Pixel.")
    shown = await stage.world.slash(owner, channel, "memory show")
    await answer_to(stage, shown)
    assert shown.message is not None
    said = await stage.say(channel, "My dog is Rex.")
    retry = next(each for each in reversed(stage.replies(channel)) if each["components"])
    (stage.folder / "slow").write_text("4")
    stage.model.levers.hang(600, times=None)

    async def at_once(what: str, interaction: Interaction) -> None:
        """Discord waits three seconds, and so does this: who waits for the database first comes too late."""
        await stage.until(lambda: interaction.state != "pending" or interaction.modal)
        assert interaction.state in ("deferred", "answered"), f"{what}: {interaction.state}"

    opened = await stage.world.click(owner, channel, int(shown.message["id"]), "mnemo:correct")
    await at_once("the form of the summary", opened)
    await stage.until(lambda: opened.message)
    assert BUSY in str(opened.message)
    for custom_id in [each["custom_id"] for row in retry["components"] for each in row["components"]]:
        await at_once(custom_id, await stage.world.click(stage.nemo, channel, int(retry["id"]), custom_id))
    for name in (each["name"] for each in stage.world.commands() if each["type"] == CommandType.MESSAGE):
        await at_once(name, await stage.world.context_menu(owner, channel, name, said))
    paths = dict(all_commands(stage))
    assert {"memory show", "privacy me", "host status", "thread", "help"} <= paths.keys()
    for path, options in paths.items():
        await at_once(path, await stage.world.slash(owner, channel, path, options))
    (stage.folder / "slow").unlink()
    stage.model.levers.clear()


async def test_forms(tmp_path: Path) -> None:
    await play(
        tmp_path,
        a_form_that_is_sent_after_a_restart_is_handed_back,
        two_forms_at_once_are_two,
        everything_is_acknowledged_however_long_the_model_and_the_database_take,
    )
