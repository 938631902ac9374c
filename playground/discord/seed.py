"""What every world starts with: the bot and its one guild. People and channels to play with are ``World.seed``'s."""

from __future__ import annotations

from playground.discord.permissions import Permission
from playground.discord.records import Guild, Member, Role, User
from playground.discord.state import State

#: What @everyone may do in a new guild, and what the bot's own role is given.
_ORDINARY = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.SEND_MESSAGES_IN_THREADS
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.ADD_REACTIONS
    | Permission.USE_EXTERNAL_EMOJIS
    | Permission.CHANGE_NICKNAME
    | Permission.USE_APPLICATION_COMMANDS
)


def found(state: State) -> None:
    """Make the guild with its roles (@everyone, Mnemo, Admin), the bot, and an owner who never speaks; once."""
    if state.guilds:
        return
    bot = User(state.ids.next(), "Mnemo", "Mnemo", bot=True)
    owner = User(state.ids.next(), "owner", "Owner")
    guild = Guild(state.ids.next(), "Mnemo Playground", owner.id)
    everyone = Role(guild.id, guild.id, "@everyone", _ORDINARY)
    bot_role = Role(state.ids.next(), guild.id, bot.username, _ORDINARY, position=1, bot_id=bot.id)
    admin = Role(state.ids.next(), guild.id, "Admin", Permission.ADMINISTRATOR, position=2)
    for role in (everyone, bot_role, admin):
        state.add_role(role)
    for user, own_role in ((bot, bot_role), (owner, admin)):
        state.add_user(user)
        state.add_member(Member(state.ids.next(), guild.id, user.id, [own_role.id]))
    state.guilds[guild.id] = guild
    state.save(guild)
