"""What the little Discord answers and takes, held against Discord's own OpenAPI specification.

The folder of specifications is named by MNEMO_SPECS, or stands beside the repository in ``shared/specs``.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from openapi_schema_validator import OAS31Validator

from playground.discord import ChannelType, World, commands, components, drafts
from playground.discord.forms import Fields
from playground.discord.rest import ROUTES

_FILE = Path(os.environ.get("MNEMO_SPECS") or Path(__file__).parents[4] / "shared/specs") / "discord-openapi.json"


@cache
def load() -> Any:
    if not _FILE.exists():
        pytest.skip(f"{_FILE} is not there; MNEMO_SPECS names another folder")
    spec = json.loads(_FILE.read_text())
    return _loosen(spec)


def _loosen(node: Any) -> Any:
    """Alternatives that overlap are fine: the kinds of channels, for instance."""
    if isinstance(node, dict):
        return {("anyOf" if key == "oneOf" else key): _loosen(value) for key, value in node.items()}
    return [_loosen(each) for each in node] if isinstance(node, list) else node


def problems(schema: Any, value: Any) -> list[str]:
    validator = OAS31Validator(schema | {"components": load()["components"]})
    return [f"{'.'.join(map(str, each.absolute_path))}: {each.message[:200]}" for each in validator.iter_errors(value)]


def operation(method: str, path: str) -> Any:
    parts = path.split("?")[0].strip("/").split("/")
    for template, operations in load()["paths"].items():
        wanted = template.strip("/").split("/")
        fits = len(wanted) == len(parts) and all(w == p or w[0] == "{" for w, p in zip(wanted, parts, strict=True))
        if fits and method.lower() in operations and ("@me" in path) == ("@me" in template):
            return operations[method.lower()]
    raise AssertionError(f"Discord has no {method} {path}")


async def test_answers_are_shaped_as_discord_says(world: World, api: Any, nemo: int, general: int) -> None:
    load()
    said = int((await world.say(nemo, general, "hello", attachments=[("a.txt", "text/plain", b"a")]))["id"])
    await world.react(nemo, general, said, "👍")
    forum = world.create_channel("forum", kind=ChannelType.FORUM)
    row = {"type": 1, "components": [{"type": 2, "style": 1, "custom_id": "x", "label": "X"}]}
    option = {"type": 3, "name": "what", "description": "What", "choices": [{"name": "a", "value": "a"}]}
    command = {"name": "do", "description": "Do", "options": [option]}
    messages = f"/channels/{general}/messages"
    app = f"/applications/{world.bot_id}/commands"
    guild = f"/guilds/{world.guild_id}"
    reply: Any = {"content": f"<@{nemo}>", "message_reference": {"message_id": str(said)}, "components": [row]}
    asked: list[tuple[str, str, Any]] = [
        ("GET", "/gateway", None),
        ("GET", "/gateway/bot", None),
        ("GET", "/users/@me", None),
        ("GET", "/users/@me/guilds", None),
        ("GET", f"/users/{nemo}", None),
        ("POST", "/users/@me/channels", {"recipient_id": str(nemo)}),
        ("GET", "/applications/@me", None),
        ("GET", "/oauth2/applications/@me", None),
        ("GET", guild + "/channels", None),
        ("GET", guild + "/roles", None),
        ("GET", guild + "/members?limit=10", None),
        ("GET", guild + f"/members/{nemo}", None),
        ("GET", guild + "/threads/active", None),
        ("GET", f"/channels/{general}", None),
        ("GET", f"/channels/{forum}", None),
        ("GET", f"/channels/{world.channel_id('a-thread')}", None),
        ("GET", f"/channels/{world.dm(nemo)}", None),
        ("POST", messages, reply | {"embeds": [{"title": "t", "fields": [{"name": "n", "value": "v"}]}]}),
        ("GET", messages, None),
        ("GET", f"{messages}/{said}", None),
        ("GET", f"{messages}/{said}/reactions/👍", None),
        ("POST", f"{messages}/{said}/threads", {"name": "talk"}),
        ("POST", f"/channels/{forum}/threads", {"name": "post", "message": {"content": "first"}}),
        ("GET", f"/channels/{general}/threads/archived/public", None),
        ("PUT", app, [command]),
        ("GET", app, None),
        ("POST", app, command | {"name": "other"}),
    ]
    for method, path, body in asked:
        status, answer = await api(method, path, body)
        contents = operation(method, path)["responses"][str(status)]["content"]["application/json"]
        assert problems(contents["schema"], answer) == [], f"{method} {path}"


async def test_answers_to_interactions_are_shaped_as_discord_says(
    world: World, api: Any, nemo: int, general: int
) -> None:
    await api("POST", f"/applications/{world.bot_id}/commands", {"name": "do", "description": "Do"})
    interaction = await world.slash(nemo, general, "do")
    path = f"/interactions/{interaction.id}/{interaction.token}/callback?with_response=true"
    _, answer = await api("POST", path, {"type": 4, "data": {"content": "done"}})
    reference = {"$ref": "#/components/schemas/InteractionCallbackResponse"}
    assert problems(reference, answer) == []
    _, followup = await api("POST", f"/webhooks/{world.bot_id}/{interaction.token}", {"content": "and more"})
    assert problems({"$ref": "#/components/schemas/MessageResponse"}, followup) == []


async def test_errors_are_shaped_as_discord_says(api: Any, general: int) -> None:
    # Not ErrorResponse: there the codes of fields are integers, while Discord and its documentation have strings.
    error = {"$ref": "#/components/schemas/Error"}
    for method, path, body in (
        ("GET", "/channels/1", None),
        ("GET", "/nowhere", None),
        ("POST", f"/channels/{general}/messages", {"content": "x" * 2001, "embeds": [{"title": 1}]}),
    ):
        status, answer = await api(method, path, body)
        assert status >= 400
        assert problems(error, answer) == []


#: In Discord's documentation or sent by discord.py, but not in the specification.
_BESIDES = {"tts", "nsfw"}


@pytest.mark.parametrize(
    ("form", "schema"),
    [
        (drafts.CREATE, "MessageCreateRequest"),
        (drafts.EDIT, "MessageEditRequestPartial"),
        (drafts.RESPONSE, "IncomingWebhookInteractionRequest"),
        (components.MODAL, "ModalInteractionCallbackRequestData"),
        (commands.EDIT, "ApplicationCommandCreateRequest"),
        (drafts.CREATE.known["message_reference"], "MessageReferenceRequest"),
        (drafts.CREATE.known["allowed_mentions"], "MessageAllowedMentionsRequest"),
    ],
)
def test_no_field_is_taken_that_discord_does_not_know(form: Fields, schema: str) -> None:
    known = set(load()["components"]["schemas"][schema]["properties"])
    assert set(form.known) - known <= _BESIDES


def test_every_route_is_one_of_discords() -> None:
    for route in ROUTES:
        operation(route.method, route.path)


async def test_answers_have_exactly_the_type_that_discord_py_parses(api: Any) -> None:
    headers = {"Authorization": f"Bot {World.BOT_TOKEN}"}
    session: aiohttp.ClientSession = api.session
    for path in ("/users/@me", "/nowhere"):
        async with session.get(api.base + path, headers=headers) as response:
            assert response.headers["Content-Type"] == "application/json"
            assert response.headers["Via"]
