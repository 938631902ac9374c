"""What the hash of the commands covers: everything that Discord is told of them, and nothing else."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands

from bot.registration import fingerprint

Tree = app_commands.CommandTree[Any]


def tree_of(**commands: str) -> Tree:
    """A tree of slash commands, by name and description."""
    tree = app_commands.CommandTree(discord.Client(intents=discord.Intents.none()))
    for name, description in commands.items():

        async def callback(interaction: discord.Interaction, text: str) -> None: ...

        tree.add_command(app_commands.Command(name=name, description=description, callback=callback))
    return tree


def test_it_is_the_same_for_the_same_commands_in_any_order() -> None:
    assert fingerprint(tree_of(ask="Ask", forget="Forget")) == fingerprint(tree_of(forget="Forget", ask="Ask"))


def test_it_changes_with_a_description_an_option_and_a_menu() -> None:
    option, menu = tree_of(ask="Ask"), tree_of(ask="Ask")

    @menu.context_menu(name="Forget this")
    async def forget(interaction: discord.Interaction, message: discord.Message) -> None: ...

    command = option.get_command("ask")
    assert isinstance(command, app_commands.Command)
    command._params["text"].description = "What about"
    assert len({fingerprint(tree) for tree in (tree_of(ask="Ask"), tree_of(ask="Ask me"), option, menu)}) == 4
