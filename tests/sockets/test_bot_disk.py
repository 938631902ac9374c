"""The bot as its own process on a disk that fails it: it acts on nothing that is only in memory, leaves nothing half there, says
what is wrong, and goes on when the disk does. strace lets the system's own calls fail or take their time."""

from __future__ import annotations

import asyncio
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.sockets.conftest import Bot, Stage, open_stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

ONE_CHUNK = " ".join(f"This is sentence number {number} of one message." for number in range(15))
NOT_SAVED = "I cannot write to my memory right now"


@pytest.fixture
def stage(living: Stage) -> Iterator[Stage]:
    yield living
    living.reset()


@pytest_asyncio.fixture(loop_scope="module")
async def fresh(tmp_path: Path) -> AsyncIterator[Stage]:
    """A stage for one test, without a bot."""
    async with open_stage(tmp_path) as stage:
        yield stage


@asynccontextmanager
async def watched(bot: Bot, *options: str) -> AsyncIterator[None]:
    """Let strace look at the bot, or fail or delay its calls to the system, meanwhile."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    strace = await asyncio.create_subprocess_exec(
        *("strace", "-f", "-p", str(bot.process.pid), *options), stderr=asyncio.subprocess.PIPE
    )
    assert strace.stderr is not None
    said = (await strace.stderr.readline()).decode()
    if "attached" not in said:
        await strace.wait()
        pytest.skip(f"strace may not look at other processes here: {said.strip()}")
    try:
        yield
    finally:
        strace.send_signal(signal.SIGINT)
        await strace.communicate()


# Power loss


@dataclass(frozen=True)
class SystemCall:
    """One call to the system, as strace tells of it. Times are in seconds."""

    began: float
    took: float
    text: str

    @property
    def ended(self) -> float:
        return self.began + self.took

    def is_on(self, name: str, file: str = "") -> bool:
        return re.match(rf"{name}\(\d+<[^>]*{re.escape(file)}>", self.text) is not None


_LINE = re.compile(r"([\d.]+) (.*) <([\d.]+)>")


def calls(traces: Path) -> list[SystemCall]:
    """What strace wrote of each thread, in the order of time."""
    lines = [line for trace in traces.parent.glob(f"{traces.name}.*") for line in trace.read_text().splitlines()]
    found = [SystemCall(float(m[1]), float(m[3]), m[2]) for line in lines if (m := _LINE.fullmatch(line))]
    return sorted(found, key=lambda call: call.began)


async def test_what_is_accepted_is_on_the_disk_before_the_bot_says_a_word_of_it(
    stage: Stage, bot: Bot, tmp_path: Path
) -> None:
    channel = stage.channel()
    stage.model.levers.hang(0.3)  # who is answered at once sees no typing
    of_interest = "trace=pwrite64,fdatasync,fsync,sendto,sendmsg,write,writev"
    async with watched(bot, "-ff", "-ttt", "-T", "-y", "-s", "10000", "-e", of_interest, "-o", str(tmp_path / "trace")):
        await stage.ask(channel, "My canary is called Xyzzy.")
    seen = calls(tmp_path / "trace")
    log = [call for call in seen if call.is_on(r"\w+", "mnemo.db-wal")]
    written = next(call for call in log if call.is_on("pwrite64") and "canary is called Xyzzy" in call.text)
    synced = [call for call in log if call.is_on("f(?:data)?sync") and call.text.endswith("= 0")]
    first = min((call.ended for call in synced if call.began > written.ended), default=None)
    sent = [call for call in seen if call.is_on(r"(?:send|write)\w*") and not call.is_on(r"\w+", "mnemo.db-wal")]
    about = [call for call in sent if f"/channels/{channel}/" in call.text or "canary is called" in call.text]
    assert len(about) > 2, "typing, the prompt and the reply"
    assert first is not None, "nothing was synced"
    assert first < min(call.began for call in about)


# A slow disk


async def test_a_slow_disk_holds_up_nobody_who_does_not_write(stage: Stage, bot: Bot, tmp_path: Path) -> None:
    """A sync takes a second; meanwhile the bot hears, reads and answers, and all who wait share the next one."""
    quick, *slow = [stage.channel() for _ in range(9)]
    await stage.ask(quick, "My name is Nemo.")
    trace = tmp_path / "trace"
    async with watched(bot, "-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_enter=1000000", "-o", str(trace)):
        said = [await stage.tell(channel, "My name is Dory.") for channel in slow]
        await (await stage.world.slash(stage.nemo, quick, "memory show")).wait_answered()
        assert not any(stage.requests("POST", channel) for channel in slow), (
            "nothing is said of what is not on the disk"
        )
        await stage.until(lambda: all(stage.requests("POST", channel) for channel in slow))
    syncs = sum("= 0" in line for line in trace.read_text().splitlines())
    assert syncs < len(slow), "one after the other they take as many only to be heard"
    for channel, message in zip(slow, said, strict=True):
        await stage.answer(channel, message)
    await stage.until(lambda: stage.idle)


# A disk that fails


FAILING = {
    "full": ("pwrite64", "ENOSPC", "is full; make room on it"),
    "over its quota": ("pwrite64", "EDQUOT", "answers with errors"),
    "read-only after an error": ("pwrite64", "EROFS", "answers with errors"),
    "broken while it writes": ("pwrite64", "EIO", "answers with errors"),
    "broken while it syncs": ("fdatasync", "EIO", "answers with errors"),
}


@pytest.mark.parametrize("how", FAILING)
async def test_a_disk_that_fails_is_told_and_used_again(stage: Stage, bot: Bot, how: str) -> None:
    call, error, sentence = FAILING[how]
    channel = stage.channel()
    await stage.ask(channel, "My name is Nemo.")
    bot.log = ""
    async with watched(bot, "-e", f"trace={call}", "-e", f"inject={call}:error={error}", "-o", "/dev/null"):
        lost = await stage.tell(channel, f"This disk is {how}.")
        assert NOT_SAVED in await stage.answer(channel, lost)
    assert sentence in bot.log
    await stage.until(lambda: len(stage.shown(channel)) == 2 and NOT_SAVED not in stage.shown(channel)[1])
    assert "“My name is Nemo.”" in await stage.ask(channel, "What is my name?")
    await stage.until(lambda: stage.idle)
    assert stage.recall("SELECT count(*) FROM messages WHERE content = ?", f"This disk is {how}.") == [1]


@pytest.mark.parametrize("how", ["full", "broken while it syncs"])
async def test_a_disk_that_fails_while_a_reply_is_written_costs_nobody_the_reply(
    stage: Stage, bot: Bot, how: str
) -> None:
    call, error, sentence = FAILING[how]
    channel = stage.channel()
    stage.model.tokens_per_second = 200
    stage.model.levers.text(ONE_CHUNK, times=2)
    said = await stage.tell(channel, "Tell me a story")
    await stage.until(lambda: stage.shown(channel))
    bot.log = ""
    async with watched(bot, "-e", f"trace={call}", "-e", f"inject={call}:error={error}", "-o", "/dev/null"):
        await bot.logged(sentence)
    stage.model.tokens_per_second = None
    assert await stage.answer(channel, said) == ONE_CHUNK
    await stage.until(lambda: stage.idle)
    assert stage.shown(channel) == [ONE_CHUNK]
    assert stage.recall("SELECT count(*) FROM messages WHERE channel_id = ? AND content = ?", channel, ONE_CHUNK) == [1]


async def test_a_limit_on_the_size_of_files_is_told_and_lifted(stage: Stage, bot: Bot) -> None:
    channel = stage.channel()
    await stage.ask(channel, "My name is Nemo.")
    await stage.until(lambda: stage.idle)
    size = stage.database.with_name("mnemo.db-wal").stat().st_size
    resource.prlimit(bot.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        assert NOT_SAVED in await stage.answer(channel, await stage.tell(channel, "Too much " + "and more " * 150))
    finally:
        resource.prlimit(bot.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert "“My name is Nemo.”" in await stage.ask(channel, "What is my name?")
    await stage.until(lambda: stage.idle)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", folder], check=False).returncode:
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.torture
@pytest.mark.parametrize("checkpointed", [False, True], ids=["in the log", "while the log is written back"])
async def test_a_disk_that_runs_full_is_used_again_when_there_is_room(small_disk: Path, checkpointed: bool) -> None:
    async with open_stage(small_disk) as stage:
        bot = await stage.start()
        channel = stage.channel()
        stage.model.levers.text("Understood.", times=None)
        said: list[int] = []

        async def say_more() -> None:
            said.append(await stage.tell(channel, f"{len(said)} " + "words " * 300))
            await stage.until(lambda: stage.referring(channel, said[-1]) or "is full; make" in bot.log)

        log = stage.database.with_name("mnemo.db-wal")
        if checkpointed:  # a log that has its size already, and a database that has to grow when it is written back
            while log.stat().st_size < 4_000_000:
                await say_more()
        for free in (0, 300_000):
            with suppress(OSError), (small_disk / "ballast").open("wb") as ballast:
                ballast.write(bytes(shutil.disk_usage(small_disk).free - free))
            while "is full; make room on it" not in bot.log:
                await say_more()
            (small_disk / "ballast").unlink()
            await stage.answer(channel, said[-1])
            bot.log = ""
        await stage.ask(channel, "And now?")
        await stage.until(lambda: stage.idle)
        answers = {message: stage.referring(channel, message) for message in said}
        assert all(len(answer) == 1 for answer in answers.values())
        kept = {message for message, [answer] in answers.items() if NOT_SAVED not in answer}
        remembered = stage.recall("SELECT discord_id FROM messages WHERE role = 'user' AND content <> 'And now?'")
        assert set(remembered) == kept
        assert await bot.stop() == 0
        assert bot.trouble == []
        with closing(sqlite3.connect(stage.database)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


# A damaged database, and the way out


def spoil(path: Path, table: str) -> None:
    """Overwrite the page where a table begins, as a bad disk does."""
    with closing(sqlite3.connect(path)) as db:
        [page] = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
        [size] = db.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


async def told(stage: Stage, *command: str, code: int = 0, **settings: object) -> str:
    """What a command says before it ends with *code*."""
    ran = await stage.launch(*command, **settings)
    assert await ran.ended() == code, ran.log
    assert ran.trouble == []
    return ran.log + ran.output


async def test_a_damaged_database_ends_the_bot_and_a_backup_brings_it_back(fresh: Stage) -> None:
    bot = await fresh.start()
    channel = fresh.channel()
    await fresh.ask(channel, "My name is Nemo.")
    await fresh.until(lambda: fresh.idle)
    # A file that is to be used at night asks for no token, no model.
    bare = dict.fromkeys(("discord_token", "openai_api_key", "openai_base_url", "chat_model"), "")
    assert re.fullmatch(
        r"Backed up 2 messages \(0\.\d MB\) to night\.db\.\n", await told(fresh, "backup", "night.db", **bare)
    )
    in_use, bad_url = await asyncio.gather(
        told(fresh, "restore", "night.db", code=1),
        told(fresh, "backup", "x.db", code=2, database_url="mysql://x", **bare),
    )
    assert "A Mnemo is running on data/mnemo.db; stop it first." in in_use
    assert "DATABASE_URL must look like" in bad_url
    assert await bot.stop() == 0

    spoil(fresh.database, "tombstones")
    bot = await fresh.start()
    asked = await fresh.tell(channel, "What is my name?")
    assert await bot.ended() == 1
    assert (
        "is damaged; it was kept as it is. Stop Mnemo and put a backup in its place: python -m bot restore" in bot.log
    )
    assert bot.trouble == []
    spoilt = fresh.database.read_bytes()
    diagnosis, no_backup = await asyncio.gather(
        told(fresh, "doctor", code=1), told(fresh, "backup", "night.db", code=1)
    )
    assert re.search(r"FAIL +database +The database .* is damaged.* restore", diagnosis)
    assert "is damaged" in no_backup

    assert "Restored 2 messages" in await told(fresh, "restore", "night.db", **bare)
    [kept] = fresh.database.parent.glob("mnemo.replaced-*.db")
    assert kept.read_bytes() == spoilt
    bot = await fresh.start()
    assert "“My name is Nemo.”" in await fresh.answer(channel, asked), "what was said to the damaged one is caught up"
    assert await bot.stop() == 0
