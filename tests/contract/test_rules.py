"""What admins set: what holds in a channel then, and that it is kept."""

from __future__ import annotations

import pytest

from storage import Store
from storage.records import SOMEWHERE, Access, Overrides, Place, Rules
from tests.contract.conftest import OpenStore
from tests.contract.makers import EVERYTHING, NOW, begun, exchange, hear, said

SERVER, CHANNEL, THREAD = 7, 1, 2
THREAD_PLACE = Place(THREAD, SERVER, CHANNEL)


async def set_all(store: Store) -> None:
    await store.set_server(SERVER, Overrides(persona="server", model="server", policy="window", is_on=False))
    await store.set_overrides(
        Place(CHANNEL, SERVER), Overrides(persona="channel", model="channel", is_on=True), now=NOW
    )
    await store.set_overrides(THREAD_PLACE, Overrides(persona="thread"), now=NOW)


async def test_what_is_nearer_wins_value_by_value(store: Store) -> None:
    await set_all(store)
    assert await store.overrides(CHANNEL) == Overrides(persona="channel", model="channel", policy="window", is_on=True)
    assert await store.overrides(THREAD) == Overrides(persona="thread", model="channel", policy="window", is_on=True)
    assert await store.overrides(3) == Overrides()


async def test_a_turn_that_runs_keeps_what_it_began_with(store: Store) -> None:
    await set_all(store)
    await hear(store, 100, "Hello!", channel=THREAD)
    turn = await begun(store, THREAD)
    await store.set_overrides(THREAD_PLACE, Overrides(persona="another"), now=NOW)
    assert turn.overrides.persona == "thread"
    assert (await store.overrides(THREAD)).persona == "another"


async def test_it_is_kept(open_again: OpenStore) -> None:
    access = Access(allow_role=frozenset({5, 6}), block_user=frozenset({8}), block_channel=frozenset({CHANNEL}))
    async with open_again() as store:
        await set_all(store)
        await store.set_access(SERVER, access)
    async with open_again() as store:
        rules = await store.rules()
        assert rules.access == {SERVER: access}
        assert rules.servers[SERVER].is_on is False
        assert rules.channels[THREAD] == (THREAD_PLACE, Overrides(persona="thread"))
        assert await store.overrides(THREAD) == Overrides(
            persona="thread", model="channel", policy="window", is_on=True
        )


async def test_what_is_set_back_leaves_nothing(store: Store) -> None:
    await set_all(store)
    await store.set_access(SERVER, Access(block_user=frozenset({8})))
    assert await store.known_guilds() == [SERVER]
    await store.forget_channel(THREAD)
    await store.forget_channel(CHANNEL)
    assert await store.known_guilds() == [SERVER]
    await store.set_server(SERVER, Overrides())
    assert await store.known_guilds() == [SERVER], "of which it is known who may talk"
    await store.set_access(SERVER, Access())
    assert await store.rules() == Rules({}, {}, {})
    assert await store.known_guilds() == []


# Where a channel is that was brought in


async def bring_in(store: Store, guild: int | None) -> None:
    await store.bring_in([("user", said(0, "brought in", guild=guild))], now=NOW)


async def test_a_channel_that_is_somewhere_is_in_no_server_and_no_direct_message(store: Store) -> None:
    await bring_in(store, SOMEWHERE)
    assert await store.known_channels(SOMEWHERE) == [CHANNEL]
    assert await store.known_channels(None) == []
    assert await store.known_guilds() == []
    state = await store.compaction(CHANNEL, reach=lambda _: EVERYTHING)
    assert state is not None
    assert state.guild_id is None


@pytest.mark.parametrize("before", [SOMEWHERE, None], ids=["somewhere", "taken for a direct message"])
@pytest.mark.parametrize("how", ["heard", "kept", "set", "told", "brought in again"])
async def test_the_server_of_a_channel_is_learned_later_and_holds_then(
    store: Store, before: int | None, how: str
) -> None:
    await store.set_server(SERVER, Overrides(persona="server"))
    await bring_in(store, before)
    assert await store.overrides(CHANNEL) == Overrides()
    match how:
        case "heard":
            assert await hear(store, 100)
            assert (await begun(store)).overrides.persona == "server"
        case "kept":
            assert await store.keep(said(100), now=NOW)
        case "set":
            await store.set_overrides(Place(CHANNEL, SERVER), Overrides(), now=NOW)
        case "told":
            await store.locate(SERVER, [CHANNEL, 5])
        case _:
            await bring_in(store, SERVER)
    assert await store.overrides(CHANNEL) == Overrides(persona="server")
    assert await store.known_channels(SERVER) == [CHANNEL]
    assert await store.known_channels(SOMEWHERE) == await store.known_channels(None) == []


async def test_what_is_used_there_is_booked_for_the_server(store: Store) -> None:
    await bring_in(store, SOMEWHERE)
    await exchange(store, 100, "hello", "hi")
    assert [one.usage.calls for one in await store.booked(["2027-01-15"], guild_id=SERVER)] == [1]


async def test_a_direct_message_that_is_somewhere_is_one_once_it_is_heard(store: Store) -> None:
    await bring_in(store, SOMEWHERE)
    await store.accept(said(100, guild=None), addressed=True, now=NOW)
    assert await store.known_channels(None) == [CHANNEL]
    await bring_in(store, SOMEWHERE)
    assert await store.known_channels(None) == [CHANNEL]


async def test_a_channel_never_moves_from_one_server_to_another(store: Store) -> None:
    await hear(store, 100)
    for guild in (8, None, SOMEWHERE):
        await bring_in(store, guild)
    await store.locate(8, [CHANNEL])
    assert await store.known_channels(SERVER) == [CHANNEL]
