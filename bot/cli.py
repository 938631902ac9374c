"""The command line: reads the arguments, calls what they name, prints what came of it. Its exit codes are public.

0 after a clean stop, 2 for bad settings (one sentence each on standard error), 1 for anything else that ends the program.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Sequence

from bot.errors import FatalError, SettingsError
from bot.logs import set_up_logging
from bot.settings import load_settings
from storage import StorageError

log = logging.getLogger(__name__)

EXIT_CLEAN = 0
EXIT_FAILED = 1
EXIT_BAD_SETTINGS = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code."""
    command = _parser().parse_args(arguments).command
    try:
        return _doctor() if command == "doctor" else _run()
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
    return parser


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
