"""A little Discord with its page and a bot that shows everything a bot can show: ``python -m tests.browser.showcase``.

It stands in for Mnemo where a test is about the page alone. It says its address on standard error, and ends with its input.
"""

from __future__ import annotations

import asyncio
import io
import struct
import sys
import zlib
from typing import Any

import discord
import yarl
from discord import app_commands, ui

from playground.discord import LittleDiscord, World
from playground.page import Page

FISH = ("Angelfish", "Blue tang", "Clownfish")


def png(width: int, height: int, red: int, green: int, blue: int) -> bytes:
    """A picture that fades from a color to black."""
    rows = b"".join(
        b"\0" + bytes(int(color * (1 - y / height)) for _ in range(width) for color in (red, green, blue))
        for y in range(height)
    )
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    )
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


class Form(ui.Modal, title="Settings of the reef"):
    """Labels around a line, a paragraph, and menus."""

    hint: ui.TextDisplay[Any] = ui.TextDisplay("What you enter holds **in this channel**.")
    name: ui.Label[Any] = ui.Label(text="Name", component=ui.TextInput(custom_id="name", max_length=40))
    about: ui.Label[Any] = ui.Label(
        text="About",
        description="Who lives there?",
        component=ui.TextInput(custom_id="about", style=discord.TextStyle.paragraph, required=False, max_length=4000),
    )
    fish: ui.Label[Any] = ui.Label(
        text="Fish",
        component=ui.Select(
            custom_id="fish", max_values=2, options=[discord.SelectOption(label=each) for each in FISH]
        ),
    )
    keeper: ui.Label[Any] = ui.Label(text="Keeper", component=ui.UserSelect(custom_id="keeper", required=False))

    async def on_submit(self, interaction: discord.Interaction) -> None:
        name, about, fish, keeper = (each.component for each in (self.name, self.about, self.fish, self.keeper))  # type: ignore[union-attr]
        who = ", ".join(user.display_name for user in keeper.values) or "nobody"
        said = f"{name.value}: {', '.join(fish.values)}, kept by {who}. {about.value}"
        await interaction.response.send_message(said, ephemeral=True)


class Buttons(ui.ActionRow[Any]):
    """One of each style."""

    @ui.button(label="Edit", style=discord.ButtonStyle.primary, emoji="✏️")
    async def edit(self, interaction: discord.Interaction, _: ui.Button[Any]) -> None:
        await interaction.response.send_modal(Form())

    @ui.button(label="Count", style=discord.ButtonStyle.success)
    async def count(self, interaction: discord.Interaction, button: ui.Button[Any]) -> None:
        button.label = f"Count {int((button.label or '').removeprefix('Count') or 0) + 1}"
        await interaction.response.edit_message(view=self.view)

    @ui.button(label="Whisper", style=discord.ButtonStyle.secondary)
    async def whisper(self, interaction: discord.Interaction, _: ui.Button[Any]) -> None:
        view = ui.LayoutView()
        view.add_item(ui.Container(ui.TextDisplay("Nobody else reads this."), accent_color=0xF0B232))
        await interaction.response.send_message(view=view, ephemeral=True)

    @ui.button(label="Danger", style=discord.ButtonStyle.danger, disabled=True)
    async def danger(self, interaction: discord.Interaction, _: ui.Button[Any]) -> None:
        raise AssertionError("nobody can press it")


