"""The owner of a rule looks after its stakeholders on a page, and a stakeholder leaves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from pyramid.scripting import prepare
from webtest import TestApp

from cr.accounts import stakeholders
from cr.accounts.links import LinkRefused
from cr.mail import strangers
from cr.projections import ALL
from cr.projections.rebuild import check
from tests.fixtures.mail import Mailbox, deliver
from tests.fixtures.site import Clock
from tests.functional.flow import count, filled
from tests.functional.people import form_to, path_of, sign_in
from tests.functional.test_api_rules import DOCUMENT
from tests.functional.test_api_rules import publish as publish_over_api
from tests.functional.test_api_stakeholders import CY, VERIFY, link_to, listed, mails, topics
from tests.functional.test_create_publish import described
from tests.functional.test_main_job import publish, written

MINUTE = timedelta(minutes=1)


@pytest.fixture
def rule(ada: TestApp) -> str:
    """The path of a rule that Ada owns."""
    return f"/rules/{publish_over_api(ada)}"


def invite(owner: TestApp, rule: str, typed: str, *, status: int = 303) -> Any:
    form = form_to(owner.get(f"{rule}/stakeholders"), f"{rule}/stakeholders")
    form["emails"] = typed
    answer = form.submit(status=status)
    return answer.follow() if status == 303 else answer


def told(page: Any) -> dict[str, str]:
    """{address: how it stands}, as the page lists them."""
    return {
        " ".join(each.h2.text.split()): " ".join(each.select_one("p.soft").text.split())
        for each in page.html.select("ul.rules > li")
    }


def words(page: Any) -> str:
    return " ".join(page.html.main.text.split())


def test_several_are_invited_at_once_and_the_page_says_how_it_fares(
    app: Any, smtp: Mailbox, ada: TestApp, client: TestApp, clock: Clock, rule: str
) -> None:
    page = ada.get(f"{rule}/organizers").click("See and invite stakeholders")
    assert "Nobody is invited yet." in words(page)
    page = invite(ada, rule, "cy@example.org, D@example.org\nd@example.org e@example.org")
    assert "3 invitations are on their way." in words(page)
    assert list(told(page)) == [CY, "d@example.org", "e@example.org"]
    assert all("The mail is waiting to be sent." in each.text for each in page.html.select("ul.rules > li"))
    smtp.refused |= {CY: "450 Later", "d@example.org": "550 There is no such mailbox"}
    deliver(app)
    later = told(ada.get(f"{rule}/stakeholders"))[CY]
    assert "could not be sent yet: The mail server can't take mail for this address at the moment. It is tried" in later
    del smtp.refused[CY]
    clock.advance(MINUTE)
    page = client.get(link_to(app, smtp, CY))
    assert path_of(page.click("this rule").request.url) == rule
    accepted = form_to(page, VERIFY).submit(status=303)
    told_at = client.get(path_of(accepted.location)).html.find(id=accepted.location.rpartition("#")[2])
    assert "You are a stakeholder of this rule now." in told_at.text
    page = ada.get(f"{rule}/stakeholders")
    cy, d, e = (" ".join(each.text.split()) for each in page.html.select("ul.rules > li"))
    assert "Accepted" in cy
    assert "Send it again" not in cy
    assert "The mail could not be sent: The address does not take mail. Send it again" in d
    assert "The mail was sent" in e
    clock.advance(timedelta(days=29, hours=23))
    assert "too old" not in words(ada.get(f"{rule}/stakeholders"))
    clock.advance(timedelta(hours=2))
    ada = sign_in(app, smtp, "ada@example.org")
    assert "Its link is too old to work." in words(ada.get(f"{rule}/stakeholders"))


def test_what_was_typed_stays_when_it_is_refused(ada: TestApp, clock: Clock, engine: sa.Engine, rule: str) -> None:
    for typed, sentence in (
        ("cy@example.org ada@example.org", "You need no invitation to your own rule."),
        ("cy@example.org <b>", "“<b>” is no email address."),
        (" ", "Write at least one email address."),
        (" ".join(f"n{number}@example.org" for number in range(31)), "At most 30 people can be invited."),
    ):
        page = invite(ada, rule, typed, status=400)
        assert sentence in words(page)
        assert form_to(page, f"{rule}/stakeholders")["emails"].value.strip() == typed.strip()
    assert topics(engine, "Invited") == 0
    invite(ada, rule, CY)
    page = invite(ada, rule, "d@example.org", status=429)
    assert "You invited somebody a moment ago. Try again in 60 seconds." in words(page)
    assert page.headers["Retry-After"] == "60"
    assert form_to(page, f"{rule}/stakeholders")["emails"].value.strip() == "d@example.org"
    assert list(told(page)) == [CY]
    assert topics(engine, "Invited") == 1
    clock.advance(MINUTE)
    assert "They are invited already." in words(invite(ada, rule, CY, status=400))
    assert list(told(invite(ada, rule, f"{CY} d@example.org"))) == [CY, "d@example.org"]


def test_mailing_again_and_removing(
    app: Any, smtp: Mailbox, ada: TestApp, client: TestApp, clock: Clock, engine: sa.Engine, rule: str
) -> None:
    invite(ada, rule, CY)
    first = link_to(app, smtp, CY)
    page = form_to(ada.get(f"{rule}/stakeholders"), f"{rule}/stakeholders/resend").submit("stakeholder").follow()
    assert "An invitation is on its way." in words(page)
    assert len(mails(engine, CY)) == 1
    assert link_to(app, smtp, CY) != first
    page = form_to(page, f"{rule}/stakeholders/resend").submit("stakeholder", status=429)
    assert "You mailed them a moment ago. Try again in 60 seconds." in words(page)
    page = page.click(href="/stakeholders/remove")
    assert page.html.h1.text == "Remove cy@example.org?"
    assert topics(engine, "Removed") == 0
    page = form_to(page, f"{rule}/stakeholders/remove").submit().follow()
    assert told(page) == {}
    assert topics(engine, "Removed") == 1
    assert client.get(first, status=303).location.endswith("expired_link")
    for path in ("remove", "resend"):
        ada.get(f"{rule}/stakeholders/remove?stakeholder=x", status=303)
        form = form_to(ada.get(f"{rule}/stakeholders"), f"{rule}/stakeholders")
        fields = {"csrf_token": form["csrf_token"].value, "stakeholder": "x"}
        assert ada.post(f"{rule}/stakeholders/{path}", fields, status=303).location.endswith("/stakeholders")


def test_only_the_owner_sees_the_page(ada: TestApp, bo: TestApp, client: TestApp, engine: sa.Engine, rule: str) -> None:
    invite(ada, rule, CY)
    for path in ("", "/remove", "/resend"):
        refused = bo.get(f"{rule}/stakeholders{path}", status="4*")
        assert CY not in refused
    assert "Only the owner of this rule" in bo.get(f"{rule}/stakeholders", status=403)
    assert "/login" in client.get(f"{rule}/stakeholders", status=303).location
    assert "/login" in client.get(f"{rule}/stakeholders/leave", status=303).location
    ada.delete(f"/api{rule}")
    ada.get(f"{rule}/stakeholders", status=410)


def test_a_stakeholder_leaves_and_the_history_names_nobody(
    app: Any, smtp: Mailbox, ada: TestApp, bo: TestApp, client: TestApp, clock: Clock, engine: sa.Engine, rule: str
) -> None:
    invite(ada, rule, "bo@example.org")
    assert bo.get(f"{rule}/stakeholders/leave", status=303).location.endswith(rule)
    bo.get(link_to(app, smtp, "bo@example.org"), status=303)
    page = bo.get(f"{rule}/stakeholders/leave")
    assert page.html.h1.text == "Leave Elm Street?"
    form = form_to(page, f"{rule}/stakeholders/leave")
    form.submit(status=303)
    form.submit(status=303)
    assert topics(engine, "Left") == 1
    assert bo.get("/api/rules/me").json == {"rules": []}
    assert listed(ada, f"/api{rule}") == []
    said = [" ".join(each.text.split()) for each in client.get(f"{rule}/history").html.select(".what")]
    assert said == [
        "No longer takes part as a stakeholder. A stakeholder",
        "Accepted the invitation. A stakeholder",
        "Invited a stakeholder. The owner",
        "Published the rule. The owner",
    ]
    public = client.get(f"{rule}/history.ndjson").text
    assert '"by":"stakeholder-1"' in public.splitlines()[-1]
    assert "organizer-2" not in public
    clock.advance(MINUTE)
    invite(ada, rule, "bo@example.org")
    bo.get(link_to(app, smtp, "bo@example.org"), status=303)
    assert bo.get("/api/rules/me").json["rules"][0]["role"] == "stakeholder"
    assert [each for each in check(engine, ALL) if each.unexplained or each.missing] == []


def test_publishing_says_how_many_are_invited_and_where_to_see_it(ada: TestApp, clock: Clock) -> None:
    draft = written(ada)
    publish(ada, draft)
    page = ada.get(f"{draft}/published").click("Invite stakeholders")
    assert "Nobody is invited yet." in words(page)
    put = {"payload": {"title": "Oak", "sections": DOCUMENT["sections"], "stakeholderEmails": [CY, "d@example.org"]}}
    ada.put_json("/api/drafts/me", put)
    draft = path_of(ada.get("/profile").click("^Oak$").request.url).rstrip("/")
    rule = publish(ada, draft)
    page = ada.get(f"{draft}/published")
    assert "2 invitations are on their way." in words(page)
    assert list(told(page.click("See how they fare"))) == [CY, "d@example.org"]
    assert len(listed(ada, f"/api{rule}")) == 2


def test_invitations_that_come_too_soon_publish_nothing_and_lose_nothing(ada: TestApp, clock: Clock) -> None:
    for title in ("Elm", "Oak"):
        put = {"payload": {"title": title, "sections": DOCUMENT["sections"], "stakeholderEmails": [CY]}}
        ada.put_json("/api/drafts/me", put)
        draft = path_of(ada.get("/profile").click(f"^{title}$").request.url).rstrip("/")
        if title == "Elm":
            publish(ada, draft)
    form = form_to(ada.get(f"{draft}/publish"), f"{draft}/publish")
    form["record"] = "https://example.org/minutes"
    page = form.submit(status=429)
    assert "You invited somebody a moment ago. Try again in 60 seconds." in page.html.select_one(".errors").text
    assert [each["title"] for each in ada.get("/api/rules/me").json["rules"]] == ["Elm"]
    clock.advance(MINUTE)
    again = form_to(page, f"{draft}/publish")
    assert again["record"].value == "https://example.org/minutes"
    again.submit(status=303)
    assert sorted(each["title"] for each in ada.get("/api/rules/me").json["rules"]) == ["Elm", "Oak"]
    assert list(told(ada.get(f"{draft}/published").click("See how it fares"))) == [CY]


def test_a_mailbox_gets_five_invitations_in_a_day_and_the_others_wait_for_their_owner(
    app: Any, smtp: Mailbox, ada: TestApp, bo: TestApp, clock: Clock
) -> None:
    """Whoever sends them, from wherever, for whatever; nobody's rule stays unpublished for it."""

    def to_cy() -> int:
        deliver(app)
        return sum(mail["X-Rcpt-To"] == CY for mail in smtp.messages)

    team = f"/rules/{publish_over_api(bo)}/organizers"
    form = form_to(bo.get(team), f"{team}/invite")
    form["email"] = CY
    form.submit(status=303)
    for _ in range(3):
        clock.advance(MINUTE)
        rule = f"/rules/{publish_over_api(ada, stakeholderEmails=[CY])}"
    assert to_cy() == 4
    form_to(ada.get(f"{rule}/stakeholders"), f"{rule}/stakeholders/resend").submit("stakeholder", status=303)
    assert to_cy() == 5

    clock.advance(MINUTE)
    put = {"payload": {"title": "Oak", "sections": DOCUMENT["sections"], "stakeholderEmails": [CY, "d@example.org"]}}
    ada.put_json("/api/drafts/me", put)
    draft = path_of(ada.get("/profile").click("^Oak$").request.url).rstrip("/")
    publish(ada, draft)
    page = ada.get(f"{draft}/published")
    assert "An invitation is on its way. One was not mailed, because too many invitations went out today." in words(
        page
    )
    page = page.click("See whom to mail later")
    assert "No mail was sent, because too many invitations went out that day. Send it later." in told(page)[CY]
    rule = path_of(page.request.url).removesuffix("/stakeholders")
    again = form_to(page, f"{rule}/stakeholders/resend")
    refused = again.submit("stakeholder", status=429)
    assert "Too many invitations went out today. Try again in 24 hours." in words(refused)
    clock.advance(MINUTE)
    page = invite(ada, rule, "e@example.org")
    assert "An invitation is on its way." in words(page)
    assert to_cy() == 5

    clock.advance(timedelta(days=1))
    ada = sign_in(app, smtp, "ada@example.org")
    page = form_to(ada.get(f"{rule}/stakeholders"), f"{rule}/stakeholders/resend").submit("stakeholder").follow()
    assert "The mail is waiting to be sent." in told(page)[CY]
    assert to_cy() == 6


