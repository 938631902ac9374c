"""The small language in which the accepted fields of a request are written down, and the checking of a body against it.

Which fields a request has stands beside its route. A *check* takes a value and returns it cleaned (ids as ints), or
raises :class:`Invalid` with Discord's tree of errors. A field that is not written down is refused by name: Discord would
ignore it, but a bot that sends it believes that it does something.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from playground.discord.errors import DiscordError, Problem

Check = Callable[[Any], Any]


class Invalid(Exception):
    """A value that does not fit; *tree* says where and why."""

    def __init__(self, tree: dict[str, Any]) -> None:
        super().__init__(str(tree))
        self.tree = tree


def wrong(code: str, message: str) -> Invalid:
    """The value itself is wrong."""
    return Invalid({"_errors": [{"code": code, "message": message}]})


def clean(check: Check, value: Any) -> Any:
    """*value* as the *check* returns it; a :class:`DiscordError` 50035 if it does not fit."""
    try:
        return check(value)
    except Invalid as invalid:
        raise DiscordError(Problem.INVALID_FORM_BODY, errors=invalid.tree) from None


def text(minimum: int = 0, maximum: int | None = None, pattern: str | None = None) -> Check:
    """A string; its bounds count characters."""

    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise wrong("BASE_TYPE_STRING", "Must be string.")
        if len(value) < minimum:
            code = "BASE_TYPE_REQUIRED" if not value else "BASE_TYPE_BAD_LENGTH"
            raise wrong(code, f"Must be {minimum} or more in length." if value else "This field is required")
        if maximum is not None and len(value) > maximum:
            raise wrong("BASE_TYPE_MAX_LENGTH", f"Must be {maximum} or fewer in length.")
        if pattern and not re.fullmatch(pattern, value):
            raise wrong("STRING_TYPE_REGEX", "String value did not match validation regex.")
        return value

    return check


def integer(minimum: int | None = None, maximum: int | None = None) -> Check:
    """A whole number; one written as a string is taken too, as Discord does (queries have only strings)."""

    def check(value: Any) -> int:
        if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise wrong("NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
        _check_bounds(value, minimum, maximum)
        return value

    return check


def number(value: Any) -> float:
    """A number, whole or not."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong("NUMBER_TYPE_COERCE", f'Value "{value}" is not float.')
    return value


def _check_bounds(value: int, minimum: int | None, maximum: int | None) -> None:
    if minimum is not None and value < minimum:
        raise wrong("NUMBER_TYPE_MIN", f"Value should be greater than or equal to {minimum}.")
    if maximum is not None and value > maximum:
        raise wrong("NUMBER_TYPE_MAX", f"Value should be less than or equal to {maximum}.")


def boolean(value: Any) -> bool:
    """True or false; in a query, also their names."""
    if isinstance(value, str) and value.lower() in {"true", "false", "1", "0"}:
        return value.lower() in {"true", "1"}
    if not isinstance(value, bool):
        raise wrong("BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
    return value


def snowflake(value: Any) -> int:
    """An id, as a string or a number; cleaned to an int."""
    if isinstance(value, bool) or not re.fullmatch(r"\d{1,20}", str(value)):
        raise wrong("NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')
    return int(value)


def one_of(*choices: Any) -> Check:
    """One of these values."""

    def check(value: Any) -> Any:
        if isinstance(value, bool) != isinstance(choices[0], bool) or value not in choices:
            raise wrong("BASE_TYPE_CHOICES", f"Value must be one of {choices}.")
        return value

    return check


def nullable(check: Check) -> Check:
    """What *check* takes, or null."""
    return lambda value: None if value is None else check(value)


def array(of: Check, minimum: int = 0, maximum: int | None = None) -> Check:
    """A list, each item of which fits *of*."""

    def check(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise wrong("BASE_TYPE_LIST", "Must be list.")
        if len(value) < minimum or (maximum is not None and len(value) > maximum):
            raise wrong("BASE_TYPE_BAD_LENGTH", f"Must be between {minimum} and {maximum} in length.")
        return list(_collect({str(index): (of, item) for index, item in enumerate(value)}).values())

    return check


def mapping(of: Check) -> Check:
    """An object with any keys, each value of which fits *of*."""

    def check(value: Any) -> dict[str, Any]:
        _need_object(value)
        return _collect({key: (of, item) for key, item in value.items()})

    return check


@dataclass(frozen=True)
class Fields:
    """An object with the *known* fields and no others."""

    known: Mapping[str, Check]
    required: Collection[str]

    def __call__(self, value: Any) -> dict[str, Any]:
        """The object with its fields cleaned; what was not sent is not in it."""
        _need_object(value)
        missing = {name: (_required, None) for name in self.required if name not in value}
        return _collect({name: (self._check(name), item) for name, item in value.items()} | missing)

    def _check(self, name: str) -> Check:
        check = self.known.get(name, _unknown(name))
        return check if name in self.required or name not in self.known else nullable(check)


def fields(known: Mapping[str, Check], required: Collection[str] = ()) -> Fields:
    """An object with these fields. One that is not required may also be null, as nearly everywhere in Discord."""
    return Fields(known, required)


def tagged(by: Mapping[int, Check], tag: str = "type") -> Check:
    """An object whose field *tag* says which of the checks it has to fit."""

    def check(value: Any) -> Any:
        _need_object(value)
        kind = value.get(tag)
        if isinstance(kind, bool) or kind not in by:
            error = wrong("BASE_TYPE_CHOICES", f"Value must be one of {tuple(by)}.")
            raise Invalid({tag: error.tree})
        return by[kind](value)

    return check


def _need_object(value: Any) -> None:
    if not isinstance(value, dict):
        raise wrong("MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")


def _required(_: Any) -> Any:
    raise wrong("BASE_TYPE_REQUIRED", "This field is required")


def _unknown(name: str) -> Check:
    def refuse(_: Any) -> Any:
        raise wrong("UNKNOWN_FIELD", f'The little Discord knows no field "{name}" here.')

    return refuse


def _collect(checks: Mapping[str, tuple[Check, Any]]) -> dict[str, Any]:
    """Run all checks, so that the answer names everything that is wrong, not only the first."""
    cleaned: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    for name, (check, value) in checks.items():
        try:
            cleaned[name] = check(value)
        except Invalid as invalid:
            errors[name] = invalid.tree
    if errors:
        raise Invalid(errors)
    return cleaned
