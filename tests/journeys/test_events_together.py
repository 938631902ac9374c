"""What comes from Discord in one moment: an edit or a deletion right behind its message counts, whatever is stored first."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from bot.conversation import Said
from bot.notes import STOPPED_BY_RESET
from tests.journeys.conftest import MakeSettings
from tests.quiet import NEMO, NOW, Shown, quiet


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


async def test_a_reset_in_the_moment_in_which_a_reply_is_finished_does_not_touch_it(
    make_settings: MakeSettings,
) -> None:
    async with quiet(make_settings()) as bot:

        class Resets(Shown):
            """Starts a reset when the reply is sent, *later* rounds of the event loop after that."""

            def __init__(self, ids: Iterator[int], channel: int, later: int) -> None:
                super().__init__(ids)
                self.channel, self.later = channel, later

            async def send(self, text: str, **how: Any) -> int:
                self.resetting = asyncio.create_task(self.reset())
                return await super().send(text, **how)

            async def reset(self) -> None:
                for _ in range(self.later):
                    await asyncio.sleep(0)
                await bot.services.memories.reset(self.channel)

        for channel in range(1, 21):
            bot.channels[channel] = shown = Resets(bot.ids, channel, channel)
            answer = await bot.ask("My name is Nemo.", channel=channel)
            await shown.resetting
            restored = await bot.services.memories.restore(channel)
            assert restored.messages == (1 if STOPPED_BY_RESET in answer else 2), channel
