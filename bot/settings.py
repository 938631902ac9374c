"""Every variable that configures Mnemo: its type, unit, default and bounds. It reads them once and opens nothing.

The environment wins over ``.env``, and a variable that is empty counts as unset. Names, meanings and defaults are public:
``docs/configuration.md`` and ``.env.example`` list them, and a test compares.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.errors import SettingsError
from bot.prices import Prices, read_prices
from bot.prompt import AI_PREFIX, HUMAN_PREFIX, TEMPLATE
from storage import database_path

DEFAULT_PERSONA = (
    "You are Mnemo, a friendly and knowledgeable member of this Discord channel. You remember what was said here. Answer in the "
    "language of the person who asks, briefly unless more is wanted, and say so when you do not know something."
)

DISCORD_API_URL = "https://discord.com/api/v10"
DISCORD_GATEWAY_URL = "wss://gateway.discord.gg"
DISCORD_CDN_URL = "https://cdn.discordapp.com"
OPENAI_URL = "https://api.openai.com/v1"

SomeSettings = TypeVar("SomeSettings", bound="DatabaseSettings")

_ID = re.compile(r"\d{17,20}")

#: What a machine is called by its own programs.
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a model is, and what it is called there. *prefix* begins the names of the variables for address and key.

    *base_url* None is OpenAI. Nothing of it is printed but the name.
    """

    model: str
    model_variable: str
    prefix: str
    base_url: str | None = field(repr=False)
    api_key: str | None = field(repr=False)


