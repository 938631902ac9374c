"""Takes the pictures of ``docs/images``: ``python -m tests.browser.pictures [SCENE ...]``, from the root of the project.

What they show is in ``scenes.py``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.browser.page_of_play import NO_BROWSER, Person, browser, chromium, playing
from tests.browser.scenes import SCENES

FOLDER = Path("docs/images")


def main(names: list[str]) -> None:
    """Play each scene in a world of its own, and save what is to be seen."""
    if chromium() is None:
        raise SystemExit(NO_BROWSER)
    if unknown := set(names) - set(SCENES):
        raise SystemExit(f"There is no scene {min(unknown)}. There are: {', '.join(SCENES)}.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in names or SCENES:
        take(name)


def take(name: str) -> None:
    """Play one scene, and save its picture."""
    picture = FOLDER / f"{name}.png"
    with tempfile.TemporaryDirectory() as folder, playing(Path(folder)) as address, browser() as page:
        shown = SCENES[name](Person(page, address))
        page.mouse.move(0, 0)
        (page if shown is None else shown).screenshot(path=picture)
    print(f"{picture}, {picture.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main(sys.argv[1:])
