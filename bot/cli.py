"""The command line: reads the arguments, calls what they name, prints what came of it. Its exit codes are public.

0 after a clean stop, 2 for bad settings (one sentence each on standard error), 1 for anything else that ends the program.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

from bot.errors import FatalError, SettingsError
from bot.formats import Format, ReadableFormat
from bot.logs import set_up_logging
from bot.settings import load_database_settings, load_settings, load_settings_without_token
from storage import StorageError

log = logging.getLogger(__name__)

EXIT_CLEAN = 0
EXIT_FAILED = 1
EXIT_BAD_SETTINGS = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code."""
    given = _parser().parse_args(arguments)
    try:
        match given.command:
            case "doctor":
                return _doctor()
            case "export":
                return _export(given)
            case "import":
                return _import(given)
            case "backup":
                return _backup(given)
            case "restore":
                return _restore(given)
            case _:
                return _run()
    except SettingsError as error:
        print("\n".join(error.sentences), file=sys.stderr)
        return EXIT_BAD_SETTINGS
    except KeyboardInterrupt:
        return EXIT_CLEAN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bot", description="Mnemo, a Discord bot that remembers each channel."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("run", help="run the bot until it is told to stop")
    commands.add_parser("doctor", help="check settings, database, model, tokenizer and token, a line each")
    taking_out = commands.add_parser(
        "export", help="write what is remembered in a channel to a file; the bot must not run"
    )
    taking_out.add_argument("channel", metavar="CHANNEL_ID", type=_snowflake)
    taking_out.add_argument("file", metavar="FILE", type=Path, nargs="?", help="standard output if there is none")
    taking_out.add_argument("--format", choices=get_args(Format), default="jsonl")
    bringing_in = commands.add_parser(
        "import", help="add what a file holds to a channel's memory; the bot must not run"
    )
    bringing_in.add_argument("channel", metavar="CHANNEL_ID", type=_snowflake)
    bringing_in.add_argument("file", metavar="FILE", type=Path)
    bringing_in.add_argument("--format", choices=get_args(ReadableFormat), default="auto")
    bringing_in.add_argument(
        "--guild", metavar="ID", type=_snowflake, help="the channel's server, if the bot does not know yet where it is"
    )
    backup = commands.add_parser("backup", help="copy the database to a file, also while the bot runs")
    backup.add_argument("file", metavar="PATH", type=Path, help="an earlier backup there is replaced")
    restore = commands.add_parser("restore", help="put a backup in the place of the database; the bot must not run")
    restore.add_argument("file", metavar="PATH", type=Path, help="the backup; what it replaces is kept beside it")
    return parser


def _snowflake(text: str) -> int:
    """Return one of Discord's ids. Raises :class:`ValueError`, which argparse tells."""
    number = int(text)
    if not 0 < number < 2**63:
        raise ValueError
    return number


_snowflake.__name__ = "Discord id"  # argparse says "invalid Discord id value"


def _run() -> int:
    settings = load_settings()
    set_up_logging(settings.log_level, settings.log_format)
    from bot.runtime import run

    try:
        asyncio.run(run(settings))
    except (FatalError, StorageError) as error:
        log.critical("%s", error)
        return EXIT_FAILED
    except SettingsError:
        raise
    except Exception:  # the last one who can tell the host; the program ends here
        log.exception("Mnemo ended on an error of its own")
        return EXIT_FAILED
    return EXIT_CLEAN


def _doctor() -> int:
    from bot.doctor import examine

    settings = load_settings()
    logging.disable(logging.CRITICAL)  # each finding is told by its own line
    healthy = True
    for finding in asyncio.run(examine(settings)):
        healthy = healthy and finding.good
        print(f"{'ok  ' if finding.good else 'FAIL'}  {finding.subject:<10} {finding.text}")
    return EXIT_CLEAN if healthy else EXIT_FAILED


def _export(given: argparse.Namespace) -> int:
    from bot import transfer

    settings = load_settings_without_token()
    return _told(lambda: asyncio.run(transfer.take_out(settings, given.channel, given.format, given.file)))


def _import(given: argparse.Namespace) -> int:
    from bot import transfer

    settings = load_settings_without_token()
    return _told(lambda: asyncio.run(transfer.bring_in(settings, given.channel, given.guild, given.file, given.format)))


def _backup(given: argparse.Namespace) -> int:
    from bot import backup

    settings = load_database_settings()
    return _told(lambda: backup.make(settings, given.file))


def _restore(given: argparse.Namespace) -> int:
    from bot import backup

    settings = load_database_settings()
    return _told(lambda: backup.put_back(settings, given.file))


def _told(work: Callable[[], str]) -> int:
    """Do the *work* and print the sentence that it ends with."""
    try:
        print(work(), file=sys.stderr)  # standard output may be the export itself
    except (FatalError, StorageError) as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return EXIT_FAILED
    return EXIT_CLEAN
