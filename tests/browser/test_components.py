"""What a bot can put on the page, used as a person uses it. The bot is not Mnemo but the one of ``showcase.py``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Locator, expect

from tests.browser.page_of_play import NO_BROWSER, Person, browser, chromium, playing
from tests.browser.showcase import png

pytestmark = pytest.mark.skipif(chromium() is None, reason=NO_BROWSER)

PICTURE = FilePayload(name="reef.png", mimeType="image/png", buffer=png(20, 10, 255, 0, 0))
NOTES = FilePayload(name="notes.csv", mimeType="text/csv", buffer=b"a,b\n")


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    with playing(tmp_path, "tests.browser.showcase") as address, browser() as page:
        yield Person(page, address)


def test_a_layout_is_shown_and_used(person: Person) -> None:
    person.say("Show it")
    panel = person.page.locator(".components").first
    expect(panel.locator(".container.accented h2")).to_have_text("The reef")
    expect(panel.locator(".gallery img")).to_have_count(3)
    expect(panel.locator(".file")).to_contain_text("4.9 KB")
    assert panel.locator(".thumbnail img").evaluate("each => each.complete && each.naturalWidth") == 640
    expect(panel.get_by_role("button", name="Danger")).to_be_disabled()
    expect(panel.get_by_role("link", name="Discord")).to_have_attribute("href", "https://discord.com")
    panel.get_by_role("button", name="Count").click()
    panel.get_by_role("button", name="Count 1").click()
    expect(panel.get_by_role("button", name="Count 2")).to_be_visible()
    panel.get_by_role("button", name="Whisper").click()
    expect(person.ephemeral).to_contain_text("Only you can see this")
    every_menu_is_used(person, panel)
    a_form_is_filled_in(person, panel)
    person.become("Marlin")
    expect(person.page.locator(".ephemeral")).to_have_count(0)


def every_menu_is_used(person: Person, panel: Locator) -> None:
    person.pick(panel, "One fish", "Clownfish")
    expect(person.ephemeral).to_contain_text("You picked Clownfish.")
    person.pick(panel, "Up to two people", "Marlin", "Nemo")
    expect(person.ephemeral).to_contain_text("You picked marlin, nemo.")
    person.pick(panel, "A role", "@Admin")
    expect(person.ephemeral).to_contain_text("You picked Admin.")
    person.pick(panel, "A text channel", "#random")
    expect(person.ephemeral).to_contain_text("You picked random.")
    panel.get_by_role("button", name="Anyone").click()
    expect(person.page.locator(".select-list:popover-open input")).to_be_focused()
    person.page.keyboard.type("mod")
    person.page.keyboard.press("Enter")
    expect(person.ephemeral).to_contain_text("You picked Moderator.")


def a_form_is_filled_in(person: Person, panel: Locator) -> None:
    panel.get_by_role("button", name="Edit").click()
    form = person.page.get_by_role("dialog", name="Settings of the reef")
    form.get_by_label("Name").fill("Reef 7")
    form.get_by_role("button", name="Submit").click()
    expect(form.get_by_role("alert")).to_have_text("Must be between 1 and 2 in length.")
    fish, keeper = (form.get_by_role("group", name=name) for name in ("Fish", "Keeper"))
    person.pick(fish, "Make a selection", "Angelfish", "Blue tang")
    person.pick(keeper, "Make a selection", "Nemo")
    form.get_by_label("About").fill("Quiet.")
    form.get_by_role("button", name="Submit").click()
    expect(form).to_be_hidden()
    expect(person.ephemeral).to_contain_text("Reef 7: Angelfish, Blue tang, kept by Nemo. Quiet.")


def test_files_commands_and_servers(person: Person) -> None:
    files_are_sent(person)
    a_message_has_a_menu(person)
    options_are_completed(person)
    a_server_is_joined(person)


def files_are_sent(person: Person) -> None:
    page = person.page
    person.attach(PICTURE)
    transfer = page.evaluate_handle("""() => {
        const carried = new DataTransfer();
        carried.items.add(new File(["a,b\\n"], "notes.csv", { type: "text/csv" }));
        return carried;
    }""")
    page.dispatch_event("main", "dragover", {"dataTransfer": transfer})
    expect(page.locator("#drop")).to_be_visible()
    page.dispatch_event("main", "drop", {"dataTransfer": transfer})
    expect(page.locator(".upload")).to_have_count(2)
    said = person.say("Look at these")
    expect(page.locator(".upload")).to_have_count(0)
    expect(said.get_by_role("img", name="reef.png")).to_be_visible()
    with page.expect_download() as download:
        said.get_by_role("link", name="Download notes.csv").click()
    assert download.value.path().read_bytes() == b"a,b\n"


def a_message_has_a_menu(person: Person) -> None:
    person.use_app(person.page.locator(".message", has_text="Look at these"), "Remember this")
    expect(person.ephemeral).to_contain_text("Remember this: Look at these")


def options_are_completed(person: Person) -> None:
    page = person.page
    person.box.fill("/model")
    page.get_by_role("option").filter(has_text="/model").click()
    page.keyboard.type("small")
    page.get_by_role("option", name="Fish-small").click()
    page.get_by_label("who").click()
    page.get_by_role("option", name="Marlin").last.click()
    page.get_by_role("button", name="Run").click()
    expect(person.ephemeral).to_contain_text("fish-small for Marlin")
    person.box.fill("/read")
    page.get_by_role("option").filter(has_text="/read").click()
    page.locator(".command input[type=file]").set_input_files([NOTES])
    page.get_by_role("button", name="Run").click()
    expect(person.ephemeral).to_contain_text("notes.csv: a,b")


def a_server_is_joined(person: Person) -> None:
    page = person.page
    person.invite_to_new_server("Great Reef")
    expect(person.newest).to_contain_text("Hello, new server!")
    person.give_role("Marlin", "Admin")
    page.reload()
    expect(person.newest).to_contain_text("Hello, new server!")
    page.locator("#members").get_by_role("button", name="Marlin").click()
    expect(page.get_by_label("Admin")).to_be_checked()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Mnemo Playground").click()
    expect(person.newest).to_be_visible()
    expect(page.locator("#guild-name")).to_have_text("Mnemo Playground")
