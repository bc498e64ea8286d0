"""A day in the life of two people: Ada on her phone, Bo at his desk.

They write a draft together, publish it, invite, ask, change an address, and one of them leaves for good. Every mail
goes out by the thread of the server, once while the mail server is away.
"""

from __future__ import annotations

import json
import re
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_accessibility import complaints
from tests.browser.visitors import PREPARED, at, prepare, press, signed_in, window
from tests.fixtures.mail import Mailbox
from tests.fixtures.site import Clock, MakeApp
from tests.functional.flow import unequal

PHONE: dict[str, Any] = {"color_scheme": "light", "viewport": {"width": 390, "height": 844}}
DESK: dict[str, Any] = {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}}

ADA, BO, NEW = "ada@example.org", "bo@example.org", "ada@rules.example"


@pytest.fixture
def app(make_app: MakeApp) -> Any:
    return make_app(ORGANIZER_INQUIRY_TO="organizers@example.org")


def sound(page: Page, heading: str) -> None:
    at(page, heading)
    assert complaints(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def mail(smtp: Mailbox, to: str, about: str) -> Any:
    """The newest mail to somebody about something, which is on its way."""
    for _ in range(600):
        for each in reversed(smtp.messages):
            if each["To"] == to and about in each["Subject"]:
                return each
        time.sleep(0.1)
    raise AssertionError(f"no mail to {to} about {about}: {[each['Subject'] for each in smtp.messages]}")


def link_in(message: Any) -> str:
    """The last address in a mail: behind that of the page that it is about."""
    text: str = message.get_body(("plain",)).get_content()
    return re.findall(r"https?://\S+", text)[-1]


def step(clock: Clock) -> None:
    """Both sit at one place, from which little may be asked for at once."""
    clock.advance(timedelta(minutes=2))


def test_a_day(
    browser: Browser,
    server: str,
    delivering: None,
    smtp: Mailbox,
    clock: Clock,
    engine: sa.Engine,
    tmp_path: Path,
) -> None:
    with window(browser, server, **PHONE) as ada, window(browser, server, **DESK) as bo:
        signed_in(ada, smtp, ADA)
        step(clock)
        signed_in(bo, smtp, BO)
        draft = written_together(ada, bo, smtp, clock)
        rule = published(ada, bo, draft)
        begun_with_a_use_case(bo)
        taking_part(ada, bo, smtp, clock)
        asked(bo, smtp)
        another_address(browser, server, ada, smtp, clock)
        gone(ada, bo, smtp, clock, rule, tmp_path)
        gone_on(bo, rule)
    assert unequal(engine) == []
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM outbox WHERE sent_at IS NULL")) == 0


def written_together(ada: Page, bo: Page, smtp: Mailbox, clock: Clock) -> str:
    prepare(ada, PREPARED)
    ada.goto("/profile")
    sound(ada, "Profile")
    ada.get_by_role("link", name="Elm Street Bakery", exact=True).click()
    draft = ada.url.rstrip("/")
    ada.get_by_role("link", name=re.compile("Write it with others|Writers|others")).first.click()
    sound(ada, "Writers of Elm Street Bakery")
    ada.get_by_label("Your name", exact=False).first.fill("Ada")
    press(ada, "Save your name")
    ada.get_by_label("Their email address").fill(BO)
    press(ada, "Mail them a link")
    invitation = mail(smtp, BO, "together")
    bo.goto(link_in(invitation))
    sound(bo, "Write Elm Street Bakery together")
    bo.get_by_label("Your name", exact=False).fill("Bo")
    press(bo, "Join and write")
    bo.goto("/profile")
    bo.get_by_role("link", name="Ada’s draft: Elm Street Bakery").click()
    bo.goto(f"{draft}/values")
    bo.get_by_label("What it means here").first.fill("We say it early, and kindly.")
    press(bo, "Save and go back")
    ada.goto(f"{draft}/history")
    sound(ada, "History")
    expect(ada.get_by_text("Bo", exact=False).first).to_be_visible()
    step(clock)
    return draft


def published(ada: Page, bo: Page, draft: str) -> str:
    ada.goto(f"{draft}/publish")
    press(ada, "Publish the rule")
    at(ada, "Elm Street Bakery is published")
    found = ada.request.get("/api/rules").json()["rules"][0]["id"]
    bo.goto("/profile")
    sound(bo, "Profile")
    expect(bo.get_by_role("heading", name="Organized with others")).to_be_visible()
    bo.goto(f"/rules/{found}")
    expect(bo.get_by_text("We say it early, and kindly.")).to_be_visible()
    return f"/rules/{found}"


def begun_with_a_use_case(bo: Page) -> None:
    bo.goto("/use-cases")
    sound(bo, "Use cases")
    bo.get_by_role("main").get_by_role("link").first.click()
    slug = bo.url.rstrip("/").rpartition("/")[2]
    answer = bo.request.post(f"/api/use-cases/{slug}/duplicate")
    assert answer.ok, answer.text()


def taking_part(ada: Page, bo: Page, smtp: Mailbox, clock: Clock) -> None:
    """The mail server is away when Bo invites Ada; nothing is lost by it."""
    smtp.refusal = "451 Try later"
    rule = bo.request.get("/api/rules/me").json()["rules"][0]
    bo.goto(f"/rules/{rule['id']}/stakeholders")
    bo.get_by_label("Email addresses").fill(ADA)
    press(bo, "Invite")
    for _ in range(100):
        bo.reload()
        if bo.get_by_role("listitem").filter(has_text=ADA).get_by_text("could not be sent yet").count():
            break
        time.sleep(0.1)
    sound(bo, f"Stakeholders of {rule['title']}")
    smtp.refusal = None
    step(clock)
    invitation = mail(smtp, ADA, "take part")
    bo.reload()
    expect(bo.get_by_role("listitem").filter(has_text=ADA)).to_contain_text("sent")
    ada.goto(link_in(invitation))
    at(ada, rule["title"])
    ada.goto("/profile")
    sound(ada, "Profile")
    expect(ada.get_by_role("heading", name="Rules you have a stake in")).to_be_visible()
    bo.reload()
    expect(bo.get_by_role("listitem").filter(has_text=ADA)).to_contain_text("Accepted")
    assert [each["Subject"] for each in smtp.messages if each["To"] == ADA].count(invitation["Subject"]) == 1


def asked(bo: Page, smtp: Mailbox) -> None:
    bo.goto("/learn")
    bo.get_by_role("link", name="Ask an organizer").first.click()
    sound(bo, "Ask an organizer")
    bo.get_by_label("Your question", exact=False).fill("May a rule be in two languages?")
    bo.get_by_role("main").get_by_role("button").last.click()
    question = mail(smtp, "organizers@example.org", "")
    assert question["Reply-To"] == BO
    assert "May a rule be in two languages?" in question.get_body(("plain",)).get_content()


def another_address(browser: Browser, server: str, ada: Page, smtp: Mailbox, clock: Clock) -> None:
    step(clock)
    with window(browser, server, **DESK) as elsewhere:
        signed_in(elsewhere, smtp, ADA)
        step(clock)
        ada.goto("/profile/account")
        sound(ada, "Your account")
        expect(ada.get_by_role("heading", name="(this one)")).to_be_visible()
        ada.get_by_label("New email address").fill(NEW)
        press(ada, "Mail me a link")
        ada.goto(link_in(mail(smtp, NEW, "new address")))
        sound(ada, "Profile")
        expect(ada.locator(".notice.done")).to_contain_text(f"links to sign in are mailed to {NEW} now")
        elsewhere.goto("/profile")
        assert "/login" in elsewhere.url
    assert "changed" in mail(smtp, ADA, "address")["Subject"]


def gone(ada: Page, bo: Page, smtp: Mailbox, clock: Clock, rule: str, tmp_path: Path) -> None:
    """Ada leaves, with a draft of the next revision in which Bo wrote, too."""
    ada.goto(f"{rule}/edit")
    ada.get_by_role("button", name=re.compile("^(Open|Begin)")).click()
    draft = ada.url.rstrip("/")
    bo.goto(f"{draft}/values")
    bo.get_by_label("What it means here").first.fill("We say it kindly.")
    press(bo, "Save and go back")
    ada.goto("/profile/account")
    with ada.expect_download() as download:
        ada.get_by_role("link", name="Download your data").click()
    download.value.save_as(tmp_path / "mine.json")
    data = json.loads((tmp_path / "mine.json").read_text())
    assert data["account"]["email"] == NEW
    assert {each["role"] for each in data["rules"]} == {"owner", "stakeholder"}
    ada.get_by_role("link", name="delete your account").click()
    sound(ada, "Delete your account?")
    ada.get_by_label("Your email address").fill(ADA)
    press(ada, "Delete my account")
    expect(ada.get_by_role("alert")).to_contain_text(f"that is not {NEW}")
    ada.get_by_label("Your email address").fill(NEW)
    press(ada, "Delete my account")
    sound(ada, "Your account is deleted")
    mail(smtp, NEW, "deleted")
    ada.goto("/profile")
    assert "/login" in ada.url


def gone_on(bo: Page, rule: str) -> None:
    bo.goto("/profile")
    bo.get_by_role("link", name="A new revision", exact=False).or_(bo.locator("#drafts + ul h3 a")).first.click()
    draft = bo.url.rstrip("/")
    bo.goto(f"{draft}/publish")
    bo.get_by_label("What changes").fill("How we say it.")
    press(bo, "Publish revision 2")
    at(bo, "Elm Street Bakery is published")
    bo.goto(f"{rule}/history")
    sound(bo, "History of Elm Street Bakery")
    expect(bo.get_by_role("main")).not_to_contain_text("Ada")
    bo.goto(rule)
    expect(bo.get_by_text("We say it kindly.")).to_be_visible()
