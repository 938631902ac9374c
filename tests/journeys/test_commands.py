"""What holds for every command in the live tree: it explains itself, within Discord's limits, and the README lists it.

Source: https://discord.com/developers/docs/interactions/application-commands
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import discord
import pytest
from discord import app_commands

from tests.journeys.conftest import World

Json = dict[str, Any]
Kind = discord.AppCommandOptionType

#: What discord.py puts where nobody described anything.
NOT_DESCRIBED = "…"

MOST_CHARACTERS = {"name": 32, "description": 100}
MOST_CHARACTERS_OF_A_COMMAND = 8_000
MOST_OPTIONS = MOST_CHOICES = 25
MOST_CHARACTERS_OF_A_CHOICE = 100
MOST_OF_A_KIND = {discord.AppCommandType.chat_input: 100, discord.AppCommandType.message: 15}

NUMBERS = {Kind.integer.value, Kind.number.value}


def told(world: World, kind: discord.AppCommandType = discord.AppCommandType.chat_input) -> list[Json]:
    """The commands of a kind, as Discord is told of them."""
    return [command.to_dict(world.bot.tree) for command in world.bot.tree.get_commands(type=kind)]


def parts(command: Json, above: str = "") -> Iterator[tuple[str, Json]]:
    """The command with its groups, subcommands and options, each with its whole name."""
    path = f"{above} {command['name']}".lstrip()
    yield path, command
    for option in command.get("options", []):
        yield from parts(option, path)


@pytest.fixture
def everything(world: World) -> list[tuple[str, Json]]:
    found = [part for command in told(world) for part in parts(command)]
    assert {"help", "memory policy tokens", "host status"} <= {path for path, _ in found}
    return found


def options(everything: list[tuple[str, Json]]) -> Iterator[tuple[str, Json]]:
    for path, part in everything:
        if part["type"] >= Kind.string.value:
            yield path, part


async def test_everything_has_a_name_and_a_description_of_its_own(everything: list[tuple[str, Json]]) -> None:
    for path, part in everything:
        assert re.fullmatch(r"[-_a-z0-9]{1,32}", part["name"]), path
        assert NOT_DESCRIBED not in part["description"], path
        assert 10 <= len(part["description"]) <= MOST_CHARACTERS["description"], path
        assert len(part.get("options", [])) <= MOST_OPTIONS, path
    siblings = Counter((path.rpartition(" ")[0], part["description"]) for path, part in everything)
    assert set(siblings.values()) == {1}, siblings.most_common(1)


async def test_choices_are_few_and_say_what_they_mean(everything: list[tuple[str, Json]]) -> None:
    with_choices = [(path, part["choices"]) for path, part in options(everything) if part.get("choices")]
    assert {"memory policy policy", "memory export format"} <= {path for path, _ in with_choices}
    for path, choices in with_choices:
        assert len(choices) <= MOST_CHOICES, path
        for choice in choices:
            assert 1 <= len(choice["name"]) <= MOST_CHARACTERS_OF_A_CHOICE, path
            assert len(str(choice["value"])) <= MOST_CHARACTERS_OF_A_CHOICE, path


async def test_what_is_typed_is_bounded_or_offered(everything: list[tuple[str, Json]]) -> None:
    for path, part in options(everything):
        is_offered = part.get("choices") or part.get("autocomplete")
        if part["type"] in NUMBERS:
            assert is_offered or {"min_value", "max_value"} <= part.keys(), path
        elif part["type"] == Kind.string.value:
            assert is_offered or "max_length" in part, path


async def test_commands_are_not_too_many_nor_too_long(world: World) -> None:
    for kind, most in MOST_OF_A_KIND.items():
        assert len(told(world, kind)) <= most
    for menu in told(world, discord.AppCommandType.message):
        assert 1 <= len(menu["name"]) <= MOST_CHARACTERS["name"]
    for command in told(world):
        assert sum(characters(part) for _, part in parts(command)) <= MOST_CHARACTERS_OF_A_COMMAND, command["name"]


def characters(part: Json) -> int:
    """What counts of a part: its name, its description, and its choices."""
    choices = sum(len(choice["name"]) + len(str(choice["value"])) for choice in part.get("choices") or [])
    return len(part["name"]) + len(part["description"]) + choices


async def test_the_readme_lists_every_command(world: World, repo_root: Path) -> None:
    readme = (repo_root / "README.md").read_text(encoding="utf-8")
    table = readme.partition("\n## Commands\n")[2].partition("\n## ")[0]
    slash = [one for one in world.bot.tree.walk_commands() if isinstance(one, app_commands.Command)]
    named = re.findall(r"^\| `/([a-z -]+)` \|", table, re.MULTILINE)
    assert sorted(named) == sorted(one.qualified_name for one in slash)
