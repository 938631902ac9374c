"""``make play`` as a person starts it: the program as a process, with everything real inside."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.model import MODEL, LittleModel

PLAY = [sys.executable, "-m", "playground"]
SECONDS = 40
only_linux = pytest.mark.skipif(sys.platform != "linux", reason="the kernel ends orphans on Linux only")


def play(lines: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Play to the end, with these lines on standard input."""
    return subprocess.run(
        [*PLAY, *arguments], input=lines, capture_output=True, text=True, timeout=SECONDS, check=False
    )


class Playing:
    """A run with the bot online, waiting for lines."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            PLAY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stderr is not None
        assert any("online" in line for line in self.process.stderr)
        (self.bot,) = map(int, Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split())

    def ended(self) -> tuple[int, str]:
        """The exit code, and what was said on standard error."""
        code = self.process.wait(timeout=SECONDS)
        return code, self.process.communicate()[1]


@pytest.fixture
def playing() -> Iterator[Playing]:
    started = Playing()
    yield started
    started.process.kill()
    started.process.communicate()


def is_running(pid: int) -> bool:
    """Whether it is a bot that is neither gone nor a zombie."""
    try:
        return b"bot" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def wait_until_gone(pid: int, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while is_running(pid):
        assert time.monotonic() < end, "the bot was left behind"
        time.sleep(0.05)


def test_it_remembers_over_runs_until_it_is_asked_to_start_afresh(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DISCORD_TOKEN=a-real-token\nREPLY_MODE=nonsense\n")

    first = play("My name is Nemo.\nWhat is my name?\n")
    again = play("What is my name?")
    fresh = play("What is my name?\n", "--fresh")

    assert (first.returncode, again.returncode, fresh.returncode) == (0, 0, 0), first.stderr
    assert "Nemo" in first.stdout.splitlines()[-1]
    assert "Nemo" in again.stdout
    assert "Nemo" not in fresh.stdout
    assert "http://127.0.0.1:" in first.stderr
    assert "Traceback" not in first.stderr + again.stderr + fresh.stderr
    assert {path.name for path in tmp_path.iterdir()} == {".env", "data"}


def test_without_lines_it_ends_at_once() -> None:
    ended = play("")

    assert (ended.returncode, ended.stdout) == (0, "")


@only_linux
def test_only_one_plays_at_a_time_and_a_signal_ends_everything(playing: Playing) -> None:
    second = play("")

    assert second.returncode == 1
    assert second.stderr == "make play is running here already: use its page, or stop it first.\n"

    started = time.monotonic()
    playing.process.send_signal(signal.SIGTERM)
    assert playing.ended()[0] == 0
    assert time.monotonic() - started < 8
    assert not is_running(playing.bot)


@only_linux
def test_the_bot_does_not_outlive_a_play_that_was_killed(playing: Playing) -> None:
    playing.process.kill()

    wait_until_gone(playing.bot)


@only_linux
def test_a_bot_that_dies_ends_play(playing: Playing) -> None:
    os.kill(playing.bot, signal.SIGKILL)

    code, err = playing.ended()
    assert code == 1
    assert "Mnemo ended by itself, with exit code -9." in err


def test_a_real_model_without_a_name_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "key")

    ended = play("Hello?")

    assert ended.returncode == 2
    assert ended.stderr.startswith("CHAT_MODEL is missing")
    assert len(ended.stderr.splitlines()) == 1


async def test_a_real_model_is_talked_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with LittleModel(tokens_per_second=None) as real:
        monkeypatch.setenv("OPENAI_BASE_URL", real.base_url)
        (tmp_path / ".env").write_text(f"CHAT_MODEL={MODEL}\n")
        ended = await asyncio.to_thread(play, "My name is Nemo.\nWhat is my name?\n")

        assert ended.returncode == 0, ended.stderr
        assert "Nemo" in ended.stdout
        assert [request.body["model"] for request in real.requests if "model" in request.body] == [MODEL, MODEL]
