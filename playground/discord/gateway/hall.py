"""The gateway as a whole: it lets connections in, makes and resumes sessions, and passes the world's events to them.

The wire of one connection is in ``connection.py``, what one session gets in ``session.py``.
"""

from __future__ import annotations

import time
from typing import Any

from aiohttp import web

from playground.discord import guilds
from playground.discord.forms import Check, Invalid, array, boolean, fields, integer, snowflake, text
from playground.discord.gateway import dispatches
from playground.discord.gateway.connection import CloseCode, Connection, Op, Refused
from playground.discord.gateway.intents import ALL_INTENTS, Intent
from playground.discord.gateway.session import Session
from playground.discord.levers import Held, Levers, Order
from playground.discord.records import Json
from playground.discord.state import State

#: After these there is nothing to resume.
_ENDS_SESSION = {
    CloseCode.AUTHENTICATION_FAILED,
    CloseCode.INVALID_SEQUENCE,
    CloseCode.SESSION_TIMED_OUT,
    CloseCode.INVALID_SHARD,
    CloseCode.INVALID_VERSION,
    CloseCode.INVALID_INTENTS,
    CloseCode.DISALLOWED_INTENTS,
}


def _anything(value: Any) -> Any:
    return value


_IDENTIFY = fields(
    {
        "token": text(),
        "properties": _anything,
        "intents": _anything,  # what is wrong with them has a close code of its own
        "compress": boolean,
        "large_threshold": integer(50, 250),
        "shard": array(integer(), 2, 2),
        "presence": _anything,
    },
    required=["token", "properties"],
)
_RESUME = fields({"token": text(), "session_id": text(), "seq": integer()}, required=["token", "session_id", "seq"])
_REQUEST_MEMBERS = fields(
    {
        "guild_id": snowflake,
        "query": text(),
        "limit": integer(0),
        "presences": boolean,
        "user_ids": array(snowflake, maximum=100),
        "nonce": text(maximum=32),
    },
    required=["guild_id"],
)


