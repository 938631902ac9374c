"""The stores that must keep the contract: a second backend is one more entry of ``STORES``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from storage import Store, open_store

OpenStore = Callable[[], AbstractAsyncContextManager[Store]]

STORES: dict[str, Callable[[Path], OpenStore]] = {
    "sqlite": lambda folder: lambda: open_store(f"sqlite:///{folder}/memory.db"),
}


@pytest.fixture(params=STORES)
def open_again(request: pytest.FixtureRequest, tmp_path: Path) -> OpenStore:
    """Open the same store once more, as after a restart."""
    return STORES[request.param](tmp_path)


@pytest.fixture
async def store(open_again: OpenStore) -> AsyncIterator[Store]:
    """An open, empty store."""
    async with open_again() as opened:
        yield opened
