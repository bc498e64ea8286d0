"""/api/rules/{id}/stakeholders and the link in an invitation, as the contract says."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from webtest import TestApp

from cr.projections import ALL
from cr.projections.rebuild import check
from tests.fixtures.mail import Mailbox, deliver
from tests.fixtures.site import Clock
from tests.functional.people import form_to, path_of
from tests.functional.test_api_rules import DOCUMENT, publish
from tests.functional.waiting import text_of

VERIFY = "/api/invites/rule-stakeholder/verify"
CY = "cy@example.org"


def mails(engine: sa.Engine, email: str) -> list[Any]:
    """What waits to be sent to an address, oldest first."""
    query = sa.text("SELECT subject, text FROM outbox WHERE recipient = :email ORDER BY written_at")
    with engine.connect() as connection:
        return list(connection.execute(query, {"email": email}))


def link_to(app: Any, smtp: Mailbox, email: str) -> str:
    """The link in the newest invitation that an address gets, with all that waits sent."""
    deliver(app)
    newest = [each for each in smtp.messages if each["To"] == email][-1]
    found = re.search(r"\S+/verify\?token=\S+", text_of(newest))
    assert found is not None
    return path_of(found[0])


def listed(client: TestApp, url: str) -> list[Any]:
    people: list[Any] = client.get(f"{url}/stakeholders").json["stakeholders"]
    return people


def invite(client: TestApp, clock: Clock, url: str, email: str = CY) -> Any:
    clock.advance(timedelta(minutes=1))
    return client.post_json(f"{url}/stakeholders", {"email": email}, status=201).json["stakeholder"]


def topics(engine: sa.Engine, kind: str) -> int:
    query = sa.text("SELECT count(*) FROM events WHERE topic = :topic")
    with engine.connect() as connection:
        number: int = connection.execute(query, {"topic": f"rule.Stakeholder{kind}"}).scalar_one()
    return number


@pytest.fixture
def url(ada: TestApp) -> str:
    """Ada's rule in the API."""
    return f"/api/rules/{publish(ada)}"


def test_whoever_is_invited_accepts_by_the_mailed_link(
    app: Any, smtp: Mailbox, ada: TestApp, client: TestApp, clock: Clock, engine: sa.Engine, url: str
) -> None:
    invited = invite(ada, clock, url, " Cy@Example.org ")
    assert set(invited) == {"id", "email", "invitedAt", "acceptedAt", "status"}
    assert (invited["email"], invited["acceptedAt"], invited["status"]) == (CY, None, "pending")
    assert len(mails(engine, CY)) == 1
    assert listed(ada, url) == [invited]
    link, rule = link_to(app, smtp, CY), url.removeprefix("/api")

    client.head(link)
    page = client.get(link)
    assert client.get("/api/auth/session").json == {"user": None}
    assert "Elm Street" in page
    assert topics(engine, "Accepted") == 0
    clock.advance(timedelta(minutes=1))
    answer = form_to(page, VERIFY).submit()
    assert (answer.status_int, answer.location) == (303, f"http://localhost{rule}#You-are-a-stakeholder")
    assert client.get("/api/auth/session").json["user"]["email"] == CY
    (accepted,) = listed(ada, url)
    assert (accepted["id"], accepted["status"]) == (invited["id"], "accepted")
    assert accepted["acceptedAt"] > accepted["invitedAt"]
    (mine,) = client.get("/api/rules/me").json["rules"]
    assert (mine["title"], mine["role"]) == ("Elm Street", "stakeholder")

    assert client.get(link, status=303).location.endswith(rule)
    assert topics(engine, "Accepted") == 1
    with engine.connect() as connection:
        log = connection.execute(sa.text("SELECT string_agg(state, ' ') FROM events")).scalar_one()
    assert "@" not in log
    assert [each for each in check(engine, ALL) if each.unexplained or each.missing] == []


def test_the_mail_says_who_invites_to_what_and_what_it_means(
    ada: TestApp, clock: Clock, engine: sa.Engine, url: str
) -> None:
    invite(ada, clock, url)
    ((subject, text),) = mails(engine, CY)
    assert subject == "You are invited to be a stakeholder of “Elm Street”"
    for part in ("Somebody who uses Community Rule", f"http://localhost{url.removeprefix('/api')}\n", "30 days"):
        assert part in text
    assert "ada@example.org" not in text
    assert max(len(line) for line in text.splitlines() if "http" not in line) <= 72


@pytest.mark.parametrize(
    ("title", "subject"),
    [
        ("Elm\r\nBcc: all@example.org", "You are invited to be a stakeholder of a rule"),
        ("Elm\r\nStreet", "You are invited to be a stakeholder of “Elm Street”"),
        ("Your account is closed, see paypal.example", "You are invited to be a stakeholder of a rule"),
        ("Pay at 163.com and evil", "You are invited to be a stakeholder of a rule"),
        ("HTTPS://evil", "You are invited to be a stakeholder of a rule"),
        ("Rule no. 2.1", "You are invited to be a stakeholder of “Rule no. 2.1”"),
        ("x" * 500, f"You are invited to be a stakeholder of “{'x' * 59}…”"),
    ],
)
def test_what_people_write_makes_no_header_and_no_link_of_a_mail(
    ada: TestApp, engine: sa.Engine, title: str, subject: str
) -> None:
    publish(ada, title, stakeholderEmails=[CY])
    ((written, text),) = mails(engine, CY)
    assert written == subject
    assert [line for line in text.splitlines() if "evil" in line or "paypal" in line or "Bcc" in line] == []
    assert max(len(line) for line in text.splitlines() if "http" not in line) <= 72


