"""The whole life of one rule: five revisions by two people, one of them contested, a copy, and the end.

Organizers, readers and auditors see it in Chromium, operators at a terminal.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Page, expect

from cr.events.command import main as cr_events
from cr.projections.command import main as cr_projections
from tests.audit.commands import cr_replay, told
from tests.browser.test_accessibility import complaints
from tests.browser.visitors import PREPARED, at, prepare, press, signed_in, window
from tests.fixtures.mail import Mailbox
from tests.fixtures.site import Clock

PHONE: dict[str, Any] = {"color_scheme": "light", "viewport": {"width": 390, "height": 844}}
DESK: dict[str, Any] = {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}}


class Organizer:
    """Somebody who writes the rule in a browser of their own."""

    def __init__(self, page: Page, rule: str) -> None:
        self.page, self.rule = page, rule

    def begin(self) -> str:
        self.page.goto(f"{self.rule}/edit")
        self.page.get_by_role("button", name=re.compile("^(Open|Begin)")).click()
        return self.page.url.rstrip("/")

    def write(self, draft: str, field: str, text: str) -> None:
        """A new text in the first field of the values that is called so."""
        self.page.goto(f"{draft}/values")
        self.page.get_by_label(field).first.fill(text)
        press(self.page, "Save and go back")

    def publish(self, draft: str, number: int, changed: str, way: str | None = None, **more: str) -> None:
        self.page.goto(f"{draft}/publish")
        self.page.get_by_label("What changes").fill(changed)
        if way:
            self.page.get_by_role("radio", name=way).check()
        for label, text in more.items():
            self.page.get_by_label(label.replace("_", " ")).fill(text)
        press(self.page, f"Publish revision {number}")


def sound(page: Page) -> None:
    assert complaints(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def step(clock: Clock) -> None:
    clock.advance(timedelta(hours=1))


def test_the_life_of_a_rule(
    browser: Browser,
    server: str,
    smtp: Mailbox,
    clock: Clock,
    engine: sa.Engine,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with window(browser, server, **PHONE) as ada_page, window(browser, server, **DESK) as bo_page:
        rule = written_by_two(ada_page, bo_page, smtp, clock)
        read(bo_page, rule)
        file = audited(bo_page, rule, tmp_path)
        copied(bo_page, rule, server)
        operated(rule, database_url, engine, monkeypatch, capsys)
        withdrawn(ada_page, bo_page, rule)
    # What was copied before it went still proves what it said.
    run = cr_replay(file)
    assert run.returncode == 0
    assert "Every hash matches." in told(run)


def written_by_two(ada_page: Page, bo_page: Page, smtp: Mailbox, clock: Clock) -> str:
    signed_in(ada_page, smtp)
    prepare(ada_page, PREPARED)
    ada_page.goto("/create/final-review")
    ada_page.get_by_text("Say how it was adopted").click()
    ada_page.get_by_role("radio", name="Lazy consensus").check()
    sound(ada_page)
    press(ada_page, "Publish the rule")
    found = ada_page.request.get("/api/rules").json()["rules"][0]["id"]
    ada, bo = Organizer(ada_page, f"/rules/{found}"), Organizer(bo_page, f"/rules/{found}")
    ada_page.goto(f"{ada.rule}/organizers")
    ada_page.get_by_label("Your name in the history").fill("Ada")
    press(ada_page, "Save your name")
    press(ada_page, "Make a link for somebody")
    link = ada_page.get_by_label("The link", exact=True).input_value()
    step(clock)
    signed_in(bo_page, smtp, "bo@example.org")
    bo_page.goto(link)
    bo_page.get_by_label("Your name in the history").fill("Bo")
    press(bo_page, "Join as an organizer")

    draft = bo.begin()
    bo.write(draft, "What it means here", "We say it early, and kindly.")
    bo.publish(draft, 2, "How we say things.", "Lazy consensus", Where_it_is_recorded="Minutes 2")

    # Both begin from revision 2 and change the same words.
    step(clock)
    ours, theirs = ada.begin(), bo.begin()
    ada.write(ours, "What it means here", "We say it early, kindly, and to the person.")
    bo.write(theirs, "What it means here", "We say it within a week.")
    ada.publish(ours, 3, "To whom we say it.", "Two loaves")
    bo_page.goto(f"{theirs}/publish")
    at(bo_page, "The rule moved on while you were writing")
    sound(bo_page)
    bo_page.get_by_label("The draft’s text").fill("We say it kindly, to the person, within a week.")
    press(bo_page, "Bring both together")
    bo.publish(theirs, 4, "When we say it.")
    expect(bo_page.get_by_role("heading", level=1)).to_have_text("Elm Street Bakery is published")

    # Another way than the rule's own, and not before the next month.
    step(clock)
    draft = ada.begin()
    ada.write(draft, "Signs that it is being broken", "Talk behind backs.")
    later = (clock.now + timedelta(days=31)).date()
    ada.publish(draft, 5, "Signs.", "Another way", In_your_words="a vote at the party", In_force_from=later.isoformat())
    expect(ada_page.get_by_text("The rule names other ways to decide")).to_be_visible()
    sound(ada_page)
    ada_page.get_by_label("We know, and we decided it this way").check()
    press(ada_page, "Publish revision 5")
    at(ada_page, "Elm Street Bakery is published")
    return ada.rule


def read(page: Page, rule: str) -> None:
    page.goto(rule)
    sound(page)
    expect(page.get_by_text("Revision 4, published on")).to_be_visible()
    expect(page.get_by_text("Revision 5 was adopted and comes into force on")).to_be_visible()
    expect(page.get_by_text("We say it kindly, to the person, within a week.")).to_be_visible()
    page.goto(f"{rule}/revisions")
    sound(page)
    expect(page.get_by_role("main")).to_contain_text("To whom we say it.")
    page.goto(f"{rule}/revisions/3")
    sound(page)
    expect(page.get_by_text("Revision 3, adopted by two loaves")).to_be_visible()
    expect(page.get_by_text("Published by Ada")).to_be_visible()
    page.goto(f"{rule}/revisions/5")
    expect(page.get_by_text("It was adopted in a way that the rule did not name at the time.")).to_be_visible()
    page.goto(f"{rule}/compare?from=2&to=4")
    sound(page)
    expect(page.locator("ins").filter(has_text="to the person").first).to_be_visible()
    assert page.request.get(f"{rule}/feed.atom").text().count("<entry>") == 5


def audited(page: Page, rule: str, folder: Path) -> Path:
    """The downloaded history."""
    page.goto(f"{rule}/history?at=1")
    sound(page)
    page.get_by_role("link", name="Last").click()
    # Six events: five revisions, and Bo who joined.
    at(page, "Event 6 of 6")
    page.get_by_role("slider").focus()
    page.keyboard.press("ArrowLeft")
    at(page, "Event 5 of 6")
    expect(page.get_by_role("main")).to_contain_text("When we say it.")
    page.goto(f"{rule}/history")
    sound(page)
    file = folder / "history.ndjson"
    file.write_bytes(page.request.get(f"{rule}/history.ndjson").body())
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [line["by"] for line in lines] == [
        *("organizer-1", "organizer-2", "organizer-2", "organizer-1", "organizer-2", "organizer-1")
    ]
    for number in range(1, 6):
        canonical = page.request.get(f"{rule}/revisions/{number}/canonical.json").body()
        digest = hashlib.sha256(canonical).hexdigest()
        page.goto(f"{rule}/revisions/{number}")
        expect(page.locator(".rule-quote code")).to_have_text(digest)
        assert hashlib.sha256(cr_replay("--revision", str(number), "--json", file).stdout).hexdigest() == digest
    return file


def copied(page: Page, rule: str, server: str) -> None:
    page.goto(rule)
    page.get_by_role("link", name="Start your own rule from this text").click()
    sound(page)
    page.get_by_role("main").get_by_role("button").last.click()
    page.goto(f"{page.url.rstrip('/')}/about")
    page.get_by_label("Name of your community or rule").fill("Oak Street Bakery")
    press(page, "Save and go back")
    page.get_by_role("link", name="Continue to publish").click()
    press(page, "Publish the rule")
    page.locator(".notice a.link").click()
    expect(page.get_by_text("Based on")).to_contain_text("Elm Street Bakery")
    page.goto(rule)
    expect(page.get_by_role("link", name="Oak Street Bakery")).to_be_visible()
    sound(page)


def operated(
    rule: str,
    database_url: str,
    engine: sa.Engine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CLOUDRON_POSTGRESQL_URL", database_url)
    assert cr_events(["show", rule.rsplit("/", 1)[1]]) == 0
    assert "To whom we say it." in capsys.readouterr().out
    assert cr_projections(["rebuild", "--all"]) == 0
    assert cr_projections(["check"]) == 0
    assert "NOT equal" not in capsys.readouterr().out
    assert cr_projections(["status"]) == 0


def withdrawn(ada_page: Page, bo_page: Page, rule: str) -> None:
    ada_page.goto(f"{rule}/organizers")
    ada_page.get_by_role("link", name="withdraw it").click()
    sound(ada_page)
    ada_page.get_by_label("Why").fill("The bakery closed.")
    press(ada_page, "Withdraw the rule")
    expect(ada_page.get_by_role("main")).to_contain_text("The rule is withdrawn.")
    sound(ada_page)
    ada_page.goto(rule)
    expect(ada_page.get_by_role("main")).to_contain_text("The bakery closed.")
    sound(ada_page)
    for path in ("", "/history", "/history.ndjson", "/revisions", "/revisions/1", "/feed.atom", "/compare?from=1&to=2"):
        answer = bo_page.request.get(f"{rule}{path}")
        assert answer.status == 410, path
        assert "kindly" not in answer.text()
    expect(bo_page.get_by_role("main")).to_contain_text("Oak Street Bakery")
