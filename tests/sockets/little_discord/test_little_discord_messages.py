"""Messages, as the real discord.py sends, reads and changes them, and as people see them."""

from __future__ import annotations

import io
from typing import Any

import aiohttp
import discord
import pytest

from playground.discord import ChannelType, DiscordError, LittleDiscord, Permission, World


async def test_a_message_is_created_answered_edited_and_deleted(
    world: World, client: discord.Client, nemo: int, general: int
) -> None:
    said = await world.say(nemo, general, f"<@{world.bot_id}> hello")
    heard = await client.wait_for("message", timeout=2)
    assert (heard.id, heard.content, heard.author.display_name) == (int(said["id"]), said["content"], "Nemo")
    assert client.user in heard.mentions

    reply = await heard.reply("Hello, Nemo.", mention_author=True)
    assert reply.reference
    assert reply.reference.message_id == heard.id
    assert isinstance(reply.reference.resolved, discord.Message)
    [_, seen] = world.messages(general)[-2:]
    assert seen["type"] == 19
    assert [user["id"] for user in seen["mentions"]] == [str(nemo)]

    await reply.edit(content="Hello again.")
    assert world.messages(general)[-1]["content"] == "Hello again."
    assert world.messages(general)[-1]["edited_timestamp"]
    await reply.delete()
    assert [message["id"] for message in world.messages(general)][-1] == said["id"]


async def test_edits_and_deletions_by_people_reach_the_bot(
    world: World, client: discord.Client, nemo: int, marlin: int, general: int
) -> None:
    ids = [int((await world.say(nemo, general, f"number {number}"))["id"]) for number in range(4)]
    await client.wait_for("message", check=lambda m: m.id == ids[-1], timeout=2)
    await world.edit(nemo, general, ids[0], "number zero")
    _, after = await client.wait_for("message_edit", timeout=2)
    assert after.content == "number zero"
    await world.delete(nemo, general, ids[0])
    assert (await client.wait_for("message_delete", timeout=2)).id == ids[0]
    await world.bulk_delete(marlin, general, ids[1:3])
    gone = await client.wait_for("raw_bulk_message_delete", timeout=2)
    assert gone.message_ids == set(ids[1:3])
    with pytest.raises(DiscordError, match="50013"):
        await world.bulk_delete(nemo, general, ids[1:])


async def test_history_goes_before_after_and_around(
    world: World, channel: discord.TextChannel, nemo: int, general: int
) -> None:
    ids = [int((await world.say(nemo, general, f"{number}"))["id"]) for number in range(12)]

    async def found(**options: Any) -> list[int]:
        return [int(m.content) async for m in channel.history(**options) if m.content.isdecimal()]

    assert await found(limit=3) == [11, 10, 9]
    assert await found(limit=3, before=discord.Object(ids[5])) == [4, 3, 2]
    assert await found(limit=3, after=discord.Object(ids[5])) == [6, 7, 8]
    assert await found(limit=5, around=discord.Object(ids[5])) == [7, 6, 5, 4, 3]
    assert (await channel.fetch_message(ids[0])).content == "0"
    with pytest.raises(discord.NotFound) as error:
        await channel.fetch_message(ids[-1] + 1)
    assert error.value.code == 10008


async def test_a_reply_to_a_message_that_is_gone(
    world: World, channel: discord.TextChannel, nemo: int, general: int
) -> None:
    said = int((await world.say(nemo, general, "soon gone"))["id"])
    await channel.send("in time", reference=channel.get_partial_message(said))
    await world.delete(nemo, general, said)
    assert world.messages(general)[-1]["referenced_message"] is None
    with pytest.raises(discord.HTTPException) as error:
        await channel.send("too late", reference=channel.get_partial_message(said))
    assert error.value.code == 50035
    assert "Unknown message" in error.value.text
    sent = await channel.send(
        "all the same",
        reference=discord.MessageReference(message_id=said, channel_id=general, fail_if_not_exists=False),
    )
    assert sent.reference is None
    assert sent.type is discord.MessageType.default


async def test_allowed_mentions_decide_who_is_mentioned(
    world: World, channel: discord.TextChannel, nemo: int, marlin: int, general: int
) -> None:
    said = int((await world.say(nemo, general, "who?"))["id"])
    target = channel.get_partial_message(said)
    text = f"<@{marlin}> and @everyone"

    def mentioned() -> list[str]:
        assert not world.messages(general)[-1]["mention_everyone"]  # the bot may not, whatever it allows
        return [user["username"] for user in world.messages(general)[-1]["mentions"]]

    await channel.send(text, reference=target)
    assert mentioned() == ["marlin", "nemo"]
    await channel.send(text, reference=target, allowed_mentions=discord.AllowedMentions.none())
    assert mentioned() == []
    await channel.send(text, reference=target, mention_author=False)
    assert mentioned() == ["marlin"]
    only_nemo = discord.AllowedMentions(everyone=False, roles=False, users=[discord.Object(nemo)])
    await channel.send(text + f" and <@{nemo}>", allowed_mentions=only_nemo)
    assert mentioned() == ["nemo"]


