"""Files are fetched from Discord's CDN and from nowhere else, whatever its servers do."""

from __future__ import annotations

import gzip
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from bot.cdn import GONE, MOST_BYTES, NOT_DISCORDS, NOT_FETCHED, PACKED, TOO_SLOW, Cdn, open_cdn
from bot.errors import FileProblem
from playground.discord import LittleDiscord, World
from playground.discord.levers import FileAnswer
from tests import attached

TEXT = b"The treasure lies beneath the oak. " * 1000


class Place:
    """A file on the little Discord's CDN, and the one who fetches it."""

    def __init__(self, discord: LittleDiscord, cdn: Cdn, url: str) -> None:
        self.discord, self.cdn, self.url = discord, cdn, url

    def answers(self, **answer: object) -> None:
        self.discord.levers.files = FileAnswer(**answer)  # type: ignore[arg-type]  # a test's own

    async def problem(self, url: str | None = None) -> str:
        with pytest.raises(FileProblem) as caught:
            await self.cdn.fetch(url or self.url)
        return str(caught.value)


@asynccontextmanager
async def open_place(seconds: float) -> AsyncIterator[Place]:
    world = World.open(None)
    world.seed()
    try:
        async with LittleDiscord(world) as discord, open_cdn(discord.cdn_url, seconds) as cdn:
            channel = world.create_channel("files")
            said = await world.say(world.user_id("nemo"), channel, "look", attachments=[("notes.txt", "", TEXT)])
            yield Place(discord, cdn, said["attachments"][0]["url"])
    finally:
        world.close()


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    async with open_place(seconds=0.6) as place:
        yield place


async def test_a_file_comes_as_it_is(place: Place) -> None:
    assert await place.cdn.fetch(place.url) == (fetched := await place.cdn.fetch(place.url))
    assert (fetched.data, fetched.is_whole) == (TEXT, True)


async def test_of_a_large_file_the_beginning_comes(place: Place) -> None:
    place.answers(body=bytes(MOST_BYTES + 1))
    fetched = await place.cdn.fetch(place.url)
    assert (len(fetched.data), fetched.is_whole) == (MOST_BYTES, False)


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
async def test_what_comes_packed_is_unpacked(place: Place, pack: object) -> None:
    assert callable(pack)
    place.answers(body=pack(TEXT), headers={"Content-Encoding": "gzip" if pack is gzip.compress else "deflate"})
    assert (await place.cdn.fetch(place.url)).data == TEXT


async def test_a_bomb_is_unpacked_no_further_than_anyone_wants(place: Place) -> None:
    place.answers(body=attached.packed(200_000_000), headers={"Content-Encoding": "deflate"})
    fetched = await place.cdn.fetch(place.url)
    assert (len(fetched.data), fetched.is_whole) == (MOST_BYTES, False)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"status": 404}, GONE),
        ({"status": 403}, GONE),
        ({"status": 500}, NOT_FETCHED),
        ({"status": 302, "headers": {"Location": "/cdn/elsewhere"}}, NOT_FETCHED),
        ({"headers": {"Content-Encoding": "gzip"}}, NOT_FETCHED),
        ({"headers": {"Content-Encoding": "gzip"}, "body": gzip.compress(TEXT)[:-20]}, NOT_FETCHED),
        ({"headers": {"Content-Encoding": "br"}}, PACKED),
        ({"seconds": 5.0}, TOO_SLOW),
        ({"pause": 0.1}, TOO_SLOW),
    ],
)
async def test_each_way_to_fail_is_one_sentence(place: Place, answer: dict[str, object], sentence: str) -> None:
    place.answers(**answer)
    started = time.monotonic()
    assert await place.problem() == sentence
    assert time.monotonic() - started < 3


async def test_nothing_is_fetched_from_anywhere_else(place: Place) -> None:
    asked: list[str] = []

    async def remember(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(text="caught")

    app = web.Application()
    app.router.add_get("/{path:.*}", remember)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    other = f"127.0.0.1:{runner.addresses[0][1]}"
    ours = place.url.partition("//")[2].partition("/")[0]
    try:
        for url in (
            f"http://{other}/cdn/attachments/1/2/notes.txt",
            f"http://{ours}@{other}/cdn/attachments/1/2/notes.txt",
            place.url.replace("http://", "http://somebody:else@"),
            place.url.replace("http://", "https://"),
            place.url.replace("127.0.0.1", "localhost"),
            place.url.replace("/cdn/", "/api/v10/"),
            place.url.replace("/cdn/", "/cdn/../api/v10/"),
            place.url.replace("/cdn/", "/cdnx/"),
            "file:///etc/passwd",
            "http://[",
            "notes.txt",
            "",
        ):
            if url:
                assert await place.problem(url) == NOT_DISCORDS, url
        place.answers(status=302, headers={"Location": f"http://{other}/stolen"})
        assert await place.problem() == NOT_FETCHED
    finally:
        await runner.cleanup()
    assert asked == []


async def test_who_is_gone_is_told_as_such() -> None:
    async with open_cdn("http://127.0.0.1:9/cdn") as cdn:
        with pytest.raises(FileProblem) as caught:
            await cdn.fetch("http://127.0.0.1:9/cdn/attachments/1/2/notes.txt")
    assert str(caught.value) == NOT_FETCHED
