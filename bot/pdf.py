"""Reads PDFs, each in a process of its own (``pdf_worker.py``) that is ended when it takes too long."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

from bot.errors import FileProblem

#: In seconds, the start of Python included.
READ_SECONDS = 15.0
MOST_PAGES = 100

#: So many are read at once, for all channels together.
AT_ONCE = 2

_WORKER = Path(__file__).with_name("pdf_worker.py")
#: What the worker is told of our environment: what Python needs, and neither token nor key.
_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "SYSTEMROOT", "LD_LIBRARY_PATH")

ENCRYPTED = "it is encrypted."
NO_TEXT = "there is no text in it, only pictures perhaps."
UNREADABLE = "it is broken, or it takes more time and memory to read than I give it."
PAGES_LEFT = "I read the first {read:,} of its {pages:,} pages."


class PdfReader:
    """Reads PDFs, a few at a time. Each may take *seconds*."""

    def __init__(self, seconds: float = READ_SECONDS) -> None:
        self._seconds = seconds
        self._places = asyncio.Semaphore(AT_ONCE)

    async def read(self, data: bytes, characters: int) -> tuple[str, str | None]:
        """Return the text, *characters* at most, and what was left out. Raises :class:`bot.errors.FileProblem`."""
        try:
            async with asyncio.timeout(self._seconds), self._places:
                answer = await self._ask_worker(data, characters)
        except TimeoutError:
            raise FileProblem(UNREADABLE) from None
        if "problem" in answer:
            raise FileProblem(ENCRYPTED)
        text, read, pages = str(answer["text"]), answer["read"], answer["pages"]
        if not text.strip():
            raise FileProblem(NO_TEXT)
        return text, PAGES_LEFT.format(read=read, pages=pages) if read != pages else None

    async def _ask_worker(self, data: bytes, characters: int) -> dict[str, object]:
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", str(_WORKER), str(characters), str(MOST_PAGES)),
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
        )
        try:
            output, _ = await worker.communicate(data)
        finally:
            if worker.returncode is None:
                worker.kill()
                await worker.wait()
        if worker.returncode:
            raise FileProblem(UNREADABLE)
        answer: dict[str, object] = json.loads(output)
        return answer
