"""The owner of a rule hands it over to one of its organizers."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from webtest import TestApp

from tests.fixtures.mail import Mailbox, deliver
from tests.fixtures.site import Clock
from tests.functional.flow import topics, unequal
from tests.functional.people import form_to, sign_in
from tests.functional.test_all_or_nothing import at_once, posting
from tests.functional.test_deletion import delete_by_page
from tests.functional.test_main_job import edit, publish, sentences, write, written
from tests.functional.test_organizers import call, let_in, make_link, people, remove

OWNER = "Make them the owner"
TOLD = "You are the owner of “Elm Street Garden” now"


@pytest.fixture
def rule(ada: TestApp, bo: TestApp) -> str:
    """The path of a rule that Ada owns and Bo organizes."""
    rule = publish(ada, written(ada))
    let_in(ada, bo, rule)
    return rule


def ask(owner: TestApp, rule: str) -> Any:
    """The page that asks, about the first who is offered."""
    return owner.get(f"{rule}/organizers").click(OWNER, index=0)


def hand_over(owner: TestApp, rule: str) -> Any:
    return form_to(ask(owner, rule), f"{rule}/organizers/pass-on").submit(status=303)


def subjects(smtp: Mailbox) -> list[str]:
    return [str(mail["Subject"]) for mail in smtp.messages]


def test_a_rule_without_an_owner_is_taken_by_one_of_its_organizers(
    ada: TestApp, bo: TestApp, app: Any, rule: str, smtp: Mailbox, engine: sa.Engine
) -> None:
    delete_by_page(ada, "ada@example.org")
    assert "One of its organizers can become it" in bo.get(f"{rule}/withdraw", status=403)
    assert "Nobody can let you in again" in bo.get(f"{rule}/organizers").click("Leave")
    page = bo.get(f"{rule}/organizers")
    assert "This rule has no owner" in page
    form_to(page.click("Become its owner"), f"{rule}/organizers/pass-on").submit(status=303)
    assert "This rule has no owner" not in bo.get(f"{rule}/organizers")
    bo.get(f"{rule}/withdraw")
    bo.post_json(f"/api{rule}/stakeholders", {"email": "cy@example.org"}, status=201)
    assert "Became the owner, for there was none. The owner" in sentences(bo.get(f"{rule}/history"))
    assert bo.get("/api/rules/me").json["rules"][0]["role"] == "owner"
    deliver(app)
    assert TOLD not in subjects(smtp)
    assert unequal(engine) == []


def test_the_new_owner_may_what_the_old_one_might(
    ada: TestApp, bo: TestApp, app: Any, rule: str, smtp: Mailbox, clock: Clock, engine: sa.Engine
) -> None:
    ada.post_json(f"/api{rule}/stakeholders", {"email": "cy@example.org"}, status=201)
    clock.advance(timedelta(days=3))
    assert "only they can hand it back" in ask(ada, rule)
    assert TOLD not in subjects(smtp)
    hand_over(ada, rule)

    deliver(app)
    mail = next(mail for mail in smtp.messages if mail["Subject"] == TOLD)
    assert mail["To"] == "bo@example.org"
    assert f"http://localhost{rule}/organizers" in mail.get_content()
    assert "ada@example.org" not in mail.get_content()
    page = bo.get(f"{rule}/organizers")
    assert people(page) == ["The owner (you)", "An organizer"]
    since = [each["datetime"][:10] for each in page.html.select("ul.rules time")]
    assert since == [f"{clock.now:%Y-%m-%d}"] * 2
    assert people(ada.get(f"{rule}/organizers")) == ["The owner", "An organizer (you)"]

    assert "cy@example.org" in bo.get(f"{rule}/stakeholders")
    make_link(bo, rule)
    csrf = form_to(ada.get("/profile"), "/logout")["csrf_token"].value
    ada.post(f"{rule}/organizers/links", {"csrf_token": csrf}, status=403)
    for page in ("stakeholders", "withdraw"):
        bo.get(f"{rule}/{page}")
        ada.get(f"{rule}/{page}", status=403)
    # Programs hear the same.
    assert [each.get(f"/api{rule}").json["viewerIsOwner"] for each in (ada, bo)] == [False, True]
    assert ada.get("/api/rules/me").json["rules"] == []
    assert [each["role"] for each in bo.get("/api/rules/me").json["rules"]] == ["owner"]

    # Who handed it over writes on, and may leave.
    draft = edit(ada, rule)
    write(ada, f"{draft}/about", summary="We grow food.")
    publish(ada, draft, changed="What we do.")
    remove(ada, rule, "Leave")
    ada.get(f"{rule}/edit", status=403)
    assert unequal(engine) == []


def test_it_can_be_handed_back(ada: TestApp, bo: TestApp, rule: str, engine: sa.Engine) -> None:
    hand_over(ada, rule)
    assert "Organized with others" in ada.get("/profile")
    assert "Organized with others" not in bo.get("/profile")
    hand_over(bo, rule)
    assert people(ada.get(f"{rule}/organizers")) == ["The owner (you)", "An organizer"]
    assert topics(engine)[-2:] == ["rule.OwnerPassedOn"] * 2
    assert unequal(engine) == []


def test_histories_call_each_the_same_everywhere(
    ada: TestApp, bo: TestApp, app: Any, client: TestApp, rule: str
) -> None:
    memory = app.registry["cr.page_cache"]
    memory.trust(time.monotonic() + 3600)
    kept = [f"{rule}/history", rule, "/rules/feed.atom"]
    before = {page: [client.get(page) for _ in range(2)][-1] for page in kept}
    assert memory.figures().hits > 0
    hand_over(ada, rule)
    for page, old in before.items():
        again = client.get(page, headers={"If-None-Match": old.headers["ETag"]}, status=200)
        assert "rganizer 1" in again
        assert "rganizer 1" not in old
    assert sentences(client.get(f"{rule}/history")) == [
        "Handed the rule over to another organizer. Organizer 1",
        "Joined as an organizer. The owner",
        "Published the rule. Organizer 1",
    ]
    lines = [client.get(f"{rule}/history.ndjson").text.splitlines()[number] for number in (0, 2)]
    assert '"by":"organizer-1"' in lines[0]
    assert '"by":"organizer-1","type":"rule.OwnerPassedOn","owner":"organizer-2"' in lines[1]
    call(ada, rule, "Ada")
    assert sentences(client.get(f"{rule}/history"))[0] == "Handed the rule over to another organizer. Ada"
    # Of an account that is gone as well: it was the last one that owned the rule.
    delete_by_page(bo, "bo@example.org")
    assert sentences(client.get(f"{rule}/history"))[0] == "The owner left. The rule stays. The owner"


def test_only_the_owner_and_only_to_an_organizer(
    ada: TestApp, bo: TestApp, app: Any, rule: str, smtp: Mailbox, clock: Clock, engine: sa.Engine
) -> None:
    clock.advance(timedelta(minutes=2))
    cy = sign_in(app, smtp, "cy@example.org")
    clock.advance(timedelta(minutes=2))
    dee = sign_in(app, smtp, "dee@example.org")
    let_in(ada, cy, rule)
    page, address = f"{rule}/organizers/pass-on", ask(ada, rule).request.url
    whom = address.partition("organizer=")[2]
    events = topics(engine)
    for person in (bo, cy, dee):
        assert OWNER not in person.get(f"{rule}/organizers", status="*")
        person.get(address, status=403)
        csrf = form_to(person.get("/profile"), "/logout")["csrf_token"].value
        person.post(page, {"organizer": whom, "csrf_token": csrf}, status=403)
    csrf = form_to(ada.get("/profile"), "/logout")["csrf_token"].value
    for nobody in ("", "x"):
        ada.get(page, {"organizer": nobody}, status=303)
        ada.post(page, {"organizer": nobody, "csrf_token": csrf}, status=303)
    ada.post(page, {"organizer": "00000000-0000-0000-0000-000000000001", "csrf_token": csrf}, status=409)
    assert topics(engine) == events
    # Only rules are handed over.
    draft = f"/drafts/{written(ada)[-36:]}"
    ada.get(f"{draft}/writers/pass-on", status=404)


def test_who_left_meanwhile_gets_nothing(ada: TestApp, bo: TestApp, rule: str) -> None:
    form = form_to(ask(ada, rule), f"{rule}/organizers/pass-on")
    remove(bo, rule, "Leave")
    assert "do not organize this rule any more, so it stays yours" in form.submit(status=409)
    assert people(ada.get(f"{rule}/organizers")) == ["The owner (you)"]


def test_handed_over_and_removed_at_the_same_moment(ada: TestApp, bo: TestApp, rule: str, engine: sa.Engine) -> None:
    for number in range(8):
        asked = ada.get(f"{rule}/organizers").click("Remove")
        answers = at_once(
            posting(ada, ask(ada, rule), f"{rule}/organizers/pass-on"),
            posting(ada, asked, f"{rule}/organizers/remove"),
        )
        statuses = [answer.status_int for answer in answers]
        # Either they were removed first, or they own it, and nobody is removed who does.
        if topics(engine)[-1] == "rule.OrganizerRemoved":
            assert statuses == [409, 303], number
            assert "so it stays yours" in answers[0]
            let_in(ada, bo, rule)
        else:
            assert topics(engine)[-1] == "rule.OwnerPassedOn", number
            assert statuses[0] == 303
            assert people(bo.get(f"{rule}/organizers")) == ["The owner (you)", "An organizer"]
            hand_over(bo, rule)
    assert unequal(engine) == []


def test_pressed_twice_it_is_handed_over_once(
    ada: TestApp, bo: TestApp, app: Any, rule: str, smtp: Mailbox, engine: sa.Engine
) -> None:
    for number in range(6):
        owner = (ada, bo)[number % 2]
        page = ask(owner, rule)
        answers = at_once(*(posting(owner, page, f"{rule}/organizers/pass-on") for _ in range(2)))
        assert [answer.status_int for answer in answers] == [303, 303]
        form_to(page, f"{rule}/organizers/pass-on").submit(status=303)
        assert topics(engine).count("rule.OwnerPassedOn") == number + 1
    deliver(app)
    assert subjects(smtp).count(TOLD) == 6


def test_who_deletes_their_account_is_told_to_hand_over_first(ada: TestApp, bo: TestApp, rule: str) -> None:
    page = ada.get("/profile/delete").click("hand it over")
    assert people(page) == ["The owner (you)", "An organizer"]
    hand_over(ada, rule)
    assert "hand it over" not in ada.get("/profile/delete")
    delete_by_page(ada, "ada@example.org")
    assert people(bo.get(f"{rule}/organizers")) == ["The owner (you)"]


def test_nobody_gets_a_rule_whose_account_is_deleted_at_that_moment(
    ada: TestApp, app: Any, smtp: Mailbox, clock: Clock, engine: sa.Engine
) -> None:
    rule = publish(ada, written(ada))
    for number in range(6):
        clock.advance(timedelta(minutes=2))
        bo = sign_in(app, smtp, f"bo{number}@example.org")
        let_in(ada, bo, rule)
        asked = bo.get("/profile/delete")
        answers = at_once(
            posting(ada, ask(ada, rule), f"{rule}/organizers/pass-on"),
            posting(bo, asked, "/profile/delete", email=f"bo{number}@example.org"),
        )
        assert answers[1].status_int == 200
        owned = ada.get(f"/api{rule}").json["viewerIsOwner"]
        assert (answers[0].status_int, topics(engine)[-1]) == (
            (409, "rule.OrganizerRemoved") if owned else (303, "rule.OwnerReleased")
        ), number
        if not owned:
            rule = publish(ada, written(ada))
    assert unequal(engine) == []
