"""What the panels say of limits for a day is what holds: the host's limit of today wins over what was set before it."""

from __future__ import annotations

import pytest

from bot.budgets import Budgets
from bot.governance import Layers
from cogs.governance.words import limits
from storage.records import Overrides, Place

HERE = Place(1, 2)


@pytest.mark.parametrize(
    ("host", "channel", "told"),
    [
        (None, 50_000, "50,000 · set here"),
        (100_000, 50_000, "50,000 · set here"),
        (10_000, 50_000, "50,000 · set here, but the host allows 10,000 and no more"),
        (10_000, None, "10,000 · from the host"),
    ],
)
def test_the_least_is_told(host: int | None, channel: int | None, told: str) -> None:
    layers = Layers(Overrides(channel_day_tokens=host), channel=Overrides(channel_day_tokens=channel))
    assert limits(layers, HERE).splitlines()[0] == f"**A channel's tokens a day**: {told}"


@pytest.mark.parametrize(("channel", "held"), [(100, 10), (5, 5), (None, 10)])
def test_the_least_holds(channel: int | None, held: int) -> None:
    budgets = Budgets(None, {"channel": 10}, 5, lambda _: 1.0)  # type: ignore[arg-type]  # limits need no store
    assert budgets.limits(Overrides(channel_day_tokens=channel)) == {"channel": held}
