"""Every page of the guided flow, empty, filled and with errors: axe-core finds nothing, nothing scrolls sideways, and
what is to be pressed is large enough for a thumb.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_accessibility import LONG, complaints
from tests.browser.visitors import OWN, PREPARED, at, prepare, press, signed_in, window
from tests.fixtures.mail import Mailbox
from tests.fixtures.site import Clock
from tests.functional.people import mailed_link
from tests.uploads.pictures import PDF, quartered, saved

SMALL = """least => [...document.querySelectorAll("a[href], button, input, textarea, summary")].map(each => {
  if (each.type === "hidden" || each.tabIndex < 0 || !each.checkVisibility()) return "";
  // Links within a sentence are as high as its lines. What only the keyboard finds grows when it has the focus.
  if (each.matches("a") && getComputedStyle(each).display === "inline" || each.matches(".skip")) return "";
  const { width, height } = (each.closest("label.choice") ?? each).getBoundingClientRect();
  return Math.round(height) < least || width < 24 ? `${each.outerHTML.slice(0, 90)}: ${width} x ${height}` : "";
}).filter(Boolean)"""
"""What is to be pressed and is less than so many pixels high."""


@dataclass
class Looks:
    """`at(name)`: look at the page as it is, in every way. `found` is what is wrong, by page."""

    page: Page
    found: dict[str, list[Any]] = field(default_factory=dict)

    def at(self, name: str) -> None:
        page = self.page
        for scheme, width, least in (("light", 390, 44), ("dark", 1280, 24)):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.set_viewport_size({"width": width, "height": 844})
            self._note(f"{name}, {scheme}, {width}", complaints(page))
            self._note(f"{name}, {width}, small", page.evaluate(SMALL, least))
        for width in (320, 390):
            page.set_viewport_size({"width": width, "height": 844})
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                self._note(f"{name}, {width}", ["scrolls sideways"])

    def to(self, path: str, name: str | None = None) -> None:
        self.page.goto(path)
        self.at(name or path)

    def _note(self, name: str, wrong: list[Any]) -> None:
        if wrong:
            self.found[name] = wrong


@pytest.fixture
def looks(browser: Browser, server: str) -> Iterator[Looks]:
    with window(browser, server) as page:
        looks = Looks(page)
        yield looks
    assert looks.found == {}


STEPS = (
    "informational",
    "community-name",
    "community-structure",
    "community-context",
    "community-size",
    "community-upload",
    "review",
    "core-values",
    "communication-methods",
    "membership-methods",
    "decision-approaches",
    "conflict-management",
    "confirm-stakeholders",
    "final-review",
)


def test_a_guest_with_nothing_yet(looks: Looks) -> None:
    for step in (*STEPS, "community-save"):
        looks.to(f"/create/{step}")
    looks.to("/create/core-values/own", "own value")
    looks.to("/create/decision-approaches/own", "own method")
    looks.to("/create/final-review/own", "own clause")
    looks.to("/templates")
    looks.to("/create/review-template/consensus", "template")


def test_a_guest_and_the_mailed_link(looks: Looks, browser: Browser, server: str, smtp: Mailbox) -> None:
    page = looks.page
    page.goto("/create/community-name")
    press(page, "Continue")
    looks.at("name, with an error")
    page.get_by_label("Name of your community or rule").fill(f"Elm Street {LONG}")
    press(page, "Continue")
    looks.to("/create/informational", "informational, having begun")
    page.goto("/create/community-save")
    page.get_by_label("Email address").fill("nobody")
    press(page, "Mail me the link")
    looks.at("save, with an error")
    page.get_by_label("Email address").fill("ada@example.org")
    press(page, "Mail me the link")
    at(page, "Look in your mail")
    looks.at("save, sent")
    with window(browser, server) as other:
        elsewhere = Looks(other, looks.found)
        elsewhere.to(mailed_link(smtp), "a link that brings a draft")
        press(other, "Sign in")
        at(other, "Your community so far")
    looks.to("/create/community-name", "moved")


def test_every_step_filled(looks: Looks, smtp: Mailbox, clock: Clock) -> None:
    page = looks.page
    signed_in(page, smtp)
    prepare(page, PREPARED, title=f"Elm Street {LONG}", communityContext=LONG, stakeholderEmails=["bo@example.org"])
    page.goto("/create/community-upload")
    photo = {"name": "us.jpg", "mimeType": "image/jpeg", "buffer": saved(quartered((640, 480)), "JPEG")}
    page.get_by_label("Photo", exact=True).set_input_files(photo)
    page.get_by_label("What does it show?").fill("Nine bakers.")
    press(page, "Attach and look at it")
    expect(page.get_by_role("img", name="Nine bakers.")).to_be_visible()
    clock.advance(timedelta(seconds=6))
    page.goto(f"/create/decision-approaches/{OWN}?add=upload")
    page.locator("#new-block").get_by_label("Heading").fill("The sheet by the oven")
    pdf = {"name": "sheet.pdf", "mimeType": "application/pdf", "buffer": PDF}
    page.locator("#new-block").get_by_label("File", exact=True).set_input_files(pdf)
    press(page, "Save and go back")
    at(page, "How do you decide?")

    for step in STEPS:
        looks.to(f"/create/{step}")
    looks.to("/create/core-values/22", "words of a value")
    looks.to("/create/decision-approaches/lazy-consensus", "words of a method")
    looks.to(f"/create/decision-approaches/{OWN}?add=badges", "own method with blocks")
    looks.to("/create/decision-approaches?q=consensus", "found")
    looks.to("/create/decision-approaches?q=nothing-like-it", "nothing found")
    looks.to("/create/decision-approaches?all=yes", "all")
    looks.to("/templates")
    looks.to("/create/review-template/consensus", "template")

    page.goto("/create/final-review")
    press(page, "Publish the rule")
    looks.at("completed")
    page.get_by_role("link", name="Read the page").click()
    looks.at("rule")


def test_errors_and_both_texts(looks: Looks, smtp: Mailbox) -> None:
    page = looks.page
    signed_in(page, smtp)
    prepare(page, {"title": "Elm Street Bakery", "selectedDecisionApproachIds": []})
    looks.to("/create/final-review", "final review, with something missing")
    prepare(page, PREPARED)
    page.goto("/create/community-context")
    page.get_by_label("What you do together").fill("x" * 201)
    looks.at("context, too long")
    press(page, "Continue")
    looks.at("context, with an error")
    page.goto(f"/create/decision-approaches/{OWN}")
    for label in ("Name", "Heading", "Percent"):
        page.get_by_label(label, exact=True).last.fill("")
    press(page, "Save and go back")
    looks.at("own method, with errors")
    page.goto("/create/community-upload")
    photo = {"name": "us.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"}
    page.get_by_label("Photo", exact=True).set_input_files(photo)
    press(page, "Continue")
    looks.at("photo, with an error")
    page.goto("/create/confirm-stakeholders")
    page.get_by_label("Email addresses").fill("nobody")
    press(page, "Add")
    looks.at("stakeholders, with an error")

    page.goto("/create/community-context")
    page.get_by_label("What you do together").fill("We bake cake.")
    press(page, "Continue")
    at(page, "How many people are you?")
    page.go_back()
    page.goto("/create/community-context")
    other = page.context.new_page()
    other.goto("/create/community-context")
    other.get_by_label("What you do together").fill("We bake pies.")
    press(other, "Continue")
    at(other, "How many people are you?")
    other.close()
    page.get_by_label("What you do together").fill("We bake bread.")
    press(page, "Continue")
    at(page, "Two changes met")
    looks.at("both texts")
