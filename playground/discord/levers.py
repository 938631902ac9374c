"""Faults on demand: a test pulls a lever, and the little Discord misbehaves as the real one sometimes does.

None is active unless pulled. What each fault looks like on the wire is in ``rest/pipeline.py`` and ``gateway/``.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import zip_longest
from typing import Any, Literal, Protocol

from playground.discord.limits import SessionStarts
from playground.discord.records import Json
from playground.discord.state import State

#: An event before it is numbered: its kind, its data, its channel.
Held = tuple[str, Json, int | None]
Order = Callable[[list[Held]], Iterable[Held]]

#: How a client that goes through Discord's proxy knows that an answer is Discord's own.
VIA = {"Via": "1.1 google"}


@dataclass
class Request:
    """One REST request. *route* is the path below ``/api/v10``; *at* is ``time.monotonic()`` in seconds.

    *status* is None until it is answered, and stays so if the connection is cut. *body* is the JSON that was sent.
    """

    method: str
    route: str
    at: float
    status: int | None = None
    body: Any = None


@dataclass
class Fault:
    """What happens to the next *times* requests that fit. With neither *status* nor *seconds*, the connection is cut."""

    method: str
    route_glob: str
    times: int = 1
    status: int | None = None
    after: bool = False
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float | None = None

    def fits(self, method: str, route: str) -> bool:
        """Whether a request is meant. ``*`` stands for one part of the path, a last ``**`` for all the rest."""
        return self.times > 0 and self.method in {"*", method} and _fits(self.route_glob, route)


@dataclass(frozen=True)
class FileAnswer:
    """What the CDN answers instead of a file, after some *seconds*: *body*, or the file itself if that is None.

    With a *pause* it sends a piece of 1,000 bytes at a time, and so many seconds pass between two of them.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    seconds: float = 0.0
    pause: float = 0.0


class Movable(Protocol):
    """The gateway, as far as the levers move it."""

    def drop(self, code: int | None) -> None:
        """Close all sockets with a code, or (None) tear them off."""
        ...

    def ask_reconnect(self) -> None:
        """Send op 7."""
        ...

    def forget_sessions(self) -> None:
        """Have no session to resume."""
        ...

    def invalidate(self, resumable: bool) -> None:
        """Send op 9."""
        ...

    def silence(self) -> None:
        """Say nothing more on any connection that is open."""
        ...

    def hold(self) -> None:
        """Keep events back."""
        ...

    def release(self, order: Order) -> None:
        """Send the events that were kept back."""
        ...