async def test_the_same_nonce_returns_the_message_that_is_there(world: World, channel: discord.TextChannel) -> None:
    first = await channel.send("once", nonce="5k:1:0")
    again = await channel.send("twice", nonce="5k:1:0")
    other = await channel.send("another", nonce="5k:1:1")
    assert (again.id, again.content) == (first.id, "once")
    assert other.id > first.id
    with pytest.raises(discord.HTTPException) as error:
        await channel.send("too long", nonce="n" * 26)
    assert error.value.code == 50035


@pytest.mark.parametrize(
    ("body", "code", "named"),
    [
        ({"content": "x" * 2001}, 50035, "content"),
        ({"content": " \n"}, 50006, ""),
        ({"content": 5}, 50035, "content"),
        ({"contents": "x"}, 50035, "contents"),
        ({"content": "x", "flags": 64}, 50035, "flags"),
        ({"content": "x", "flags": 32768}, 50035, "content"),
        ({"content": "x", "components": [{"type": 10, "content": "v2"}]}, 50035, "components"),
        ({"components": [{"type": 1, "components": [{"type": 2, "style": 1}]}]}, 50035, "components"),
        ({"embeds": [{"title": "x" * 257}]}, 50035, "embeds"),
        ({"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}}, 50035, "allowed_mentions"),
    ],
)
async def test_what_is_no_message_is_refused(api: Any, general: int, body: Any, code: int, named: str) -> None:
    status, answer = await api("POST", f"/channels/{general}/messages", body)
    assert (status, answer["code"]) == (400, code)
    assert named in answer.get("errors", {named: ""})


async def test_permissions_are_asked_for(
    world: World, client: discord.Client, channel: discord.TextChannel, nemo: int, general: int, api: Any
) -> None:
    said = int((await world.say(nemo, general, "mine"))["id"])

    async def code(action: Any) -> int:
        with pytest.raises(discord.HTTPException) as error:
            await action
        return error.value.code

    assert await code(channel.get_partial_message(said).edit(content="yours")) == 50005
    assert await code(channel.get_partial_message(said).delete()) == 50013
    world.set_permissions(general, world.bot_id, deny=Permission.SEND_MESSAGES)
    assert await code(channel.send("x")) == 50013
    world.set_permissions(general, world.bot_id, deny=Permission.READ_MESSAGE_HISTORY)
    assert [message async for message in channel.history()] == []
    world.set_permissions(general, world.bot_id, deny=Permission.VIEW_CHANNEL)
    assert await code(channel.send("x")) == 50001
    world.delete_channel(general)
    assert await code(channel.send("x")) == 10003
    assert await code(client.fetch_user(5)) == 10013
    assert (await api("GET", "/users/@me", Authorization="Bot wrong"))[0] == 401


async def test_the_bot_hears_nothing_of_a_channel_that_it_cannot_see(
    world: World, client: discord.Client, nemo: int, general: int
) -> None:
    heard: list[str] = []
    client.event(_collect_into(heard))
    world.set_permissions(general, world.bot_id, deny=Permission.VIEW_CHANNEL)
    await world.say(nemo, general, "secret")
    await world.say(nemo, world.channel_id("random"), "public")
    await client.wait_for("message", timeout=2)
    assert heard == ["public"]


def _collect_into(heard: list[str]) -> Any:
    async def on_message(message: discord.Message) -> None:
        heard.append(message.content)

    return on_message


async def test_direct_messages(world: World, client: discord.Client, nemo: int, marlin: int) -> None:
    with world.watch() as events:
        await world.say(nemo, world.dm(nemo), "psst")
        assert (await anext(events)).only_for == nemo
    heard = await client.wait_for("message", timeout=2)
    assert heard.guild is None
    await heard.channel.send("yes?")
    assert world.messages(world.dm(nemo))[-1]["content"] == "yes?"
    user = await client.fetch_user(marlin)
    await user.send("good morning")
    assert world.messages(world.dm(marlin))[-1]["content"] == "good morning"
    world.set_accepts_dms(marlin, False)
    with pytest.raises(discord.Forbidden) as error:
        await user.send("anyone?")
    assert error.value.code == 50007


async def test_typing_is_seen_until_the_message_comes(
    world: World, client: discord.Client, channel: discord.TextChannel, nemo: int, general: int
) -> None:
    async with channel.typing():
        assert world.typing(general) == [world.bot_id]
        await channel.send("done")
    assert world.typing(general) == []
    await world.type(nemo, general)
    _, user, _ = await client.wait_for("typing", timeout=2)
    assert user.id == nemo


async def test_reactions(
    world: World, client: discord.Client, channel: discord.TextChannel, nemo: int, general: int
) -> None:
    said = int((await world.say(nemo, general, "like it?"))["id"])
    message = await channel.fetch_message(said)
    await message.add_reaction("👍")
    await world.react(nemo, general, said, "👍")
    payload = await client.wait_for("raw_reaction_add", check=lambda p: p.user_id == nemo, timeout=2)
    assert payload.message_author_id == nemo
    [reaction] = (await message.fetch()).reactions
    assert (reaction.count, reaction.me) == (2, True)
    assert {user.id async for user in reaction.users()} == {nemo, world.bot_id}
    await message.remove_reaction("👍", client.user or discord.Object(0))
    assert world.messages(general)[-1]["reactions"][0]["count"] == 1
    with pytest.raises(discord.HTTPException) as error:
        await message.add_reaction("no emoji")
    assert error.value.code == 10014


async def test_uploads_can_be_fetched_from_the_cdn(
    world: World, server: LittleDiscord, client: discord.Client, channel: discord.TextChannel, nemo: int, general: int
) -> None:
    file = discord.File(io.BytesIO(b"one, two"), "words.txt", description="two words")
    sent = await channel.send("here", file=file)
    [attachment] = sent.attachments
    assert attachment.url.startswith(server.cdn_url)
    assert (await attachment.read(), attachment.content_type) == (b"one, two", "text/plain; charset=utf-8")
    assert (attachment.filename, attachment.description, attachment.size) == ("words.txt", "two words", 8)

    more = discord.File(io.BytesIO(b"\x89PNG"), "picture.png")
    embed = discord.Embed().set_image(url="attachment://picture.png")
    both = await sent.edit(attachments=[attachment, more], embed=embed)
    assert both.embeds[0].image.url == both.attachments[1].url
    assert [each.filename for each in both.attachments] == ["words.txt", "picture.png"]
    only = await both.edit(attachments=[both.attachments[1]])
    assert [each.filename for each in only.attachments] == ["picture.png"]
    await world.say(nemo, general, "", attachments=[("mine.txt", "text/plain", b"three")])
    heard = await client.wait_for("message", check=lambda m: m.author.id == nemo, timeout=2)
    assert await heard.attachments[0].read() == b"three"
    async with aiohttp.ClientSession() as session, session.get(f"{server.cdn_url}/attachments/1/2/x.txt") as response:
        assert response.status == 404
    with pytest.raises(discord.HTTPException) as error:
        await channel.send(file=discord.File(io.BytesIO(bytes(10 * 1024 * 1024 + 1)), "big"))
    assert error.value.code == 40005


async def test_threads_from_a_message_alone_and_in_a_forum(
    world: World, client: discord.Client, channel: discord.TextChannel, nemo: int, general: int
) -> None:
    said = int((await world.say(nemo, general, "let us talk"))["id"])
    thread = await (await channel.fetch_message(said)).create_thread(name="talk")
    assert thread.id == said
    await thread.send("in here")
    await world.say(nemo, thread.id, "yes")
    assert (await client.wait_for("message", check=lambda m: m.author.id == nemo, timeout=2)).channel == thread
    with pytest.raises(discord.HTTPException) as error:
        await (await channel.fetch_message(said)).create_thread(name="again")
    assert error.value.code == 160004

    alone = world.create_thread(nemo, general, "another")
    found = await client.wait_for("thread_create", check=lambda t: t.id == alone, timeout=2)
    await found.join()
    assert alone in [each.id for each in await channel.guild.active_threads()]
    world.archive_thread(alone)
    await client.wait_for("thread_update", timeout=2)
    assert [each.id async for each in channel.archived_threads()] == [alone]
    await found.send("awake")
    assert world.channels[alone]["thread_metadata"]["archived"] is False

    forum = world.create_channel("questions", kind=ChannelType.FORUM)
    post = world.create_thread(nemo, forum, "How?", content="How does it work?")
    asked = await client.wait_for("message", check=lambda m: m.content.startswith("How"), timeout=2)
    assert asked.id == asked.channel.id == post
    forum_channel = client.get_channel(forum)
    assert isinstance(forum_channel, discord.ForumChannel)
    own, first = await forum_channel.create_thread(name="Why?", content="Because.")
    assert own.id == first.id


async def test_components_of_both_kinds_are_taken(world: World, channel: discord.TextChannel, general: int) -> None:
    old = discord.ui.View()
    old.add_item(discord.ui.Button(label="Press", custom_id="press"))
    old.add_item(discord.ui.Select(custom_id="pick", options=[discord.SelectOption(label="one")]))
    sent = await channel.send("choose", view=old)
    assert [type(row).__name__ for row in sent.components] == ["ActionRow", "ActionRow"]
    await sent.edit(view=None)
    assert world.messages(general)[-1]["components"] == []

    class Panel(discord.ui.LayoutView):
        words: discord.ui.TextDisplay[Any] = discord.ui.TextDisplay("# Title")
        box: discord.ui.Container[Any] = discord.ui.Container(
            discord.ui.Section("beside it", accessory=discord.ui.Button(label="Go", custom_id="go")),
            discord.ui.Separator(),
            accent_color=0x336699,
        )

    await channel.send(view=Panel())
    shown = world.messages(general)[-1]
    assert shown["flags"] & 32768
    assert [each["type"] for each in shown["components"]] == [10, 17]
    embed = discord.Embed(title="A title", description="words", timestamp=discord.utils.utcnow()).set_footer(text="end")
    with pytest.raises(discord.HTTPException) as error:
        await channel.send("words", view=Panel())
    assert error.value.code == 50035
    assert (await channel.send(embed=embed.add_field(name="n", value="v"))).embeds[0].title == "A title"
