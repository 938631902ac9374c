"""`/host status`: whoever hosts the bot sees how it is, and nobody else does."""

from __future__ import annotations

import logging
import platform
import re
import sqlite3
import tomllib
from pathlib import Path

import discord
import simcord

from bot.host import VERSION
from cogs.host import ONLY_FOR_OWNERS
from playground.model import LittleModel
from tests.journeys.conftest import MakeSettings, World, living
from tests.journeys.shown import text_of

SECRET = "sk-proj-Very_Secret.0123456789"


def become_owner(world: World, actor: simcord.MemberActor) -> None:
    """Let somebody host the bot: what their id will be is not known when the settings are made."""
    world.bot.services.host.owners = frozenset({actor.id})


async def status(world: World) -> str:
    """What Nemo, who hosts the bot, sees."""
    become_owner(world, world.nemo)
    result = await world.nemo.slash(world.channel, "host status")
    assert result.ephemeral
    return text_of(result)


async def test_nobody_else_may_also_no_manager(world: World) -> None:
    for actor in (world.nemo, world.marlin):
        refused = await actor.slash(world.channel, "host status")
        assert refused.ephemeral
        assert text_of(refused) == ONLY_FOR_OWNERS
        assert "/host" not in text_of(await actor.slash(world.channel, "help"))
    become_owner(world, world.nemo)
    assert text_of(await world.marlin.slash(world.channel, "host status")) == ONLY_FOR_OWNERS


async def test_the_setting_says_who_may(make_settings: MakeSettings, tmp_path: Path) -> None:
    async with living(make_settings()) as world:
        owner = world.nemo.id  # the same in each fresh world
    settings = make_settings(owner_ids=f"900000000000000002, {owner}", database_url=f"sqlite:///{tmp_path}/second.db")
    async with living(settings) as world:
        assert "All is well" in text_of(await world.nemo.slash(world.channel, "host status"))
        assert "`/host status`" in text_of(await world.nemo.slash(world.channel, "help"))
        assert "All is well" in text_of(await world.nemo.user.slash("host status"))
        assert text_of(await world.marlin.slash(world.channel, "host status")) == ONLY_FOR_OWNERS


async def test_it_tells_versions_connection_models_database_and_queue(world: World) -> None:
    await world.ask("My name is Nemo.")
    text = await status(world)
    assert "## All is well" in text
    assert f"Mnemo {VERSION} · Python {platform.python_version()} · discord.py {discord.__version__}" in text
    assert f"SQLite {sqlite3.sqlite_version}" in text
    assert "Started <t:" in text
    assert "**Discord** 1 server, gateway latency" in text
    assert "**The model little-model** in use" in text
    assert "**Queue** 0 turns running, 0 waiting; nothing to catch up with" in text
    assert re.search(r"\*\*Database\*\* \d+ kB, its log \d+ kB; [\d,.]+ [GM]B free on the disk", text)
    assert "**The last hour** 0 errors, 0 warnings" in text


async def test_it_tells_when_it_tidied(world: World) -> None:
    assert world.bot.services.memories.tidied_at is not None, "the first tidying comes at once"
    assert "Tidied <t:" in await status(world)


async def test_a_model_that_is_left_alone_is_told_of_with_who_stands_in(
    make_settings: MakeSettings, model: LittleModel
) -> None:
    async with LittleModel(models=("second",), tokens_per_second=None) as second:
        settings = make_settings(fallback_model="second", fallback_base_url=second.base_url, openai_api_key=SECRET)
        async with living(settings) as world:
            assert "**FALLBACK\\_MODEL second** in use" in await status(world)
            model.levers.status(401, times=3)
            for number in range(3):
                await world.ask(f"This is message {number}.")
            text = await status(world)
            assert "## A model is left alone for now" in text
            assert re.search(r"\*\*The model little-model\*\* left alone, is tried again in \d+ s: .*401", text)
            assert "**FALLBACK\\_MODEL second** in use" in text
            assert SECRET not in text


async def test_errors_are_told_by_kind_and_without_contents(world: World) -> None:
    for _ in range(3):
        logging.getLogger("bot.turn").error("a turn of %s failed", SECRET)
    for number in range(10):
        logging.getLogger(f"bot.some{number}").warning("this is *unusual*")
    text = await status(world)
    assert "I am up, with errors lately" in text
    assert "**The last hour** 3 errors, 10 warnings" in text
    assert "- 3x `bot.turn` a turn of … failed" in text
    assert r"this is \*unusual\*" in text
    assert "-# and 3 other kinds; the log has them all" in text
    assert SECRET not in text


async def test_a_database_that_fails_is_part_of_what_is_told(world: World, tmp_path: Path) -> None:
    (tmp_path / "mnemo.db").rename(tmp_path / "gone.db")
    text = await status(world)
    (tmp_path / "gone.db").rename(tmp_path / "mnemo.db")
    assert "My memory cannot be used" in text
    assert "cannot be opened: No such file or directory" in text
    assert "an unknown number waiting" in text
    assert "**The model little-model**" in text


def test_the_version_is_that_of_the_project(repo_root: Path) -> None:
    declared = tomllib.loads((repo_root / "pyproject.toml").read_text(encoding="utf-8"))
    assert declared["project"]["version"] == VERSION
