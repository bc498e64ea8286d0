"""Use cases: reading one, beginning with its rule as a guest and signed in, and taking the rule over the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from webtest import TestApp

from cr.catalog.source import read
from cr.catalog.use_cases import load
from cr.events.document import composed
from tests.fixtures.mail import Mailbox
from tests.fixtures.site import Clock
from tests.functional.flow import (
    count,
    filled,
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
from tests.functional.test_create_guests import ask, open_link
from tests.functional.test_create_publish import publish, rule_of
from tests.functional.test_main_job import sentences
from tests.functional.test_security import check_headers

CASES = load(None)
NINTH = "/use-cases/ninth-wheel"
CHOSEN = "selectedCoreValueIds"


def kept(client: TestApp, engine: sa.Engine) -> dict[str, Any]:
    return payload(client) if count(engine, "drafts") else payload_of_guest(engine)


def choices(text: dict[str, Any]) -> dict[str, Any]:
    about = ("title", "summary", "communityContext", "currentStep", "selectedScaleIds")
    return {key: value for key, value in text.items() if key not in about}


def example(slug: str) -> dict[str, Any]:
    return choices(dict(CASES[slug].rule))


def begin_page(client: TestApp, slug: str = "ninth-wheel") -> Any:
    return client.get(f"/use-cases/{slug}").click("^Begin with this rule$", index=0)


# Reading


def test_the_list_and_the_pages_that_lead_to_it(client: TestApp) -> None:
    for address in ("/use-cases", "/", "/templates"):
        page = client.get(address)
        check_headers(page)
        for case in CASES.values():
            assert heading(page.click(f"^{case.community}$")) == case.community
    assert heading(client.get("/").click("^All use cases$")) == "Use cases"
    page = client.get("/use-cases").html
    assert "These communities are invented." in page.text
    assert page.select_one("link[rel=canonical]")["href"] == "/use-cases"


@pytest.mark.parametrize("slug", CASES)
def test_the_story_stands_beside_the_whole_rule(client: TestApp, engine: sa.Engine, slug: str) -> None:
    case = CASES[slug]
    page = client.get(f"/use-cases/{slug}")
    text = " ".join(page.html.main.text.split())
    assert [each.text for each in page.html.select(".case-story h2")] == [
        *(part["heading"] for part in case.story),
        "What to look at in the rule",
    ]
    assert "This community is invented" in text
    for part in case.story:
        assert " ".join(part["text"].replace("**", "").replace("*", "").split()) in text
    for each in case.look:
        assert each in text
    document = composed(case.rule)
    shown = [" ".join(each.find_all(string=True, recursive=False)).strip() for each in page.html.select(".clause > h3")]
    assert shown == [entry["title"] for section in document["sections"] for entry in section["entries"]]
    assert page.html.select_one("link[rel=canonical]")["href"] == f"/use-cases/{slug}"
    assert page.html.select_one("meta[name=description]")["content"] == case.description
    ids = [each["id"] for each in page.html.select("[id]")]
    assert len(set(ids)) == len(ids)
    assert [count(engine, table) for table in ("guests", "events")] == [0, 0]


@pytest.mark.parametrize("address", ["/use-cases/nobody", "/use-cases/nobody/begin", "/use-cases/%00"])
def test_there_is_no_other(client: TestApp, address: str) -> None:
    client.get(address, status=404)


# Beginning


@pytest.mark.parametrize("slug", CASES)
def test_beginning_puts_all_of_it_into_the_flow(somebody: TestApp, engine: sa.Engine, slug: str) -> None:
    go_on(start(somebody, "Elm"), scale=["local"])
    page = press(begin_page(somebody, slug), "action", "begin")
    assert step_of(page) == "core-values"
    text = kept(somebody, engine)
    # Who they are is their own.
    assert (text["title"], text["selectedScaleIds"]) == ("Elm", ["local"])
    assert not {"summary", "communityContext"} & text.keys()
    assert choices(text) == example(slug)
    assert "Before you can publish" not in somebody.get("/create/final-review")


def test_before_there_is_a_name_it_is_asked_first(somebody: TestApp) -> None:
    page = press(begin_page(somebody), "action", "begin")
    assert step_of(page) == "community-name"
    page = go_on(page, title="Elm")
    assert step_of(page) == "core-values"
    assert len(picks(page)) == 3


def test_sent_twice_it_begins_once(somebody: TestApp, engine: sa.Engine) -> None:
    page = begin_page(somebody)
    press(page, "action", "begin")
    before = kept(somebody, engine)
    assert step_of(press(page, "action", "begin")) == "community-name"
    assert kept(somebody, engine) == before


def test_two_examples_are_never_mixed(somebody: TestApp, engine: sa.Engine) -> None:
    start(somebody, "Elm")
    press(begin_page(somebody), "action", "begin")
    press(somebody.get("/create/core-values/own"), "action", "save", label="Soil")
    page = begin_page(somebody, "ternfield")
    assert "“Elm” has choices already." in page
    before = kept(somebody, engine)
    # A page from before anything was chosen has another button: it leads to the question.
    form = filled(page)
    assert form.submit("action", value="begin", status=303).follow().request.path == "/use-cases/ternfield/begin"
    assert kept(somebody, engine) == before
    assert step_of(press(page, "action", "replace")) == "core-values"
    assert choices(kept(somebody, engine)) == example("ternfield")
    assert kept(somebody, engine)["title"] == "Elm"
    assert unequal(engine) == []


def test_what_was_chosen_after_the_question_is_asked_about_again(somebody: TestApp, engine: sa.Engine) -> None:
    start(somebody, "Elm")
    press(begin_page(somebody), "action", "begin")
    page = begin_page(somebody, "ternfield")
    press(somebody.get("/create/core-values/own"), "action", "save", label="Soil")
    before = kept(somebody, engine)
    again = press(page, "action", "replace")
    assert again.request.path == "/use-cases/ternfield/begin"
    assert kept(somebody, engine) == before
    press(again, "action", "replace")
    assert choices(kept(somebody, engine)) == example("ternfield")


def test_a_guest_can_keep_what_is_there(client: TestApp, engine: sa.Engine) -> None:
    start(client, "Elm")
    press(begin_page(client), "action", "begin")
    before = payload_of_guest(engine)
    page = begin_page(client, "ternfield")
    assert "Begin another rule with it" not in page
    page.click("^Keep what I have").follow()
    assert payload_of_guest(engine) == before


def test_a_guest_can_sign_in_to_keep_both(client: TestApp, smtp: Mailbox, engine: sa.Engine) -> None:
    start(client, "Elm")
    press(begin_page(client), "action", "begin")
    login = begin_page(client, "ternfield").click("^sign in first$")
    form = next(form for form in login.forms.values() if "email" in form.fields)
    form["email"] = "ada@example.org"
    form.submit().maybe_follow()
    page = open_link(client, smtp)
    assert page.request.path == "/use-cases/ternfield/begin"
    press(page, "action", "new")
    assert count(engine, "drafts") == 2
    assert choices(payload(client)) == example("ternfield")


def test_signed_in_another_rule_begins_beside_it(ada: TestApp, engine: sa.Engine) -> None:
    start(ada, "Elm")
    press(begin_page(ada), "action", "begin")
    page = press(begin_page(ada, "ternfield"), "action", "new")
    assert step_of(page) == "community-name"
    assert choices(payload(ada)) == example("ternfield")
    assert count(engine, "drafts") == 2
    draft = page.html.select_one("input[name=draft]")["value"]
    assert sentences(ada.get(f"/drafts/{draft}/history")) == ["Started from the rule of Ternfield, a use case. You"]


def test_from_the_example_to_a_public_rule(somebody: TestApp, smtp: Mailbox, engine: sa.Engine) -> None:
    page = press(begin_page(somebody, "kettle-row"), "action", "begin")
    page = go_on(page, title="Elm Street")
    while step_of(page) != "final-review":
        page = go_on(page)
    if not count(engine, "drafts"):
        ask(somebody)
        open_link(somebody, smtp)
        page = somebody.get("/create/final-review")
    page = publish(page)
    assert step_of(page) == "completed"
    read_again = somebody.get(rule_of(page))
    assert heading(read_again) == "Elm Street"
    assert len(read_again.html.select(".clause")) == 15
    assert "Kettle Row" not in read_again.html.select_one(".rule-head").text
    assert "draft.Published" in topics(engine)
    assert unequal(engine) == []


# Over the API


@pytest.mark.parametrize("slug", CASES)
def test_duplicating_publishes_it_as_the_persons_own(ada: TestApp, bo: TestApp, engine: sa.Engine, slug: str) -> None:
    rule = ada.post_json(f"/api/use-cases/{slug}/duplicate", {}).json["rule"]
    assert set(rule) == {"id", "title", "summary", "createdAt"}
    example = CASES[slug].rule
    assert (rule["title"], rule["summary"]) == (example["title"], example["summary"])
    answer = ada.get(f"/api/rules/{rule['id']}").json
    assert answer["viewerIsOwner"] is True
    assert answer["rule"]["document"] == composed(read().use_cases[list(CASES).index(slug)].rule)
    assert [each["id"] for each in ada.get("/api/rules/me").json["rules"]] == [rule["id"]]
    assert bo.get("/api/rules/me").json["rules"] == []
    assert heading(bo.get(f"/rules/{rule['id']}")) == example["title"]
    assert unequal(engine) == []


def test_who_may_duplicate_and_what(client: TestApp, ada: TestApp, engine: sa.Engine) -> None:
    url = f"/api{NINTH}/duplicate"
    assert client.post_json(url, {}, status=401).json["error"]["code"] == "unauthorized"
    assert ada.post_json("/api/use-cases/nobody/duplicate", {}, status=404).json["error"]["code"] == "not_found"
    assert count(engine, "events") == 0


def test_nobody_fills_the_list_with_examples(ada: TestApp, bo: TestApp, clock: Clock) -> None:
    url = f"/api{NINTH}/duplicate"
    for _ in range(10):
        ada.post_json(url, {})
    refused = ada.post_json(url, {}, status=429)
    assert refused.json["error"]["code"] == "rate_limited"
    assert int(refused.headers["Retry-After"]) <= 3600
    bo.post_json(url, {})
    clock.advance(timedelta(hours=1, seconds=1))
    ada.post_json(url, {})
