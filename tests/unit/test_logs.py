"""The log: what a line looks like, and that nothing that people write gets into it at any level."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator

import aiosqlite
import pytest

from bot.logs import set_up_logging

SAID = "the treasure lies beneath the old oak"

Read = Callable[[], list[str]]


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
    levels = [logger.level for logger in loggers]
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for logger, was in zip(loggers, levels, strict=True):
        logger.setLevel(was)


@pytest.fixture
def read(capsys: pytest.CaptureFixture[str]) -> Read:
    """What was logged since the last time, line by line; nothing goes to standard output."""

    def lines() -> list[str]:
        captured = capsys.readouterr()
        assert captured.out == ""
        return captured.err.splitlines()

    return lines


def test_a_line_of_text_has_time_level_name_message_and_fields(read: Read) -> None:
    set_up_logging("INFO", "text")
    logging.getLogger("bot.turn").warning("no reply: %s", "busy", extra={"turn": 7, "channel": 42})
    logging.getLogger("bot.turn").info("fine")
    first, second = read()
    assert first.endswith("WARNING bot.turn: no reply: busy [turn=7 channel=42]")
    assert first[:4].isdigit()
    assert second.endswith("INFO    bot.turn: fine")


def test_a_line_of_json_has_the_same_as_fields(read: Read) -> None:
    set_up_logging("INFO", "json")
    logging.getLogger("bot.turn").warning("no reply: %s", "busy", extra={"turn": 7, "channel": 42})
    (line,) = read()
    record = json.loads(line)
    assert record.pop("time")[:4].isdigit()
    assert record == {
        "level": "WARNING",
        "name": "bot.turn",
        "message": "no reply: busy",
        "turn": 7,
        "channel": 42,
    }


@pytest.mark.parametrize("style", ["text", "json"])
def test_an_error_comes_with_its_traceback(read: Read, style: str) -> None:
    set_up_logging("INFO", style)
    try:
        raise LookupError("lost")
    except LookupError:
        logging.getLogger("bot").exception("a turn failed")
    logged = "\n".join(read())
    assert "a turn failed" in logged
    assert "Traceback" in logged
    assert "LookupError: lost" in logged


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("DEBUG", ["debug", "info", "warning", "error"]),
        ("INFO", ["info", "warning", "error"]),
        ("WARNING", ["warning", "error"]),
        ("ERROR", ["error"]),
    ],
)
def test_only_the_level_and_above_is_logged(read: Read, level: str, expected: list[str]) -> None:
    set_up_logging(level, "text")
    for name in ("bot", "discord"):
        for said in ("debug", "info", "warning", "error"):
            getattr(logging.getLogger(name), said)(said)
    logged = [" ".join(line.split()[3:]) for line in read()]
    ours = [f"bot: {said}" for said in expected]
    assert logged == ours + [f"discord: {said}" for said in expected if said != "debug"]


async def test_the_database_driver_does_not_tell_what_is_stored(read: Read) -> None:
    set_up_logging("DEBUG", "text")
    async with aiosqlite.connect(":memory:") as db, db.execute("SELECT ?", (SAID,)) as found:
        assert await found.fetchone() == (SAID,)
    assert not [line for line in read() if SAID in line]


@pytest.mark.parametrize(
    "name",
    ["discord.gateway", "discord.http", "discord.client", "openai._base_client", "httpx2", "httpcore2.http11", "httpx"],
)
def test_libraries_do_not_tell_what_they_send_and_receive(read: Read, name: str) -> None:
    set_up_logging("DEBUG", "text")
    logging.getLogger(name).debug("Request options: %s", {"content": SAID})
    assert read() == []
    logging.getLogger(name).warning("something is wrong")
    assert len(read()) == 1


def test_a_library_that_lowers_its_own_level_is_silent_too(read: Read) -> None:
    set_up_logging("DEBUG", "text")
    logging.getLogger("openai").setLevel(logging.DEBUG)
    logging.getLogger("openai._base_client").debug("Request options: %s", {"content": SAID})
    logging.getLogger("openai._base_client").warning("something is wrong")
    assert len(read()) == 1


OPENAI_THAT_TELLS = f"""
import asyncio, logging
from bot.logs import set_up_logging
set_up_logging("DEBUG", "text")
import openai

async def ask():
    async with openai.AsyncOpenAI(api_key="k", base_url="http://127.0.0.1:9/v1", max_retries=0) as client:
        try:
            await client.chat.completions.create(model="m", messages=[{{"role": "user", "content": "{SAID}"}}])
        except openai.APIConnectionError:
            logging.getLogger("bot").info("it was asked")

asyncio.run(ask())
"""


def test_the_model_client_does_not_tell_even_when_the_environment_asks_it_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a process of its own, because openai looks at this variable when it is imported."""
    monkeypatch.setenv("OPENAI_LOG", "debug")
    asked = subprocess.run([sys.executable, "-c", OPENAI_THAT_TELLS], capture_output=True, text=True, check=True)
    assert "it was asked" in asked.stderr
    assert SAID not in asked.stderr
