"""Saving while somebody types: in two tabs at once, without a network, and with the caret where it was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Dialog, Locator, Page, Route, expect

from tests.browser.visitors import OWN, PREPARED, at, prepare, press, signed_in, window
from tests.fixtures.mail import Mailbox

CONTEXT, SUMMARY = "What you do together", "Summary"
SAVED = re.compile(r"^Saved \d\d:\d\d$")


BOTH = pytest.mark.parametrize("page", ["guest", "signed in"], indirect=True)


@pytest.fixture
def page(browser: Browser, server: str, smtp: Mailbox, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A window at the question about what the community does, with two fields; a guest's but for `BOTH`."""
    with window(browser, server) as page:
        if getattr(request, "param", "guest") == "signed in":
            signed_in(page, smtp)
            prepare(page, {"title": "Elm Street Bakery"})
        else:
            page.goto("/create/community-name")
            page.get_by_label("Name of your community or rule").fill("Elm Street Bakery")
            press(page, "Continue")
            at(page, "What kind of community are you?")
        page.goto("/create/community-context")
        yield page


def beside(page: Page) -> Page:
    """The same page in another tab."""
    other = page.context.new_page()
    other.goto(page.url)
    return other


def status(page: Page) -> Locator:
    return page.locator("[data-saved]")


@contextmanager
def saving(page: Page) -> Iterator[None]:
    """Whatever is typed here is saved by the script."""
    with page.expect_response(lambda answer: answer.request.method == "POST" and answer.ok):
        yield
    expect(status(page)).to_have_text(SAVED)


@BOTH
def test_different_fields_come_together_while_both_are_typed_in(page: Page) -> None:
    other = beside(page)
    with saving(page):
        page.get_by_label(CONTEXT).fill("We bake bread.")
    other.get_by_label(SUMMARY).fill("Nine people share the work.")
    expect(other.get_by_label(CONTEXT)).to_have_value("We bake bread.")
    page.get_by_label(CONTEXT).fill("We bake bread and cake.")
    expect(page.get_by_label(SUMMARY)).to_have_value("Nine people share the work.")
    expect(page.get_by_label(CONTEXT)).to_have_value("We bake bread and cake.")
    press(other, "Continue")
    at(other, "How many people are you?")
    page.reload()
    expect(page.get_by_label(CONTEXT)).to_have_value("We bake bread and cake.")
    expect(page.get_by_label(SUMMARY)).to_have_value("Nine people share the work.")


@BOTH
@pytest.mark.parametrize("keep", ["Keep mine", "Take theirs"])
def test_of_the_same_field_both_texts_are_shown(page: Page, keep: str) -> None:
    other = beside(page)
    with saving(page):
        page.get_by_label(CONTEXT).fill("We bake bread.")
    other.get_by_label(SUMMARY).fill("Nine people share the work.")
    other.get_by_label(CONTEXT).fill("We bake cake.")
    expect(status(other)).to_have_text("Changed elsewhere too: press the button below to see both texts")
    expect(other.get_by_label(CONTEXT)).to_have_value("We bake cake.")

    press(other, "Continue")
    at(other, "Two changes met")
    expect(other.get_by_label("Your text; you can still change it")).to_have_value("We bake cake.")
    expect(other.get_by_text("We bake bread.", exact=True)).to_be_visible()
    # What does not clash is safe already, also for somebody who closes the page that asks.
    page.reload()
    expect(page.get_by_label(CONTEXT)).to_have_value("We bake bread.")
    expect(page.get_by_label(SUMMARY)).to_have_value("Nine people share the work.")

    other.get_by_label(keep).check()
    press(other, "Save my choice")
    at(other, "How many people are you?")
    page.reload()
    expect(page.get_by_label(CONTEXT)).to_have_value("We bake cake." if keep == "Keep mine" else "We bake bread.")
    expect(page.get_by_label(SUMMARY)).to_have_value("Nine people share the work.")


