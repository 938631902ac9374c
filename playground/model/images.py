"""What the little model sees of an image: its type and size, from its header. It decodes none, and fetches nothing."""

from __future__ import annotations

import base64
import io
import re

import imagesize  # type: ignore[import-untyped]  # it has no types

#: What an image costs here, whatever its size.
IMAGE_TOKENS = 255

_DATA_URL = re.compile(r"data:image/(png|jpeg|gif|webp);base64,([A-Za-z0-9+/]+={0,2})")


def described(url: str) -> str | None:
    """Return what an image is, as "a PNG of 640 by 480 pixels"; None for what is no ``data:`` URL of an image."""
    if not (data := _DATA_URL.fullmatch(url)):
        return None
    try:
        width, height = map(int, imagesize.get(io.BytesIO(base64.b64decode(data[2]))))
    except ValueError:
        return None
    return f"a {data[1].upper()} of {width} by {height} pixels" if width > 0 else None
