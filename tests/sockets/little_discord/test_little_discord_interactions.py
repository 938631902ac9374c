"""Commands, buttons, menus and modals: a real discord.py bot answers them, people see what it answers."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
import pytest
from discord import app_commands

from playground.discord import DiscordError, Event, LittleDiscord, Permission, World
from playground.discord.records import MessageFlag


class Confirm(discord.ui.View):
    """Two buttons and a menu."""

    @discord.ui.button(label="Yes", custom_id="yes")
    async def yes(self, interaction: discord.Interaction, _: discord.ui.Button[Any]) -> None:
        await interaction.response.edit_message(content=f"{interaction.user.display_name} agreed.", view=None)

    @discord.ui.button(label="Later", custom_id="later")
    async def later(self, interaction: discord.Interaction, _: discord.ui.Button[Any]) -> None:
        await interaction.response.defer()
        await interaction.edit_original_response(content="Later, then.")

    @discord.ui.button(label="Never", custom_id="never", disabled=True)
    async def never(self, interaction: discord.Interaction, _: discord.ui.Button[Any]) -> None:
        raise AssertionError("nobody can press it")

    @discord.ui.select(custom_id="who", cls=discord.ui.UserSelect, max_values=2)
    async def who(self, interaction: discord.Interaction, menu: discord.ui.UserSelect[Any]) -> None:
        names = ", ".join(sorted(user.display_name for user in menu.values))
        await interaction.response.send_message(f"You picked {names}.", ephemeral=True)


class Form(discord.ui.Modal, title="A form"):
    """A text field of the older kind, and two things with labels."""

    words: discord.ui.TextInput[Any] = discord.ui.TextInput(label="Words", custom_id="words", max_length=20)
    more: discord.ui.Label[Any] = discord.ui.Label(
        text="More",
        component=discord.ui.TextInput(custom_id="more", required=False, style=discord.TextStyle.paragraph),
    )
    color: discord.ui.Label[Any] = discord.ui.Label(
        text="Color",
        component=discord.ui.Select(custom_id="color", options=[discord.SelectOption(label=each) for each in "rg"]),
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        menu = self.color.component
        assert isinstance(menu, discord.ui.Select)
        await interaction.response.send_message(f"{self.words.value} in {menu.values[0]}")


def make_tree(client: discord.Client) -> app_commands.CommandTree[Any]:
    """The commands of a small bot."""
    tree = app_commands.CommandTree(client)
    memory = app_commands.Group(name="memory", description="What is remembered")
    deep = app_commands.Group(name="deep", description="Deeper", parent=memory)

    @memory.command(description="Show it")
    @app_commands.describe(count="How many", who="Of whom", loud="Visible to all")
    async def show(
        interaction: discord.Interaction,
        count: app_commands.Range[int, 1, 10],
        who: discord.Member | None = None,
        loud: bool = False,
    ) -> None:
        name = who.display_name if who else "nobody"
        assert isinstance(interaction.user, discord.Member)
        admin = interaction.permissions.administrator
        await interaction.response.send_message(f"{count} of {name}, admin: {admin}", ephemeral=not loud)

    @deep.command(description="Think")
    async def think(interaction: discord.Interaction, topic: str) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await interaction.followup.send(f"About {topic}.")
        await interaction.followup.send("And that was all.", ephemeral=True)

    @think.autocomplete("topic")
    async def topics(interaction: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=each, value=each) for each in ("fish", "fins") if each.startswith(current)]

    @memory.command(description="Ask")
    async def reset(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("Sure?", view=Confirm())

    @tree.command(description="A form")
    async def form(interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(Form())

    @tree.command(description="Never answers")
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.guild_only()
    async def silence(interaction: discord.Interaction) -> None:
        await asyncio.sleep(0)

    @tree.context_menu(name="Forget this")
    async def forget(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message(f"Forgotten: {message.content}", ephemeral=True)

    tree.add_command(memory)
    return tree


@pytest.fixture
async def bot(client: discord.Client) -> discord.Client:
    """A client whose commands are synced."""
    await make_tree(client).sync()
    return client


async def test_sync_registers_commands_with_lasting_ids(
    world: World, client: discord.Client, server: LittleDiscord
) -> None:
    tree = make_tree(client)
    first = await tree.sync()
    second = await tree.sync()
    assert {each.id for each in first} == {each.id for each in second}
    assert {each["name"] for each in world.commands()} == {"memory", "form", "silence", "Forget this"}
    tree.remove_command("form")
    await tree.sync()
    assert "form" not in {each["name"] for each in world.commands()}
    [fetched, *_] = await tree.fetch_commands()
    await fetched.delete()
    assert len(world.commands()) == 2
    guild = discord.Object(world.guild_id)
    tree.copy_global_to(guild=guild)
    await tree.sync(guild=guild)
    assert {each.get("guild_id") for each in world.commands()} == {None, str(world.guild_id)}
    assert all(request.status == 200 for request in server.requests if request.method == "PUT")


async def test_a_slash_command_is_answered(
    world: World, bot: discord.Client, nemo: int, marlin: int, general: int
) -> None:
    interaction = await world.slash(nemo, general, "memory show", {"count": 3, "who": marlin, "loud": True})
    assert interaction.state == "pending"
    await interaction.wait_answered()
    assert interaction.message
    assert interaction.message["content"] == "3 of Marlin, admin: False"
    assert interaction.message["type"] == 20
    assert interaction.message["interaction"]["name"] == "memory show"
    assert world.messages(general)[-1]["id"] == interaction.message["id"]
    again = await (await world.slash(marlin, general, "memory show", {"count": 1, "loud": True})).wait_answered()
    assert again.message
    assert again.message["content"].endswith("admin: True")


async def test_an_ephemeral_answer_is_seen_by_one_person_only(
    world: World, bot: discord.Client, nemo: int, marlin: int, general: int
) -> None:
    before = world.messages(general)
    seen: list[Event] = []
    with world.watch() as events:
        interaction = await (await world.slash(nemo, general, "memory show", {"count": 1})).wait_answered()
        async for event in events:
            seen.append(event)
            if event.kind == "INTERACTION_UPDATE" and event.data["state"] == "answered":
                break
    assert {event.only_for for event in seen} == {nemo}
    assert interaction.message
    assert interaction.message["flags"] == MessageFlag.EPHEMERAL
    assert world.messages(general, viewer_id=marlin) == before
    assert world.messages(general, viewer_id=nemo)[-1]["content"].startswith("1 of")
    await world.delete(nemo, general, int(interaction.message["id"]))
    assert interaction.message is None


async def test_the_first_followup_takes_the_place_of_a_deferred_answer(
    world: World, bot: discord.Client, nemo: int, general: int
) -> None:
    started = await world.slash(nemo, general, "memory deep think", {"topic": "fish"})
    loading = await world.wait_for(lambda event: event.kind == "MESSAGE_CREATE")
    assert loading.data["flags"] == MessageFlag.LOADING | MessageFlag.EPHEMERAL
    await world.wait_for(lambda event: event.kind == "MESSAGE_CREATE" and event.data["content"] == "And that was all.")
    assert started.state == "answered"
    assert started.message
    assert started.message["id"] == loading.data["id"]
    assert (started.message["content"], started.message["flags"]) == ("About fish.", MessageFlag.EPHEMERAL)
    assert [each["content"] for each in started.followups] == ["And that was all."]


async def test_what_discord_would_not_send_is_refused(
    world: World, bot: discord.Client, nemo: int, marlin: int, general: int
) -> None:
    async def refused(path: str, options: dict[str, Any], match: str, who: int = nemo, where: int = general) -> None:
        with pytest.raises(DiscordError, match=match):
            await world.slash(who, where, path, options)

    await refused("unknown", {}, "10063")
    await refused("memory", {}, "needs a subcommand")
    await refused("memory deep sleep", {}, 'has no "sleep"')
    await refused("memory show", {}, "required")
    await refused("memory show", {"count": 11}, "between 1 and 10")
    await refused("memory show", {"count": "3"}, "no value")
    await refused("memory show", {"count": None}, "no value")
    await refused("memory show", {"count": float("nan")}, "no value")
    await refused("memory show", {"count": 3, "who": None}, "no value")
    await refused("memory show", {"count": 3, "many": 1}, "many")
    await refused("memory show", {"count": 3, "who": 5}, "10013")
    await refused("silence", {}, "10063")
    await refused("silence", {}, "10063", who=marlin, where=world.dm(marlin))
    assert "silence" in {each["name"] for each in world.commands(user_id=marlin, channel_id=general)}
    world.set_permissions(general, nemo, deny=Permission.USE_APPLICATION_COMMANDS)
    await refused("form", {}, "10063")


async def test_no_answer_within_three_seconds_is_a_failure(
    world: World, bot: discord.Client, marlin: int, general: int, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("playground.discord.interactions.ANSWER_SECONDS", 0.1)
    interaction = await world.slash(marlin, general, "silence")
    with pytest.raises(TimeoutError, match="did not respond"):
        await interaction.wait_answered()
    assert interaction.state == "failed"
    path = f"/interactions/{interaction.id}/{interaction.token}/callback"
    status, answer = await api("POST", path, {"type": 4, "data": {"content": "late"}})
    assert (status, answer["code"]) == (404, 10062)


async def test_buttons_and_menus(world: World, bot: discord.Client, nemo: int, marlin: int, general: int) -> None:
    asked = await (await world.slash(nemo, general, "memory reset")).wait_answered()
    assert asked.message
    message_id = int(asked.message["id"])

    picked = await (await world.click(marlin, general, message_id, "who", [nemo, marlin])).wait_answered()
    assert picked.message
    assert picked.message["content"] == "You picked Marlin, Nemo."
    assert picked.message["message_reference"]["message_id"] == str(message_id)
    with pytest.raises(DiscordError, match="Must be between 1 and 2"):
        await world.click(nemo, general, message_id, "who", [])
    with pytest.raises(DiscordError, match="disabled"):
        await world.click(nemo, general, message_id, "never")
    with pytest.raises(DiscordError, match="no component"):
        await world.click(nemo, general, message_id, "what")

    later = await world.click(nemo, general, message_id, "later")
    await world.wait_for(lambda event: event.kind == "MESSAGE_UPDATE")
    await later.wait_answered()
    assert world.messages(general)[-1]["content"] == "Later, then."
    await (await world.click(marlin, general, message_id, "yes")).wait_answered()
    assert world.messages(general)[-1]["content"] == "Marlin agreed."
    assert world.messages(general)[-1]["components"] == []


async def test_a_modal(world: World, bot: discord.Client, nemo: int, marlin: int, general: int) -> None:
    opened = await (await world.slash(nemo, general, "form")).wait_answered()
    assert opened.modal
    assert opened.modal["title"] == "A form"
    with pytest.raises(DiscordError, match="between 1 and 20"):
        await world.submit_modal(nemo, opened.modal, {"words": "x" * 21, "color": ["r"]})
    with pytest.raises(DiscordError, match="no field"):
        await world.submit_modal(nemo, opened.modal, {"words": "x", "colour": ["r"]})
    with pytest.raises(DiscordError, match="10062"):
        await world.submit_modal(marlin, opened.modal, {"words": "x", "color": ["r"]})
    submitted = await world.submit_modal(nemo, opened.modal, {"words": "A fish", "color": ["g"]})
    await submitted.wait_answered()
    assert submitted.message
    assert submitted.message["content"] == "A fish in g"


async def test_autocomplete_and_a_context_menu(world: World, bot: discord.Client, nemo: int, general: int) -> None:
    choices = await world.autocomplete(nemo, general, "memory deep think", "topic", {"topic": "fis"})
    assert choices == [{"name": "fish", "value": "fish"}]
    said = await world.say(nemo, general, "a secret")
    menu = await (await world.context_menu(nemo, general, "Forget this", int(said["id"]))).wait_answered()
    assert menu.message
    assert menu.message["content"] == "Forgotten: a secret"


async def test_commands_work_in_direct_messages(world: World, bot: discord.Client, nemo: int) -> None:
    opened = await (await world.slash(nemo, world.dm(nemo), "form")).wait_answered()
    assert opened.modal
    submitted = await world.submit_modal(nemo, opened.modal, {"words": "Private", "color": ["r"]})
    assert (await submitted.wait_answered()).message
    assert world.messages(world.dm(nemo))[-1]["content"] == "Private in r"
