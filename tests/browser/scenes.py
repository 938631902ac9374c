"""What is to be seen in the pictures of ``docs/images``: one function a scene, named as its file.

A scene gets a :class:`Person` on the page of a fresh run of play and leaves the page as it is to be pictured. It returns the
element to take, None for the whole page. ``pictures.py`` runs them.
"""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Locator, expect

from tests.browser.page_of_play import Person

Scene = Callable[[Person], Locator | None]

#: The little model writes as fast as a large one.
_WRITTEN_MS = 60_000

#: By the name of the file.
SCENES: dict[str, Scene] = {}


def scene(name: str) -> Callable[[Scene], Scene]:
    """Make a function the scene of ``docs/images/NAME.png``."""

    def keep(show: Scene) -> Scene:
        SCENES[name] = show
        return show

    return keep


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


@scene("play")
def play(person: Person) -> None:
    """Two people talk with the bot, with the panel of what the model would see beside them."""
    page = person.page
    person.become("Marlin")
    person.run("/memory policy", tokens=BUDGET).get_by_role("button", name="Dismiss message").click()
    page.get_by_role("button", name="What the model sees").click()
    person.become("Nemo")
    for text in TALK:
        person.ask(f"@Mnemo {text}")
    person.become("Marlin")
    person.ask("@Mnemo When are the swimming lessons?")
    expect(page.locator("#prompt-messages li").last).to_contain_text("Tuesday")
    expect(page.locator("#prompt tr.empty:not([data-part=pinned])")).to_have_count(0)


@scene("code")
def code(person: Person) -> Locator:
    """A reply with code that goes on in a second message, the fence closed and opened again at the border."""
    person.ask("@Mnemo The anemone stings everyone but us.")
    person.say("@Mnemo Write me a long program as code, with all that you remember.")
    expect(person.replies).to_have_count(3, timeout=_WRITTEN_MS)
    expect(person.replies.last).to_have_attribute("aria-busy", "false", timeout=_WRITTEN_MS)
    person.page.set_viewport_size({"width": 1000, "height": 1100})
    person.replies.last.scroll_into_view_if_needed()
    person.page.locator("#scroll").evaluate("each => each.scrollTop -= 300")
    return person.page.locator("main")


@scene("stop")
def stop(person: Person) -> Locator:
    """A reply that is being written."""
    person.ask("@Mnemo The anemone stings everyone but us.")
    person.say("@Mnemo Tell me a long story about the reef.")
    expect(person.replies).to_have_count(2)
    expect(person.replies.last.get_by_role("button", name="Stop")).to_be_visible()
    person.page.wait_for_timeout(1500)
    return person.page.locator("main")


@scene("streaming")
def streaming(person: Person) -> Locator:
    """A reply that is being written, its code begun in one message and going on in the next."""
    person.ask("@Mnemo The anemone stings everyone but us.")
    person.say("@Mnemo Write me a long program as code, with all that you remember.")
    expect(person.replies).to_have_count(3, timeout=_WRITTEN_MS)
    expect(person.replies.last).to_contain_text("recall_1", timeout=_WRITTEN_MS)
    expect(person.replies.last).to_have_attribute("aria-busy", "true")
    person.page.set_viewport_size({"width": 1000, "height": 1100})
    person.replies.last.scroll_into_view_if_needed()
    return person.page.locator("main")


@scene("table")
def table(person: Person) -> Locator:
    """A table, which Discord cannot render, as a code block with aligned columns."""
    for text in ("Nemo lives in the anemone 🪸.", "Dory 🐠 forgets where.", TALK[1]):
        person.ask(f"@Mnemo {text}")
    person.ask("@Mnemo Show me what you know as a table.")
    person.page.set_viewport_size({"width": 800, "height": 900})
    return person.page.locator("main")


@scene("file")
def file(person: Person) -> Locator:
    """A reply that is longer than its five messages, and goes on in a file."""
    person.ask("@Mnemo The anemone stings everyone but us.")
    person.say("@Mnemo Tell me a very long story.")
    expect(person.page.get_by_text("goes on in the attached file")).to_be_visible(timeout=3 * _WRITTEN_MS)
    person.page.set_viewport_size({"width": 1000, "height": 700})
    person.replies.last.scroll_into_view_if_needed()
    person.page.locator("#scroll").evaluate("each => each.scrollTop += 4000")
    return person.page.locator("main")


