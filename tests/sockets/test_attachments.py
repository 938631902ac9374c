"""Images and files in the bot's own process, from the little Discord's CDN to the little model, through faults and kills."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot import attachments, cdn, file_kinds, pdf
from playground.discord.levers import FileAnswer
from tests import attached
from tests.sockets.conftest import Stage, play

NOTES = b"The treasure lies beneath the old oak.\n"
OAK = "The treasure lies beneath the old oak."

File = tuple[str, bytes]


async def send(stage: Stage, channel: int, text: str, *files: File) -> int:
    """Let Nemo tell the bot *text* with some files, and return the message's id."""
    said = f"<@{stage.world.bot_id}> {text}"
    uploads = [(name, "", data) for name, data in files]
    return int((await stage.world.say(stage.nemo, channel, said, attachments=uploads))["id"])


async def show(stage: Stage, channel: int, text: str, *files: File) -> str:
    return await stage.answer(channel, await send(stage, channel, text, *files))


def images(stage: Stage) -> list[str]:
    """The images that the last prompt showed."""
    parts = [part for message in prompt(stage) for part in message["content"] if isinstance(part, dict)]
    return [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]


def prompt(stage: Stage) -> Sequence[dict[str, Any]]:
    return stage.asked()[-1]


async def a_text_is_read_once_and_remembered(stage: Stage) -> None:
    channel = stage.channel()
    assert OAK in await show(stage, channel, "Where is the treasure?", ("notes.txt", NOTES))
    assert "-#" not in stage.shown(channel)[-1]
    assert OAK in await stage.ask(channel, "Where was the treasure again?")
    assert stage.discord.files_fetched == ["notes.txt"]
    assert stage.recall("SELECT url FROM attachments ORDER BY message_id DESC LIMIT 1") == [None]


async def an_image_is_shown_in_the_turn_that_brings_it(stage: Stage) -> None:
    channel = stage.channel()
    assert "You show me a PNG of 640 by 480 pixels." in await show(stage, channel, "", ("reef.png", attached.png()))
    assert len(images(stage)) == 1
    assert "You show me" not in await stage.ask(channel, "I like reefs.")
    assert images(stage) == []
    assert "[file: reef.png, image]" in str(prompt(stage))
    assert len(stage.discord.files_fetched) == 1


async def several_files_are_read_together(stage: Stage) -> None:
    reply = await show(
        stage,
        stage.channel(),
        "Where is the chest?",
        ("reef.webp", attached.webp(100, 50)),
        ("report.pdf", attached.pdf("The chest is in the cave.")),
        ("data.csv", "id;fish\n1;Nemo".encode("utf-16")),
    )
    assert "a WEBP of 100 by 50 pixels" in reply
    assert "The chest is in the cave." in reply
    assert "-#" not in reply
    assert "[file: data.csv, text]\n    id;fish\n    1;Nemo" in str(prompt(stage)[-1]["content"][0]["text"])


BAD_FILES = [
    ("huge.png", attached.png(30_000, 30_000), "it has 30,000 × 30,000 pixels"),  # noqa: RUF001 - it is meant
    ("bomb.zip", attached.zip_bomb(), file_kinds.OTHER),
    ("song.mp3", b"ID3", file_kinds.OTHER),
    ("scan.pdf", attached.pdf(""), pdf.NO_TEXT),
    ("secret.pdf", attached.encrypted_pdf(), pdf.ENCRYPTED),
    ("bomb.pdf", attached.exploding_pdf(), pdf.UNREADABLE),
    ("broken.pdf", b"%PDF-1.4 and no more", pdf.UNREADABLE),
    ("no.png", b"this is no picture", file_kinds.NO_IMAGE),
    ("program.txt", bytes(range(256)) * 10, file_kinds.NO_TEXT),
    ("latin.txt", "Der Schatz ist groß und tief verborgen.".encode("latin-1"), file_kinds.GARBLED),
]


async def whatever_cannot_be_used_is_said_and_the_reply_comes(stage: Stage) -> None:
    channel = stage.channel()
    reply = await show(stage, channel, "My name is Nemo.", *[(name, data) for name, data, _ in BAD_FILES])
    assert "Nemo" in reply
    [note] = [line for line in reply.splitlines() if line.startswith("-# 📎 ")]
    for name, _, sentence in BAD_FILES:
        assert f"`{name}`" in note
        assert sentence in note
    assert "`bomb.zip`, `song.mp3`: I cannot read this kind of file." in note
    assert "[file: scan.pdf, PDF, not read: there is no text in it" in str(prompt(stage))
    assert "`" not in await stage.ask(channel, "What is my name?")


async def a_wrong_type_is_seen_through(stage: Stage) -> None:
    reply = await show(
        stage, stage.channel(), "Where is the treasure?", ("notes.log", attached.png()), ("x.dat", NOTES)
    )
    assert "You show me a PNG" in reply
    assert OAK in reply


async def an_address_that_is_not_discords_is_left_alone(stage: Stage) -> None:
    ours = stage.world.state.cdn_url
    stage.world.state.cdn_url = ours.replace("127.0.0.1", "localhost")
    try:
        reply = await show(stage, stage.channel(), "My name is Nemo.", ("notes.txt", NOTES))
    finally:
        stage.world.state.cdn_url = ours
    assert "Nemo" in reply
    assert f"`notes.txt`: {cdn.NOT_DISCORDS}" in reply
    assert stage.discord.files_fetched == []


