"""``python -m bot doctor`` as its own process: a line about everything that the bot needs, and what to do about it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing

from bot.gateway import MISSING_INTENT, REFUSED_BY_DISCORD
from playground.discord import World
from storage.migrate import migrate, shipped
from storage.opening import APPLICATION_ID
from tests.sockets.conftest import KEY, SECOND_MODEL, Bot, Stage, free_port

SUBJECTS = ["settings", "database", "model", "tokenizer", "discord"]


async def findings(bot: Bot, subjects: Sequence[str] = SUBJECTS) -> dict[str, tuple[bool, str]]:
    """What the doctor found, by subject: whether it is good, and the sentence."""
    await bot.ended()
    lines = [line.split(maxsplit=2) for line in bot.output.splitlines()]
    assert [subject for _, subject, _ in lines] == list(subjects)
    assert bot.log == ""
    assert KEY not in bot.output
    assert World.BOT_TOKEN not in bot.output
    return {subject: (sign == "ok", text) for sign, subject, text in lines}


def bad(found: dict[str, tuple[bool, str]]) -> dict[str, str]:
    return {subject: text for subject, (good, text) in found.items() if not good}


async def test_all_is_well_with_and_without_a_running_bot(stage: Stage) -> None:
    doctor = await stage.launch("doctor")
    found = await findings(doctor)
    assert await doctor.ended() == 0
    assert bad(found) == {}
    assert "can be read and written" in found["database"][1]
    assert "little-model" in found["model"][1]
    assert "estimate" in found["tokenizer"][1]
    assert "Mnemo" in found["discord"][1]
    assert not stage.world.bot_online

    bot = await stage.start()
    doctor = await stage.launch("doctor")
    found = await findings(doctor)
    assert await doctor.ended() == 0
    assert "is open in a Mnemo that is running now" in found["database"][1]
    await stage.ask(stage.channel(), "Did that disturb you?")
    assert await bot.stop() == 0


async def test_an_older_database_stays_as_it_is(stage: Stage) -> None:
    older = stage.folder / "older.db"
    with closing(sqlite3.connect(older, isolation_level=None)) as db:
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        migrate(db, shipped()[:-1])
    before = older.read_bytes()
    doctor = await stage.launch("doctor", database_url=f"sqlite:///{older}")
    found = await findings(doctor)
    assert await doctor.ended() == 0
    good, text = found["database"]
    assert good
    assert text.endswith("of an older version of Mnemo (the next start brings it up to date), and is whole")
    assert older.read_bytes() == before
    bot = await stage.start(database_url=f"sqlite:///{older}")
    doctor = await stage.launch("doctor", database_url=f"sqlite:///{older}")
    assert "in a Mnemo that is running now" in (await findings(doctor))["database"][1]
    assert await bot.stop() == 0
    doctor = await stage.launch("doctor", database_url=f"sqlite:///{older}")
    assert "older" not in (await findings(doctor))["database"][1].partition("older.db")[2]


async def test_what_is_wrong_is_told_in_its_line(stage: Stage) -> None:
    newer = stage.folder / "newer.db"
    with closing(sqlite3.connect(newer)) as db, db:
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute("CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT, applied_at REAL)")
        db.execute("INSERT INTO migrations VALUES (9999, 'from the future', 0)")
    garbage = stage.folder / "garbage.db"
    garbage.write_bytes(b"This is no database. " * 100)
    down = f"http://127.0.0.1:{free_port()}"
    doctors = [
        await stage.launch("doctor", **settings)
        for settings in (
            {"discord_token": "not.the.token", "openai_base_url": f"{down}/v1", "database_url": f"sqlite:///{newer}"},
            {"discord_api_url": f"{down}/api/v10", "chat_model": "elephant", "database_url": f"sqlite:///{garbage}"},
            {"system_prompt_file": "nowhere.txt", "database_url": "sqlite:////dev/null/x.db"},
            {"system_prompt": "Be kind. " * 2_000},
        )
    ]
    first, second, third, fourth = [bad(await findings(doctor)) for doctor in doctors]
    assert {await doctor.ended() for doctor in doctors} == {1}
    assert first["discord"] == REFUSED_BY_DISCORD
    assert "OPENAI_BASE_URL" in first["model"]
    assert "newer version of Mnemo" in first["database"]
    assert "DISCORD_API_URL" in second["discord"]
    assert "elephant" in second["model"]
    assert "little-model" in second["model"]
    assert "is no database" in second["database"]
    assert "nowhere.txt" in third["settings"]
    assert "SYSTEM_PROMPT leaves no room" in fourth["settings"]
    assert "cannot be opened" in third["database"]
    assert [len(problems) for problems in (first, second, third, fourth)] == [3, 3, 2, 1]
    assert b"This is no database." in garbage.read_bytes()


async def test_the_fallback_is_looked_at_if_there_is_one(stage: Stage) -> None:
    second = {"fallback_model": SECOND_MODEL, "fallback_base_url": stage.second.base_url, "fallback_api_key": "other"}
    well = await stage.launch("doctor", **second)
    wrong = await stage.launch("doctor", **second | {"fallback_model": "elephant", "database_url": "sqlite:///b.db"})
    found = await findings(well, [*SUBJECTS, "fallback"])
    assert bad(found) == {}
    assert SECOND_MODEL in found["fallback"][1]
    told = bad(await findings(wrong, [*SUBJECTS, "fallback"]))
    assert list(told) == ["fallback"]
    assert "elephant (FALLBACK_MODEL)" in told["fallback"]


async def test_without_the_intent_it_says_where_to_switch_it_on(stage: Stage) -> None:
    stage.discord.levers.message_content_intent(False)
    doctor = await stage.launch("doctor")
    assert bad(await findings(doctor)) == {"discord": MISSING_INTENT}


async def test_bad_settings_are_told_and_nothing_else_is_looked_at(stage: Stage) -> None:
    doctor = await stage.launch("doctor", memory_trim_to=2, reply_timeout_seconds="soon", discord_token="")
    assert await doctor.ended() == 2
    assert doctor.output == ""
    told = sorted(line.split()[0] for line in doctor.log.splitlines())
    assert told == ["DISCORD_TOKEN", "MEMORY_TRIM_TO", "REPLY_TIMEOUT_SECONDS"]
    assert stage.discord.requests == []
    assert not stage.database.exists()
