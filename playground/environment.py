"""The environment in which the bot is started: the machine's own variables, and the settings that play decides.

Nothing that configures Mnemo elsewhere gets through, least of all a real token. Only a real model does, if one is set.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

#: Where the bot's code is; it runs in another folder, so that it finds no ``.env``.
_ROOT = Path(__file__).resolve().parent.parent

#: What a program needs of the machine it runs on: paths, language, proxies, certificates. None of these configures Mnemo.
_MACHINE = {"HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "PATH", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR", "TZ", "USER"}
_MACHINE_PREFIXES = ("LC_", "PYTHON", "SSL_", "XDG_")
_PROXIES = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}

#: What describes a real model.
_MODEL = {"CHAT_MODEL", "MODEL_API", "MODEL_CONTEXT_TOKENS", "REPLY_MAX_TOKENS", "REPLY_TIMEOUT_SECONDS", "TOKENIZER"}
_MODEL_PREFIX = "OPENAI_"


class MissingSetting(Exception):
    """A setting that a real model needs. Its text is a sentence for whoever plays."""


def read_settings(environ: Mapping[str, str], dotenv: Path) -> dict[str, str]:
    """What is set in the environment or else in a ``.env`` file. An empty value counts as unset."""
    kept = {name.upper(): value for name, value in dotenv_values(dotenv).items() if value}
    return kept | {name: value for name, value in environ.items() if value}


def real_model(settings: Mapping[str, str]) -> dict[str, str] | None:
    """The settings of a real model; None if there is none to talk to. Raises :class:`MissingSetting`."""
    if not settings.keys() & {"OPENAI_API_KEY", "OPENAI_BASE_URL"}:
        return None
    if "CHAT_MODEL" not in settings:
        raise MissingSetting(
            "CHAT_MODEL is missing: OPENAI_API_KEY or OPENAI_BASE_URL is set, so play talks to that model; say which one, "
            "such as CHAT_MODEL=gpt-4o-mini, or unset them to play with the little model."
        )
    return {name: value for name, value in settings.items() if name in _MODEL or name.startswith(_MODEL_PREFIX)}


def bot_environment(
    environ: Mapping[str, str], *, model: Mapping[str, str], discord: Mapping[str, str], database: Path
) -> dict[str, str]:
    """All variables for the bot: the machine's, those of *model* and *discord*, and where its database is."""
    kept = {name: value for name, value in environ.items() if _is_machine(name)}
    path = ":".join(filter(None, [str(_ROOT), environ.get("PYTHONPATH")]))
    proxied = ",".join(filter(None, [environ.get("NO_PROXY") or environ.get("no_proxy"), "127.0.0.1"]))
    own = {
        "DATABASE_URL": f"sqlite:///{database}",
        "LOG_LEVEL": "WARNING",
        "NO_PROXY": proxied,
        "no_proxy": proxied,
        "PYTHONPATH": path,
        "PYTHONUNBUFFERED": "1",
    }
    return kept | own | dict(model) | dict(discord)


def _is_machine(name: str) -> bool:
    return name in _MACHINE or name.upper() in _PROXIES or name.startswith(_MACHINE_PREFIXES)
