"""What Discord refuses, and how it says so: an HTTP status, a code of its own, a sentence, and a tree of field errors.

When each is raised is decided where the rule lives.
Source: https://docs.discord.com/developers/topics/opcodes-and-status-codes#json
"""

from __future__ import annotations

from enum import Enum
from typing import Any


class Problem(Enum):
    """HTTP status, Discord's code, Discord's sentence."""

    UNAUTHORIZED = (401, 0, "401: Unauthorized")
    NOT_FOUND = (404, 0, "404: Not Found")
    METHOD_NOT_ALLOWED = (405, 0, "405: Method Not Allowed")
    UNKNOWN_CHANNEL = (404, 10003, "Unknown Channel")
    UNKNOWN_GUILD = (404, 10004, "Unknown Guild")
    UNKNOWN_MEMBER = (404, 10007, "Unknown Member")
    UNKNOWN_MESSAGE = (404, 10008, "Unknown Message")
    UNKNOWN_ROLE = (404, 10011, "Unknown Role")
    UNKNOWN_USER = (404, 10013, "Unknown User")
    UNKNOWN_EMOJI = (400, 10014, "Unknown Emoji")
    UNKNOWN_WEBHOOK = (404, 10015, "Unknown Webhook")
    UNKNOWN_INTERACTION = (404, 10062, "Unknown interaction")
    UNKNOWN_COMMAND = (404, 10063, "Unknown application command")
    TOO_LARGE = (413, 40005, "Request entity too large")
    ALREADY_ACKNOWLEDGED = (400, 40060, "Interaction has already been acknowledged.")
    MISSING_ACCESS = (403, 50001, "Missing Access")
    NOT_IN_A_DM = (403, 50003, "Cannot execute action on a DM channel")
    NOT_THE_AUTHOR = (403, 50005, "Cannot edit a message authored by another user")
    EMPTY_MESSAGE = (400, 50006, "Cannot send an empty message")
    CANNOT_DM = (403, 50007, "Cannot send messages to this user")
    NOT_IN_THIS_CHANNEL_TYPE = (400, 50008, "Cannot send messages in a non-text channel")
    MISSING_PERMISSIONS = (403, 50013, "Missing Permissions")
    BULK_DELETE_COUNT = (400, 50016, "Provided too few or too many messages to delete. Must be between 2 and 100.")
    SYSTEM_MESSAGE = (403, 50021, "Cannot execute action on a system message")
    INVALID_WEBHOOK_TOKEN = (401, 50027, "Invalid Webhook Token")
    INVALID_ROLE = (400, 50028, "Invalid Role")
    BULK_DELETE_AGE = (400, 50034, "A message provided was too old to bulk delete")
    INVALID_FORM_BODY = (400, 50035, "Invalid Form Body")
    THREAD_ARCHIVED = (400, 50083, "Thread is archived")
    INVALID_JSON = (400, 50109, "The request body contains invalid JSON.")
    THREAD_EXISTS = (400, 160004, "A thread has already been created for this message")
    REPLY_NEEDS_HISTORY = (400, 160002, "Cannot reply without permission to read message history")
    TOO_MANY_REACTIONS = (403, 30010, "Maximum number of reactions reached (20)")


class DiscordError(Exception):
    """A refusal, as Discord's clients receive it.

    *errors* is the tree of field errors of an invalid form, *detail* is put behind Discord's sentence.
    """

    def __init__(self, problem: Problem, detail: str = "", *, errors: dict[str, Any] | None = None) -> None:
        self.problem = problem
        self.status, self.code, sentence = problem.value
        self.message = f"{sentence} ({detail})" if detail else sentence
        self.errors = errors
        super().__init__(f"{self.status} {self.code}: {self.message}{f' {errors}' if errors else ''}")

    def payload(self) -> dict[str, Any]:
        """The JSON body of the answer."""
        body: dict[str, Any] = {"message": self.message, "code": self.code}
        return body | {"errors": self.errors} if self.errors else body


def invalid_field(path: str, code: str, message: str) -> DiscordError:
    """An invalid form with one wrong field; *path* has dots between its parts, as in ``"embeds.0.title"``."""
    tree: dict[str, Any] = {"_errors": [{"code": code, "message": message}]}
    for part in reversed(path.split(".")):
        tree = {part: tree}
    return DiscordError(Problem.INVALID_FORM_BODY, errors=tree)
