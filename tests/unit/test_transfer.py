"""``python -m bot export`` and ``import`` as a host runs them: all or nothing, no token needed, never beside a running bot."""

from __future__ import annotations

import asyncio
import json
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from bot.cli import main
from bot.tokens import estimate
from storage import open_store
from storage.records import Incoming, Message

CHANNEL = 500
HUMAN = {"type": "human", "data": {"content": "My cat is called Pixel.", "name": "Dory"}}
AI = {"type": "ai", "data": {"content": "Nice to meet Pixel!"}}
SYSTEM = {"type": "system", "data": {"content": "You are a pirate."}}


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What these commands need: no Discord token."""
    for name, value in {
        "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
        "CHAT_MODEL": "none",
        "DATABASE_URL": "sqlite:///mnemo.db",
        "TOKENIZER": "estimate",
    }.items():
        monkeypatch.setenv(name, value)


class Ran(NamedTuple):
    code: int
    output: str
    told: str


Run = Callable[..., Ran]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """The command line, in this process."""

    def run(*arguments: object) -> Ran:
        capfd.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as end:  # argparse ends the program itself
            code = int(end.code or 0)
        sys.stdout.flush()
        return Ran(code, *capfd.readouterr())

    return run


def remembered(channel: int = CHANNEL) -> list[Message]:
    async def look() -> list[Message]:
        async with open_store("sqlite:///mnemo.db") as store:
            return await store.export(channel)

    return asyncio.run(look())


def said(discord_id: int, content: str) -> Incoming:
    return Incoming(discord_id, CHANNEL, 7, 42, "Nemo", content, 10, 1_800_000_000.0 + discord_id)


def hear(*messages: Incoming) -> None:
    async def talk() -> None:
        async with open_store("sqlite:///mnemo.db") as store:
            for message in messages:
                await store.accept(message, addressed=False, now=message.created_at)

    asyncio.run(talk())


def langchain(*items: object) -> Path:
    file = Path("chain.json")
    file.write_text(json.dumps(items), encoding="utf-8")
    return file


def test_a_memory_moves_from_one_database_to_another(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    hear(said(1, "naïve café 🐠"), said(2, "and more"))
    exported = run("export", CHANNEL, "out.jsonl")
    assert (exported.code, exported.told) == (0, "Exported 2 messages.\n")
    assert stat.S_IMODE(Path("out.jsonl").stat().st_mode) == 0o600
    before = remembered()

    monkeypatch.setenv("DATABASE_URL", "sqlite:///other.db")
    imported = run("import", CHANNEL, "out.jsonl", "--guild", 7)
    assert (imported.code, imported.told) == (0, f"Imported 2 messages into channel {CHANNEL}.\n")
    Path("mnemo.db").unlink()
    Path("other.db").rename("mnemo.db")
    after = remembered()
    assert [(m.content, m.created_at, m.discord_id) for m in after] == [
        (m.content, m.created_at, m.discord_id) for m in before
    ]
    assert after[0].tokens > estimate("naïve café 🐠"), "counted anew, as a block of a prompt"


@pytest.mark.parametrize("form", ["jsonl", "markdown", "langchain"])
def test_without_a_file_it_goes_to_standard_output(run: Run, form: str) -> None:
    hear(said(1, "naïve café 🐠"))
    exported = run("export", CHANNEL, "--format", form)
    assert exported.code == 0
    assert "naïve café 🐠" in exported.output


def test_importing_twice_adds_nothing(run: Run) -> None:
    hear(said(1, "one"), said(2, "two"))
    run("export", CHANNEL, "out.jsonl")
    again = run("import", CHANNEL, "out.jsonl")
    assert "Imported 0 messages" in again.told
    assert "2 were known already" in again.told
    assert len(remembered()) == 2


def test_what_was_deleted_on_discord_does_not_come_back(run: Run) -> None:
    hear(said(1, "a secret"), said(2, "two"))
    run("export", CHANNEL, "out.jsonl")

    async def delete() -> None:
        async with open_store("sqlite:///mnemo.db") as store:
            await store.forget([1], now=1_800_000_100.0)

    asyncio.run(delete())
    assert run("import", CHANNEL, "out.jsonl").code == 0
    assert [message.content for message in remembered()] == ["two"]


def test_people_come_from_langchain(run: Run) -> None:
    imported = run("import", CHANNEL, langchain(SYSTEM, HUMAN, AI))
    assert imported.code == 0
    assert "Imported 2 messages" in imported.told
    assert "1 were skipped" in imported.told
    human, ai = remembered()
    assert (human.role, human.author_id, human.author_name, human.content) == (
        "user",
        0,
        "Dory",
        HUMAN["data"]["content"],
    )
    assert (ai.role, ai.discord_id) == ("assistant", None)


def test_a_broken_line_imports_nothing(run: Run) -> None:
    Path("broken.jsonl").write_text(f"{json.dumps(HUMAN)}\n{json.dumps(AI)[:-5]}\n", encoding="utf-8")
    refused = run("import", CHANNEL, "broken.jsonl")
    assert refused.code == 1
    assert refused.told.startswith("broken.jsonl, line 2: Invalid JSON")
    assert "Nothing was imported." in refused.told
    assert not Path("mnemo.db").exists()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"", "holds no messages"),
        (json.dumps([SYSTEM]).encode(), "holds no messages"),
    ],
)
def test_a_file_without_messages_is_refused(run: Run, content: bytes, complaint: str) -> None:
    Path("odd").write_bytes(content)
    refused = run("import", CHANNEL, "odd")
    assert refused.code == 1
    assert complaint in refused.told


def test_what_is_not_there_is_said(run: Run) -> None:
    assert "There is no database" in run("export", CHANNEL).told
    hear(said(1, "one"))
    nothing = run("export", 501)
    assert (nothing.code, nothing.told) == (1, "Nothing is remembered in channel 501.\n")
    assert "missing.jsonl cannot be read" in run("import", CHANNEL, "missing.jsonl").told
    assert "cannot be written" in run("export", CHANNEL, "no/such/folder.jsonl").told


def test_an_id_that_is_none_is_refused(run: Run) -> None:
    refused = run("export", "general")
    assert refused.code == 2
    assert "invalid Discord id" in refused.told


async def test_a_database_in_use_is_left_alone(run: Run) -> None:
    async with open_store("sqlite:///mnemo.db"):
        for arguments in (("export", CHANNEL), ("import", CHANNEL, langchain(HUMAN))):
            refused = await asyncio.to_thread(run, *arguments)
            assert refused.code == 1
            assert "is in use by another Mnemo" in refused.told


def test_it_is_a_program_of_its_own() -> None:
    hear(said(1, "naïve café 🐠"))
    command = [sys.executable, "-m", "bot", "export", str(CHANNEL)]
    ran = subprocess.run(command, capture_output=True, check=True, timeout=60)
    assert "naïve café 🐠" in ran.stdout.decode()
    assert ran.stderr.decode() == "Exported 1 message.\n"
