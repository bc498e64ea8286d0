"""With a keyboard alone: everything is reached, one always sees where one is, and Enter takes nothing away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from cr.pages import STATIC
from tests.browser.visitors import OWN, PREPARED, at, prepare, signed_in, window
from tests.fixtures.mail import Mailbox
from tests.functional.people import mailed_link

SEEN = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return "nothing has the focus";
  const name = `${element.tagName.toLowerCase()} "${(element.innerText || element.name || "").slice(0, 60)}"`;
  const style = getComputedStyle(element);
  if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) return `${name} has no outline`;
  const box = element.getClientRects()[0];
  const [left, right] = [Math.max(0, box.left), Math.min(innerWidth, box.right)];
  const [top, bottom] = [Math.max(0, box.top), Math.min(innerHeight, box.bottom)];
  if (right - left < 4 || bottom - top < 4) return `${name} is out of sight`;
  const above = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
  if (above && !element.contains(above) && !above.contains(element)) return `${name} lies under ${above.className}`;
  return "";
}"""
"""What is wrong with the focus, or nothing."""


@dataclass
class Keys:
    page: Page

    def to(self, target: Locator, key: str = "Tab") -> None:
        """Press the key until the target has the focus. Wherever it is on the way, one sees it."""
        expect(target).to_be_visible()
        for _ in range(150):
            if target.evaluate("element => element === document.activeElement"):
                return
            self.press(key)
        raise AssertionError(f"{key} does not lead to {target}")

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)
        if key.endswith("Tab"):
            self.seen()

    def seen(self) -> None:
        assert self.page.evaluate(SEEN) == ""

    def button(self, name: str | re.Pattern[str], key: str = "Enter") -> None:
        self._activate(self.page.get_by_role("button", name=name, exact=True).last, key)

    def link(self, name: str | re.Pattern[str]) -> None:
        self._activate(self.page.get_by_role("link", name=name, exact=True).first, "Enter")

    def _activate(self, target: Locator, key: str) -> None:
        self.to(target)
        self.page.keyboard.press(key)

    def write(self, label: str, text: str) -> None:
        self.to(self.page.get_by_label(label, exact=True).last)
        self.page.keyboard.type(text)

    def check(self, label: str) -> None:
        box = self.page.get_by_label(label, exact=True)
        self.to(box)
        self.page.keyboard.press("Space")
        expect(box).to_be_checked()


