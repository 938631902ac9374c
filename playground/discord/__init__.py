"""The little Discord: a world of people and channels, and the protocol by which the real discord.py lives in it.

``World`` is what there is and what people do; ``LittleDiscord`` is the server on loopback that the bot connects to; its
``levers`` make it misbehave. Everything else is behind these::

    world                   what people see and do
    server                  puts the wires together: rest/, gateway/, cdn; limits and levers act on them

    messages, reactions, channels, threads, guilds          what may be done, by person and by bot alike
    commands, invocations, interactions, responses          ... with slash commands, menus, buttons and modals
    drafts, components, mentions, content, permissions      the rules of single things
    payloads, layouts, pictures                             how it is all written as Discord's JSON

    state, records, store, snowflakes, seed     what there is, and where it is kept
    events                                      who is told what happens
    forms, errors                               how a request is checked, and refused
"""

from playground.discord.errors import DiscordError
from playground.discord.events import Event
from playground.discord.interactions import Interaction
from playground.discord.levers import Levers, Request
from playground.discord.permissions import Permission
from playground.discord.records import ChannelType
from playground.discord.server import LittleDiscord
from playground.discord.store import WorldInUse
from playground.discord.world import World

__all__ = [
    "ChannelType",
    "DiscordError",
    "Event",
    "Interaction",
    "Levers",
    "LittleDiscord",
    "Permission",
    "Request",
    "World",
    "WorldInUse",
]
