"""What admins set: what holds in a channel then, and that it is kept."""

from __future__ import annotations

from storage import Store
from storage.records import Access, Overrides, Place, Rules
from tests.contract.conftest import OpenStore
from tests.contract.makers import NOW, begun, hear

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
    await store.set_access(SERVER, Access())
    assert await store.rules() == Rules({}, {}, {})
    assert await store.known_guilds() == []
