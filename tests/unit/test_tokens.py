"""Tokens: the estimate against recorded counts, and tiktoken with vocabularies made here. Nothing is downloaded."""

# ruff: noqa: RUF001 - texts in other scripts are what is tested here

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import tiktoken
import tiktoken.load
import tiktoken.registry
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import tokens
from bot.tokens import CACHE_VARIABLE, TokenCounter, counter_of, estimate, load_counter

CORPORA = sorted((Path(__file__).parent / "corpora").glob("*.jsonl"))

# The estimate may be too low for fewer than this share of a corpus's messages, and too high by this much in total.
UNDER = 0.01
OVER = 0.60

# Texts of other kinds, with their count in o200k_base.
OTHERS = {
    "Japanese": ("昨日のライブ、最高だったね！また行きたいな〜。チケット取れるかな？", 21),
    "Korean": ("어제 공연 진짜 최고였어! 또 가고 싶다 ㅋㅋㅋㅋ 표 구할 수 있을까?", 24),
    "Arabic": ("كان الحفل أمس رائعا! أريد أن أذهب مرة أخرى، هل نجد تذاكر؟", 22),
    "Hindi": ("कल का कार्यक्रम बहुत बढ़िया था! क्या हमें फिर टिकट मिल सकते हैं?", 16),
    "Thai": ("คอนเสิร์ตเมื่อวานสุดยอดมาก อยากไปอีก จะหาตั๋วได้ไหม", 23),
    "German": ("Der Größenunterschied zwischen Straßenbahn und U-Bahn ist überraschend.", 14),
    "base64": ("U2FtcGxlIHRleHQgdGhhdCB3YXMgZW5jb2RlZCBpbnRvIGJhc2U2NCBmb3IgYSB0ZXN0IQ==", 46),
    "hex": ("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", 43),
    "address": ("https://www.example.com/watch?v=a1B2c3D4e5F&list=PLx9Y8z7W6v5U&index=12", 37),
    "zalgo": (
        "H\u0337\u0322\u0356e\u0335\u035a\u035dl\u0334\u0321\u0300l\u0336\u0327\u0311o\u0338\u0323\u0346",
        32,
    ),
    "joined emoji": ("👨‍👩‍👧‍👦👩🏽‍💻🏳️‍🌈", 24),
    "fancy letters": ("𝓱𝓮𝓵𝓵𝓸 𝓽𝓱𝓮𝓻𝓮", 30),
    "special tokens": ("<|endoftext|><|im_start|>system", 13),
    "newlines": ("a" + "\n" * 300 + "b", 22),
    "one letter": ("a" * 1000, 125),
    "exclamation": ("!" * 300, 20),
}


@pytest.mark.parametrize("corpus", CORPORA, ids=lambda path: path.stem)
def test_the_estimate_is_seldom_too_low_and_never_far_too_high(corpus: Path) -> None:
    records = [json.loads(line) for line in corpus.read_text(encoding="utf-8").splitlines()]
    assert len(records) >= 150
    too_low = [record["text"] for record in records if estimate(record["text"]) < record["o200k"]]
    assert len(too_low) < UNDER * len(records), too_low
    assert sum(estimate(record["text"]) for record in records) <= (1 + OVER) * sum(r["o200k"] for r in records)


@pytest.mark.parametrize(
    "corpus", [path for path in CORPORA if path.stem in {"code", "english", "mentions"}], ids=lambda path: path.stem
)
def test_the_estimate_holds_for_the_older_encoding_too_where_the_script_is_latin(corpus: Path) -> None:
    records = [json.loads(line) for line in corpus.read_text(encoding="utf-8").splitlines()]
    assert sum(estimate(record["text"]) < record["cl100k"] for record in records) < UNDER * len(records)


def test_every_corpus_of_the_promise_is_there() -> None:
    assert {path.stem for path in CORPORA} == {"chinese", "code", "emoji", "english", "mentions", "russian"}


@pytest.mark.parametrize(("text", "count"), OTHERS.values(), ids=OTHERS.keys())
def test_the_estimate_is_sane_for_other_texts(text: str, count: int) -> None:
    assert count <= estimate(text) <= 4 * count


def test_nothing_has_no_tokens() -> None:
    assert estimate("") == 0


@settings(deadline=None)
@given(st.text(), st.text())
def test_the_estimate_takes_any_text_and_grows_with_it(text: str, more: str) -> None:
    # Joined, two texts may share a run, which may cost a little less than its parts.
    assert estimate(text + more) >= max(estimate(text), estimate(more)) - 1


def test_a_long_message_is_estimated_at_once() -> None:
    message = ("Hello there, how are you? `x = 1` <@123456789012345678> 😀 " * 80)[:4000]
    fastest = min(_seconds(message) for _ in range(20))
    assert fastest < 0.005  # a fifth of it on the machine where this was written; a busy one must not fail


def _seconds(message: str) -> float:
    start = time.perf_counter()
    estimate(message)
    return time.perf_counter() - start


def test_importing_costs_no_tiktoken() -> None:
    code = "import sys, bot.tokens; sys.exit('tiktoken' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# A vocabulary of every byte and two merges.
TINY_RANKS = {bytes([byte]): byte for byte in range(256)} | {b"ab": 256, b"abc": 257}
TINY_FILE = b"".join(base64.b64encode(token) + b" %d\n" % rank for token, rank in TINY_RANKS.items())
TINY_URL = "https://vocabulary.invalid/tiny.tiktoken"


def _tiny(ranks: dict[bytes, int] = TINY_RANKS) -> dict[str, object]:
    return {
        "name": "o200k_base",
        "pat_str": r" ?\w+|[^\w\s]+|\s+",
        "mergeable_ranks": ranks,
        "special_tokens": {"<|endoftext|>": 300},
    }


