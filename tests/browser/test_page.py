"""The page of ``make play`` in Chromium, as two people use it; the bot behind it is the real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.browser.page_of_play import NO_BROWSER, Person, browser, chromium, playing

pytestmark = pytest.mark.skipif(chromium() is None, reason=NO_BROWSER)


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    with playing(tmp_path) as address, browser() as page:
        yield Person(page, address)


def test_two_people_talk_with_the_bot(person: Person) -> None:
    first = person.ask("@Mnemo My name is Nemo, and I live in an anemone.")
    expect(first.locator(".above")).to_contain_text("Nemo")
    expect(first.locator(".badge")).to_have_text("APP")

    person.become("Marlin")
    expect(person.ask("@Mnemo Who lives in an anemone?").locator(".content")).to_contain_text("I live in an anemone")

    show_what_is_remembered(person)
    see_a_reply_grow(person)
    reset_is_for_admins(person)
    delete_a_message(person)
    talk_in_private(person)


def show_what_is_remembered(person: Person) -> None:
    shown = person.run("/memory show")

    expect(shown).to_contain_text("4")
    expect(shown).to_contain_text("Only you can see this")
    person.become("Nemo")
    expect(person.page.locator(".ephemeral")).to_have_count(0)


def see_a_reply_grow(person: Person) -> None:
    facts = " ".join(f"Reef number {number} is home to some {number * 7} clownfish." for number in range(1, 13))
    before = person.replies.count()
    person.say(f"@Mnemo {facts}")
    expect(person.page.locator("#typing")).to_have_text("Mnemo is typing…")
    expect(person.replies).to_have_count(before + 1)
    reply = person.replies.last
    expect(reply).to_have_attribute("aria-busy", "true")
    length = len(reply.locator(".content").inner_text())
    expect(reply).to_have_attribute("aria-busy", "false")
    assert len(reply.locator(".content").inner_text()) > length
    expect(person.page.locator("#typing")).to_be_empty()


def reset_is_for_admins(person: Person) -> None:
    refused = person.run("/memory reset")
    expect(refused.get_by_role("button", name="Start afresh")).to_have_count(0)
    refused.get_by_role("button", name="Dismiss message").click()
    expect(refused).to_have_count(0)

    person.become("Marlin")
    person.run("/memory reset").get_by_role("button", name="Start afresh").click()
    expect(person.page.get_by_role("button", name="Start afresh")).to_have_count(0)
    person.become("Nemo")
    expect(person.ask("@Mnemo Who lives in an anemone?").locator(".content")).not_to_contain_text("I live in")


def delete_a_message(person: Person) -> None:
    mistake = person.say("I should not have said that.")
    mistake.hover()
    mistake.get_by_label("Delete").click()
    expect(mistake).to_have_count(0)

    person.page.reload()
    expect(person.newest).to_be_visible()
    expect(person.page.get_by_text("I should not have said that.")).to_have_count(0)


def talk_in_private(person: Person) -> None:
    person.page.get_by_role("navigation", name="Channels").get_by_role("button", name="Mnemo").click()
    expect(person.page.locator("#title")).to_have_text("@Mnemo")

    expect(person.ask("Can you hear me?").locator(".content")).to_be_visible()


def test_nothing_that_people_write_runs_in_the_page(person: Person) -> None:
    person.page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))

    said = person.say("<img src=x onerror=alert(1)> [click](javascript:alert(1)) <script>alert(1)</script>")

    expect(said.locator(".content img, .content script, .content a")).to_have_count(0)
    expect(said.locator(".content")).to_contain_text("<script>alert(1)</script>")


def test_the_panel_shows_what_the_model_would_see(person: Person) -> None:
    page, toggle = person.page, person.page.get_by_role("button", name="What the model sees")
    panel = page.get_by_role("complementary", name="What the model would see now")
    newest = panel.get_by_role("row", name="newest").get_by_role("cell").first
    sent = panel.get_by_role("listitem")

    person.become("Marlin")
    toggle.click()
    expect(toggle).to_have_attribute("aria-expanded", "true")
    expect(panel).to_contain_text("I remember nothing in this channel yet.")
    expect(page.locator("#members")).to_be_hidden()

    person.ask("@Mnemo <img src=x onerror=alert(1)> is what I like.")
    expect(sent.last).to_contain_text("is what I like")
    expect(panel.locator("img")).to_have_count(0)
    expect(newest).not_to_have_text("0")
    before = panel.locator("#prompt-total").inner_text()
    person.ask("@Mnemo And anemones.")
    expect(sent.last).to_contain_text("anemones")
    expect(panel.locator("#prompt-total")).not_to_have_text(before)
    expect(page.locator(".ephemeral")).to_have_count(0)

    unfold = sent.first.get_by_role("button")
    unfold.press("Enter")
    expect(unfold).to_have_attribute("aria-expanded", "true")
    unfold.press("Escape")
    expect(panel).to_be_hidden()
    expect(toggle).to_be_focused()
    on_a_phone(person)


def on_a_phone(person: Person) -> None:
    person.page.set_viewport_size({"width": 390, "height": 844})
    toggle = person.page.get_by_role("button", name="What the model sees")
    panel = person.page.get_by_role("complementary", name="What the model would see now")

    toggle.click()
    expect(panel.get_by_role("listitem").last).to_contain_text("anemones")
    toggle.click()
    expect(panel).to_be_hidden()


def test_who_is_chosen_stands_in_the_menus_and_stays_chosen(person: Person) -> None:
    person.become("Marlin")
    person.run("/server").get_by_role("button", name="Who may talk and reset").click()
    for menu, first, second in (
        ("In every channel", "#general", "#random"),
        ("Everybody may", "Nemo", "@Moderator"),
        ("Only who manages the channel", "@Admin", "Marlin"),
    ):
        person.pick(person.ephemeral, menu, first)
        expect(person.ephemeral.get_by_role("button", name=f"{menu}: {first}")).to_be_visible()
        expect(person.ephemeral).to_contain_text(": 1.")  # the panel is drawn anew, which closes its menus
        person.pick(person.ephemeral, menu, second)
        expect(person.ephemeral).to_contain_text(": 2.")
        chosen = person.ephemeral.get_by_role("button", name=menu)
        expect(chosen.locator(".chip")).to_have_count(2)
        expect(chosen).to_contain_text(first)
        expect(chosen).to_contain_text(second)


def test_what_is_no_number_is_not_sent(person: Person) -> None:
    person.become("Marlin")
    form, tokens = person.page.get_by_role("form", name="/memory policy"), person.page.get_by_label("tokens")
    person.box.fill("/memory policy")
    person.page.get_by_role("option").filter(has_text="/memory policy").click()
    for typed in ("abc", "1.5", "1e999"):
        tokens.fill(typed)
        form.get_by_role("button", name="Run").click()
        expect(form).to_be_visible()
        assert tokens.evaluate("each => each.validationMessage") == "This has to be a whole number."
        expect(tokens).to_be_focused()
    expect(person.page.locator(".ephemeral")).to_have_count(0)
    tokens.fill("2000")
    form.get_by_role("button", name="Run").click()
    expect(person.ephemeral).to_contain_text("2,000 tokens")


def test_a_long_name_leaves_room_for_the_rest(person: Person) -> None:
    page, name = person.page, "reef" * 25
    person.run("/thread", name=name)
    page.get_by_role("navigation", name="Channels").get_by_role("button", name=name).click()
    expect(page.locator("#title")).to_have_text(f"#{name}")
    toggle, members = page.get_by_role("button", name="What the model sees").bounding_box(), page.locator("#members")
    assert toggle
    assert toggle["x"] + toggle["width"] <= (members.bounding_box() or toggle)["x"]
    assert page.locator("#title").evaluate("each => each.offsetWidth < each.scrollWidth")
    assert page.locator("#scroll").evaluate("each => each.scrollWidth <= each.clientWidth")
    page.get_by_role("navigation", name="Channels").get_by_role("button", name="general").click()
    assert page.locator("#title").evaluate("each => each.offsetWidth >= each.scrollWidth")


def test_the_page_comes_back_after_a_break(tmp_path: Path) -> None:
    lines: list[WebSocketRoute] = []

    def connect(line: WebSocketRoute) -> None:
        line.connect_to_server()
        lines.append(line)

    with playing(tmp_path) as address, browser() as page:
        page.route_web_socket("**/play/ws*", connect)
        person = Person(page, address)

        lines[0].close()

        expect(page.locator("#connection")).to_be_hidden()
        person.say("Are you still there?")
        assert len(lines) == 2
