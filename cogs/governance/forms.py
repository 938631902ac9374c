"""The forms of the panels: a persona in own words, the budget, and limits for a day. An empty field is inherited."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import discord

from bot.answers import defer
from bot.errors import OutOfBounds
from bot.forms import Form
from bot.governance import PERSONA_LENGTH
from bot.rest import insist
from cogs.governance import words
from cogs.governance.shared import PAGES, change, place_for
from cogs.governance.words import Scope
from storage.records import Overrides

#: More digits than any budget has.
NUMBER_LENGTH = 9


class RulesForm(Form, ABC):
    """The base of the forms: sets what :meth:`changes` says, and shows the panel again."""

    #: The label of the button that opens it.
    button: ClassVar[str]

    #: What stands above it.
    heading: ClassVar[str]

    def __init__(self, interaction: discord.Interaction, scope: Scope, own: Overrides) -> None:
        super().__init__(interaction, self.heading)
        self._scope = scope
        self.put(own)

    @abstractmethod
    def put(self, own: Overrides) -> None:
        """Add the fields, with what is set now."""

    @abstractmethod
    def changes(self) -> dict[str, Any]:
        """Return what was written. Raises :class:`OutOfBounds`."""

    async def on_submit(self, interaction: discord.Interaction) -> None:
        """Set it, and show what holds then."""
        await defer(interaction)
        changes = self.changes()
        layers = await change(interaction, self._scope, **changes)
        place = place_for(interaction, self._scope)
        await PAGES[self._scope](interaction, words.formed(layers, changes, place))


class PersonaForm(RulesForm):
    """Who the bot is, in own words."""

    button = "Write it"
    heading = "Persona"

    def put(self, own: Overrides) -> None:
        """Add the text."""
        self._text: discord.ui.TextInput[Self] = discord.ui.TextInput(
            label="Who I am and how I answer",
            style=discord.TextStyle.paragraph,
            custom_id="persona",
            placeholder="Leave this empty to inherit the persona.",
            default=own.persona,
            required=False,
            max_length=PERSONA_LENGTH,
        )
        self.add_item(self._text)

    def changes(self) -> dict[str, Any]:
        """Return the text."""
        return {"persona": self._text.value}

    async def on_error(  # type: ignore[override]  # as in Form
        self, interaction: discord.Interaction, error: Exception
    ) -> None:
        """Tell the caller what went wrong, and hand back the words that were not taken."""
        await super().on_error(interaction, error)
        if isinstance(error, OutOfBounds):
            words_of_theirs = self._text.value.encode()

            async def hand_back() -> None:
                file = discord.File(io.BytesIO(words_of_theirs), "your-persona.md")
                await interaction.followup.send(file=file, ephemeral=True)

            await insist(interaction.client, hand_back)


class NumbersForm(RulesForm):
    """The base of the forms with numbers."""

    def _number(self, custom_id: str, label: str, own: int | None) -> discord.ui.TextInput[Self]:
        field: discord.ui.TextInput[Self] = discord.ui.TextInput(
            label=label,
            custom_id=custom_id,
            placeholder="Leave this empty to inherit it.",
            default=None if own is None else str(own),
            required=False,
            max_length=NUMBER_LENGTH,
        )
        self.add_item(field)
        return field


class BudgetForm(NumbersForm):
    """How much of the memory a prompt may hold."""

    button = "Set it"
    heading = "Budget"

    def put(self, own: Overrides) -> None:
        """Add the two numbers."""
        self._tokens = self._number("max_tokens", "Tokens of a whole prompt", own.max_tokens)
        self._messages = self._number("max_messages", "Messages (for the policy window)", own.max_messages)

    def changes(self) -> dict[str, Any]:
        """Return the numbers."""
        return {"max_tokens": _number_of(self._tokens), "max_messages": _number_of(self._messages)}


class LimitsForm(NumbersForm):
    """How many tokens a day may be used in a channel and, which only a whole server can set, by a person."""

    button = "Set limits"
    heading = "Tokens a day"

    def put(self, own: Overrides) -> None:
        """Add the numbers."""
        where = "In each channel" if self._scope == "server" else "In this channel"
        self._fields = {"channel_day_tokens": self._number("channel_day_tokens", where, own.channel_day_tokens)}
        if self._scope == "server":
            self._fields["user_day_tokens"] = self._number("user_day_tokens", "For each person", own.user_day_tokens)

    def changes(self) -> dict[str, Any]:
        """Return the numbers."""
        return {name: _number_of(field) for name, field in self._fields.items()}


def _number_of(field: discord.ui.TextInput[Any]) -> int | None:
    written = field.value.strip().replace(",", "")
    if written and not (written.isascii() and written.isdigit()):
        raise OutOfBounds("Nothing was changed: a budget is a whole number, or empty to inherit it.")
    return int(written) if written else None


FORMS: dict[str, type[PersonaForm] | type[BudgetForm] | type[LimitsForm]] = {
    "persona": PersonaForm,
    "budget": BudgetForm,
    "limits": LimitsForm,
}
