"""Prints how far the token estimate is from the real counts, for each sample corpus.

    python -m bench.tokens             # by the counts recorded in tests/unit/corpora
    python -m bench.tokens --recount   # count them again and record that (needs tiktoken's vocabularies: a network)

``under`` is the share of messages for which the estimate is too low, ``total`` how much it is off over all of them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path

from bot.tokens import estimate, load_counter

CORPORA = Path(__file__).parent.parent / "tests" / "unit" / "corpora"
# A model of each encoding, by the name of its field.
MODELS = {"o200k": "gpt-4o", "cl100k": "gpt-4"}


def read(path: Path) -> list[dict[str, int | str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


async def recount(cache_dir: Path) -> None:
    counters = {field: await load_counter(model, cache_dir) for field, model in MODELS.items()}
    for counter in counters.values():
        if counter.reason is not None:
            raise SystemExit(f"Cannot recount: {counter.reason}.")
    for path in sorted(CORPORA.glob("*.jsonl")):
        records = [
            {"text": text, **{field: counter.count(text) for field, counter in counters.items()}}
            for text in (record["text"] for record in read(path))
        ]
        lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records]
        path.write_text("".join(lines), encoding="utf-8")


def report() -> None:
    print(f"{'corpus':<10} {'messages':>8}" + "".join(f" {field + ' under':>13} {'total':>6}" for field in MODELS))
    for path in sorted(CORPORA.glob("*.jsonl")):
        records = read(path)
        estimates = [estimate(record["text"]) for record in records]
        line = f"{path.stem:<10} {len(records):>8}"
        for field in MODELS:
            real = [record[field] for record in records]
            under = sum(guess < count for guess, count in zip(estimates, real, strict=True)) / len(records)
            line += f" {under:>13.1%} {sum(estimates) / sum(real) - 1:>+6.0%}"
        print(line)


def main() -> None:
    parser = argparse.ArgumentParser(description="How far is the token estimate from the real counts?")
    parser.add_argument("--recount", action="store_true", help="count the corpora with tiktoken and record that")
    parser.add_argument("--cache-dir", type=Path, default=Path("data/tiktoken"), help="where vocabularies are kept")
    arguments = parser.parse_args()
    if arguments.recount:
        asyncio.run(recount(arguments.cache_dir))
    report()


if __name__ == "__main__":
    main()