def test_a_site_that_is_away_and_comes_back(page: Page) -> None:
    page.context.set_offline(True)
    page.get_by_label(CONTEXT).fill("We bake bread.")
    expect(status(page)).to_have_text("Could not save. Trying again in 3 seconds. Try now")
    expect(status(page)).to_have_attribute("role", "status")
    with saving(page):
        page.context.set_offline(False)
    page.reload()
    expect(page.get_by_label(CONTEXT)).to_have_value("We bake bread.")


def test_a_failing_site_is_asked_again_without_a_word(page: Page) -> None:
    page.route("**/create/**", lambda route: route.abort(), times=1)
    page.get_by_label(CONTEXT).fill("We bake bread.")
    expect(status(page)).to_contain_text("Could not save.")
    expect(status(page)).to_have_text(SAVED)

    page.clock.install()
    body = {"error": {"code": "db_unavailable", "message": "The database is away for a moment."}}
    page.route("**/create/**", lambda route: route.fulfill(status=503, json=body))
    page.get_by_label(CONTEXT).fill("We bake cake.")
    for seconds in (3, 6, 12):
        expected = f"The database is away for a moment. Trying again in {seconds} seconds. Try now"
        page.clock.run_for(seconds * 1000)
        expect(status(page)).to_have_text(expected)
    page.unroute("**/create/**")
    press(page, "Try now")
    page.clock.run_for(10)
    expect(status(page)).to_have_text(SAVED)
    page.reload()
    expect(page.get_by_label(CONTEXT)).to_have_value("We bake cake.")


def test_the_caret_stays_where_it_was(page: Page) -> None:
    """Also where another tab wrote meanwhile, and where somebody types on while it saves."""
    other = beside(page)
    with saving(other):
        other.get_by_label(SUMMARY).fill("Nine people share the work.")

    held: list[Route] = []
    page.route("**/create/**", lambda route: held.append(route), times=1)
    field = page.get_by_label(CONTEXT)
    field.press_sequentially("We bake, for once.")
    field.evaluate("field => field.setSelectionRange(7, 7)")
    expect(status(page)).to_have_text("Saving")
    page.keyboard.type(" bread")
    held.pop().continue_()
    expect(page.get_by_label(SUMMARY)).to_have_value("Nine people share the work.")
    expect(status(page)).to_have_text(SAVED)
    expect(field).to_be_focused()
    assert field.evaluate("field => [field.selectionStart, field.selectionEnd]") == [13, 13]
    page.keyboard.type(" and cake")
    expect(field).to_have_value("We bake bread and cake, for once.")
    press(page, "Continue")
    at(page, "How many people are you?")
    page.go_back()
    expect(field).to_have_value("We bake bread and cake, for once.")


def test_who_leaves_before_it_is_saved_is_asked(page: Page) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    page.on("dialog", stay)
    page.route("**/create/**", lambda route: route.abort())
    page.get_by_label(CONTEXT).press_sequentially("We bake bread.")
    expect(status(page)).to_contain_text("Could not save.")
    page.get_by_role("link", name="Rules", exact=True).click()
    expect(page.get_by_label(CONTEXT)).to_have_value("We bake bread.")
    assert asked == ["beforeunload"]

    page.unroute("**/create/**")
    press(page, "Try now")
    expect(status(page)).to_have_text(SAVED)
    page.get_by_role("link", name="Rules", exact=True).click()
    expect(page).to_have_url(re.compile("/rules$"))
    assert asked == ["beforeunload"]


