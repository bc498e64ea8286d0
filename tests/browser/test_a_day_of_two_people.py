"""A day in the life of two people: Ada on her phone, Bo at his desk.

They write a draft together, publish it, begin with a use case, invite, ask, change an address, and one of them leaves
for good. Every mail goes out by the thread of the server, once while the mail server is away. At the end of the day an
operator looks at what is left.
"""

from __future__ import annotations

import json
import re
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Page, expect

from cr.events.command import main as cr_events
from cr.operators import main as cr_rules
from cr.projections.command import main as cr_projections
from tests.browser.test_accessibility import complaints
from tests.browser.visitors import PREPARED, at, go_on, prepare, press, signed_in, window
from tests.fixtures.mail import Mailbox
from tests.fixtures.site import Clock, MakeApp

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


def mail(smtp: Mailbox, to: str, subject: str) -> Any:
    """The newest mail to somebody that has this subject, which is on its way."""
    for _ in range(600):
        for each in reversed(smtp.messages):
            if (each["To"], each["Subject"]) == (to, subject):
                return each
        time.sleep(0.1)
    raise AssertionError(f"no mail to {to}, {subject}: {[each['Subject'] for each in smtp.messages]}")


def link_in(message: Any) -> str:
    """The last address in a mail: behind that of the page that it is about."""
    text: str = message.get_body(("plain",)).get_content()
    return re.findall(r"https?://\S+", text)[-1]


def reword(page: Page, draft: str, meaning: str) -> None:
    """Write what the value Candour means."""
    page.goto(f"{draft}/values")
    page.get_by_role("group", name="Candour", exact=True).get_by_label("What it means here", exact=True).fill(meaning)
    press(page, "Save and go back")
    at(page, "Elm Street Bakery")


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
    capsys: pytest.CaptureFixture[str],
) -> None:
    with window(browser, server, **PHONE) as ada, window(browser, server, **DESK) as bo:
        signed_in(ada, smtp, ADA)
        step(clock)
        signed_in(bo, smtp, BO)
        draft = written_together(ada, bo, smtp, clock)
        rule = published(ada, bo, draft)
        stakeholder_of = begun_with_a_use_case(bo)
        taking_part(ada, bo, smtp, clock, stakeholder_of)
        asked(bo, smtp)
        another_address(browser, server, ada, smtp, clock)
        gone(ada, bo, smtp, clock, rule, tmp_path)
        gone_on(bo, rule)
    operated(rule, capsys)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM outbox WHERE sent_at IS NULL")) == 0


def written_together(ada: Page, bo: Page, smtp: Mailbox, clock: Clock) -> str:
    prepare(ada, PREPARED)
    ada.goto("/profile")
    sound(ada, "Profile")
    ada.get_by_role("link", name="Elm Street Bakery", exact=True).click()
    draft = ada.url.rstrip("/")
    ada.get_by_role("link", name="Let others write with you", exact=True).click()
    sound(ada, "Writers of Elm Street Bakery")
    ada.get_by_label("Your name in the history", exact=True).fill("Ada")
    press(ada, "Save your name")
    ada.get_by_label("Their email address", exact=True).fill(BO)
    press(ada, "Mail them a link")
    bo.goto(link_in(mail(smtp, BO, "Write “Elm Street Bakery” together")))
    sound(bo, "Write Elm Street Bakery together")
    bo.get_by_label("Your name in the history", exact=True).fill("Bo")
    press(bo, "Join and write")
    bo.goto("/profile")
    bo.get_by_role("link", name="Ada’s draft: Elm Street Bakery", exact=True).click()
    reword(bo, draft, "We say it early, and kindly.")
    ada.goto(f"{draft}/history")
    sound(ada, "History")
    expect(ada.locator(".what").first).to_have_text("Described the value Candour. Bo")
    step(clock)
    return draft


def published(ada: Page, bo: Page, draft: str) -> str:
    ada.goto(f"{draft}/publish")
    press(ada, "Publish the rule")
    at(ada, "Elm Street Bakery is published")
    found = ada.request.get("/api/rules").json()["rules"][0]["id"]
    bo.goto("/profile")
    sound(bo, "Profile")
    expect(bo.get_by_role("heading", name="Organized with others", exact=True)).to_be_visible()
    bo.goto(f"/rules/{found}")
    expect(bo.get_by_text("We say it early, and kindly.")).to_be_visible()
    return f"/rules/{found}"


def begun_with_a_use_case(bo: Page) -> str:
    """The rule that Bo makes of it, with a name of his own."""
    bo.goto("/use-cases")
    sound(bo, "Use cases")
    bo.get_by_role("link", name="Ninth Wheel", exact=True).click()
    sound(bo, "Ninth Wheel")
    bo.locator(".case-head").get_by_role("link", name="Begin with this rule", exact=True).click()
    sound(bo, "Begin with the rule of Ninth Wheel")
    press(bo, "Begin with this rule")
    at(bo, "What is your community called?")
    bo.get_by_label("Name of your community or rule", exact=True).fill("Bike Kitchen")
    go_on(bo, "What do you hold on to when it gets hard?")
    bo.goto(f"/create/final-review?{urlsplit(bo.url).query}")
    sound(bo, "Read it once more")
    press(bo, "Publish the rule")
    sound(bo, "Bike Kitchen is published")
    path = bo.locator(".address a").get_attribute("href")
    assert path is not None
    return path


