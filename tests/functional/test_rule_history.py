"""The history of a rule, in words and step by step."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from bs4 import BeautifulSoup
from hypothesis import HealthCheck, given, settings
from webtest import TestApp

from cr.events.application import Rules
from cr.events.store import snapshots
from cr.projections.revisions import render
from tests.audit.test_replay import acts, lines_of, meet, rules_of
from tests.functional.people import path_of
from tests.functional.test_main_job import edit, publish, write, written
from tests.projections.lives import NOON, PEOPLE, live, lives, sample_life


def words(page: Any, selector: str) -> str:
    """All that the first such element says, on one line."""
    return " ".join(page.html.select_one(selector).text.split())


def links(page: Any) -> dict[str, str]:
    return {each.text: each["href"] for each in page.html.select(".stepper a")}


@pytest.fixture
def rule(ada: TestApp) -> str:
    """The path of a rule with two revisions."""
    rule = publish(ada, written(ada))
    draft = edit(ada, rule)
    write(ada, f"{draft}/about", title="Elm Street Gardens")
    write(ada, f"{draft}/membership", label="Trial season", joiningProcess="Work one season with us.")
    publish(
        ada,
        draft,
        changed="A trial season for newcomers.",
        decided_by="lazy consensus",
        decided_on="2026-03-12",
        record="https://example.org/minutes",
    )
    return rule


def test_stepping_from_the_first_event_to_the_last(client: TestApp, rule: str) -> None:
    page = client.get(f"{rule}/history").click("Step through the history")
    assert page.html.h1.text == "Event 1 of 2"
    assert words(page, ".what") == "Published the rule. The owner"
    assert words(page, ".rule-title") == "Elm Street Garden"
    assert "Trial season" not in page
    assert links(page) == {"Next": f"{rule}/history?at=2", "Last": f"{rule}/history?at=2"}
    assert [each["rel"] for each in page.html.select("head link[rel=prev], head link[rel=next]")] == [["next"]]

    page = page.click("Next")
    assert page.html.h1.text == "Event 2 of 2"
    assert words(page, ".what") == "Published revision 2. The owner"
    for said in (
        "A trial season for newcomers.",
        "Lazy consensus",
        "12 March 2026",
        "https://example.org/minutes",
        "In force from",
        "Renamed it from “Elm Street Garden” to “Elm Street Gardens”.",
        "Added Trial season to membership.",
    ):
        assert said in page
    assert words(page, ".rule-title") == "Elm Street Gardens"
    assert "Work one season with us." in words(page, ".rule-text")
    assert links(page) == {"First": f"{rule}/history?at=1", "Previous": f"{rule}/history?at=1"}
    assert page.html.select_one("link[rel=canonical]")["href"] == f"{rule}/history?at=2"
    assert page.html.select_one("meta[name=robots]")["content"] == "noindex"


def test_without_a_script_the_slider_is_a_form(client: TestApp, rule: str) -> None:
    page = client.get(f"{rule}/history?at=1")
    form = next(form for form in page.forms.values() if form.method == "get")
    form["at"] = "2"
    assert form.submit().html.h1.text == "Event 2 of 2"


def test_the_list_leads_to_each_step_and_to_the_data(client: TestApp, rule: str) -> None:
    page = client.get(f"{rule}/history")
    assert page.click("The rule after event 2").html.h1.text == "Event 2 of 2"
    assert page.click(r"As data \(NDJSON\)").content_type == "application/x-ndjson"
    assert page.click("schema").content_type == "application/schema+json"
    assert page.click("canonical JSON").json["revision"] == 2
    assert page.html.find(id="check")


@pytest.mark.parametrize("number", ["0", "3", "-1", "01", "1.0", "x", "", "٢", "1 ", "9" * 18, "9" * 5000])
def test_an_event_that_there_is_not(client: TestApp, rule: str, number: str) -> None:
    page = client.get(f"{rule}/history", {"at": number}, status=404)
    assert page.html.h1.text == "No such event"
    assert "The history of this rule has 2 events, numbered from 1 to 2." in page
    assert "Revision 1" in page.click("The history of this rule")


def test_a_step_is_kept_by_browsers_until_something_happens(ada: TestApp, client: TestApp, rule: str) -> None:
    etag = client.get(f"{rule}/history?at=1").headers["ETag"]
    client.get(f"{rule}/history?at=1", headers={"If-None-Match": etag}, status=304)
    assert client.get(f"{rule}/history?at=2", headers={"If-None-Match": etag}).html.h1.text == "Event 2 of 2"
    ada.patch_json(f"/api{rule}", {"title": "Elm", "document": {}})
    page = client.get(f"{rule}/history?at=1", headers={"If-None-Match": etag})
    assert page.html.h1.text == "Event 1 of 3"


def test_a_decision_outside_the_rule_is_said(client: TestApp, engine: sa.Engine) -> None:
    said = {"decided_by": "the drivers", "outside_rule": True}
    with engine.begin() as connection:
        app = Rules(lambda: nullcontext(connection))
        rule = app.publish_rule(PEOPLE[0], NOON, "Elm", None, {"sections": []})
        app.revise_rule(rule.id, PEOPLE[0], NOON, "Elm 2", None, {"sections": []}, **said)
    for path in ("history", "history?at=2"):
        page = client.get(f"/rules/{rule.id}/{path}")
        assert "the drivers, which the rule did not name as a way to decide" in page
    assert client.get(f"/rules/{rule.id}/history?at=2").click("See it in the text").html.h1


@pytest.mark.parametrize(
    ("record", "linked"),
    [
        ("https://a.example.org/1", True),
        ("https://a.example.org/1 and Minutes 4", False),
        ("http://a.example.org/1\thttps://b.example.org/2", False),
        ("Minutes 4, https://a.example.org/1", False),
    ],
)
def test_a_record_is_a_link_where_it_is_one_address(
    client: TestApp, engine: sa.Engine, record: str, linked: bool
) -> None:
    with engine.begin() as connection:
        app = Rules(lambda: nullcontext(connection))
        rule = app.publish_rule(PEOPLE[0], NOON, "Elm", None, {"sections": []}, record=record)
    for path in ("", "/revisions", "/history", "/history?at=1"):
        page = client.get(f"/rules/{rule.id}{path}")
        assert record in page.html.main.text
        assert [each["href"] for each in page.html.select("main a[rel~=noopener]")] == ([record] if linked else [])


def test_people_who_come_and_go_are_counted_and_nobody_is_named(client: TestApp, engine: sa.Engine) -> None:
    a, b = PEOPLE
    with engine.begin() as connection:
        app = Rules(lambda: nullcontext(connection))
        rule = app.publish_rule(a, NOON, "Elm", None, {"sections": []}, stakeholders=[UUID(int=77)])
        app.join_rule(rule.id, b, NOON)
    meet(engine, rule.id, [("accept", 1), ("remove", 0), ("release", 0)])
    with engine.begin() as connection:
        Rules(lambda: nullcontext(connection)).remove_organizer(rule.id, b, NOON, b)
    told = []
    page = client.get(f"/rules/{rule.id}/history?at=1")
    while True:
        told.append((words(page, ".what"), [each.text for each in page.html.select("h2 + ul li")]))
        assert str(a) not in page
        assert str(UUID(int=77)) not in page
        if "Next" not in links(page):
            break
        page = client.get(links(page)["Next"])
    assert told == [
        ("Published the rule. The owner", []),
        ("Invited a stakeholder. The owner", ["Stakeholders: 1, before 0."]),
        ("Joined as an organizer. Organizer 2", ["Organizers: 2, before 1."]),
        ("Accepted the invitation. A stakeholder", ["Stakeholders who accepted: 1, before 0."]),
        ("Removed a stakeholder. The owner", ["Stakeholders: 0, before 1.", "Stakeholders who accepted: 0, before 1."]),
        ("The owner left. The rule stays. The owner", ["Organizers: 1, before 2."]),
        ("No longer takes part as an organizer. Organizer 2", ["Organizers: 0, before 1."]),
    ]
    listed = client.get(f"/rules/{rule.id}/history").html.select(".what")
    assert [" ".join(each.text.split()) for each in reversed(listed)] == [sentence for sentence, _ in told]


def check_steps(client: TestApp, engine: sa.Engine, rule_id: UUID) -> None:
    """Every step of a rule's history shows the state that the log has after it."""
    with engine.connect() as connection:
        app = Rules(lambda: nullcontext(connection))
        states = [app.rule(rule_id, line.event) for line in lines_of(app, rule_id)]
    for state in states:
        path = f"/rules/{rule_id}/history?at={state.version}"
        if states[-1].status == "withdrawn":
            client.get(path, status=410)
            continue
        page = client.get(path)
        assert page.html.h1.text == f"Event {state.version} of {len(states)}"
        shown = page.html.select_one("article.rule")
        assert shown.select_one(".rule-title").text == state.title
        summary = shown.select_one(".rule-summary")
        assert (summary.text if summary else None) == state.summary
        body = BeautifulSoup(str(render(state.document)), "html.parser")
        assert shown.select_one(".rule-text").text == body.select_one(".rule-text").text
        facts = [" ".join(each.text.split()) for each in page.html.select("dl.sum")[-1].select("dd")]
        organizers = len(state.organizers) + (state.owner is not None)
        accepted = state.accepted
        assert facts == [
            f"Published, revision {state.revision}",
            str(organizers or "None"),
            f"{len(state.stakeholders)}, of whom {accepted or 'none'} accepted" if state.stakeholders else "None",
        ]


