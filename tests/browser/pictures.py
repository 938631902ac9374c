"""Takes the README's picture of play: ``python -m tests.browser.pictures``, from the root of the project."""

from __future__ import annotations

import tempfile
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.page_of_play import NO_BROWSER, Person, browser, chromium, playing

PICTURE = Path("docs/images/play.png")

#: A small budget, and a talk long enough that its beginning is summarized, and is recalled when it matters.
BUDGET = "1900"
TALK = (
    "Hello!",
    "My swimming lessons are on Tuesday at 4 pm, at the drop-off.",
    "Mr. Ray takes the whole class to see the coral nursery on Friday. Everybody brings lunch, a buddy and a note from home; "
    "Pearl forgot hers the last time and had to wait at the gate with Sheldon, who sneezed all morning.",
    "Squirt the turtle has moved into the East Australian Current with his father Crush, who is a hundred and fifty and still "
    "young. They send greetings to everybody, and they want to know who comes along for the summer.",
    "Dory lost her shell collection somewhere near the wreck, and we looked for it the whole afternoon. We found an anchor, two "
    "bottles and a very old map, but not one shell. She was happy with the map.",
    "Bruce says that fish are friends, not food. Chum did not look so sure about it at the last meeting, and Anchor brought no "
    "snack at all, so that everybody went home early and a little hungry.",
    "Grandma's anemone needs to be brushed every evening before the tide turns. She likes the soft brush, not the one made of a "
    "sea urchin, and a story afterwards, best the one about the barracuda.",
    "Gill has a new plan for the aquarium: the filter, the pebble, the window, and then a long roll across the street. Bloat "
    "wants to wait for a day with rain, Gurgle does not want to touch anything.",
    "Marlin told the joke about the sea cucumber again at the reef party. Nobody knows how it ends, because he always stops in "
    "the middle and begins to explain what a mollusk is.",
    "The tank gang counted the bubbles on Sunday: four hundred and twelve, which is a record. Bubbles himself says that it was "
    "only four hundred and eleven, because one was his own sneeze.",
    "Jacques has cleaned the whole castle, even the tower, and asks everybody to keep their sand outside. Deb agrees, and so "
    "does Flo, who looks exactly like her and is never late for anything.",
    "The dentist has a new net.",
)


def main() -> None:
    """Let two people talk with the bot, with the panel of what the model would see beside them, and save what is to be seen."""
    if chromium() is None:
        raise SystemExit(NO_BROWSER)
    with tempfile.TemporaryDirectory() as folder, playing(Path(folder)) as address, browser() as page:
        person = Person(page, address)
        person.become("Marlin")
        person.run("/memory policy", tokens=BUDGET).get_by_role("button", name="Dismiss message").click()
        page.get_by_role("button", name="What the model sees").click()
        person.become("Nemo")
        for text in TALK:
            person.ask(f"@Mnemo {text}")
        person.become("Marlin")
        person.ask("@Mnemo When are the swimming lessons?")
        expect(page.locator("#prompt-messages li").last).to_contain_text("Tuesday")
        expect(page.locator("#prompt tr.empty")).to_have_count(0)
        page.mouse.move(0, 0)
        PICTURE.parent.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURE)
    print(f"{PICTURE}, {PICTURE.stat().st_size // 1024} KB")


if __name__ == "__main__":
    main()
