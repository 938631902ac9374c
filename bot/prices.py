"""Pure: what models charge, as the setting MODEL_PRICES says it, and what calls cost by that. It knows no price by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from storage.records import Usage

#: Prices are for so many tokens.
TOKENS = 1_000_000
MOST_DOLLARS = 1_000_000

# An entry itself is never quoted: who confuses variables may have put a key there.
_BAD = "must be like gpt-4o-mini=0.15/0.075/0.60, dollars per million prompt/cached/completion tokens; entry {} is not"
_TWICE = "must name each model once; entry {} names one again"

#: Providers answer with a dated name of what was asked for: gpt-4o-mini-2024-07-18, claude-sonnet-4-20250514, llama3:latest.
_VERSION = re.compile(r"[-@:](\d{4}-\d{2}-\d{2}|\d{4}|\d{6}|\d{8}|latest)")


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for a million tokens: of prompts, of what of them was cached, and of what is written."""

    prompt: Decimal
    cached: Decimal
    completion: Decimal

    def cost(self, usage: Usage) -> Decimal:
        """Return what *usage* costs, in dollars."""
        fresh = usage.prompt_tokens - usage.cached_tokens
        total = fresh * self.prompt + usage.cached_tokens * self.cached + usage.completion_tokens * self.completion
        return total / TOKENS


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of models by name; an entry also holds for the dated versions of its model, unless these have their own."""

    by_model: Mapping[str, Price]

    def of(self, model: str) -> Price | None:
        """Return a model's price; None if there is none for it."""
        if model in self.by_model:
            return self.by_model[model]
        names = [name for name in self.by_model if model.startswith(name) and _VERSION.fullmatch(model, len(name))]
        return self.by_model[max(names, key=len)] if names else None


def read_prices(text: str) -> Prices:
    """Read a setting like ``gpt-4o-mini=0.15/0.075/0.60,o3=2/0.5/8``. Raises :class:`ValueError` with the rest of a sentence."""
    found: dict[str, Price] = {}
    for number, entry in enumerate(text.strip(", ").split(","), 1):
        name, _, numbers = (part.strip() for part in entry.rpartition("="))
        price = _price(numbers)
        if not name or price is None:
            raise ValueError(_BAD.format(number))
        if name in found:
            raise ValueError(_TWICE.format(number))
        found[name] = price
    return Prices(found)


def _price(text: str) -> Price | None:
    try:
        numbers = [Decimal(each.strip()) for each in text.split("/")]
    except InvalidOperation:
        return None
    sound = len(numbers) == 3 and all(number.is_finite() and 0 <= number <= MOST_DOLLARS for number in numbers)
    return Price(*numbers) if sound else None