def test_an_account_has_so_many_invitations_sent_in_a_day(
    app: Any, smtp: Mailbox, ada: TestApp, bo: TestApp, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strangers, "FROM_ONE", 3)
    first = [f"n{number}@example.org" for number in range(2)]
    publish_over_api(ada, stakeholderEmails=first)
    clock.advance(MINUTE)
    elsewhere = sign_in(app, smtp, "ada@example.org", REMOTE_ADDR="203.0.113.9")
    rule = f"/rules/{publish_over_api(elsewhere, stakeholderEmails=[CY, 'd@example.org'])}"
    page = ada.get(f"{rule}/stakeholders")
    assert ["No mail was sent" in each for each in told(page).values()] == [False, True]
    assert "An invitation is on its way." in words(invite(bo, f"/rules/{publish_over_api(bo)}", "d@example.org"))


@pytest.mark.parametrize("brings", [False, True])
def test_an_invitation_takes_what_was_written_before_only_where_the_person_says_so(
    app: Any, smtp: Mailbox, ada: TestApp, client: TestApp, rule: str, brings: bool
) -> None:
    """Somebody else may have mailed it to an address of theirs and passed on the link."""
    described(client)
    invite(ada, rule, CY)
    page = client.get(link_to(app, smtp, CY))
    assert "among the drafts of cy@example.org: “Elm Street Garden”" in words(page)
    form = form_to(page, VERIFY)
    if brings:
        form["own"].checked = True
    form.submit(status=303)
    assert ("Elm Street Garden" in client.get("/profile")) is brings
    client.post("/api/auth/logout")
    assert (filled(client.get("/create/community-name"))["title"].value == "") is brings


