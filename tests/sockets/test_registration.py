"""The bot tells Discord of its commands when they are not those that it has, and only then."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.sockets.conftest import Stage, play

_HASHES = "SELECT hash FROM registered_commands"


def registrations(stage: Stage) -> int:
    """How often Discord was told of the commands."""
    return sum(one.method == "PUT" and one.route.endswith("/commands") for one in stage.discord.requests)


async def restarted(stage: Stage) -> None:
    """Start the bot, see that it answers and has its commands, and stop it."""
    bot = await stage.start()
    await stage.ask(stage.channel(), "Are you there?")
    assert "memory" in {command["name"] for command in stage.world.commands()}
    assert await bot.stop() == 0


async def a_second_start_tells_nothing(stage: Stage) -> None:
    await restarted(stage)
    await restarted(stage)
    assert registrations(stage) == 1
    assert len(stage.recall(_HASHES)) == 1


async def commands_that_are_not_those_of_before_are_told(stage: Stage) -> None:
    await restarted(stage)
    change(stage, "UPDATE registered_commands SET hash = 'of another version'")
    await restarted(stage)
    assert registrations(stage) == 2
    await restarted(stage)
    assert registrations(stage) == 2


async def what_another_application_or_address_has_says_nothing_of_ours(stage: Stage) -> None:
    await restarted(stage)
    change(stage, "UPDATE registered_commands SET application_id = 1")
    await restarted(stage)
    change(stage, "DELETE FROM registered_commands WHERE application_id = 1")
    change(stage, "UPDATE registered_commands SET api_url = 'https://discord.com/api/v10'")
    await restarted(stage)
    assert registrations(stage) == 3
    assert len(stage.recall(_HASHES)) == 2


async def commands_that_were_refused_are_told_again(stage: Stage) -> None:
    await restarted(stage)
    change(stage, "UPDATE registered_commands SET hash = 'of another version'")
    stage.discord.levers.fail("PUT", "/applications/*/commands", status=400)
    bot = await stage.start()
    assert "the slash commands could not be registered" in bot.log
    assert await bot.stop() == 0
    assert stage.recall(_HASHES) == []
    await restarted(stage)
    assert registrations(stage) == 3
    assert len(stage.recall(_HASHES)) == 1


async def what_a_death_left_open_is_told_again(stage: Stage) -> None:
    stage.discord.levers.hang("PUT", "/applications/*/commands", seconds=30, after=True)
    bot = await stage.launch()
    await stage.until(lambda: registrations(stage))
    await bot.kill()
    assert stage.recall(_HASHES) == []
    await restarted(stage)
    assert registrations(stage) == 2


def change(stage: Stage, statement: str) -> None:
    """Change the bot's memory while it is stopped."""
    with closing(sqlite3.connect(stage.database)) as db, db:
        db.execute(statement)


async def test_commands_are_told_when_discord_does_not_have_them(tmp_path: Path) -> None:
    await play(
        tmp_path,
        a_second_start_tells_nothing,
        commands_that_are_not_those_of_before_are_told,
        what_another_application_or_address_has_says_nothing_of_ours,
        commands_that_were_refused_are_told_again,
        what_a_death_left_open_is_told_again,
    )
