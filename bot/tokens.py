"""Counts the tokens of a text: with tiktoken where its vocabulary can be had, otherwise by an estimate.

The only importer of ``tiktoken``, and only when a vocabulary is wanted: importing this module costs no memory. It knows
nothing of messages, roles or budgets.

The estimate cuts a text into runs of one class of characters and charges each run ``flat`` tokens, plus ``each`` for
every character beyond the first ``free`` (``_CLASSES``), plus one for the text. The numbers were fitted to
``o200k_base``: on each corpus in ``tests/unit/corpora`` it is too low for fewer than 1% of the messages and at most
60% too high in total; ``bench/tokens.py`` prints the figures. An older vocabulary needs more for other scripts than
Latin: with ``cl100k_base`` the estimate is too low for many messages in Chinese and Russian and for some with emoji.
"""

from __future__ import annotations

import asyncio
import math
import os
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tiktoken

#: For models that tiktoken does not know: what OpenAI's current ones use. Other vendors count somewhat differently.
DEFAULT_ENCODING = "o200k_base"

#: Where tiktoken looks for vocabularies before it downloads them. It takes this from the environment only.
CACHE_VARIABLE = "TIKTOKEN_CACHE_DIR"

# (characters, flat, free, each); the first class that matches takes the run.
_CLASSES = (
    (r" [A-Z]?[a-z]+", 1, 5, 1 / 3),  # a word after a space: vocabularies hold most of these whole, space included
    (r"[A-Z]?[a-z]+", 1, 2, 1 / 3),  # a word elsewhere: in identifiers, addresses, names of emoji
    (r" ?[A-Z]+", 1, 1, 1 / 2),
    (r"[0-9]{1,3}", 1, 3, 0),  # OpenAI's encodings cut numbers after every third digit
    (r"\s*\n\s*|\s{2,}", 1, 1, 1 / 16),
    (r"[-=_*#~.!?]{4,}", 2, 4, 1 / 4),  # rulers and exclamations: the same few signs over and over
    (r"[!-/:-@\[-`{-~]+", 1, 1, 3 / 4),
    (r"[\u0400-\u04ff]+", 1.25, 2, 0.35),  # Cyrillic
    (r"[\u00c0-\u02af\u0370-\u1fff]+", 1.25, 1, 1 / 2),  # accented letters, Greek, Hebrew, Arabic, Indic, Thai, ...
    (r"[\u2e80-\ud7ff\uf900-\ufaff\uff00-\uffef]+", 0, 0, 1.15),  # Chinese, Japanese, Korean
    (r"[\u2000-\u206f\ufe0f]+", 0, 0, 1),  # quotation marks, dashes, and what joins emoji
    (r"[\U00010000-\U0010ffff]+", 0, 0, 3),  # emoji and everything else of four bytes in UTF-8
    (r"\S", 2, 1, 0),  # accents that stand alone, arrows, boxes: two or three bytes in UTF-8
)
_RUN = re.compile("|".join(f"({characters})" for characters, *_ in _CLASSES))
_COSTS = tuple(costs for _, *costs in _CLASSES)


def estimate(text: str) -> int:
    """About how many tokens *text* has, rather too many than too few; 0 for an empty text."""
    if not text:
        return 0
    total = 1.0
    for run in _RUN.finditer(text):
        flat, free, each = _COSTS[run.lastindex - 1]  # type: ignore[operator] # every alternative is a group
        total += flat + each * max(0, run.end() - run.start() - free)
    return math.ceil(total)


@dataclass(frozen=True, slots=True)
class TokenCounter:
    """Counts tokens.

    *name* is the encoding's ("o200k_base") or "estimate". *reason* says why there is only the estimate, as a clause
    for ``doctor``; None if nothing is wrong.
    """

    name: str
    count: Callable[[str], int]
    reason: str | None = None


async def load_counter(
    model: str,
    cache_dir: Path,
    *,
    timeout: float = 20.0,  # noqa: ASYNC109 - not the caller's to set around it: a thread cannot be cancelled
) -> TokenCounter:
    """Return the counter for *model*: tiktoken's, or the estimate if its vocabulary does not come within *timeout* s.

    The vocabulary (2 to 4 MB) is kept in *cache_dir*, which is made if need be; a ``TIKTOKEN_CACHE_DIR`` that the host
    has set comes first. Raises nothing for a missing network or a bad folder. Call it once, at start.
    """
    # tiktoken downloads without a timeout of its own. A thread of asyncio's pool that hangs there would keep the
    # program from ending, a daemon thread is left behind. The variable is set before that thread starts and is taken
    # back only when it is done: changing the environment beside a thread that may be in getaddrinfo() is not safe.
    ours = CACHE_VARIABLE not in os.environ
    if ours:
        os.environ[CACHE_VARIABLE] = str(cache_dir)
    loading = asyncio.get_running_loop().create_future()
    threading.Thread(target=_deliver, args=(loading, model), name="tiktoken", daemon=True).start()
    await asyncio.wait({loading}, timeout=timeout)
    if not loading.done():
        return _only_estimate(f"the vocabulary did not arrive within {timeout:g} seconds")
    if ours:
        del os.environ[CACHE_VARIABLE]
    counter: TokenCounter = loading.result()
    return counter


def _deliver(loading: asyncio.Future[TokenCounter], model: str) -> None:
    counter = _load(model)
    loop = loading.get_loop()
    try:
        loop.call_soon_threadsafe(lambda: None if loading.done() else loading.set_result(counter))
    except RuntimeError:  # the loop was closed in the meantime: nobody waits any more
        return


def _load(model: str) -> TokenCounter:
    try:
        return counter_of(_encoding(model))
    except ImportError as error:
        return _only_estimate(f"tiktoken cannot be imported ({error.name})")
    except OSError as error:
        if error.filename is not None:
            return _only_estimate(f"the vocabulary cannot be kept in {error.filename} ({error.strerror})")
        # An error of requests is an OSError without a file. Its text is left out: it may name a proxy's password.
        return _only_estimate(f"the vocabulary could not be downloaded ({type(error).__name__})")
    except ValueError:  # what tiktoken raises for a wrong hash or a line that it cannot read
        return _only_estimate("the vocabulary arrived damaged")


def _encoding(model: str) -> tiktoken.Encoding:
    import tiktoken  # here, because it is wanted only where a vocabulary may be had

    try:
        return tiktoken.encoding_for_model(model)
    except KeyError:
        return tiktoken.get_encoding(DEFAULT_ENCODING)


def counter_of(encoding: tiktoken.Encoding) -> TokenCounter:
    """A counter by *encoding*, for which "<|endoftext|>" and its like are text as any other, as users may write it."""
    return TokenCounter(encoding.name, lambda text: len(encoding.encode(text, disallowed_special=())))


def _only_estimate(reason: str) -> TokenCounter:
    return TokenCounter("estimate", estimate, reason)
