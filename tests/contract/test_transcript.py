"""What every store promises of the transcript as a whole: it can be searched, taken out, brought in, and forgotten."""

from __future__ import annotations

from dataclasses import replace

import pytest

from storage import Store
from storage.records import Role, Status
from tests.contract.conftest import OpenStore
from tests.contract.makers import NOW, answer, begin, begun, exchange, hear, said, seen


async def found(store: Store, *terms: str, channel: int = 1) -> list[str]:
    return [message.content for message in await store.search(channel, terms, limit=10)]


@pytest.mark.parametrize("end", ["answered", "failed", "reset"])
async def test_a_search_finds_what_was_said_in_a_turn_once_it_is_over(store: Store, end: str) -> None:
    await hear(store, 100, "the anemone waits")
    turn = await begun(store)
    if end == "answered":
        assert await answer(store, turn, "I know an anemone")
    elif end == "failed":
        await store.close_turn(turn, Status.FAILED)
    else:
        await store.reset(1, now=NOW)
        await store.restore(1, closed_after=NOW - 1, now=NOW)
    reply = {"I know an anemone"} if end == "answered" else set()
    assert set(await found(store, "anemone")) == {"the anemone waits", *reply}


async def test_a_search_finds_messages_that_contain_all_words_in_this_epoch_alone(store: Store) -> None:
    await exchange(store, 100, "the red house", "a red reply")
    await exchange(store, 200, "the red house", "elsewhere", channel=2)
    assert await found(store, "red", "house") == ["the red house"]
    assert sorted(await found(store, "red")) == ["a red reply", "the red house"]
    await store.reset(1, now=NOW)
    assert await found(store, "red") == []
    assert await found(store, "red", channel=3) == []
    assert await found(store) == []


@pytest.mark.parametrize("term", ['"', "OR", "x" * 4000, "NEAR(", "*", "a:b", "\0", "-", "^"])
async def test_any_term_is_safe(store: Store, term: str) -> None:
    await exchange(store, 100, "the red house", "reply")
    assert await found(store, term, "blue") == []


async def test_what_was_edited_or_deleted_is_not_found(store: Store) -> None:
    await exchange(store, 100, "the red house", "a green reply")
    await exchange(store, 102, "the blue house", "reply")
    await store.edit(102, "the yellow house", tokens=4, now=NOW)
    assert await found(store, "blue") == []
    assert await found(store, "yellow") == ["the yellow house"]
    await store.forget([100], now=NOW)
    assert await found(store, "red") == []
    assert await found(store, "green") == []


async def test_what_is_brought_in_comes_last_once_and_is_found(store: Store) -> None:
    await exchange(store, 100, "here", "reply")
    lines: list[tuple[Role, str, int]] = [("user", "imported question", 50), ("assistant", "imported reply", 51)]
    brought = [(role, said(number, text)) for role, text, number in lines]
    assert await store.bring_in(brought, now=NOW) == 2
    assert await store.bring_in(brought, now=NOW) == 0
    assert [message.content for message in await store.export(1)] == [
        *("here", "reply", "imported question", "imported reply")
    ]
    assert await found(store, "imported", "reply") == ["imported reply"]
    await hear(store, 200, "next")
    assert (await seen(store, await begun(store)))[-2:] == ["imported reply", "next"]


async def test_what_has_no_discord_id_can_be_brought_in(store: Store) -> None:
    assert await store.bring_in([("user", said(0, "one")), ("assistant", said(0, "two"))], now=NOW) == 2
    assert [message.discord_id for message in await store.export(1)] == [None, None]


async def test_all_or_nothing_is_brought_in(store: Store) -> None:
    broken = [("user", said(1, "fine")), ("nobody", said(2, "not"))]
    with pytest.raises(Exception, match="CHECK"):
        await store.bring_in(broken, now=NOW)  # type: ignore[arg-type]  # a role that there is not
    assert await store.export(1) == []


async def test_what_was_deleted_cannot_be_brought_back_by_an_import(store: Store) -> None:
    await exchange(store, 100, "secret", "reply")
    await store.forget([100], now=NOW)
    assert await store.bring_in([("user", said(100, "secret"))], now=NOW) == 0
    assert await store.export(1) == []


async def test_a_reply_that_was_brought_in_is_forgotten_when_it_is_deleted(store: Store) -> None:
    await store.bring_in([("user", said(100, "question")), ("assistant", said(101, "secret reply"))], now=NOW)
    await store.forget([101], now=NOW)
    assert [message.content for message in await store.export(1)] == ["question"]
    assert await found(store, "secret") == []


async def test_calibration_is_kept(open_again: OpenStore) -> None:
    async with open_again() as store:
        assert await store.factors() == {}
        await store.learn_factor("little", 1.2, 3)
        await store.learn_factor("little", 1.3, 4)
        await store.learn_factor("large", 0.9, 1)
    async with open_again() as store:
        assert await store.factors() == {"little": (1.3, 4), "large": (0.9, 1)}


async def test_how_the_database_stands(store: Store) -> None:
    empty = await store.state()
    assert empty.size > 0
    assert empty.free > 0
    assert empty.sqlite_version.count(".") == 2
    await exchange(store, 100, "question", "reply")
    await hear(store, 200, "waits", channel=2)
    await hear(store, 300, "not for the bot", channel=3, addressed=False)
    later = await store.state()
    assert (empty.unfinished_turns, later.unfinished_turns) == (0, 1)
    assert later.log_size > 0


