"""Settings: what is read from where, what a host reads when a value is wrong, and that no secret can be seen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.errors import SettingsError
from bot.settings import DEFAULT_PERSONA, OPENAI_URL, Settings, load_settings

SECRET = "do-not-show-9f86d081"
NEEDED = {"CHAT_MODEL": "little-model", "OPENAI_API_KEY": "a-key"}


def give(monkeypatch: pytest.MonkeyPatch, **variables: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token is needed too; the tests about it take it away."""
    monkeypatch.setenv("DISCORD_TOKEN", "a-token")


def complaints() -> tuple[str, ...]:
    with pytest.raises(SettingsError) as refused:
        load_settings()
    return refused.value.sentences


def test_only_a_token_a_model_and_its_key_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, **NEEDED)
    settings = load_settings()
    assert settings.chat_model == "little-model"
    assert settings.endpoint.api_key == "a-key"
    assert settings.persona() == DEFAULT_PERSONA
    given = settings.model_dump(exclude={"chat_model", "openai_api_key", "discord_token"})
    assert given == {name: Settings.model_fields[name].default for name in given}


def test_a_server_of_ones_own_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, CHAT_MODEL="little-model", OPENAI_BASE_URL="http://192.168.1.5:11434/v1/")
    settings = load_settings()
    assert settings.endpoint.api_key is None
    assert settings.openai_base_url == "http://192.168.1.5:11434/v1"


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("CHAT_MODEL=from-the-file\nOPENAI_API_KEY=a-key\nREPLY_MODE=all\n", encoding="utf-8")
    give(monkeypatch, CHAT_MODEL="from-the-environment")
    settings = load_settings()
    assert (settings.chat_model, settings.reply_mode) == ("from-the-environment", "all")


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("CHAT_MODEL=from-the-file\nLOG_FORMAT=\n", encoding="utf-8")
    give(monkeypatch, OPENAI_API_KEY="a-key", CHAT_MODEL="", MEMORY_MAX_TOKENS="")
    settings = load_settings()
    assert (settings.chat_model, settings.memory_max_tokens, settings.log_format) == ("from-the-file", 4_000, "text")


def test_space_around_a_value_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, OPENAI_API_KEY=" a-key\n", CHAT_MODEL=" little-model ", MEMORY_MAX_TOKENS=" 500 ")
    settings = load_settings()
    assert (settings.endpoint.api_key, settings.chat_model, settings.memory_max_tokens) == (
        "a-key",
        "little-model",
        500,
    )


def test_a_file_saved_on_windows_is_read() -> None:
    Path(".env").write_bytes("CHAT_MODEL=modèle\r\nOPENAI_API_KEY=a-key\r\n".encode("utf-8-sig"))
    assert load_settings().chat_model == "modèle"


def test_a_file_in_another_encoding_is_named() -> None:
    Path(".env").write_bytes("CHAT_MODEL=modèle\n".encode("latin-1"))
    assert complaints() == (".env is not UTF-8 text: save it as UTF-8.",)


