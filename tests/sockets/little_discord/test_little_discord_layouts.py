"""Messages that are layouts (IS_COMPONENTS_V2), as discord.py sends and reads them, and what Discord refuses of them."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import discord
import pytest
from discord import app_commands, ui

from playground.discord import DiscordError, LittleDiscord, World
from tests.sockets.little_discord.test_little_discord_spec import load, problems

V2 = 1 << 15
PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (30_000).to_bytes(4, "big") + (20).to_bytes(4, "big")


def container(*parts: ui.Item[Any], color: int | None = None) -> ui.LayoutView:
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.Container(*parts, accent_color=color))
    return view


def everything(mentioned: int) -> ui.LayoutView:
    """Each kind of component that a message can have."""
    row = ui.ActionRow[Any](
        ui.Button(label="Press", custom_id="press", emoji="🐟"), ui.Button(label="Open", url="https://discord.com")
    )
    menus = (
        ui.Select(custom_id="string", options=[discord.SelectOption(label="a", description="first", default=True)]),
        ui.UserSelect(custom_id="user", max_values=2),
        ui.RoleSelect(custom_id="role"),
        ui.ChannelSelect(custom_id="channel", channel_types=[discord.ChannelType.text]),
        ui.MentionableSelect(custom_id="mentionable"),
    )
    return container(
        ui.TextDisplay(f"# Hello\n<@{mentioned}>"),
        ui.Section("one", "two", accessory=ui.Button(label="Change", custom_id="change", disabled=True)),
        ui.Section("three", accessory=ui.Thumbnail("attachment://a.png", description="A picture")),
        ui.Separator(visible=False, spacing=discord.SeparatorSpacing.large),
        ui.MediaGallery(
            discord.MediaGalleryItem("attachment://a.png"), discord.MediaGalleryItem("https://a.example/b.png")
        ),
        ui.File("attachment://b.txt", spoiler=True),
        row,
        *(ui.ActionRow(menu) for menu in menus),
        color=0x5865F2,
    )


def files() -> list[discord.File]:
    return [discord.File(io.BytesIO(PNG), "a.png"), discord.File(io.BytesIO(b"text"), "b.txt")]


async def test_a_layout_is_shaped_as_discord_says(channel: discord.TextChannel, nemo: int, api: Any) -> None:
    load()
    sent = await channel.send(view=everything(nemo), files=files())
    _, raw = await api("GET", f"/channels/{channel.id}/messages/{sent.id}")
    assert problems({"$ref": "#/components/schemas/MessageResponse"}, raw) == []
    assert problems({"$ref": "#/components/schemas/ContainerComponentResponse"}, raw["components"][0]) == []


async def test_a_layout_is_read_by_discord_py(channel: discord.TextChannel, nemo: int) -> None:
    sent = await channel.send(view=everything(nemo), files=files())

    read = await channel.fetch_message(sent.id)
    assert [each.id for each in read.mentions] == [nemo]
    assert read.flags.components_v2
    assert (read.attachments[0].width, read.attachments[0].height) == (30_000, 20)
    [box] = ui.LayoutView.from_message(read).children
    assert isinstance(box, ui.Container)
    gallery = next(each for each in box.children if isinstance(each, ui.MediaGallery))
    assert gallery.items[0].media.url == read.attachments[0].url
    assert gallery.items[1].media.url == "https://a.example/b.png"
    file = next(each for each in box.children if isinstance(each, ui.File))
    assert (file.media.url, file.media.attachment_id) == (read.attachments[1].url, read.attachments[1].id)


async def test_an_edit_of_buttons_alone_mentions_nobody_anew(channel: discord.TextChannel, nemo: int) -> None:
    nobody = discord.AllowedMentions.none()
    message = await channel.send(f"<@{nemo}>", allowed_mentions=nobody)
    message = await message.edit(view=ui.View().add_item(ui.Button(label="x")))
    assert message.mentions == []
    named = await channel.send(view=container(ui.TextDisplay("nobody")))
    named = await named.edit(view=container(ui.TextDisplay(f"<@{nemo}>")))
    assert [each.id for each in named.mentions] == [nemo]


async def test_a_message_becomes_a_layout_and_stays_one(channel: discord.TextChannel) -> None:
    message = await channel.send("plain")
    with pytest.raises(discord.HTTPException, match="content"):
        await message.edit(view=container(ui.TextDisplay("x")))
    message = await message.edit(content=None, view=container(ui.TextDisplay("x")))
    assert (message.content, message.flags.components_v2) == ("", True)
    with pytest.raises(discord.HTTPException, match="content"):
        await message.edit(content="plain again")
    message = await message.edit(
        view=container(ui.TextDisplay("y"), ui.File("attachment://b.txt")), attachments=files()[1:]
    )
    assert [each.filename for each in message.attachments] == ["b.txt"]


def text(content: str = "x") -> dict[str, Any]:
    return {"type": 10, "content": content}


def box(*parts: Any, **more: Any) -> dict[str, Any]:
    return {"type": 17, "components": list(parts)} | more


def button(**more: Any) -> dict[str, Any]:
    return {"type": 2, "style": 1, "label": "x", "custom_id": "x"} | more


def menu(**more: Any) -> dict[str, Any]:
    return {"type": 1, "components": [{"type": 3, "custom_id": "m", "options": [{"label": "a", "value": "a"}]} | more]}


TWICE = [{"label": "a", "value": "a"}, {"label": "b", "value": "a"}]


@pytest.mark.parametrize(
    ("body", "place", "code"),
    [
        ({"content": "x", "components": [text()]}, "content", "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"),
        (
            {"embeds": [{"title": "x"}], "components": [text()]},
            "embeds",
            "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
        ),
        ({"components": [text()] * 41}, "components", "BASE_TYPE_BAD_LENGTH"),
        ({"components": [box(*[text()] * 20)] * 2}, "components", "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED"),
        ({"components": [text("x" * 2001)] * 2}, "components", "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED"),
        ({"components": [text("")]}, "components.0.content", "BASE_TYPE_REQUIRED"),
        ({"components": [box()]}, "components.0.components", "BASE_TYPE_BAD_LENGTH"),
        ({"components": [box(box(text()))]}, "components.0.components.0.type", "BASE_TYPE_CHOICES"),
        ({"components": [box(text(), accent_color=0x1000000)]}, "components.0.accent_color", "NUMBER_TYPE_MAX"),
        ({"components": [button()]}, "components.0.type", "BASE_TYPE_CHOICES"),
        ({"components": [{"type": 9, "components": [text()]}]}, "components.0.accessory", "BASE_TYPE_REQUIRED"),
        (
            {"components": [{"type": 9, "components": [text()] * 4, "accessory": button()}]},
            "components.0.components",
            "BASE_TYPE_BAD_LENGTH",
        ),
        ({"components": [{"type": 14, "spacing": 3}]}, "components.0.spacing", "BASE_TYPE_CHOICES"),
        ({"components": [{"type": 12, "items": []}]}, "components.0.items", "BASE_TYPE_BAD_LENGTH"),
        (
            {"components": [{"type": 13, "file": {"url": "https://a.example/a.txt"}}]},
            "components.0.file.url",
            "URL_TYPE_INVALID_SCHEME",
        ),
        (
            {"components": [{"type": 13, "file": {"url": "attachment://a.txt"}}]},
            "components",
            "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND",
        ),
        (
            {"components": [{"type": 1, "components": [button(), button()]}]},
            "components",
            "COMPONENT_CUSTOM_ID_DUPLICATED",
        ),
        (
            {"components": [menu(options=TWICE)]},
            "components.0.components.0.options.1.value",
            "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
        ),
        ({"components": [menu(min_values=2)]}, "components.0.components.0.min_values", "BASE_TYPE_BAD_RANGE"),
        ({"components": [text()], "flags": 0}, "components.0.type", "BASE_TYPE_CHOICES"),
    ],
)
async def test_what_is_no_layout_is_refused(general: int, api: Any, body: Any, place: str, code: str) -> None:
    status, answer = await api("POST", f"/channels/{general}/messages", {"flags": V2} | body)
    assert (status, answer["code"]) == (400, 50035)
    tree = answer["errors"]
    for part in place.split("."):
        tree = tree[part]
    assert tree["_errors"][0]["code"] == code


class Settings(ui.Modal, title="Settings"):
    """A menu of each kind, with labels."""

    def __init__(self) -> None:
        super().__init__()
        self.users: ui.UserSelect[Any] = ui.UserSelect(custom_id="users", max_values=2, required=True)
        self.roles: ui.RoleSelect[Any] = ui.RoleSelect(custom_id="roles", required=False)
        self.places: ui.ChannelSelect[Any] = ui.ChannelSelect(custom_id="places")
        self.any: ui.MentionableSelect[Any] = ui.MentionableSelect(custom_id="any", max_values=2)
        self.add_item(ui.TextDisplay("What holds **here**"))
        for name in ("users", "roles", "places", "any"):
            self.add_item(ui.Label(text=name.capitalize(), component=getattr(self, name)))

    async def on_submit(self, interaction: discord.Interaction) -> None:
        picked = [[str(each) for each in menu.values] for menu in (self.users, self.roles, self.places, self.any)]
        await interaction.response.edit_message(view=container(ui.TextDisplay(str(picked))))


async def test_commands_buttons_menus_and_modals_answer_with_layouts(
    world: World, client: discord.Client, server: LittleDiscord, nemo: int, marlin: int, general: int
) -> None:
    tree = app_commands.CommandTree[Any](client)
    done = asyncio.Event()

    @tree.command(description="Show it")
    async def panel(interaction: discord.Interaction) -> None:
        view = everything(nemo)
        named = {getattr(each, "custom_id", None): each for each in view.walk_children()}
        edit, pick = named["press"], named["user"]

        async def open_modal(pressed: discord.Interaction) -> None:
            await pressed.response.send_modal(Settings())

        async def tell(picking: discord.Interaction) -> None:
            assert isinstance(pick, ui.UserSelect)
            names = ", ".join(sorted(each.display_name for each in pick.values))
            await picking.response.send_message(view=container(ui.TextDisplay(names)), ephemeral=True)

        edit.callback, pick.callback = open_modal, tell  # type: ignore[method-assign]
        await interaction.response.defer(ephemeral=True, thinking=True)
        await interaction.edit_original_response(view=view, attachments=files())
        await interaction.followup.send(view=container(ui.TextDisplay("and more")), ephemeral=True)
        done.set()

    await tree.sync()
    shown = await world.slash(nemo, general, "panel")
    async with asyncio.timeout(3):
        await done.wait()
    assert shown.message
    assert shown.message["flags"] == V2 | 64
    assert shown.followups[0]["components"][0]["components"][0]["content"] == "and more"
    message_id = int(shown.message["id"])
    picked = await (await world.click(nemo, general, message_id, "user", [nemo, marlin])).wait_answered()
    assert picked.message
    assert picked.message["components"][0]["components"][0]["content"] == "Marlin, Nemo"
    with pytest.raises(DiscordError, match="disabled"):
        await world.click(nemo, general, message_id, "change")

    opened = await (await world.click(nemo, general, message_id, "press")).wait_answered()
    assert opened.modal
    admin = next(role.id for role in world.state.guild_roles(world.guild_id) if role.name == "Admin")
    values = {"users": [nemo], "places": [general], "any": [admin, marlin]}
    with pytest.raises(DiscordError):
        await world.submit_modal(nemo, opened.modal, values | {"users": []})
    await (await world.submit_modal(nemo, opened.modal, values)).wait_answered()
    [private] = [each for each in world.messages(general, viewer_id=nemo) if each["id"] == str(message_id)]
    assert private["components"][0]["components"][0]["content"] == "[['nemo'], [], ['general'], ['marlin', 'Admin']]"
