"""The main job in Chromium, as an organizer does it, with the mailed link."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.fixtures.mail import Mailbox
from tests.functional.people import mailed_link


def sign_in(page: Page, smtp: Mailbox, email: str) -> None:
    page.goto("/profile")
    page.get_by_label("Email address").fill(email)
    page.get_by_role("button", name="Mail me a link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look in your mail")
    page.goto(mailed_link(smtp))
    expect(page.get_by_role("heading", level=1)).to_have_text("Profile")


def fill_last(page: Page, **texts: str) -> None:
    for label, text in texts.items():
        page.get_by_label(label.replace("_", " "), exact=True).last.fill(text)


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_from_a_blank_page_to_the_history_of_two_revisions(
    browser: Browser, server: str, smtp: Mailbox, javascript: bool
) -> None:
    with browser.new_context(base_url=server, java_script_enabled=javascript) as context:
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        sign_in(page, smtp, "ada@example.org")

        page.get_by_label("Name of your community or rule").fill("Elm Street Garden")
        page.get_by_role("button", name="See all parts at once").click()
        page.get_by_role("link", name="Values", exact=True).click()
        fill_last(page, Name="Care", What_it_means_here="We look after the soil, and after each other first.")
        page.get_by_role("button", name="Save and add another").click()
        fill_last(page, Name="Patience")
        page.get_by_role("button", name="Save and go back").click()
        page.get_by_role("link", name="Decision-making", exact=True).click()
        fill_last(page, Name="Lazy consensus", Step_by_step="1. Write it down\n2. Wait seven days")
        page.get_by_role("button", name="Save and go back").click()
        page.get_by_role("link", name="History of this draft").click()
        expect(page.get_by_text("Added the value Patience.")).to_be_visible()
        page.go_back()

        page.get_by_role("link", name="Continue to publish").click()
        page.get_by_role("button", name="Publish the rule").click()
        page.locator(".notice a.link").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Elm Street Garden")
        expect(page.get_by_text("Wait seven days")).to_be_visible()
        rule = page.url

        page.get_by_role("link", name="Write the next revision").click()
        page.get_by_role("button", name="Open a draft").click()
        page.get_by_role("link", name="Membership", exact=True).click()
        fill_last(page, Name="Trial season", How_someone_joins="Work one season with us.")
        page.get_by_role("button", name="Save and go back").click()
        page.get_by_role("link", name="Continue to publish").click()
        page.get_by_label("What changes").fill("A trial season for newcomers.")
        page.get_by_role("radio", name="Lazy consensus").check()
        page.get_by_role("button", name="Publish revision 2").click()

        page.goto(rule)
        expect(page.get_by_text(re.compile("Revision 2, adopted by lazy consensus"))).to_be_visible()
        page.get_by_role("link", name="History").click()
        for sentence in ("Published revision 2.", "Published the rule.", "A trial season for newcomers."):
            expect(page.get_by_text(sentence)).to_be_visible()
        page.get_by_role("link", name="Revision 1", exact=True).click()
        expect(page.get_by_text(re.compile("This is revision 1. Revision 2 took its place"))).to_be_visible()
        expect(page.get_by_text("Trial season")).to_have_count(0)
        assert complaints == []


def test_a_link_opened_in_another_browser_asks_before_it_signs_in(browser: Browser, server: str, smtp: Mailbox) -> None:
    with browser.new_context(base_url=server) as asking, browser.new_context(base_url=server) as other:
        page = asking.new_page()
        page.goto("/login")
        page.get_by_label("Email address").fill("ada@example.org")
        page.get_by_role("button", name="Mail me a link").click()
        elsewhere = other.new_page()
        elsewhere.goto(mailed_link(smtp))
        assert elsewhere.request.get("/api/auth/session").json() == {"user": None}
        elsewhere.get_by_role("button").last.click()
        elsewhere.wait_for_url(f"{server}/profile")
        assert elsewhere.request.get("/api/auth/session").json()["user"]["email"] == "ada@example.org"