def test_the_steps_of_the_sample_life(client: TestApp, engine: sa.Engine) -> None:
    live(engine, sample_life())
    for rule_id in rules_of(engine):
        meet(engine, rule_id, [("invite", 0), ("invite", 0), ("accept", 0)])
        check_steps(client, engine, rule_id)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=15)
@given(lives, acts)
def test_the_steps_of_any_life(client: TestApp, engine: sa.Engine, life: list[Any], acts: list[Any]) -> None:
    known = {*rules_of(engine)}
    live(engine, life)
    for rule_id in {*rules_of(engine)} - known:
        meet(engine, rule_id, acts)
        check_steps(client, engine, rule_id)


def test_a_long_life_is_replayed_from_snapshots(client: TestApp, engine: sa.Engine) -> None:
    with engine.begin() as connection:
        app = Rules(lambda: nullcontext(connection))
        rule = app.publish_rule(PEOPLE[0], NOON, "Elm", None, {"sections": []})
        for number in range(2, 48):
            app.revise_rule(rule.id, PEOPLE[0], NOON, f"Elm {number}", None, {"sections": []})
    for number in (1, 20, 21, 40, 41, 47):
        page = client.get(f"/rules/{rule.id}/history?at={number}")
        assert words(page, ".rule-title") == ("Elm" if number == 1 else f"Elm {number}")
    with engine.begin() as connection:
        # As after a change of the code.
        connection.execute(sa.delete(snapshots))
        app = Rules(lambda: nullcontext(connection))
        for number in (20, 21, 40, 41, 47):
            found = app.rule(rule.id, number)
            assert (found.version, found.title) == (number, f"Elm {number}")
        assert app.rule(rule.id) == found
        copy = app.draft(app.copy_rule(rule.id, PEOPLE[1], NOON, 30))
        assert (copy.title, copy.copied_revision) == ("Elm 30", 30)
    assert path_of(links(page)["Previous"]) == f"/rules/{rule.id}/history?at=46"


