"""One WebSocket of the gateway: framing, compression, heartbeats, and the order in which things may be said.

What a session is sent is in ``session.py``; which sessions there are, in ``hall.py``.
Source: https://docs.discord.com/developers/events/gateway
"""

from __future__ import annotations

import asyncio
import json
import time
import zlib
from collections import deque
from collections.abc import Callable
from enum import IntEnum
from typing import Any

from aiohttp import WSMsgType, web

from playground.discord.gateway.session import Session
from playground.discord.levers import Levers
from playground.discord.records import Json

#: A client may send so many bytes in one payload, and so many payloads in a minute.
MAX_PAYLOAD_BYTES, MAX_PAYLOADS, _MINUTE = 4096, 120, 60.0
#: A client that misses two heartbeats is taken for dead.
_MISSED_HEARTBEATS = 2.5
#: A heartbeat's acknowledgement takes as long as on a network. discord.py notes when it sent one only after that is done: with
#: an answer before then, it measures from the heartbeat before, and warns that it cannot keep up.
HEARTBEAT_ACK_SECONDS = 0.05
#: A close frame has room for so much.
_MAX_REASON_BYTES = 123
#: How long a client has to answer that the connection is closed.
_GOODBYE_SECONDS = 1.0


class Op(IntEnum):
    """What a payload is."""

    DISPATCH = 0
    HEARTBEAT = 1
    IDENTIFY = 2
    PRESENCE = 3
    RESUME = 6
    RECONNECT = 7
    REQUEST_MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11


class CloseCode(IntEnum):
    """Why the gateway closes a connection."""

    UNKNOWN_ERROR = 4000
    UNKNOWN_OPCODE = 4001
    DECODE_ERROR = 4002
    NOT_AUTHENTICATED = 4003
    AUTHENTICATION_FAILED = 4004
    ALREADY_AUTHENTICATED = 4005
    INVALID_SEQUENCE = 4007
    RATE_LIMITED = 4008
    SESSION_TIMED_OUT = 4009
    INVALID_SHARD = 4010
    INVALID_VERSION = 4012
    INVALID_INTENTS = 4013
    DISALLOWED_INTENTS = 4014


class Refused(Exception):
    """Close the connection with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code, self.reason = code, reason


class Connection:
    """One client. It hands each payload to *handle*, which may raise :class:`Refused`."""

    def __init__(self, request: web.Request, heartbeat_seconds: float, levers: Levers) -> None:
        self.session: Session | None = None
        #: Whether the client said goodbye (1000, 1001), which ends its session as well.
        self.ended_by_client = False
        #: Whether nothing is sent any more.
        self.silent = False
        #: The code with which we close it.
        self.closed_with: int | None = None
        self._request = request
        self._socket = web.WebSocketResponse(timeout=_GOODBYE_SECONDS, compress=False)
        self._heartbeat_seconds = heartbeat_seconds
        self._levers = levers
        self._compressor = zlib.compressobj() if request.query.get("compress") == "zlib-stream" else None
        #: Texts to send; a tuple closes.
        self._outbox: asyncio.Queue[str | tuple[int, str]] = asyncio.Queue()
        self._received: deque[float] = deque()

    async def serve(self, handle: Callable[[Connection, Op, Any], None]) -> web.WebSocketResponse:
        """Talk until one of both ends it."""
        await self._socket.prepare(self._request)
        writer = asyncio.create_task(self._write(), name="little-discord-gateway-writer")
        try:
            self.say(Op.HELLO, {"heartbeat_interval": int(self._heartbeat_seconds * 1000), "_trace": []})
            self._check_query()
            await self._read(handle)
        except Refused as refused:
            self.close(refused.code, refused.reason)
        finally:
            if self.closed_with:  # what is still to be said ends with the reason why
                await asyncio.wait([writer], timeout=_GOODBYE_SECONDS)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        return self._socket

    def say(self, op: Op, data: Any = None) -> None:
        """Send something that is not an event."""
        self.send(json.dumps({"op": int(op), "d": data, "s": None, "t": None}))

    def acknowledge(self) -> None:
        """Answer a heartbeat, a little later; on a connection that is closed by then, nobody hears it."""
        asyncio.get_running_loop().call_later(HEARTBEAT_ACK_SECONDS, self.say, Op.HEARTBEAT_ACK)

    def send(self, text: str) -> None:
        """Send a payload; returns at once."""
        self._outbox.put_nowait(text)

    def close(self, code: int, reason: str) -> None:
        """Close, after everything that was sent."""
        self.closed_with = code
        self._outbox.put_nowait((code, reason))

    def tear(self) -> None:
        """Break the connection off, as a network does."""
        if self._request.transport:
            self._request.transport.abort()

    async def _write(self) -> None:
        while True:
            item = await self._outbox.get()
            try:
                if self.silent:
                    continue
                if isinstance(item, tuple):
                    await self._socket.close(code=item[0], message=item[1].encode()[:_MAX_REASON_BYTES])
                    return
                if self._compressor:
                    data = self._compressor.compress(item.encode())
                    await self._socket.send_bytes(data + self._compressor.flush(zlib.Z_SYNC_FLUSH))
                else:
                    await self._socket.send_str(item)
            except ConnectionError:
                return  # the reader sees it too, and ends the connection

    async def _read(self, handle: Callable[[Connection, Op, Any], None]) -> None:
        while True:
            try:
                message = await self._socket.receive(timeout=self._heartbeat_seconds * _MISSED_HEARTBEATS)
            except TimeoutError:
                raise Refused(CloseCode.SESSION_TIMED_OUT, "Session timed out.") from None
            if message.type not in {WSMsgType.TEXT, WSMsgType.BINARY}:
                goodbye = message.type is WSMsgType.CLOSE and message.data in {1000, 1001}
                self.ended_by_client = goodbye and not self.closed_with
                return
            self._count()
            payload = _decode(message.data)
            handle(self, payload["op"], payload.get("d"))

    def _check_query(self) -> None:
        if self._request.query.get("v") != "10":
            raise Refused(CloseCode.INVALID_VERSION, "Invalid API version.")
        if self._request.query.get("encoding", "json") != "json":
            raise Refused(CloseCode.DECODE_ERROR, "The little Discord speaks encoding=json only.")
        if self._request.query.get("compress") not in {None, "zlib-stream"}:
            raise Refused(CloseCode.DECODE_ERROR, "The little Discord speaks compress=zlib-stream, or none.")

    def _count(self) -> None:
        now = time.monotonic()
        self._received.append(now)
        while self._received[0] < now - _MINUTE:
            self._received.popleft()
        if self._levers.limits_enforced and len(self._received) > MAX_PAYLOADS:
            raise Refused(CloseCode.RATE_LIMITED, "Rate limited.")


def _decode(data: str | bytes) -> Json:
    if len(data) > MAX_PAYLOAD_BYTES:
        raise Refused(CloseCode.DECODE_ERROR, "Payload too large.")
    try:
        payload = json.loads(data)
    except ValueError:
        raise Refused(CloseCode.DECODE_ERROR, "Error while decoding payload.") from None
    if not isinstance(payload, dict) or not isinstance(payload.get("op"), int):
        raise Refused(CloseCode.DECODE_ERROR, "Error while decoding payload.")
    return payload
