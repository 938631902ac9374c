"""Users and applications. https://docs.discord.com/developers/resources/user"""

from __future__ import annotations

from playground.discord import channels, payloads
from playground.discord.forms import boolean, fields, integer, snowflake
from playground.discord.records import Json
from playground.discord.rest.routes import Call, Routes

routes = Routes()


@routes.add("GET", "/users/@me")
def get_current_user(call: Call) -> Json:
    """The bot."""
    return payloads.current_user(call.state.bot)


@routes.add(
    "GET",
    "/users/@me/guilds",
    query=fields({"before": snowflake, "after": snowflake, "limit": integer(1, 200), "with_counts": boolean}),
)
def list_current_user_guilds(call: Call) -> list[Json]:
    """The guilds that the bot is in."""
    state, bot_id = call.state, call.bot_id
    after, before = call.query.get("after") or 0, call.query.get("before") or 1 << 64
    return [
        {
            "id": str(guild.id),
            "name": guild.name,
            "icon": None,
            "banner": None,
            "owner": False,
            "permissions": str(int(state.guild_permissions(guild.id, bot_id))),
            "features": [],
        }
        for guild in state.guilds.values()
        if (guild.id, bot_id) in state.members and after < guild.id < before
    ][: call.query.get("limit") or 200]


@routes.add("GET", "/users/{user_id}")
def get_user(call: Call) -> Json:
    """Anyone."""
    return payloads.user(call.state.user(call.id("user_id")))


@routes.add("POST", "/users/@me/channels", body=fields({"recipient_id": snowflake}, required=["recipient_id"]))
def create_dm(call: Call) -> Json:
    """The direct messages with a person."""
    channel = channels.direct(call.state, call.bot_id, call.body["recipient_id"])
    return payloads.channel(call.state, channel, call.bot_id)


@routes.add("GET", "/applications/@me")
def get_current_application(call: Call) -> Json:
    """The bot's application; its flags say which privileged intents it has."""
    return payloads.application(call.state, call.state.bot)


@routes.add("GET", "/oauth2/applications/@me")
def get_current_oauth2_application(call: Call) -> Json:
    """The same under its older address."""
    return payloads.application(call.state, call.state.bot)
