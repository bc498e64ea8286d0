"""Stepping through a rule's history in Chromium: with the slider, with its keys, and without a script."""

from __future__ import annotations

import re
from contextlib import nullcontext
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Page, Route, expect

from cr.events.application import Rules
from tests.browser.test_accessibility import LONG, complaints
from tests.browser.visitors import window
from tests.projections.lives import NOON, PEOPLE


@pytest.fixture
def rule(engine: sa.Engine) -> str:
    """The path of a rule with four revisions, each with a clause of its own."""
    with engine.begin() as connection:
        app = Rules(lambda: nullcontext(connection))

        def document(number: int) -> dict[str, Any]:
            clauses = [{"title": f"Clause {each}", "body": f"{LONG} " * 9} for each in range(1, number + 1)]
            return {"sections": [{"categoryName": "Values", "entries": clauses}]}

        rule = app.publish_rule(PEOPLE[0], NOON, "Elm 1", f"A garden of {LONG}", document(1))
        for number in (2, 3, 4):
            said = {"changed": f"One more: {LONG}", "decided_by": "consent", "decided_on": NOON.date()}
            app.revise_rule(rule.id, PEOPLE[0], NOON, f"Elm {number}", None, document(number), **said)
    return f"/rules/{rule.id}"


def at(page: Page, number: int, last: int = 4) -> None:
    """The page shows this event, all of it."""
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Event {number} of {last}")
    expect(page.locator(".rule-title")).to_have_text(f"Elm {number}")
    expect(page.locator(".clause")).to_have_count(number)
    expect(page).to_have_url(re.compile(rf"/history\?at={number}$"))
    expect(page).to_have_title(re.compile(f"Event {number} of {last}, history of Elm {number}"))


def test_the_slider_with_keys_and_the_back_button(browser: Browser, server: str, rule: str) -> None:
    with window(browser, server) as page:
        loads: list[str] = []
        page.on("load", lambda: loads.append(page.url))
        page.goto(f"{rule}/history?at=1")
        slider = page.get_by_role("slider")
        expect(slider).to_have_accessible_name("Event 1 of 4")
        expect(page.get_by_role("button", name="Show")).to_have_count(0)
        slider.focus()
        page.keyboard.press("ArrowRight")
        at(page, 2)
        expect(page.get_by_role("status")).to_have_text(re.compile("Event 2 of 4: Published revision 2."))
        expect(slider).to_be_focused()
        expect(slider).to_have_attribute("aria-valuetext", "Event 2 of 4")
        page.keyboard.press("End")
        at(page, 4)
        # Another clause of the same page is no other event.
        page.get_by_role("link", name="Clause 1.3", exact=True).click()
        expect(page).to_have_url(re.compile("at=4#"))
        page.go_back()
        at(page, 4)
        page.go_back()
        at(page, 2)
        expect(slider).to_have_value("2")
        page.go_back()
        at(page, 1)
        page.go_forward()
        at(page, 2)
        assert len(loads) == 1
        page.reload()
        at(page, 2)
        page.get_by_role("link", name="Last").click()
        at(page, 4)
        expect(page.get_by_role("slider")).to_have_value("4")


def test_a_drag_asks_for_where_it_ends(browser: Browser, server: str, rule: str) -> None:
    with window(browser, server) as page:
        page.goto(f"{rule}/history?at=1")
        box = page.get_by_role("slider").bounding_box()
        assert box is not None
        assert box["height"] >= 44
        middle = box["y"] + box["height"] / 2
        page.mouse.move(box["x"] + 8, middle)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] - 2, middle, steps=12)
        page.mouse.up()
        at(page, 4)
        page.go_back()
        expect(page).to_have_url(re.compile("at=[123]$"))


def test_an_event_that_came_meanwhile_is_within_reach(
    browser: Browser, server: str, rule: str, engine: sa.Engine
) -> None:
    with window(browser, server) as page:
        page.goto(f"{rule}/history?at=4")
        with engine.begin() as connection:
            app = Rules(lambda: nullcontext(connection))
            (rule_id,) = connection.scalars(sa.text("SELECT id FROM rules"))
            app.revise_rule(rule_id, PEOPLE[0], NOON, "Elm 5", None, {"sections": []})
        page.get_by_role("slider").press("ArrowLeft")
        at(page, 3, last=5)
        page.get_by_role("slider").press("End")
        expect(page.locator(".rule-title")).to_have_text("Elm 5")


@pytest.mark.parametrize("trouble", ["no answer", "an error"])
def test_what_the_script_can_not_get_the_browser_shows(browser: Browser, server: str, rule: str, trouble: str) -> None:
    with window(browser, server) as page:
        page.goto(f"{rule}/history?at=1")

        def refuse(route: Route) -> None:
            if route.request.resource_type != "fetch":
                route.continue_()
            elif trouble == "no answer":
                route.abort()
            else:
                route.fulfill(status=503, body="<p>Back in a moment</p>", content_type="text/html")

        page.route("**/history?at=*", refuse)
        page.get_by_role("slider").press("End")
        at(page, 4)
        page.go_back()
        at(page, 1)


def test_a_rule_that_was_withdrawn_meanwhile_says_so(
    browser: Browser, server: str, rule: str, engine: sa.Engine
) -> None:
    with window(browser, server) as page:
        page.goto(f"{rule}/history?at=1")
        with engine.begin() as connection:
            (rule_id,) = connection.scalars(sa.text("SELECT id FROM rules"))
            Rules(lambda: nullcontext(connection)).withdraw_rule(rule_id, PEOPLE[0], NOON)
        page.get_by_role("slider").press("End")
        expect(page.get_by_role("heading", level=1)).to_have_text("This rule was withdrawn")


def test_without_a_script(browser: Browser, server: str, rule: str) -> None:
    with window(browser, server, java_script_enabled=False) as page:
        page.goto(f"{rule}/history")
        page.get_by_role("link", name="Step through the history").click()
        at(page, 1)
        page.get_by_role("link", name="Next").click()
        at(page, 2)
        page.get_by_role("slider").press("End")
        page.get_by_role("button", name="Show").click()
        at(page, 4)


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("dark", 1280)])
def test_nothing_to_complain_of(browser: Browser, server: str, rule: str, scheme: Any, width: int) -> None:
    with window(browser, server, color_scheme=scheme, viewport={"width": width, "height": 844}) as page:
        for address in (f"{rule}/history", f"{rule}/history?at=1", f"{rule}/history?at=9", f"{rule}/revisions/2"):
            page.goto(address)
            assert complaints(page) == []
            assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
        page.goto(f"{rule}/history?at=1")
        page.get_by_role("slider").press("End")
        at(page, 4)
        assert complaints(page) == []
        for name in ("First", "Previous"):
            box = page.get_by_role("link", name=name).bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 44
