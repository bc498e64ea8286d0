"""Publishing a rule or its next revision: how it was adopted is asked, and all that was answered is in the event."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from webtest import TestApp

from tests.fixtures.site import Clock
from tests.functional.flow import unequal
from tests.functional.people import form_to
from tests.functional.test_main_job import edit, publish, start, write, written

TOLD = ("decided_by", "decision_method", "decided_on", "record", "in_force_from")


def last_event(engine: sa.Engine, topic: str) -> dict[str, Any]:
    with engine.connect() as connection:
        query = "SELECT state FROM events WHERE topic = :topic ORDER BY position DESC LIMIT 1"
        found: dict[str, Any] = json.loads(connection.scalar(sa.text(query), {"topic": topic}))
    return found


@pytest.fixture
def rule(ada: TestApp) -> str:
    """A rule whose one way to decide is lazy consensus."""
    return publish(ada, written(ada))


@pytest.fixture
def draft(ada: TestApp, rule: str) -> str:
    """A draft of its second revision."""
    path = edit(ada, rule)
    write(ada, f"{path}/about", title="Elm Street Gardens")
    return path


def form_of(client: TestApp, draft: str, **texts: str) -> Any:
    form = form_to(client.get(f"{draft}/publish"), f"{draft}/publish")
    for name, text in texts.items():
        form[name] = text
    return form


def ways(page: Any) -> dict[str, str]:
    """What the page offers as an answer to how it was decided: the value by its words."""
    return {label.text.strip(): label.input["value"] for label in page.html.select("#way label.choice")}


def test_a_revision_asks_what_changed_and_how_that_was_decided(
    ada: TestApp, client: TestApp, rule: str, draft: str, engine: sa.Engine
) -> None:
    offered = ways(ada.get(f"{draft}/publish"))
    assert list(offered) == ["Lazy consensus", "We leave this open", "Another way"]
    answers = {"decided_on": "2026-03-10", "record": "Minutes 4", "in_force_from": "2026-03-11"}
    form_of(ada, draft, changed="The name.", way=offered["Lazy consensus"], **answers).submit(status=303)
    event = last_event(engine, "rule.Revised")
    method = offered["Lazy consensus"].removeprefix("way:")
    assert {name: event[name] for name in TOLD} == {
        "decided_by": "Lazy consensus",
        "decision_method": method,
        **answers,
    }
    assert (event["changed"], event["outside_rule"]) == ("The name.", False)
    assert "Revision 2, adopted by lazy consensus on 10 March 2026, in force" in client.get(rule)
    assert unequal(engine) == []


def test_another_way_than_the_rules_own_is_asked_about_and_then_goes_on(
    ada: TestApp, draft: str, engine: sa.Engine
) -> None:
    asked = form_of(ada, draft, changed="The name.", way="other", decided_by="By a vote").submit(status=400)
    assert "The rule names other ways to decide: Lazy consensus." in " ".join(asked.html.main.text.split())
    form = form_to(asked, f"{draft}/publish")
    assert (form["changed"].value, form["way"].value, form["decided_by"].value) == ("The name.", "other", "By a vote")
    form["outside_rule"] = True
    form.submit(status=303)
    event = last_event(engine, "rule.Revised")
    assert (event["decided_by"], event["decision_method"], event["outside_rule"]) == ("By a vote", None, True)


def test_words_without_a_choice_are_another_way(ada: TestApp, draft: str) -> None:
    asked = form_of(ada, draft, changed="The name.", decided_by="By a vote").submit(status=400)
    assert form_to(asked, f"{draft}/publish")["way"].value == "other"


def test_who_writes_the_rules_own_way_means_it(ada: TestApp, draft: str, engine: sa.Engine) -> None:
    form_of(ada, draft, changed="The name.", way="other", decided_by="lazy Consensus").submit(status=303)
    event = last_event(engine, "rule.Revised")
    assert event["decided_by"] == "Lazy consensus"
    assert event["decision_method"]


def test_how_it_was_decided_can_be_left_open(ada: TestApp, client: TestApp, rule: str, draft: str) -> None:
    form_of(ada, draft, changed="The name.").submit(status=303)
    assert "Revision 2, published on" in client.get(rule)


def test_a_revision_of_a_day_to_come_is_said_to_be_one(
    ada: TestApp, client: TestApp, rule: str, draft: str, clock: Clock
) -> None:
    day = clock.now.date() + timedelta(days=40)
    form = form_of(ada, draft, changed="The name.", in_force_from=day.isoformat())
    page = form.submit(status=303).follow()
    assert f"Revision 2 comes into force on {day.day} {day:%B %Y}." in page
    assert "in force now" not in page
    assert "Revision 2 was adopted and comes into force on" in client.get(rule)


def test_before_a_revision_goes_out_its_changes_are_said(ada: TestApp, rule: str, draft: str) -> None:
    page = ada.get(f"{draft}/publish")
    assert "Renamed it from" in page.html.find("h2", string="What changed since revision 1").find_next("ul").text
    assert "Elm Street Gardens" in page.click("See it word by word")
    write(ada, f"{draft}/about", title="Elm Street Garden")
    assert "it says the same as revision 1" in ada.get(f"{draft}/publish")


def test_who_would_overtake_a_revision_that_waits_for_its_day_is_told(
    ada: TestApp, rule: str, draft: str, clock: Clock
) -> None:
    assert "waits for its day" not in ada.get(f"{draft}/publish")
    day = clock.now.date() + timedelta(days=40)
    form_of(ada, draft, changed="The name.", in_force_from=day.isoformat()).submit(status=303)
    third = edit(ada, rule)
    write(ada, f"{third}/about", title="Elm Street")
    assert f"Revision 2 waits for its day, {day.day} {day:%B %Y}." in " ".join(
        ada.get(f"{third}/publish").html.text.split()
    )


def test_a_rule_that_names_no_way_asks_nothing_back(ada: TestApp, engine: sa.Engine) -> None:
    path = start(ada)
    write(ada, f"{path}/values", label="Care")
    draft = edit(ada, publish(ada, path))
    write(ada, f"{draft}/about", title="Changed")
    assert ways(ada.get(f"{draft}/publish")) == {}
    form_of(ada, draft, changed="The name.", decided_by="By consent", decided_on="2026-03-12").submit(status=303)
    event = last_event(engine, "rule.Revised")
    assert (event["decided_by"], event["outside_rule"]) == ("By consent", False)


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"changed": ""}, "say it in a sentence"),
        ({"changed": "x" * 1001}, "shorten it to 1000 characters"),
        ({"way": "other"}, "say how it was decided"),
        ({"decided_by": "x" * 201}, "shorten it to 200 characters"),
        ({"decided_on": "12 March"}, "write it as year-month-day"),
        ({"in_force_from": "2026-02-30"}, "write it as year-month-day"),
        ({"in_force_from": "9999-01-01"}, "look at the year again"),
        ({"in_force_from": "0026-03-12"}, "look at the year again"),
        ({"in_force_from": "2020-01-01"}, "that is before the day of the decision"),
        ({"in_force_from": "2020-01-01", "decided_on": "2020-01-02"}, "that is before the day of the decision"),
        ({"record": "x" * 501}, "shorten it to 500 characters"),
    ],
)
def test_what_cannot_be_used_stays_in_the_form_and_says_why(
    ada: TestApp, draft: str, answers: dict[str, str], words: str
) -> None:
    given = {"changed": "The name.", **answers}
    answer = form_of(ada, draft, **given).submit(status=400)
    assert words in answer
    form = form_to(answer, f"{draft}/publish")
    for name, text in given.items():
        assert form[name].value == text


def test_a_way_that_was_never_offered_is_refused(ada: TestApp, draft: str) -> None:
    form = form_of(ada, draft, changed="The name.")
    form["way"].force_value("way:coin")
    assert "this rule no longer names that way" in form.submit(status=400)


def test_a_decision_is_not_of_a_day_to_come(ada: TestApp, draft: str, clock: Clock) -> None:
    day = clock.now.date()
    answer = form_of(ada, draft, changed="The name.", decided_on=str(day + timedelta(days=2))).submit(status=400)
    assert "that day has not come yet" in answer
    # East of us tomorrow is today.
    form_of(ada, draft, changed="The name.", decided_on=str(day + timedelta(days=1))).submit(status=303)


def test_a_first_publication_may_say_how_the_rule_was_adopted(ada: TestApp, client: TestApp, engine: sa.Engine) -> None:
    path = written(ada)
    offered = ways(ada.get(f"{path}/publish"))
    form_of(ada, path, way=offered["Lazy consensus"], decided_on="2026-03-10", record="The founding meeting").submit(
        status=303
    )
    event = last_event(engine, "rule.Published")
    assert (event["decided_by"], event["decided_on"]) == ("Lazy consensus", "2026-03-10")
    assert event["record"] == "The founding meeting"
    rule = path_of_newest(client)
    assert "Revision 1, adopted by lazy consensus on 10 March 2026, in force" in client.get(rule)


def path_of_newest(client: TestApp) -> str:
    return f"/rules/{client.get('/api/rules').json['rules'][0]['id']}"


def test_a_new_rule_asks_nothing_back_about_its_own_ways(ada: TestApp, engine: sa.Engine) -> None:
    form_of(ada, written(ada), way="other", decided_by="at a meeting in the garden").submit(status=303)
    assert last_event(engine, "rule.Published")["decided_by"] == "at a meeting in the garden"
