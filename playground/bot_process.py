"""The bot as a process of its own: started, listened to, and stopped without leaving anything behind.

What it is told by its environment is in ``environment.py``.
"""

from __future__ import annotations

import asyncio
import ctypes
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

#: The bot stops within 8 seconds of a SIGTERM; one that has not after these is killed.
STOP_SECONDS = 10.0
_PREFIX = "mnemo | "
#: From <linux/prctl.h>: the signal that a process gets when its parent dies.
_PR_SET_PDEATHSIG = 1


class BotProcess:
    """``python -m bot run`` in *folder*, up as long as the context is open. What it prints goes to standard error."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._environment = environment
        self._folder = folder

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "bot", "run"),
            env=self._environment,
            cwd=self._folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C in the terminal is ours; we pass it on when everyone else has stopped
            preexec_fn=_lifeline(),
        )
        self._passing_on = asyncio.create_task(self._pass_on(), name="bot-output")
        return self

    async def wait(self) -> int:
        """The exit code, once it has ended by itself; everything that it printed is out by then."""
        code = await self._process.wait()
        await self._passing_on
        return code

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
        await self._passing_on

    async def _pass_on(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            print(_PREFIX + line.decode(errors="replace").rstrip(), file=sys.stderr, flush=True)


def _lifeline() -> Callable[[], None] | None:
    """Ends the bot when we are killed and cannot; on Linux, where the kernel does that."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    return lambda: libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