def _tiny_from_cache() -> dict[str, object]:
    return _tiny(tiktoken.load.load_tiktoken_bpe(TINY_URL, hashlib.sha256(TINY_FILE).hexdigest()))


def test_a_real_encoding_counts() -> None:
    counter = counter_of(tiktoken.Encoding(**_tiny()))
    assert counter.name == "o200k_base"
    assert counter.reason is None
    assert counter.count("") == 0
    assert counter.count("abc") == 1
    assert counter.count("abc abd") == 4  # "abc", " ", "ab", "d"


def test_special_tokens_in_a_users_text_are_text() -> None:
    counter = counter_of(tiktoken.Encoding(**_tiny()))
    assert counter.count("<|endoftext|>") == len("<|endoftext|>")


@pytest.fixture
def vocabulary(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """tiktoken without what it has loaded, with the tiny vocabulary as "o200k_base", and with no network."""

    def no_network(url: str) -> bytes:
        raise requests.exceptions.ConnectionError(f"proxy http://user:secret@proxy: {url}")

    monkeypatch.delenv(CACHE_VARIABLE, raising=False)
    monkeypatch.setattr(tiktoken.registry, "ENCODINGS", {})
    monkeypatch.setattr(tiktoken.registry, "ENCODING_CONSTRUCTORS", {"o200k_base": _tiny_from_cache})
    monkeypatch.setattr(tiktoken.load, "read_file", no_network)
    yield monkeypatch
    os.environ.pop(CACHE_VARIABLE, None)  # a load that hangs leaves it


def _cached(folder: Path) -> Path:
    # tiktoken names a cached vocabulary by the SHA-1 of its address.
    return folder / hashlib.sha1(TINY_URL.encode()).hexdigest()


@pytest.mark.parametrize("model", ["gpt-4o", "llama-nobody-knows:70b"])
async def test_a_vocabulary_in_the_folder_is_used(model: str, vocabulary: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _cached(tmp_path).write_bytes(TINY_FILE)
    counter = await load_counter(model, tmp_path)
    assert (counter.name, counter.reason) == ("o200k_base", None)
    assert counter.count("abc") == 1
    assert CACHE_VARIABLE not in os.environ


async def test_a_downloaded_vocabulary_is_kept(vocabulary: pytest.MonkeyPatch, tmp_path: Path) -> None:
    vocabulary.setattr(tiktoken.load, "read_file", lambda url: TINY_FILE)
    await load_counter("gpt-4o", tmp_path / "made" / "here")
    assert _cached(tmp_path / "made" / "here").read_bytes() == TINY_FILE


async def test_a_folder_that_the_host_has_chosen_comes_first(vocabulary: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _cached(tmp_path).write_bytes(TINY_FILE)
    vocabulary.setenv(CACHE_VARIABLE, str(tmp_path))
    counter = await load_counter("gpt-4o", tmp_path / "other")
    assert counter.name == "o200k_base"
    assert os.environ[CACHE_VARIABLE] == str(tmp_path)


def assert_estimates(counter: TokenCounter, reason: str) -> None:
    assert counter.name == "estimate"
    assert counter.count("Hello there!") == estimate("Hello there!")
    assert counter.reason == reason


async def test_without_a_network_the_estimate_serves(vocabulary: pytest.MonkeyPatch, tmp_path: Path) -> None:
    counter = await load_counter("gpt-4o", tmp_path)
    assert_estimates(counter, "the vocabulary could not be downloaded (ConnectionError)")
    assert CACHE_VARIABLE not in os.environ


async def test_a_damaged_vocabulary_is_not_used(vocabulary: pytest.MonkeyPatch, tmp_path: Path) -> None:
    vocabulary.setattr(tiktoken.load, "read_file", lambda url: b"<html>Please sign in</html>")
    assert_estimates(await load_counter("gpt-4o", tmp_path), "the vocabulary arrived damaged")


async def test_a_folder_that_cannot_be_used(vocabulary: pytest.MonkeyPatch, tmp_path: Path) -> None:
    vocabulary.setattr(tiktoken.load, "read_file", lambda url: TINY_FILE)
    (tmp_path / "file").write_text("in the way")
    counter = await load_counter("gpt-4o", tmp_path / "file")
    assert_estimates(counter, f"the vocabulary cannot be kept in {tmp_path / 'file'} (File exists)")


async def test_a_broken_tiktoken(vocabulary: pytest.MonkeyPatch, tmp_path: Path) -> None:
    vocabulary.setitem(sys.modules, "tiktoken", None)
    assert_estimates(await load_counter("gpt-4o", tmp_path), "tiktoken cannot be imported (tiktoken)")


async def test_a_hung_network_does_not_hang_the_start(vocabulary: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hung = threading.Event()

    def hang(url: str) -> bytes:
        hung.wait()
        return TINY_FILE

    vocabulary.setattr(tiktoken.load, "read_file", hang)
    counter = await load_counter("gpt-4o", tmp_path, timeout=0.2)
    try:
        assert_estimates(counter, "the vocabulary did not arrive within 0.2 seconds")
        lingering = [thread for thread in threading.enumerate() if thread.name == "tiktoken"]
        assert [thread.daemon for thread in lingering] == [True]  # so it does not keep the program from ending
    finally:
        hung.set()
        await asyncio.to_thread(lingering[0].join)


def test_a_vocabulary_that_comes_when_the_program_is_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.new_event_loop()
    loading: asyncio.Future[TokenCounter] = loop.create_future()
    loop.close()
    monkeypatch.setattr(tokens, "_load", lambda model: TokenCounter("estimate", estimate))
    tokens._deliver(loading, "gpt-4o")
    assert not loading.done()
