"""Anybody tells the people who run the site that a rule should not be on it. Nothing public says so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from webtest import TestApp

from cr.mail import inbox
from tests.fixtures.mail import Mailbox
from tests.fixtures.site import Clock, MakeApp
from tests.functional.flow import errors, topics
from tests.functional.people import form_to
from tests.functional.rules import person, publish, revise, withdraw
from tests.functional.waiting import text_of, the_mail, waiting

MESSAGE = "Clause 1.1 has the address of my sister."


@pytest.fixture
def app(make_app: MakeApp) -> Any:
    return make_app(ORGANIZER_INQUIRY_TO="ask@example.org")


@pytest.fixture
def rule(engine: sa.Engine) -> str:
    """Of two revisions, with a name that would like to be a header."""
    owner = person(engine)
    path = publish(engine, owner, "2026-03-01", name="Elm\r\nBcc: all@example.org")
    revise(engine, path, owner, "2026-03-02", "Joy", name="Elm\r\nBcc: all@example.org")
    return path


def filled(page: Any, rule: str, **fields: str) -> Any:
    form = form_to(page, f"{rule}/report")
    for name, value in ({"wrong": "private", "message": MESSAGE} | fields).items():
        form[name] = value
    return form


def test_a_report_is_a_mail_and_nothing_else(
    app: Any, client: TestApp, smtp: Mailbox, engine: sa.Engine, rule: str
) -> None:
    before = [client.get(f"{rule}{more}").body for more in ("", "/history", "/history.ndjson", "/feed.atom")]
    page = client.get(rule).click("Report this rule")
    answer = filled(page, rule, email="Cleo@example.org").submit()
    assert "Your report was taken" in answer
    mail = the_mail(app, smtp, engine)
    assert (mail["X-Rcpt-To"], mail["Reply-To"], mail["Bcc"]) == ("ask@example.org", "cleo@example.org", None)
    assert mail["Subject"] == "Reported: a rule"
    text = text_of(mail)
    assert f"http://localhost{rule}\n" in text
    assert "Somebody reported revision 2 of a rule" in text
    assert "all@example.org" not in text
    assert "It tells something about a person" in text
    assert f"> {MESSAGE}\n" in text
    assert topics(engine) == ["rule.Published", "rule.Revised"]
    assert before == [client.get(f"{rule}{more}").body for more in ("", "/history", "/history.ndjson", "/feed.atom")]


def test_without_an_address_and_about_an_older_revision(
    app: Any, client: TestApp, smtp: Mailbox, engine: sa.Engine, rule: str
) -> None:
    page = client.get(f"{rule}/revisions/1").click("Report this rule")
    filled(page, rule).submit()
    mail = the_mail(app, smtp, engine)
    assert mail["Reply-To"] is None
    assert "Somebody reported revision 1 of a rule" in text_of(mail)
    assert "no email address" in text_of(mail)


@pytest.mark.parametrize("revision", ["0", "3", "99999999999999999999", "x", "-1"])
def test_a_revision_that_there_is_not_is_the_one_in_force(client: TestApp, rule: str, revision: str) -> None:
    page = client.get(f"{rule}/report", {"revision": revision})
    assert form_to(page, f"{rule}/report")["revision"].value == "2"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"message": "short"}, "Write a little more: at least 10 characters."),
        ({"message": ""}, "Write what it is about."),
        ({"message": "x" * 5001}, "Shorten it to 5000 characters."),
        ({"email": "cleo"}, "Write an email address, such as name@example.org."),
    ],
)
def test_a_refusal_gives_the_form_back(
    client: TestApp, engine: sa.Engine, rule: str, fields: dict[str, str], sentence: str
) -> None:
    answer = filled(client.get(f"{rule}/report"), rule, **fields).submit(status=400)
    assert sentence in errors(answer)
    form = form_to(answer, f"{rule}/report")
    kept = {"wrong": "private", "message": MESSAGE, "email": ""} | fields
    assert {name: form[name].value for name in kept} == kept
    assert waiting(engine) == []


def test_a_reason_is_one_of_ours(client: TestApp, engine: sa.Engine, rule: str) -> None:
    for reason in ("", "x"):
        answer = client.post(f"{rule}/report", {"wrong": reason, "message": MESSAGE}, status=400)
        assert "Choose what is wrong." in errors(answer)
        assert form_to(answer, f"{rule}/report")["message"].value == MESSAGE
    assert waiting(engine) == []


def test_programs_and_other_sites_report_nothing(
    ada: TestApp, client: TestApp, engine: sa.Engine, rule: str, clock: Clock
) -> None:
    form = filled(client.get(f"{rule}/report"), rule, website="https://example.com")
    robot = form.submit()
    client.post(f"{rule}/report", form.submit_fields(), headers={"Origin": "https://example.com"}, status=403)
    assert waiting(engine) == []
    form["website"] = ""
    assert form.submit().html.main == robot.html.main
    again = form.submit(status=429)
    assert MESSAGE in again
    clock.advance(timedelta(seconds=61))
    form.submit()
    filled(ada.get(f"{rule}/report"), rule).submit()
    assert len(waiting(engine)) == 3


def test_many_reports_of_one_rule_are_no_more_than_a_few_mails(
    app: Any, client: TestApp, engine: sa.Engine, rule: str, clock: Clock
) -> None:
    for number in range(5):
        place = TestApp(app, extra_environ={"REMOTE_ADDR": f"203.0.113.{number + 1}"})
        filled(place.get(f"{rule}/report"), rule).submit(status=200)
    page = filled(client.get(f"{rule}/report"), rule, email="cleo@example.org").submit(status=429)
    assert "Others reported this rule within the hour" in errors(page)
    kept = form_to(page, f"{rule}/report")
    assert {name: kept[name].value for name in ("wrong", "message", "email")} == {
        "wrong": "private",
        "message": MESSAGE,
        "email": "cleo@example.org",
    }
    other = publish(engine, person(engine), "2026-03-01", name="Oak")
    filled(client.get(f"{other}/report"), other).submit(status=200)
    assert len(waiting(engine)) == 6
    clock.advance(timedelta(hours=1))
    kept.submit(status=200)
    assert len(waiting(engine)) == 7


def test_reports_of_many_rules_do_not_fill_the_inbox(
    app: Any, client: TestApp, engine: sa.Engine, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "SITE_MOST", 1)
    other = publish(engine, person(engine), "2026-03-01", name="Oak")
    place = TestApp(app, extra_environ={"REMOTE_ADDR": "203.0.113.1"})
    filled(place.get(f"{other}/report"), other).submit(status=200)
    page = filled(client.get(f"{rule}/report"), rule).submit(status=429)
    assert "You can ask an organizer instead." in errors(page)
    assert len(waiting(engine)) == 1


def test_what_was_withdrawn_is_not_reported(client: TestApp, engine: sa.Engine, rule: str) -> None:
    form = filled(client.get(f"{rule}/report"), rule)
    withdraw(engine, rule, None, "2026-03-03", "Spam")
    form.submit(status=410)
    client.get(f"{rule}/report", status=410)
    assert waiting(engine) == []


def test_without_an_inbox_the_page_says_so(make_app: MakeApp, engine: sa.Engine, rule: str) -> None:
    client = TestApp(make_app(ORGANIZER_INQUIRY_TO=None))
    page = client.get(rule).click("Report this rule")
    assert "no inbox" in page
    assert page.html.main.form is None
    refused = client.post(f"{rule}/report", {"wrong": "harm", "message": MESSAGE}, status=500)
    # What was written, and not what was chosen.
    assert [each.text.strip() for each in refused.html.select("textarea")] == [MESSAGE]
