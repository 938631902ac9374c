"""`/usage`: the panel of those who manage a server, of members, of a direct message; its picture, its menus and its file."""

from __future__ import annotations

import csv
import io
import struct
import sys
from decimal import Decimal
from typing import Any

import discord
import pytest
import simcord

from bot.usage_figures import dollars
from cogs.usage.words import NOTHING_USED
from playground.model import LittleModel
from playground.model.tokens import count
from tests.journeys.conftest import MakeSettings, World, living

#: Half a dollar for a prompt's token makes what was read of the books visible.
PRICES = "little-model=500000/250000/1000000"


def components(result: simcord.InteractionResult) -> list[dict[str, Any]]:
    """All components of the panel that is shown, however deep."""
    assert result.response is not None
    found = []
    waiting = list(result.response.components)
    while waiting:
        each = waiting.pop(0)
        found.append(each)
        waiting = [*each.get("components", []), *waiting]
    return found


def words(result: simcord.InteractionResult) -> str:
    """All that the panel says."""
    return "\n".join(each["content"] for each in components(result) if each["type"] == 10)


def menu(result: simcord.InteractionResult, what: str) -> dict[str, Any]:
    (found,) = [each for each in components(result) if f":{what}:" in each.get("custom_id", "")]
    return found


def choices(result: simcord.InteractionResult, what: str) -> list[str]:
    return [option["value"] for option in menu(result, what)["options"]]


async def picture(result: simcord.InteractionResult) -> tuple[int, int]:
    """The size of the picture in the panel, in pixels."""
    assert result.response is not None
    (file,) = result.response.attachments
    (gallery,) = [each for each in components(result) if each["type"] == 12]
    assert gallery["items"][0]["media"]["url"].endswith(file.filename)
    data = await file.read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    return width, height


async def choose(
    world: World, who: Any, shown: simcord.InteractionResult, what: str, value: str
) -> simcord.InteractionResult:
    assert shown.response is not None
    return await who.select(shown.response.message, [value], custom_id=menu(shown, what)["custom_id"])


async def table(world: World, who: Any, shown: simcord.InteractionResult) -> list[dict[str, str]]:
    """The file that the panel's button gives."""
    assert shown.response is not None
    given = await who.click(shown.response.message, custom_id=menu(shown, "csv")["custom_id"])
    (file,) = given.followups[-1].attachments if given.followups else given.response.attachments
    assert file.filename == "usage.csv"
    return list(csv.DictReader(io.StringIO((await file.read()).decode("utf-8-sig"))))


@pytest.fixture
def coral(world: World) -> simcord.MemberActor:
    """A member who manages the server."""
    admins = world.guild.create_role("Admins", permissions=discord.Permissions(manage_guild=True))
    return world.guild.add_member(world.env.create_user("Coral"), roles=[admins])


async def test_who_manages_the_server_sees_channels_and_people(
    world: World, model: LittleModel, coral: simcord.MemberActor
) -> None:
    reef = world.guild.create_text_channel("reef")
    await world.ask("Hello!")
    await world.marlin.send(reef, f"{world.mention} Good morning!")
    shown = await coral.slash(world.channel, "usage")
    assert shown.ephemeral
    assert "Usage in this server" in words(shown)
    assert "2 replies" in words(shown)
    assert "$" not in words(shown)
    assert await picture(shown) == (1200, pytest.approx(738, abs=80))
    assert choices(shown, "by") == ["day", "model", "channel", "person"]

    by_channel = await choose(world, coral, shown, "by", "channel")
    assert f"<#{world.channel.id}>" in words(by_channel)
    assert f"<#{reef.id}>" in words(by_channel)
    by_person = await choose(world, coral, by_channel, "by", "person")
    assert world.nemo.mention in words(by_person)
    assert world.marlin.mention in words(by_person)
    assert await picture(by_person)

    rows = await table(world, coral, by_person)
    assert {(row["channel"], row["user"], row["calls"]) for row in rows} == {
        ("general", "Nemo", "1"),
        ("reef", "Marlin", "1"),
    }
    assert {row["cost_usd"] for row in rows} == {""}


async def test_a_member_sees_their_own_and_the_servers_sum_and_no_names(world: World, model: LittleModel) -> None:
    await world.ask("Hello!")
    for _ in range(2):
        await world.marlin.send(world.channel, f"{world.mention} Good morning!")
    shown = await world.nemo.slash(world.channel, "usage")
    own, everybody = words(shown).split("**Everybody in this server**")
    assert "Your usage in this server" in own
    assert "1 reply" in own
    assert "3 replies" in everybody
    assert choices(shown, "by") == ["day", "model"]
    by_model = await choose(world, world.nemo, shown, "by", "model")
    assert "`little-model`" in words(by_model)
    (row,) = await table(world, world.nemo, by_model)
    assert "user" not in row
    assert "channel" not in row
    assert row["calls"] == "1"
    for text in (words(shown), words(by_model), str(row)):
        assert "Marlin" not in text
        assert str(world.marlin.id) not in text
        assert "<#" not in text


async def test_a_model_that_refuses_costs_nothing(world: World, model: LittleModel) -> None:
    model.levers.status(401)
    assert (await world.ask("Hello!")).startswith("⚠️")
    shown = await world.nemo.slash(world.channel, "usage")
    assert NOTHING_USED in words(shown)


