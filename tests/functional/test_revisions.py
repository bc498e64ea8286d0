"""What readers see of a rule's revisions: in force, not yet, not any more, and on a day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from webtest import TestApp

from tests.fixtures.mail import Mailbox
from tests.fixtures.site import Clock
from tests.functional.people import form_to, sign_in
from tests.functional.rules import account_of, noon, person, publish, revise, withdraw


def text(page: Any) -> str:
    return " ".join(page.html.main.text.split())


def notices(page: Any) -> list[str]:
    """What stands above the title."""
    return [" ".join(each.text.split()) for each in page.html.select(".rule-notice p")]


def canonical(page: Any) -> str:
    return str(page.html.select_one("link[rel=canonical]")["href"])


def is_indexed(page: Any) -> bool:
    return page.html.select_one("meta[name=robots]") is None


@pytest.fixture
def three(engine: sa.Engine, clock: Clock) -> str:
    """A rule by Ana: revision 1 of 1 March, 2 of 10 March, and 3, published on 20 March, in force from 1 May 2026."""
    clock.now = noon("2026-04-01")
    ana = person(engine, "Ana")
    rule = publish(engine, ana, "2026-03-01", "Care")
    revise(engine, rule, ana, "2026-03-10", "Care", "Trust", changed="We trust.", decided_by="consent")
    decision: dict[str, Any] = {"decided_by": "By a vote", "decided_on": noon("2026-03-18").date()}
    decision |= {"in_force_from": noon("2026-05-01").date(), "record": "https://example.org/minutes"}
    revise(engine, rule, ana, "2026-03-20", "Joy", "Care", "Trust", name="Elm Road", outside_rule=True, **decision)
    return rule


# The rule's own page


def test_a_rule_shows_the_revision_in_force_and_announces_the_next(client: TestApp, three: str, clock: Clock) -> None:
    page = client.get(three)
    assert page.html.h1.text == "Elm Street"
    assert "Revision 2, adopted by consent, in force" in page
    assert "Published by Ana on 10 March 2026." in page
    assert notices(page) == ["Revision 3 was adopted and comes into force on 1 May 2026. Read revision 3"]
    assert "About Joy" not in page
    assert (canonical(page), is_indexed(page)) == (three, True)
    etag, changed = page.headers["ETag"], page.headers["Last-Modified"]

    clock.now = noon("2026-04-30")
    client.get(three, headers={"If-None-Match": etag}, status=304)
    clock.now = noon("2026-05-01")
    page = client.get(three, headers={"If-None-Match": etag}, status=200)
    assert page.headers["Last-Modified"] == "Fri, 01 May 2026 00:00:00 GMT" != changed
    assert page.html.h1.text == "Elm Road"
    assert "Revision 3, adopted by a vote on 18 March 2026, in force" in page
    assert "Published by Ana on 20 March 2026. In force since 1 May 2026." in text(page)
    assert "It was adopted in a way that the rule did not name at the time." in page
    assert page.html.select_one(".rule-facts a")["href"] == "https://example.org/minutes"
    assert notices(page) == []


def test_a_rule_of_which_nothing_is_in_force_yet_says_from_when(
    client: TestApp, engine: sa.Engine, clock: Clock
) -> None:
    clock.now = noon("2026-04-01")
    ana = person(engine)
    rule = publish(engine, ana, "2026-03-01", in_force_from=noon("2026-06-01").date())
    page = client.get(rule)
    assert notices(page) == ["No revision of this rule is in force yet. This one comes into force on 1 June 2026."]
    assert "Revision 1, published on 1 March 2026, in force from 1 June 2026" in page
    assert "Published by the owner." in page
    assert "in force from 1 June 2026" in text(client.get("/rules"))
    # A later one that is in force earlier is the first to come.
    revise(engine, rule, ana, "2026-03-02", "Trust", in_force_from=noon("2026-05-01").date())
    page = client.get(rule)
    assert "About Trust" in page
    assert notices(page) == ["No revision of this rule is in force yet. This one comes into force on 1 May 2026."]
    first = client.get(f"{rule}/revisions/1")
    assert "Revision 1, published on 1 March 2026, never in force" in first
    assert notices(first)[0].startswith("This is revision 1, which never came into force.")


def test_the_next_revision_begins_with_the_last_one_that_was_published(
    app: Any, smtp: Mailbox, engine: sa.Engine, clock: Clock
) -> None:
    clock.now = noon("2026-04-01")
    ada = sign_in(app, smtp, "ada@example.org")
    owner = account_of(engine, "ada@example.org")
    rule = publish(engine, owner, "2026-03-01", "Care")
    assert "not in force yet" not in ada.get(f"{rule}/edit")
    revise(engine, rule, owner, "2026-03-02", "Trust", in_force_from=noon("2026-05-01").date())
    page = ada.get(f"{rule}/edit")
    assert "You get a draft with everything that revision 2 of “Elm Street” says." in text(page)
    assert "Revision 2 was published last and is not in force yet. Until its day revision 1 is." in text(page)
    assert "Trust" in form_to(page, f"{rule}/edit").submit(status=303).follow()


def test_no_address_of_a_person_is_on_a_page(client: TestApp, engine: sa.Engine) -> None:
    """Without a name they are what they are to the rule; with an account that is gone, too."""
    owner = person(engine)
    rule = publish(engine, owner, "2026-03-01")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE accounts SET display_name = NULL"))
    for path in (rule, f"{rule}/revisions"):
        assert "the owner" in client.get(path)
        assert "@example.org" not in client.get(path)
    etag = client.get(rule).headers["ETag"]
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE accounts SET display_name = 'Ana <b>'"))
    assert "Published by Ana <b>." in text(client.get(rule, headers={"If-None-Match": etag}, status=200))
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM accounts"))
    assert "the owner" in client.get(rule)


def test_the_lists_name_what_is_in_force(client: TestApp, three: str, clock: Clock) -> None:
    for path in ("/", "/rules"):
        assert "Revision 2, 10 March 2026" in text(client.get(path))
        assert "Elm Road" not in client.get(path)
    clock.now = noon("2026-05-01")
    for path in ("/", "/rules"):
        assert "Elm Road" in client.get(path)
        assert "Revision 3, 20 March 2026" in text(client.get(path))


# A revision's own page


def test_a_revision_says_whether_it_is_in_force(client: TestApp, three: str, clock: Clock) -> None:
    first, second, third = (client.get(f"{three}/revisions/{number}") for number in (1, 2, 3))
    assert notices(first) == [
        "This is revision 1. Revision 2 took its place on 10 March 2026 and is in force. Read the one in force"
    ]
    assert "Revision 1, published on 1 March 2026, superseded" in first
    assert "In force: 1 March 2026 to 9 March 2026." in first
    assert (canonical(first), is_indexed(first)) == (f"{three}/revisions/1", False)
    assert notices(second) == []
    assert (canonical(second), is_indexed(second)) == (three, True)
    assert notices(third) == [
        "This is revision 3, which comes into force on 1 May 2026. Revision 2 is in force. Read the one in force"
    ]
    assert "adopted by a vote on 18 March 2026, in force from 1 May 2026" in third
    assert not is_indexed(third)

    clock.now = noon("2026-05-02")
    for number, page in enumerate((first, second, third), 1):
        now = client.get(f"{three}/revisions/{number}", headers={"If-None-Match": page.headers["ETag"]}, status=200)
        client.get(f"{three}/revisions/{number}", headers={"If-None-Match": now.headers["ETag"]}, status=304)
    assert notices(client.get(f"{three}/revisions/1")) == [
        "This is revision 1. Revision 2 took its place on 10 March 2026. Revision 3 is in force. Read the one in force"
    ]


def test_revisions_lead_from_one_to_the_next(client: TestApp, three: str) -> None:
    page = client.get(f"{three}/revisions/2")
    for selector in ("head link", ".rule-links a"):
        assert page.html.select_one(f"{selector}[rel=prev]")["href"] == f"{three}/revisions/1"
        assert page.html.select_one(f"{selector}[rel=next]")["href"] == f"{three}/revisions/3"
    links = {each.text: each["href"] for each in page.html.select(".rule-links a")}
    assert links["What changed from revision 1"] == f"{three}/compare?from=1&to=2"
    assert client.get(f"{three}/revisions/1").html.select_one("[rel=prev]") is None
    assert client.get(f"{three}/revisions/3").html.select_one("[rel=next]") is None
    assert "What changed" not in client.get(f"{three}/revisions/1")
    # The rule itself leads to what is in force and to the list; programs hear of its neighbours all the same.
    assert client.get(three).html.select(".rule-links a[rel=prev], .rule-links a[rel=next]") == []
    assert client.get(three).html.select_one("head link[rel=prev]")["href"] == f"{three}/revisions/1"


def test_a_revision_that_a_later_one_overtook_was_never_in_force(
    client: TestApp, engine: sa.Engine, clock: Clock, three: str
) -> None:
    ana = person(engine)
    other = publish(engine, ana, "2026-03-01", "Care")
    revise(engine, other, ana, "2026-03-02", "Trust", in_force_from=noon("2026-06-01").date())
    revise(engine, other, ana, "2026-03-05", "Joy")
    assert "About Joy" in client.get(other)
    assert notices(client.get(other)) == []
    page = client.get(f"{other}/revisions/2")
    assert "published on 2 March 2026, never in force" in page
    assert notices(page)[0].startswith(
        "This is revision 2, which never came into force. Revision 3 took its place before its day and is in force."
    )
    clock.now = noon("2026-07-01")
    assert "About Joy" in client.get(other)
    assert "Never: revision 3 took its place before its day" in client.get(f"{other}/revisions")


def test_a_revision_may_count_from_an_earlier_day(client: TestApp, engine: sa.Engine, clock: Clock) -> None:
    clock.now = noon("2026-04-01")
    ana = person(engine)
    rule = publish(engine, ana, "2026-03-01", "Care")
    revise(engine, rule, ana, "2026-03-20", "Trust", in_force_from=noon("2026-03-10").date())
    assert "In force since 10 March 2026." in client.get(rule)
    assert "1 March 2026 to 9 March 2026" in client.get(f"{rule}/revisions")
    assert "About Trust" in client.get(f"{rule}?on=2026-03-10")
    assert "About Care" in client.get(f"{rule}?on=2026-03-09")


def test_a_clause_keeps_its_anchor_when_others_come_before_it(client: TestApp, three: str) -> None:
    for number in (2, 3):
        page = client.get(f"{three}/revisions/{number}")
        assert "About Trust" in page.html.select_one("#values-trust").text
        assert page.html.select_one("#values-trust .num")["href"] == "#values-trust"


# The list of revisions


def test_the_list_tells_each_revision(client: TestApp, three: str, clock: Clock) -> None:
    page = client.get(f"{three}/revisions")
    third, second, first = (" ".join(each.get_text(" ").split()) for each in page.html.select("ol.rules > li"))
    assert third.startswith("Revision 3 Elm Road In force From 1 May 2026 Adopted by a vote on 18 March 2026, in a way")
    assert "Recorded here https://example.org/minutes Published 20 March 2026 by Ana" in third
    assert second.startswith("Revision 2 In force We trust. In force 10 March 2026 to 30 April 2026 Adopted by consent")
    assert first.startswith("Revision 1 Elm Street In force 1 March 2026 to 9 March 2026 Published 1 March 2026 by Ana")
    assert page.html.select("ol.rules > li")[0].select("a")[-1]["href"] == f"{three}/compare?from=2&to=3"
    etag = page.headers["ETag"]
    client.get(f"{three}/revisions", headers={"If-None-Match": etag}, status=304)
    clock.now = noon("2026-05-01")
    assert "Since 1 May 2026" in client.get(f"{three}/revisions", headers={"If-None-Match": etag}, status=200)


def test_the_list_has_pages(client: TestApp, engine: sa.Engine, clock: Clock) -> None:
    ana = person(engine)
    rule = publish(engine, ana, "2026-03-01")
    for number in range(2, 52):
        revise(engine, rule, ana, "2026-03-02", f"Care {number}")
    page = client.get(f"{rule}/revisions")
    assert len(page.html.select("ol.rules > li")) == 50
    assert "Elm Street" not in page.html.ol.text
    older = page.click("Show older revisions")
    assert [each.text for each in older.html.select("ol.rules h2 a")] == ["Revision 1"]
    assert "Elm Street" in older.html.ol.text
    assert "Show older" not in older
    for address in ("?before=1", "?before=0", "?before=x", "?before=", "?before=-3"):
        client.get(f"{rule}/revisions{address}", status=404)
    client.get(f"{rule}/revisions/52", status=404)
    client.get(f"{rule}/revisions/01", status=404)


# On a day


@pytest.mark.parametrize(
    ("day", "revision", "notice"),
    [
        ("2026-03-01", 1, "On 1 March 2026 revision 1 was in force. Read the one in force"),
        ("2026-03-09", 1, "On 9 March 2026 revision 1 was in force. Read the one in force"),
        ("2026-03-10", 2, "On 10 March 2026 revision 2 was in force."),
        ("2026-04-01", 2, "Today, on 1 April 2026, revision 2 is in force."),
        ("2026-04-30", 2, "On 30 April 2026 revision 2 will be in force, by what was published until today."),
        (
            "2026-05-01",
            3,
            "On 1 May 2026 revision 3 will be in force, by what was published until today. Read the one in force",
        ),
        (
            "9999-12-31",
            3,
            "On 31 December 9999 revision 3 will be in force, by what was published until today. Read the one in force",
        ),
    ],
)
def test_the_revision_of_a_day(client: TestApp, three: str, day: str, revision: int, notice: str) -> None:
    page = client.get(f"{three}?on={day}")
    assert notices(page) == [notice]
    assert f"Revision {revision}, " in page.html.select_one(".adoption").text
    assert (canonical(page), is_indexed(page)) == (f"{three}/revisions/{revision}", False)
    client.get(f"{three}?on={day}", headers={"If-None-Match": page.headers["ETag"]}, status=304)


def test_before_the_first_day_there_is_a_page_that_says_so(client: TestApp, three: str) -> None:
    page = client.get(f"{three}?on=2026-02-28", status=404)
    assert (
        "On 28 February 2026 no revision of “Elm Street” was in force. The first one came into force on 1 March 2026."
    ) in text(page)
    assert page.click("Read the rule").request.path == three
    assert "About Care" not in page


@pytest.mark.parametrize(
    "written",
    [
        "",
        "x" * 300,
        "1 March 2026",
        "2026-02-30",
        "2026-3-1",
        "20260301",
        "0000-01-01",
        "2026-W09-7",
        "2026-03-01T12:00",
        "٢٠٢٦",
    ],
)
def test_what_is_no_day_is_asked_for_again(client: TestApp, three: str, written: str) -> None:
    page = client.get(three, {"on": written}, status=400)
    assert "Write the day as year-month-day, such as 2026-03-01." in text(page)
    assert f"“{written[:50]}” is no day of the calendar." in text(page) or not written
    assert page.html.select_one("[name=on]")["value"] == written
    form = next(each for each in page.forms.values() if "on" in each.fields)
    form["on"] = "2026-03-05"
    assert notices(form.submit())[0].startswith("On 5 March 2026 revision 1 was in force.")


def test_the_list_asks_for_a_day(client: TestApp, three: str) -> None:
    page = client.get(f"{three}/revisions")
    form = next(each for each in page.forms.values() if "on" in each.fields)
    assert form["on"].value == "2026-04-01"
    form["on"] = "2026-03-05"
    assert "revision 1 was in force" in form.submit()


# Withdrawn


def test_a_withdrawn_rule_says_by_whom_and_why_and_nothing_of_its_text(
    client: TestApp, engine: sa.Engine, three: str, clock: Clock
) -> None:
    ana = person(engine, "Ana")
    rule = publish(engine, ana, "2026-03-01", "Care")
    revise(engine, rule, ana, "2026-03-02", "Trust")
    withdraw(engine, rule, ana, "2026-03-05", "We merged with <Oak>.")
    pages = ("", "/revisions", "/revisions/1", "/revisions/2", "/history", "?on=2026-03-01", "?on=x", "/copy")
    for path in (*pages, "/feed.atom"):
        page = client.get(f"{rule}{path}", status=410)
        assert "“Elm Street” was taken down on 5 March 2026 by Ana." in text(page)
        assert "The reason given: We merged with <Oak>." in text(page)
        assert "About" not in page.html.main.text
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE accounts SET display_name = NULL"))
    assert "by the owner." in client.get(rule, status=410)
    withdraw(engine, three, None, "2026-03-21")
    assert "by the people who run this site." in client.get(three, status=410)


def test_a_rule_may_be_withdrawn_before_it_is_in_force(client: TestApp, engine: sa.Engine, clock: Clock) -> None:
    ana = person(engine)
    rule = publish(engine, ana, "2026-03-01", in_force_from=clock.now.date() + timedelta(days=9))
    withdraw(engine, rule, ana, "2026-03-02")
    client.get(rule, status=410)


def test_no_public_address_leads_to_a_draft(ada: TestApp, client: TestApp, engine: sa.Engine) -> None:
    """Of a new rule, of a next revision, and of a copy."""
    ada.put_json("/api/drafts/me", {"payload": {"title": "Secret garden", "summary": "Whispered"}})
    rule = ada.post_json("/api/rules", {"title": "Elm", "document": {"sections": []}}).json["rule"]["id"]
    for name in ("edit", "copy"):
        page = ada.get(f"/rules/{rule}/{name}")
        next(each for each in page.forms.values() if each.action.endswith(name)).submit(status=303)
    with engine.connect() as connection:
        drafts = connection.execute(sa.text("SELECT id FROM drafts WHERE status = 'open'")).scalars().all()
    assert len(drafts) == 3
    for draft in drafts:
        for path in (
            "",
            "/revisions",
            "/revisions/1",
            "/history",
            "/copy",
            "/copies",
            "/feed.atom",
            "/edit",
            "?on=2026-03-01",
        ):
            client.get(f"/rules/{draft}{path}", status=404)
        client.get(f"/api/rules/{draft}", status=404)
        for path in ("", "/preview", "/history", "/values"):
            assert "/login" in client.get(f"/drafts/{draft}{path}", status=303).location
    for path in ("/", "/rules", "/rules/feed.atom", f"/rules/{rule}", f"/rules/{rule}/copies", "/api/rules"):
        answer = client.get(path).text
        assert not any(str(draft) in answer for draft in drafts)
        assert "Secret" not in answer
        assert "Whispered" not in answer
    assert "began with this one" not in client.get(f"/rules/{rule}")
