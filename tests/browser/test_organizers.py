"""Two people, each in a browser of their own, write one rule: the owner passes a link on, the other joins, publishes.

On a phone in light and at a desk in the dark, once without scripts, axe finds nothing to complain of on any page of it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_accessibility import LONG
from tests.browser.test_accessibility import complaints as faults
from tests.browser.test_main_job import sign_in
from tests.browser.visitors import PREPARED, at, prepare, press, signed_in, window
from tests.fixtures.mail import Mailbox
from tests.fixtures.site import Clock
from tests.functional.people import mailed_link

PHONE: dict[str, Any] = {"color_scheme": "light", "viewport": {"width": 390, "height": 844}}
A_WHILE = timedelta(seconds=30)
"""Both sit at one place, from which one mail may be asked for in so many seconds."""

DESK: dict[str, Any] = {"color_scheme": "dark", "viewport": {"width": 1280, "height": 844}}


def sound(page: Page, heading: str, javascript: bool = True) -> None:
    """The page with this heading has no fault that a program can find. axe is a script itself."""
    at(page, heading)
    if javascript:
        assert faults(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    for target in page.locator("main :is(a.link, a.button, button)").all():
        box = target.bounding_box()
        if box is None or not target.is_visible():
            continue  # within what is folded away
        # The button that only the Enter key finds is a pixel high.
        assert box["height"] >= 44 or box["height"] == 1, target.text_content()


def published(page: Page) -> str:
    """The address of a new rule."""
    page.goto("/profile")
    page.get_by_role("heading", level=3).or_(page.locator("ul.rules h2")).first.get_by_role("link").click()
    page.get_by_role("link", name="Continue to publish").click()
    page.get_by_role("button", name="Publish the rule").click()
    page.locator(".notice a.link").click()
    return page.url.rstrip("/")


@pytest.mark.parametrize(
    ("look", "javascript"), [(PHONE, True), (DESK, True), (PHONE, False)], ids=["phone", "desk", "without JavaScript"]
)
def test_the_owner_lets_somebody_in_who_publishes_the_next_revision(
    browser: Browser, server: str, smtp: Mailbox, clock: Clock, look: dict[str, Any], javascript: bool
) -> None:
    scripts = {**look, "java_script_enabled": javascript}
    with window(browser, server, **scripts) as ada, window(browser, server, **scripts) as bo:
        signed_in(ada, smtp)
        prepare(ada, PREPARED, title=f"Elm Street {LONG}")
        rule = published(ada)
        title = f"Elm Street {LONG}"

        ada.goto("/profile")
        ada.get_by_role("link", name="Organizers of").click()
        ada.get_by_label("Your name in the history").fill(f"Ada {LONG[:70]}")
        press(ada, "Save your name")
        sound(ada, f"Organizers of {title}", javascript)
        press(ada, "Make a link for somebody")
        sound(ada, f"Organizers of {title}", javascript)
        link = ada.get_by_label("The link", exact=True).input_value()
        if javascript:
            ada.context.grant_permissions(["clipboard-read", "clipboard-write"])
            press(ada, "Copy the link")
            expect(ada.get_by_role("button", name="Copied")).to_be_visible()
            assert ada.evaluate("navigator.clipboard.readText()") == link

        clock.advance(A_WHILE)
        bo.goto(link)
        sound(bo, f"Write {title} together", javascript)
        bo.get_by_role("link", name="Sign in", exact=True).click()
        bo.get_by_label("Email address").fill("bo@example.org")
        press(bo, "Mail me a link")
        at(bo, "Look in your mail")
        bo.goto(mailed_link(smtp))
        sound(bo, f"Write {title} together", javascript)
        bo.get_by_label("Your name in the history").fill("Bo")
        press(bo, "Join as an organizer")
        sound(bo, f"Organizers of {title}", javascript)
        expect(bo.get_by_role("heading", name="Bo (you)")).to_be_visible()
        bo.goto(link)
        sound(bo, f"You organize {title} already", javascript)

        ada.goto(f"{rule}/edit")
        press(ada, "Open a draft")
        bo.goto("/profile")
        sound(bo, "Profile", javascript)
        expect(bo.get_by_role("link", name="draft of revision 2")).to_be_visible()
        bo.goto(f"{rule}/edit")
        sound(bo, "Write the next revision", javascript)
        bo.get_by_role("link", name="Open that draft and write it together").click()
        bo.get_by_role("link", name="Name and purpose").click()
        bo.get_by_label("Summary").fill("A bakery of ten people.")
        press(bo, "Save and go back")
        bo.get_by_role("link", name="History of this draft").click()
        sound(bo, "History", javascript)
        bo.go_back()
        bo.get_by_role("link", name="Continue to publish").click()
        bo.get_by_label("What changes").fill("There are ten of us.")
        press(bo, "Publish revision 2")
        at(bo, f"{title} is published")

        ada.goto(f"{rule}/history")
        sound(ada, f"History of {title}", javascript)
        expect(ada.locator(".what").first).to_have_text("Published revision 2. Bo")
        ada.goto(f"{rule}/organizers")
        ada.get_by_role("link", name="Make them the owner of the rule: Bo").click()
        sound(ada, "Make Bo the owner?", javascript)
        ada.get_by_role("link", name="Stay the owner").click()
        ada.get_by_role("link", name="Remove Bo").click()
        sound(ada, "Remove Bo?", javascript)
        press(ada, "Remove")
        expect(ada.get_by_role("link", name="Remove")).to_have_count(0)
        at(ada, f"Organizers of {title}")
        bo.goto(link)
        sound(bo, "This link does not work", javascript)
        bo.goto(f"{rule}/organizers")
        at(bo, "Not yours to change")


def test_an_organizer_leaves(browser: Browser, server: str, smtp: Mailbox, clock: Clock) -> None:
    with window(browser, server, **PHONE) as ada, window(browser, server, **PHONE) as bo:
        signed_in(ada, smtp)
        prepare(ada, PREPARED)
        rule = published(ada)
        ada.goto(f"{rule}/organizers")
        press(ada, "Make a link for somebody")
        link = ada.get_by_label("The link", exact=True).input_value()
        clock.advance(A_WHILE)
        sign_in(bo, smtp, "bo@example.org")
        bo.goto(link)
        press(bo, "Join as an organizer")
        bo.get_by_role("link", name="Leave").click()
        sound(bo, "Leave the organizers of Elm Street Bakery?")
        press(bo, "Leave")
        at(bo, "Profile")
        expect(bo.get_by_role("link", name="Elm Street Bakery")).to_have_count(0)
