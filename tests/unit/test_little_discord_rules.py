"""The little Discord's arithmetic: ids, permissions, limits, forms, mentions of routes. No sockets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.discord import components
from playground.discord.errors import DiscordError
from playground.discord.forms import array, boolean, clean, fields, integer, number, one_of, snowflake, tagged, text
from playground.discord.levers import Fault
from playground.discord.limits import Limits
from playground.discord.permissions import ALL, Permission, base, in_channel
from playground.discord.records import Overwrite
from playground.discord.snowflakes import Snowflakes, created_at, timestamp
from playground.discord.store import Store

EVERYONE, ROLE, USER = 1, 2, 3
VIEW, SEND = Permission.VIEW_CHANNEL, Permission.SEND_MESSAGES


@given(st.lists(st.floats(1.5e9, 2e9), max_size=50))
def test_ids_grow_and_carry_the_time_whatever_the_clock_does(times: list[float]) -> None:
    clock = iter(times)
    ids = Snowflakes(clock=lambda: next(clock))
    made = [ids.next() for _ in times]
    assert made == sorted(set(made))
    latest = 0.0
    for snowflake_id, now in zip(made, times, strict=True):
        latest = max(latest, now)
        assert created_at(snowflake_id) == pytest.approx(latest, abs=0.002)


def test_a_known_id_and_time() -> None:
    assert created_at(175928847299117063) == 1462015105.796  # the example of Discord's documentation
    assert timestamp(1462015105.796) == "2016-04-30T11:18:25.796000+00:00"


def overwritten(*overwrites: Overwrite, base: int = VIEW | SEND) -> int:
    return in_channel(base, overwrites, everyone_id=EVERYONE, role_ids=[ROLE], user_id=USER)


def test_overwrites_apply_from_everyone_over_roles_to_the_member() -> None:
    deny, allow = Overwrite(EVERYONE, 0, deny=SEND), Overwrite(ROLE, 0, allow=SEND)
    assert overwritten(deny) == VIEW
    assert overwritten(deny, allow) == VIEW | SEND
    assert overwritten(deny, allow, Overwrite(USER, 1, deny=SEND)) == VIEW
    assert overwritten(Overwrite(ROLE, 0, deny=SEND), Overwrite(USER, 1, allow=SEND)) == VIEW | SEND
    assert overwritten(Overwrite(99, 0, deny=SEND)) == VIEW | SEND


def test_who_cannot_see_a_channel_can_do_nothing_there_but_admins_can_everything() -> None:
    assert overwritten(Overwrite(EVERYONE, 0, deny=VIEW)) == 0
    assert base([VIEW, Permission.ADMINISTRATOR], owner=False) == base([], owner=True) == ALL
    assert overwritten(Overwrite(EVERYONE, 0, deny=VIEW), base=ALL) == ALL


def test_a_bucket_empties_and_fills_again() -> None:
    now = [100.0]
    limits = Limits(clock=lambda: now[0])

    def judge(channel: str = "1") -> float | None:
        return limits.judge("create_message", channel, enforced=True, counts_globally=True).retry_after

    assert [judge() for _ in range(5)] == [None] * 5
    now[0] += 2
    assert judge() == pytest.approx(3.0)
    assert judge("2") is None
    now[0] += 3
    assert judge() is None


def test_all_buckets_together_have_a_limit() -> None:
    limits = Limits(clock=lambda: 100.0)
    verdicts = [limits.judge("get_user", str(n), enforced=True, counts_globally=True) for n in range(51)]
    assert [verdict.is_global for verdict in verdicts] == [False] * 50 + [True]
    assert limits.judge("follow_up", "token", enforced=True, counts_globally=False).retry_after is None


@pytest.mark.parametrize(
    ("glob", "route", "fits"),
    [
        ("/channels/*/messages", "/channels/1/messages", True),
        ("/channels/*/messages", "/channels/1/messages/2", False),
        ("/channels/*/messages/*", "/channels/1/messages/2", True),
        ("/channels/**", "/channels/1/messages/2", True),
        ("/channels/1/typing", "/channels/1/typing", True),
        ("/channels/**", "/users/@me", False),
    ],
)
def test_globs_of_levers(glob: str, route: str, fits: bool) -> None:
    assert Fault("GET", glob).fits("GET", route) is fits
    assert not Fault("POST", glob).fits("GET", route)


FORM = fields(
    {
        "name": text(2, 4, "[a-z]+"),
        "count": integer(1, 5),
        "ratio": number,
        "on": boolean,
        "id": snowflake,
        "kind": one_of(1, 2),
        "list": array(integer(), 1, 2),
        "part": tagged({1: fields({"type": integer(), "text": text()}, required=["text"])}),
    },
    required=["name"],
)


def test_a_form_cleans_what_fits() -> None:
    body = {"name": "abc", "count": "3", "ratio": 1, "on": "true", "id": "12", "kind": 1, "list": [1], "part": None}
    assert clean(FORM, body) == body | {"count": 3, "on": True, "id": 12}


@pytest.mark.parametrize(
    ("body", "where", "code"),
    [
        ([], "", "MODEL_TYPE_CONVERT"),
        ({}, "name", "BASE_TYPE_REQUIRED"),
        ({"name": None}, "name", "BASE_TYPE_STRING"),
        ({"name": "abc", "nam": 1}, "nam", "UNKNOWN_FIELD"),
        ({"name": "abcde"}, "name", "BASE_TYPE_MAX_LENGTH"),
        ({"name": "a"}, "name", "BASE_TYPE_BAD_LENGTH"),
        ({"name": "ABC"}, "name", "STRING_TYPE_REGEX"),
        ({"name": "abc", "count": 0}, "count", "NUMBER_TYPE_MIN"),
        ({"name": "abc", "count": 6}, "count", "NUMBER_TYPE_MAX"),
        ({"name": "abc", "count": True}, "count", "NUMBER_TYPE_COERCE"),
        ({"name": "abc", "ratio": "1"}, "ratio", "NUMBER_TYPE_COERCE"),
        ({"name": "abc", "on": "maybe"}, "on", "BOOLEAN_TYPE_CONVERT"),
        ({"name": "abc", "id": "x"}, "id", "NUMBER_TYPE_COERCE"),
        ({"name": "abc", "kind": 3}, "kind", "BASE_TYPE_CHOICES"),
        ({"name": "abc", "list": 1}, "list", "BASE_TYPE_LIST"),
        ({"name": "abc", "list": []}, "list", "BASE_TYPE_BAD_LENGTH"),
        ({"name": "abc", "list": [1, "x"]}, "list.1", "NUMBER_TYPE_COERCE"),
        ({"name": "abc", "part": {"type": 2}}, "part.type", "BASE_TYPE_CHOICES"),
        ({"name": "abc", "part": {"type": 1}}, "part.text", "BASE_TYPE_REQUIRED"),
    ],
)
def test_a_form_names_what_does_not_fit(body: Any, where: str, code: str) -> None:
    with pytest.raises(DiscordError) as error:
        clean(FORM, body)
    assert error.value.code == 50035
    tree: Any = error.value.errors
    for part in where.split(".") if where else []:
        tree = tree[part]
    assert tree["_errors"][0]["code"] == code


def test_a_form_names_everything_that_is_wrong_at_once() -> None:
    with pytest.raises(DiscordError) as error:
        clean(FORM, {"count": 0, "list": [1, 2, 3]})
    assert set(error.value.errors or {}) == {"name", "count", "list"}


@pytest.mark.parametrize("given", [1573824227109240842, "1573824227109240842"])
def test_ids_in_components_go_out_as_strings(given: int | str) -> None:
    """JavaScript rounds a number of that size, and Discord sends none."""
    parts: list[dict[str, Any]] = [
        {"type": 7, "custom_id": "who", "default_values": [{"id": given, "type": "user"}]},
        {"type": 2, "style": 1, "custom_id": "press", "emoji": {"id": given, "name": "reef"}},
        {"type": 2, "style": 6, "sku_id": given},
    ]
    rows = clean(components.MESSAGE_COMPONENTS, [{"type": 1, "components": [part]} for part in parts])
    menu, button, premium = (row["components"][0] for row in rows)
    ids = [menu["default_values"][0]["id"], button["emoji"]["id"], premium["sku_id"]]
    assert ids == ["1573824227109240842"] * 3


def test_writes_that_belong_together_are_kept_together(tmp_path: Path) -> None:
    store = Store(tmp_path / "world.sqlite")
    with store.atomically():
        store.put("fish", 1, {"name": "Nemo"})
        store.put("fish", 2, {"name": "half a pair: \ud83d"})
    with pytest.raises(TypeError), store.atomically():
        [store.put("fish", 1, {"name": name}) for name in ("nobody", b"no JSON")]
    store.close()
    again = Store(tmp_path / "world.sqlite")
    assert [each["name"] for each in again.load("fish")] == ["Nemo", "half a pair: \ud83d"]
    again.close()
