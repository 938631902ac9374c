"""``python -m bot export`` and ``import`` as a host runs them: all or nothing, no token needed, never beside a running bot."""

from __future__ import annotations

import asyncio
import json
import stat
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeVar

import pytest

from bot.cli import main
from bot.tokens import estimate
from bot.transfer import FOUND_LATER
from storage import Store, open_store
from storage.records import About, Attachment, Extent, Incoming, Message
from tests.contract.makers import answer, begun, seen

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


T = TypeVar("T")


def with_store(work: Callable[[Store], Awaitable[T]]) -> T:
    async def do() -> T:
        async with open_store("sqlite:///mnemo.db") as store:
            return await work(store)

    return asyncio.run(do())


def remembered(channel: int = CHANNEL) -> list[Message]:
    return with_store(lambda store: store.export(channel))


def said(discord_id: int, content: str) -> Incoming:
    return Incoming(discord_id, CHANNEL, 7, 42, "Nemo", content, 10, 1_800_000_000.0 + discord_id)


def hear(*messages: Incoming) -> None:
    async def talk(store: Store) -> None:
        for message in messages:
            await store.accept(message, addressed=False, now=message.created_at)

    with_store(talk)


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

    with_store(lambda store: store.forget([1], now=1_800_000_100.0))
    assert run("import", CHANNEL, "out.jsonl").code == 0
    assert [message.content for message in remembered()] == ["two"]


ELSEWHERE = 700


