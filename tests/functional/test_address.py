"""Changing one's address: who can, with which browser, how often, what both addresses are told, and what it ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from webtest import TestApp

from cr.accounts.deletion import SUBJECT as DELETED
from cr.accounts.email_change import TOLD_SUBJECT
from tests.fixtures.mail import Mailbox, deliver
from tests.fixtures.site import Clock, MakeApp
from tests.functional.people import form_to, mailed_link, path_of, sign_in
from tests.functional.test_all_or_nothing import at_once

REQUEST, VERIFY = "/api/user/email-change/request", "/api/user/email-change/verify"
OK = "/profile?email_change=ok"
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
NEW = "ada@new.example.org"


def ask(client: TestApp, email: str = NEW, status: int = 200) -> Any:
    return client.post_json(REQUEST, {"newEmail": email}, status=status)


def link(smtp: Mailbox) -> str:
    return path_of(mailed_link(smtp))


def lands(answer: Any) -> str:
    assert answer.status_int == 303
    return path_of(answer.location)


def refused(code: str) -> str:
    return f"/profile?error=email_change_{code}"


def email(client: TestApp) -> str | None:
    user = client.get("/api/auth/session").json["user"]
    return user["email"] if user else None


def stranger(app: Any, address: str = "203.0.113.9") -> TestApp:
    return TestApp(app, extra_environ={"REMOTE_ADDR": address})


def waiting(engine: sa.Engine) -> list[Any]:
    """Mails that wait for their turn, or were sent in it."""
    with engine.connect() as connection:
        return list(connection.execute(sa.text("SELECT recipient, subject, text, reply_to FROM outbox")).all())


def to(smtp: Mailbox) -> list[str]:
    return [mail["X-Rcpt-To"] for mail in smtp.messages]


# The way it goes


def test_the_browser_that_asked_changes_it_by_the_link(ada: TestApp, app: Any, smtp: Mailbox, clock: Clock) -> None:
    account = ada.get("/api/auth/session").json["user"]["id"]
    assert ask(ada, " Ada@NEW.example.org ").json == {"ok": True}
    assert email(ada) == "ada@example.org"
    assert to(smtp)[-1] == NEW
    assert lands(ada.get(link(smtp))) == OK
    assert ada.get("/api/auth/session").json["user"] == {"id": account, "email": NEW}
    clock.advance(MINUTE)
    elsewhere = sign_in(app, smtp, NEW)
    assert elsewhere.get("/api/auth/session").json["user"]["id"] == account


def test_the_page_asks_mails_and_says_what_came_of_it(ada: TestApp, smtp: Mailbox) -> None:
    page = ada.get("/profile").click("Your account")
    assert "ada@example.org" in page.html.main.text
    form = form_to(page, "/profile/account/address")
    form["newEmail"] = NEW
    sent = form.submit(status=200)
    assert sent.html.h1.text == "Look in your mail"
    assert NEW in sent.html.main.text
    done = ada.get(link(smtp), status=303).follow()
    said = done.html.select_one("[role=status]")
    assert NEW in said.text
    assert said.has_attr("autofocus")
    assert not done.html.title.text.startswith("Error")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Write an email address, such as name@example.org."),
        ("ada", "Write an email address, such as name@example.org."),
        ("ada@example.org\r\nBcc: bo@example.org", "Write an email address, such as name@example.org."),
        (" ADA@example.org", "This is your email address already."),
    ],
)
def test_what_can_not_be_is_said_beside_the_field(ada: TestApp, smtp: Mailbox, typed: str, sentence: str) -> None:
    before = len(smtp.messages)
    error = ask(ada, typed, status=400).json
    assert error["error"]["code"] == "validation_error"
    assert sentence in error["details"]["fields"]["newEmail"]
    form = form_to(ada.get("/profile/account"), "/profile/account/address")
    form["newEmail"] = typed
    page = form.submit(status=400)
    assert page.html.title.text.startswith("Error: ")
    assert sentence in page.html.select_one(".errors").text
    assert sentence in page.html.select_one("#newEmail-error").text
    assert form_to(page, "/profile/account/address")["newEmail"].value == typed
    assert len(smtp.messages) == before
    # A slip does not count.
    ask(ada)


@pytest.mark.parametrize("body", [{}, {"newEmail": 7}, {"newEmail": None}, [], {"email": NEW}])
def test_a_body_that_is_none_is_refused(ada: TestApp, body: Any) -> None:
    assert ada.post_json(REQUEST, body, status=400).json["error"]["code"] == "validation_error"


def test_only_who_is_signed_in_asks(client: TestApp, smtp: Mailbox) -> None:
    assert ask(client, status=401).json["error"]["code"] == "unauthorized"
    assert smtp.messages == []


# Which browser


def test_a_program_that_looks_at_the_mail_changes_nothing(ada: TestApp, app: Any, smtp: Mailbox) -> None:
    ask(ada)
    scanner = stranger(app)
    for method in ("HEAD", "GET", "GET"):
        page = scanner.request(link(smtp), method=method, status=200)
    assert len(page.html.main.select("button, a.button")) == 1
    assert NEW not in page.html.main.text
    ada.head(link(smtp), status=200)
    assert email(ada) == "ada@example.org"
    assert lands(ada.get(link(smtp))) == OK


def test_whoever_the_mail_went_to_by_mistake_can_do_nothing_with_it(ada: TestApp, app: Any, smtp: Mailbox) -> None:
    ask(ada)
    token = link(smtp).partition("token=")[2]
    for person in (stranger(app), sign_in(app, smtp, "bo@example.org")):
        page = person.get(f"{VERIFY}?token={token}", status=200)
        csrf = form_to(page, "/logout")["csrf_token"].value if page.forms else ""
        person.post(VERIFY, {"token": token, "csrf_token": csrf}, expect_errors=True)
        assert email(person) in (None, "bo@example.org")
        assert email(ada) == "ada@example.org"
        assert "ada@example.org" not in page


def test_in_another_browser_a_person_signs_in_first_and_presses_a_button(
    ada: TestApp, app: Any, smtp: Mailbox, clock: Clock
) -> None:
    clock.advance(MINUTE)
    ask(ada)
    address = link(smtp)
    phone = stranger(app)
    form = form_to(phone.get(address).click("Sign in"), "/login")
    assert form["next"].value == address
    form["email"] = "ada@example.org"
    form.submit()
    # As in a browser: the mailed link leads back to the page.
    page = phone.get(link(smtp), status=303).follow()
    assert page.html.h1.text == "Change your email address?"
    assert NEW in page
    assert email(phone) == "ada@example.org"
    assert lands(form_to(page, VERIFY).submit()) == OK
    assert email(phone) == NEW
    assert email(ada) is None


def test_who_is_signed_in_as_somebody_else_signs_out_first(ada: TestApp, bo: TestApp, smtp: Mailbox) -> None:
    ask(ada)
    page = bo.get(link(smtp), status=200)
    assert page.html.h1.text == "This link is another account’s"
    assert form_to(page, "/logout").submit(status=303)
    assert email(bo) is None


# How long, how often


def test_it_works_once(ada: TestApp, smtp: Mailbox) -> None:
    ask(ada)
    assert lands(ada.get(link(smtp))) == OK
    again = ada.get(link(smtp))
    assert lands(again) == refused("expired")
    assert f"Your email address is {NEW}." in again.follow().html.select_one("[role=alert]").text


def test_it_works_for_ten_minutes(ada: TestApp, smtp: Mailbox, clock: Clock) -> None:
    ask(ada)
    clock.advance(10 * MINUTE)
    assert lands(ada.get(link(smtp))) == refused("expired")
    ask(ada)
    clock.advance(10 * MINUTE - SECOND)
    assert lands(ada.get(link(smtp))) == OK


def test_a_newer_one_voids_the_older_wherever_it_went(ada: TestApp, smtp: Mailbox, clock: Clock) -> None:
    ask(ada, "typo@example.org")
    older = link(smtp)
    clock.advance(MINUTE)
    ask(ada)
    assert lands(ada.get(older)) == refused("expired")
    assert lands(ada.get(link(smtp))) == OK


def test_another_persons_wish_voids_nothing(ada: TestApp, bo: TestApp, smtp: Mailbox, clock: Clock) -> None:
    ask(ada)
    own = link(smtp)
    clock.advance(MINUTE)
    ask(bo)
    assert lands(ada.get(own)) == OK


@pytest.mark.parametrize("token", ["", "x", "A" * 64, "%ff", "é" * 64])
def test_nonsense_is_invalid(ada: TestApp, client: TestApp, token: str) -> None:
    for person in (ada, client):
        answer = person.get(f"{VERIFY}?token={quote(token, safe='%')}", expect_errors=True)
        if answer.status_int != 400:  # what is no text at all
            assert lands(answer) == refused("invalid")
    page = ada.get(refused("invalid"))
    assert "Your email address is still ada@example.org." in page.html.select_one("[role=alert]").text


def test_a_link_to_sign_in_changes_no_address(ada: TestApp, smtp: Mailbox, clock: Clock) -> None:
    clock.advance(MINUTE)
    ada.post_json("/api/auth/magic-link/request", {"email": NEW})
    token = link(smtp).partition("token=")[2]
    assert lands(ada.get(f"{VERIFY}?token={token}")) == refused("invalid")
    clock.advance(MINUTE)
    ask(ada)
    token = link(smtp).partition("token=")[2]
    assert lands(ada.get(f"/api/auth/magic-link/verify?token={token}")) == "/login?error=invalid_link"


def test_the_least_intervals(ada: TestApp, bo: TestApp, app: Any, smtp: Mailbox, clock: Clock) -> None:
    def too_soon(client: TestApp, email: str, seconds: int) -> None:
        answer = ask(client, email, status=429)
        assert answer.headers["Retry-After"] == str(seconds)
        assert answer.json["error"]["code"] == "rate_limited"
        assert answer.json["details"]["retryAfterMs"] == seconds * 1000

    ask(ada)
    too_soon(bo, NEW, 60)
    too_soon(ada, "another@example.org", 60)
    neighbour = sign_in(app, smtp, "cy@example.org")
    neighbour.extra_environ["REMOTE_ADDR"] = ada.extra_environ["REMOTE_ADDR"]
    too_soon(neighbour, "cy@new.example.org", 20)
    clock.advance(20 * SECOND)
    ask(neighbour, "cy@new.example.org")
    clock.advance(40 * SECOND)
    ask(ada, "another@example.org")


# Taken


def test_that_an_address_is_taken_is_told_to_whoever_can_read_its_mail(
    ada: TestApp, bo: TestApp, app: Any, smtp: Mailbox, clock: Clock, engine: sa.Engine
) -> None:
    clock.advance(MINUTE)
    taken, free = ask(ada, "bo@example.org"), ask(bo, "nobody@example.org")
    assert taken.body == free.body
    assert set(taken.headers) == set(free.headers)
    assert to(smtp)[-2:] == ["bo@example.org", "nobody@example.org"]
    clock.advance(MINUTE)
    ask(ada, "bo@example.org")
    answer = ada.get(link(smtp))
    assert lands(answer) == refused("taken")
    assert "yours is still ada@example.org" in answer.follow().html.select_one("[role=alert]").text
    assert email(bo) == "bo@example.org"
    assert waiting(engine) == []


def test_of_two_who_want_one_address_one_has_it(ada: TestApp, bo: TestApp, smtp: Mailbox, clock: Clock) -> None:
    links = []
    for person in (ada, bo):
        ask(person)
        links.append(link(smtp))
        clock.advance(MINUTE)
    answers = at_once(lambda: ada.get(links[0]), lambda: bo.get(links[1]))
    assert sorted(map(lands, answers)) == sorted([OK, refused("taken")])
    assert [email(ada), email(bo)] in ([NEW, "bo@example.org"], ["ada@example.org", NEW])


def test_of_two_clicks_one_changes_it(ada: TestApp, smtp: Mailbox, engine: sa.Engine) -> None:
    ask(ada)
    other = TestApp(ada.app, cookiejar=ada.cookiejar, extra_environ=ada.extra_environ)
    answers = at_once(lambda: ada.get(link(smtp)), lambda: other.get(link(smtp)))
    assert sorted(map(lands, answers)) == [OK, refused("expired")]
    assert len(waiting(engine)) == 1


@pytest.mark.parametrize("times", [2, 6])
def test_of_several_presses_of_the_button_one_changes_it(
    ada: TestApp, smtp: Mailbox, engine: sa.Engine, caplog: pytest.LogCaptureFixture, times: int
) -> None:
    ask(ada)
    phones = [TestApp(ada.app, extra_environ=ada.extra_environ) for _ in range(times)]
    for phone in phones:
        phone.set_cookie("cr_session", ada.cookies["cr_session"])
    forms = [form_to(phone.get(link(smtp)), VERIFY) for phone in phones]
    answers = at_once(*(form.submit for form in forms))
    assert sorted(map(lands, answers)) == [OK] + [refused("expired")] * (times - 1)
    assert len(waiting(engine)) == 1
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == []


def test_who_deletes_the_account_while_the_button_is_pressed_leaves_nothing(
    ada: TestApp, smtp: Mailbox, engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    ask(ada)
    phone = TestApp(ada.app, extra_environ=ada.extra_environ)
    phone.set_cookie("cr_session", ada.cookies["cr_session"])
    form = form_to(phone.get(link(smtp)), VERIFY)
    _, deleted = at_once(form.submit, lambda: ada.delete("/api/user/me"))
    assert deleted.json == {"ok": True}
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM accounts")) == 0
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == []


# What it ends, and who is told


def test_other_browsers_are_signed_out_and_older_links_to_sign_in_void(
    ada: TestApp, bo: TestApp, app: Any, smtp: Mailbox, clock: Clock
) -> None:
    clock.advance(MINUTE)
    laptop = sign_in(app, smtp, "ada@example.org")
    clock.advance(MINUTE)
    thief = stranger(app)
    thief.post_json("/api/auth/magic-link/request", {"email": "ada@example.org"})
    way_in = link(smtp)
    ask(ada)
    assert email(laptop) == "ada@example.org"
    ada.get(link(smtp))
    assert email(ada) == NEW
    assert email(laptop) is None
    assert "/login" in laptop.get("/profile", status=303).location
    assert lands(thief.get(way_in)) == "/login?error=expired_link"
    assert email(bo) == "bo@example.org"


def test_the_old_address_is_told_after_the_change(ada: TestApp, smtp: Mailbox, clock: Clock, engine: sa.Engine) -> None:
    ask(ada)
    assert waiting(engine) == []
    ada.get(link(smtp))
    ((recipient, subject, said, reply_to),) = waiting(engine)
    assert reply_to is None
    assert recipient == "ada@example.org"
    assert "was changed" in subject
    assert f"{clock.now:%H:%M} UTC" in said
    assert "If it was not you" in said
    assert "tell the people who run the site at once" in said
    # The address that it went to may be read by somebody else today.
    assert NEW not in said
    assert all(len(line) <= 72 for line in said.splitlines())


@pytest.mark.parametrize("inbox", [None, "inbox@example.org"])
def test_both_mails_of_an_account_ask_for_an_answer_only_where_somebody_reads_it(
    make_app: MakeApp, smtp: Mailbox, engine: sa.Engine, inbox: str | None
) -> None:
    app = make_app(ORGANIZER_INQUIRY_TO=inbox)
    ada = sign_in(app, smtp, "ada@example.org")
    ask(ada)
    ada.get(link(smtp))
    ada.delete("/api/user/me")
    deliver(app)
    sent = [mail for mail in smtp.messages if mail["Subject"] in (TOLD_SUBJECT, DELETED)]
    assert [mail["Subject"] for mail in sent] == [TOLD_SUBJECT, DELETED]
    for mail in sent:
        said = " ".join(mail.get_content().split())
        assert mail["Reply-To"] == inbox
        assert ("answer this mail" in said) is (inbox is not None)
        assert ("tell the people who run the site" in said) is (inbox is None)
        assert all(len(line) <= 72 for line in mail.get_content().splitlines())


def test_without_a_mail_nothing_is_asked(ada: TestApp, smtp: Mailbox, engine: sa.Engine) -> None:
    smtp.refusal = "451 Try later"
    assert ask(ada, status=502).json["error"]["code"] == "mail_failed"
    with engine.connect() as connection:
        count = "SELECT count(*) FROM mailed_links WHERE purpose = 'email-change'"
        assert connection.execute(sa.text(count)).scalar_one() == 0
    smtp.refusal = None
    # The turn came back.
    ask(ada)
    assert lands(ada.get(link(smtp))) == OK


def test_when_the_database_is_in_the_way_the_page_says_so_and_the_link_stays(
    ada: TestApp, smtp: Mailbox, engine: sa.Engine
) -> None:
    ask(ada)
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE outbox RENAME TO away"))
    answer = ada.get(link(smtp))
    assert lands(answer) == refused("server")
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE away RENAME TO outbox"))
    page = answer.follow()
    assert "Open it once more." in page.html.select_one("[role=alert]").text
    assert email(ada) == "ada@example.org"
    assert lands(ada.get(link(smtp))) == OK


def test_a_landing_that_nobody_knows_says_nothing(ada: TestApp) -> None:
    for query in ("error=x", "email_change=x", "error=", "error=email_change_invalid&error=y"):
        page = ada.get(f"/profile?{query}", status=200)
        assert page.html.select("[role=alert], [role=status]") == []


def test_a_form_of_another_site_changes_nothing(ada: TestApp, smtp: Mailbox) -> None:
    ask(ada)
    token = link(smtp).partition("token=")[2]
    ada.post(VERIFY, {"token": token}, status=403)
    ada.post("/profile/account/address", {"newEmail": "x@example.org"}, status=403)
    ada.post("/profile/account/end", {"session": "others"}, status=403)
    assert email(ada) == "ada@example.org"


def test_whom_a_draft_invites_may_not_be_oneself_under_the_new_address_either(ada: TestApp, smtp: Mailbox) -> None:
    body = {"title": "Elm", "document": {"sections": []}, "stakeholderEmails": [NEW]}
    ask(ada)
    ada.get(link(smtp))
    error = ada.post_json("/api/rules", body, status=400).json
    assert "Leave your own email address out" in error["error"]["message"]
