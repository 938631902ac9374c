"""The REST API: one file a resource, and the way that every request takes."""

from playground.discord.rest import (
    channels,
    commands,
    gateway,
    guilds,
    interactions,
    messages,
    reactions,
    threads,
    users,
)
from playground.discord.rest.pipeline import API, Pipeline
from playground.discord.rest.routes import Route

ROUTES: list[Route] = [
    route
    for resource in (channels, commands, gateway, guilds, interactions, messages, reactions, threads, users)
    for route in resource.routes.all
]

__all__ = ["API", "ROUTES", "Pipeline"]