class Panel(ui.LayoutView):
    """Every component of a message."""

    def __init__(self) -> None:
        super().__init__(timeout=None)
        buttons = Buttons()
        buttons.add_item(ui.Button(label="Discord", url="https://discord.com"))
        tag = ui.Button[Any](label="Change", style=discord.ButtonStyle.secondary)
        tag.callback = self._change  # type: ignore[method-assign]
        menus: list[ui.Item[Any]] = [
            ui.Select(
                placeholder="One fish",
                options=[
                    discord.SelectOption(label=each, description=f"All about the {each.lower()}", emoji="🐟")
                    for each in FISH
                ],
            ),
            ui.UserSelect(placeholder="Up to two people", max_values=2),
            ui.RoleSelect(placeholder="A role"),
            ui.ChannelSelect(placeholder="A text channel", channel_types=[discord.ChannelType.text]),
            ui.MentionableSelect(placeholder="Anyone"),
        ]
        for menu in menus:
            menu.callback = self._picked(menu)  # type: ignore[method-assign]
        self.add_item(
            ui.Container(
                ui.TextDisplay(
                    "## The reef\nWhat holds in **this channel**, with `code` and a [link](https://discord.com)."
                ),
                ui.Separator(),
                ui.Section("**Persona**", "-# from the server", accessory=tag),
                ui.Section(
                    "**Picture**\nAt sunset.", accessory=ui.Thumbnail("attachment://reef.png", description="The reef")
                ),
                ui.Separator(visible=False, spacing=discord.SeparatorSpacing.large),
                ui.MediaGallery(
                    *(discord.MediaGalleryItem(f"attachment://{each}.png") for each in ("reef", "sand", "deep"))
                ),
                ui.File("attachment://log.txt"),
                ui.Separator(spacing=discord.SeparatorSpacing.large),
                buttons,
                accent_color=0x5865F2,
            )
        )
        self.add_item(ui.Container(*(ui.ActionRow(menu) for menu in menus)))

    async def _change(self, interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await interaction.followup.send("Changed.")

    def _picked(self, menu: Any) -> Any:
        async def answer(interaction: discord.Interaction) -> None:
            picked = ", ".join(sorted(str(each) for each in menu.values))
            await interaction.response.send_message(f"You picked {picked}.", ephemeral=True)

        return answer


def pictures() -> list[discord.File]:
    """What the panel refers to."""
    made = {
        "reef": png(640, 400, 255, 140, 90),
        "sand": png(640, 400, 230, 200, 120),
        "deep": png(640, 400, 60, 120, 230),
    }
    files = [discord.File(io.BytesIO(data), f"{name}.png") for name, data in made.items()]
    return [*files, discord.File(io.BytesIO(b"all quiet\n" * 500), "log.txt")]


class Bot(discord.Client):
    """Shows the panel when somebody says something, and greets a server that it joins."""

    async def on_message(self, message: discord.Message) -> None:
        """Answer people."""
        if not message.author.bot:
            await message.channel.send(view=Panel(), files=pictures())

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Say hello."""
        await guild.text_channels[0].send("Hello, new server!")


def commands(bot: Bot) -> app_commands.CommandTree[Bot]:
    """Slash and menu commands."""
    tree = app_commands.CommandTree(bot)

    @tree.command(description="Pick a model")
    async def model(
        interaction: discord.Interaction, name: str, who: discord.Member | None = None, loud: bool = False
    ) -> None:
        await interaction.response.send_message(f"{name} for {who.display_name if who else 'all'}", ephemeral=not loud)

    @model.autocomplete("name")
    async def names(_: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
        known = ("fish-large", "fish-small", "shell")
        return [app_commands.Choice(name=each.capitalize(), value=each) for each in known if current.lower() in each]

    @tree.command(description="Read a file")
    async def read(interaction: discord.Interaction, file: discord.Attachment) -> None:
        await interaction.response.send_message(f"{file.filename}: {(await file.read()).decode()}", ephemeral=True)

    for name in ("Remember this", "Forget this"):

        @tree.context_menu(name=name)
        async def menu(interaction: discord.Interaction, message: discord.Message) -> None:
            assert interaction.command is not None
            await interaction.response.send_message(f"{interaction.command.name}: {message.content}", ephemeral=True)

    return tree


async def main() -> None:
    """Serve until standard input ends."""
    world = World.open(None)
    world.seed()
    server = LittleDiscord(world)
    Page(world).mount(server.app)
    async with server:
        discord.http.Route.BASE = server.api_url
        discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(server.gateway_url)
        bot = Bot(intents=discord.Intents.default(), guild_ready_timeout=0)
        async with bot:
            await bot.login(World.BOT_TOKEN)
            await commands(bot).sync()
            connected = asyncio.create_task(bot.connect())
            await bot.wait_until_ready()
            print(server.api_url.removesuffix("/api/v10"), file=sys.stderr, flush=True)
            await asyncio.to_thread(sys.stdin.read)
            await bot.close()
            await connected


if __name__ == "__main__":
    asyncio.run(main())
