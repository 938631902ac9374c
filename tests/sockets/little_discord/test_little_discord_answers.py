"""Commands and answers to the letter: every kind of option, tokens, follow-ups, and what is refused."""

from __future__ import annotations

import asyncio
import io
import json
import typing
from typing import Any

import discord
import pytest
from discord import app_commands

from playground.discord import DiscordError, LittleDiscord, World


async def test_tokens_and_callbacks_are_checked(
    world: World, client: discord.Client, nemo: int, general: int, api: Any, server: LittleDiscord
) -> None:
    app = f"/applications/{world.bot_id}/commands"
    assert (await api("POST", app, {"name": "ask", "description": "Ask"}))[0] == 201
    assert (await api("POST", app, {"name": "ask", "description": "Ask me"}))[0] == 200
    interaction = await world.slash(nemo, general, "ask")
    callback = f"/interactions/{interaction.id}/{interaction.token}/callback"
    webhook = f"/webhooks/{world.bot_id}/{interaction.token}"

    async def code(method: str, path: str, body: Any = None) -> tuple[int, int]:
        status, answer = await api(method, path, body)
        return status, answer["code"]

    assert await code("POST", webhook, {"content": "too soon"}) == (404, 10015)
    assert await code("POST", callback, {"type": 7, "data": {"content": "no source"}}) == (400, 50035)
    assert await code("POST", callback, {"type": 8, "data": {"choices": []}}) == (400, 50035)
    assert await code("POST", callback, {"type": 1}) == (400, 50035)
    assert await code("POST", callback, {"type": 4, "data": {"content": ""}}) == (400, 50006)
    assert await code("POST", callback[:-20] + "/callback", {"type": 5}) == (404, 10062)
    status, answer = await api("POST", callback + "?with_response=true", {"type": 5})
    assert status == 200
    assert answer["interaction"]["response_message_loading"]
    assert await code("POST", callback, {"type": 5}) == (400, 40060)
    status, answer = await api("PATCH", webhook + "/messages/@original", {"content": "now"})
    assert (status, answer["content"], answer["flags"]) == (200, "now", 0)
    assert (await api("GET", webhook + "/messages/@original"))[1]["id"] == answer["id"]
    assert (await api("DELETE", webhook + "/messages/@original"))[0] == 204
    assert await code("GET", webhook + "/messages/@original") == (404, 10008)
    assert await code("POST", f"/webhooks/{world.bot_id}/wrong", {"content": "x"}) == (404, 10015)
    assert json.dumps(server.requests[-1].body) == '{"content": "x"}'


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"name": "Upper", "description": "x"}, "name"),
        ({"name": "x"}, "description"),
        ({"name": "x", "description": "x", "kind": 1}, "kind"),
        ({"name": "x", "description": "x", "options": [{"type": 3, "name": "a", "description": ""}]}, "options"),
        (
            {
                "name": "x",
                "description": "x",
                "options": [
                    {"type": 3, "name": "a", "description": "a"},
                    {"type": 3, "name": "b", "description": "b", "required": True},
                ],
            },
            "options",
        ),
    ],
)
async def test_what_is_no_command_is_refused(world: World, api: Any, body: Any, named: str) -> None:
    status, answer = await api("PUT", f"/applications/{world.bot_id}/commands", [body])
    assert (status, answer["code"]) == (400, 50035)
    assert named in answer["errors"]["0"]


async def test_every_kind_of_option(world: World, client: discord.Client, marlin: int, general: int) -> None:
    tree = app_commands.CommandTree[Any](client)
    got: dict[str, Any] = {}

    @tree.command(description="All")
    async def everything(
        interaction: discord.Interaction,
        word: app_commands.Range[str, 2, 5],
        ratio: app_commands.Range[float, 0, 1],
        pick: typing.Literal["one", "two"],
        where: discord.TextChannel,
        role: discord.Role,
        anyone: discord.Member | discord.Role,
        file: discord.Attachment,
    ) -> None:
        got.update(word=word, ratio=ratio, pick=pick, where=where.name, role=role.name, anyone=anyone.name)
        got.update(file=await file.read(), context=interaction.context.guild)
        await interaction.response.send_message("thanks", file=discord.File(io.BytesIO(b"back"), "back.txt"))

    @tree.context_menu(name="Who is it")
    async def who(interaction: discord.Interaction, member: discord.Member) -> None:
        await interaction.response.send_message(member.display_name)

    await tree.sync()
    admin = next(role["id"] for role in world_roles(world) if role["name"] == "Admin")
    options: dict[str, Any] = {
        "word": "fish",
        "ratio": 0.5,
        "pick": "two",
        "where": general,
        "role": int(admin),
        "anyone": marlin,
        "file": ("a.txt", "text/plain", b"abc"),
    }
    interaction = await (await world.slash(marlin, general, "everything", options)).wait_answered()
    assert got == {
        "word": "fish",
        "ratio": 0.5,
        "pick": "two",
        "where": "general",
        "role": "Admin",
        "anyone": "marlin",
        "file": b"abc",
        "context": True,
    }
    assert interaction.message
    assert interaction.message["attachments"][0]["filename"] == "back.txt"
    for wrong in ({"word": "x"}, {"ratio": 2.0}, {"pick": "three"}, {"where": 5}, {"role": 5}, {"ratio": True}):
        with pytest.raises(DiscordError):
            await world.slash(marlin, general, "everything", options | wrong)
    said = await world.say(marlin, general, "me")
    menu = await (await world.context_menu(marlin, general, "Who is it", int(said["id"]))).wait_answered()
    assert menu.message
    assert menu.message["content"] == "Marlin"


