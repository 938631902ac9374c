"""What people attach, as a turn uses it: texts are read into memory once, images are shown in the turn that brings them.

How files are fetched and what is in them is decided elsewhere (``cdn.py``, ``file_kinds.py``, ``pdf.py``). What could not be used
is noted with the attachment, so that it can still be told after a restart.
"""

from __future__ import annotations

import asyncio
import base64
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot import file_kinds, prompt
from bot.cdn import MOST_BYTES, TOO_LARGE
from bot.errors import FileProblem
from bot.file_kinds import Kind
from bot.pdf import UNREADABLE, PdfReader
from bot.ports import Fetch
from bot.prompt import Image
from storage import Store
from storage.records import Attachment, Turn

#: Of what the triggers of a turn may take of a prompt, so much may be the texts of files, and as much again images.
SHARE = 0.5

#: So many files are looked at in one turn: as many as a message can have. All its images together have so many bytes.
MOST_FILES = 10
MOST_IMAGE_BYTES = MOST_BYTES

#: No more of a text is looked at, in bytes or characters; and of that no more than a budget can hold, as tokens go.
MOST_TEXT = 1024 * 1024
CHARACTERS_PER_TOKEN = 12

#: Less of a text, in tokens, helps nobody.
LEAST_TEXT_TOKENS = 30

#: What an image costs at most, in tokens: OpenAI's and Anthropic's formulas end at about 1,600, Anthropic's is the dearest below
#: (a token for 750 pixels), and OpenAI's least is 255.
IMAGE_TOKENS = (255, 1_600)
PIXELS_PER_TOKEN = 750

#: So many files with the same problem are named under a reply.
MOST_NAMES = 5

TOO_MANY = f"I take {MOST_FILES} files at once."
NO_ROOM = "there was no room left for it."
SWITCHED_OFF = "I am set up not to look at images."
NOT_SEEN = "the model that answered does not take images, or not this one."
ONLY_BEGINNING = "it is long, so I read its beginning only."


@dataclass(frozen=True, slots=True)
class Read:
    """What a turn has of its files: the *attachments*, with what became of each, and the *images* to show."""

    attachments: tuple[Attachment, ...] = ()
    images: Mapping[int, tuple[Image, ...]] = field(default_factory=dict)

    @property
    def note(self) -> str:
        """What people are told of files that could not be used, in small print; nothing if all could."""
        names: dict[str, list[str]] = defaultdict(list)
        for attachment in self.attachments:
            if attachment.problem:
                names[attachment.problem].append(f"`{attachment.name.replace('`', chr(39))}`")
        told = [f"{_listed(files)}: {problem}" for problem, files in names.items()]
        return f"-# 📎 {' '.join(told)}" if told else ""


@dataclass(frozen=True, slots=True)
class _Opened:
    """A file that was looked at: its *text*, or an *image* of so many *bytes*, and what could not be used of it."""

    attachment: Attachment
    kind: Kind
    text: str = ""
    image: Image | None = None
    bytes: int = 0
    problem: str | None = None


