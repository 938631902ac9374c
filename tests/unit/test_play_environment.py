"""What the bot of ``make play`` is told: nothing of the host's settings, and a real model if one is set."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.settings import Settings
from playground.environment import MissingSetting, bot_environment, read_settings, real_model

LITTLE = {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1", "OPENAI_API_KEY": "none"}
DISCORD = {"DISCORD_TOKEN": "little", "DISCORD_API_URL": "http://127.0.0.1:2/api/v10"}


def environment(environ: dict[str, str]) -> dict[str, str]:
    return bot_environment(environ, model=LITTLE, discord=DISCORD, database=Path("/play/mnemo.db"))


def test_no_setting_of_the_host_gets_through() -> None:
    host = {name.upper(): "from the host" for name in Settings.model_fields}

    assert "from the host" not in environment(host).values()


def test_the_machine_stays_as_it_is() -> None:
    told = environment({"PATH": "/bin", "LC_ALL": "C.UTF-8", "PYTHONPATH": "/mine", "HTTPS_PROXY": "http://proxy"})

    assert (told["PATH"], told["LC_ALL"], told["HTTPS_PROXY"]) == ("/bin", "C.UTF-8", "http://proxy")
    assert told["PYTHONPATH"].endswith(":/mine")


def test_loopback_is_never_reached_through_a_proxy() -> None:
    told = environment({"HTTP_PROXY": "http://proxy", "NO_PROXY": "intranet"})

    assert told["NO_PROXY"] == told["no_proxy"] == "intranet,127.0.0.1"


def test_play_decides_where_discord_the_model_and_the_database_are() -> None:
    told = environment({"DISCORD_TOKEN": "real", "DATABASE_URL": "sqlite:///real.db", "OPENAI_API_KEY": "real"})

    assert told.items() >= (LITTLE | DISCORD | {"DATABASE_URL": "sqlite:////play/mnemo.db"}).items()


def test_the_environment_wins_over_the_file_and_empty_means_unset(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("OPENAI_API_KEY=file\nchat_model=file-model\nOPENAI_BASE_URL=\n")

    settings = read_settings({"OPENAI_API_KEY": "", "CHAT_MODEL": "mine"}, dotenv)

    assert settings == {"OPENAI_API_KEY": "file", "CHAT_MODEL": "mine"}


def test_a_real_model_is_taken_with_all_that_describes_it() -> None:
    described = {"OPENAI_BASE_URL": "http://localhost:11434/v1", "CHAT_MODEL": "qwen", "MODEL_CONTEXT_TOKENS": "8192"}

    assert real_model(described | {"DISCORD_TOKEN": "real", "PATH": "/bin"}) == described


def test_without_a_key_or_an_address_there_is_no_real_model() -> None:
    assert real_model({"CHAT_MODEL": "qwen"}) is None


def test_a_real_model_needs_its_name() -> None:
    with pytest.raises(MissingSetting, match="CHAT_MODEL is missing"):
        real_model({"OPENAI_API_KEY": "key"})
