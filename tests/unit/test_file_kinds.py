"""What a file is and what can be read of it, whatever its name and its bytes are."""

from __future__ import annotations

import codecs
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import file_kinds
from bot.errors import FileProblem
from bot.file_kinds import GARBLED, claimed_kind, image_size, image_type, is_pdf, text_of
from tests import attached


@pytest.mark.parametrize(
    ("name", "content_type", "kind"),
    [
        ("reef.png", "image/png", "image"),
        ("reef.heic", "image/heic", "image"),
        ("drawing.svg", "image/svg+xml", "text"),
        ("report.pdf", "application/pdf", "PDF"),
        ("REPORT.PDF", "", "PDF"),
        ("notes", "", "text"),
        ("notes.md", "text/markdown; charset=utf-8", "text"),
        ("data.json", "application/json", "text"),
        ("main.rs", "application/rls-services+xml", "text"),
        ("main.ts", "video/mp2t", "text"),
        ("song.ogg", "audio/ogg", "audio"),
        ("clip.mp4", "video/mp4", "video"),
        ("all.zip", "application/zip", "file"),
        ("all.zip", "application/x-zip-compressed", "file"),
        ("all.tar.gz", "application/gzip", "file"),
        ("letter.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "file"),
    ],
)
def test_the_kind_is_what_discord_says_of_it(name: str, content_type: str, kind: str) -> None:
    assert claimed_kind(name, content_type) == kind


@pytest.mark.parametrize("make", [attached.png, attached.jpeg, attached.gif, attached.webp])
def test_the_size_of_an_image_is_in_its_header(make: object) -> None:
    assert callable(make)
    data = make(640, 480)
    assert image_type(data) == f"image/{make.__name__}"
    assert image_size(data) == (640, 480)


@pytest.mark.parametrize("make", [attached.png, attached.jpeg])
def test_an_image_of_30000_by_30000_pixels_is_refused_by_its_header(make: object) -> None:
    assert callable(make)
    with pytest.raises(FileProblem, match="30,000 × 30,000 pixels"):  # noqa: RUF001 - it is meant
        image_size(make(30_000, 30_000))


@given(
    st.sampled_from([attached.png(), attached.jpeg(), attached.gif(), attached.webp()]),
    st.binary(max_size=60),
    st.data(),
)
def test_a_broken_header_is_a_problem_and_nothing_else(data: bytes, rest: bytes, cut: st.DataObject) -> None:
    broken = data[: cut.draw(st.integers(0, len(data)))] + rest
    with suppress(FileProblem):
        assert all(0 < side <= file_kinds.MOST_PIXELS for side in image_size(broken))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_text_is_read_in_the_encodings_that_there_are(encoding: str) -> None:
    text = "The treasure lies beneath the oak.\nDer Schatz ist groß."
    assert text_of(text.encode(encoding), is_whole=True) == (text, None)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_broken_text_is_read_as_far_as_it_can_be_and_said_so(encoding: str) -> None:
    whole = ("The treasure lies beneath the oak. " * 3).encode(encoding)
    broken = whole[:40] + (b"\xff\xfe\xff" if encoding == "utf-8" else b"\x00\xdc") + whole[40:]
    text, problem = text_of(broken, is_whole=True)
    assert "lies beneath the oak" in text
    assert problem == GARBLED


def test_a_character_that_was_cut_in_two_is_left_out() -> None:
    assert text_of("groß".encode()[:-1], is_whole=False) == ("gro", None)


def test_colors_of_a_terminal_and_zeros_are_left_out() -> None:
    assert text_of(b"\x1b[31mred\x1b[0m and\x07 so on\ttab", is_whole=True) == ("red and so on\ttab", None)


@pytest.mark.parametrize("data", [b"", b" \n", bytes(1000), attached.zip_bomb(), b"\x7fELF" + bytes(range(256)) * 4])
def test_what_is_no_text_is_none(data: bytes) -> None:
    with pytest.raises(FileProblem):
        text_of(data, is_whole=True)


@given(st.binary(max_size=400) | st.binary(max_size=100).map(lambda data: codecs.BOM_UTF16_LE + data), st.booleans())
def test_whatever_comes_is_text_that_can_be_stored_or_a_problem(data: bytes, is_whole: bool) -> None:
    image_type(data), is_pdf(data)
    try:
        text, _ = text_of(data, is_whole=is_whole)
    except FileProblem:
        return
    assert text.strip()
    assert "\0" not in text
    text.encode()
