"""Where Discord lets us say nothing: believed for a while, told of once, and doubted when permissions change."""

from __future__ import annotations

import pytest

from bot.closed import BELIEVED_SECONDS, DOUBTED_SECONDS, ClosedChannels
from bot.errors import ChannelClosed
from tests.clock import Clock


def is_closed(channels: ClosedChannels) -> bool:
    try:
        channels.check(1)
    except ChannelClosed:
        return True
    return False


@pytest.mark.parametrize(
    ("event", "believed"),
    [
        ("CHANNEL_UPDATE", DOUBTED_SECONDS),
        ("GUILD_ROLE_UPDATE", DOUBTED_SECONDS),
        ("MESSAGE_CREATE", BELIEVED_SECONDS),
    ],
)
def test_a_refusal_is_believed_until_something_changed(
    event: str, believed: float, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    channels = ClosedChannels(clock)
    assert not is_closed(channels)
    for _ in range(3):
        clock.now += 1
        channels.add(1, "No.")
        clock.now += 1
        channels.hear(event)
        clock.now += believed - 1.1
        assert is_closed(channels)
        clock.now += 0.2
        assert not is_closed(channels)
    assert len(caplog.records) == 1


def test_where_we_could_speak_again_the_next_refusal_is_news(caplog: pytest.LogCaptureFixture) -> None:
    channels = ClosedChannels(Clock())
    for _ in range(2):
        channels.add(1, "No.")
        channels.remove(1)
        assert not is_closed(channels)
    assert len(caplog.records) == 2
