"""Bots that start in a third of the time: a process that has loaded the libraries of the bot, and forks for each.

Loading them is most of what a start costs, and the tests start hundreds. What is forked is ``python -m bot`` from there on, in a
process of its own that ends as any: only what libraries read from the environment while they are loaded is the server's.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]

#: What a bot in the tests warns of; read before anything is loaded.
WARNINGS = {"PYTHONWARNINGS": "always::ResourceWarning,always::RuntimeWarning"}

_LIBRARIES = (
    "discord.ext.commands",
    "httpx2",
    "openai",
    "pydantic_settings",
    "pythonjsonlogger.json",
    "tenacity",
    "wcwidth",
)


class ForkServer:
    """The process, seen from the tests."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            command = (sys.executable, "-m", "tests.sockets.fork_server", str(theirs.fileno()))
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=os.environ | WARNINGS, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()]
            )

    async def start(self, folder: Path, environment: dict[str, str]) -> ForkedProcess:
        """Start a bot in *folder*."""
        pipes = [os.pipe() for _ in range(3)]
        order = json.dumps({"folder": str(folder), "environment": environment}).encode()
        socket.send_fds(self._socket, [len(order).to_bytes(4) + order], [writing for _, writing in pipes])
        for _, writing in pipes:
            os.close(writing)
        stdout, stderr, told = [await _reader(reading) for reading, _ in pipes]
        return ForkedProcess(int(await told.readline()), stdout, stderr, told)

    def close(self) -> None:
        """End it; the bots that it started do not end with it."""
        self._socket.close()
        self._process.wait()


class ForkedProcess:
    """What the tests use of ``asyncio.subprocess.Process``, for a process that is another's child."""

    def __init__(
        self, pid: int, stdout: asyncio.StreamReader, stderr: asyncio.StreamReader, told: asyncio.StreamReader
    ) -> None:
        self.pid = pid
        self.stdout = stdout
        self.stderr = stderr
        self._ending = asyncio.ensure_future(told.read())

    @property
    def returncode(self) -> int | None:
        """As asyncio's: negative after a signal, None while it runs."""
        return int(self._ending.result()) if self._ending.done() else None

    async def wait(self) -> int:
        """Wait until it has ended."""
        return int(await asyncio.shield(self._ending))

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if not self._ending.done():
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it without a word."""
        self.send_signal(signal.SIGKILL)


async def _reader(pipe: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(pipe, "rb", 0)
    )
    return reader


# in the server's process


def _next_bot(orders: socket.socket) -> dict[str, Any]:
    """Fork for each order, and return it in the process that is to be that bot."""
    while True:
        length, pipes, *_ = socket.recv_fds(orders, 4, 3)
        if not length:
            sys.exit()
        order = orders.recv(int.from_bytes(length), socket.MSG_WAITALL)
        if os.fork() == 0:
            _be_watched(*pipes)
            return dict(json.loads(order))
        for pipe in pipes:
            os.close(pipe)


def _be_watched(stdout: int, stderr: int, told: int) -> None:
    """Return in a process whose parent tells its pid, and how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if pid := os.fork():
        os.close(stdout)
        os.close(stderr)
        os.write(told, f"{pid}\n".encode())
        _, status = os.waitpid(pid, 0)
        os.write(told, str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    os.close(told)
    for pipe, standard in ((stdout, 1), (stderr, 2)):
        os.dup2(pipe, standard)
        os.close(pipe)


def _main() -> None:
    for library in _LIBRARIES:
        importlib.import_module(library)
    gc.freeze()  # else looking for garbage would copy every page that is shared
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how those ended who wait for the bots
    with socket.socket(fileno=int(sys.argv[1])) as orders:
        order = _next_bot(orders)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = ["bot", "run"]
    runpy.run_module("bot", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