def test_opening_it_is_enough_for_who_is_signed_in_with_that_address(
    app: Any, smtp: Mailbox, ada: TestApp, bo: TestApp, clock: Clock, engine: sa.Engine, url: str
) -> None:
    invite(ada, clock, url, "bo@example.org")
    link = link_to(app, smtp, "bo@example.org")
    bo.head(link)
    assert topics(engine, "Accepted") == 0
    assert path_of(bo.get(link, status=303).location) == url.removeprefix("/api")
    assert listed(ada, url)[0]["status"] == "accepted"
    assert ada.get("/api/rules/me").json["rules"][0]["role"] == "owner"


def test_a_link_that_is_not_for_them_or_does_not_work(
    app: Any, smtp: Mailbox, ada: TestApp, bo: TestApp, client: TestApp, clock: Clock, engine: sa.Engine, url: str
) -> None:
    def refused(browser: TestApp, link: str) -> str:
        location: str = browser.get(link, status=303).location
        return location.removeprefix("http://localhost")

    first = invite(ada, clock, url)
    link = link_to(app, smtp, CY)
    assert refused(bo, link) == "/login?error=stakeholder_wrong_account"
    assert "another email address" in bo.get(link).follow()
    assert refused(client, f"{VERIFY}?token=x") == refused(client, VERIFY) == "/login?error=invalid_link"

    clock.advance(timedelta(minutes=1))
    assert ada.post_json(f"{url}/stakeholders/{first['id']}/resend", {}).json == {"ok": True}
    assert refused(client, link) == "/login?error=expired_link"
    (newest,) = mails(engine, CY)
    assert link not in newest.text
    link = link_to(app, smtp, CY)
    page = client.get(link)

    clock.advance(timedelta(days=30))
    assert refused(client, link) == "/login?error=expired_link"
    clock.advance(timedelta(days=-1))
    assert ada.delete_json(f"{url}/stakeholders/{first['id']}", {}).json == {"ok": True}
    assert form_to(page, VERIFY).submit().location.endswith("/login?error=expired_link")
    assert client.get("/api/auth/session").json == {"user": None}
    assert listed(ada, url) == []
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM stakeholders")).scalar_one() == 0
        assert connection.execute(sa.text("SELECT count(*) FROM outbox")).scalar_one() == 0
    ada.delete_json(f"{url}/stakeholders/{first['id']}", {}, status=404)
    again = invite(ada, clock, url)
    assert again["id"] != first["id"]
    client.get(link_to(app, smtp, CY), status=200)


def test_an_invitation_to_a_rule_that_was_withdrawn_is_void(
    app: Any, smtp: Mailbox, ada: TestApp, client: TestApp, clock: Clock, url: str
) -> None:
    invite(ada, clock, url)
    page = client.get(link_to(app, smtp, CY))
    ada.delete(url)
    assert form_to(page, VERIFY).submit(status=303).location.endswith("/login?error=expired_link")
    assert client.get("/api/auth/session").json == {"user": None}


def test_only_the_owner_sees_and_changes_them(
    ada: TestApp, bo: TestApp, client: TestApp, clock: Clock, engine: sa.Engine, url: str
) -> None:
    one = invite(ada, clock, url)["id"]
    page = ada.get(f"{url.removeprefix('/api')}/organizers")
    made = form_to(page, f"{url.removeprefix('/api')}/organizers/links").submit()
    join = path_of(made.html.find(id="link").text)
    form_to(bo.get(join), join.partition("?")[0]).submit()
    requests = [
        ("GET", f"{url}/stakeholders"),
        ("POST", f"{url}/stakeholders"),
        ("DELETE", f"{url}/stakeholders/{one}"),
        ("POST", f"{url}/stakeholders/{one}/resend"),
    ]
    for method, path in requests:
        options = {"method": method, "content_type": "application/json", "body": b'{"email":"d@example.org"}'}
        assert bo.request(path, status=404, **options).json["error"]["code"] == "not_found"
        assert client.request(path, status=401, **options).json["error"]["code"] == "unauthorized"
    for unknown in (uuid4(), "x"):
        ada.delete_json(f"{url}/stakeholders/{unknown}", {}, status=404)
        ada.post_json(f"{url}/stakeholders/{unknown}/resend", {}, status=404)
        ada.get(f"/api/rules/{unknown}/stakeholders", status=404)
    assert len(listed(ada, url)) == 1


