"""How large an uploaded picture is, read from its first bytes. It looks at nothing else: what is in it is not our business."""

from __future__ import annotations

import struct

from playground.discord.records import Json

#: What begins the segment of a JPEG in which its size stands: SOF0 to SOF15, without DHT, JPG and DAC.
_SIZE_OF_JPEG = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def measured(data: bytes) -> Json:
    """``width`` and ``height`` in pixels, as an attachment carries them; nothing for what is no PNG, GIF or JPEG."""
    found = _size(data)
    return {"width": found[0], "height": found[1]} if found else {}


def _size(data: bytes) -> tuple[int, int] | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) >= 24:
        return struct.unpack(">II", data[16:24])
    if data.startswith((b"GIF87a", b"GIF89a")) and len(data) >= 10:
        return struct.unpack("<HH", data[6:10])
    return _of_jpeg(data) if data.startswith(b"\xff\xd8") else None


def _of_jpeg(data: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        if data[at + 1] in _SIZE_OF_JPEG:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
