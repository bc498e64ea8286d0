"""Templates: the list of them, looking at one, and beginning from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from webtest import TestApp

from tests.functional.flow import (
    CHOICES,
    count,
    go_on,
    heading,
    payload,
    payload_of_guest,
    picks,
    press,
    start,
    step_of,
    topics,
    unequal,
)
from tests.functional.people import path_of
from tests.functional.test_main_job import sentences
from tests.functional.test_security import check_headers

CONSENSUS = "/create/review-template/consensus"


@pytest.fixture
def consensus(seed_data: Path) -> dict[str, Any]:
    """The template of that name, as it stands in the catalogue's file."""
    found: dict[str, Any] = next(
        each for each in json.loads((seed_data / "templates.json").read_text()) if each["slug"] == "consensus"
    )
    return found


def kept(client: TestApp, engine: sa.Engine) -> dict[str, Any]:
    return payload(client) if count(engine, "drafts") else payload_of_guest(engine)


def titles(page: Any) -> list[str]:
    return [each.text for each in page.html.select(".rules h2 a")]


# Looking


def test_the_list_shows_all_of_them_featured_first(client: TestApp) -> None:
    page = client.get("/templates")
    check_headers(page)
    api = client.get("/api/templates").json["templates"]
    assert titles(page) == [each["title"] for each in api]
    assert [each["featured"] for each in api[:4]] == [True] * 4
    assert page.html.select(".fit") == []
    for each in api:
        assert each["description"] in page.html.text


def test_what_fits_the_community_comes_first_and_says_why(somebody: TestApp) -> None:
    go_on(start(somebody), orgType=["workersCoop"], scale=["local"])
    go_on(somebody.get("/create/community-size"), size=["sixToTwelve"])
    page = somebody.get("/templates")
    wanted = {"facet.size": "sixToTwelve", "facet.orgType": "workersCoop", "facet.scale": "local"}
    api = somebody.get("/api/templates", wanted).json
    assert titles(page) == [each["title"] for each in api["templates"]]
    fits = [entry.select_one(".fit") for entry in page.html.select(".rules li")]
    assert fits[0].text == "Recommended: fits a worker co-op of 6 to 12, in one place"
    scores = [api["scores"][each["slug"]]["score"] for each in api["templates"]]
    assert [fit is not None for fit in fits] == [score >= 3 for score in scores]
    # The first three of them are also where the rule itself begins.
    review = somebody.get("/create/review")
    assert [each.text for each in review.html.select(".rules h3 a")] == titles(page)[:3]
    assert review.html.select_one(".fit").text == fits[0].text
    assert heading(page.click(f"^{titles(page)[0]}$")) == titles(page)[0]


def test_every_template_is_shown_as_the_rule_that_it_would_be(client: TestApp, engine: sa.Engine) -> None:
    page = client.get("/templates")
    for title in titles(page):
        template = page.click(f"^{title}$")
        assert heading(template) == title
        for section in ("Values", "Communication", "Membership", "Decision-making", "Conflict management"):
            assert section in [each.text for each in template.html.select(".contents > ol > li > a span")]
        assert len(template.html.select(".clause")) >= 6
        assert len(template.html.select(".sum dd")) == 3
    assert [count(engine, table) for table in ("guests", "events")] == [0, 0]


def test_a_template_says_what_it_consists_of(client: TestApp, consensus: dict[str, Any]) -> None:
    page = client.get(CONSENSUS)
    for text in (consensus["works"], consensus["fits"], consensus["watchOut"]):
        assert text in page.html.text
    for clause in consensus["clauses"]:
        assert clause["label"] in page.html.text
    assert "have choices already" not in page


def test_there_is_no_other_template(client: TestApp) -> None:
    answer = client.get("/create/review-template/anarchy", status=404)
    assert "There is no template of that name." in answer


# Beginning from one