def test_of_long_texts_the_newest_changes_are_told_and_the_others_a_link_away(
    client: TestApp, engine: sa.Engine
) -> None:
    """On the history and in the feeds; and all of them on their pages, however often they are asked for."""
    with engine.begin() as connection:
        app = Rules(lambda: nullcontext(connection))
        rule = app.publish_rule(PEOPLE[0], NOON, "Elm 1", None, {"sections": [], "theirs": "x" * 700_000})
        for number in range(2, 6):
            document = {"sections": [], "theirs": "x" * 700_000}
            app.revise_rule(rule.id, PEOPLE[0], NOON, f"Elm {number}", None, document)
    path = f"/rules/{rule.id}"
    for _ in range(2):
        page = client.get(f"{path}/history")
        assert [f"to “Elm {number}”" in page for number in range(2, 6)] == [False, False, True, True]
        assert page.click("See what changed.* in revision 2").html.h1
        assert "to “Elm 2”" in client.get(f"{path}/history?at=2")
        assert "to “Elm 2”" in client.get(f"{path}/history?before=3")
        for feed in (f"{path}/feed.atom", "/rules/feed.atom"):
            text = client.get(feed).text
            assert [f"to “Elm {number}”" in text for number in range(2, 6)] == [False, False, True, True]
            assert f"Read it at http://localhost{path}/compare?from=1&amp;to=2" in text
