"""The composition root: opens store, model and bot, in one place and in order, and closes them in the opposite order.

Nothing else constructs these; nothing here decides anything about conversations.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import discord
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from bot import prompt
from bot.attachments import Attachments
from bot.brain import Brain
from bot.budgets import Budgets
from bot.calibration import Calibration
from bot.catch_up import CatchUp
from bot.cdn import NOT_FETCHED, open_cdn
from bot.client import MnemoBot, Services, point_at
from bot.compactor import Compactor, Summarizer
from bot.conversation import Conversations
from bot.defaults import check_room, host_limits, host_sets, most_reply_tokens, policies_of
from bot.errors import FatalError, FileProblem, ModelError, ModelRefused, RequestRefused
from bot.fault_points import fault_point
from bot.gateway import REFUSED_BY_DISCORD, stay_connected
from bot.governance import Governance
from bot.host import Host
from bot.line import Line
from bot.memories import Memories
from bot.memory.recall import THRESHOLD
from bot.model import LONGEST_REPLY, TEXT_REPLY_TOKENS, OpenAIModel, open_model
from bot.models import Models
from bot.pins import Pins
from bot.ports import ChatModel, Fetch, Fetched
from bot.privacy import Privacy, promise
from bot.recall import Recaller
from bot.registration import Registration
from bot.reply_actions import ReplyActions
from bot.resilient import ResilientModel
from bot.rest import FAILURES, UNAUTHORIZED, insist, may_pass, pausing
from bot.settings import OPENAI_URL, BotSettings, Endpoint, Settings
from bot.stopping import stop_signal
from bot.threads import Threads
from bot.tokens import TokenCounter, estimate, load_counter
from bot.troubles import Troubles, counted
from bot.turn import OUTAGE_SECONDS
from bot.usage import UsageReports
from bot.view import Viewer
from storage import StorageError, Store, database_path, open_store
from storage.records import Overrides

T = TypeVar("T")

log = logging.getLogger(__name__)

Opened = list[tuple[Endpoint, OpenAIModel]]

#: Everything has to be closed eight seconds after the signal: replies that run get most of it, Discord's goodbye the rest.
REPLIES_GRACE_SECONDS = 4.0
GOODBYE_SECONDS = 2.0

#: A login that takes longer is tried again: some of its requests hang.
LOGIN_SECONDS = 90.0

#: A turn counts the same texts several times: so many are known by heart.
TEXTS_COUNTED = 64

#: So long we stay when the database is damaged: whoever wrote just then is being told that it was not saved.
LAST_WORDS_SECONDS = 2.0

_MAX_PAUSE_SECONDS = 60.0


async def run(settings: BotSettings) -> None:
    """Run the bot until SIGTERM or SIGINT, or until its database turns out to be damaged.

    Raises :class:`bot.errors.SettingsError`, :class:`bot.errors.FatalError` and :class:`storage.errors.StorageError`.
    """
    stop = stop_signal()
    point_at(settings.discord_api_url, settings.discord_gateway_url, settings.discord_cdn_url)
    damage: asyncio.Future[StorageError] = asyncio.get_running_loop().create_future()
    with contextlib.suppress(_Stopped):
        async with open_services(settings, stop, on_damage=damage.set_result) as (services, models):
            await _serve(services, models, settings.token, stop, damage)
    log.info("stopped")


async def _serve(
    services: Services, models: Opened, token: str, stop: asyncio.Event, damage: asyncio.Future[StorageError]
) -> None:
    """Answer until the signal to stop, or until the database turns out to be damaged."""
    async with MnemoBot(services) as bot:
        checking = asyncio.create_task(_check_models(models), name="model-check")
        connected = asyncio.create_task(_stay_on_discord(bot, token), name="discord")
        stopping = asyncio.create_task(stop.wait(), name="stop-signal")
        try:
            reasons: list[asyncio.Future[Any]] = [connected, stopping, damage]
            await asyncio.wait(reasons, return_when=asyncio.FIRST_COMPLETED)
            if damage.done():
                await asyncio.sleep(LAST_WORDS_SECONDS)
            log.info("stopping")
            fault_point("stopping")
            await services.conversations.close(REPLIES_GRACE_SECONDS)
            fault_point("conversations closed")
            await _say_goodbye(bot)
            fault_point("goodbye said")
        finally:
            for task in (checking, stopping, connected):
                task.cancel()
            _, ended, *_ = await asyncio.gather(checking, connected, stopping, return_exceptions=True)
    if damage.done():
        raise damage.result()
    if isinstance(ended, Exception):
        raise ended


async def _say_goodbye(bot: MnemoBot) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GOODBYE_SECONDS):
            await bot.close()


@contextlib.asynccontextmanager
async def open_services(
    settings: Settings,
    stop: asyncio.Event | None = None,
    *,
    on_damage: Callable[[StorageError], object] = lambda _: None,
) -> AsyncIterator[tuple[Services, Opened]]:
    """Open all that the bot uses, Discord apart; what takes long is given up on *stop*.

    *on_damage* is called once if the database turns out to be damaged.
    """
    persona = settings.persona()
    async with (
        open_store(settings.database_url, on_damage=on_damage) as store,
        open_models(settings) as models,
        open_cdn(settings.discord_cdn_url) as cdn,
    ):
        counter = await _unless(stop or asyncio.Event(), open_counter(settings))
        calibration = await Calibration.load(store, settings.chat_model)
        (_, main), *others = models
        fallback = next(((model, endpoint.model) for endpoint, model in others), None)
        model = ResilientModel(main, fallback)
        with counted() as troubles:
            services = compose(
                settings, store, model, counter, calibration, persona, fetch=cdn.fetch, troubles=troubles
            )
            await services.governance.load()
            await services.privacy.load()
            try:
                yield services, models
            finally:
                await services.compactor.close()
                await services.budgets.close()


@contextlib.asynccontextmanager
async def open_models(settings: Settings) -> AsyncIterator[Opened]:
    """Open the main model and, if there is one, the fallback."""
    endpoints = [settings.endpoint, *filter(None, [settings.fallback])]
    async with contextlib.AsyncExitStack() as stack:
        yield [
            (
                endpoint,
                await stack.enter_async_context(
                    open_model(
                        api_key=endpoint.api_key,
                        base_url=endpoint.base_url,
                        # Who can ask another one does not wait long for the first.
                        patience=settings.reply_timeout_seconds / len(endpoints),
                        max_reply_tokens=settings.reply_max_tokens,
                        key_variable=f"{endpoint.prefix}_API_KEY",
                        remembers_blindness=settings.model_vision == "auto",
                    )
                ),
            )
            for endpoint in endpoints
        ]


class _Stopped(Exception):
    """The signal to stop came before all was open."""


async def _unless(stop: asyncio.Event, opening: Coroutine[None, None, T]) -> T:
    """Return what *opening* opens. Raises :class:`_Stopped` if *stop* is set first."""
    working, stopping = (
        asyncio.create_task(opening, name="opening"),
        asyncio.create_task(stop.wait(), name="stop-signal"),
    )
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise _Stopped
        return working.result()
    finally:
        for task in (working, stopping):
            task.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)


async def _from_nowhere(_: str) -> Fetched:
    raise FileProblem(NOT_FETCHED)


def compose(
    settings: Settings,
    store: Store,
    model: ChatModel,
    counter: TokenCounter,
    calibration: Calibration,
    persona: str,
    *,
    troubles: Troubles | None = None,
    fetch: Fetch = _from_nowhere,
    recall_threshold: float = THRESHOLD,
    now: Callable[[], float] = time.time,
) -> Services:
    """Put the services together; nothing is opened here. Without *fetch* no attached file can be had."""
    policies = policies_of(settings, calibration.factor)
    models = Models(settings.chat_model, settings.allowed, model)
    shape = prompt.Shape(settings.model_api, settings.prompt_template, settings.human_prefix, settings.ai_prefix)
    recaller = Recaller(store, counter.count, recall_threshold)
    viewer = Viewer(store, policies, recaller, shape, persona=persona, count=counter.count)
    check_room(policies.for_channel(Overrides()), viewer.fixed_tokens(Overrides()))
    summarizer = Summarizer(model, settings.summarizer, shape.request, settings.reply_timeout_seconds)
    budgets = _budgets(settings, store, calibration, now)
    compactor = Compactor(store, summarizer, policies.for_channel, counter.count, viewer.fixed_tokens, budgets)
    attachments = Attachments(store, fetch, counter.count, vision=settings.takes_images)
    what = (settings.reply_timeout_seconds, calibration, budgets, Line(settings.max_concurrent_replies))
    brain = Brain(store, viewer, attachments, model, models, *what, settings.reply_max_chunks, now=now)
    conversations = _conversations(settings, brain, compactor)
    sets = host_sets(settings, persona)
    governance = Governance(store, sets, policies, models, viewer.fixed_tokens, compactor.consider)
    catch_up = CatchUp(store, conversations, governance, hours=settings.catch_up_hours)
    memories = Memories(
        store,
        policies,
        viewer,
        compactor,
        governance=governance,
        grace_hours=settings.reset_grace_hours,
        retention_days=settings.retention_days,
        interrupt=conversations.interrupt,
    )
    sources = (store, model, conversations, catch_up, memories, troubles or Troubles(), budgets)
    host = Host(*sources, owners=settings.owners, models=(settings.chat_model, settings.summarizer))
    return Services(
        conversations,
        ReplyActions(store, conversations),
        Pins(store, viewer, conversations, governance, retention_days=settings.retention_days),
        Threads(store, compactor),
        catch_up,
        memories,
        Privacy(store, conversations, promise(settings, OPENAI_URL)),
        compactor,
        viewer,
        UsageReports(store, settings.prices),
        Registration(store),
        host,
        governance,
        budgets,
        settings.catch_up_messages,
    )


def _budgets(settings: Settings, store: Store, calibration: Calibration, now: Callable[[], float]) -> Budgets:
    most = most_reply_tokens(settings, LONGEST_REPLY, TEXT_REPLY_TOKENS)
    return Budgets(store, host_limits(settings), most, calibration.factor, now)


def _conversations(settings: Settings, brain: Brain, compactor: Compactor) -> Conversations:
    return Conversations(
        brain,
        compactor,
        reply_seconds=OUTAGE_SECONDS + settings.reply_timeout_seconds,
        answer_hours=settings.catch_up_hours,
        retention_days=settings.retention_days,
    )


async def open_counter(settings: Settings) -> TokenCounter:
    """Load the tokenizer of the chat model, or the estimate where its vocabulary cannot be had or is not wanted."""
    if settings.tokenizer == "estimate":
        counter = TokenCounter("estimate", estimate, "TOKENIZER=estimate")
    else:
        counter = await load_counter(settings.chat_model, vocabulary_folder(settings))
        if counter.reason is not None:
            log.info("tokens are estimated: %s", counter.reason)
    return replace(counter, count=lru_cache(TEXTS_COUNTED)(counter.count))


def vocabulary_folder(settings: Settings) -> Path:
    """Return where the tokenizer's vocabulary is kept: beside the database."""
    return database_path(settings.database_url).parent / "tiktoken"


