"""``python -m bot doctor``: looks at everything that the bot needs, and says a line about each and what to do.

It answers nobody and changes nothing, but for making the database if there is none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import aiohttp
import discord

from bot import prompt
from bot.client import point_at
from bot.defaults import check_room, policies_of
from bot.errors import ModelError, SettingsError
from bot.gateway import MISSING_INTENT, REFUSED_BY_DISCORD
from bot.runtime import open_counter, open_models
from bot.settings import BotSettings
from storage import StorageError, database_path, open_store
from storage.errors import DatabaseInUse
from storage.opening import is_there, read_through, try_out
from storage.records import Overrides


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about one subject: whether it is *good*, and a sentence."""

    subject: str
    good: bool
    text: str


async def examine(settings: BotSettings) -> list[Finding]:
    """Look at settings, database, model, tokenizer and Discord, in that order, and at the fallback if there is one."""
    checks: dict[str, Callable[[BotSettings], Awaitable[tuple[bool, str]]]] = {
        "settings": _settings,
        "database": _database,
        "model": partial(_model, 0),
        "tokenizer": _tokenizer,
        "discord": _discord,
    }
    if settings.fallback is not None:
        checks["fallback"] = partial(_model, 1)
    return [Finding(subject, *await check(settings)) for subject, check in checks.items()]


async def _settings(settings: BotSettings) -> tuple[bool, str]:
    try:
        persona = settings.persona()
        counter = await open_counter(settings)
        check_room(policies_of(settings).for_channel(Overrides()), prompt.fixed_tokens(persona, counter.count))
    except SettingsError as error:
        return False, str(error)
    return (
        True,
        f"valid; replies to {settings.reply_mode}, policy {settings.memory_policy}, persona of {len(persona)} characters",
    )


async def _database(settings: BotSettings) -> tuple[bool, str]:
    path = database_path(settings.database_url)
    try:
        state = "can be read and written"
        try:
            if not is_there(path):
                async with open_store(settings.database_url):
                    pass
            elif not await asyncio.to_thread(try_out, path):
                state += ", is of an older version of Mnemo (the next start brings it up to date)"
        except DatabaseInUse:
            state = "is open in a Mnemo that is running now"
        await asyncio.to_thread(read_through, path)
    except StorageError as error:
        return False, str(error)
    return True, f"{path} {state}, and is whole"


async def _model(number: int, settings: BotSettings) -> tuple[bool, str]:
    async with open_models(settings) as models:
        endpoint, model = models[number]
        try:
            names = await model.list_models()
        except ModelError as error:
            return False, f"{error.detail}. Check {endpoint.prefix}_API_KEY and {endpoint.prefix}_BASE_URL."
    if endpoint.model in names:
        return True, f"the endpoint answers and has {endpoint.model}"
    some = ", ".join(sorted(names)[:5])
    return False, f"the endpoint answers but does not list {endpoint.model} ({endpoint.model_variable}); it has {some}"


async def _tokenizer(settings: BotSettings) -> tuple[bool, str]:
    counter = await open_counter(settings)
    if counter.reason is None:
        return True, f"counts with {counter.name}"
    return True, f"counts with an estimate that is a little high, which is safe ({counter.reason})"


async def _discord(settings: BotSettings) -> tuple[bool, str]:
    point_at(settings.discord_api_url, settings.discord_gateway_url, settings.discord_cdn_url)
    async with discord.Client(intents=discord.Intents.none()) as client:
        try:
            await client.login(settings.token)
            application = await client.application_info()
        except discord.LoginFailure:
            return False, REFUSED_BY_DISCORD
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            return (
                False,
                f"Discord cannot be reached ({type(error).__name__}). Is the network up, and DISCORD_API_URL right?",
            )
    flags = application.flags
    if not (flags.gateway_message_content or flags.gateway_message_content_limited):
        return False, MISSING_INTENT
    return True, f"the token is that of {application.name}, which may read messages"