def test_what_is_refused_changes_nothing(ada: TestApp, clock: Clock, engine: sa.Engine, url: str) -> None:
    def refused(status: int, email: Any, url: str = url) -> Any:
        answer = ada.post_json(f"{url}/stakeholders", {"email": email}, status=status).json
        return answer["error"]["code"], answer.get("details", {}).get("fields", {}).get("email", "")

    assert refused(400, "ada@example.org")[1].startswith("You need no invitation")
    assert refused(400, "nobody")[1].startswith("“nobody” is no email address")
    assert refused(400, 7)[0] == "validation_error"
    first = invite(ada, clock, url)
    # Who was refused may try again at once; whom somebody was invited after, not.
    answer = ada.post_json(f"{url}/stakeholders", {"email": "d@example.org"}, status=429)
    assert answer.json["error"]["code"] == "rate_limited"
    assert answer.headers["Retry-After"] == "60"
    clock.advance(timedelta(minutes=1))
    assert refused(409, CY)[0] == "conflict"
    second = invite(ada, clock, url, "d@example.org")
    clock.advance(timedelta(minutes=1))
    full = f"/api/rules/{publish(ada, 'Oak', stakeholderEmails=[f'n{number}@example.org' for number in range(30)])}"
    clock.advance(timedelta(minutes=1))
    assert refused(400, "d@example.org", full)[0] == "validation_error"
    assert len(listed(ada, full)) == 30

    resend = f"{url}/stakeholders/{first['id']}/resend"
    ada.post_json(resend, {})
    ada.post_json(resend, {}, status=429)
    ada.post_json(f"{url}/stakeholders/{second['id']}/resend", {})


def test_who_accepted_is_sent_nothing_more(
    app: Any, smtp: Mailbox, ada: TestApp, bo: TestApp, clock: Clock, url: str
) -> None:
    one = invite(ada, clock, url, "bo@example.org")["id"]
    bo.get(link_to(app, smtp, "bo@example.org"), status=303)
    answer = ada.post_json(f"{url}/stakeholders/{one}/resend", {}, status=400)
    assert answer.json["error"]["code"] == "validation_error"


def test_who_is_invited_at_publishing_is_mailed_too(
    app: Any, smtp: Mailbox, ada: TestApp, client: TestApp, engine: sa.Engine
) -> None:
    rule = publish(ada, stakeholderEmails=[CY, "d@example.org"])
    assert [len(mails(engine, each)) for each in (CY, "d@example.org")] == [1, 1]
    form_to(client.get(link_to(app, smtp, CY)), VERIFY).submit(status=303)
    assert sorted(each["status"] for each in listed(ada, f"/api/rules/{rule}")) == ["accepted", "pending"]
    body = {"title": "Oak", "document": DOCUMENT, "stakeholderEmails": [CY]}
    ada.post_json("/api/rules", body, status=429)


def at_the_same_moment(*acts: Any) -> list[Any]:
    """Their answers."""
    ready, answers = threading.Barrier(len(acts)), []

    def run(act: Any) -> None:
        ready.wait(10)
        answers.append(act())

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_two_tabs_that_invite_the_same_person(
    app: Any, ada: TestApp, clock: Clock, engine: sa.Engine, url: str
) -> None:
    clock.advance(timedelta(minutes=1))

    def tab(address: str) -> TestApp:
        # The least interval is no matter here.
        tab = TestApp(app, extra_environ={"REMOTE_ADDR": address})
        tab.set_cookie("cr_session", ada.cookies["cr_session"])
        return tab

    tabs = [tab(f"192.0.2.{number}") for number in (1, 2, 3)]
    answers = at_the_same_moment(
        *(lambda each=each: each.post_json(f"{url}/stakeholders", {"email": CY}, status="*") for each in tabs)
    )
    assert sorted(each.status_int for each in answers) == [201, 409, 409]
    assert len(listed(ada, url)) == len(mails(engine, CY)) == 1


def test_two_that_accept_at_the_same_moment_and_one_who_is_removed_meanwhile(
    smtp: Mailbox, app: Any, ada: TestApp, clock: Clock, engine: sa.Engine, url: str
) -> None:
    invite(ada, clock, url)
    pages = [TestApp(app).get(link_to(app, smtp, CY)) for _ in range(2)]
    answers = at_the_same_moment(*(form_to(page, VERIFY).submit for page in pages))
    assert sorted(answer.location.rpartition("/")[2] for answer in answers) == sorted(
        [f"{url.rpartition('/')[2]}#You-are-a-stakeholder", "login?error=expired_link"]
    )
    assert topics(engine, "Accepted") == 1

    one = invite(ada, clock, url, "d@example.org")["id"]
    page = TestApp(app).get(link_to(app, smtp, "d@example.org"))
    accepted, removed = at_the_same_moment(
        lambda: ("accepted", form_to(page, VERIFY).submit()),
        lambda: ("removed", ada.delete_json(f"{url}/stakeholders/{one}", {})),
    )
    answers = dict([accepted, removed])
    assert answers["removed"].json == {"ok": True}
    assert answers["accepted"].status_int == 303
    assert UUID(one) not in {UUID(each["id"]) for each in listed(ada, url)}
    assert [each for each in check(engine, ALL) if each.unexplained or each.missing] == []