class Gateway:
    """Who is connected, and who may come back."""

    def __init__(self, state: State, levers: Levers, token: str, heartbeat_seconds: float) -> None:
        self._state = state
        self._levers = levers
        self._token = token
        self._heartbeat_seconds = heartbeat_seconds
        self._connections: set[Connection] = set()
        self._sessions: dict[str, Session] = {}
        #: The events that a lever keeps back, None if it does not.
        self._held: list[Held] | None = None
        #: When clients identified, and when they resumed (``time.monotonic()``).
        self.identifies: list[float] = []
        self.resumes: list[float] = []
        state.hub.gateway_sinks.append(self._take)
        levers.gateway = self

    async def connect(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one WebSocket, from HELLO to its end."""
        connection = Connection(request, self._heartbeat_seconds, self._levers)
        self._connections.add(connection)
        try:
            return await connection.serve(self._handle)
        finally:
            self._connections.discard(connection)
            self._leave(connection)

    def drop(self, code: int | None) -> None:
        """Close all sockets with a code, or tear them off."""
        for connection in self._connections:
            if code is None:
                connection.tear()
            else:
                connection.close(code, "Dropped by a lever.")

    def close(self) -> None:
        """Send everyone away, because the server stops."""
        self._state.hub.gateway_sinks.remove(self._take)
        for connection in self._connections:
            connection.close(1001, "The little Discord stops.")

    def ask_reconnect(self) -> None:
        """Ask everyone to connect anew and resume."""
        for connection in self._connections:
            connection.say(Op.RECONNECT)

    def forget_sessions(self) -> None:
        """Have no session to resume. Who is connected gets no more events."""
        self._sessions.clear()

    def invalidate(self, resumable: bool) -> None:
        """Tell everyone that the session is invalid; it is gone, unless it may be resumed."""
        if not resumable:
            self.forget_sessions()
        for connection in self._connections:
            connection.say(Op.INVALID_SESSION, resumable)

    def silence(self) -> None:
        """Say nothing more on any connection that is open."""
        for connection in self._connections:
            connection.silent = True

    def hold(self) -> None:
        """Keep events back."""
        self._held = []

    def release(self, order: Order) -> None:
        """Send, in this order, the events that were kept back."""
        held, self._held = self._held or [], None
        for kind, data, channel_id in order(held):
            self._take(kind, data, channel_id)

    def _take(self, kind: str, data: Json, channel_id: int | None) -> None:
        if self._held is not None:
            self._held.append((kind, data, channel_id))
            return
        for session in self._sessions.values():
            session.take(kind, data, channel_id)

    def _handle(self, connection: Connection, op: int, data: Any) -> None:
        if op == Op.HEARTBEAT:
            connection.acknowledge()
        elif op in {Op.IDENTIFY, Op.RESUME}:
            if connection.session:
                raise Refused(CloseCode.ALREADY_AUTHENTICATED, "Already authenticated.")
            (self._identify if op == Op.IDENTIFY else self._resume)(connection, data)
        elif op not in {Op.PRESENCE, Op.REQUEST_MEMBERS}:
            raise Refused(CloseCode.UNKNOWN_OPCODE, f"The little Discord knows no opcode {op}.")
        elif connection.session is None:
            raise Refused(CloseCode.NOT_AUTHENTICATED, "Not authenticated.")
        elif op == Op.REQUEST_MEMBERS:
            self._send_members(connection.session, _clean(_REQUEST_MEMBERS, data))

    def _identify(self, connection: Connection, data: Any) -> None:
        data = _clean(_IDENTIFY, data)
        now = time.monotonic()
        self.identifies.append(now)
        self._check_token(data)
        if self._state.session_starts and not self._state.session_starts.take(now):
            raise Refused(CloseCode.AUTHENTICATION_FAILED, "Too many sessions started: Discord resets the token then.")
        if self._levers.identify_code is not None:
            raise Refused(self._levers.identify_code, "Refused by a lever.")
        if self._levers.identify_fails == "invalid":
            connection.say(Op.INVALID_SESSION, False)
            return
        if data.get("shard") not in (None, [0, 1]):
            raise Refused(CloseCode.INVALID_SHARD, "Invalid shard.")
        session = Session(self._state, self._intents(data.get("intents")))
        for stale in [each for each in self._sessions.values() if each.stale]:
            del self._sessions[stale.id]
        self._sessions[session.id] = session
        self._enter(connection, session)
        joined = dispatches.guilds(self._state)
        session.dispatch("READY", dispatches.ready(self._state, session.id, joined))
        known = bool(session.intents & Intent.GUILD_PRESENCES)
        for guild in joined:
            whole = guilds.whole(self._state, guild, with_members=known)
            session.take("GUILD_CREATE", whole | {"unavailable": False})
        if self._levers.identify_fails == "dropped":
            self.forget_sessions()
            connection.close(CloseCode.UNKNOWN_ERROR, "Dropped by a lever.")

    def _resume(self, connection: Connection, data: Any) -> None:
        data = _clean(_RESUME, data)
        self.resumes.append(time.monotonic())
        self._check_token(data)
        session, sequence = self._sessions.get(data["session_id"]), data["seq"]
        if session is None or not session.can_replay(sequence):
            connection.say(Op.INVALID_SESSION, False)
            return
        if sequence > session.sequence:
            raise Refused(CloseCode.INVALID_SEQUENCE, "Invalid seq.")
        self._enter(connection, session)
        session.replay(sequence - self._levers.replay_overlap)
        session.dispatch("RESUMED", {"_trace": []})

    def _check_token(self, data: Json) -> None:
        if data["token"].removeprefix("Bot ") != self._token:
            raise Refused(CloseCode.AUTHENTICATION_FAILED, "Authentication failed.")

    def _intents(self, value: Any) -> Intent:
        if isinstance(value, bool) or not isinstance(value, int) or value & ~int(ALL_INTENTS):
            raise Refused(CloseCode.INVALID_INTENTS, "Invalid intent(s).")
        if value & Intent.MESSAGE_CONTENT and not self._state.message_content_intent:
            raise Refused(CloseCode.DISALLOWED_INTENTS, "Disallowed intent(s).")
        return Intent(value)

    def _enter(self, connection: Connection, session: Session) -> None:
        connection.session = session
        session.attach(connection)
        self._tell_status()

    def _leave(self, connection: Connection) -> None:
        if connection.session is None:
            return
        connection.session.detach(connection)
        if connection.ended_by_client or connection.closed_with in _ENDS_SESSION:
            self._sessions.pop(connection.session.id, None)
        self._tell_status()

    def _send_members(self, session: Session, data: Json) -> None:
        everyone = not data.get("user_ids") and not data.get("query")
        if everyone and not session.intents & Intent.GUILD_MEMBERS:
            raise Refused(CloseCode.DISALLOWED_INTENTS, "Disallowed intent(s).")
        session.dispatch("GUILD_MEMBERS_CHUNK", dispatches.members_chunk(self._state, data))

    def _tell_status(self) -> None:
        online = any(connection.session for connection in self._connections)
        if online != self._state.bot_online:
            self._state.bot_online = online
            self._state.hub.show("BOT_STATUS", {"online": online})


def _clean(check: Check, data: Any) -> Json:
    """A payload's data as its form cleans it."""
    try:
        cleaned: Json = check(data)
    except Invalid as invalid:
        raise Refused(CloseCode.DECODE_ERROR, f"Error while decoding payload: {invalid.tree}") from None
    return cleaned