WRONG = {
    "DISCORD_API_URL": ("discord.com", "must be an address that starts with https:// or http://."),
    "DISCORD_GATEWAY_URL": ("https://x", "must be an address that starts with wss:// or ws://."),
    "DISCORD_CDN_URL": ("ftp://x", "must be an address that starts with https:// or http://."),
    "OPENAI_BASE_URL": ("http://[::1", "must be an address that starts with https:// or http://."),
    "MODEL_API": ("responses", "must be 'chat' or 'completions'."),
    "MODEL_VISION": ("yes", "must be 'auto', 'on' or 'off'."),
    "MODEL_CONTEXT_TOKENS": ("10000001", "must be 10,000,000 or less."),
    "REPLY_MAX_TOKENS": ("0", "must be 1 or more."),
    "DAILY_TOKENS": ("0", "must be 1 or more."),
    "DAILY_TOKENS_PER_SERVER": ("1000000000", "must be 999,999,999 or less."),
    "DAILY_TOKENS_PER_CHANNEL": ("many", "must be a whole number."),
    "DAILY_TOKENS_PER_USER": ("-1", "must be 1 or more."),
    "MAX_CONCURRENT_REPLIES": ("0", "must be 1 or more."),
    "REPLY_TIMEOUT_SECONDS": ("two minutes", "must be a number."),
    "REPLY_MAX_CHUNKS": ("0", "must be 1 or more."),
    "SYSTEM_PROMPT": (
        "x" * 20_001,
        "must not be longer than 20,000 characters (SYSTEM_PROMPT_FILE takes more).",
    ),
    "HUMAN_PREFIX": ("Human:", "must be one line without a colon."),
    "AI_PREFIX": ("x" * 41, "must not be longer than 40 characters."),
    "PROMPT_TEMPLATE": ("{human_input}", "must contain {chat_history}."),
    "MODEL_PRICES": (
        "mini=1/0.1/4,free",
        "must be like gpt-4o-mini=0.15/0.075/0.60, dollars per million prompt/cached/completion tokens; entry 2 is not.",
    ),
    "MEMORY_POLICY": ("all", "must be 'buffer', 'window', 'tokens', 'summary' or 'hybrid'."),
    "FALLBACK_BASE_URL": ("elsewhere", "must be an address that starts with https:// or http://."),
    "MEMORY_MAX_MESSAGES": ("1", "must be 2 or more."),
    "MEMORY_MAX_TOKENS": ("4k", "must be a whole number."),
    "MEMORY_TRIM_TO": ("0", "must be 0.1 or more."),
    "RESET_GRACE_HOURS": ("-1", "must be 0 or more."),
    "RETENTION_DAYS": ("0", "must be 1 or more."),
    "CATCH_UP_HOURS": ("inf", "must be 720 or less."),
    "CATCH_UP_MESSAGES": ("0", "must be 1 or more."),
    "REPLY_MODE": ("everything", "must be 'mention', 'listen' or 'all'."),
    "TOKENIZER": ("tiktoken", "must be 'auto' or 'estimate'."),
    "OWNER_IDS": ("nemo", "must be Discord ids (numbers of 17 to 20 digits) with commas between them."),
    "DATABASE_URL": (
        "postgresql://me:pass@host/db",
        "must look like sqlite:///data/mnemo.db (relative) or sqlite:////var/lib/mnemo.db (absolute).",
    ),
    "LOG_LEVEL": ("loud", "must be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'."),
    "LOG_FORMAT": ("xml", "must be 'text' or 'json'."),
}


@pytest.mark.parametrize("variable", WRONG)
def test_a_wrong_value_gets_one_sentence_that_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    value, expected = WRONG[variable]
    give(monkeypatch, **NEEDED | {variable: value})
    assert complaints() == (f"{variable} {expected}",)


def test_owners_are_ids_with_commas_between_them(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, **NEEDED)
    assert load_settings(None).owners == frozenset()
    give(monkeypatch, OWNER_IDS=" 123456789012345678 ,223456789012345678")
    assert load_settings(None).owners == {123456789012345678, 223456789012345678}


def test_every_setting_that_can_be_wrong_is_tried_above() -> None:
    any_text = {"DISCORD_TOKEN", "OPENAI_API_KEY", "CHAT_MODEL", "SUMMARY_MODEL", "SYSTEM_PROMPT_FILE"}
    any_text |= {"ALLOWED_MODELS", "FALLBACK_MODEL", "FALLBACK_API_KEY"}
    assert WRONG.keys() | any_text == {name.upper() for name in Settings.model_fields}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DISCORD_GATEWAY_URL", "ws://gateway.example"),
        ("OWNER_IDS", "123456789012345678,"),
        ("OWNER_IDS", "123456789012345678 223456789012345678"),
        ("OWNER_IDS", "1234"),
        ("DATABASE_URL", "sqlite:///"),
        ("DATABASE_URL", "sqlite:///:memory:"),
        ("DATABASE_URL", "data/mnemo.db"),
        ("OPENAI_BASE_URL", "https://model.example:99999/v1"),
        ("REPLY_TIMEOUT_SECONDS", "nan"),
        ("MEMORY_MAX_MESSAGES", "40.5"),
        ("MODEL_PRICES", SECRET),
        ("MODEL_PRICES", f"{SECRET}=1/2/3,{SECRET}=1/2/3"),
        ("MODEL_CONTEXT_TOKENS", "9" * 5_000),
        ("DISCORD_TOKEN", f"{SECRET}\udcff"),
    ],
)
def test_other_wrong_values_are_refused_too(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    give(monkeypatch, **NEEDED | {variable: value})
    (sentence,) = complaints()
    assert sentence.startswith(f"{variable} ")
    assert len(sentence) < 150, "it does not quote what it was given"
    assert SECRET not in sentence


def test_all_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, OPENAI_API_KEY="a-key", MEMORY_MAX_TOKENS="many", LOG_LEVEL="loud")
    assert [sentence.split()[0] for sentence in complaints()] == ["CHAT_MODEL", "MEMORY_MAX_TOKENS", "LOG_LEVEL"]


