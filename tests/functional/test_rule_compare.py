"""Any two revisions of a published rule, compared, for everybody."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from webtest import TestApp

from tests.fixtures.site import Clock
from tests.functional import rules
from tests.functional.people import form_to
from tests.functional.rules import noon, person
from tests.functional.test_main_job import edit, publish, written


@pytest.fixture
def rule(ada: TestApp) -> str:
    """The path of a rule with three revisions."""
    path = publish(ada, written(ada))
    for number, clauses in enumerate(([], [{"title": "Dues", "body": "Ten a month."}]), 2):
        money = [{"categoryName": "Money", "entries": clauses}] if clauses else []
        identifier = path.rpartition("/")[2]
        document = ada.get(f"/api/rules/{identifier}").json["rule"]["document"]
        body = {"title": f"Elm, number {number}", "summary": None, "document": document}
        ada.patch_json(
            f"/api/rules/{identifier}", {**body, "document": {**document, "sections": document["sections"] + money}}
        )
    return path


def anchors(page: Any) -> list[str]:
    return [each["id"] for each in page.html.select(".compared > section")]


def told(page: Any) -> list[str]:
    return [each.text for each in page.html.select(".in-short li")]


def test_two_revisions_are_compared_by_anybody(client: TestApp, rule: str) -> None:
    page = client.get(f"{rule}/compare?from=1&to=3")
    assert told(page)[:2] == ["Renamed it from “Elm Street Garden” to “Elm, number 3”.", "Removed the summary."]
    assert told(page)[-1] == "Added Dues to money."
    assert "Ten a month." in page.html.select_one(".compared ins + h3, .compared .added").text
    assert page.html.select_one("link[rel=canonical]")["href"] == f"{rule}/compare?from=1&to=3"
    assert page.html.select_one("meta[name=robots]")["content"] == "noindex"
    on_its_page = [each["id"] for each in client.get(rule).html.select(".rule-text section[id]")]
    assert on_its_page[-1] == "money"
    assert anchors(page) == ["Above", *on_its_page]
    form = form_to(page, f"{rule}/compare")
    assert (form["from"].value, form["to"].value) == ("1", "3")
    form["from"] = "2"
    assert told(form.submit()) == ["Renamed it from “Elm, number 2” to “Elm, number 3”.", "Added Dues to money."]
    back = client.get(f"{rule}/compare?from=3&to=2")
    assert told(back)[-1] == "Removed Dues from money."
    assert anchors(back) == ["Above", *on_its_page]
    assert told(back.click("Turn it around"))[-1] == "Added Dues to money."


def test_a_comparison_is_kept_until_the_rule_changes(ada: TestApp, client: TestApp, rule: str) -> None:
    page = client.get(f"{rule}/compare?from=1&to=2")
    assert page.headers["Cache-Control"] == "public, no-cache"
    again = {"If-None-Match": page.headers["ETag"]}
    assert client.get(f"{rule}/compare?from=1&to=2", headers=again, status=304).body == b""
    for other in ("from=1&to=3", "from=2&to=1", "from=1&to=2&view=side", ""):
        client.get(f"{rule}/compare?{other}", headers=again, status=200)
    publish(ada, edit_differently(ada, rule), changed="Another name.")
    client.get(f"{rule}/compare?from=1&to=2", headers=again, status=200)


def test_the_day_on_which_another_name_comes_into_force_makes_another_page(
    client: TestApp, engine: sa.Engine, clock: Clock
) -> None:
    clock.now = noon("2026-03-10")
    ana = person(engine)
    elm = rules.publish(engine, ana, "2026-03-01", "Care")
    rules.revise(engine, elm, ana, "2026-03-02", "Care", name="Oak Lane", in_force_from=date(2026, 3, 11))
    page = client.get(f"{elm}/compare?from=1&to=2")
    assert page.html.h1.text == "What changed in Elm Street"
    clock.advance(timedelta(days=1))
    page = client.get(f"{elm}/compare?from=1&to=2", headers={"If-None-Match": page.headers["ETag"]}, status=200)
    assert page.html.h1.text == "What changed in Oak Lane"


def edit_differently(client: TestApp, rule: str) -> str:
    draft = edit(client, rule)
    form = form_to(client.get(f"{draft}/about"), f"{draft}/about")
    form["title"] = "Oak"
    form.submit("action", value="save", status=303)
    return draft


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("", 200, "Choose two revisions."),
        ("?from=1", 400, "Choose two: write the number of one revision in each field."),
        ("?from=a&to=b", 400, "Choose two: write"),
        ("?from=0&to=1", 404, "There is no revision 0. Choose numbers from 1 to 3."),
        ("?from=1&to=4", 404, "There is no revision 4."),
        ("?from=2&to=2", 400, "Both are revision 2. Choose two different ones."),
    ],
)
def test_what_cannot_be_compared_is_said_beside_the_form(
    client: TestApp, rule: str, query: str, status: int, words: str
) -> None:
    page = client.get(f"{rule}/compare{query}", status=status)
    assert words in page.html.main.text
    # The newest change is what most people look for.
    assert told(form_to(page, f"{rule}/compare").submit())[-1] == "Added Dues to money."
    if status != 200:
        assert "ETag" not in page.headers
        assert "no-store" in page.headers["Cache-Control"]


def test_a_rule_with_one_revision_has_nothing_to_compare(ada: TestApp, client: TestApp) -> None:
    rule = publish(ada, written(ada))
    page = client.get(f"{rule}/compare")
    assert "nothing to compare yet" in page
    assert not page.html.select("select")
    client.get(f"{rule}/compare?from=1&to=2", status=404)


def test_of_a_withdrawn_rule_nothing_is_shown(ada: TestApp, client: TestApp, rule: str) -> None:
    ada.delete(f"/api/rules/{rule.rpartition('/')[2]}")
    page = client.get(f"{rule}/compare?from=1&to=2", status=410)
    assert "withdrawn" in page.html.h1.text
    assert "Silence is consent" not in page


def test_an_unknown_rule_has_no_comparison(client: TestApp) -> None:
    client.get("/rules/00000000-0000-4000-8000-000000000001/compare?from=1&to=2", status=404)
