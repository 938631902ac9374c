"""What every world starts with: the bot and its one guild. People and channels to play with are ``World.seed``'s."""

from __future__ import annotations

from playground.discord import guilds
from playground.discord.records import User
from playground.discord.state import State


def found(state: State) -> None:
    """Make the bot, an owner who never speaks, and a guild that both are in; once."""
    if state.guilds:
        return
    bot = User(state.ids.next(), "Mnemo", "Mnemo", bot=True)
    owner = User(state.ids.next(), "owner", "Owner")
    state.add_user(bot)
    state.add_user(owner)
    guilds.add_bot(state, guilds.found(state, "Mnemo Playground", owner.id).id)