@pytest.mark.parametrize("given", ["", "   "])
def test_a_missing_model_is_asked_for(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    give(monkeypatch, OPENAI_API_KEY="a-key", CHAT_MODEL=given)
    assert complaints() == (
        "CHAT_MODEL is missing: set it to the name of the model that writes the replies, for example gpt-5-mini.",
    )


@pytest.mark.parametrize("given", ["", "   "])
def test_a_missing_key_is_asked_for(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    give(monkeypatch, CHAT_MODEL="little-model", OPENAI_API_KEY=given)
    assert complaints() == (
        "OPENAI_API_KEY is missing: set it, or point OPENAI_BASE_URL at a server of yours that needs none.",
    )


def test_a_prompt_stands_in_one_place_only(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, **NEEDED, SYSTEM_PROMPT="Be kind.", SYSTEM_PROMPT_FILE="persona.txt")
    assert complaints() == ("SYSTEM_PROMPT and SYSTEM_PROMPT_FILE are both set: keep one of them.",)


def test_memory_cannot_be_larger_than_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, **NEEDED, MEMORY_MAX_TOKENS="9000", MODEL_CONTEXT_TOKENS="8000")
    assert complaints() == (
        "MEMORY_MAX_TOKENS (9,000) is above MODEL_CONTEXT_TOKENS (8,000): "
        "lower the first, or raise the second to what the model takes.",
    )


OTHER = "https://other.example/v1"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, (None, "a-key")),
        ({"FALLBACK_API_KEY": "b-key"}, (None, "b-key")),
        ({"FALLBACK_BASE_URL": OTHER}, (OTHER, None)),
        ({"FALLBACK_BASE_URL": OTHER, "FALLBACK_API_KEY": "b-key"}, (OTHER, "b-key")),
        ({"FALLBACK_BASE_URL": OTHER, "OPENAI_BASE_URL": OTHER}, (OTHER, "a-key")),
        ({"FALLBACK_BASE_URL": OPENAI_URL}, (OPENAI_URL, "a-key")),
        ({"FALLBACK_BASE_URL": OPENAI_URL, "OPENAI_BASE_URL": OTHER}, (OPENAI_URL, None)),
    ],
)
def test_a_fallback_gets_the_main_key_only_at_the_main_address(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], expected: tuple[str | None, str | None]
) -> None:
    give(monkeypatch, **NEEDED, FALLBACK_MODEL="other-model", **given)
    fallback = load_settings().fallback
    assert fallback is not None
    assert (fallback.base_url, fallback.api_key) == expected
    assert "key" not in repr(fallback)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"FALLBACK_API_KEY": "b-key"}, "FALLBACK_API_KEY is set without FALLBACK_MODEL"),
        ({"FALLBACK_BASE_URL": OTHER}, "FALLBACK_BASE_URL is set without FALLBACK_MODEL"),
        ({"FALLBACK_MODEL": "little-model"}, "FALLBACK_MODEL is the same as CHAT_MODEL"),
        (
            {"FALLBACK_MODEL": "little-model", "FALLBACK_BASE_URL": OPENAI_URL},
            "FALLBACK_MODEL is the same as CHAT_MODEL",
        ),
    ],
)
def test_a_fallback_that_would_do_nothing_is_refused(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], complaint: str
) -> None:
    give(monkeypatch, **NEEDED, **given)
    (sentence,) = complaints()
    assert sentence.startswith(complaint)