async def a_cdn_that_fails_costs_the_file_and_not_the_reply(stage: Stage) -> None:
    channel = stage.channel()
    stage.discord.levers.files = FileAnswer(status=404)
    assert cdn.GONE in await show(stage, channel, "My name is Nemo.", ("notes.txt", NOTES))
    stage.discord.levers.files = FileAnswer(body=attached.packed(100_000_000), headers={"Content-Encoding": "deflate"})
    assert file_kinds.NO_TEXT in await show(stage, channel, "My name is Nemo.", ("notes.txt", NOTES))


async def a_cdn_that_hangs_costs_the_file_and_nobody_else_waits(stage: Stage) -> None:
    await stage.start()
    channel = stage.channel()
    stage.discord.levers.files = FileAnswer(seconds=120)
    hanging = await send(stage, channel, "My name is Nemo.", ("notes.txt", NOTES))
    other = stage.channel()
    assert "Marlin" in await stage.ask(other, "My name is Marlin.")
    reply = await stage.until(lambda: next(iter(stage.referring(channel, hanging)), None), patience=40)
    assert "Nemo" in reply
    assert cdn.TOO_SLOW in reply


async def a_model_that_takes_no_images_is_asked_without_them_from_then_on(stage: Stage) -> None:
    stage.model.levers.blindness = "openai"
    channel = stage.channel()
    before = len(stage.asked())
    for asked in (2, 3):
        reply = await show(stage, channel, "My name is Nemo.", ("reef.png", attached.png()))
        assert "Nemo" in reply
        assert f"`reef.png`: {attachments.NOT_SEEN}" in reply
        assert len(stage.asked()) == before + asked
        assert "not shown the images" in str(prompt(stage)[-1]["content"])
    assert "not seen" in str(prompt(stage)) or attachments.NOT_SEEN.removesuffix(".") in str(prompt(stage))


async def a_completion_model_reads_texts_and_sees_nothing(stage: Stage) -> None:
    await stage.start(model_api="completions")
    files = ("reef.png", attached.png()), ("notes.txt", NOTES)
    reply = await show(stage, stage.channel(), "Where is the treasure?", *files)
    assert OAK in reply
    assert attachments.SWITCHED_OFF in reply
    assert "[file: notes.txt, text]" in stage.model.requests[-1].body["prompt"]


async def an_edit_takes_a_file_away_and_a_deletion_all(stage: Stage) -> None:
    channel = stage.channel()
    said = await send(stage, channel, "Two files.", ("notes.txt", NOTES), ("more.txt", b"The chest is in the cave."))
    await stage.answer(channel, said)
    kept = next(one for one in stage.world.messages(channel) if int(one["id"]) == said)["attachments"][1]
    await stage.world.edit(stage.nemo, channel, said, f"<@{stage.world.bot_id}> One file.", keep=[int(kept["id"])])
    content = "One file.\n[file: more.txt, text]\n  The chest is in the cave."
    await stage.until(lambda: stage.recall("SELECT content FROM messages WHERE discord_id = ?", said) == [content])
    assert len(stage.discord.files_fetched) == 2
    await stage.world.delete(stage.nemo, channel, said)
    await stage.until(lambda: not stage.recall("SELECT id FROM attachments WHERE message_id = ?", said))


async def what_was_read_before_a_kill_is_not_fetched_again(stage: Stage) -> None:
    bot = await stage.start()
    channel = stage.channel()
    stage.model.levers.hold()
    said = await send(stage, channel, "Where is the treasure?", ("notes.txt", NOTES), ("scan.pdf", attached.pdf("")))
    await stage.until(lambda: stage.model.requests)
    await bot.kill()
    stage.model.levers.door.set()
    stage.discord.levers.files = FileAnswer(status=404)
    await stage.start()
    reply = await stage.answer(channel, said)
    assert OAK in reply
    assert f"`scan.pdf`: {pdf.NO_TEXT}" in reply
    assert sorted(stage.discord.files_fetched) == ["notes.txt", "scan.pdf"]


async def what_was_not_read_before_a_kill_is_read_after_it(stage: Stage) -> None:
    [_, bot] = stage.bots
    channel = stage.channel()
    stage.discord.levers.files = FileAnswer(seconds=60)
    said = await send(stage, channel, "Where is the treasure?", ("notes.txt", NOTES), ("reef.png", attached.png()))
    await stage.until(lambda: len(stage.discord.files_fetched) == 2)
    await bot.kill()
    stage.reset()
    await stage.start()
    reply = await stage.answer(channel, said)
    assert OAK in reply
    assert "You show me a PNG" in reply
    assert "-#" not in reply


async def kills(stage: Stage) -> None:
    await what_was_read_before_a_kill_is_not_fetched_again(stage)
    stage.discord.files_fetched.clear()
    await what_was_not_read_before_a_kill_is_read_after_it(stage)


async def a_bot_as_it_comes(stage: Stage) -> None:
    await stage.start()
    for scenario in (
        a_text_is_read_once_and_remembered,
        an_image_is_shown_in_the_turn_that_brings_it,
        several_files_are_read_together,
        a_wrong_type_is_seen_through,
        an_edit_takes_a_file_away_and_a_deletion_all,
        whatever_cannot_be_used_is_said_and_the_reply_comes,
        an_address_that_is_not_discords_is_left_alone,
        a_cdn_that_fails_costs_the_file_and_not_the_reply,
        a_model_that_takes_no_images_is_asked_without_them_from_then_on,
    ):
        stage.reset()
        stage.discord.files_fetched.clear()
        await scenario(stage)


async def test_files_are_used_and_what_cannot_be_used_is_said(tmp_path: Path) -> None:
    await play(
        tmp_path,
        a_bot_as_it_comes,
        a_cdn_that_hangs_costs_the_file_and_nobody_else_waits,
        a_completion_model_reads_texts_and_sees_nothing,
        kills,
    )
