"""Which models may be chosen, whatever the endpoint tells of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest

from bot.errors import ModelUnavailable, OutOfBounds
from bot.models import Models
from bot.ports import ChatModel
from storage.records import Overrides


class Endpoint:
    """Lists *names*; without any it cannot be reached, and *slowly* it never answers."""

    def __init__(self, names: Sequence[str] | None, *, slowly: bool = False) -> None:
        self.names = names
        self.slowly = slowly
        self.asked = 0

    async def list_models(self) -> list[str]:
        self.asked += 1
        if self.slowly:
            await asyncio.Event().wait()
        if self.names is None:
            raise ModelUnavailable("No.", detail="it is down")
        return list(self.names)


def models(endpoint: Endpoint, *allowed: str) -> Models:
    return Models("main", frozenset(allowed) or None, cast("ChatModel", cast("Any", endpoint)))


async def test_the_hosts_comes_first_and_the_list_is_asked_for_once() -> None:
    endpoint = Endpoint(["b", "main", "a"])
    offered = models(endpoint)
    assert await offered.offered() == ["main", "a", "b"]
    assert await offered.offered() == ["main", "a", "b"]
    assert endpoint.asked == 1


async def test_the_host_narrows_it() -> None:
    offered = models(Endpoint(["a", "b"]), "b", "c")
    assert await offered.offered() == ["main", "b"]
    with pytest.raises(OutOfBounds, match="does not allow"):
        await offered.check("a")
    with pytest.raises(OutOfBounds, match="no model of this name"):
        await offered.check("c")


@pytest.mark.parametrize("endpoint", [Endpoint(None), Endpoint([], slowly=True)])
async def test_an_endpoint_that_does_not_tell(endpoint: Endpoint) -> None:
    assert await models(endpoint).offered(0.01) == ["main"]
    assert await models(endpoint, "b").offered(0.01) == ["main", "b"]
    if not endpoint.slowly:
        with pytest.raises(OutOfBounds, match="does not tell which models it has"):
            await models(endpoint).check("a")
        await models(endpoint, "b").check("b")


def test_what_is_not_allowed_any_more_gives_way_to_the_hosts() -> None:
    narrowed = models(Endpoint([]), "b")
    assert [narrowed.of(Overrides(model=name)) for name in (None, "a", "b")] == ["main", "main", "b"]
