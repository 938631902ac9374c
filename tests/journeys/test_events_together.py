"""What comes from Discord in one moment: an edit or a deletion right behind its message counts, whatever is stored first."""

from __future__ import annotations

import asyncio

from bot.conversation import Said
from tests.journeys.conftest import MakeSettings
from tests.quiet import NEMO, NOW, quiet


async def test_an_edit_and_a_deletion_that_come_with_their_message_count(make_settings: MakeSettings) -> None:
    async with quiet(make_settings()) as bot:
        talk = bot.services.conversations

        def hear(message_id: int, text: str) -> asyncio.Task[bool]:
            said = Said(message_id, message_id, 7, NEMO, "Nemo", text, NOW)
            return asyncio.create_task(talk.hear(said, addressed=True))

        heard = hear(1, "My password is hunter2."), hear(2, "My name is Nmeo.")
        followed = talk.forget(1, [1]), talk.correct(2, 2, NEMO, "Nemo", "My name is Nemo.")
        await asyncio.gather(*heard, *followed)
        await bot.idle("channel-1", "channel-2")
        assert await bot.store.export(1) == []
        assert not bot.channel(1).texts
        corrected, _ = await bot.store.export(2)
        assert corrected.content == "My name is Nemo."
