"""Reads one PDF in a process of its own: the file comes on stdin, a line of JSON goes out. ``pdf.py`` starts and ends it.

Whatever a hostile file makes of the parser stays in here: memory and time are bounded by the system, and nobody waits for it.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import sys

MEMORY_BYTES = 768 * 1024 * 1024
CPU_SECONDS = 10


def _bound_ourselves() -> None:
    try:
        import resource
    except ImportError:  # on Windows only the time is bounded, by who started us
        return
    bounds = {resource.RLIMIT_AS: MEMORY_BYTES, resource.RLIMIT_CPU: CPU_SECONDS, resource.RLIMIT_CORE: 0}
    for what, most in bounds.items():
        with contextlib.suppress(ValueError, OSError):  # macOS does not let everyone bound everything
            resource.setrlimit(what, (most, most))


def read(data: bytes, characters: int, pages: int) -> dict[str, object]:
    """Return the text of the first *pages*, up to so many *characters*; how many pages were read, and how many there are."""
    import pypdf

    reader = pypdf.PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        return {"problem": "encrypted"}
    texts: list[str] = []
    length = number = 0
    for number, page in enumerate(reader.pages, start=1):
        texts.append(page.extract_text().strip())
        length += len(texts[-1])
        if length >= characters or number == pages:
            break
    # A PDF may hold halves of characters, which no UTF-8 does.
    text = "\n\n".join(filter(None, texts)).encode("utf-8", "replace").decode()
    return {"text": text[:characters], "read": number, "pages": len(reader.pages)}


def main() -> None:
    """Read the file on stdin. A file that pypdf cannot make anything of ends us with an exception, and so with 1."""
    _bound_ourselves()
    logging.disable()  # what it has to say of a broken file interests nobody
    characters, pages = map(int, sys.argv[1:])
    import pypdf.errors

    try:
        answer = read(sys.stdin.buffer.read(), characters, pages)
    except (pypdf.errors.DependencyError, pypdf.errors.FileNotDecryptedError):  # AES takes a library that we do without
        answer = {"problem": "encrypted"}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
