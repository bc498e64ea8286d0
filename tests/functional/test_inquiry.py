"""Anybody asks the people who run the site, on a page or as a program, and nothing of what they write is lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from webtest import TestApp

from tests.fixtures.mail import Mailbox
from tests.fixtures.site import Clock, MakeApp
from tests.functional.flow import errors
from tests.functional.people import form_to
from tests.functional.waiting import text_of, the_mail, waiting

API, PAGE = "/api/organizer-inquiry", "/learn/ask"
INBOX = "Organizers <ask@example.org>"
QUESTION = {"email": " Cleo@Example.org ", "message": "  How do we begin?\nWe are nine, in Köln.  "}


@pytest.fixture
def app(make_app: MakeApp) -> Any:
    return make_app(ORGANIZER_INQUIRY_TO=INBOX)


def test_a_question_becomes_a_mail_that_is_answered_to_who_asked(
    app: Any, client: TestApp, smtp: Mailbox, engine: sa.Engine
) -> None:
    smtp.refusal = "451 Not now"
    assert client.post_json(API, QUESTION).json == {"ok": True}
    smtp.refusal = None
    mail = the_mail(app, smtp, engine)
    assert mail["X-Rcpt-To"] == "ask@example.org"
    assert mail["Reply-To"] == "cleo@example.org"
    assert mail["From"] == "Community Rule <hello@example.org>"
    assert mail["Subject"] == "A question from cleo@example.org"
    text = text_of(mail)
    assert "> How do we begin?\n> We are nine, in Köln.\n" in text
    assert 'the form "Ask an organizer"' in text


def test_what_strangers_write_stays_theirs(app: Any, client: TestApp, smtp: Mailbox, engine: sa.Engine) -> None:
    message = "Subject: Won\r\nBcc: all@example.org\r\n\r\nThe people who run this site write:\x00\x1b[2J {email} %s"
    client.post(PAGE, {"email": "cleo@example.org", "message": message})
    mail = the_mail(app, smtp, engine)
    assert mail["X-Rcpt-To"] == "ask@example.org"
    assert mail["Bcc"] is None
    quoted = "> Subject: Won\n> Bcc: all@example.org\n> \n> The people who run this site write:[2J {email} %s\n"
    assert quoted in text_of(mail)
    for email in (
        "cleo@example.org\r\nBcc: all@example.org",
        "cleo@example.org, all@example.org",
        "<cleo@example.org>",
    ):
        client.post_json(API, {"email": email, "message": message.replace("\0", "")}, status=400)
        client.post(PAGE, {"email": email, "message": message}, status=400)
    assert waiting(engine) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "cleo"}, "email"),
        ({"email": ""}, "email"),
        ({"message": "Too short"}, "message"),
        ({"message": " " * 20}, "message"),
        ({"message": "x" * 10_001}, "message"),
        ({"message": None}, "message"),
        ({"email": None}, "email"),
    ],
)
def test_what_cannot_be_used_is_said_by_field(
    client: TestApp, engine: sa.Engine, change: dict[str, Any], field: str
) -> None:
    answer = client.post_json(API, QUESTION | change, status=400).json
    assert answer["error"]["code"] == "validation_error"
    assert field in answer["details"]["fields"]
    if change[field] is not None:
        page = client.post(PAGE, QUESTION | change, status=400)
        form = form_to(page, PAGE)
        assert page.html.title.text.startswith("Error: ")
        assert answer["details"]["fields"][field] in errors(page)
        assert form["message"].value == (QUESTION | change)["message"].strip()
        assert form["email"].value == (QUESTION | change)["email"]
    assert waiting(engine) == []


def test_faults_stand_in_the_order_of_the_fields(client: TestApp) -> None:
    page = client.post(PAGE, {"email": "cleo", "message": "Short"}, status=400)
    assert [each["href"] for each in page.html.select(".errors a")] == ["#email", "#message"]


@pytest.mark.parametrize("message", ["x" * 10, "x" * 10_000, " " + "x" * 10 + "\n"])
def test_the_bounds_count_what_is_left_after_trimming(client: TestApp, engine: sa.Engine, message: str) -> None:
    client.post_json(API, QUESTION | {"message": message})
    assert len(waiting(engine)) == 1


@pytest.mark.parametrize("filled", ["https://example.com", " x ", 1, ["x"]])
def test_what_fills_in_the_hidden_field_is_answered_the_same_and_mails_nothing(
    client: TestApp, engine: sa.Engine, filled: Any
) -> None:
    robot = client.post_json(API, QUESTION | {"website": filled})
    assert client.post_json(API, {"email": "x", "message": "", "website": filled}).json == {"ok": True}
    assert waiting(engine) == []
    person = client.post_json(API, QUESTION | {"website": " "})
    assert len(waiting(engine)) == 1
    assert robot.body == person.body
    assert {*robot.headers} == {*person.headers}


def test_the_hidden_field_of_the_page(client: TestApp, engine: sa.Engine, clock: Clock) -> None:
    form = form_to(client.get("/learn"), PAGE)
    form["email"], form["message"], form["website"] = "cleo@example.org", QUESTION["message"], "https://example.com"
    robot = form.submit()
    assert waiting(engine) == []
    form["website"] = ""
    assert form.submit().html.main == robot.html.main
    assert len(waiting(engine)) == 1


def test_how_often(app: Any, client: TestApp, engine: sa.Engine, clock: Clock) -> None:
    elsewhere = TestApp(app, extra_environ={"REMOTE_ADDR": "203.0.113.7"})
    client.post_json(API, QUESTION)
    again = elsewhere.post_json(API, QUESTION, status=429)
    assert again.headers["Retry-After"] == "60"
    assert again.json["error"]["code"] == "rate_limited"
    assert client.post_json(API, QUESTION | {"email": "dan@example.org"}, status=429).headers["Retry-After"] == "20"
    page = client.post(PAGE, QUESTION | {"email": "dan@example.org"}, status=429)
    assert "You sent something a moment ago. Try again in 20 seconds." in errors(page)
    kept = form_to(page, PAGE)
    assert (kept["email"].value, kept["message"].value) == ("dan@example.org", QUESTION["message"].strip())
    elsewhere.post_json(API, QUESTION | {"email": "dan@example.org"})
    clock.advance(timedelta(seconds=21))
    client.post_json(API, QUESTION | {"email": "eve@example.org"})
    assert len(waiting(engine)) == 3


def test_the_inbox_is_not_filled_from_many_places_and_the_words_stay_in_the_form(
    app: Any, client: TestApp, engine: sa.Engine, clock: Clock
) -> None:
    for number in range(60):
        place = TestApp(app, extra_environ={"REMOTE_ADDR": f"203.0.113.{number + 1}"})
        place.post_json(API, QUESTION | {"email": f"n{number}@example.org"})
    page = client.post(PAGE, QUESTION, status=429)
    assert page.headers["Retry-After"] == "3600"
    assert "More questions came within the hour" in errors(page)
    assert "Try again in 60 minutes." in errors(page)
    kept = form_to(page, PAGE)
    assert (kept["email"].value, kept["message"].value) == (QUESTION["email"], QUESTION["message"].strip())
    assert len(waiting(engine)) == 60
    clock.advance(timedelta(hours=1))
    kept.submit()
    assert len(waiting(engine)) == 61


def test_one_network_does_not_keep_others_from_asking(
    app: Any, client: TestApp, engine: sa.Engine, clock: Clock
) -> None:
    for number in range(21):
        client.post_json(API, QUESTION | {"email": f"n{number}@example.org"}, status=200 if number < 20 else 429)
        clock.advance(timedelta(seconds=20))
    assert len(waiting(engine)) == 20


@pytest.mark.parametrize("start", ["/", "/learn", "/learn/ask"])
def test_a_form_on_public_pages_for_everybody(
    app: Any, client: TestApp, ada: TestApp, engine: sa.Engine, start: str
) -> None:
    page = client.get(start)
    assert page.headers["Cache-Control"] == ("private, no-store" if start == PAGE else "public, no-cache")
    assert "Set-Cookie" not in page.headers
    form = form_to(page, PAGE)
    form["email"], form["message"] = "cleo@example.org", QUESTION["message"]
    answer = form.submit()
    assert "cleo@example.org" in answer.html.main.text
    assert "csrf" not in answer
    assert len(waiting(engine)) == 1
    # Whoever is signed in finds the same page, but the form's own page knows their address.
    assert form_to(ada.get(start), PAGE)["email"].value == ("ada@example.org" if start == PAGE else "")


def test_other_sites_can_not_send_it(client: TestApp, engine: sa.Engine) -> None:
    client.post(PAGE, QUESTION, headers={"Origin": "https://example.com"}, status=403)
    client.post_json(API, QUESTION, headers={"Origin": "https://example.com"}, status=403)
    assert waiting(engine) == []


def test_without_an_inbox_there_is_no_form(make_app: MakeApp, engine: sa.Engine) -> None:
    client = TestApp(make_app(ORGANIZER_INQUIRY_TO=None))
    for body in (QUESTION, QUESTION | {"website": "x"}):
        assert client.post_json(API, body, status=500).json["error"]["code"] == "server_misconfigured"
    for path in ("/", "/learn", "/about", "/learn/adopting-it"):
        assert PAGE not in client.get(path)
    client.get(PAGE, status=404)
    client.post(PAGE, QUESTION, status=404)
    assert waiting(engine) == []
