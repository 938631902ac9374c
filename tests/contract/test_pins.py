"""Pins: a mark on what is remembered, and what is remembered for its mark alone; and questions about a message."""

from __future__ import annotations

from dataclasses import replace

from storage import Store
from storage.records import About, Attachment, Extent, Incoming
from tests.contract.makers import EVERYTHING, NOW, answer, begun, exchange, said, seen, window

HERE = Extent(channel_id=1)


async def pinned(store: Store, channel: int = 1) -> list[str]:
    overview = await store.overview(channel, closed_after=0)
    return [pin.content for pin in overview.pins] if overview else []


def question(discord_id: int, about_id: int, *, author: int = 42, about_author: int = 43) -> Incoming:
    """A question of *author* about a message of *about_author*."""
    quote = Attachment(discord_id, 0, "Marlin", "message", 5, None, "[about the message of 43 Marlin]\n  coral", 7)
    asked = said(discord_id, "What is it?", author=author)
    return replace(asked, attachments=(quote,), about=About(about_id, about_author, NOW + about_id))


async def test_a_pin_marks_what_is_remembered_where_it_stands(store: Store) -> None:
    turn = await exchange(store, 100, "the key", "I see.")
    assert await store.pin(100, now=NOW)
    assert await store.pin(101, now=NOW + 1), "a chunk of a reply is the reply"
    assert await store.pin(100, now=NOW + 2), "once is enough"
    assert await pinned(store) == ["the key", "I see."]
    standing, message = await store.standing(1, 101)
    assert standing == "remembered"
    assert message is not None
    assert (message.role, message.pinned_at) == ("assistant", NOW + 1)
    assert [one.content for one in (await window(store, turn)).pins] == ["the key"], "of what was said up to the turn"
    assert not await store.pin(999, now=NOW)


async def test_what_is_kept_for_its_pin_is_no_part_of_the_conversation(store: Store) -> None:
    await store.keep(said(50, "rule one"), now=NOW)
    await store.keep(said(60, "rule two"), now=NOW + 1)
    turn = await exchange(store, 100, "hello", "hi")
    assert await seen(store, turn) == ["hello"]
    assert [one.content for one in (await window(store, turn)).pins] == ["rule one", "rule two"]
    state = await store.compaction(1, reach=lambda _: EVERYTHING)
    assert state is not None
    assert [one.content for one in state.backlog] == ["hello", "hi"]
    assert [one.content for one in state.pins] == ["rule one", "rule two"]
    assert [one.content for one in await store.search(1, ["rule"], limit=5)] != []
    assert [one.content for one in await store.export(1)] == ["rule two", "rule one", "hello", "hi"]
    assert await store.newest_ids(1, limit=10) == [101, 100, 60, 50]
    assert not await store.keep(said(50, "rule one"), now=NOW)


async def test_unpinning_forgets_only_what_was_kept_for_its_pin(store: Store) -> None:
    await exchange(store, 100, "the key", "I see.")
    await store.pin(100, now=NOW)
    await store.keep(said(50, "rule"), now=NOW)
    assert await store.unpin(1, 100)
    assert await store.unpin(1, 50)
    assert not await store.unpin(1, 50)
    assert await pinned(store) == []
    assert [one.content for one in await store.export(1)] == ["the key", "I see."]
    assert await store.keep(said(50, "rule"), now=NOW)


async def test_pins_belong_to_their_epoch_and_channel(store: Store) -> None:
    await store.keep(said(50, "rule"), now=NOW)
    await exchange(store, 200, "elsewhere", "hm", channel=2)
    await store.reset(1, now=NOW)
    assert await pinned(store) == []
    assert (await store.standing(1, 50))[0] == "put away"
    assert (await store.standing(1, 200))[0] == "put away", "of another channel nothing is here"
    assert not await store.unpin(1, 50)
    assert not await store.unpin(1, 200)
    await store.restore(1, closed_after=0, now=NOW + 1)
    assert await pinned(store) == ["rule"]


async def test_pins_follow_edits_and_go_with_what_is_forgotten(store: Store) -> None:
    for discord_id in (50, 51, 52):
        await store.keep(said(discord_id, f"rule {discord_id}", author=discord_id), now=NOW + discord_id)
    await store.edit(50, "another rule", tokens=3, now=NOW)
    assert await pinned(store) == ["another rule", "rule 51", "rule 52"]
    await store.forget([50], now=NOW)
    await store.forget_author(51, HERE, most=10, now=NOW)
    assert await pinned(store) == ["rule 52"]
    assert (await store.standing(1, 50))[0] == "forgotten"
    await store.expire(before=NOW + 53, most=10)
    assert await pinned(store) == []


