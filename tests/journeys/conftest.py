"""A running bot in a simulated Discord, with the real model client, the little model over HTTP, and a database in a file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import discord
import pytest
import simcord

from bot.client import MnemoBot
from bot.errors import UserFacingError
from bot.runtime import open_services
from bot.settings import Settings
from playground.model import LittleModel

MakeSettings = Callable[..., Settings]


@pytest.fixture
async def model() -> AsyncIterator[LittleModel]:
    """The little model, answering at once."""
    async with LittleModel(tokens_per_second=None) as running:
        yield running


@pytest.fixture
def make_settings(model: LittleModel, tmp_path: Path) -> MakeSettings:
    """Settings for a bot that uses the little model and a database of this test."""

    def make(**changes: object) -> Settings:
        values: dict[str, object] = {
            "openai_base_url": model.base_url,
            "chat_model": "little-model",
            "database_url": f"sqlite:///{tmp_path}/mnemo.db",
            "tokenizer": "estimate",
        }
        return Settings(_env_file=None, **(values | changes))

    return make


@dataclass
class World:
    """A server with a channel, an ordinary member and one who manages channels, and the bot in it."""

    env: simcord.Env
    bot: MnemoBot
    guild: simcord.GuildHandle
    channel: simcord.ChannelHandle
    nemo: simcord.MemberActor
    marlin: simcord.MemberActor

    @property
    def mention(self) -> str:
        assert self.bot.user is not None
        return self.bot.user.mention

    def replies(self, channel: simcord.ChannelHandle | None = None) -> list[str]:
        """What the bot has said in a channel, oldest first."""
        assert self.bot.user is not None
        said = (channel or self.channel).history()
        return [message.content for message in said if message.author.id == self.bot.user.id]

    async def ask(self, text: str, *, channel: simcord.ChannelHandle | None = None) -> str:
        """Let Nemo say *text* to the bot and return what it answered last."""
        where = channel or self.channel
        await self.nemo.send(where, f"{self.mention} {text}")
        return self.last(where)

    def last(self, channel: simcord.ChannelHandle | None = None) -> str:
        message = (channel or self.channel).last_message
        assert message is not None
        return message.content


#: For machines that are slow or busy. With much more than this SimCord waits for timers of the bot, too.
SETTLED_WITHIN_SECONDS = 9.0


@asynccontextmanager
async def living(settings: Settings) -> AsyncIterator[World]:
    """Run a bot with *settings* in a fresh simulated Discord."""
    async with open_services(settings) as (services, _):
        bot = MnemoBot(services)
        # A refused command is an error to SimCord and an answer to us.
        env = simcord.Env(bot, check_errors=False, settle_timeout=SETTLED_WITHIN_SECONDS)
        await env.start()
        try:
            guild = env.create_guild()
            channel = guild.create_text_channel("general")
            managers = guild.create_role("Managers", permissions=discord.Permissions(manage_channels=True))
            nemo = guild.add_member(env.create_user("Nemo"))
            marlin = guild.add_member(env.create_user("Marlin"), roles=[managers])
            yield World(env, bot, guild, channel, nemo, marlin)
        finally:
            await services.conversations.close(1)
            await env.shutdown()
        unexpected = [
            error for error in env.errors if not isinstance(getattr(error, "original", error), UserFacingError)
        ]
        assert not unexpected, unexpected


@pytest.fixture
async def world(make_settings: MakeSettings) -> AsyncIterator[World]:
    """A world with the default settings."""
    async with living(make_settings()) as running:
        yield running
