"""Takes the README's picture of play: ``python -m tests.browser.pictures``, from the root of the project."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.browser.page_of_play import NO_BROWSER, Person, browser, chromium, playing

PICTURE = Path("docs/images/play.png")


def main() -> None:
    """Let two people talk with the bot, and save what is to be seen."""
    if chromium() is None:
        raise SystemExit(NO_BROWSER)
    with tempfile.TemporaryDirectory() as folder, playing(Path(folder)) as address, browser() as page:
        person = Person(page, address)
        person.ask("@Mnemo Hello!")  # the first reply is longer, because it explains what the little model is
        person.ask("@Mnemo My swimming lessons are on Tuesday at 4 pm, at the drop-off.")
        person.become("Marlin")
        person.ask("@Mnemo When are Nemo's swimming lessons?")
        person.run("/memory show")
        page.mouse.move(0, 0)
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURE)
    print(f"{PICTURE}, {PICTURE.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
