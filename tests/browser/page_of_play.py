"""``make play`` with a browser in front of it, for the test of the page and for the script that takes its picture."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import FilePayload, Locator, Page, expect, sync_playwright

NO_BROWSER = "there is no Chromium: install it (on Debian: apt-get install chromium fonts-noto-color-emoji)"
VIEWPORT = {"width": 1280, "height": 800}
_ROOT = Path(__file__).parents[2]
#: Headless, in a container, and without a word to anyone outside.
_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_SLOW_MS = 15_000


def chromium() -> str | None:
    """Where Chromium is; None if there is none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


@contextmanager
def playing(folder: Path, module: str = "playground") -> Iterator[str]:
    """The address of the page of a run of play, or of another *module*, which keeps its data in *folder*."""
    host = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    process = subprocess.Popen(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=host | {"PYTHONPATH": str(_ROOT)},
    )
    with process:
        assert process.stderr is not None
        yield next(found[0] for line in process.stderr if (found := re.search(r"http://\S+", line)))
        _, err = process.communicate(timeout=20)
    assert process.returncode == 0, err


@contextmanager
def browser() -> Iterator[Page]:
    """A page in Chromium; what its scripts complain about fails the run."""
    complaints: list[str] = []
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium(), args=_FLAGS)
        page = launched.new_page(viewport=VIEWPORT, color_scheme="dark", locale="en-US")  # type: ignore[arg-type]
        page.set_default_timeout(_SLOW_MS)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        yield page
        launched.close()
    assert complaints == []


class Person:
    """Whoever uses the page."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        expect.set_options(timeout=_SLOW_MS)
        page.goto(address)
        expect(self.newest).to_be_visible()
        expect(page.locator("#status")).to_be_hidden()
        self.box = page.locator("#composer textarea")

    def become(self, name: str) -> None:
        """Speak as somebody else."""
        self.page.get_by_label("Speak as").select_option(name)
        expect(self.page.locator("#me")).to_contain_text(name)
        expect(self.newest).to_be_visible()

    def say(self, text: str) -> Locator:
        """Write a message without Markdown, and return it."""
        self.box.fill(text)
        self.box.press("Enter")
        said = self.page.locator(".message").filter(has_text=text.removeprefix("@Mnemo ")).last
        expect(said).to_be_visible()
        return said

    def ask(self, text: str) -> Locator:
        """Write a message, and return the bot's reply once it is finished."""
        before = self.replies.count()
        self.say(text)
        expect(self.replies).to_have_count(before + 1)
        reply = self.replies.last
        expect(reply).to_have_attribute("aria-busy", "false")
        return reply

    def run(self, command: str, **options: str) -> Locator:
        """Pick a slash command from the list, fill in options, and run it; return the answer."""
        before = self.page.locator(".ephemeral").count()
        self.box.fill(command)
        self.page.get_by_role("option").filter(has_text=command).click()
        for name, value in options.items():
            chip = self.page.locator(".command label").filter(has=self.page.get_by_text(name, exact=True))
            chip.locator("input").fill(value)
        self.page.get_by_role("button", name="Run").click()
        expect(self.page.locator(".ephemeral")).to_have_count(before + 1)
        return self.page.locator(".ephemeral").last

    def use_app(self, message: Locator, name: str) -> None:
        """Pick one of the bot's commands from a message's menu."""
        message.locator(".body").click(button="right", position={"x": 2, "y": 2})
        self.page.get_by_role("menuitem", name="Apps").hover()
        self.page.get_by_role("menuitem", name=name).click()

    def pick(self, within: Locator, menu: str, *names: str) -> None:
        """Open the menu with this placeholder, choose, and close it."""
        within.get_by_role("button", name=menu).click()
        for name in names:
            self.page.locator(".select-list:popover-open .text").get_by_text(name, exact=True).click()
        if self.page.locator(".select-list:popover-open").count():
            self.page.keyboard.press("Escape")

    def attach(self, *files: FilePayload) -> None:
        """Put files beside the text that is being written."""
        self.page.locator("#composer .box input[type=file]").set_input_files(list(files))

    def invite_to_new_server(self, name: str) -> None:
        """Found a server that the bot joins, and go there."""
        self.page.get_by_role("button", name="Add Mnemo to a new server").click()
        self.page.get_by_label("Server name").fill(name)
        self.page.get_by_role("button", name="Create").click()
        expect(self.page.locator("#guild-name")).to_have_text(name)

    def give_role(self, person: str, role: str, *, have: bool = True) -> None:
        """Give somebody a role in this server, or take it."""
        self.page.locator("#members").get_by_role("button", name=f"{person} online").click()
        self.page.get_by_role("dialog", name=person).get_by_label(role).set_checked(have)
        self.page.keyboard.press("Escape")

    @property
    def ephemeral(self) -> Locator:
        """The last message that only this person sees."""
        return self.page.locator(".ephemeral").last

    @property
    def newest(self) -> Locator:
        """The last message."""
        return self.page.locator(".message").last

    @property
    def replies(self) -> Locator:
        """The bot's replies to messages."""
        return self.page.locator(".message:not(.ephemeral):has(.author.bot)")