def test_who_wrote_nothing_is_not_asked_about_it(
    app: Any, smtp: Mailbox, ada: TestApp, client: TestApp, rule: str
) -> None:
    invite(ada, rule, CY)
    assert "own" not in form_to(client.get(link_to(app, smtp, CY)), VERIFY).fields


@pytest.mark.parametrize("meanwhile", ["removed", "withdrawn", "accepted"])
def test_who_comes_too_late_gets_no_account(
    ada: TestApp, client: TestApp, app: Any, smtp: Mailbox, engine: sa.Engine, rule: str, meanwhile: str
) -> None:
    """The invitation is found, and then is none any more."""
    invite(ada, rule, CY)
    link = link_to(app, smtp, CY)
    accounts = count(engine, "accounts")
    with prepare(registry=app.registry) as env:
        request = env["request"]
        request.tm.begin()
        found = stakeholders.find(request, link.partition("token=")[2])
        match meanwhile:
            case "removed":
                ada.delete(f"/api{rule}/stakeholders/{listed(ada, f'/api{rule}')[0]['id']}")
            case "withdrawn":
                ada.delete(f"/api{rule}")
            case "accepted":
                form_to(client.get(link), VERIFY).submit(status=303)
                accounts += 1
        with pytest.raises(LinkRefused):
            stakeholders.accept(request, found, own=False)
        request.tm.commit()
    assert count(engine, "accounts") == accounts


def test_whoever_is_signed_in_as_somebody_else_signs_out_where_they_are_told_to(
    ada: TestApp, bo: TestApp, app: Any, smtp: Mailbox, rule: str
) -> None:
    invite(ada, rule, CY)
    page = bo.get(link_to(app, smtp, CY)).follow()
    assert "signed in as bo@example.org" in words(page)
    assert [each.action for each in page.forms.values()] == ["/logout"]
    form_to(page, "/logout").submit(status=303)
    assert "Be a stakeholder of" in bo.get(link_to(app, smtp, CY), status=200).html.h1.text
