"""`/memory policy`: which memory policy holds in this channel, and setting it."""

from __future__ import annotations

import re

import discord
from discord import app_commands

from bot.answers import answer, defer, only_if, place_of, require_manager
from bot.governance import MESSAGES_BOUNDS, TOKENS_BOUNDS
from bot.memories import HOST, PolicyReport
from bot.panels import panel
from cogs.memory.shared import MemoryCommands

CHOICES = [
    app_commands.Choice(name="buffer: everything since the last reset", value="buffer"),
    app_commands.Choice(name="window: the newest messages", value="window"),
    app_commands.Choice(name="tokens: the newest turns", value="tokens"),
    app_commands.Choice(name="summary: a summary and the newest turns", value="summary"),
    app_commands.Choice(name="hybrid: a summary, the newest turns, and recalled passages", value="hybrid"),
    app_commands.Choice(name="inherit policy and bounds", value=HOST),
]

#: What is offered between the least and the most.
TOKENS_STEPS = (1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000)


class PolicyCommand(MemoryCommands):
    """The command."""

    @app_commands.command(description="See or set what the model sees of this channel")
    @app_commands.describe(
        policy="What the model sees",
        tokens="The most tokens of a whole prompt (tokens, summary, hybrid)",
        messages="The most messages (window)",
    )
    @app_commands.choices(policy=CHOICES)
    @only_if(require_manager)
    async def policy(
        self,
        interaction: discord.Interaction,
        policy: str | None = None,
        tokens: app_commands.Range[int, TOKENS_BOUNDS[0], TOKENS_BOUNDS[1]] | None = None,
        messages: app_commands.Range[int, MESSAGES_BOUNDS[0], MESSAGES_BOUNDS[1]] | None = None,
    ) -> None:
        """Set what is given, and tell what holds then."""
        await defer(interaction, ephemeral=True)
        place = place_of(interaction)
        if policy is None and tokens is None and messages is None:
            holds, when = self._memories.policy(place), "Here holds"
        else:
            holds = await self._memories.set_policy(place, name=policy, messages=messages, tokens=tokens)
            when = "From the next turn on"
        await answer(interaction, view=panel(f"## Memory policy\n{when}: {policy_text(holds)}"))

    @policy.autocomplete("tokens")
    @only_if(require_manager)
    async def offer_tokens(self, interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[int]]:
        """Offer what the policy takes that is chosen so far: the least, the most, the host's, and some between."""
        least, most = self._memories.tokens_bounds(place_of(interaction), interaction.namespace.policy)
        inherited = self._memories.inherited_tokens(place_of(interaction))
        words = {
            least: ": the least here",
            most: ": the most here",
            inherited: ": as inherited",
        }
        numbers = sorted(number for number in {*words, *TOKENS_STEPS} if least <= number <= most)
        begin = re.sub(r"\D", "", str(typed))
        return [
            app_commands.Choice(name=f"{number:,} tokens{words.get(number, '')}", value=number)
            for number in numbers
            if str(number).startswith(begin)
        ]


def policy_text(report: PolicyReport) -> str:
    """Tell which policy holds, and whether the host or the channel set it."""
    overrides = report.overrides
    own = [
        f"policy `{overrides.policy}`" if overrides.policy else None,
        f"{overrides.max_tokens:,} tokens" if overrides.max_tokens else None,
        f"{overrides.max_messages:,} messages" if overrides.max_messages else None,
    ]
    inherited = "As the host set it." if report.is_hosts else "Inherited; `/channel` tells where from."
    set_here = ", ".join(each for each in own if each)
    return f"{report.policy}\n-# " + (f"Set for this channel: {set_here}." if set_here else inherited)
