"""axe-core finds nothing to complain of on any page, light or dark, on a phone or a desk; nothing scrolls sideways."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.test_main_job import fill_last, sign_in
from tests.fixtures.mail import Mailbox
from tests.fixtures.site import MakeApp
from tests.functional.rules import noon, person, publish, revise, withdraw

WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
LONG = "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetzesdurchführungsverordnung"


@pytest.fixture
def app(make_app: MakeApp) -> Any:
    """With all forms that there are."""
    return make_app(ORGANIZER_INQUIRY_TO="ask@example.org")


@pytest.fixture
def organizer(
    browser: Browser, server: str, smtp: Mailbox, engine: sa.Engine
) -> Iterator[tuple[BrowserContext, dict[str, str]]]:
    """A signed-in browser, and the address of every page there is, with text in it."""
    with browser.new_context(base_url=server) as context:
        page = context.new_page()
        sign_in(page, smtp, "ada@example.org")
        page.get_by_label("Name of your community or rule").fill(f"Elm Street {LONG}")
        page.get_by_role("button", name="See all parts at once").click()
        draft = page.url.rstrip("/")
        page.goto(f"{draft}/values")
        fill_last(page, Name=LONG, What_it_means_here=f"We look after {LONG}.\n\n- one\n- two")
        page.get_by_role("button", name="Save and go back").click()
        page.goto(f"{draft}/publish")
        page.get_by_role("button", name="Publish the rule").click()
        rule = page.locator(".notice a.link").get_attribute("href") or ""
        published = page.url
        page.goto(f"{rule.rstrip('/')}/edit")
        page.get_by_role("button", name="Open a draft").click()
        second = page.url.rstrip("/")
        page.goto(f"{second}/about")
        page.get_by_label("Summary").fill("A garden between two roads.")
        page.get_by_role("button", name="Save and go back").click()
        rule = rule.rstrip("/")
        waiting, gone = rules_of_others(engine)
        yield (
            context,
            {
                "home": "/",
                "rules": "/rules",
                "rule": rule,
                "rule history": f"{rule}/history",
                "revision": f"{rule}/revisions/1",
                "revisions": f"{rule}/revisions",
                "edit": f"{rule}/edit",
                "copy": f"{rule}/copy",
                "waiting": waiting,
                "superseded": f"{waiting}/revisions/1",
                "waiting revisions": f"{waiting}/revisions",
                "a day": f"{waiting}?on=2026-03-01",
                "a day before": f"{waiting}?on=2020-01-01",
                "no day": f"{waiting}?on=yesterday",
                "withdrawn": gone,
                "copies": f"{gone}/copies",
                "profile": "/profile",
                "account": "/profile/account",
                "changed address": "/profile?email_change=ok",
                "taken address": "/profile?error=email_change_taken",
                "draft": second,
                "draft history": f"{second}/history",
                "entry": f"{second}/at?entry=1",
                "preview": f"{second}/preview",
                "publish": f"{second}/publish",
                "discard": f"{second}/discard",
                "published": published,
                **{
                    part: f"{second}/{part}"
                    for part in ("about", "values", "communication", "membership", "decisions", "conflict", "more")
                },
                "use cases": "/use-cases",
                "use case": "/use-cases/ternfield",
                "begin with a use case": "/use-cases/ternfield/begin",
                "api": "/api/docs",
                "login": "/login",
                "expired link": "/login?error=expired_link",
                "not found": "/nothing",
                "report": f"{rule}/report",
                "guides": "/learn",
                "guide": "/learn/a-house-rule-for-privacy",
                "ask": "/learn/ask",
                "how it works": "/how-it-works",
                "about the site": "/about",
                "legacy archive": "/legacy-archive",
            },
        )


def rules_of_others(engine: sa.Engine) -> tuple[str, str]:
    """The paths of a rule that has all that a page can say of its revisions, and of one that was withdrawn."""
    ana = person(engine, f"Ana {LONG}")
    gone = publish(engine, ana, "2026-03-01", name=LONG)
    source: dict[str, Any] = {"copied_from": UUID(gone[-36:]), "copied_revision": 1}
    waiting = publish(engine, ana, "2026-03-01", "Care", name=LONG, **source)
    decision: dict[str, Any] = {"changed": LONG, "decided_by": LONG, "record": f"https://example.org/{LONG}"}
    revise(engine, waiting, ana, "2026-03-02", "Care", LONG, outside_rule=True, **decision)
    revise(engine, waiting, ana, "2026-03-03", "Joy", in_force_from=noon("9000-01-01").date(), **decision)
    withdraw(engine, gone, ana, "2026-03-04", LONG)
    return waiting, gone


def complaints(page: Page) -> list[Any]:
    found = Axe().run(page, options=WCAG).response["violations"]
    return [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in found]


def test_every_page(organizer: tuple[BrowserContext, dict[str, str]], browser: Browser) -> None:
    signed_in, pages = organizer
    found = {}
    for scheme, width in (("light", 390), ("dark", 1280)):
        with browser.new_context(
            base_url=pages["rule"].partition("/rules")[0],
            storage_state=signed_in.storage_state(),
            color_scheme=scheme,  # type: ignore[arg-type]
            viewport={"width": width, "height": 844},
        ) as context:
            page = context.new_page()
            for name, address in pages.items():
                page.goto(address)
                wrong = complaints(page)
                if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                    wrong.append("scrolls sideways")
                if wrong:
                    found[f"{name}, {scheme}, {width}"] = wrong
    assert found == {}


def test_errors_and_conflicts(organizer: tuple[BrowserContext, dict[str, str]]) -> None:
    context, pages = organizer
    one, other = context.new_page(), context.new_page()
    for page in (one, other):
        page.goto(pages["about"])
        page.get_by_label("Summary").fill(f"Written in window {context.pages.index(page)}")
    one.get_by_role("button", name="Save and go back").click()
    other.get_by_role("button", name="Save and go back").click()
    assert other.title().startswith("Two changes met")
    assert complaints(other) == []
    one.goto(pages["decisions"])
    one.get_by_label("The idea").last.fill("An idea without a name")
    one.get_by_role("button", name="Save and go back").click()
    assert one.title().startswith("Error: ")
    assert one.evaluate("document.activeElement.className") == "errors"
    assert complaints(one) == []