class DatabaseSettings(BaseSettings):
    """What it takes to find the database: for work on the file, which needs neither Discord nor a model."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        str_strip_whitespace=True,
        extra="ignore",
        frozen=True,
    )

    database_url: str = "sqlite:///data/mnemo.db"

    @field_validator("database_url")
    @classmethod
    def _names_a_file(cls, url: str) -> str:
        database_path(url)
        return url


class Settings(DatabaseSettings):
    """All settings, validated. Secrets cannot be printed."""

    discord_token: SecretStr | None = None
    discord_api_url: str = DISCORD_API_URL
    discord_gateway_url: str = DISCORD_GATEWAY_URL
    discord_cdn_url: str = DISCORD_CDN_URL

    openai_api_key: SecretStr | None = None
    openai_base_url: str | None = Field(None, validate_default=True)
    chat_model: str = Field(min_length=1)
    summary_model: str | None = None
    fallback_model: str | None = None
    fallback_base_url: str | None = None
    fallback_api_key: SecretStr | None = None
    allowed_models: str | None = None
    model_api: Literal["chat", "completions"] = "chat"
    model_vision: Literal["auto", "on", "off"] = "auto"
    model_context_tokens: int = Field(128_000, ge=1_000, le=10_000_000)
    reply_max_tokens: int | None = Field(None, ge=1, le=1_000_000)
    reply_timeout_seconds: float = Field(120, ge=5, le=800)
    reply_max_chunks: int = Field(5, ge=1, le=50)

    model_prices: str | None = None

    daily_tokens: int | None = Field(None, ge=1, le=999_999_999)
    daily_tokens_per_server: int | None = Field(None, ge=1, le=999_999_999)
    daily_tokens_per_channel: int | None = Field(None, ge=1, le=999_999_999)
    daily_tokens_per_user: int | None = Field(None, ge=1, le=999_999_999)
    max_concurrent_replies: int = Field(50, ge=1, le=1_000)

    system_prompt: str | None = Field(None, max_length=20_000)
    system_prompt_file: Path | None = None

    human_prefix: str = Field(HUMAN_PREFIX, min_length=1, max_length=40, pattern=r"^[^\n:]+$")
    ai_prefix: str = Field(AI_PREFIX, min_length=1, max_length=40, pattern=r"^[^\n:]+$")
    prompt_template: str = Field(TEMPLATE, max_length=20_000)

    memory_policy: Literal["buffer", "window", "tokens", "summary", "hybrid"] = "hybrid"
    memory_max_messages: int = Field(40, ge=2, le=10_000)
    memory_max_tokens: int = Field(4_000, ge=500, le=1_000_000)
    memory_trim_to: float = Field(0.5, ge=0.1, le=1)
    reset_grace_hours: float = Field(24, ge=0, le=8_760)
    retention_days: int | None = Field(None, ge=1, le=36_500)
    catch_up_hours: float = Field(24, ge=0, le=720)
    catch_up_messages: int = Field(200, ge=1, le=1_000)

    reply_mode: Literal["mention", "listen", "all"] = "mention"
    tokenizer: Literal["auto", "estimate"] = "auto"
    owner_ids: str | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("discord_cdn_url", "openai_base_url", "fallback_base_url")
    @classmethod
    def _http(cls, url: str | None) -> str | None:
        return url if url is None else _checked(url, "http", "https")

    @field_validator("discord_api_url")
    @classmethod
    def _http_with_token(cls, url: str) -> str:
        return _checked(url, "http", "https", carries_token=True)

    @field_validator("discord_gateway_url")
    @classmethod
    def _websocket(cls, url: str) -> str:
        return _checked(url, "ws", "wss", carries_token=True)

    @field_validator("openai_base_url")
    @classmethod
    def _or_a_key(cls, url: str | None, info: ValidationInfo) -> str | None:
        key = info.data.get("openai_api_key")
        if url is None and not (key and key.get_secret_value()):
            raise PydanticCustomError("no_key", _NO_KEY)
        return url

    @field_validator("owner_ids")
    @classmethod
    def _are_ids(cls, ids: str | None) -> str | None:
        if ids is not None and not all(_ID.fullmatch(one.strip()) for one in ids.split(",")):
            raise ValueError("must be Discord ids (numbers of 17 to 20 digits) with commas between them")
        return ids

    @field_validator("model_prices")
    @classmethod
    def _can_be_read(cls, prices: str | None) -> str | None:
        if prices is not None:
            read_prices(prices)
        return prices

    @field_validator("prompt_template")
    @classmethod
    def _has_both_places(cls, template: str) -> str:
        missing = [place for place in ("{chat_history}", "{human_input}") if place not in template]
        if missing:
            raise ValueError(f"must contain {' and '.join(missing)}")
        return template

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if self.system_prompt is not None and self.system_prompt_file is not None:
            raise ValueError("SYSTEM_PROMPT and SYSTEM_PROMPT_FILE are both set: keep one of them")
        if self.memory_max_tokens > self.model_context_tokens:
            raise ValueError(
                f"MEMORY_MAX_TOKENS ({self.memory_max_tokens:,}) is above MODEL_CONTEXT_TOKENS ({self.model_context_tokens:,}): "
                "lower the first, or raise the second to what the model takes"
            )
        return self

    @model_validator(mode="after")
    def _falls_back_on_another(self) -> Self:
        for name in ("fallback_base_url", "fallback_api_key"):
            if getattr(self, name) is not None and self.fallback_model is None:
                raise ValueError(f"{name.upper()} is set without FALLBACK_MODEL: name the model, or unset it")
        main, fallback = self.endpoint, self.fallback
        if fallback and self._is_one_address and (main.model, main.api_key) == (fallback.model, fallback.api_key):
            raise ValueError(
                "FALLBACK_MODEL is the same as CHAT_MODEL, at the same address: name another one, or unset it"
            )
        return self

    @property
    def endpoint(self) -> Endpoint:
        """The main model, with its key in the clear for the one client that sends it."""
        return Endpoint(self.chat_model, "CHAT_MODEL", "OPENAI", self.openai_base_url, _clear(self.openai_api_key))

    @property
    def fallback(self) -> Endpoint | None:
        """The model that stands in, if there is one. At an address of its own it is never sent the main one's key."""
        if self.fallback_model is None:
            return None
        key = _clear(self.fallback_api_key)
        if self._is_one_address:
            key = key or _clear(self.openai_api_key)
        url = self.fallback_base_url or self.openai_base_url
        return Endpoint(self.fallback_model, "FALLBACK_MODEL", "FALLBACK", url, key)

    @property
    def _is_one_address(self) -> bool:
        """Whether the fallback is where the main model is."""
        return self.fallback_base_url in (None, self.openai_base_url or OPENAI_URL)

    @property
    def summarizer(self) -> str:
        """The name of the model that writes the summaries."""
        return self.summary_model or self.chat_model

    @property
    def takes_images(self) -> bool:
        """Whether a model is shown any."""
        return self.model_vision != "off" and self.model_api == "chat"

    @property
    def owners(self) -> frozenset[int]:
        """The Discord ids of who hosts the bot."""
        return frozenset(map(int, self.owner_ids.split(","))) if self.owner_ids else frozenset()

    @property
    def allowed(self) -> frozenset[str] | None:
        """The models that admins may choose; None: all that the endpoint has."""
        names = self.allowed_models and frozenset(filter(None, map(str.strip, self.allowed_models.split(","))))
        return names or None

    @property
    def prices(self) -> Prices:
        """What models charge; none where the host did not say."""
        return read_prices(self.model_prices) if self.model_prices else Prices({})

    def persona(self) -> str:
        """Return the system prompt, reading its file if it is in one. Raises :class:`SettingsError`."""
        if self.system_prompt_file is None:
            return self.system_prompt or DEFAULT_PERSONA
        try:
            persona = self.system_prompt_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise SettingsError(
                (f"SYSTEM_PROMPT_FILE cannot be read: {self.system_prompt_file}: {reason}.",)
            ) from error
        if not persona:
            raise SettingsError(
                (f"SYSTEM_PROMPT_FILE is empty: {self.system_prompt_file}: write the persona into it.",)
            )
        return persona


