"""Stopping half-way and coming back, and finding what fits in the catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.visitors import PREPARED, at, go_on, prepare, press, signed_in, window
from tests.fixtures.mail import Mailbox
from tests.functional.people import mailed_link


def test_back_to_the_step_at_which_one_stopped(browser: Browser, server: str, smtp: Mailbox) -> None:
    with window(browser, server) as first, window(browser, server) as second:
        first.goto("/create")
        first.get_by_role("link", name="Begin with the name").click()
        first.get_by_label("Name of your community or rule").fill("Elm Street Bakery")
        go_on(first, "What kind of community are you?")
        first.get_by_label("Worker co-op").check()
        go_on(first, "What do you do together?")
        context = first.context
        first.close()

        page = context.new_page()
        page.goto("/create")
        at(page, "What do you do together?")
        page.goto("/create/informational")
        expect(page.get_by_text("You stopped at “What you do”.")).to_be_visible()
        page.get_by_role("link", name="Go on there").click()
        go_on(page, "How many people are you?")
        go_on(page, "Do you have a photo of your community?")
        go_on(page, "Where should we send the way back?")
        page.get_by_label("Email address").fill("ada@example.org")
        page.keyboard.press("Enter")
        at(page, "Look in your mail")
        page.get_by_role("link", name="Go on in the meantime").click()
        at(page, "Your community so far")

        # On the second device, and later there once more.
        second.goto(mailed_link(smtp))
        press(second, "Sign in")
        at(second, "Your community so far")
        press(second, "Continue with values")
        go_on(second, "How do you talk with each other?")
        second.goto("/create")
        at(second, "How do you talk with each other?")
        expect(second.get_by_role("link", name="Elm Street Bakery")).to_have_count(0)
        second.get_by_role("link", name=re.compile("^Kind of community")).click()
        expect(second.get_by_label("Worker co-op")).to_be_checked()

        # The first device says where its text went, and leads there.
        page.reload()
        expect(page.get_by_text("The draft of this browser went to an account")).to_be_visible()
        expect(page.get_by_role("link", name="Sign in here too")).to_have_attribute("href", re.compile("^/login"))


def test_a_link_that_is_opened_elsewhere_need_not_bring_the_draft(browser: Browser, server: str, smtp: Mailbox) -> None:
    with window(browser, server) as asking, window(browser, server) as other:
        asking.goto("/create/community-name")
        asking.get_by_label("Name of your community or rule").fill("Elm Street Bakery")
        go_on(asking, "What kind of community are you?")
        asking.goto("/create/community-save")
        asking.get_by_label("Email address").fill("ada@example.org")
        press(asking, "Mail me the link")
        other.goto(mailed_link(smtp))
        other.get_by_label("Put what was written in that browser among my drafts").uncheck()
        press(other, "Sign in")
        other.goto("/profile")
        expect(other.get_by_text("No drafts yet.")).to_be_visible()
        asking.goto("/create/community-name")
        expect(asking.get_by_label("Name of your community or rule")).to_have_value("Elm Street Bakery")


@pytest.fixture
def page(browser: Browser, server: str, smtp: Mailbox) -> Iterator[Page]:
    """A window of somebody whose community is described, and who has nothing chosen."""
    with window(browser, server) as page:
        signed_in(page, smtp)
        prepare(page, {key: value for key, value in PREPARED.items() if "Value" not in key and "Decision" not in key})
        yield page


def test_searching_while_typing(page: Page) -> None:
    page.goto("/create/decision-approaches")
    cards = page.locator(".card")
    expect(cards).to_have_count(8)
    field = page.get_by_label("Search")
    field.press_sequentially("sortition")
    expect(page.get_by_role("heading", name="Lottery (sortition)")).to_be_visible()
    found = cards.count()
    assert found < 8
    expect(page.get_by_text(f"{found} found")).to_be_attached()
    expect(field).to_be_focused()
    expect(page).to_have_url(re.compile("decision-approaches$"))

    # What is found can be added, and the rest of what was found is still there.
    page.get_by_role("button", name="Add Lottery (sortition)").click()
    expect(page.locator(".picks h3")).to_have_text(["Lottery (sortition)"])
    expect(page.get_by_role("status").filter(has_text="Lottery (sortition) is in your rule.").first).to_be_attached()

    field = page.get_by_label("Search")
    field.fill("no such words anywhere")
    expect(page.get_by_text("Nothing in the catalogue has these words.")).to_be_visible()
    expect(cards).to_have_count(0)
    field.fill("")
    expect(cards).to_have_count(8)
    page.get_by_role("link", name="Show all 31").click()
    expect(cards).to_have_count(31)
    page.get_by_role("button", name="Add Do-ocracy").click()
    expect(page.locator(".picks h3")).to_have_text(["Lottery (sortition)", "Do-ocracy"])
    expect(cards).to_have_count(30)


def test_what_fits_comes_first_and_says_why(page: Page) -> None:
    page.goto("/create/decision-approaches")
    first = page.locator(".card").first
    expect(first.locator(".fit")).to_have_text("Recommended: fits a worker co-op of 6 to 12, in one place, established")
    first.get_by_text("Read the details").click()
    expect(first.get_by_text("Step by step", exact=True)).to_be_visible()
    before = page.locator(".card h3").all_inner_texts()
    # A Change link leads to what the order comes from, and its Continue back here.
    page.get_by_role("link", name="Change that").click()
    page.get_by_label("Worker co-op").uncheck()
    page.get_by_label("DAO").check()
    page.get_by_label("In one place").uncheck()
    page.get_by_label("Around the world").check()
    go_on(page, "How do you decide?")
    assert page.locator(".card h3").all_inner_texts() != before
    expect(page.locator(".fit").first).to_contain_text("DAO")
    page.goto("/templates")
    expect(page.get_by_text("Ordered by what fits the community that you described.")).to_be_visible()
    page.goto("/create/review")
    expect(page.get_by_role("heading", name="Templates that may fit")).to_be_visible()


def test_without_a_description_nothing_is_recommended(browser: Browser, server: str) -> None:
    with window(browser, server) as page:
        page.goto("/create/decision-approaches")
        expect(page.get_by_text("what fits you comes first")).to_be_visible()
        expect(page.locator(".fit")).to_have_count(0)
