"""A program under measurement: started as a process of its own, its CPU and memory read from ``/proc``.

What is measured, and of which program, is in the scripts beside this file.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from playground.discord import World

ROOT = Path(__file__).parents[1]

#: How long a program may take to come online, or to stop, in seconds.
PATIENCE = 120.0

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_UTIME = 11  # the first field that counts here, of those after the program's name: see proc(5)


class Program:
    """A process that runs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @property
    def cpu_seconds(self) -> float:
        """The CPU that it has used so far, in user and kernel mode."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[_UTIME]) + int(fields[_UTIME + 1])) / _TICKS

    @property
    def resident_mb(self) -> float:
        """Its resident memory, in MB of a million bytes."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * _PAGE / 1e6


@asynccontextmanager
async def running(
    module: str, arguments: Sequence[str], environment: dict[str, str], folder: Path
) -> AsyncIterator[Program]:
    """Run ``python -m module`` in *folder*; raise RuntimeError with its log if it has ended by itself."""
    with (folder / "log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *arguments),
            cwd=folder,
            env={"PYTHONPATH": str(ROOT), **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            yield Program(process)
        finally:
            if process.returncode is None:
                process.terminate()
            async with asyncio.timeout(PATIENCE):
                await process.wait()


def settings(api_url: str, gateway_url: str, model_url: str, **more: str) -> dict[str, str]:
    """The environment of a bot on the playground's servers."""
    return {
        "DISCORD_TOKEN": World.BOT_TOKEN,
        "DISCORD_API_URL": api_url,
        "DISCORD_GATEWAY_URL": gateway_url,
        "OPENAI_BASE_URL": model_url,
        "CHAT_MODEL": "little-model",
        "TOKENIZER": "estimate",
        **more,
    }
