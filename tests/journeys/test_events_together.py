"""What comes from Discord in one moment: an edit or a deletion right behind its message counts, whatever is stored first."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from bot.conversation import Said
from bot.errors import UserFacingError
from bot.notes import STOPPED_BY_RESET
from bot.ports import Button
from bot.reply_actions import STOPPING
from tests.contract.makers import attached
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


async def test_a_file_that_an_earlier_edit_took_off_is_not_kept(make_settings: MakeSettings) -> None:
    async with quiet(make_settings()) as bot:
        talk = bot.services.conversations
        files = tuple(attached(1, number, name=name) for number, name in ((11, "old.txt"), (12, "new.txt")))
        await talk.correct(1, 1, NEMO, "Nemo", "Look at this.", [12])
        await talk.hear(Said(1, 1, 7, NEMO, "Nemo", "Look at these.", NOW, attachments=files), addressed=False)
        (kept,) = await bot.store.export(1)
        assert "new.txt" in kept.content
        assert "old.txt" not in kept.content


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


async def test_who_presses_stop_when_the_reply_is_written_is_told_so(make_settings: MakeSettings) -> None:
    async with quiet(make_settings()) as bot:
        actions = bot.services.reply_actions
        told: list[str] = []

        class Presses(Shown):
            """Presses Stop when the whole reply takes the place of the one before it."""

            async def edit(self, message_id: int, text: str, *, buttons: Sequence[Button] = (), **how: Any) -> None:
                if Button.STOP not in buttons:
                    with pytest.raises(UserFacingError) as refused:
                        actions.stop(1, message_id, may=lambda _: True)
                    told.append(str(refused.value))
                await super().edit(message_id, text, buttons=buttons, **how)

        bot.channels[1] = shown = Presses(bot.ids)
        first = await bot.ask("My name is Nemo.")
        (message_id,) = shown.texts
        assert await actions.retry(message_id, may=lambda _: True) == 1
        actions.take_up(1)
        await bot.idle("channel-1")
        assert told == [STOPPING]
        assert list(shown.texts.values()) == [first]
