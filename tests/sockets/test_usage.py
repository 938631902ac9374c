"""`/usage` of a bot that is its own process: its panel by Discord's rules, over a restart, and what it leaves in its memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.sockets.conftest import Bot, Stage

#: A plotting library takes 60 MB and more.
MOST_GROWTH_MB = 15.0


def resident_mb(bot: Bot) -> float:
    (line,) = [
        line
        for line in Path(f"/proc/{bot.process.pid}/status").read_text(encoding="utf-8").splitlines()
        if line.startswith("VmRSS:")
    ]
    return int(line.split()[1]) / 1024


def texts(components: list[dict[str, Any]]) -> str:
    return "\n".join(each.get("content", "") + texts(each.get("components", [])) for each in components)


def custom_id(message: dict[str, Any], control: str) -> str:
    rows = [each for row in message["components"] for each in row["components"]]
    return next(each["custom_id"] for each in rows if f"usage:{control}:" in each.get("custom_id", ""))


async def test_a_panel_outlives_a_restart_and_the_library_that_drew_it_is_never_loaded(stage: Stage) -> None:
    bot = await stage.start()
    channel = stage.channel()
    await stage.ask(channel, "My name is Nemo.")
    before = resident_mb(bot)
    owner = stage.world.user_id("owner")
    asked = await stage.world.slash(owner, channel, "usage")
    await stage.until(lambda: asked.message and asked.message["attachments"])
    panel = asked.message
    assert panel is not None
    assert "Usage in this server" in texts(panel["components"])
    assert resident_mb(bot) - before < MOST_GROWTH_MB
    assert not [each for each in _maps(bot) if "matplotlib" in each or "numpy" in each]
    await bot.stop()

    await stage.start()
    message_id = int(panel["id"])
    await stage.world.click(owner, channel, message_id, custom_id(panel, "by"), values=["person"])
    await stage.until(lambda: f"<@{stage.nemo}>" in texts((asked.message or panel)["components"]))
    given = await stage.world.click(owner, channel, message_id, custom_id(asked.message or panel, "csv"))
    file = await stage.until(lambda: given.message and given.message["attachments"])
    assert file[0]["filename"] == "usage.csv"


def _maps(bot: Bot) -> list[str]:
    return Path(f"/proc/{bot.process.pid}/maps").read_text(encoding="utf-8").splitlines()