async def test_which_commands_discord_has_is_kept_by_address_and_application(open_again: OpenStore) -> None:
    async with open_again() as store:
        assert await store.registered_commands("https://one", 1) is None
        for place, commands in ((("https://one", 1), "a"), (("https://one", 1), "b"), (("https://two", 1), "c")):
            await store.save_registered_commands(*place, commands)
        await store.save_registered_commands("https://one", 2, "d")
        await store.save_registered_commands("https://one", 2, None)
    async with open_again() as store:
        found = [await store.registered_commands(*place) for place in (("https://one", 1), ("https://two", 1))]
        assert found == ["b", "c"]
        assert await store.registered_commands("https://one", 2) is None


# Channels that are deleted, and what is to be compared with Discord


async def test_a_forgotten_channel_is_as_if_it_had_never_been(store: Store) -> None:
    await exchange(store, 100, "the red house", "reply")
    await store.reset(1, now=NOW)
    await exchange(store, 102, "another red house", "reply")
    await exchange(store, 200, "the red house", "stays", channel=2)
    await hear(store, 104, "waiting")

    await store.forget_channel(1)
    await store.forget_channel(1)
    await store.forget_channel(9)

    assert await store.overview(1, closed_after=0) is None
    assert await store.known_channels(7) == [2]
    assert await store.unfinished_channels() == []
    assert await found(store, "red") == []
    assert await found(store, "red", channel=2) == ["the red house"]
    await hear(store, 300, "the channel again")
    assert await seen(store, await begun(store)) == ["the channel again"]


async def test_a_turn_whose_channel_was_forgotten_can_do_nothing_more(store: Store) -> None:
    await hear(store, 100)
    turn = await begun(store)
    await store.forget_channel(1)
    await store.record_chunk(turn, 0, "text")
    await store.chunk_sent(turn, 0, 500)
    await store.move_window(turn, start=1, policy="p", look_back=10)
    assert not await answer(store, turn, "a reply that must not leak")
    assert await begin(store) is None


async def test_a_turn_whose_epoch_was_purged_can_do_nothing_more(store: Store) -> None:
    await hear(store, 100)
    turn = await begun(store)
    await store.reset(1, now=NOW)
    await store.purge(closed_before=NOW)
    await store.record_chunk(turn, 0, "text")
    assert not await answer(store, turn, "a reply that must not leak")


async def test_the_newest_ids_are_messages_and_chunks_newest_first(store: Store) -> None:
    await exchange(store, 100, "one", "reply")  # 101 is the reply's chunk
    await hear(store, 102, "aside", addressed=False)
    await hear(store, 103, "two")
    turn = await begun(store)
    for number, chunk_id in enumerate((110, 111)):
        await store.record_chunk(turn, number, "text")
        await store.chunk_sent(turn, number, chunk_id)
    assert await store.newest_ids(1, limit=10) == [103, 102, 101, 100]  # an unfinished turn looks for its chunks itself
    await answer(store, turn, "text text")
    assert await store.newest_ids(1, limit=10) == [111, 110, 103, 102, 101, 100]
    assert await store.newest_ids(1, limit=2) == [111, 110]
    await store.forget([103, 100], now=NOW)
    assert await store.newest_ids(1, limit=10) == [102]


async def test_what_is_older_than_its_channel_was_brought_in_and_is_not_compared(store: Store) -> None:
    await store.bring_in([("user", said(50, "from elsewhere", channel=80))], now=NOW)
    await hear(store, 90, channel=80)
    assert await store.newest_ids(80, limit=10) == [90]


# Up to where everything is heard


async def test_where_we_stand_is_kept_as_it_was_said_last(open_again: OpenStore) -> None:
    async with open_again() as store:
        assert await store.seen() == {}
        await store.save_seen({0: 500, 1: 300, 2: 400})
        await store.save_seen({0: 600, 2: 400})
    async with open_again() as store:
        assert await store.seen() == {0: 600, 2: 400}


async def test_servers_and_direct_messages_are_known_apart(store: Store) -> None:
    assert await store.known_guilds() == []
    await hear(store, 100, channel=1)
    await hear(store, 102, channel=2)
    await store.accept(replace(said(103, channel=3), guild_id=None), addressed=True, now=NOW)
    await hear(store, 104, channel=1)
    assert await store.known_guilds() == [7]
    assert await store.known_channels(7) == [1, 2]
    assert await store.known_channels(None) == [3]
    assert await store.known_channels(8) == []


async def test_what_was_said_before_a_reset_is_not_accepted_after_it(store: Store) -> None:
    await exchange(store, 100, "before", "reply")
    await store.reset(1, now=NOW, reset_id=150)
    await store.purge(closed_before=NOW)
    assert not await hear(store, 100, "before")
    assert not await hear(store, 149, "said before, heard of after")
    assert await hear(store, 149, "another channel", channel=2)
    assert await hear(store, 151, "after")
    await store.reset(1, now=NOW)
    assert not await hear(store, 149, "still before")
    assert await seen(store, await begun(store, 2)) == ["another channel"]
