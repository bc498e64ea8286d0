"""The guided flow, step by step: where Continue, Change, Back and the list of steps lead, and what is asked again."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import sqlalchemy as sa
from webtest import TestApp

from tests.functional.flow import (
    CHOICES,
    KEYS,
    QUESTIONS,
    count,
    errors,
    filled,
    go_on,
    payload,
    press,
    start,
    step_of,
    topics,
    unequal,
)
from tests.functional.people import form_to, path_of
from tests.functional.test_main_job import sentences

ASKED = [key for key in KEYS if key not in ("informational", "completed")]
"""The steps that are numbered."""


def draft_of(page: Any) -> str:
    """The draft that the page is about."""
    return str(page.html.select_one("input[name=draft]")["value"])


def back(page: Any) -> Any:
    return page.goto(page.html.select_one("a.back")["href"])


def row(page: Any, name: str) -> Any:
    """The answer of this name on a page that looks back."""
    return next(each for each in page.html.select(".answers-list > div") if each.dt.text == name)


def change(page: Any, name: str) -> Any:
    """Follow the Change link beside an answer."""
    return page.goto(row(page, name).select_one("a")["href"])


def said(page: Any, name: str) -> str:
    return " ".join(row(page, name).dd.text.split())


# From one step to the next


def test_continue_leads_through_every_step_in_the_order_of_the_contract(client: TestApp) -> None:
    page = client.get("/create").follow()
    assert step_of(page) == "informational"
    page = page.click("Begin with the name")
    taken = [step_of(page)]
    page = go_on(page, title="Elm")
    while taken[-1] != "final-review":
        taken.append(step_of(page))
        if taken[-1] == "community-save":
            page = press(page, "action", "later")
        elif taken[-1] != "final-review":
            page = go_on(page)
    assert ["informational", *taken, "completed"] == KEYS


def test_who_is_signed_in_is_not_asked_how_to_keep_it(ada: TestApp) -> None:
    page = start(ada)
    for _ in ("structure", "context", "size", "upload"):
        page = go_on(page)
    assert step_of(page) == "review"
    assert step_of(back(page)) == "community-upload"
    assert "Step 6 of 13" in page
    listed = [path_of(each["href"]).split("?")[0] for each in page.html.select("#steps li a")]
    assert listed == [f"/create/{key}" for key in ASKED if key != "community-save"]
    assert step_of(ada.get("/create/community-save").follow()) == "review"


def test_every_step_says_where_one_is(somebody: TestApp) -> None:
    start(somebody)
    numbers = []
    for key in ASKED:
        if key == "community-save" and somebody.get(f"/create/{key}").status_int == 303:
            continue
        page = somebody.get(f"/create/{key}")
        [here] = page.html.select("#steps [aria-current=step]")
        assert path_of(here["href"]).split("?")[0] == f"/create/{key}"
        numbers.append(page.html.select_one(".whereabouts a[href='#steps']").text)
        assert len(page.html.select("h1")) == 1
    assert numbers == [f"Step {number} of {len(numbers)}" for number in range(1, len(numbers) + 1)]


def test_back_leads_to_the_step_before(client: TestApp) -> None:
    start(client)
    for before, key in pairwise(KEYS[:-1]):
        assert step_of(back(client.get(f"/create/{key}"))) == before


def test_answers_are_kept_and_shown_again(somebody: TestApp) -> None:
    page = start(somebody, "Elm Street Garden")
    page = go_on(page, orgType=["mutualAid", "nonprofit"], scale=["local"], maturity=["growthStage"])
    page = go_on(page, communityContext="We grow food between two roads.", summary="A garden for everybody nearby.")
    go_on(page, size=["sixToTwelve"])
    assert filled(somebody.get("/create/community-name"))["title"].value == "Elm Street Garden"
    structure = somebody.get("/create/community-structure")
    checked = [each["value"] for each in structure.html.select("input[type=checkbox][checked]")]
    assert checked == ["mutualAid", "nonprofit", "local", "growthStage"]
    page = somebody.get("/create/review")
    assert said(page, "Name") == "Elm Street Garden"
    assert said(page, "Kind") == "Mutual aid group, Nonprofit or association"
    assert said(page, "Size") == "6 to 12"
    assert said(page, "Members") == "In one place"
    assert said(page, "Stage") == "Growing"
    assert said(page, "What you do") == "We grow food between two roads."
    assert said(page, "Summary") == "A garden for everybody nearby."
    assert said(page, "Photo") == "Not said"


def test_answers_are_taken_back(somebody: TestApp) -> None:
    page = go_on(start(somebody), orgType=["mutualAid"], scale=["local"])
    go_on(page, communityContext="We grow food.")
    go_on(somebody.get("/create/community-structure"), orgType=[])
    go_on(somebody.get("/create/community-context"), communityContext="  ")
    page = somebody.get("/create/review")
    assert [said(page, each) for each in ("Kind", "What you do")] == ["Not said", "Not said"]
    assert said(page, "Members") == "In one place"


def test_create_leads_to_where_somebody_stopped(somebody: TestApp) -> None:
    assert step_of(somebody.get("/create").follow()) == "informational"
    page = go_on(start(somebody))
    assert step_of(page) == "community-context"
    assert step_of(somebody.get("/create").follow()) == "community-context"
    page = somebody.get("/create/informational")
    assert "You stopped at “What you do”" in page
    assert step_of(page.click("Go on there")) == "community-context"
    # Looking at another step is not going there.
    somebody.get("/create/conflict-management")
    assert step_of(somebody.get("/create").follow()) == "community-context"


@pytest.mark.parametrize("step", [None, "completed", "nowhere", ""])
def test_a_text_that_came_without_a_place_goes_on_behind_its_last_answer(ada: TestApp, step: str | None) -> None:
    draft = {"title": "Elm", "currentStep": step, "selectedMembershipMethodIds": ["mentorship"]}
    ada.put_json("/api/drafts/me", {"payload": draft})
    assert step_of(ada.get("/create").follow()) == "decision-approaches"


# Change, and back to where one was


@pytest.mark.parametrize("place", ["review", "final-review"])
def test_change_leads_to_the_question_and_continue_back_again(somebody: TestApp, place: str) -> None:
    start(somebody)
    changes: list[tuple[str, str, dict[str, Any], str]] = [
        ("Name", "community-name", {"title": "Oak"}, "Oak"),
        ("Kind", "community-structure", {"orgType": ["dao"]}, "DAO"),
        ("What you do", "community-context", {"communityContext": "Trees"}, "Trees"),
        ("Size", "community-size", {"size": ["oneMember"]}, "Only me, so far"),
    ]
    for name, step, texts, shown in changes:
        page = change(somebody.get(f"/create/{place}"), name)
        assert step_of(page) == step
        assert step_of(back(page)) == place
        page = go_on(page, **texts)
        assert step_of(page) == place
        assert said(page, name) == shown


def test_change_leads_to_a_section_and_through_its_pages_back_again(somebody: TestApp) -> None:
    start(somebody)
    page = somebody.get("/create/final-review").click("Change.*Values")
    page = press(page, "add", "1")
    page = page.click("^Care$")
    assert step_of(page) == "core-values/1"
    page = press(page, "action", "save", meaning="Nobody is left alone.")
    assert step_of(page) == "core-values"
    assert step_of(back(page)) == "final-review"
    page = go_on(page)
    assert step_of(page) == "final-review"
    assert "Care" in page.html.select_one(".parts").text


def test_change_survives_a_mistake(somebody: TestApp) -> None:
    start(somebody)
    page = change(somebody.get("/create/final-review"), "Name")
    page = go_on(page, title="", status=400)
    assert step_of(go_on(page, title="Oak")) == "final-review"


def test_continue_leads_nowhere_else(somebody: TestApp) -> None:
    for then in ("completed", "community-name", "nowhere", "//evil.example", "..", "own"):
        page = somebody.get("/create/community-name", {"then": then})
        assert step_of(go_on(page, title="Elm")) == "community-structure"


# The list of steps


def test_the_list_says_what_has_an_answer(somebody: TestApp) -> None:
    page = press(go_on(start(somebody)).goto("/create/core-values"), "add", "1")
    done = [each.a.text for each in page.html.select("#steps li.done")]
    assert [each.removesuffix(", answered") for each in done if "Keep your work" not in each] == ["Name", "Values"]
    assert page.html.select_one("#steps h2").text == "Elm Street Garden"


def test_a_guest_reads_how_long_it_is_kept_and_an_account_finds_the_whole_draft(client: TestApp, ada: TestApp) -> None:
    assert "Kept in this browser until" in start(client)
    page = start(ada).click("The whole draft and its history")
    assert "Elm Street Garden" in page.html.h1.text


# What has to be asked again


TOO_MUCH = [
    ("community-name", {"title": ""}, "Write a name. It can be a first idea."),
    ("community-name", {"title": " \t "}, "Write a name. It can be a first idea."),
    ("community-name", {"title": "x" * 501}, "shorten it to 500 characters. It has 501."),
    ("community-context", {"communityContext": "x" * 201}, "shorten it to 200 characters"),
    ("community-context", {"summary": "x" * 8001}, "shorten it to 8000 characters"),
]


def test_what_cannot_be_used_is_said_and_kept(somebody: TestApp) -> None:
    start(somebody, "Elm")
    for step, texts, sentence in TOO_MUCH:
        [(name, text)] = texts.items()
        page = go_on(somebody.get(f"/create/{step}"), status=400, **texts)
        assert page.html.title.text.startswith("Error: ")
        assert sentence in errors(page)
        [link] = page.html.select(".errors a")
        assert page.html.find(id=link["href"].removeprefix("#"))["aria-invalid"] == "true"
        assert filled(page)[name].value.strip() == text.strip()
        assert said(somebody.get("/create/review"), "Name") == "Elm"
        assert said(somebody.get("/create/review"), "What you do") == "Not said"


def test_a_mistake_beside_it_does_not_lose_the_other_field(somebody: TestApp) -> None:
    start(somebody)
    page = somebody.get("/create/community-context")
    page = go_on(page, communityContext="x" * 201, summary="A garden", status=400)
    go_on(page, communityContext="We grow food")
    page = somebody.get("/create/review")
    assert [said(page, "What you do"), said(page, "Summary")] == ["We grow food", "A garden"]


def test_a_name_of_markup_is_shown_as_it_was_typed(somebody: TestApp) -> None:
    name = '<script>alert(1)</script>"><b>'
    start(somebody, name)
    for key in KEYS[:-1]:
        page = somebody.get(f"/create/{key}")
        page = page if page.status_int == 200 else page.follow()
        assert page.html.select("main script, b, #steps script") == []
        assert name in page.html.text


def test_answers_that_are_none_of_ours_stay(ada: TestApp) -> None:
    ada.put_json("/api/drafts/me", {"payload": {"title": "Elm", "selectedScaleIds": ["galactic", "local"]}})
    go_on(ada.get("/create/community-structure"), scale=["global"])
    assert payload(ada)["selectedScaleIds"] == ["global", "galactic"]


# Stakeholders


def addresses(page: Any) -> list[str]:
    return [each.span.text for each in page.html.select(".addresses li")]


def test_stakeholders_are_added_and_removed(somebody: TestApp, engine: sa.Engine) -> None:
    start(somebody)
    page = somebody.get("/create/confirm-stakeholders")
    page = press(page, "action", "add", emails="Bo@Example.org, cy@example.org\n di@example.org;bo@example.org")
    assert addresses(page) == ["bo@example.org", "cy@example.org", "di@example.org"]
    page = press(page, "remove", "cy@example.org")
    assert addresses(page) == ["bo@example.org", "di@example.org"]
    page = go_on(page, emails="eve@example.org")
    assert step_of(page) == "final-review"
    assert "bo@example.org, di@example.org, eve@example.org" in page
    with engine.connect() as connection:
        log = connection.execute(sa.text("SELECT string_agg(state, ' ') FROM events")).scalar_one()
    assert "@" not in (log or "")


def test_an_address_that_is_none_is_said_and_none_is_lost(somebody: TestApp) -> None:
    start(somebody)
    page = somebody.get("/create/confirm-stakeholders")
    page = press(page, "action", "add", emails="first@example.org")
    for typed, sentence in (
        ("no address", "“no” is no email address"),
        ("bo@example.org nobody", "“nobody” is no email address"),
        ("x" * 300, "x" * 100 + "” is no email address"),
        (" ".join(f"friend{number}@example.org" for number in range(31)), "At most 30 people can be invited"),
    ):
        page = go_on(page, emails=typed, status=400)
        assert sentence in errors(page)
        assert filled(page)["emails"].value.strip() == typed
        assert addresses(somebody.get("/create/confirm-stakeholders")) == ["first@example.org"]


def test_ones_own_address_needs_no_invitation(ada: TestApp) -> None:
    start(ada)
    page = press(ada.get("/create/confirm-stakeholders"), "action", "add", emails="Ada@example.org", status=400)
    assert "no invitation to your own rule" in errors(page)


def test_thirty_are_the_most(somebody: TestApp) -> None:
    start(somebody)
    many = ",".join(f"friend{number}@example.org" for number in range(30))
    page = press(somebody.get("/create/confirm-stakeholders"), "action", "add", emails=many)
    assert len(addresses(page)) == 30
    assert not page.html.select("[name=emails]")
    assert step_of(go_on(page)) == "final-review"


# Whose it is


def test_a_draft_is_nobody_elses(ada: TestApp, bo: TestApp, client: TestApp) -> None:
    draft = draft_of(start(ada, "Elm"))
    for path in ["/create", "/templates", "/create/review-template/consensus", *(f"/create/{key}" for key in KEYS)]:
        bo.get(path, {"draft": draft}, status=404)
        answer = client.get(path, {"draft": draft}, status=303)
        assert path_of(answer.location).startswith("/login?next=")
    page = bo.get("/create/community-name")
    form = filled(page, title="Mine now")
    # Not 404: who wrote it until a moment ago gets back what they typed.
    bo.post(form.action, [*form.submit_fields(), ("draft", draft)], status=403)
    assert payload(ada)["title"] == "Elm"


def test_a_draft_that_is_none_is_not_found(ada: TestApp) -> None:
    for draft in ("x", "0" * 36, "00000000-0000-0000-0000-000000000000", "../drafts", "\0"):
        ada.get("/create/review", {"draft": draft}, status=404)


def test_of_two_drafts_each_page_keeps_to_its_own(ada: TestApp) -> None:
    ada.put_json("/api/drafts/me", {"payload": {"title": "Elm"}})
    elm = draft_of(ada.get("/create/community-context"))
    page = ada.get("/create/community-context")
    new = form_to(ada.get("/profile"), "/drafts")
    new["title"] = "Oak"
    new.submit(status=303)
    oak = draft_of(ada.get("/create/community-context"))
    assert oak != elm
    page = go_on(page, communityContext="We grow elms")
    assert draft_of(page) == elm
    assert said(ada.get("/create/review", {"draft": elm}), "What you do") == "We grow elms"
    assert said(ada.get("/create/review", {"draft": oak}), "What you do") == "Not said"


def test_who_was_signed_out_meanwhile_gets_the_words_back(ada: TestApp, engine: sa.Engine) -> None:
    start(ada, "Elm")
    page = ada.get("/create/community-context")
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM sessions"))
    answer = go_on(page, communityContext="We grow food", status=401)
    assert "Sign in again" in answer
    # The words, and nothing that only the form needs.
    assert [each.text.strip() for each in answer.html.select("textarea")] == ["We grow food"]


def test_a_discarded_draft_is_gone(ada: TestApp) -> None:
    page = start(ada)
    draft = draft_of(page)
    form_to(ada.get(f"/drafts/{draft}/discard"), f"/drafts/{draft}/discard").submit(status=303)
    for key in KEYS:
        ada.get(f"/create/{key}", {"draft": draft}, status=404)
    go_on(page, orgType=["dao"], status=404)
    assert step_of(ada.get("/create").follow()) == "informational"


def test_there_is_nothing_else(somebody: TestApp) -> None:
    start(somebody)
    for path in (
        "/create/nowhere",
        "/create/community-name/own",
        "/create/core-values/1/more",
        "/create/core-values/1",
        "/create/final-review/clause-1",
        "/create/completed",
        "/create/review-template",
        "/create/review-template/nothing-of-the-kind",
        "/create/review-template/No Slug",
    ):
        somebody.get(path, status=404)


def test_a_step_takes_no_other_kind_of_request(somebody: TestApp) -> None:
    for key in KEYS:
        for method in ("PUT", "DELETE", "PATCH"):
            answer = somebody.request(f"/create/{key}", method=method, status=405)
            assert "GET" in answer.headers["Allow"]


def test_a_form_of_a_version_that_never_was_is_refused(somebody: TestApp, engine: sa.Engine) -> None:
    for key in [*QUESTIONS, *CHOICES, "community-upload", "confirm-stakeholders", "review"]:
        token = somebody.get(f"/create/{key}").html.select_one("input[name=csrf_token]")["value"]
        for version in ("", "x", "-1", "1000", "9" * 30, "1.0", "١"):
            form = {"csrf_token": token, "version": version, "title": "Elm", "emails": "x@example.org"}
            assert "not from this draft" in somebody.post(f"/create/{key}", form, status=400)
    assert [count(engine, table) for table in ("events", "guests")] == [0, 0]


def test_a_form_without_its_token_changes_nothing(somebody: TestApp, engine: sa.Engine) -> None:
    for key in ASKED:
        somebody.post(f"/create/{key}", {"version": "0", "title": "Elm", "email": "x@example.org"}, status=403)
    assert [count(engine, table) for table in ("events", "guests")] == [0, 0]


def test_pages_about_somebodys_work_are_kept_by_no_cache(somebody: TestApp) -> None:
    start(somebody)
    for path in (*(f"/create/{key}" for key in KEYS[:-1]), "/templates", "/create/review-template/consensus"):
        assert somebody.get(path).headers["Cache-Control"] == "private, no-store", path


# What the log says of it


def test_the_history_tells_it_as_an_organizer_would(ada: TestApp, engine: sa.Engine) -> None:
    page = go_on(start(ada, "Elm"), orgType=["mutualAid"])
    page = go_on(page, communityContext="We grow food.")
    page = go_on(page, size=["sixToTwelve"])
    draft = draft_of(page)
    page = press(ada.get("/create/core-values"), "add", "1")
    page = press(page, "add", "2")
    page = press(page, "up", "2")
    page = press(page, "remove", "1")
    page = press(ada.get("/create/communication-methods"), "add", "signal")
    assert topics(engine) == [
        "draft.Started",
        "draft.CommunityDescribed",
        "draft.ContextWritten",
        "draft.CommunityDescribed",
        "draft.ValueChosen",
        "draft.ValueDescribed",
        "draft.ValueChosen",
        "draft.ValueDescribed",
        "draft.ValuesOrdered",
        "draft.ValueDropped",
        "draft.MethodChosen",
        "draft.MethodDescribed",
    ]
    assert sentences(ada.get(f"/drafts/{draft}/history")) == [
        "Described Signal in communication. You",
        "Added Signal to communication. You",
        "Dropped the value Care. You",
        "Put the values in another order. You",
        "Described the value Trust. You",
        "Added the value Trust. You",
        "Described the value Care. You",
        "Added the value Care. You",
        "Answered the question about the community’s size. You",
        "Wrote what the community is about. You",
        "Answered the question about the community’s kind of organization. You",
        "Started from a blank page. You",
    ]
    assert unequal(engine) == []


def test_continue_without_a_change_is_nothing_to_tell(ada: TestApp, engine: sa.Engine) -> None:
    start(ada)
    for key in (*QUESTIONS, *CHOICES, "review", "confirm-stakeholders"):
        go_on(ada.get(f"/create/{key}"))
    assert topics(engine) == ["draft.Started"]


def test_looking_leaves_nothing_behind(somebody: TestApp, engine: sa.Engine) -> None:
    for key in KEYS[:-1]:
        somebody.get(f"/create/{key}")
    assert [count(engine, table) for table in ("events", "drafts", "guests", "guest_saves")] == [0, 0, 0, 0]


def test_every_step_has_a_title_of_its_own(somebody: TestApp) -> None:
    pages = [somebody.get(f"/create/{key}") for key in KEYS[:-1]]
    titles = [page.html.title.text for page in pages if page.status_int == 200]
    assert len(set(titles)) == len(titles) >= len(KEYS) - 2
