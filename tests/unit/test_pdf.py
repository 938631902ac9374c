"""PDFs are read in a process of their own, which does not live longer than it may, whatever the file is made to do."""

from __future__ import annotations

import asyncio
import threading
import time
from pathlib import Path

import pytest

from bot.errors import FileProblem
from bot.pdf import ENCRYPTED, NO_TEXT, UNREADABLE, PdfReader
from tests import attached


async def test_the_text_of_all_pages_is_read() -> None:
    assert await PdfReader().read(attached.pdf("The oak.", "The chest."), 1_000) == ("The oak.\n\nThe chest.", None)


async def test_no_more_is_read_than_is_wanted() -> None:
    text, problem = await PdfReader().read(attached.pdf(*(f"Page {number}." for number in range(150))), 20)
    assert text.startswith("Page 0.")
    assert len(text) == 20
    text, problem = await PdfReader().read(attached.pdf(*(f"Page {number}." for number in range(150))), 10_000)
    assert "Page 99." in text
    assert "Page 100." not in text
    assert problem == "I read the first 100 of its 150 pages."


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (attached.encrypted_pdf(), ENCRYPTED),
        (attached.pdf(""), NO_TEXT),
        (b"%PDF-1.7\nnothing", UNREADABLE),
        (attached.pdf("cut short")[:300], UNREADABLE),
    ],
)
async def test_what_cannot_be_read_is_one_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(FileProblem) as caught:
        await PdfReader().read(data, 1_000)
    assert str(caught.value) == sentence


async def test_a_page_that_explodes_costs_a_process_of_its_own() -> None:
    with pytest.raises(FileProblem, match="broken, or it takes more"):
        await PdfReader().read(attached.exploding_pdf(), 1_000)


async def test_a_pdf_that_never_ends_is_ended_while_the_bot_goes_on() -> None:
    data = attached.endless_pdf()
    longest = 0.0

    async def live() -> None:
        nonlocal longest
        while True:
            started = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - started)

    living = asyncio.create_task(live())
    with pytest.raises(FileProblem, match="broken, or it takes more"):
        await PdfReader(seconds=1.5).read(data, 1_000_000)
    living.cancel()
    assert longest < 1.0
    assert workers() == []


async def test_who_gives_up_leaves_no_process_behind() -> None:
    reading = asyncio.create_task(PdfReader().read(attached.endless_pdf(), 1_000_000))
    await started()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    assert workers() == []


async def test_the_process_knows_no_token_and_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "very secret")
    reading = asyncio.create_task(PdfReader().read(attached.endless_pdf(), 1_000_000))
    environment = environment_of(await started())
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    assert b"PATH=" in environment
    assert b"secret" not in environment


async def started() -> str:
    """The process that reads, once there is one."""
    for _ in range(1_000):
        if found := workers():
            [worker] = found
            return worker
        await asyncio.sleep(0.01)
    raise AssertionError("no process was started")


def workers() -> list[str]:
    """The processes that read for us and are still there."""
    children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
    return [child for child in children if b"pdf_worker.py" in Path(f"/proc/{child}/cmdline").read_bytes()]


def environment_of(process: str) -> bytes:
    return Path(f"/proc/{process}/environ").read_bytes()