def world_roles(world: World) -> list[dict[str, Any]]:
    return [{"id": role.id, "name": role.name} for role in world.state.guild_roles(world.guild_id)]


async def test_followups_are_edited_and_deleted(world: World, client: discord.Client, nemo: int, general: int) -> None:
    tree = app_commands.CommandTree[Any](client)
    done = asyncio.Event()

    @tree.command(description="Twice")
    async def twice(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("one")
        followup = await interaction.followup.send("two", wait=True)
        await followup.edit(content="three")
        await interaction.edit_original_response(content="zero")
        gone = await interaction.followup.send("gone", ephemeral=True, wait=True)
        await gone.delete()
        done.set()

    await tree.sync()
    interaction = await world.slash(nemo, general, "twice")
    async with asyncio.timeout(3):
        await done.wait()
    assert interaction.message
    assert interaction.message["content"] == "zero"
    assert [each["content"] for each in interaction.followups] == ["three"]
    assert [each["content"] for each in world.messages(general, viewer_id=nemo)][-2:] == ["zero", "three"]


async def test_an_answer_into_a_channel_that_vanished(
    world: World, client: discord.Client, api: Any, nemo: int, general: int
) -> None:
    await api("POST", f"/applications/{world.bot_id}/commands", {"name": "ask", "description": "Ask"})
    interaction = await world.slash(nemo, general, "ask")
    world.delete_channel(general)
    path = f"/interactions/{interaction.id}/{interaction.token}/callback"
    status, answer = await api("POST", path, {"type": 4, "data": {"content": "late"}})
    assert (status, answer["code"]) == (404, 10003)


async def test_a_single_command_is_read_changed_and_removed(world: World, api: Any) -> None:
    for app in (
        f"/applications/{world.bot_id}/commands",
        f"/applications/{world.bot_id}/guilds/{world.guild_id}/commands",
    ):
        _, made = await api("POST", app, {"name": "ask", "description": "Ask", "default_member_permissions": "8"})
        one = f"{app}/{made['id']}"
        assert (await api("GET", one))[1] == made
        _, changed = await api("PATCH", one, {"description": "Ask away"})
        assert (changed["description"], changed["id"]) == ("Ask away", made["id"])
        assert changed["version"] != made["version"]
        assert (await api("DELETE", one))[0] == 204
        assert (await api("GET", one))[1]["code"] == 10063
    assert (await api("GET", "/applications/1/commands"))[1]["code"] == 50001
    twice = [{"name": "a", "description": "a"}] * 2
    assert (await api("PUT", f"/applications/{world.bot_id}/commands", twice))[1]["code"] == 50035
    menu = {"type": 3, "name": "Menu", "description": "has none"}
    assert (await api("POST", f"/applications/{world.bot_id}/commands", menu))[1]["code"] == 50035


async def test_what_a_person_deleted_does_not_come_back(world: World, api: Any, nemo: int, general: int) -> None:
    await api("POST", f"/applications/{world.bot_id}/commands", {"name": "ask", "description": "Ask"})
    row = {"type": 1, "components": [{"type": 2, "style": 1, "custom_id": "x", "label": "X"}]}
    _, sent = await api("POST", f"/channels/{general}/messages", {"content": "press", "components": [row]})
    pressed = await world.click(nemo, general, int(sent["id"]), "x")
    await api("DELETE", f"/channels/{general}/messages/{sent['id']}")
    path = f"/interactions/{pressed.id}/{pressed.token}/callback"
    status, answer = await api("POST", path, {"type": 7, "data": {"content": "pressed"}})
    assert (status, answer["code"]) == (404, 10008)

    asked = await world.slash(nemo, general, "ask")
    await api("POST", f"/interactions/{asked.id}/{asked.token}/callback", {"type": 5, "data": {"flags": 64}})
    loading = world.messages(general, viewer_id=nemo)[-1]
    await world.delete(nemo, general, int(loading["id"]))
    _, sent = await api("POST", f"/webhooks/{world.bot_id}/{asked.token}", {"content": "too late", "flags": 64})
    assert sent["id"] != loading["id"]
    assert [each["content"] for each in asked.followups] == ["too late"]