def test_customizing_goes_on_to_the_values_with_everything_chosen(
    somebody: TestApp, engine: sa.Engine, consensus: dict[str, Any]
) -> None:
    start(somebody, "Elm")
    page = press(somebody.get("/templates").click("^Consensus$"), "action", "customize")
    assert step_of(page) == "core-values"
    assert len(picks(page)) == len(consensus["values"])
    text = kept(somebody, engine)
    assert text["title"] == "Elm"
    assert text["selectedCoreValueIds"] == consensus["values"]
    keys = {
        "communication": "selectedCommunicationMethodIds",
        "membership": "selectedMembershipMethodIds",
        "decisionApproaches": "selectedDecisionApproachIds",
        "conflictManagement": "selectedConflictManagementIds",
    }
    assert {section: text[key] for section, key in keys.items()} == consensus["methods"]
    final = somebody.get("/create/final-review").html.text
    for clause in consensus["clauses"]:
        assert clause["label"] in final
    # Every step has its words, ready to be changed.
    for step in CHOICES:
        page = somebody.get(f"/create/{step}")
        first = page.html.select_one(".picks a")
        assert any(each.text.strip() for each in page.goto(first["href"]).html.select("textarea"))


def test_using_it_without_changes_goes_on_to_the_stakeholders(somebody: TestApp, engine: sa.Engine) -> None:
    start(somebody, "Elm")
    page = press(somebody.get(CONSENSUS), "action", "use")
    assert step_of(page) == "confirm-stakeholders"
    assert step_of(somebody.get("/create").follow()) == "confirm-stakeholders"
    page = go_on(page)
    assert step_of(page) == "final-review"
    assert "Before you can publish" not in page


@pytest.mark.parametrize(("action", "after"), [("customize", "core-values"), ("use", "confirm-stakeholders")])
def test_before_there_is_a_name_it_is_asked_first(somebody: TestApp, action: str, after: str) -> None:
    page = press(somebody.get(CONSENSUS), "action", action)
    assert step_of(page) == "community-name"
    page = go_on(page, title="", status=400)
    page = go_on(page, title="Elm")
    assert step_of(page) == after
    assert page.html.select_one("#steps h2").text == "Elm"
    assert len(picks(somebody.get("/create/core-values"))) == 4


def test_what_is_chosen_already_stays_as_it_is(somebody: TestApp, engine: sa.Engine, consensus: dict[str, Any]) -> None:
    start(somebody, "Elm")
    shared = consensus["values"][0]
    page = press(somebody.get("/create/core-values", {"all": "yes"}), "add", shared)
    press(somebody.get(f"/create/core-values/{shared}"), "action", "save", meaning="In our words.")
    for label in ("Soil", "Rain"):
        press(somebody.get("/create/core-values/own"), "action", "save", label=label)
    press(somebody.get("/create/communication-methods/own"), "action", "save", label="The notice board")
    page = somebody.get(CONSENSUS)
    assert "Elm has choices already." in page
    press(page, "action", "customize")
    page = somebody.get("/create/core-values")
    assert "5 of 5" in page
    assert picks(page)[1:3] == ["Soil", "Rain"]
    text = kept(somebody, engine)
    assert text["coreValueDetailsByChipId"][shared]["meaning"] == "In our words."
    assert picks(somebody.get("/create/communication-methods"))[0] == "The notice board"
    # Once more adds nothing more.
    press(somebody.get(CONSENSUS), "action", "customize")
    after = kept(somebody, engine)
    assert {**after, "currentStep": None} == {**text, "currentStep": None}


