"""How the log is written: as text or JSON, to standard error, without any message's content at any level."""

from __future__ import annotations

import logging
import sys
from typing import Literal

from pythonjsonlogger.json import JsonFormatter

_TEXT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"

# At DEBUG these write what they send and receive, which is what people said; asyncio's and ours do not.
_TELLS_CONTENT = ("aiosqlite", "discord", "openai", "httpx", "httpx2", "httpcore", "httpcore2")

# What a record has by itself; the rest are the fields that a call named with `extra`.
_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class TextFormatter(logging.Formatter):
    """One line a record, with the fields that it carries at its end."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 logging's own name
        line = super().formatMessage(record)
        fields = " ".join(f"{name}={value}" for name, value in vars(record).items() if name not in _OWN_FIELDS)
        return f"{line} [{fields}]" if fields else line


class _Discreet(logging.Filter):
    """Drops what tells contents even if a library lowers its own level, as openai does when OPENAI_LOG is set."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.INFO or record.name.partition(".")[0] not in _TELLS_CONTENT


def set_up_logging(level: str, style: Literal["text", "json"]) -> None:
    """Write records of *level* and above to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        TextFormatter(_TEXT)
        if style == "text"
        else JsonFormatter(
            ["asctime", "levelname", "name", "message"], rename_fields={"asctime": "time", "levelname": "level"}
        )
    )
    handler.addFilter(_Discreet())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    quiet = max(logging.getLevelNamesMapping()[level], logging.INFO)
    for name in _TELLS_CONTENT:
        logging.getLogger(name).setLevel(quiet)
    for name in ("openai", "httpx", "httpx2"):  # a line for each request or retry; our own tell what came of them
        logging.getLogger(name).setLevel(max(quiet, logging.WARNING))