async def _stay_on_discord(bot: MnemoBot, token: str) -> None:
    """Log in, however long Discord takes to be reachable, and stay connected as long as the token holds."""
    try:
        await _patiently(bot)(_log_in, bot, token)
    except discord.LoginFailure:
        raise FatalError(REFUSED_BY_DISCORD) from None
    except discord.HTTPException as error:
        raise FatalError(f"Discord does not let the bot log in ({error.status}: {error.text}).") from None
    log.info("logged in as %s", bot.user)
    connected = asyncio.create_task(stay_connected(bot, bot.pace), name="gateway")
    refused = asyncio.create_task(_token_refused(bot), name="token-refused")
    try:
        for task in (await asyncio.wait({connected, refused}, return_when=asyncio.FIRST_COMPLETED))[0]:
            task.result()
    finally:
        for task in (connected, refused):
            task.cancel()
        await asyncio.gather(connected, refused, return_exceptions=True)


async def _log_in(bot: MnemoBot, token: str) -> None:
    async with asyncio.timeout(LOGIN_SECONDS):
        await bot.login(token)


async def _token_refused(bot: MnemoBot) -> None:
    """Wait until the token is refused. Once may be Discord's hiccup, so it is asked again; raises :class:`FatalError` then."""
    refused = bot.invalid_requests.token_refused
    while True:
        await refused.wait()
        refused.clear()
        try:
            await insist(bot, lambda: bot.http.request(discord.http.Route("GET", "/users/@me")))
        except FAILURES as error:
            if isinstance(error, discord.HTTPException) and error.status == UNAUTHORIZED:
                raise FatalError(REFUSED_BY_DISCORD) from None


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

    return AsyncRetrying(retry=retry_if_exception(may_pass), wait=pausing(_MAX_PAUSE_SECONDS), before_sleep=say_so)


async def _check_models(models: Opened) -> None:
    await asyncio.gather(*(_check_model(endpoint, model) for endpoint, model in models))


async def _check_model(endpoint: Endpoint, model: OpenAIModel) -> None:
    """Tell the host early when a model cannot be used, and when it can be again."""
    named = f"{endpoint.model} ({endpoint.model_variable})"
    pause = 1.0
    while True:
        try:
            names = await model.list_models()
        except (ModelRefused, RequestRefused) as error:
            log.warning("the endpoint of %s does not list its models: %s", named, error.detail)
            return
        except ModelError as error:
            log.warning("the model %s cannot be reached; trying again in %.0f s: %s", named, pause, error.detail)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _MAX_PAUSE_SECONDS)
        else:
            if endpoint.model not in names:
                log.warning("the endpoint does not list the model %s", named)
            return
