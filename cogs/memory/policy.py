"""`/memory policy`: which memory policy holds in this channel, and setting it."""

from __future__ import annotations

import discord
from discord import app_commands

from bot.answers import answer, defer, require_manager
from bot.memories import HOST, PolicyReport
from cogs.memory.shared import MemoryCommands, channel_of

CHOICES = [
    app_commands.Choice(name="buffer: everything since the last reset", value="buffer"),
    app_commands.Choice(name="window: the newest messages", value="window"),
    app_commands.Choice(name="tokens: the newest turns", value="tokens"),
    app_commands.Choice(name="summary: a summary and the newest turns", value="summary"),
    app_commands.Choice(name="hybrid: a summary, the newest turns, and recalled passages", value="hybrid"),
    app_commands.Choice(name="the host's policy and bounds", value=HOST),
]


class PolicyCommand(MemoryCommands):
    """The command."""

    @app_commands.command(description="See or set what the model sees of this channel")
    @app_commands.describe(
        policy="What the model sees",
        tokens="The most tokens of a whole prompt (tokens, summary, hybrid)",
        messages="The most messages (window)",
    )
    @app_commands.choices(policy=CHOICES)
    async def policy(
        self,
        interaction: discord.Interaction,
        policy: str | None = None,
        tokens: int | None = None,
        messages: int | None = None,
    ) -> None:
        """Set what is given, and tell what holds then."""
        await defer(interaction, ephemeral=True)
        require_manager(interaction)
        channel_id = channel_of(interaction)
        if policy is None and tokens is None and messages is None:
            holds, when = await self._memories.policy(channel_id), "Here holds"
        else:
            holds = await self._memories.set_policy(
                channel_id, interaction.guild_id, name=policy, messages=messages, tokens=tokens
            )
            when = "From the next turn on"
        await answer(interaction, f"{when}: {policy_text(holds)}")


def policy_text(report: PolicyReport) -> str:
    """Tell which policy holds, and whether the host or the channel set it."""
    overrides = report.overrides
    own = [
        f"policy `{overrides.policy}`" if overrides.policy else None,
        f"{overrides.max_tokens:,} tokens" if overrides.max_tokens else None,
        f"{overrides.max_messages:,} messages" if overrides.max_messages else None,
    ]
    set_here = ", ".join(each for each in own if each)
    return f"{report.policy}\n-# " + (f"Set for this channel: {set_here}." if set_here else "As the host set it.")
