"""Whom a message mentions, once what its author may mention and wants to mention is taken into account.

Nobody is notified here: a client highlights the messages whose ``mentions`` hold its user.
Source: https://docs.discord.com/developers/resources/message#allowed-mentions-object
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from playground.discord.errors import invalid_field
from playground.discord.forms import array, boolean, fields, one_of, snowflake
from playground.discord.permissions import Permission
from playground.discord.records import Channel, Json
from playground.discord.state import State

_USER = re.compile(r"<@!?(\d+)>")
_ROLE = re.compile(r"<@&(\d+)>")
_EVERYONE = re.compile(r"@(everyone|here)\b")

ALLOWED_MENTIONS = fields(
    {
        "parse": array(one_of("users", "roles", "everyone"), maximum=3),
        "users": array(snowflake, maximum=100),
        "roles": array(snowflake, maximum=100),
        "replied_user": boolean,
    }
)
#: What holds for a message that says nothing about it.
_EVERYTHING: Json = {"parse": ["users", "roles", "everyone"], "replied_user": True}


@dataclass
class Mentions:
    """Ids of the mentioned, in the order of the text."""

    user_ids: list[int] = field(default_factory=list)
    role_ids: list[int] = field(default_factory=list)
    everyone: bool = False


def resolve(
    state: State, channel: Channel, author_id: int, content: str, allowed: Json | None, replied_to: int | None
) -> Mentions:
    """The mentions in *content* that count. *replied_to* is the author of the message that this one answers."""
    rules = _EVERYTHING if allowed is None else allowed
    _refuse_contradiction(rules)
    parse = rules.get("parse") or []
    may_mention_all = state.may(author_id, channel, Permission.MENTION_EVERYONE)

    users = [each for each in _ids(_USER, content) if each in state.users]
    if "users" not in parse:
        users = [each for each in users if each in (rules.get("users") or [])]
    if replied_to is not None and rules.get("replied_user"):
        users.append(replied_to)
    roles = [each for each in _ids(_ROLE, content) if each in state.roles and may_mention_all]
    if "roles" not in parse:
        roles = [each for each in roles if each in (rules.get("roles") or [])]
    everyone = "everyone" in parse and may_mention_all and bool(_EVERYONE.search(content))
    return Mentions(list(dict.fromkeys(users)), list(dict.fromkeys(roles)), everyone)


def _ids(pattern: re.Pattern[str], content: str) -> list[int]:
    return [int(each) for each in pattern.findall(content)]


def _refuse_contradiction(rules: Json) -> None:
    for name in ("users", "roles"):
        if name in (rules.get("parse") or []) and rules.get(name):
            message = f'parse:["{name}"] and {name}: [ids...] are mutually exclusive.'
            raise invalid_field("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message)