async def test_pins_that_are_brought_in_stand_and_are_unpinned_where_they_stand(store: Store) -> None:
    await store.keep(said(50, "a rule of here"), now=NOW)
    await exchange(store, 100, "hello", "hi")
    key, rule = (
        replace(said(0, "the key"), pinned_at=NOW + 9),
        replace(said(0, "a rule"), pinned_at=NOW + 5, is_apart=True),
    )
    assert await store.bring_in([("user", rule), ("assistant", key), ("user", said(0, "bye"))], now=NOW + 20) == 3
    assert await pinned(store) == ["a rule of here", "a rule", "the key"], "as they were pinned"
    await store.accept(said(200, "and now?"), addressed=True, now=NOW)
    assert await seen(store, await begun(store)) == ["hello", "hi", "the key", "bye", "and now?"]

    overview = await store.overview(1, closed_after=0)
    assert overview is not None
    kept, apart, within = overview.pins
    assert (kept.position, apart.position) == (-1, -2)
    assert not await store.unpin_at(1, kept.position), "that one has an id on Discord"
    assert not await store.unpin_at(2, apart.position)
    assert [await store.unpin_at(1, apart.position) for _ in range(2)] == [True, False]
    assert await store.unpin_at(1, within.position)
    assert await pinned(store) == ["a rule of here"]
    assert [one.content for one in await store.export(1)][:5] == ["a rule of here", "hello", "hi", "the key", "bye"]


async def test_nothing_is_kept_of_who_opted_out(store: Store) -> None:
    await store.opt_out(43, now=NOW)
    assert not await store.keep(said(50, "rule", author=43), now=NOW)
    assert not await store.accept(question(100, 50), addressed=True, now=NOW)
    assert (await store.standing(1, 50))[0] == "unknown"


async def test_a_question_is_a_turn_whose_reply_refers_to_what_it_is_about(store: Store) -> None:
    await exchange(store, 50, "coral", "Nice.")
    assert await store.accept(question(100, 50), addressed=True, now=NOW)
    turn = await begun(store)
    assert turn.newest.shown_as == 50
    assert turn.newest.content.splitlines()[0] == "What is it?"
    await store.record_chunk(turn, 0, "An animal.")
    again = await begun(store)
    [chunk] = again.chunks
    assert (chunk.reply_to, chunk.sent_after) == (50, 100), "what refers to it from before is another's reply"
    assert await answer(store, again, "An animal.", chunk_id=101)
    assert await store.newest_ids(1, limit=10) == [101, 51, 50], "the question is no message on Discord"


async def test_what_is_asked_about_changes_and_goes_with_the_message(store: Store) -> None:
    await store.accept(question(100, 50), addressed=True, now=NOW)
    assert await answer(store, await begun(store), "An animal.", chunk_id=101)
    assert await store.newest_ids(1, limit=10) == [101, 50], (
        "so that its deletion is noticed, also while nobody listened"
    )
    assert await store.quoted(43, HERE) == [(1, 50, "[about the message of 43 Marlin]\n  coral")]
    assert not await store.edit(50, "coral", tokens=2, quote=("[about the message of 43 Marlin]\n  coral", 7), now=NOW)
    assert await store.edit(50, "kelp", tokens=2, quote=("[about the message of 43 Marlin]\n  kelp", 7), now=NOW)
    assert "coral" not in (await store.export(1))[0].content
    assert await store.remembered_as(50) == "words"
    await store.forget([50], now=NOW)
    assert await store.export(1) == []


async def test_forgetting_who_is_quoted_takes_question_and_answer(store: Store) -> None:
    await store.accept(question(100, 50), addressed=True, now=NOW)
    turn = await begun(store)
    gone = await store.forget_author(43, HERE, most=10, now=NOW)
    assert gone.messages == 1
    assert [one.turn_id for one in gone.interrupted] == [turn.id]
    assert await store.export(1) == []
    assert await store.quoted(43, HERE) == []


async def test_questions_that_are_brought_in_belong_to_whom_they_quote_too(store: Store) -> None:
    copy = replace(question(100, 50), discord_id=0, about=About(0, 43, NOW + 50), attachments=())
    copy = replace(copy, content="What is it?\n[about the message of 43 Marlin]\n  coral")
    assert await store.bring_in([("user", question(100, 50)), ("user", copy)], now=NOW) == 2
    quote = "[about the message of 43 Marlin]\n  coral"
    assert await store.quoted(43, HERE) == [(1, 50, quote), (1, None, quote)]
    assert await store.count_by(43, HERE) == 2
    assert await store.edit(50, "kelp", tokens=2, quote=("[about the message of 43 Marlin]\n  kelp", 7), now=NOW)
    assert [one.content.splitlines()[-1] for one in await store.export(1)] == ["  kelp", "  coral"]
    assert (await store.forget_author(43, HERE, most=10, now=NOW)).messages == 2
    assert await store.export(1) == []


async def test_a_question_that_was_brought_in_goes_with_what_it_quotes(store: Store) -> None:
    copy = replace(question(100, 50), discord_id=0, about=About(0, 43, NOW + 50), attachments=())
    await store.bring_in([("user", question(100, 50)), ("user", copy)], now=NOW)
    await store.forget([50], now=NOW)
    assert [one.discord_id for one in await store.export(1)] == [None], "the copy stands by itself"
    assert await store.expire(before=NOW + 51, most=10) == 1, "and is as old as what it quotes"


async def test_no_question_that_quotes_who_opted_out_is_brought_in(store: Store) -> None:
    await store.opt_out(43, now=NOW)
    copy = replace(question(100, 50), discord_id=0, about=About(0, 43, NOW + 50), attachments=())
    assert await store.bring_in([("user", question(101, 50)), ("user", copy)], now=NOW) == 0
    assert await store.bring_in([("user", question(101, 50, about_author=44))], now=NOW) == 1