@pytest.mark.parametrize("form", ["jsonl", "langchain"])
@pytest.mark.parametrize("channel", [CHANNEL, ELSEWHERE])
def test_pins_come_along_each_where_it_stood(
    run: Run, form: str, channel: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def pin(store: Store) -> None:
        await store.keep(said(1, "a rule"), now=1_800_000_003.0)
        await store.pin(2, now=1_800_000_005.0)
        await store.keep(said(4, "another rule"), now=1_800_000_004.0)

    hear(said(2, "the key"), said(3, "and more"))
    with_store(pin)
    run("export", CHANNEL, "out", "--format", form)
    monkeypatch.setenv("DATABASE_URL", "sqlite:///other.db")
    assert "Imported 4 messages" in run("import", channel, "out", "--guild", 7).told
    Path("other.db").rename("mnemo.db")

    async def look(store: Store) -> list[str]:
        overview = await store.overview(channel, closed_after=0)
        assert overview is not None
        assert [pin.content for pin in overview.pins] == ["a rule", "another rule", "the key"], "as they were pinned"
        assert [pin.position < 0 for pin in overview.pins] == [True, True, False]
        assert [pin.discord_id for pin in overview.pins] == ([1, 4, 2] if channel == CHANNEL else [None] * 3)
        await store.accept(replace(said(9, "now?"), channel_id=channel), addressed=True, now=1_800_000_009.0)
        return await seen(store, await begun(store, channel))

    assert with_store(look) == ["the key", "and more", "now?"], "what was no part of the conversation is none now"


QUOTE = "[about the message of 43 Marlin]\n  coral"


def ask() -> None:
    """Let Nemo ask about a message of Marlin, and the bot answer; and say something else."""

    async def talk(store: Store) -> None:
        quote = Attachment(10, 0, "Marlin", "message", 5, None, QUOTE, 7)
        about = About(2, 43, 1_800_000_002.0)
        await store.accept(replace(said(10, "What is it?"), attachments=(quote,), about=about), addressed=True, now=0)
        assert await answer(store, await begun(store, CHANNEL), "An animal.", chunk_id=11, now=1_800_000_011.0)
        await store.accept(said(12, "I see."), addressed=False, now=0)

    with_store(talk)


def moved(run: Run, channel: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """Take the memory out, bring it into *channel* of another database, and return what that told."""
    run("export", CHANNEL, "out.jsonl")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///other.db")
    told = run("import", channel, "out.jsonl", "--guild", 7).told
    Path("other.db").rename("mnemo.db")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///mnemo.db")
    return told


@pytest.mark.parametrize("channel", [CHANNEL, ELSEWHERE])
def test_who_is_quoted_in_a_question_sees_and_forgets_it_after_a_move(
    run: Run, channel: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask()
    before = remembered()
    assert "Imported 3 messages" in moved(run, channel, monkeypatch)
    question = remembered(channel)[0]
    assert (question.content, question.about_author, question.about_at) == (before[0].content, 43, 1_800_000_002.0)

    async def look(store: Store) -> None:
        here = Extent(channel)
        assert await store.quoted(43, here) == [(channel, 2 if channel == CHANNEL else None, QUOTE)]
        assert (await store.forget_author(43, here, most=10, now=0)).messages == 1
        assert [one.content for one in await store.export(channel)] == ["An animal.", "I see."]

    with_store(look)


def test_a_quote_that_was_brought_in_is_as_old_as_the_message_and_follows_its_edits(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask()
    moved(run, CHANNEL, monkeypatch)

    async def change(store: Store) -> list[str]:
        assert await store.edit(2, "kelp", tokens=1, quote=(QUOTE.replace("coral", "kelp"), 7), now=0)
        assert (await store.export(CHANNEL))[0].content == f"What is it?\n{QUOTE.replace('coral', 'kelp')}"
        assert await store.expire(before=1_800_000_003.0, most=10) == 1
        return [one.content for one in await store.export(CHANNEL)]

    assert with_store(change) == ["An animal.", "I see."]


@pytest.mark.parametrize("channel", [CHANNEL, ELSEWHERE])
@pytest.mark.parametrize(
    ("who", "stays"),
    [(42, []), (43, ["I see."]), (44, [f"What is it?\n{QUOTE}", "An animal.", "I see."])],
    ids=["who asked", "who is quoted", "another"],
)
def test_what_is_left_out_for_an_opt_out_is_told_apart(run: Run, channel: int, who: int, stays: list[str]) -> None:
    ask()
    run("export", CHANNEL, "out.jsonl")
    Path("mnemo.db").unlink()
    with_store(lambda store: store.opt_out(who, now=0))
    told = run("import", channel, "out.jsonl", "--guild", 7).told
    reason = "words of people who opted out, questions that quote them, or replies to these"
    apart = "" if len(stays) == 3 else f"; {3 - len(stays)} were left out: {reason}"
    assert told.partition(" into ")[2] == f"channel {channel}{apart}.\n"
    assert [one.content for one in remembered(channel)] == stays


def test_a_question_that_does_not_say_whom_it_quotes_comes_without_the_quote(run: Run) -> None:
    ask()
    run("export", CHANNEL, "out.jsonl")
    lines = [json.loads(line) for line in Path("out.jsonl").read_text(encoding="utf-8").splitlines()]
    old = [{key: line[key] for key in line.keys() - {"about_author", "about_at"}} for line in lines]
    Path("old.jsonl").write_text("\n".join(map(json.dumps, old)), encoding="utf-8")
    told = run("import", ELSEWHERE, "old.jsonl", "--guild", 7).told
    assert told.endswith("; 1 lost a quote: the file does not say whose words it is.\n")
    assert [one.content for one in remembered(ELSEWHERE)] == ["What is it?", "An animal.", "I see."]


def test_where_a_channel_is_can_be_said_later(run: Run) -> None:
    hear(said(1, "one"))
    run("export", CHANNEL, "out.jsonl")
    Path("mnemo.db").unlink()
    assert run("import", CHANNEL, "out.jsonl").told == f"Imported 1 message into channel {CHANNEL}. {FOUND_LATER}\n"
    assert with_store(lambda store: store.known_channels(None)) == [], "nobody said that it is a direct message"
    assert FOUND_LATER in run("import", CHANNEL, "out.jsonl").told
    assert FOUND_LATER not in run("import", CHANNEL, "out.jsonl", "--guild", 7).told
    assert with_store(lambda store: store.known_channels(7)) == [CHANNEL]
    assert FOUND_LATER not in run("import", CHANNEL, "out.jsonl").told


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
