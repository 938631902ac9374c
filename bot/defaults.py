"""What the host's settings ask for where no admin decided otherwise. Nothing is read or opened here."""

from __future__ import annotations

from collections.abc import Callable

from bot.errors import SettingsError
from bot.governance import LEAST_ROOM_TOKENS
from bot.memory import Policies, Policy
from bot.settings import Settings
from storage.records import Budget, Limits, Overrides

#: Of most languages. https://platform.openai.com/tokenizer
CHARACTERS_PER_TOKEN = 4


def host_sets(settings: Settings, persona: str) -> Overrides:
    """Return what holds where no admin decided otherwise."""
    return Overrides(
        policy=settings.memory_policy,
        max_messages=settings.memory_max_messages,
        max_tokens=settings.memory_max_tokens,
        persona=persona,
        model=settings.chat_model,
        reply_mode=settings.reply_mode,
        is_on=True,
        user_day_tokens=settings.daily_tokens_per_user,
        channel_day_tokens=settings.daily_tokens_per_channel,
    )


def host_limits(settings: Settings) -> Limits:
    """Return how many tokens a day the host lets everybody use; what is not limited is missing."""
    limits: dict[Budget, int | None] = {
        "user": settings.daily_tokens_per_user,
        "channel": settings.daily_tokens_per_channel,
        "server": settings.daily_tokens_per_server,
        "host": settings.daily_tokens,
    }
    return {budget: limit for budget, limit in limits.items() if limit is not None}


def most_reply_tokens(settings: Settings, longest: int, text_tokens: int) -> int:
    """Return how many tokens a reply may have at most: one that the host does not limit has *longest* characters then.

    *text_tokens* is what such a reply of the completions API has.
    """
    unlimited = text_tokens if settings.model_api == "completions" else longest // CHARACTERS_PER_TOKEN
    return settings.reply_max_tokens or unlimited


def policies_of(settings: Settings, scale: Callable[[str | None], float] = lambda _: 1.0) -> Policies:
    """Return the policies that the settings ask for. *scale* says how many of the model's tokens one of ours is."""
    return Policies(
        settings.memory_policy,
        max_messages=settings.memory_max_messages,
        max_tokens=settings.memory_max_tokens,
        context_tokens=settings.model_context_tokens,
        trim_to=settings.memory_trim_to,
        scale=scale,
    )


def check_room(policy: Policy, fixed_tokens: int) -> None:
    """Raise :class:`bot.errors.SettingsError` if the persona leaves too little of a prompt for what people say."""
    if policy.trigger_budget(fixed_tokens) < LEAST_ROOM_TOKENS:
        raise SettingsError(
            (
                f"SYSTEM_PROMPT leaves no room: with what the model is told about conversations it has {fixed_tokens:,} tokens. "
                "Shorten it, or raise MEMORY_MAX_TOKENS.",
            )
        )
