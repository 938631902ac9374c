"""Where a reply that was cut goes on: from what of it, and how both parts become one text. Pure.

The seam lies before the last word that was written, for that may be half of one: it is written again. So the white space at the
seam is the model's own, whatever it is in code, in a list or between words, and no word is torn, doubled or lost.
"""

from __future__ import annotations

import re

from bot.chunks import ends_in_code

#: A longer run without a space is no word, or of a script without spaces: the text goes on right behind it.
LONGEST_WORD = 200

# Signs of the scripts that have no spaces between words stand for themselves.
_IN_A_WORD = r"[^\s\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]"
_LAST_WORD = re.compile(rf"(?<!{_IN_A_WORD}){_IN_A_WORD}{{1,{LONGEST_WORD}}}\Z")

# Models like to open a code block again that is open still. A fence with a language never closes one.
_OPENED_AGAIN = re.compile(r"```[a-z0-9_+.#-]+\n", re.IGNORECASE)


def kept(beginning: str) -> str:
    """Return what stays of a *beginning* and is gone on from: all before its last word."""
    text = beginning.rstrip()
    found = _LAST_WORD.search(text, max(len(text) - LONGEST_WORD, 0))
    return text[: found.start()] if found else text


def joined(beginning: str, more: str) -> str:
    """Return the text of a reply that *more* of it was written for, going on from what is :func:`kept` of its *beginning*.

    As long as there is nothing more it is the beginning.
    """
    start, added = kept(beginning), more.lstrip()
    opened = _OPENED_AGAIN.match(added)
    if opened and ends_in_code(start):
        added = added[opened.end() :]
    return start + added if added else beginning