def test_a_page_that_was_open_meanwhile_leaves_what_was_written_since(somebody: TestApp, engine: sa.Engine) -> None:
    stale = somebody.get(CONSENSUS)
    start(somebody, "Elm")
    press(somebody.get("/create/decision-approaches", {"all": "yes"}), "add", "lazy-consensus")
    words = {"corePrinciple": "In our words."}
    press(somebody.get("/create/decision-approaches/lazy-consensus"), "action", "save", **words)
    for label in ("One", "Two", "Three", "Four", "Five"):
        press(somebody.get("/create/core-values/own"), "action", "save", label=label)
    assert step_of(press(stale, "action", "customize")) == "core-values"
    text = kept(somebody, engine)
    assert text["decisionApproachDetailsById"]["lazy-consensus"]["corePrinciple"] == "In our words."
    assert picks(somebody.get("/create/core-values")) == ["One", "Two", "Three", "Four", "Five"]


def test_a_form_sent_twice_begins_once(somebody: TestApp, engine: sa.Engine) -> None:
    page = somebody.get(CONSENSUS)
    press(page, "action", "customize")
    before = kept(somebody, engine)
    press(page, "action", "customize")
    assert kept(somebody, engine) == before


def test_two_templates_come_together(somebody: TestApp, engine: sa.Engine) -> None:
    start(somebody, "Elm")
    press(somebody.get(CONSENSUS), "action", "customize")
    before = kept(somebody, engine)
    press(somebody.get("/create/review-template/elected-board"), "action", "customize")
    text = kept(somebody, engine)
    assert (
        text["selectedDecisionApproachIds"][: len(before["selectedDecisionApproachIds"])]
        == before["selectedDecisionApproachIds"]
    )
    assert len(text["selectedOwnSectionIds"]) > len(before["selectedOwnSectionIds"])
    assert len(text["selectedCoreValueIds"]) == 5


def test_every_template_can_be_used(somebody: TestApp, engine: sa.Engine) -> None:
    start(somebody, "Elm")
    first, *others = somebody.get("/api/templates").json["templates"]
    page = press(somebody.get(f"/create/review-template/{first['slug']}"), "action", "use")
    assert step_of(page) == "confirm-stakeholders"
    for each in others:
        page = press(somebody.get(f"/create/review-template/{each['slug']}"), "action", "replace")
        assert step_of(page) == "core-values"
        assert "Before you can publish" not in somebody.get("/create/final-review")


def test_a_template_can_take_the_place_of_what_is_chosen(somebody: TestApp, engine: sa.Engine) -> None:
    go_on(start(somebody, "Elm"), orgType=["workersCoop"])
    press(somebody.get("/create/review-template/elected-board"), "action", "customize")
    wanted = kept(somebody, engine)
    press(somebody.get(CONSENSUS), "action", "replace")
    press(somebody.get("/create/core-values/own"), "action", "save", label="Soil")
    page = somebody.get("/create/review-template/elected-board")
    assert "Elm has choices already. The template can take their place" in page
    assert "Use it without changes" not in page
    stale = somebody.get("/create/review-template/elected-board")
    assert step_of(press(page, "action", "replace")) == "core-values"
    assert kept(somebody, engine) == wanted
    # Who has not seen what is there now is asked once more.
    press(somebody.get("/create/core-values/own"), "action", "save", label="Rain")
    answer = press(stale, "action", "replace")
    assert path_of(answer.request.url).startswith("/create/review-template/elected-board")
    assert "Rain" in picks(somebody.get("/create/core-values"))


def test_the_history_says_which_template_it_began_from(ada: TestApp, engine: sa.Engine) -> None:
    page = press(ada.get(CONSENSUS), "action", "customize")
    assert topics(engine) == ["draft.Started"]
    assert page.html.select_one(".back").text == "Before you start"
    draft = page.html.select_one("input[name=draft]")["value"]
    assert sentences(ada.get(f"/drafts/{draft}/history")) == ["Started from the template “Consensus”. You"]
    go_on(page, title="Elm")
    press(ada.get("/create/review-template/elected-board"), "action", "customize")
    assert "draft.ValueChosen" in topics(engine)
    assert topics(engine).count("draft.Started") == 1
    assert unequal(engine) == []