class Attachments:
    """Reads what is attached to the triggers of turns. *count* counts a text's tokens; without *vision* no image is looked at."""

    def __init__(self, store: Store, fetch: Fetch, count: Callable[[str], int], *, vision: bool) -> None:
        self._store = store
        self._fetch = fetch
        self._count = count
        self._vision = vision
        self._pdfs = PdfReader()

    async def read(self, turn: Turn, budget: int) -> Read:
        """Read what was not read yet, and return all that *turn* has. *budget*: what its triggers may take, in tokens.

        Texts and problems are remembered when this returns. Raises :class:`storage.errors.StorageError`.
        """
        due = [one for one in turn.attachments if one.url is not None]
        room = int(min(budget * SHARE, budget - sum(trigger.tokens for trigger in turn.triggers)))
        looking = (self._look(one, room, is_too_many=place >= MOST_FILES) for place, one in enumerate(due))
        opened = _with_room(await asyncio.gather(*looking), room)
        texts = [one for one in opened if one.image is None]
        if not texts:
            return Read(turn.attachments, _images(opened))
        known = await asyncio.to_thread(self._excerpts, texts, room)  # counting a long text takes its time
        await self._store.note_attachments(known)
        return Read(_replaced(turn.attachments, known), _images(opened))

    async def not_seen(self, read: Read) -> Read:
        """Return *read* for a reply by a model that was shown none of the images, having noted so."""
        unseen = [self._known(one, "image", problem=NOT_SEEN) for one in read.attachments if one.url is not None]
        await self._store.note_attachments(unseen)
        return Read(_replaced(read.attachments, unseen))

    async def _look(self, attachment: Attachment, room: int, *, is_too_many: bool) -> _Opened:
        claimed = file_kinds.claimed_kind(attachment.name, attachment.type)
        try:
            if is_too_many:
                raise FileProblem(TOO_MANY)
            if claimed not in ("image", "PDF", "text"):
                raise FileProblem(file_kinds.OTHER)
            if claimed != "text" and attachment.size > MOST_BYTES:
                raise FileProblem(TOO_LARGE)
            if claimed == "image" and not self._vision:
                raise FileProblem(SWITCHED_OFF)
            return await self._open(attachment, claimed, room)
        except FileProblem as problem:
            return _Opened(attachment, claimed, problem=str(problem))

    async def _open(self, attachment: Attachment, claimed: Kind, room: int) -> _Opened:
        """Fetch a file and see what it is: Discord's word for that is a guess by its name."""
        fetched = await self._fetch(attachment.url or "")
        data, image_type, is_pdf = fetched.data, file_kinds.image_type(fetched.data), file_kinds.is_pdf(fetched.data)
        if (image_type or is_pdf) and not fetched.is_whole:
            raise FileProblem(TOO_LARGE)
        if image_type:
            return self._open_image(attachment, image_type, data)
        if is_pdf:
            text, problem = await self._pdfs.read(data, min(max(room, 1) * CHARACTERS_PER_TOKEN, MOST_TEXT))
            return _Opened(attachment, "PDF", text, problem=problem)
        if claimed != "text":
            raise FileProblem(file_kinds.NO_IMAGE if claimed == "image" else UNREADABLE)
        text, problem = file_kinds.text_of(data[:MOST_TEXT], is_whole=fetched.is_whole and len(data) <= MOST_TEXT)
        return _Opened(attachment, "text", text, problem=problem)

    def _open_image(self, attachment: Attachment, image_type: str, data: bytes) -> _Opened:
        if not self._vision:
            raise FileProblem(SWITCHED_OFF)
        width, height = file_kinds.image_size(data)
        least, most = IMAGE_TOKENS
        tokens = min(max(width * height // PIXELS_PER_TOKEN, least), most)
        url = f"data:{image_type};base64,{base64.b64encode(data).decode()}"
        return _Opened(attachment, "image", image=Image(url, tokens), bytes=len(data))

    def _excerpts(self, opened: Iterable[_Opened], room: int) -> list[Attachment]:
        """Return what is to be remembered of files: as much of their texts as *room* allows, short ones whole."""
        known: list[Attachment] = []
        waiting = sorted(opened, key=lambda one: len(one.text))
        for place, one in enumerate(waiting):
            known.append(self._excerpt(one, room // (len(waiting) - place)))
            room -= known[-1].tokens - one.attachment.tokens
        return known

    def _excerpt(self, opened: _Opened, tokens: int) -> Attachment:
        if not opened.text:
            return self._known(opened.attachment, opened.kind, problem=opened.problem)
        beginning = opened.text[: max(tokens, 0) * CHARACTERS_PER_TOKEN]
        missing = len(opened.text) - len(beginning)
        if tokens < LEAST_TEXT_TOKENS and (missing or self._cost(beginning) > tokens):
            return self._known(opened.attachment, opened.kind, problem=NO_ROOM)
        text = prompt.shortened(beginning, tokens, self._cost, more=missing)
        problem = opened.problem if text == opened.text else ONLY_BEGINNING
        return self._known(opened.attachment, opened.kind, text, problem)

    def _cost(self, text: str) -> int:
        return self._count(prompt.indented(prompt.indented(text)))  # as it stands in a file, and that in a message

    def _known(self, attachment: Attachment, kind: Kind, text: str = "", problem: str | None = None) -> Attachment:
        """Return *attachment* as it is remembered once it was read, or could not be: it is not fetched again."""
        remark = f"{kind}, not read: {problem.removesuffix('.')}" if problem and not text else kind
        block = prompt.file_block(attachment.name, remark, text)
        tokens = self._count(prompt.indented(block))
        return replace(attachment, url=None, block=block, tokens=tokens, problem=problem)


def heard(message_id: int, attachment_id: int, name: str, content_type: str, size: int, url: str | None) -> Attachment:
    """Return a file as it is remembered before it is read, uncounted. It is never read without *url*."""
    kind = file_kinds.claimed_kind(name, content_type)
    name = prompt.clean_name(name, prompt.FILE_NAME_LENGTH)
    return Attachment(message_id, attachment_id, name, content_type, size, url, prompt.file_block(name, kind), 0)


def _listed(files: Sequence[str]) -> str:
    """Return names in a row, but not more than anybody reads."""
    more = len(files) - MOST_NAMES
    return ", ".join(files[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _with_room(opened: Sequence[_Opened], tokens: int) -> list[_Opened]:
    """Return *opened* without the images for which there is no room; one has room always."""
    chosen: list[_Opened] = []
    tokens_left, bytes_left = tokens, MOST_IMAGE_BYTES
    for one in opened:
        if one.image is not None:
            if bytes_left < one.bytes or (tokens_left < one.image.tokens and tokens_left < tokens):
                chosen.append(_Opened(one.attachment, "image", problem=NO_ROOM))
                continue
            tokens_left -= one.image.tokens
            bytes_left -= one.bytes
        chosen.append(one)
    return chosen


def _images(opened: Iterable[_Opened]) -> dict[int, tuple[Image, ...]]:
    images: dict[int, tuple[Image, ...]] = defaultdict(tuple)
    for one in opened:
        if one.image is not None:
            images[one.attachment.message_id] += (one.image,)
    return dict(images)


def _replaced(attachments: Iterable[Attachment], known: Iterable[Attachment]) -> tuple[Attachment, ...]:
    now = {(one.message_id, one.id): one for one in known}
    return tuple(now.get((one.message_id, one.id), one) for one in attachments)
