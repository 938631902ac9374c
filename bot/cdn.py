"""Fetches what people attached, from Discord's CDN and from nowhere else. What is in a file is not its business."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import yarl

from bot.errors import FileProblem
from bot.ports import Fetched

if TYPE_CHECKING:
    from zlib import _Decompress

#: Discord's own bound for people who do not pay, https://discord.com/developers/docs/reference#uploading-files.
MOST_BYTES = 10 * 1024 * 1024

#: In seconds: for a whole file, and for its next piece.
FETCH_SECONDS = 15.0
PIECE_SECONDS = 8.0

#: So many files are fetched at once, for all channels together.
AT_ONCE = 4

NOT_DISCORDS = "it is not at Discord's address, so I did not fetch it."
GONE = "Discord does not have it any more: send it again."
TOO_SLOW = "it did not arrive in time: send it again."
NOT_FETCHED = "it could not be fetched: send it again."
TOO_LARGE = f"it has more than the {MOST_BYTES // 1024**2} MB that I take."
PACKED = "it came packed in a way that I do not know."

_GONE_STATUSES = frozenset({401, 403, 404, 410})
_PIECE_BYTES = 64 * 1024
# zlib takes both of these; a header tells it which one it is.
_ENCODINGS = frozenset({"gzip", "x-gzip", "deflate"})
_ANY_HEADER = zlib.MAX_WBITS | 32


class Cdn:
    """Discord's CDN at *url*. A file may take *seconds*."""

    def __init__(self, session: aiohttp.ClientSession, url: str, seconds: float = FETCH_SECONDS) -> None:
        self._session = session
        self._url = yarl.URL(url)
        self._seconds = seconds
        self._places = asyncio.Semaphore(AT_ONCE)

    async def fetch(self, url: str) -> Fetched:
        """Return the first MOST_BYTES of a file. Raises :class:`bot.errors.FileProblem`."""
        address = self._checked(url)
        try:
            async with asyncio.timeout(self._seconds), self._places:
                return await self._fetch(address)
        except TimeoutError:
            raise FileProblem(TOO_SLOW) from None
        except (aiohttp.ClientError, OSError, zlib.error):
            raise FileProblem(NOT_FETCHED) from None

    def _checked(self, url: str) -> yarl.URL:
        try:
            address = yarl.URL(url)
            is_discords = address.origin() == self._url.origin() and address.user is None
        except ValueError:
            is_discords = False
        if not is_discords or not address.path.startswith(self._url.path.rstrip("/") + "/"):
            raise FileProblem(NOT_DISCORDS)
        return address

    async def _fetch(self, address: yarl.URL) -> Fetched:
        async with self._session.get(address, allow_redirects=False) as response:
            if response.status in _GONE_STATUSES:
                raise FileProblem(GONE)
            if response.status != 200:  # a redirect, too: it may lead anywhere
                raise FileProblem(NOT_FETCHED)
            data = bytearray()
            async for piece in _unpacked(response):
                data += piece
                if len(data) > MOST_BYTES:
                    return Fetched(bytes(data[:MOST_BYTES]), is_whole=False)
            return Fetched(bytes(data), is_whole=True)


async def _unpacked(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Yield the body as it comes. Of a piece that came packed no more is unpacked than anyone wants."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in _ENCODINGS | {"identity"}:
        raise FileProblem(PACKED)
    unpacker: _Decompress | None = zlib.decompressobj(_ANY_HEADER) if encoding in _ENCODINGS else None
    async for piece in response.content.iter_chunked(_PIECE_BYTES):
        yield unpacker.decompress(piece, MOST_BYTES + 1) if unpacker else piece
    if unpacker and not unpacker.eof:
        raise FileProblem(NOT_FETCHED)


@asynccontextmanager
async def open_cdn(url: str, seconds: float = FETCH_SECONDS) -> AsyncIterator[Cdn]:
    """Open connections to the CDN at *url*, and close them. They carry no token and keep no cookies."""
    async with aiohttp.ClientSession(
        # What is asked for as it is seldom comes packed; where it does, it is unpacked here, within bounds.
        headers={"Accept-Encoding": "identity"},
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=PIECE_SECONDS, sock_read=PIECE_SECONDS),
    ) as session:
        yield Cdn(session, url, seconds)
