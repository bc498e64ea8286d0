"""An organizer looks at what became of a draft and takes something back; a reader compares two revisions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.test_accessibility import LONG, complaints
from tests.browser.test_main_job import fill_last, sign_in
from tests.fixtures.mail import Mailbox


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def context(request: pytest.FixtureRequest, browser: Browser, server: str) -> Iterator[BrowserContext]:
    with browser.new_context(
        base_url=server, java_script_enabled=request.param, viewport={"width": 390, "height": 844}
    ) as context:
        yield context


def begin(page: Page, smtp: Mailbox, title: str = "Elm Street Garden") -> str:
    """The address of a draft with a value and a method."""
    sign_in(page, smtp, "ada@example.org")
    page.get_by_label("Name of your community or rule").fill(title)
    page.get_by_role("button", name="See all parts at once").click()
    draft = page.url.rstrip("/")
    page.goto(f"{draft}/values")
    fill_last(page, Name="Care", What_it_means_here="We look after the soil, and after each other first.")
    save(page)
    return draft


def save(page: Page) -> None:
    page.get_by_role("button", name="Save and go back").click()


def test_the_last_change_is_undone_and_put_back(context: BrowserContext, smtp: Mailbox) -> None:
    page = context.new_page()
    draft = begin(page, smtp)
    page.goto(f"{draft}/about")
    page.get_by_label("Summary").fill("A garden between two roads.")
    save(page)
    page.get_by_role("button", name="Undo the last change: Wrote the summary").click()
    expect(page.get_by_role("status")).to_have_text("Undone: Wrote the summary.")
    expect(page.locator(".what").first).to_contain_text("Undid entry")
    page.get_by_role("button", name="Put it back").click()
    expect(page.locator(".lead")).to_have_text("A garden between two roads.")


def test_two_moments_of_a_draft_are_compared(context: BrowserContext, smtp: Mailbox) -> None:
    page = context.new_page()
    draft = begin(page, smtp)
    page.goto(f"{draft}/values")
    page.get_by_label("What it means here").first.fill("We look after the tools, and after each other first.")
    save(page)
    page.goto(f"{draft}/history")
    page.get_by_label("From number").fill("3")
    page.get_by_label("To number").fill("4")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_text("Rewrote Care in values.")).to_be_visible()
    expect(page.get_by_role("deletion")).to_have_text("Deleted: soil")
    expect(page.get_by_role("insertion")).to_have_text("Inserted: tools")
    page.get_by_role("link", name="Side by side").click()
    before, after = page.get_by_text("Before", exact=True), page.get_by_text("After", exact=True)
    expect(before).to_be_visible()
    boxes = [each.bounding_box() for each in (before, after)]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert boxes[0]["y"] < boxes[1]["y"]  # one below the other on a phone
    page.set_viewport_size({"width": 1280, "height": 844})
    boxes = [each.bounding_box() for each in (before, after)]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert boxes[0]["y"] == boxes[1]["y"]


def test_a_reader_compares_two_revisions(context: BrowserContext, smtp: Mailbox) -> None:
    page = context.new_page()
    draft = begin(page, smtp)
    page.goto(f"{draft}/membership")
    fill_last(page, Name="Open door", How_someone_joins="Come to two meetings.")
    save(page)
    page.goto(f"{draft}/publish")
    page.get_by_role("button", name="Publish the rule").click()
    rule = page.locator(".notice a.link").get_attribute("href") or ""
    page.goto(f"{rule.rstrip('/')}/edit")
    page.get_by_role("button", name="Open a draft").click()
    second = page.url.rstrip("/")
    page.goto(f"{second}/membership")
    page.get_by_label("How someone joins").first.fill("Come to three meetings.")
    save(page)
    page.goto(f"{second}/publish")
    page.get_by_label("What changes").fill("One more meeting.")
    page.get_by_role("button", name="Publish revision 2").click()

    page.goto(f"{rule.rstrip('/')}/compare")
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_role("deletion")).to_have_text("Deleted: two")
    expect(page.get_by_role("insertion")).to_have_text("Inserted: three")
    same = page.get_by_text("Values: no change")
    kept = page.get_by_text("We look after the soil, and after each other first.")
    expect(kept).to_be_hidden()
    same.click()
    expect(kept).to_be_visible()


def test_every_page_of_it_can_be_used_by_everybody(browser: Browser, server: str, smtp: Mailbox) -> None:
    with browser.new_context(base_url=server) as signed_in:
        page = signed_in.new_page()
        draft = begin(page, smtp, f"Elm Street {LONG}")
        page.goto(f"{draft}/more")
        fill_last(page, Name=LONG, Section_it_belongs_to="Money", What_it_says=f"We pay {LONG} each.\n\nOr less.")
        save(page)
        page.goto(f"{draft}/publish")
        page.get_by_role("button", name="Publish the rule").click()
        rule = (page.locator(".notice a.link").get_attribute("href") or "").rstrip("/")
        page.goto(f"{rule}/edit")
        page.get_by_role("button", name="Open a draft").click()
        second = page.url.rstrip("/")
        for words in ("We pay less.", f"We pay {LONG[::-1]}.", f"We pay {LONG} now.\n\n\nOr more."):
            page.goto(f"{second}/more")
            page.get_by_label("What it says").first.fill(words)
            save(page)
        page.goto(f"{second}/values")
        page.get_by_role("button", name="Remove").first.click()
        page.goto(f"{second}/decisions")
        fill_last(page, Name="Vote", The_idea="Hands up.")
        save(page)
        page.goto(f"{second}/publish")
        page.get_by_label("What changes").fill("Much.")
        page.get_by_role("button", name="Publish revision 2").click()
        page.goto(f"{rule}/edit")
        page.get_by_role("button", name="Open a draft").click()
        third = page.url.rstrip("/")
        page.goto(f"{third}/about")
        page.get_by_label("Summary").fill("A garden between two roads.")
        save(page)
        page.goto(f"{third}/history")
        page.get_by_role("button", name="Undo").click()

        pages = {
            "undone": f"{third}/history",
            "draft after undoing": third,
            "history with saves": f"{second}/history",
            "draft compared": f"{second}/compare?from=0&to=6",
            "draft side by side": f"{second}/compare?from=0&to=6&view=side",
            "nothing to compare": f"{second}/compare?from=1",
            "revisions": f"{rule}/compare?from=1&to=2",
            "revisions side by side": f"{rule}/compare?from=1&to=2&view=side",
            "revisions backwards": f"{rule}/compare?from=2&to=1",
            "no such revision": f"{rule}/compare?from=2&to=9",
        }
        found = {}
        for scheme, width in (("light", 390), ("dark", 1280)):
            with browser.new_context(
                base_url=server,
                storage_state=signed_in.storage_state(),
                color_scheme=scheme,  # type: ignore[arg-type]
                viewport={"width": width, "height": 844},
            ) as context:
                page = context.new_page()
                for name, address in pages.items():
                    page.goto(address)
                    # What is folded must be right as well.
                    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
                    wrong = complaints(page)
                    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                        wrong.append("scrolls sideways")
                    if wrong:
                        found[f"{name}, {scheme}, {width}"] = wrong
        assert found == {}
