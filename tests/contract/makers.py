"""Short ways to say things to a store in the contract's tests."""

from __future__ import annotations

from storage import Store
from storage.records import Attachment, Incoming, Outcome, Reach, Turn, Window

NOW = 1_800_000_000.0
OUTCOME = Outcome("little", "stop", 100, 10, 5, 0.5)
EVERYTHING = Reach(messages=None, tokens=None)


def said(
    discord_id: int, text: str = "", *, channel: int = 1, tokens: int = 10, author: int = 42, guild: int | None = 7
) -> Incoming:
    return Incoming(
        discord_id=discord_id,
        channel_id=channel,
        guild_id=guild,
        author_id=author,
        author_name="Nemo",
        content=text or f"message {discord_id}",
        tokens=tokens,
        created_at=NOW + discord_id,
    )


def attached(message_id: int, number: int = 1, *, name: str = "notes.txt", tokens: int = 3) -> Attachment:
    """A text file that was not read yet."""
    url = f"https://cdn.invalid/{number}/{name}"
    return Attachment(message_id, number, name, "text/plain", 100, url, f"[file: {name}, text]", tokens)


async def hear(store: Store, discord_id: int, text: str = "", *, addressed: bool = True, **kind: int) -> bool:
    return await store.accept(said(discord_id, text, **kind), addressed=addressed, now=NOW)


async def begin(
    store: Store, channel: int = 1, *, owner: str = "me", budget: int = 1000, now: float = NOW
) -> Turn | None:
    return await store.begin(channel, owner=owner, lease=60, budget=lambda _: budget, now=now)


async def begun(store: Store, channel: int = 1, **how: int) -> Turn:
    turn = await begin(store, channel, **how)  # type: ignore[arg-type]  # ints only
    assert turn is not None
    return turn


async def answer(store: Store, turn: Turn, text: str, *, chunk_id: int | None = None, now: float = NOW) -> bool:
    if chunk_id is not None:
        await store.record_chunk(turn, 0, text)
        await store.chunk_sent(turn, 0, chunk_id)
    completed = await store.complete(turn, text, OUTCOME, now=now)
    return completed and await store.finish(turn, author_id=99, author_name="Mnemo", tokens=5, now=now)


async def exchange(store: Store, discord_id: int, text: str, reply: str, *, channel: int = 1, now: float = NOW) -> Turn:
    """One whole turn: somebody says *text*, the reply is *reply* in one chunk with the next Discord id."""
    await hear(store, discord_id, text, channel=channel)
    turn = await begun(store, channel)
    assert await answer(store, turn, reply, chunk_id=discord_id + 1, now=now)
    return turn


async def window(store: Store, turn: Turn, *, policy: str = "p", reach: Reach = EVERYTHING) -> Window:
    return await store.load_window(turn, policy=policy, reach=reach)


async def seen(store: Store, turn: Turn) -> list[str]:
    """The texts that the model would see for *turn*."""
    return [message.content for message in (await window(store, turn)).messages]


async def correct(store: Store, text: str, *, channel: int = 1) -> bool:
    """Put *text*, an admin's words, in the place of what is shown."""
    overview = await store.overview(channel, closed_after=0)
    shown = [summary.id for summary in overview.summaries] if overview else []
    return await store.correct_summary(channel, text, tokens=len(text.split()), instead_of=shown, now=NOW)