async def test_what_was_thought_before_a_reply_broke_off_is_paid_for_too(world: World, model: LittleModel) -> None:
    thought = "Nobody may read of the wreck. " * 20
    model.levers.reasoning(thought)
    model.levers.text("The first sentence is here. The second one will never be finished because the line breaks.")
    model.levers.break_stream(after=10)
    assert "broke off" in await world.ask("Tell me two things")
    (row,) = await table(world, world.nemo, await world.nemo.slash(world.channel, "usage"))
    assert int(row["completion_tokens"]) > count(thought)


async def test_managing_channels_is_not_managing_the_server(world: World, model: LittleModel) -> None:
    await world.ask("Hello!")
    shown = await world.marlin.slash(world.channel, "usage")
    assert "Your usage in this server" in words(shown)
    assert choices(shown, "by") == ["day", "model"]


async def test_who_may_see_names_is_looked_at_at_the_click(
    world: World, model: LittleModel, coral: simcord.MemberActor
) -> None:
    await world.ask("Hello!")
    shown = await coral.slash(world.channel, "usage")
    by_person = await choose(world, coral, shown, "by", "person")
    world.env.backend.remove_member_role(world.guild.id, coral.id, world.guild.roles["Admins"].id)
    later = await choose(world, coral, by_person, "period", "7")
    assert "Your usage in this server" in words(later)
    assert "Nemo" not in words(later)
    assert world.nemo.mention not in words(later)


async def test_another_servers_usage_is_in_none_of_it(
    world: World, model: LittleModel, coral: simcord.MemberActor
) -> None:
    await world.ask("Hello!")
    elsewhere = world.env.create_guild()
    canary = elsewhere.create_text_channel("canary")
    bird = elsewhere.add_member(world.env.create_user("Bird"))
    for _ in range(5):
        await bird.send(canary, f"{world.mention} Tweet!")
    shown = await coral.slash(world.channel, "usage")
    assert "1 reply" in words(shown)
    for by in ("channel", "person"):
        shown = await choose(world, coral, shown, "by", by)
        assert "1 reply" in words(shown)
        assert str(canary.id) not in words(shown)
        assert str(bird.id) not in words(shown)
    (row,) = await table(world, coral, shown)
    assert (row["channel"], row["user"]) == ("general", "Nemo")


async def test_a_direct_message_shows_what_it_used_itself(world: World, model: LittleModel) -> None:
    await world.ask("Hello!")
    await world.nemo.send_dm("Only between us.")
    await world.marlin.send_dm("Between us, too.")
    await world.marlin.send_dm("And more.")
    shown = await world.nemo.user.slash("usage")
    assert "Usage in this conversation" in words(shown)
    assert "1 reply" in words(shown)
    assert "Everybody" not in words(shown)
    assert choices(shown, "by") == ["day", "model"]


async def test_where_nothing_was_used_it_says_so(world: World, coral: simcord.MemberActor) -> None:
    shown = await coral.slash(world.channel, "usage")
    assert "Nothing was used in this time." in words(shown)
    assert await picture(shown)
    assert not [each for each in components(shown) if ":csv:" in each.get("custom_id", "")]


@pytest.mark.parametrize("fault", ["none", "nothing", "far too much"])
async def test_summaries_are_their_own_kind_also_those_that_were_refused(
    world: World, model: LittleModel, coral: simcord.MemberActor, fault: str
) -> None:
    await world.ask("My name is Nemo.")
    if fault == "nothing":
        model.levers.empty()
    elif fault == "far too much":
        model.levers.long_reply(30_000)
    await world.marlin.slash(world.channel, "memory summarize")
    shown = await coral.slash(world.channel, "usage")
    assert "1 reply · 1 summary" in words(shown)
    reply, summary = sorted(await table(world, coral, shown), key=lambda row: row["kind"])
    assert (reply["user"], summary["user"], summary["user_id"]) == ("Nemo", "", "")
    assert (summary["channel"], summary["calls"]) == ("general", "1")
    assert int(summary["prompt_tokens"]) > 0


async def test_without_a_picture_the_figures_are_told_all_the_same(
    world: World, model: LittleModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.ask("Hello!")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    shown = await world.nemo.slash(world.channel, "usage")
    assert "1 reply" in words(shown)
    assert "The picture could not be drawn" in words(shown)
    assert not [each for each in components(shown) if each["type"] == 12]


async def test_prices_make_costs(make_settings: MakeSettings) -> None:
    async with living(make_settings(model_prices=PRICES)) as world:
        await world.ask("Hello!")
        shown = await world.nemo.slash(world.channel, "usage")
        (row,) = await table(world, world.nemo, shown)
        used = {name: int(row[f"{name}_tokens"]) for name in ("prompt", "cached", "completion")}
        cost = (used["prompt"] - used["cached"]) * 0.5 + used["cached"] * 0.25 + used["completion"]
        assert float(row["cost_usd"]) == cost
        assert dollars(Decimal(cost)) in words(shown)


async def test_a_panel_from_before_a_restart_goes_on(make_settings: MakeSettings) -> None:
    """Nothing of a panel is kept in the process: a menu is made again from its id."""
    async with living(make_settings()) as world:
        await world.ask("Hello!")
        shown = await world.nemo.slash(world.channel, "usage")
        world.bot._connection._view_store._synced_message_views.clear()
        world.bot._connection._view_store._views.clear()
        later = await choose(world, world.nemo, shown, "period", "90")
        assert "1 reply" in words(later)
        assert [option["value"] for option in menu(later, "period")["options"] if option.get("default")] == ["90"]