def taking_part(ada: Page, bo: Page, smtp: Mailbox, clock: Clock, rule: str) -> None:
    """The mail server is away when Bo invites Ada; nothing is lost by it."""
    smtp.refusal = "451 Try later"
    bo.goto(f"{rule}/stakeholders")
    bo.get_by_label("Email addresses", exact=True).fill(ADA)
    press(bo, "Invite")
    for _ in range(100):
        bo.reload()
        if bo.get_by_role("listitem").filter(has_text=ADA).get_by_text("could not be sent yet").count():
            break
        time.sleep(0.1)
    sound(bo, "Stakeholders of Bike Kitchen")
    smtp.refusal = None
    step(clock)
    subject = "You are invited to be a stakeholder of “Bike Kitchen”"
    invitation = mail(smtp, ADA, subject)
    bo.reload()
    expect(bo.get_by_role("listitem").filter(has_text=ADA)).to_contain_text("The mail was sent")
    ada.goto(link_in(invitation))
    at(ada, "Bike Kitchen")
    ada.goto("/profile")
    sound(ada, "Profile")
    expect(ada.get_by_role("heading", name="Rules you are a stakeholder of", exact=True)).to_be_visible()
    bo.reload()
    expect(bo.get_by_role("listitem").filter(has_text=ADA)).to_contain_text("Accepted")
    assert [each["Subject"] for each in smtp.messages if each["To"] == ADA].count(subject) == 1


def asked(bo: Page, smtp: Mailbox) -> None:
    bo.goto("/learn")
    bo.get_by_role("contentinfo").get_by_role("link", name="Ask an organizer", exact=True).click()
    sound(bo, "Ask an organizer")
    bo.get_by_label("Your question", exact=True).fill("May a rule be in two languages?")
    press(bo, "Send the question")
    sound(bo, "Your question was taken")
    question = mail(smtp, "organizers@example.org", f"A question from {BO}")
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
        ada.get_by_label("New email address", exact=True).fill(NEW)
        press(ada, "Mail me a link")
        ada.goto(link_in(mail(smtp, NEW, "Your new email address at Community Rule")))
        sound(ada, "Profile")
        expect(ada.locator(".notice.done")).to_contain_text(f"links to sign in are mailed to {NEW} now")
        elsewhere.goto("/profile")
        assert "/login" in elsewhere.url
    mail(smtp, ADA, "Your email address at Community Rule was changed")


def gone(ada: Page, bo: Page, smtp: Mailbox, clock: Clock, rule: str, tmp_path: Path) -> None:
    """Ada leaves, with a draft of the next revision in which Bo wrote, too."""
    ada.goto(f"{rule}/edit")
    press(ada, "Open a draft")
    reword(bo, ada.url.rstrip("/"), "We say it kindly.")
    ada.goto("/profile/account")
    with ada.expect_download() as download:
        ada.get_by_role("link", name="Download your data", exact=True).click()
    download.value.save_as(tmp_path / "mine.json")
    data = json.loads((tmp_path / "mine.json").read_text())
    assert data["account"]["email"] == NEW
    assert {each["role"] for each in data["rules"]} == {"owner", "stakeholder"}
    ada.get_by_role("link", name="delete your account", exact=True).click()
    sound(ada, "Delete your account?")
    ada.get_by_label("Your email address", exact=True).fill(ADA)
    press(ada, "Delete my account")
    expect(ada.get_by_role("alert")).to_contain_text(f"that is not {NEW}")
    ada.get_by_label("Your email address", exact=True).fill(NEW)
    press(ada, "Delete my account")
    sound(ada, "Your account is deleted")
    mail(smtp, NEW, "Your account at Community Rule is deleted")
    ada.goto("/profile")
    assert "/login" in ada.url


def gone_on(bo: Page, rule: str) -> None:
    bo.goto("/profile")
    bo.get_by_role("link", name="All parts of Elm Street Bakery", exact=True).click()
    bo.get_by_role("link", name="Continue to publish", exact=True).click()
    bo.get_by_label("What changes", exact=True).fill("How we say it.")
    press(bo, "Publish revision 2")
    at(bo, "Elm Street Bakery is published")
    bo.goto(f"{rule}/history")
    sound(bo, "History of Elm Street Bakery")
    expect(bo.get_by_role("main")).not_to_contain_text("Ada")
    bo.goto(rule)
    expect(bo.get_by_text("We say it kindly.")).to_be_visible()


def operated(rule: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What commands say of the rule, and of the whole site."""
    capsys.readouterr()
    assert cr_rules(["show", rule]) == 0
    told = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert (told["Title"], told["Owner"], told["Revisions"]) == ("Elm Street Bakery", "none", "2")
    assert cr_events(["show", rule.rpartition("/")[2]]) == 0
    log = capsys.readouterr().out
    assert "We say it kindly." in log
    assert [word for word in (ADA, NEW, BO, '"Ada"') if word in log] == []
    assert cr_projections(["check"]) == 0
    assert "NOT equal" not in capsys.readouterr().out
