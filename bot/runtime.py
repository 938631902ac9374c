"""The composition root: opens store, model and bot, in one place and in order, and closes them in the opposite order.

Nothing else constructs these; nothing here decides anything about conversations.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import discord
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_exponential_jitter

from bot import prompt
from bot.calibration import Calibration
from bot.client import MnemoBot, Services, point_at
from bot.compactor import Compactor, Summarizer
from bot.conversation import Conversations
from bot.errors import FatalError, ModelError, ModelRefused, SettingsError
from bot.memories import LEAST_ROOM_TOKENS, Memories
from bot.memory import Policies, Policy
from bot.memory.recall import THRESHOLD
from bot.model import OpenAIModel, open_model
from bot.ports import ChatModel
from bot.recall import Recaller
from bot.settings import BotSettings, Settings
from bot.tokens import TokenCounter, estimate, load_counter
from bot.turn import Brain
from bot.view import Viewer
from storage import Store, database_path, open_store
from storage.records import Overrides

log = logging.getLogger(__name__)

#: Everything has to be closed eight seconds after the signal: replies that run get most of it, Discord's goodbye the rest.
REPLIES_GRACE_SECONDS = 5.0
GOODBYE_SECONDS = 2.0

_MAX_PAUSE_SECONDS = 60.0
_AUTHENTICATION_FAILED = 4004

REFUSED_BY_DISCORD = (
    "Discord refuses the token: copy it again at https://discord.com/developers/applications (your application, Bot, Reset "
    "Token) into DISCORD_TOKEN."
)
MISSING_INTENT = (
    "The bot may not read messages: switch on Message Content Intent at https://discord.com/developers/applications (your "
    "application, Bot, Privileged Gateway Intents) and start again."
)


async def run(settings: BotSettings) -> None:
    """Run the bot until SIGTERM or SIGINT.

    Raises :class:`bot.errors.SettingsError`, :class:`bot.errors.FatalError` and :class:`storage.errors.StorageError`.
    """
    stop = _stop_signal()
    point_at(settings.discord_api_url, settings.discord_gateway_url, settings.discord_cdn_url)
    async with open_services(settings) as (services, model):
        async with MnemoBot(services) as bot:
            checking = asyncio.create_task(_check_model(model, settings.chat_model), name="model-check")
            connected = asyncio.create_task(_stay_connected(bot, settings.token), name="discord")
            stopping = asyncio.create_task(stop.wait(), name="stop-signal")
            try:
                await asyncio.wait({connected, stopping}, return_when=asyncio.FIRST_COMPLETED)
                log.info("stopping")
                await services.conversations.close(REPLIES_GRACE_SECONDS)
                await _say_goodbye(bot)
            finally:
                for task in (checking, stopping, connected):
                    task.cancel()
                _, ended, *_ = await asyncio.gather(checking, connected, stopping, return_exceptions=True)
        if isinstance(ended, Exception):
            raise ended
    log.info("stopped")


async def _say_goodbye(bot: MnemoBot) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GOODBYE_SECONDS):
            await bot.close()


@contextlib.asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[tuple[Services, OpenAIModel]]:
    """Open all that the bot uses, Discord apart."""
    persona = settings.persona()
    async with (
        open_store(settings.database_url) as store,
        open_model(
            api_key=settings.api_key,
            base_url=settings.openai_base_url,
            reply_timeout=settings.reply_timeout_seconds,
            max_reply_tokens=settings.reply_max_tokens,
        ) as model,
    ):
        counter = await open_counter(settings)
        calibration = await Calibration.load(store, settings.chat_model)
        services = compose(settings, store, model, counter, calibration, persona)
        try:
            yield services, model
        finally:
            await services.compactor.close()


def compose(
    settings: Settings,
    store: Store,
    model: ChatModel,
    counter: TokenCounter,
    calibration: Calibration,
    persona: str,
    *,
    recall_threshold: float = THRESHOLD,
    now: Callable[[], float] = time.time,
) -> Services:
    """Put the services together; nothing is opened here."""
    policies = Policies(
        settings.memory_policy,
        max_messages=settings.memory_max_messages,
        max_tokens=settings.memory_max_tokens,
        context_tokens=settings.model_context_tokens,
        trim_to=settings.memory_trim_to,
        scale=calibration.factor,
    )
    shape = prompt.Shape(settings.model_api, settings.prompt_template, settings.human_prefix, settings.ai_prefix)
    recaller = Recaller(store, counter.count, recall_threshold)
    viewer = Viewer(store, policies, recaller, shape, persona=persona, count=counter.count)
    check_room(policies.for_channel(Overrides()), viewer.fixed_tokens)
    summarizer = Summarizer(model, settings.summary_model or settings.chat_model, shape.request)
    compactor = Compactor(store, summarizer, policies.for_channel, counter.count, viewer.fixed_tokens)
    brain = Brain(store, viewer, model, settings.chat_model, calibration, now)
    conversations = Conversations(
        brain,
        policies,
        compactor,
        reply_seconds=settings.reply_timeout_seconds,
        answer_hours=settings.catch_up_hours,
    )
    memories = Memories(
        store,
        policies,
        viewer,
        compactor,
        model_name=settings.chat_model,
        grace_hours=settings.reset_grace_hours,
        interrupt=conversations.interrupt,
    )
    return Services(conversations, memories, compactor, viewer, settings.reply_mode)


def check_room(policy: Policy, fixed_tokens: int) -> None:
    """Raise :class:`bot.errors.SettingsError` if the persona leaves too little of a prompt for what people say."""
    if policy.trigger_budget(fixed_tokens) < LEAST_ROOM_TOKENS:
        raise SettingsError(
            (
                f"SYSTEM_PROMPT leaves no room: with what the model is told about conversations it has {fixed_tokens:,} tokens. "
                "Shorten it, or raise MEMORY_MAX_TOKENS.",
            )
        )


async def open_counter(settings: Settings) -> TokenCounter:
    """Load the tokenizer of the chat model, or the estimate where its vocabulary cannot be had or is not wanted."""
    if settings.tokenizer == "estimate":
        return TokenCounter("estimate", estimate, "TOKENIZER=estimate")
    counter = await load_counter(settings.chat_model, vocabulary_folder(settings))
    if counter.reason is not None:
        log.info("tokens are estimated: %s", counter.reason)
    return counter


def vocabulary_folder(settings: Settings) -> Path:
    """Return where the tokenizer's vocabulary is kept: beside the database."""
    return database_path(settings.database_url).parent / "tiktoken"


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _stay_connected(bot: MnemoBot, token: str) -> None:
    """Log in, however long Discord takes to be reachable, and stay connected."""
    try:
        await _patiently(bot)(bot.login, token)
        log.info("logged in as %s", bot.user)
        await _insisting(bot)(bot.connect)
    except discord.LoginFailure:
        raise FatalError(REFUSED_BY_DISCORD) from None
    except discord.PrivilegedIntentsRequired:
        raise FatalError(MISSING_INTENT) from None
    except discord.ConnectionClosed as closed:
        if closed.code == _AUTHENTICATION_FAILED:
            raise FatalError(REFUSED_BY_DISCORD) from None
        raise FatalError(f"Discord closed the connection for good, with code {closed.code}.") from closed