@scene("continue-and-retry")
def continue_and_retry(person: Person) -> Locator:
    """A reply that somebody stopped, let go on, and stopped again."""
    stop(person)
    for button in ("Stop", "Continue", "Stop"):
        person.replies.last.get_by_role("button", name=button).click()
        person.page.wait_for_timeout(1500)
    expect(person.replies.last).to_contain_text("Stopped here.")
    expect(person.replies.last.get_by_role("button", name="Continue")).to_be_visible()
    return person.page.locator("main")


@scene("channel")
def channel(person: Person) -> Locator:
    """The panel of a channel that has a persona and a mode of its own."""
    person.become("Marlin")
    person.page.set_viewport_size({"width": 900, "height": 1500})
    panel = person.run("/channel")
    person.pick(panel, "Reply mode", "listen: remember everything, answer what is said to me")
    expect(person.ephemeral).to_contain_text("Reply mode: listen")
    person.pick(person.ephemeral, "Persona", "Storyteller")
    expect(person.ephemeral).to_contain_text("Persona: Storyteller")
    return person.ephemeral


@scene("server")
def server(person: Person) -> Locator:
    """Who may talk and reset in a server."""
    person.become("Marlin")
    person.page.set_viewport_size({"width": 900, "height": 1300})
    panel = person.run("/server")
    panel.get_by_role("button", name="Who may talk and reset").click()
    expect(person.ephemeral).to_contain_text("Who may")
    return person.ephemeral


@scene("budget")
def budget(person: Person) -> Locator:
    """A channel's tokens of the day are used up: what who asks is told, and what admins are."""
    person.become("Marlin")
    person.page.set_viewport_size({"width": 900, "height": 720})
    person.run("/channel").get_by_role("button", name="Set limits").click()
    form = person.page.get_by_role("dialog", name="Tokens a day")
    form.get_by_role("textbox").fill("600")
    form.get_by_role("button", name="Submit").click()
    expect(person.ephemeral).to_contain_text("600 in a channel")
    person.ephemeral.get_by_role("button", name="Dismiss message").click()
    person.become("Nemo")
    for text in TALK[:3]:
        person.ask(f"@Mnemo {text}")
    person.say(f"@Mnemo {TALK[-1]}")
    expect(person.page.locator("main")).to_contain_text("A budget is used up")
    person.say("@Mnemo Are you there?")
    expect(person.page.get_by_role("button", name="🪫, 1")).to_be_visible()
    return person.page.locator("main")


@scene("privacy-policy")
def privacy_policy(person: Person) -> Locator:
    """What is kept, where, how long, and who reads it."""
    person.page.set_viewport_size({"width": 1000, "height": 1100})
    person.run("/privacy policy")
    return person.ephemeral


@scene("privacy-opt-out")
def privacy_opt_out(person: Person) -> Locator:
    """The question before an opt-out."""
    person.ask(f"@Mnemo {TALK[1]}")
    person.run("/privacy opt-out")
    return person.ephemeral


@scene("privacy-me")
def privacy_me(person: Person) -> Locator:
    """What is kept about who asks, as a file."""
    for text in TALK[1:4]:
        person.ask(f"@Mnemo {text}")
    person.run("/privacy me")
    return person.ephemeral


@scene("host-status")
def host_status(person: Person) -> Locator:
    """How the bot is, for its host."""
    for text in TALK[1:4]:
        person.ask(f"@Mnemo {text}")
    person.become("Marlin")
    person.run("/host status")
    return person.ephemeral


@scene("forget-this")
def forget_this(person: Person) -> Locator:
    """A message that was forgotten by its menu."""
    person.ask(f"@Mnemo {TALK[1]}")
    person.use_app(person.page.locator(".message").filter(has_text="swimming lessons").first, "Forget this")
    person.ephemeral.wait_for()
    return person.page.locator("main")


@scene("memory-show")
def memory_show(person: Person) -> Locator:
    """What is remembered here."""
    for text in TALK[:4]:
        person.ask(f"@Mnemo {text}")
    person.run("/memory show")
    return person.page.locator("main")


#: What somebody says that is not for the bot.
RULES = "House rule: nobody swims past the drop-off alone, and everybody is home before the tide turns."


@scene("remember-this")
def remember_this(person: Person) -> Locator:
    """A message that was pinned by its menu."""
    person.say(RULES)
    person.become("Marlin")
    person.use_app(person.page.locator(".message").filter(has_text="House rule").first, "Remember this")
    expect(person.ephemeral).to_contain_text("I remember this")
    return person.page.locator("main")