@pytest.fixture(params=[(1280, 800), (390, 700)], ids=["desk", "phone"])
def page(browser: Browser, server: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    width, height = request.param
    with window(browser, server, viewport={"width": width, "height": height}) as page:
        yield page


def focus(page: Page) -> Any:
    return page.locator(":focus")


def test_from_the_first_page_to_a_published_rule(page: Page, smtp: Mailbox) -> None:
    keys = Keys(page)
    page.goto("/create")
    keys.press("Tab")
    expect(focus(page)).to_have_text("Skip to the text")
    keys.page.keyboard.press("Enter")
    keys.press("Tab")
    expect(focus(page)).to_have_text("Begin with the name")  # the first thing to press in the text
    page.keyboard.press("Enter")

    # An error takes the focus, and leads to its field.
    at(page, "What is your community called?")
    keys.button("Continue")
    expect(page).to_have_title(re.compile("^Error: "))
    expect(focus(page)).to_have_class("errors")
    keys.seen()
    keys.link("Write a name. It can be a first idea.")
    expect(focus(page)).to_have_attribute("name", "title")
    page.keyboard.type("Elm Street Bakery")
    page.keyboard.press("Enter")

    at(page, "What kind of community are you?")
    keys.check("Worker co-op")
    keys.button("Continue", "Space")
    at(page, "What do you do together?")
    keys.write("What you do together", "We bake bread.")
    keys.button("Continue")
    at(page, "How many people are you?")
    keys.check("6 to 12")
    keys.button("Continue")
    at(page, "Do you have a photo of your community?")
    keys.button("Continue")
    at(page, "Where should we send the way back?")
    keys.write("Email address", "ada@example.org")
    page.keyboard.press("Enter")
    at(page, "Look in your mail")
    page.goto(mailed_link(smtp))

    at(page, "Your community so far")
    keys.button("Continue with values")
    at(page, "What do you hold on to when it gets hard?")
    chosen = page.locator(".picks h3")
    keys.to(page.locator(".card button").first)
    page.keyboard.press("Enter")
    expect(chosen).to_have_count(1)
    keys.seen()
    page.keyboard.press("Enter")  # the focus is on the next one
    expect(chosen).to_have_count(2)
    second = chosen.last.inner_text()
    keys.to(page.get_by_role("button", name=re.compile(f"^Up.*{second}")), "Shift+Tab")
    page.keyboard.press("Enter")
    expect(chosen.first).to_have_text(second)
    keys.seen()
    expect(focus(page)).to_have_accessible_name(re.compile(f"^Down.*{second}"))
    keys.to(page.get_by_role("button", name=f"Remove {second}"))
    page.keyboard.press("Enter")
    expect(chosen).to_have_count(1)
    keys.seen()
    keys.button("Continue")

    at(page, "How do you talk with each other?")
    keys.to(page.get_by_label("Search"))
    page.keyboard.type("matrix")
    expect(page.locator(".card")).to_have_count(1)
    keys.seen()
    keys.button("Continue")
    at(page, "Who belongs, and how does somebody join?")
    keys.button("Continue")
    at(page, "How do you decide?")
    keys.link("Write your own way to decide")
    keys.write("Name", "Two loaves")
    keys.write("In one line", "Two bakers agree.")
    keys.button("Add a text")
    expect(page.locator("#new-block")).to_be_visible()
    keys.write("Heading", "At night")
    keys.write("Text", "Whoever is there decides.")
    keys.button("Save and go back")
    at(page, "How do you decide?")
    keys.button("Continue")
    at(page, "What do you do when people fall out?")
    keys.button("Continue")
    at(page, "Who else should hear of it?")
    keys.write("Email addresses", "bo@example.org")
    keys.button("Add")
    expect(page.get_by_role("button", name="Remove bo@example.org")).to_be_visible()
    keys.button("Continue")
    at(page, "Read it once more")
    keys.button("Publish the rule")
    at(page, "Elm Street Bakery is published")
    keys.link("Read the page")
    at(page, "Elm Street Bakery")
    expect(page.get_by_text("Whoever is there decides.")).to_be_visible()


def test_enter_in_a_field_goes_on_and_removes_nothing(page: Page, smtp: Mailbox) -> None:
    signed_in(page, smtp)
    prepare(page, PREPARED)

    page.goto(f"/create/decision-approaches/{OWN}")
    for label in ("Name", "In one line", "Heading", "Percent"):
        page.get_by_label(label, exact=True).first.press("Enter")
        at(page, "How do you decide?")
        page.get_by_role("link", name="Change the words of Two loaves").click()
        expect(page.locator("#blocks .entry")).to_have_count(3)
    page.goto("/create/decision-approaches/lazy-consensus")
    page.get_by_label("Agreement needed, in percent").press("Enter")
    at(page, "How do you decide?")
    expect(page.locator(".picks h3")).to_have_count(3)
    page.get_by_label("Search").press("Enter")
    at(page, "How do you decide?")
    expect(page.locator(".picks h3")).to_have_count(3)

    page.goto("/create/core-values/22")
    page.get_by_label("Name").press("Enter")
    at(page, "What do you hold on to when it gets hard?")
    expect(page.locator(".picks h3")).to_have_count(2)


def test_the_photo_stays_when_enter_is_pressed_in_its_words(page: Page, smtp: Mailbox) -> None:
    signed_in(page, smtp)
    file = {"name": "bread.png", "mimeType": "image/png", "buffer": (STATIC / "icon-256.png").read_bytes()}
    kept = page.request.post("/api/uploads", multipart={"purpose": "communityAvatar", "file": file}).json()
    prepare(page, PREPARED, communityAvatarUrl=kept["url"], communityAvatarAlt="Bread.")
    page.goto("/create/community-upload")
    page.get_by_label("What does it show?").press("Enter")
    at(page, "Your community so far")
    expect(page.get_by_role("img", name="Bread.")).to_be_visible()


def test_errors_lead_to_their_fields(page: Page, smtp: Mailbox) -> None:
    signed_in(page, smtp)
    prepare(page, PREPARED)
    keys = Keys(page)
    page.goto(f"/create/decision-approaches/{OWN}")
    for label in ("Name", "Heading", "Percent"):
        page.get_by_label(label, exact=True).last.fill("")
    page.get_by_label("Percent").fill("a lot")
    keys.button("Save and go back")
    expect(focus(page)).to_have_class("errors")
    for sentence, label in (
        ("It needs a name.", "Name"),
        ("Percent: write a whole number from 1 to 100.", "Percent"),
        ("Give it a heading, or remove it.", "Heading"),
    ):
        keys.to(page.get_by_role("link", name=sentence))
        page.keyboard.press("Enter")
        field = page.get_by_label(label, exact=True).last
        expect(field).to_be_focused()
        expect(field).to_have_accessible_description(re.compile(re.escape(sentence)))
        keys.seen()
        page.goto(f"{page.url}#")
        keys.to(page.locator(".errors a").first, "Shift+Tab")

    page.goto("/create/confirm-stakeholders")
    keys.write("Email addresses", "nobody")
    keys.button("Add")
    expect(focus(page)).to_have_class("errors")
    keys.link(re.compile("^“nobody” is no email address"))
    expect(page.get_by_label("Email addresses")).to_be_focused()
