"""A question from the first page and a report from a rule, as people send them, with scripts and without."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, expect

from tests.browser.test_accessibility import complaints
from tests.browser.visitors import at, press, signed_in, window
from tests.fixtures.mail import Mailbox
from tests.fixtures.site import MakeApp
from tests.functional.rules import person, publish
from tests.functional.waiting import waiting


@pytest.fixture
def app(make_app: MakeApp) -> Any:
    return make_app(ORGANIZER_INQUIRY_TO="ask@example.org")


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no scripts"])
def test_asking_and_reporting(browser: Browser, server: str, engine: sa.Engine, javascript: bool) -> None:
    rule = publish(engine, person(engine), "2026-03-01")
    with window(browser, server, java_script_enabled=javascript) as page:
        page.goto("/")
        # Nobody gets to the hidden field by keyboard, nor does a screen reader read it.
        page.get_by_label("Your email address").focus()
        stops = []
        for _ in range(3):
            stops.append(page.evaluate("document.activeElement.name || document.activeElement.textContent"))
            page.keyboard.press("Tab")
        assert stops == ["email", "message", "Send the question"]
        assert page.get_by_role("textbox", name="Leave this empty").count() == 0
        page.get_by_label("Your email address").fill("cleo@example.org")
        page.get_by_label("Your question").fill("Why?")
        press(page, "Send the question")
        at(page, "Ask an organizer")
        expect(page.get_by_label("Your email address")).to_have_value("cleo@example.org")
        page.get_by_label("Your question").fill("How does a group of nine begin?")
        press(page, "Send the question")
        at(page, "Your question was taken")
        page.goto(rule)
        page.get_by_role("link", name="Report this rule").click()
        page.get_by_label("What we should know").fill("The whole page is advertising.")
        press(page, "Send the report")
        if javascript:
            assert complaints(page) == []
        page.get_by_role("link", name="Choose what is wrong.").click()
        page.keyboard.press("Space")
        press(page, "Send the report")
        at(page, "Your report was taken")
        if javascript:
            assert complaints(page) == []
    assert [row.reply_to for row in waiting(engine)] == ["cleo@example.org", None]


def test_whoever_is_signed_in_finds_their_address(browser: Browser, server: str, smtp: Mailbox) -> None:
    with window(browser, server) as page:
        signed_in(page, smtp, "ada@example.org")
        for start in ("/", "/learn", "/learn/ask"):
            page.goto(start)
            page.get_by_label("Your question").focus()
            expect(page.get_by_label("Your email address")).to_have_value("ada@example.org")
            # Nothing was written yet that could be lost.
            page.goto("/about")
