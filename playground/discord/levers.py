"""Faults on demand: a test pulls a lever, and the little Discord misbehaves as the real one sometimes does.

None is active unless pulled. What each fault looks like on the wire is in ``rest/pipeline.py`` and ``gateway/``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import zip_longest
from typing import Any, Protocol

from playground.discord.state import State


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


class Levers:
    """All faults of one little Discord."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._faults: list[Fault] = []
        self.limits_enforced = False
        #: The close code for every IDENTIFY, None to let it pass.
        self.identify_code: int | None = None
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

    def hang(self, method: str, route_glob: str, *, seconds: float, times: int = 1) -> None:
        """Do nothing for some seconds, then go on as if nothing was."""
        self._faults.append(Fault(method, route_glob, times, seconds=seconds))

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

    def refuse_identify(self, code: int | None) -> None:
        """Close every connection that identifies with this code: 4004, 4014, ...; None ends it."""
        self.identify_code = code

    def message_content_intent(self, on: bool) -> None:
        """Give or take the application's privileged intent, as the switch in Discord's developer portal does."""
        self._state.message_content_intent = on

    def clear(self) -> None:
        """No more faults, limits, or refusals."""
        self._faults.clear()
        self.limits_enforced = False
        self.identify_code = None
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