class BotSettings(Settings):
    """Settings with which the bot can run: those with a token."""

    discord_token: SecretStr = Field(min_length=1)

    @property
    def token(self) -> str:
        """The bot's token in the clear, for the one client that sends it."""
        return self.discord_token.get_secret_value()


def _clear(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


def _checked(url: str, plain: str, encrypted: str, *, carries_token: bool = False) -> str:
    try:
        parts = urlsplit(url)
        whole = parts.scheme in (plain, encrypted) and parts.hostname and parts.port != 0
    except ValueError:  # brackets that do not close, a port that is none; the error may quote a password
        whole = False
    if not whole:
        raise ValueError(f"must be an address that starts with {encrypted}:// or {plain}://")
    if carries_token and parts.scheme == plain and parts.hostname not in LOOPBACK:
        raise ValueError(
            f"must be encrypted ({encrypted}://) unless it is on this machine, because it carries the token"
        )
    return url.rstrip("/")


def load_settings(env_file: Path | None = Path(".env")) -> BotSettings:
    """Read the settings from the environment and *env_file*.

    Raises :class:`SettingsError` with one sentence for each variable that is missing or wrong.
    """
    return _load(BotSettings, env_file)


def load_settings_without_token(env_file: Path | None = Path(".env")) -> Settings:
    """Read the settings for work that needs no Discord. Raises :class:`SettingsError` like :func:`load_settings`."""
    return _load(Settings, env_file)


def load_database_settings(env_file: Path | None = Path(".env")) -> DatabaseSettings:
    """Read where the database is, and nothing else. Raises :class:`SettingsError` like :func:`load_settings`."""
    return _load(DatabaseSettings, env_file)


def _load(kind: type[SomeSettings], env_file: Path | None) -> SomeSettings:
    try:
        return kind(_env_file=env_file)  # type: ignore[call-arg]  # the fields come from the environment
    except ValidationError as error:
        raise SettingsError(tuple(_sentences(error.errors()))) from None
    except UnicodeDecodeError:
        raise SettingsError((f"{env_file} is not UTF-8 text: save it as UTF-8.",)) from None
    except OSError as error:
        raise SettingsError((f"{env_file} cannot be read: {error.strerror}.",)) from None


def _sentences(errors: list[ErrorDetails]) -> Iterator[str]:
    for error in errors:
        name = "_".join(str(part) for part in error["loc"]).upper()
        if error["type"] == "no_key":
            yield _NO_KEY
        elif name in _MISSING and error["type"] in ("missing", "string_too_short", "too_short"):
            yield f"{name} is missing: {_MISSING[name]}."
        else:
            words = _WORDS.get(error["type"], "is wrong; docs/configuration.md says what it takes")
            if name == "SYSTEM_PROMPT" and error["type"] == "string_too_long":
                words += " (SYSTEM_PROMPT_FILE takes more)"
            yield f"{name} {words.format_map(error.get('ctx', {}))}.".lstrip()


_NO_KEY = "OPENAI_API_KEY is missing: set it, or point OPENAI_BASE_URL at a server of yours that needs none."

_MISSING = {
    "DISCORD_TOKEN": (
        "create a bot at https://discord.com/developers/applications, copy its token (Bot, Reset Token) into .env, and "
        "start again. To try Mnemo without one: make play"
    ),
    "CHAT_MODEL": "set it to the name of the model that writes the replies, for example gpt-5-mini",
}

# What a host reads for each of pydantic's error types, and never the value, which may be a secret.
_WORDS = {
    "string_too_long": "must not be longer than {max_length:,} characters",
    "string_pattern_mismatch": "must be one line without a colon",
    "int_parsing": "must be a whole number",
    "float_parsing": "must be a number",
    "greater_than_equal": "must be {ge:,.9g} or more",
    "less_than_equal": "must be {le:,.9g} or less",
    "literal_error": "must be {expected}",
    "value_error": "{error}",
}
