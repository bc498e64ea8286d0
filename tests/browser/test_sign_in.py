"""Signing in as real browsers do it, with the headers and cookies that only they send."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from tests.fixtures.mail import Mailbox
from tests.functional.people import mailed_link


def ask(page: Page, email: str) -> None:
    page.goto("/login")
    page.get_by_label("Email address").fill(email)
    page.get_by_role("button", name="Mail me a link").click()
    expect(page.get_by_role("heading", name="Look in your mail")).to_be_visible()


def sign_out(page: Page) -> None:
    page.goto("/profile")
    page.get_by_role("button", name="Sign out").click()
    page.goto("/profile")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_in_the_browser_that_asked(page: Page, smtp: Mailbox) -> None:
    ask(page, "ada@example.org")
    page.goto(mailed_link(smtp))
    page.goto("/profile")
    expect(page.get_by_text("Signed in as ada@example.org")).to_be_visible()
    page.goto(mailed_link(smtp))
    expect(page.get_by_text("You are signed in as ada@example.org all the same.")).to_be_visible()
    sign_out(page)


def test_in_another_browser(page: Page, browser: Browser, server: str, smtp: Mailbox) -> None:
    ask(page, "ada@example.org")
    with browser.new_context(base_url=server) as context:
        other = context.new_page()
        other.goto(mailed_link(smtp))
        other.get_by_role("button", name="Sign in").click()
        other.goto("/profile")
        expect(other.get_by_text("Signed in as ada@example.org")).to_be_visible()
        sign_out(other)


def test_another_site_can_sign_nobody_out(page: Page, server: str, smtp: Mailbox) -> None:
    ask(page, "ada@example.org")
    page.goto(mailed_link(smtp))
    # The same server under a name that is another site to the browser.
    elsewhere = server.replace("localhost", "127.0.0.1")
    page.route("**/trap", lambda route: route.fulfill(content_type="text/html", body=TRAP.format(site=server)))
    for form in ("page", "api"):
        page.goto(f"{elsewhere}/trap")
        with page.expect_response("**/logout") as refused:
            page.locator(f"#{form} button").click()
        assert refused.value.status == 403
        assert refused.value.request.headers["origin"] == elsewhere
    page.goto(f"{server}/profile")
    expect(page.get_by_text("Signed in as ada@example.org")).to_be_visible()


TRAP = """
<form id="page" method="post" action="{site}/logout"><button>Win a prize</button></form>
<form id="api" method="post" action="{site}/api/auth/logout" enctype="text/plain">
  <input name='{{"a":"' value='"}}'><button>Win another</button>
</form>
"""
