"""From a blank page to a published rule, as an organizer does it, with and without JavaScript."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.visitors import at, go_on, press, window
from tests.fixtures.mail import Mailbox
from tests.fixtures.site import Clock
from tests.functional.people import mailed_link
from tests.uploads.pictures import PDF, picture, quartered, saved

ALT = "Nine bakers in front of an oven."


def shown(image: Locator) -> bool:
    """Whether the picture has come, and is one."""
    image.scroll_into_view_if_needed()
    return bool(image.evaluate("image => image.decode().then(() => image.naturalWidth > 0, () => false)"))


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_rule_from_a_template_with_words_and_files_of_ones_own(
    browser: Browser, server: str, smtp: Mailbox, clock: Clock, javascript: bool
) -> None:
    """With JavaScript the mailed link is opened in another browser, without it in the one that asked."""
    with (
        window(browser, server, java_script_enabled=javascript) as asking,
        window(
            browser, server, java_script_enabled=javascript, permissions=["clipboard-read", "clipboard-write"]
        ) as other,
    ):
        about_the_community(asking)
        asking.get_by_role("link", name="Sign in and come back here").click()
        asking.get_by_label("Email address").fill("ada@example.org")
        press(asking, "Mail me the link")
        at(asking, "Look in your mail")
        page = other if javascript else asking
        page.goto(mailed_link(smtp))
        if javascript:
            at(page, "Sign in here?")
            expect(page.get_by_label("Put what was written in that browser among my drafts")).to_be_checked()
            press(page, "Sign in")

        a_photo(page)
        clock.advance(timedelta(seconds=6))  # between two uploads
        a_template(page)
        values_and_methods(page, clock)
        publish(page)

        address = page.locator(".address a")
        if javascript:
            press(page, "Copy the address")
            expect(page.get_by_role("button", name="Copied")).to_be_visible()
            assert page.evaluate("navigator.clipboard.readText()") == address.inner_text()
        assert address.inner_text() == server + (address.get_attribute("href") or "")
        page.goto(address.inner_text())
        reads_well(page)
        page.context.clear_cookies()
        page.reload()
        reads_well(page)


def about_the_community(page: Page) -> None:
    page.goto("/create")
    at(page, "Write your rule, one question at a time")
    page.get_by_role("link", name="Begin with the name").click()
    page.get_by_label("Name of your community or rule").fill("Elm Street Bakery")
    go_on(page, "What kind of community are you?")
    for answer in ("Worker co-op", "In one place", "Established"):
        page.get_by_label(answer, exact=True).check()
    go_on(page, "What do you do together?")
    page.get_by_label("What you do together").fill("We bake bread and decide together.")
    page.get_by_label("Summary").fill("A bakery of nine people who share the work and the money.")
    go_on(page, "How many people are you?")
    page.get_by_label("6 to 12").check()
    go_on(page, "Do you have a photo of your community?")


def a_photo(page: Page) -> None:
    at(page, "Do you have a photo of your community?")
    photo = saved(quartered((640, 480)), "JPEG")
    page.get_by_label("Photo", exact=True).set_input_files(
        {"name": "us.jpg", "mimeType": "image/jpeg", "buffer": photo}
    )
    page.get_by_label("What does it show?").fill(ALT)
    press(page, "Attach and look at it")
    assert shown(page.get_by_role("img", name=ALT))
    go_on(page, "Your community so far")
    for answer in ("Elm Street Bakery", "6 to 12", "Worker co-op", "In one place", "Established"):
        expect(page.get_by_role("definition").filter(has_text=answer)).to_be_visible()


def a_template(page: Page) -> None:
    page.get_by_role("link", name="All templates").click()
    at(page, "Templates")
    page.get_by_role("link", name="Consensus", exact=True).click()
    at(page, "Consensus")
    press(page, "Customize it")
    at(page, "What do you hold on to when it gets hard?")


def values_and_methods(page: Page, clock: Clock) -> None:
    expect(page.locator(".picks > li")).to_have_count(4)
    page.get_by_role("link", name="Write your own value").click()
    page.get_by_label("Name", exact=True).fill("Warm bread")
    page.get_by_label("What it means here").fill("Nobody leaves hungry.\n\n- not the night shift\n- not a stranger")
    page.get_by_label("Signs that it is being broken").fill("An empty shelf at noon.")
    press(page, "Save and go back")
    expect(page.get_by_role("status").first).to_have_text("Warm bread is saved.")
    expect(page.get_by_text("You have five values. Remove one above to choose another.")).to_be_visible()

    go_on(page, "How do you talk with each other?")
    press(page, "Remove Signal")
    expect(page.locator(".picks > li")).to_have_count(1)
    go_on(page, "Who belongs, and how does somebody join?")
    go_on(page, "How do you decide?")
    page.get_by_role("link", name="Change the words of Lazy consensus").click()
    page.get_by_label("The idea").fill("Silence for a week is a yes, written on the board by the oven.")
    page.get_by_label("Agreement needed, in percent").fill("90")
    press(page, "Save and go back")

    page.get_by_role("link", name="Write your own way to decide").click()
    page.get_by_label("Name", exact=True).fill("Two loaves")
    page.get_by_label("In one line").fill("Two bakers agree before the oven is on.")
    add(page, "Add a text", Heading="At night", Text="Whoever is there decides.")
    add(page, "Add a list of options", Heading="Who is asked", Options="Bakers\nDrivers")
    add(page, "Add a percentage", Heading="Enough", Percent="66")
    attach(page, "sheet.pdf", "application/pdf", PDF, Heading="The sheet by the oven")
    clock.advance(timedelta(seconds=6))
    attach(page, "oven.png", "image/png", saved(picture((80, 60)), "PNG"), Heading="The oven")
    clock.advance(timedelta(seconds=6))
    press(page, "Save and go back")
    at(page, "How do you decide?")
    page.get_by_role("button", name=re.compile("Up.*Two loaves")).click()
    expect(page.locator(".picks h3").nth(1)).to_have_text("Two loaves")
    go_on(page, "What do you do when people fall out?")
    go_on(page, "Who else should hear of it?")


def add(page: Page, button: str, **fields: str) -> None:
    press(page, button)
    block = page.locator("#new-block")
    for label, text in fields.items():
        block.get_by_label(label, exact=True).fill(text)


def attach(page: Page, name: str, kind: str, content: bytes, **fields: str) -> None:
    add(page, "Add a file", **fields)
    file = page.locator("#new-block").get_by_label("File", exact=True)
    file.set_input_files({"name": name, "mimeType": kind, "buffer": content})


def publish(page: Page) -> None:
    page.get_by_label("Email addresses").fill("bo@example.org")
    press(page, "Add")
    expect(page.get_by_role("listitem").filter(has_text="bo@example.org")).to_be_visible()
    go_on(page, "Read it once more")
    for words in ("Warm bread", "Two loaves", "bo@example.org"):
        expect(page.locator("main").get_by_text(words).first).to_be_visible()
    press(page, "Publish the rule")
    at(page, "Elm Street Bakery is published")


def reads_well(page: Page) -> None:
    at(page, "Elm Street Bakery")
    sections = [" ".join(name.split()) for name in page.locator(".rule-text h2").all_inner_texts()]
    assert sections[:6] == [
        "1 Values",
        "2 Communication",
        "3 Membership",
        "4 Decision-making",
        "5 Conflict management",
        "6 Meetings",
    ]
    for words in (
        "A bakery of nine people who share the work and the money.",
        "We bake bread and decide together.",
        "not the night shift",
        "An empty shelf at noon.",
        "Silence for a week is a yes, written on the board by the oven.",
        "Two bakers agree before the oven is on.",
        "Whoever is there decides.",
        "Bakers",
        "66 %",
        "Two thirds of the members make a meeting.",
    ):
        expect(page.get_by_text(words).first).to_be_visible()
    expect(page.get_by_text("Signal", exact=True)).to_have_count(0)
    expect(page.get_by_text("bo@example.org")).to_have_count(0)
    assert shown(page.get_by_role("img", name=ALT))
    assert shown(page.get_by_role("img", name="The oven"))
    with page.expect_download() as download:
        page.get_by_role("link", name="Open the file for The sheet by the oven").click()
    assert download.value.path().read_bytes() == PDF