def _patiently(bot: MnemoBot) -> AsyncRetrying:
    async def say_so(attempt: RetryCallState) -> None:
        assert attempt.outcome is not None, "tenacity calls this after an attempt"
        assert attempt.next_action is not None, "and before its pause"
        await bot.http.close()  # the next login makes a session of its own, and would leave this one open
        bot.http.connector = discord.utils.MISSING  # which closed with its session
        log.warning(
            "Discord cannot be reached (%s); trying again in %.0f s. Is the network up, and DISCORD_API_URL right?",
            type(attempt.outcome.exception()).__name__,
            attempt.next_action.sleep,
        )

    return AsyncRetrying(
        retry=retry_if_exception(_is_passing),
        wait=wait_exponential_jitter(multiplier=1, max=_MAX_PAUSE_SECONDS),
        before_sleep=say_so,
    )


def _insisting(bot: MnemoBot) -> AsyncRetrying:
    """Try the first connection again; discord.py does so itself only once it had one, and before trips over having none."""

    async def say_so(attempt: RetryCallState) -> None:
        assert attempt.next_action is not None, "tenacity calls this before its pause"
        log.warning(
            "Discord's gateway cannot be reached; trying again in %.0f s. Is the network up, and DISCORD_GATEWAY_URL right?",
            attempt.next_action.sleep,
        )

    return AsyncRetrying(
        retry=retry_if_exception(lambda error: isinstance(error, AttributeError) and bot.ws is None),
        wait=wait_exponential_jitter(multiplier=1, max=_MAX_PAUSE_SECONDS),
        before_sleep=say_so,
    )


def _is_passing(error: BaseException) -> bool:
    if isinstance(error, discord.HTTPException):
        return not isinstance(error, (discord.Forbidden, discord.NotFound))
    return isinstance(error, (aiohttp.ClientError, OSError, TimeoutError))


async def _check_model(model: OpenAIModel, name: str) -> None:
    """Tell the host early when the model cannot be used, and when it can be again."""
    pause = 1.0
    while True:
        try:
            names = await model.list_models()
        except ModelRefused as error:
            log.warning("the model's endpoint does not list its models: %s", error.detail)
            return
        except ModelError as error:
            log.warning("the model cannot be reached; trying again in %.0f s: %s", pause, error.detail)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _MAX_PAUSE_SECONDS)
        else:
            if name not in names:
                log.warning("the endpoint does not list the model %s (CHAT_MODEL)", name)
            return
