"""What a file is, by its bytes, and what can be read of it: text in any encoding, an image's size. Pure; it fetches nothing.

PDF is ``pdf.py``'s business. What Discord says of a file's type only decides whether it is worth fetching.
"""

from __future__ import annotations

import codecs
import io
import re
from pathlib import PurePath
from typing import Literal

from bot.errors import FileProblem

Kind = Literal["image", "PDF", "text", "audio", "video", "file"]

#: OpenAI and Anthropic take these four, https://platform.openai.com/docs/guides/images-vision.
_IMAGES = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
}
_PDF = re.compile(rb"\s{0,1024}%PDF-")

#: Pixels of a side; Anthropic refuses more, https://docs.claude.com/en/docs/build-with-claude/vision.
MOST_PIXELS = 8_000

NO_IMAGE = "it is no PNG, JPEG, GIF or WebP image."
TOO_MANY_PIXELS = "it has {width:,} × {height:,} pixels, and I take 8,000 a side at most."  # noqa: RUF001 - it is meant
OTHER = "I cannot read this kind of file."
NO_TEXT = "there is no text in it that I can read."
GARBLED = "some of it is not UTF-8 text and reads as �."

#: Types that hold text besides text/*, and those that never do, as Discord guesses them by the name.
_OPAQUE_TYPES = re.compile(
    r"(?:audio|video|font|model)/|application/(?:zip|gzip|.*compressed|.*-(?:tar|rar|7z|msdownload|executable|bzip2?|xz)"
    r"|vnd\.(?:openxmlformats|ms-|oasis|rar).*|msword|java-archive|epub)"
)

_MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_CONTROLS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0e-\x1f\x7f]")
_LOST = "\N{REPLACEMENT CHARACTER}"

#: A text in which more than this share of the characters cannot be read is none.
_MOST_LOST = 0.1


def claimed_kind(name: str, content_type: str) -> Kind:
    """Return what a file is by what Discord says of it: its *name*, and the *content_type* it made of that."""
    said = content_type.lower()
    if said.startswith("video/mp2t"):  # what Discord makes of TypeScript
        return "text"
    if said.startswith("image/") and said != "image/svg+xml":
        return "image"
    if said.startswith("application/pdf") or PurePath(name).suffix.lower() == ".pdf":
        return "PDF"
    if _OPAQUE_TYPES.match(said):
        top = said.partition("/")[0]
        return "audio" if top == "audio" else "video" if top == "video" else "file"
    return "text"


def image_type(data: bytes) -> str | None:
    """Return the type of an image that models take; None for anything else."""
    return next((kind for kind, start in _IMAGES.items() if start.match(data)), None)


def is_pdf(data: bytes) -> bool:
    """Whether the bytes begin as a PDF does."""
    return _PDF.match(data) is not None


def image_size(data: bytes) -> tuple[int, int]:
    """Return an image's width and height, from its header: nothing is decoded. Raises :class:`bot.errors.FileProblem`."""
    import imagesize  # type: ignore[import-untyped]  # it has no types; here, because few messages bring an image

    try:
        width, height = map(int, imagesize.get(io.BytesIO(data)))
    except Exception as error:  # whatever a header of somebody's making can bring about in a parser
        raise FileProblem(NO_IMAGE) from error
    if width < 1 or height < 1:
        raise FileProblem(NO_IMAGE)
    if max(width, height) > MOST_PIXELS:
        raise FileProblem(TOO_MANY_PIXELS.format(width=width, height=height))
    return width, height


def text_of(data: bytes, *, is_whole: bool) -> tuple[str, str | None]:
    """Return the text of a file, or of its beginning, and what could not be read. Raises :class:`bot.errors.FileProblem`."""
    encoding, start = _encoding(data)
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    text = decoder.decode(data[start:], final=is_whole)
    lost = text.count(_LOST) + text.count("\0")
    text = _CONTROLS.sub("", text)
    if lost > _MOST_LOST * len(text) or not text.strip():
        raise FileProblem(NO_TEXT)
    return text.strip("\n"), GARBLED if lost else None


def _encoding(data: bytes) -> tuple[str, int]:
    """Return the encoding, and how many bytes at the start only tell of it. Without these, UTF-16 shows by its zeros."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding, len(mark)
    sample = data[:1024]
    if len(sample) > 1 and sample.count(0) > len(sample) // 4:
        return ("utf-16-be" if sample[::2].count(0) > sample[1::2].count(0) else "utf-16-le"), 0
    return "utf-8", 0
