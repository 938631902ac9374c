"""What people attach: it stays with its message, says what was read of it, and goes with an edit or a deletion."""

from __future__ import annotations

from dataclasses import replace

from storage import Store
from tests.contract.makers import NOW, attached, begun, exchange, hear, said, seen


async def sent(store: Store, discord_id: int = 100, text: str = "look", files: int = 2) -> None:
    names = ("notes.txt", "data.csv")
    attachments = tuple(attached(discord_id, number, name=names[number]) for number in range(files))
    message = replace(said(discord_id, "x"), content=text, attachments=attachments)
    assert await store.accept(message, addressed=True, now=NOW)


async def test_a_message_shows_what_is_attached_and_counts_it(store: Store) -> None:
    await sent(store)
    turn = await begun(store)
    assert turn.triggers[0].content == "look\n[file: notes.txt, text]\n[file: data.csv, text]"
    assert turn.triggers[0].tokens == 10 + 3 + 3
    assert turn.attachments == (attached(100, 0), attached(100, 1, name="data.csv"))


async def test_a_message_of_files_alone_has_no_empty_line(store: Store) -> None:
    await sent(store, text="", files=1)
    assert (await begun(store)).triggers[0].content == "[file: notes.txt, text]"


async def test_what_was_read_is_shown_and_found_again_by_the_next_run(store: Store) -> None:
    await sent(store)
    turn = await begun(store)
    read = replace(turn.attachments[0], url=None, block="[file: notes.txt, text]\n  a reef", tokens=7, problem="long")
    await store.note_attachments([read])
    assert await seen(store, turn) == ["look\n[file: notes.txt, text]\n  a reef\n[file: data.csv, text]"]
    again = await begun(store)
    assert again.attachments == (read, attached(100, 1, name="data.csv"))
    assert again.triggers[0].tokens == 10 + 7 + 3


async def test_an_edit_of_the_words_keeps_the_files_and_one_of_the_files_keeps_the_words(store: Store) -> None:
    await sent(store)
    turn = await begun(store)
    assert await store.edit(100, "look here", tokens=11, attached=[0, 1], now=NOW)
    assert not await store.edit(100, "look here", tokens=11, attached=[0, 1], now=NOW)
    assert not await store.edit(100, "look here", tokens=11, now=NOW)
    assert await seen(store, turn) == ["look here\n[file: notes.txt, text]\n[file: data.csv, text]"]
    assert await store.edit(100, "look here", tokens=11, attached=[1], now=NOW)
    assert await seen(store, turn) == ["look here\n[file: data.csv, text]"]
    await store.note_attachments([replace(attached(100, 0), block="too late")])
    assert await seen(store, turn) == ["look here\n[file: data.csv, text]"]
    assert await store.edit(100, "look", tokens=10, attached=[], now=NOW)
    assert [(one.content, one.tokens) for one in (await begun(store)).triggers] == [("look", 10)]


async def test_a_deletion_takes_the_files_with_it(store: Store) -> None:
    await sent(store)
    await hear(store, 101, "and this")
    await store.forget([100], now=NOW)
    turn = await begun(store)
    await store.note_attachments([attached(100)])
    assert turn.attachments == ()
    assert await seen(store, turn) == ["and this"]


async def test_a_file_is_found_by_its_words_once_the_turn_is_over(store: Store) -> None:
    await sent(store, files=1)
    turn = await begun(store)
    await store.note_attachments([replace(turn.attachments[0], block="[file: notes.txt, text]\n  treasure")])
    assert await store.close_turn(turn, turn.status.FAILED)
    assert [one.discord_id for one in await store.search(1, ["treasure"], limit=5)] == [100]
    await exchange(store, 200, "later", "reply")
    assert await store.edit(100, "look", tokens=10, attached=[], now=NOW)
    assert await store.search(1, ["treasure"], limit=5) == []
