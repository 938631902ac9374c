"""Half an hour of people who talk while everything around the bot fails now and then: it grows no larger, keeps nothing open, and
says of every error what it was.

The faults are those of ``FAULTS``, one at a time and at random; each passes. What holds in the end is in ``audit.py``.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import statistics
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tests.sockets.audit import Auditor
from tests.sockets.conftest import SLOW_DATABASE, Bot, Stage, open_stage
from tests.sockets.load import Load

CHANNELS = 20
SETTINGS = {"reply_mode": "listen", "memory_max_tokens": 1500}

#: The first third is for what a program learns and keeps once. Who tries it out sets SOAK_MINUTES.
MINUTES = float(os.environ.get("SOAK_MINUTES", "30"))

#: How much more memory the last third may need than the one before.
FLAT = 1.05

#: Longer than either pool keeps a connection that is not needed (the model: 30), and what may be open of one reply.
IDLE_SECONDS = 40.0
SPARE_FILES = 5

SAMPLE_SECONDS = 5.0
FAULT_EVERY_SECONDS = 10.0

MESSAGES = "/channels/*/messages"

#: How long a fault of the disk lasts, and how long each of the database's works takes when it is slow.
DISK_FAULT_SECONDS = 3.0
SLOW_SECONDS = 0.1

#: A bot that writes what its tasks are to a file `tasks` when it gets the signal, and whose disk can be slow.
WATCHED = (
    """
import asyncio, signal
from pathlib import Path
def tell(*_):
    names = [task.get_coro().__qualname__ for task in asyncio.all_tasks()]
    Path("tasks.new").write_text("\\n".join(names))
    Path("tasks.new").rename("tasks")
signal.signal(signal.SIGUSR1, tell)
"""
    + SLOW_DATABASE
)


def lock(stage: Stage) -> None:
    """Let another program hold the database's lock for a while."""
    other = sqlite3.connect(stage.database, isolation_level=None)
    with suppress(sqlite3.OperationalError):  # the bot kept it busy
        other.execute("BEGIN IMMEDIATE")
    asyncio.get_running_loop().call_later(DISK_FAULT_SECONDS, other.close)


def slow_down(stage: Stage) -> None:
    """Let the disk be slow for a while."""
    (stage.folder / "slow").write_text(str(SLOW_SECONDS))
    asyncio.get_running_loop().call_later(DISK_FAULT_SECONDS, lambda: (stage.folder / "slow").unlink(missing_ok=True))


#: What happens to the bot, by name.
FAULTS: dict[str, Callable[[Stage], None]] = {
    "a message is not taken": lambda stage: stage.discord.levers.fail("POST", MESSAGES, status=503, times=2),
    "word of a message does not come": lambda stage: stage.discord.levers.cut("POST", MESSAGES, after=True),
    "an edit is refused for now": lambda stage: stage.discord.levers.fail("PATCH", f"{MESSAGES}/*", status=429),
    "an edit hangs": lambda stage: stage.discord.levers.hang("PATCH", f"{MESSAGES}/*", seconds=3),
    "the gateway drops": lambda stage: stage.discord.levers.drop_gateway(),
    "the gateway asks to reconnect": lambda stage: stage.discord.levers.ask_reconnect(),
    "the model breaks off": lambda stage: stage.model.levers.status(500),
    "the model hangs": lambda stage: stage.model.levers.hang(3),
    "another program locks the database": lock,
    "the disk is slow": slow_down,
}

#: The lines of the log above INFO that a fault explains. Whatever else is said there fails the test.
EXPLAINED = (
    "We are being rate limited",
    "Attempting a reconnect",
    "The connection to Discord ended early",
    "the model gave no reply",
    "no summary could be made",
    "What is to be written waits for it",
)


@pytest.mark.torture
@pytest.mark.timeout((MINUTES + 10) * 60)
async def test_half_an_hour_of_faults_leaves_nothing_behind(tmp_path: Path, chance: random.Random) -> None:
    async with open_stage(tmp_path) as stage:
        auditor = Auditor(stage, remembers_all=True, model_fails=True)
        load = Load(stage, auditor, chance, channels=CHANNELS, pause=1.0)
        bot = await stage.start(script=WATCHED, **SETTINGS)
        open_before, tasks_before = open_files(bot), await tasks(stage)
        assert tasks_before, "a bot listens"
        memory: list[float] = []
        async with load.running():
            ends = time.monotonic() + MINUTES * 60
            next_fault = time.monotonic()
            while time.monotonic() < ends:
                if time.monotonic() >= next_fault:
                    FAULTS[chance.choice(list(FAULTS))](stage)
                    next_fault += FAULT_EVERY_SECONDS
                await asyncio.sleep(SAMPLE_SECONDS)
                memory.append(resident(bot))
        stage.discord.levers.clear()
        stage.model.tokens_per_second = None
        await auditor.satisfied()
        third = len(memory) // 3
        before, last = memory[third : 2 * third], memory[2 * third :]
        assert statistics.mean(last) < FLAT * statistics.mean(before)
        await asyncio.sleep(IDLE_SECONDS)
        await load.tell(load.channels[0], 0)  # a pool closes what it does not need when it is asked for something
        await auditor.satisfied()
        assert open_files(bot) <= open_before + SPARE_FILES
        assert await tasks(stage) - tasks_before == Counter()
        assert await bot.stop() == 0
        assert unexplained(bot) == []
        assert auditor.complaints() == []


def resident(bot: Bot) -> float:
    """The memory of the process, in bytes."""
    status = Path(f"/proc/{bot.process.pid}/status").read_text()
    return 1024.0 * int(status.split("VmRSS:")[1].split()[0])


def open_files(bot: Bot) -> int:
    return len(list(Path(f"/proc/{bot.process.pid}/fd").iterdir()))


async def tasks(stage: Stage) -> Counter[str]:
    """What tasks there are, by what they run."""
    told = stage.folder / "tasks"
    told.unlink(missing_ok=True)
    stage.bots[-1].process.send_signal(signal.SIGUSR1)
    await stage.until(told.exists)
    return Counter(told.read_text().splitlines())


def unexplained(bot: Bot) -> list[str]:
    """The lines that tell of trouble and that no fault explains."""
    loud = [line for line in bot.log.splitlines() if " WARNING " in line or " ERROR " in line]
    return bot.trouble + [line for line in loud if not any(words in line for words in EXPLAINED)]