@scene("ask-about-this")
def ask_about_this(person: Person) -> Locator:
    """A question about a message that was not for the bot, and its answer."""
    person.say(RULES)
    person.become("Marlin")
    person.use_app(person.page.locator(".message").filter(has_text="House rule").first, "Ask about this")
    form = person.page.get_by_role("dialog")
    form.get_by_label("What do you want to know?").fill("When does everybody have to be home?")
    form.get_by_role("button", name="Submit").click()
    expect(person.replies.last).to_contain_text("asked", timeout=_WRITTEN_MS)
    expect(person.replies.last).to_have_attribute("aria-busy", "false", timeout=_WRITTEN_MS)
    return person.page.locator("main")


@scene("pins")
def pins(person: Person) -> Locator:
    """The pins in what is remembered here, with the menu that unpins them."""
    person.say(RULES)
    person.ask(f"@Mnemo {TALK[1]}")
    person.become("Marlin")
    for words in ("House rule", "swimming lessons"):
        person.use_app(person.page.locator(".message").filter(has_text=words).first, "Remember this")
        expect(person.ephemeral).to_contain_text("I remember this")
        person.ephemeral.get_by_role("button", name="Dismiss message").click()
    person.page.set_viewport_size({"width": 1000, "height": 1100})
    person.run("/memory show")
    return person.page.locator("main")


@scene("thread")
def thread(person: Person) -> Locator:
    """A thread that starts with what was said in its channel."""
    for text in TALK[1:4]:
        person.ask(f"@Mnemo {text}")
    person.run("/thread", name="The class trip")
    person.page.set_viewport_size({"width": 1000, "height": 640})
    person.page.locator(".message").get_by_role("button", name="The class trip").click()
    expect(person.newest).to_contain_text("We go on here")
    return person.page.locator("main")


@scene("help")
def help_(person: Person) -> Locator:
    """What is possible here, for who asks."""
    person.page.set_viewport_size({"width": 1000, "height": 1100})
    person.run("/help")
    return person.ephemeral


@scene("hello")
def hello(person: Person) -> Locator:
    """What the bot says when it joins a server."""
    person.invite_to_new_server("The Reef")
    person.page.set_viewport_size({"width": 1000, "height": 640})
    expect(person.newest).to_contain_text("Mnemo")
    return person.page.locator("main")


@scene("usage-panel")
def usage_panel(person: Person) -> Locator:
    """The panel around the picture of what was used."""
    for text in TALK[:4]:
        person.ask(f"@Mnemo {text}")
    person.become("Marlin")
    person.page.set_viewport_size({"width": 900, "height": 1300})
    person.run("/usage")
    expect(person.ephemeral).to_contain_text("Usage", timeout=_WRITTEN_MS)
    expect(person.ephemeral.locator("img").last).to_have_js_property("complete", value=True)
    return person.ephemeral


@scene("memory-prompt")
def memory_prompt(person: Person) -> Locator:
    """Exactly what the model would see now, and what each part costs."""
    for text in TALK[:4]:
        person.ask(f"@Mnemo {text}")
    person.become("Marlin")
    person.page.set_viewport_size({"width": 1000, "height": 1100})
    person.run("/memory prompt")
    return person.ephemeral


@scene("memory-search")
def memory_search(person: Person) -> Locator:
    """What a search finds in what was said."""
    for text in TALK[:3]:
        person.ask(f"@Mnemo {text}")
    return person.run("/memory search", query="class")


@scene("memory-summarize")
def memory_summarize(person: Person) -> Locator:
    """A summary that was just made, and what it cost."""
    for text in TALK[:4]:
        person.ask(f"@Mnemo {text}")
    person.become("Marlin")
    made = person.run("/memory summarize")
    expect(made).to_contain_text("The new summary")
    return made


@scene("memory-reset")
def memory_reset(person: Person) -> Locator:
    """The question before a reset."""
    person.ask(f"@Mnemo {TALK[1]}")
    person.become("Marlin")
    return person.run("/memory reset")


@scene("server-defaults")
def server_defaults(person: Person) -> Locator:
    """What holds in a whole server."""
    person.become("Marlin")
    person.page.set_viewport_size({"width": 1000, "height": 1300})
    return person.run("/server")


@scene("forget-me")
def forget_me(person: Person) -> Locator:
    """The question before somebody is forgotten in a server."""
    person.ask(f"@Mnemo {TALK[1]}")
    return person.run("/privacy forget-me", where="the whole server")


@scene("form")
def form(person: Person) -> Locator:
    """The form in which a persona is written."""
    person.become("Marlin")
    person.run("/channel").get_by_role("button", name="Write it").click()
    shown = person.page.get_by_role("dialog")
    expect(shown).to_be_visible()
    return shown