def test_words_of_a_method_in_two_tabs(browser: Browser, server: str, smtp: Mailbox) -> None:
    with window(browser, server) as page:
        signed_in(page, smtp)
        prepare(page, PREPARED)
        page.goto("/create/decision-approaches/lazy-consensus")
        other = beside(page)
        with saving(page):
            page.get_by_label("The idea").fill("Silence for a week is a yes.")
        other.get_by_label("Agreement needed, in percent").fill("a lot")
        expect(status(other)).to_have_text(re.compile("Not saved yet. .*write a whole number from 0 to 100"))
        with saving(other):
            other.get_by_label("Agreement needed, in percent").fill("80")
        expect(other.get_by_label("The idea")).to_have_value("Silence for a week is a yes.")

        # Dropped in one tab, changed in the other: it is asked, and comes back whole where one wants it.
        page.goto("/create/decision-approaches")
        page.get_by_role("button", name="Remove Lazy consensus").click()
        expect(page.get_by_role("heading", name="Lazy consensus", level=3).locator("a")).to_have_count(0)
        other.get_by_label("What it is used for").fill("Everything but money.")
        expect(status(other)).to_contain_text("Changed elsewhere too")
        press(other, "Save and go back")
        at(other, "Two changes met")
        press(other, "Save my choice")
        at(other, "How do you decide?")
        expect(other.locator(".picks").get_by_role("heading", name="Lazy consensus")).to_be_visible()
        other.get_by_role("link", name="Change the words of Lazy consensus").click()
        expect(other.get_by_label("What it is used for")).to_have_value("Everything but money.")
        expect(other.get_by_label("The idea")).to_have_value("Silence for a week is a yes.")


def test_a_new_field_is_saved_while_it_is_typed_and_stays_one(browser: Browser, server: str, smtp: Mailbox) -> None:
    with window(browser, server) as page:
        signed_in(page, smtp)
        prepare(page, PREPARED)
        page.goto(f"/create/decision-approaches/{OWN}")
        press(page, "Add a text")
        block = page.locator("#new-block")
        with saving(page):
            block.get_by_label("Heading").fill("On feast days")
        with saving(page):
            block.get_by_label("Text").fill("All of us.")
        with saving(page):
            block.get_by_label("Text").fill("All of us decide.")
        press(page, "Save and go back")
        page.get_by_role("link", name="Change the words of Two loaves").click()
        expect(page.locator("#blocks .entry")).to_have_count(4)
        expect(page.get_by_label("Text").last).to_have_value("All of us decide.")


def test_choosing_in_two_tabs(browser: Browser, server: str, smtp: Mailbox) -> None:
    with window(browser, server) as page:
        signed_in(page, smtp)
        prepare(page, PREPARED)
        page.goto("/create/decision-approaches?all=yes")
        other = beside(page)
        first, second = page.locator(".picks h3"), other.locator(".picks h3")
        page.get_by_role("button", name="Add Do-ocracy").click()
        expect(first).to_have_count(4)
        other.get_by_role("button", name=re.compile("Up.*Two loaves")).click()
        expect(second).to_have_text(["Two loaves", "Lazy consensus", "Sociocracy", "Do-ocracy"])
        page.get_by_role("button", name=re.compile("Up.*Sociocracy")).click()
        expect(first).to_have_count(4)
        expect(page.get_by_role("status").first).to_have_text("Sociocracy has a new place.")
        other.get_by_role("button", name="Remove Do-ocracy").click()
        expect(second).to_have_count(3)
        page.get_by_role("button", name=re.compile("Up.*Do-ocracy")).click()
        at(page, "How do you decide?")
        expect(first).to_have_count(3)
        for tab in (page, other):
            press(tab, "Continue")
            at(tab, "What do you do when people fall out?")


def test_the_sixth_value_of_two_tabs(browser: Browser, server: str, smtp: Mailbox) -> None:
    with window(browser, server) as page:
        signed_in(page, smtp)
        prepare(page, {"title": "Elm Street Bakery", "selectedCoreValueIds": ["22", "17", "42", "13"]})
        page.goto("/create/core-values")
        other = beside(page)
        page.locator(".card button").nth(0).click()
        expect(page.locator(".picks h3")).to_have_count(5)
        other.locator(".card button").nth(1).click()
        expect(other.get_by_text("There is room for 5 values, and there are 5 already.")).to_be_visible()
        other.goto("/create/core-values")
        expect(other.locator(".picks h3")).to_have_count(5)
