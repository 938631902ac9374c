"""How the little model counts tokens, and what it remembers of earlier prompts as a provider's prefix cache does.

A token here is four bytes of UTF-8, always. It is no estimate of anybody else's tokens.
"""

from __future__ import annotations

import hashlib

BYTES_PER_TOKEN = 4

# OpenAI caches prompts from 1,024 tokens on, in steps of 128 (platform.openai.com/docs/guides/prompt-caching).
FIRST_BLOCK = 1024
BLOCK = 128

#: So many blocks are remembered, the oldest are forgotten first: about 6.5 million tokens of prompts.
CACHE_SIZE = 50_000


def count(text: str) -> int:
    """The length of *text* in tokens, a begun one included."""
    return -(-len(text.encode()) // BYTES_PER_TOKEN)


def pieces(text: str) -> list[str]:
    """Cut *text* into pieces of about one token, never inside a character."""
    cut = []
    piece = ""
    for character in text:
        piece += character
        if len(piece.encode()) >= BYTES_PER_TOKEN:
            cut.append(piece)
            piece = ""
    return [*cut, piece] if piece else cut


def truncate(text: str, limit: int) -> str:
    """The longest beginning of *text* that has at most *limit* tokens."""
    return text.encode()[: limit * BYTES_PER_TOKEN].decode(errors="ignore")


class PrefixCache:
    """Knows which beginnings of a prompt have been seen before."""

    def __init__(self) -> None:
        self._seen: dict[bytes, None] = {}

    def look_up(self, prompt: str) -> int:
        """How many tokens at the start of *prompt* an earlier prompt had too, in whole blocks; remembers this one."""
        data = prompt.encode()
        digest = hashlib.sha256()
        cached = start = 0
        for tokens in range(FIRST_BLOCK, len(data) // BYTES_PER_TOKEN + 1, BLOCK):
            end = tokens * BYTES_PER_TOKEN
            digest.update(data[start:end])
            start = end
            if digest.digest() in self._seen:
                cached = tokens
            self._seen[digest.digest()] = None
        while len(self._seen) > CACHE_SIZE:
            del self._seen[next(iter(self._seen))]
        return cached
