"""Who is measured: each loads what the model sees under a budget of tokens and durably saves both messages of a turn.

The user's message is saved before the model would be called. All else is at each one's defaults. The peers' libraries are
imported only when they are opened: ``make bench-setup`` installs them.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from bench.history import CHANNEL, Talk, batches
from bot.memory import Policies
from storage import Store
from storage.records import Incoming, Outcome, Overrides

BUDGET_TOKENS = 4_000

#: What LangChain calls the budget, the Agents SDK can only be told as a number of messages.
LIMIT_MESSAGES = 40

#: Of a prompt without messages: the persona. The peers have none.
FIXED_TOKENS = 0

_NOW = 1_800_000_000.0
_FIRST_NEW_MESSAGE, _FIRST_NEW_REPLY = 2 * 10**17, 6 * 10**17


class Contender(Protocol):
    """One memory of one conversation."""

    async def turn(self, number: int) -> None:
        """Do a turn's memory work."""
        ...

    async def close(self) -> None:
        """Close what was opened."""
        ...


class Mnemo:
    """The product's store, called as the bot calls it for a reply that is one message: a test compares the statements."""

    def __init__(self, store: Store, talk: Talk, channel: int = CHANNEL) -> None:
        self._store = store
        self._talk = talk
        self._channel = channel
        policies = Policies(
            "tokens", max_messages=LIMIT_MESSAGES, max_tokens=BUDGET_TOKENS, context_tokens=128_000, trim_to=0.5
        )
        self._policy = policies.for_channel(Overrides())
        #: Of each window that was read, how many messages it had.
        self.windows: list[int] = []

    async def turn(self, number: int) -> None:
        """Accept, begin, load, move the window when the policy cuts it, complete, note the chunk, finish: three commits.

        The bot's worker asks for the turn while the message is being stored, and notes the id of the last chunk with `finish`.
        """
        store, said, reply = self._store, self._talk.said(number), self._talk.reply(number)
        unique = number * 1_000 + self._channel
        message = Incoming(
            _FIRST_NEW_MESSAGE + unique, self._channel, None, 7, "Nemo", said, self._talk.tokens(said), _NOW + number
        )
        accepting = store.accept(message, addressed=True, now=_NOW)
        beginning = store.begin(self._channel, owner="bench", lease=600.0, budget=self._trigger_budget, now=_NOW)
        _, turn = await asyncio.gather(accepting, beginning)
        assert turn is not None, "a message was accepted"
        policy = self._policy
        window = await store.load_window(turn, policy=policy.key, reach=policy.reach(FIXED_TOKENS))
        self.windows.append(len(window.messages))
        first = policy.first_kept(window.messages, FIXED_TOKENS)
        if first or window.policy != policy.key:
            await store.move_window(turn, start=window.messages[first].position, policy=policy.key, look_back=0)
        outcome = Outcome("bench", "stop", 4_000, 0, self._talk.tokens(reply), 1.5)
        await store.complete(turn, reply, outcome, first_chunk=reply, now=_NOW + number)
        noting = store.chunk_sent(turn, 0, _FIRST_NEW_REPLY + unique)
        finishing = store.finish(
            turn, author_id=99, author_name="Mnemo", tokens=self._talk.tokens(reply), now=_NOW + number
        )
        await asyncio.gather(noting, finishing)

    def in_channel(self, channel: int) -> Mnemo:
        """Return the same memory's conversation in another channel, whose windows are told here."""
        other = Mnemo(self._store, self._talk, channel)
        other.windows = self.windows
        return other

    def _trigger_budget(self, _: Overrides) -> int:
        return self._policy.trigger_budget(FIXED_TOKENS)

    async def close(self) -> None:
        """Nothing: who opened the store closes it."""


class LangChain:
    """``SQLChatMessageHistory`` with ``trim_messages``, whose tokens are counted as LangChain recommends for a hot path."""

    name = "langchain"
    durability = "SQLAlchemy's defaults: rollback journal, synchronous=FULL"

    def __init__(self, path: Path, talk: Talk, messages: int) -> None:
        from langchain_community.chat_message_histories import SQLChatMessageHistory
        from langchain_core.messages import AIMessage, HumanMessage, message_to_dict, trim_messages

        self._human, self._ai, self._trim = HumanMessage, AIMessage, trim_messages
        self._talk = talk
        self._history = SQLChatMessageHistory("bench", connection=f"sqlite:///{path}")
        makers = {"user": HumanMessage, "assistant": AIMessage}
        with closing(sqlite3.connect(path)) as db:
            for batch in batches(talk.history(messages)):
                rows = (("bench", json.dumps(message_to_dict(makers[role](words)))) for role, words in batch)
                db.executemany("INSERT INTO message_store (session_id, message) VALUES (?, ?)", rows)
                db.commit()

    async def turn(self, number: int) -> None:
        """Add, load all, trim, add; its synchronous methods are called, which spares it a thread."""
        self._history.add_message(self._human(self._talk.said(number)))
        self._trim(
            self._history.messages,
            max_tokens=BUDGET_TOKENS,
            token_counter="approximate",
            strategy="last",
            start_on="human",
        )
        self._history.add_message(self._ai(self._talk.reply(number)))

    async def close(self) -> None:
        """Give the connections back."""
        self._history.session_maker.remove()  # type: ignore[union-attr]
        self._history.engine.dispose()


class AgentsSdk:
    """The OpenAI Agents SDK's ``SQLiteSession``, limited to the newest messages: it knows no budget of tokens."""

    name = "agents_sdk"
    durability = "the SDK's defaults: WAL, synchronous=FULL"

    def __init__(self, path: Path, talk: Talk, messages: int) -> None:
        from agents.memory import SessionSettings, SQLiteSession

        self._talk = talk
        self._session: Any = SQLiteSession("bench", path, session_settings=SessionSettings(limit=LIMIT_MESSAGES))
        with closing(sqlite3.connect(path)) as db:
            db.execute("INSERT INTO agent_sessions (session_id) VALUES ('bench')")
            for batch in batches(talk.history(messages)):
                rows = (("bench", json.dumps({"role": role, "content": words})) for role, words in batch)
                db.executemany("INSERT INTO agent_messages (session_id, message_data) VALUES (?, ?)", rows)
                db.commit()

    async def turn(self, number: int) -> None:
        """Add, load the newest, add."""
        await self._session.add_items([{"role": "user", "content": self._talk.said(number)}])
        await self._session.get_items()
        await self._session.add_items([{"role": "assistant", "content": self._talk.reply(number)}])

    async def close(self) -> None:
        """Close its connections."""
        self._session.close()


PEERS = (LangChain, AgentsSdk)