def test_a_prompt_is_read_from_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("persona.txt").write_text("You are Dory.\nYou forget.\n", encoding="utf-8")
    give(monkeypatch, **NEEDED, SYSTEM_PROMPT_FILE="persona.txt")
    assert load_settings().persona() == "You are Dory.\nYou forget."


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "No such file or directory"), (b"caf\xe9", "it is not UTF-8 text")]
)
def test_a_prompt_that_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, content: bytes | None, reason: str
) -> None:
    if content is not None:
        Path("persona.txt").write_bytes(content)
    give(monkeypatch, **NEEDED, SYSTEM_PROMPT_FILE="persona.txt")
    with pytest.raises(SettingsError) as refused:
        load_settings().persona()
    assert refused.value.sentences == (f"SYSTEM_PROMPT_FILE cannot be read: persona.txt: {reason}.",)


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, CHAT_MODEL="little-model", DISCORD_TOKEN=SECRET, OPENAI_API_KEY=SECRET)
    settings = load_settings()
    assert (settings.token, settings.endpoint.api_key) == (SECRET, SECRET)
    for shown in (repr(settings), str(settings), settings.model_dump_json(), f"{settings.model_dump()}"):
        assert SECRET not in shown


def test_secrets_do_not_show_in_what_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, CHAT_MODEL="little-model", DISCORD_TOKEN=SECRET, OPENAI_API_KEY=SECRET)
    give(monkeypatch, SYSTEM_PROMPT="one", SYSTEM_PROMPT_FILE="two", OPENAI_BASE_URL=f"me:{SECRET}@host")
    with pytest.raises(SettingsError) as refused:
        load_settings()
    assert SECRET not in repr(refused.value)
    assert not isinstance(refused.value.__cause__, ValidationError), "pydantic's own text quotes what it was given"
    assert refused.value.__suppress_context__


def test_settings_cannot_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, **NEEDED)
    with pytest.raises(ValidationError):
        load_settings().chat_model = "another"


def run_bot() -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bot", "run"]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_the_program_says_what_is_wrong_and_ends_with_2(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, CHAT_MODEL="little-model", OPENAI_API_KEY=SECRET, LOG_LEVEL="loud", REPLY_MODE="everything")
    ended = run_bot()
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.splitlines() == [
        "REPLY_MODE must be 'mention', 'listen' or 'all'.",
        "LOG_LEVEL must be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'.",
    ]


def test_a_prompt_that_cannot_be_read_ends_the_program_with_2(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, **NEEDED, DISCORD_TOKEN=SECRET, SYSTEM_PROMPT_FILE="persona.txt")
    ended = run_bot()
    assert ended.returncode == 2
    assert ended.stderr == "SYSTEM_PROMPT_FILE cannot be read: persona.txt: No such file or directory.\n"


def test_everything_that_is_needed_is_asked_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISCORD_TOKEN")
    assert [sentence.split()[0] for sentence in complaints()] == ["DISCORD_TOKEN", "OPENAI_API_KEY", "CHAT_MODEL"]


@pytest.mark.parametrize("given", [None, "", "  "])
def test_without_a_token_the_program_says_where_to_get_one(monkeypatch: pytest.MonkeyPatch, given: str | None) -> None:
    give(monkeypatch, **NEEDED)
    monkeypatch.delenv("DISCORD_TOKEN") if given is None else monkeypatch.setenv("DISCORD_TOKEN", given)
    ended = run_bot()
    assert ended.returncode == 2
    (sentence,) = ended.stderr.splitlines()
    assert sentence.startswith("DISCORD_TOKEN is missing: ")
    assert "https://discord.com/developers/applications" in sentence
    assert "make play" in sentence
    assert not Path("data").exists(), "nothing is made before the settings are right"