class Levers:
    """All faults of one little Discord."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._faults: list[Fault] = []
        #: What the CDN answers to whoever asks for a file; None for the file.
        self.files: FileAnswer | None = None
        self.limits_enforced = False
        #: The close code for every IDENTIFY, None to let it pass.
        self.identify_code: int | None = None
        #: Whether every IDENTIFY is answered with INVALID_SESSION, or with a session that ends at once.
        self.identify_fails: Literal["invalid", "dropped"] | None = None
        #: So many events that were delivered already are replayed with those that were missed.
        self.replay_overlap = 0
        #: What the levers of the gateway move; the gateway puts itself here.
        self.gateway: Movable | None = None

    def fail(
        self,
        method: str,
        route_glob: str,
        *,
        status: int | None,
        times: int = 1,
        after: bool = False,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer with an error. With *after*, what was asked for happens nevertheless. *status* None cuts instead.

        *body* is sent as JSON, or, if it is a string, as HTML (as a proxy's error page is).
        """
        self._faults.append(Fault(method, route_glob, times, status, after, body, headers or {}))

    def cut(self, method: str, route_glob: str, *, times: int = 1, after: bool = False) -> None:
        """Close the connection without an answer; with *after*, once what was asked for has happened."""
        self._faults.append(Fault(method, route_glob, times, after=after))

    def hang(self, method: str, route_glob: str, *, seconds: float, times: int = 1, after: bool = False) -> None:
        """Do nothing for some seconds, then go on as if nothing was; with *after*, what was asked for happens first."""
        self._faults.append(Fault(method, route_glob, times, after=after, seconds=seconds))

    def limit(
        self,
        method: str,
        route_glob: str,
        *,
        retry_after: float,
        scope: Literal["user", "global", "shared"] = "user",
        via: bool = True,
        times: int = 1,
    ) -> None:
        """Answer 429, as Discord does; without *via*, as the proxy before it does that bans an address for a while."""
        body = {"message": "You are being rate limited.", "retry_after": retry_after, "global": scope == "global"}
        headers = {"Retry-After": str(math.ceil(retry_after)), "X-RateLimit-Scope": scope} | (VIA if via else {})
        self.fail(
            method,
            route_glob,
            status=429,
            times=times,
            body=body if via else "<html>error code: 1015</html>",
            headers=headers,
        )

    def enforce_limits(self, on: bool = True) -> None:
        """Answer 429 to who is too fast."""
        self.limits_enforced = on

    def drop_gateway(self, code: int | None = None) -> None:
        """Close the gateway's sockets with this code, or (None) tear the connections off."""
        self._gateway.drop(code)

    def ask_reconnect(self) -> None:
        """Ask every client to reconnect and resume (op 7), as Discord does before it stops a server."""
        self._gateway.ask_reconnect()

    def forget_sessions(self) -> None:
        """Make the next RESUME answer INVALID_SESSION."""
        self._gateway.forget_sessions()

    def invalidate_session(self, *, resumable: bool) -> None:
        """Send INVALID_SESSION to every client; who may not resume finds no session any more."""
        self._gateway.invalidate(resumable)

    def hold_events(self) -> None:
        """Keep all events back until they are released; the world goes on."""
        self._gateway.hold()

    def release_events(self, order: Order = list) -> None:
        """Send what was kept back, in another *order*, some of it twice, or not at all."""
        self._gateway.release(order)

    def overlap_replay(self, events: int) -> None:
        """Replay, at each RESUME, so many events too many."""
        self.replay_overlap = events

    def silence_gateway(self) -> None:
        """Leave all connections open and dead, as a network does that lost its way: no event, no acknowledged heartbeat."""
        self._gateway.silence()

    def fail_identify(self, how: Literal["invalid", "dropped"] | None) -> None:
        """Answer every IDENTIFY with INVALID_SESSION, or with READY and a dropped socket; None ends it."""
        self.identify_fails = how

    def limit_session_starts(self, *, remaining: int, reset_after: float = 86_400.0) -> None:
        """Count from now on how often the bot identifies: so many times more within the next *reset_after* seconds."""
        self._state.session_starts = SessionStarts(remaining, time.monotonic() + reset_after)

    def refuse_identify(self, code: int | None) -> None:
        """Close every connection that identifies with this code: 4004, 4014, ...; None ends it."""
        self.identify_code = code

    def forget_nonces(self) -> None:
        """Forget the nonces of everything that was sent, as Discord does after some minutes."""
        self._state.nonces_forgotten_up_to = self._state.ids.last

    def message_content_intent(self, on: bool) -> None:
        """Give or take the application's privileged intent, as the switch in Discord's developer portal does."""
        self._state.message_content_intent = on

    def clear(self) -> None:
        """No more faults, limits, or refusals."""
        self._faults.clear()
        self.files = None
        self.limits_enforced = False
        self.identify_code = self.identify_fails = None
        self.replay_overlap = 0
        self._state.session_starts = None
        self._state.message_content_intent = True

    @property
    def _gateway(self) -> Movable:
        assert self.gateway is not None, "the little Discord makes its gateway before anyone has its levers"
        return self.gateway

    def take(self, method: str, route: str) -> Fault | None:
        """The fault that a request runs into; it has one use less then."""
        fault = next((fault for fault in self._faults if fault.fits(method, route)), None)
        if fault:
            fault.times -= 1
        return fault


def _fits(glob: str, route: str) -> bool:
    pattern = glob.strip("/").split("/")
    parts = route.strip("/").split("/")
    if pattern[-1] == "**":
        pattern = pattern[:-1]
        parts = parts[: len(pattern)]
    return all(fnmatchcase(part, wanted) for wanted, part in zip_longest(pattern, parts, fillvalue=""))
