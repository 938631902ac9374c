"""The figures of usage: prices as a host writes them, sums and shares, what a picture is asked to show, and the file."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.prices import Price, Prices, read_prices
from bot.usage_chart import chart
from bot.usage_csv import write
from bot.usage_figures import Figures, Grouping, UsageReport, dollars, in_short, report, share
from cogs.usage.words import body, heading
from storage.records import Booked, Usage

DAYS = [date(2026, 11, day) for day in range(1, 8)]
MINI = read_prices("mini=0.15/0.075/0.60")


def booked(
    *, day: int = 1, channel: int = 10, user: int = 42, kind: str = "reply", model: str = "mini", tokens: int = 1_000
) -> Booked:
    usage = Usage(calls=1, prompt_tokens=tokens, cached_tokens=tokens // 2, completion_tokens=tokens // 10)
    return Booked(f"2026-11-{day:02}", channel, user if kind == "reply" else 0, kind, model, usage)  # type: ignore[arg-type]


def told(*rows: Booked, by: Grouping = "day", prices: Prices = MINI) -> UsageReport:
    return report(rows, prices, DAYS, by)


def test_prices_are_dollars_per_million_tokens() -> None:
    prices = read_prices(" gpt-4o-mini=0.15/0.075/0.60 , openai/o3 = 2/0.5/8,")
    assert prices.of("openai/o3") == Price(Decimal(2), Decimal("0.5"), Decimal(8))
    mini = prices.of("gpt-4o-mini")
    assert mini is not None
    assert mini.cost(Usage(1, 3_000_000, 1_000_000, 500_000)) == Decimal("0.30") + Decimal("0.075") + Decimal("0.30")


@pytest.mark.parametrize(
    ("billed", "priced"),
    [
        ("gpt-4o", "gpt-4o"),
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("gpt-4o-2024-11-20", "gpt-4o-2024-11-20"),
        ("claude-sonnet-4-20250514", "claude-sonnet-4"),
        ("llama3:latest", "llama3"),
        ("gpt-4-0613", "gpt-4"),
        ("gpt-4o-mini", None),
        ("gpt-4o-mini-2024-07-18", None),
        ("claude-sonnet-4-5", None),
        ("gpt-4", "gpt-4"),
        ("gpt-4-32k", None),
        ("other", None),
    ],
)
def test_an_entry_holds_for_the_dated_names_of_its_model_and_for_no_other_model(
    billed: str, priced: str | None
) -> None:
    names = ["gpt-4o", "gpt-4o-2024-11-20", "claude-sonnet-4", "llama3", "gpt-4"]
    prices = read_prices(",".join(f"{name}={number}/0/0" for number, name in enumerate(names)))
    expected = None if priced is None else Price(Decimal(names.index(priced)), Decimal(0), Decimal(0))
    assert prices.of(billed) == expected


@pytest.mark.parametrize(
    "entry", ["mini", "mini=1/2", "mini=1/2/3/4", "=1/2/3", "mini=a/b/c", "mini=-1/2/3", "mini=nan/1/1", "mini=1e9/1/1"]
)
def test_a_bad_entry_is_named(entry: str) -> None:
    with pytest.raises(ValueError, match="entry 2 is not"):
        read_prices(f"other=1/2/3,{entry}")


def test_a_model_has_one_price() -> None:
    with pytest.raises(ValueError, match="entry 2 names one again"):
        read_prices("mini=1/2/3,mini=1/2/3")


def test_without_prices_no_cost_is_claimed() -> None:
    shown = told(booked(), prices=Prices({}))
    assert shown.total.cost is None
    assert "$" not in body(shown)
    assert "cost" not in {label for _, label in chart(shown, {}).tiles}


def test_what_has_no_price_is_left_out_of_the_cost_and_named() -> None:
    shown = told(booked(), booked(model="gi`ant"), by="model")
    assert shown.total.cost == told(booked()).total.cost
    assert "Without the cost of `giant`: the host has set no price" in body(shown)
    assert "cost, in part" in {label for _, label in chart(shown, {}).tiles}
    many = told(booked(), *(booked(model=f"giant-{number}") for number in range(200)), by="model")
    assert "`giant-10` and 197 more: the host" in body(many)
    assert len(body(many)) < 1_500


def test_summaries_count_in_and_are_their_own_kind() -> None:
    shown = told(booked(), booked(kind="summary", tokens=400), by="person")
    assert shown.total.tokens == 1_100 + 440
    assert [(key, figures.tokens) for key, figures in shown.groups] == [(42, 1_100), (0, 440)]
    assert "2. summaries" in body(shown)
    picture = chart(shown, {42: "Nemo"})
    assert [(bar.label, bar.parts) for bar in picture.bars] == [
        ("Nemo", (500, 500, 100, 0)),
        ("summaries", (0, 0, 0, 440)),
    ]
    assert ("1", "summary") in picture.tiles


def test_each_day_has_its_place_also_if_nothing_was_used() -> None:
    shown = told(booked(day=2), booked(day=2), booked(day=5))
    assert [figures.tokens for _, figures in shown.groups] == [0, 2_200, 0, 0, 1_100, 0, 0]
    assert "Busiest day: **Nov 2**" in body(shown)
    assert heading("Usage", shown).endswith("-# Nov 1 to Nov 7, in days of UTC")


def test_of_many_the_first_are_ranked_and_the_rest_is_one() -> None:
    shown = told(*(booked(channel=number, tokens=1_000 * number) for number in range(1, 201)), by="channel")
    assert [key for key, _ in shown.ranked] == list(range(200, 190, -1))
    bars = chart(shown, {200: "general"}).bars
    assert [bar.label for bar in bars][:2] == ["#general", "channel …199"]
    assert [bar.label for bar in bars][10:] == ["190 others"]
    assert sum(sum(bar.parts) for bar in bars) == shown.total.tokens
    assert "1. <#200>" in body(shown)
    assert "190 others" in body(shown)


def test_eleven_are_shown_rather_than_one_other() -> None:
    shown = told(*(booked(channel=number) for number in range(1, 12)), by="channel")
    assert len(chart(shown, {}).bars) == 11
    assert "others" not in body(shown)


@given(st.lists(st.builds(booked, day=st.integers(1, 7), user=st.integers(1, 20), tokens=st.integers(0, 10**9))))
def test_a_sum_is_the_same_by_whatever_it_is_grouped(rows: list[Booked]) -> None:
    sums = {told(*rows, by=by).total for by in ("day", "model", "channel", "person")}  # type: ignore[arg-type]
    assert len(sums) == 1
    assert sums.pop().replies == sum((row.usage for row in rows), Usage())


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1.0k"),
        (99_949, "99.9k"),
        (99_950, "100k"),
        (999_600, "1.0M"),
        (3_140_000_000, "3.1B"),
    ],
)
def test_numbers_are_short(count: int, said: str) -> None:
    assert in_short(count) == said


def test_small_costs_are_not_nothing() -> None:
    assert [dollars(Decimal(cost)) for cost in ("0", "0.004", "0.01", "999.99", "1234.5")] == [
        "$0.00",
        "<$0.01",
        "$0.01",
        "$999.99",
        "$1,234",
    ]
    assert (share(None), share(0.614)) == ("-", "61%")
    assert Figures().cached is None


EVIL = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\uff1d1", "\n@x"]


@pytest.mark.parametrize("name", EVIL)
def test_no_cell_of_the_file_is_a_formula(name: str) -> None:
    data = write([booked(model=name)], MINI, {10: name}, {42: name}, with_names=True)
    (row,) = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    assert {row["channel"], row["user"], row["model"]} == {f"'{name}"}


def test_the_file_has_everything_and_opens_in_a_spreadsheet() -> None:
    rows = [booked(), booked(kind="summary", model="un,priced")]
    data = write(rows, MINI, {10: "日本語"}, {42: 'Ne"mo'}, with_names=True)
    assert data.startswith("\N{ZERO WIDTH NO-BREAK SPACE}".encode())
    reply, summary = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    assert reply == {
        "day_utc": "2026-11-01", "channel_id": "10", "channel": "日本語", "user_id": "42", "user": 'Ne"mo', "kind": "reply",
        "model": "mini", "calls": "1", "prompt_tokens": "1000", "cached_tokens": "500", "completion_tokens": "100",
        "cost_usd": "0.0001725",
    }  # fmt: skip
    assert (summary["user_id"], summary["user"], summary["model"], summary["cost_usd"]) == ("", "", "un,priced", "")


def test_the_file_without_names_has_no_column_for_them() -> None:
    header = write([booked()], MINI, {}, {}, with_names=False).decode("utf-8-sig").splitlines()[0]
    assert header == "day_utc,kind,model,calls,prompt_tokens,cached_tokens,completion_tokens,cost_usd"
