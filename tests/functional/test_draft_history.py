"""The history of a draft: sitting by sitting, any two moments compared, the last change undone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from webtest import TestApp

from cr.views.draft_history import CHARACTERS, ENTRIES, headline
from tests.fixtures.site import Clock
from tests.functional.flow import unequal
from tests.functional.people import form_to, path_of
from tests.functional.test_main_job import edit, publish, sentences, start, write, written
from tests.functional.test_together import let_in


def meaning(client: TestApp, draft: str, text: str) -> None:
    """Write what the only value means."""
    write(client, f"{draft}/values", page=first_entry(client, draft), meaning=text)


def first_entry(client: TestApp, draft: str) -> Any:
    """The page of the values without the blank entry."""
    page = client.get(f"{draft}/values")
    form = form_to(page, f"{draft}/values")
    blank = form["new"].value
    for name in [name for name in form.fields if name and name.startswith(blank)]:
        del form.fields[name]
    return page


def sittings(page: Any) -> list[tuple[str, str | None]]:
    """Heading and headline of each."""
    found = page.html.select(".sitting")
    return [
        (" ".join(each.h3.text.split()), line.text if (line := each.select_one(".headline")) else None)
        for each in found
    ]


def test_entries_of_one_person_without_a_long_pause_are_a_sitting(ada: TestApp, clock: Clock) -> None:
    clock.now = clock.now.replace(hour=12, minute=0)
    draft = start(ada, "Elm")
    clock.advance(timedelta(minutes=29))
    write(ada, f"{draft}/about", title="Oak")
    clock.advance(timedelta(minutes=30))
    write(ada, f"{draft}/about", title="Ash")
    history = ada.get(f"{draft}/history")
    assert sittings(history) == [
        ("You, 12:59", None),
        ("You, 12:00 to 12:29", "Started from a blank page and named it “Oak”."),
    ]
    assert len(history.html.select(".day")) == 1
    newest = history.html.select_one(".sitting")
    assert newest.find("details") is None  # one entry needs no opening
    older = history.html.select(".sitting")[1]
    page = ada.get(older.select_one("a[href*='compare?']")["href"])
    assert "The empty page" in page
    assert "Named it “Oak”." in page.html.select_one(".in-short").text


def test_saves_of_the_same_are_one_line_that_opens(ada: TestApp) -> None:
    draft = start(ada, "Elm")
    write(ada, f"{draft}/values", label="Care", meaning="One.")
    for text in ("One two.", "One two three.", "Four two three."):
        meaning(ada, draft, text)
    history = ada.get(f"{draft}/history")
    assert sentences(history) == [
        "Described the value Care. You",
        "Added the value Care. You",
        "Started from a blank page. You",
    ]
    saves = history.html.select_one(".saves")
    assert "4 saves" in saves.summary.text
    assert len(saves.select("li")) == 4
    line = saves.parent
    # What came of all of them, and then each for itself.
    assert line.select_one("dl ins").text.removeprefix("Inserted: ") in ("Care", "Four two three.")
    assert [each.text for each in saves.select("li")[0].select("del")] == ["Deleted: One"]
    assert len(saves.select("a[href*='at?entry=']")) == 4


def test_a_headline_says_the_first_few_things() -> None:
    assert headline(["Did A.", "Did A."]) == "Did A."
    assert headline(["Did A.", "Did B."]) == "Did A and did B."
    assert headline(["Did A.", "Did B.", "Did C."]) == "Did A, did B and did C."
    assert headline(["Did A.", "Did B.", "Did C.", "Did D."]) == "Did A, did B, did C and 1 more change."


def test_two_people_never_sit_together(ada: TestApp, bo: TestApp, engine: sa.Engine) -> None:
    draft = start(ada, "Elm")
    write(ada, f"{draft}/about", title="Oak")
    with engine.begin() as connection:
        bos = connection.scalar(sa.text("SELECT id FROM accounts WHERE email = 'bo@example.org'"))
        connection.execute(sa.text("UPDATE histories SET actor = :bo WHERE version = 2"), {"bo": bos})
    assert [each[0].split(",")[0] for each in sittings(ada.get(f"{draft}/history"))] == ["Another writer", "You"]
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE accounts SET display_name = 'Bo Rivers' WHERE id = :bo"), {"bo": bos})
        connection.execute(sa.text("UPDATE histories SET actor = NULL WHERE version = 1"))
    found = sittings(ada.get(f"{draft}/history"))
    assert [each[0].split(",")[0] for each in found] == ["Bo Rivers", "The people who run this site"]


def test_a_long_history_comes_page_by_page_and_a_sitting_may_go_on(ada: TestApp) -> None:
    draft = start(ada, "Elm")
    for number in range(ENTRIES):
        ada.put_json("/api/drafts/me", {"payload": {"title": f"Elm {number}"}})
    first = ada.get(f"{draft}/history")
    assert len(first.html.select(".what")) == ENTRIES
    assert "Compare with before this sitting" not in first
    second = first.click("Show older entries")
    assert sentences(second) == ["Started from a blank page. You"]
    assert "Compare with before this sitting" in second
    assert "Undo" not in second


def test_a_page_of_history_holds_only_so_much_text(ada: TestApp) -> None:
    draft = start(ada, "Elm")
    for words in ("first", "second", "third", "fourth", "fifth"):
        value = {"label": "Care", "meaning": f"{words} " * (CHARACTERS // 5 // len(words))}
        ada.put_json(
            "/api/drafts/me",
            {"payload": {"title": "Elm", "selectedCoreValueIds": ["c"], "coreValueDetailsByChipId": {"c": value}}},
        )
    page = ada.get(f"{draft}/history")
    assert len(page.text) < 1.5 * CHARACTERS
    assert "Too long to be shown here." in page
    last = page.html.select_one(".at span").text.removeprefix("no. ")
    assert "fifth" in ada.get(f"{draft}/compare?from=0&to={last}")


# --- Undo -------------------------------------------------------------------------------------------------------------


def undo(client: TestApp, page: Any, draft: str, *, status: int = 303) -> Any:
    answer = form_to(page, f"{draft}/undo").submit(status=status)
    return answer.follow() if status == 303 else answer


def offered(page: Any) -> str | None:
    """What the undo button says."""
    found = [button.text for button in page.html.select("main button") if button.text.startswith("Undo")]
    return found[0] if found else None


def test_undo_takes_the_last_change_back_and_the_one_before(ada: TestApp, engine: sa.Engine) -> None:
    draft = start(ada, "Elm")
    write(ada, f"{draft}/about", title="Oak")
    write(ada, f"{draft}/about", summary="A grove")
    page = ada.get(draft)
    assert offered(page) == "Undo the last change: Wrote the summary"
    page = undo(ada, page, draft)
    assert "Undone: Wrote the summary." in page
    assert offered(page) == "Undo the change before that: Named it “Oak”"
    page = undo(ada, page, draft)
    assert "Undone: Named it “Oak”." in page
    assert "Elm" in ada.get(draft).html.h1.text
    # The beginning stays.
    assert offered(page) is None
    assert sentences(page)[:2] == ["Undid entry 2. You", "Undid entry 3. You"]
    assert unequal(engine) == []


def test_what_was_undone_can_be_put_back(ada: TestApp) -> None:
    draft = start(ada, "Elm")
    write(ada, f"{draft}/about", title="Oak")
    page = undo(ada, ada.get(f"{draft}/history"), draft)
    form_to(page, f"{draft}/restore").submit(status=303)
    page = ada.get(draft)
    assert "Oak" in page.html.h1.text
    assert "Undone" not in page
    undo(ada, page, draft)
    assert "Elm" in ada.get(draft).html.h1.text


def test_undo_of_something_older_than_the_newest_is_not_done(ada: TestApp) -> None:
    draft = start(ada, "Elm")
    write(ada, f"{draft}/about", title="Oak")
    stale = ada.get(draft)
    write(ada, f"{draft}/about", title="Ash")
    page = undo(ada, stale, draft, status=409)
    assert "nothing was undone" in page.html.select_one(".errors").text
    assert offered(page) == "Undo the last change: Named it “Ash”"
    assert "Ash" in ada.get(draft).html.h1.text
    undo(ada, page, draft)
    assert "Oak" in ada.get(draft).html.h1.text


@pytest.mark.parametrize("version", ["", "x", "-1", "99", "9" * 30])
def test_undo_without_a_version_that_is_the_newest_is_not_done(ada: TestApp, version: str) -> None:
    draft = start(ada, "Elm")
    write(ada, f"{draft}/about", title="Oak")
    form = form_to(ada.get(draft), f"{draft}/undo")
    form["version"] = version
    form.submit(status=409)
    assert "Oak" in ada.get(draft).html.h1.text


def test_there_is_nothing_to_undo_in_a_new_draft(ada: TestApp) -> None:
    draft = start(ada, "Elm")
    page = ada.get(f"{draft}/history")
    assert offered(page) is None
    token = form_to(page, "/logout")["csrf_token"].value
    answer = ada.post(f"{draft}/undo", {"csrf_token": token, "version": "1"}, status=409)
    assert "nothing left to undo" in answer


@pytest.mark.parametrize("end", ["publish", "discard"])
def test_a_draft_that_is_done_with_takes_nothing_back(ada: TestApp, end: str) -> None:
    draft = written(ada)
    before, then = ada.get(draft), ada.get(f"{draft}/at?entry=1")
    if end == "publish":
        publish(ada, draft)
    else:
        form_to(ada.get(f"{draft}/discard"), f"{draft}/discard").submit(status=303)
    page = undo(ada, before, draft, status=409)
    assert end in page.html.select_one(".errors").text
    form_to(then, f"{draft}/restore").submit(status=409)
    history = ada.get(f"{draft}/history")
    assert offered(history) is None
    assert "See or restore" not in history
    assert "Restore" not in ada.get(f"{draft}/at?entry=1")
    assert "In short" in ada.get(f"{draft}/compare?from=1&to=2")


# --- Comparing two moments --------------------------------------------------------------------------------------------


def test_two_moments_of_a_draft_are_compared(ada: TestApp) -> None:
    draft = start(ada, "Elm")
    write(ada, f"{draft}/values", label="Care", meaning="We look after the soil.")
    before = ada.get("/api/drafts/me").json["draft"]["payload"]
    meaning(ada, draft, "We look after the tools.")
    ada.put_json("/api/drafts/me", {"payload": {**before, "selectedScaleIds": ["local"]}})
    history = ada.get(f"{draft}/history")
    form = form_to(history, f"{draft}/compare")
    form["from"], form["to"] = "3", "4"
    page = form.submit()
    assert [each.text for each in page.html.select(".in-short li")] == ["Rewrote Care in values."]
    assert [each.text for each in page.html.select(".compared del, .compared ins")] == [
        "Deleted: soil",
        "Inserted: tools",
    ]
    # What the community says of itself is no part of the rule.
    page = ada.get(f"{draft}/compare?from=3&to=6")
    assert "Answered the question about" in page.html.select_one(".in-short").text
    side = page.click("Side by side")
    assert "view=side" in side.request.url
    assert "from=3&to=6" in side.click("In one text").request.url


def test_side_by_side_each_text_stands_for_itself(ada: TestApp) -> None:
    draft = start(ada, "Elm")
    write(ada, f"{draft}/values", label="Care", meaning="We look after the soil.")
    meaning(ada, draft, "We look after the tools.")
    page = ada.get(f"{draft}/compare?from=3&to=4&view=side")
    one, other = page.html.select(".pair > div")
    assert one.select_one(".which").text == "Before"
    assert one.select_one(".said").text == "We look after the Deleted: soil."
    assert other.select_one(".which").text == "After"
    assert other.select_one(".said").text == "We look after the Inserted: tools."


def test_a_draft_is_compared_with_the_empty_page(ada: TestApp) -> None:
    draft = written(ada)
    page = ada.get(f"{draft}/compare?from=0&to=5")
    assert "The empty page" in page
    assert page.html.find("del") is None
    assert "Care" in " ".join(each.text for each in page.html.select("ins"))


def test_backwards_is_said(ada: TestApp) -> None:
    draft = start(ada, "Elm")
    write(ada, f"{draft}/about", title="Oak")
    page = ada.get(f"{draft}/compare?from=2&to=1")
    assert "You are looking backwards" in page
    assert "Renamed it from “Oak” to “Elm”." in page
    forwards = page.click("Turn it around")
    assert "Renamed it from “Elm” to “Oak”." in forwards
    assert "backwards" not in forwards


@pytest.mark.parametrize(
    ("query", "status", "told"),
    [
        ("", 200, "Choose two moments"),
        ("?from=&to=", 200, "Choose two moments"),
        ("?from=1", 400, "Choose two: write the number of one entry in each field."),
        ("?from=one&to=2", 400, "Choose two: write"),
        ("?from=-1&to=2", 400, "Choose two: write"),
        (f"?from={'9' * 40}&to=2", 400, "Choose two: write"),
        ("?from=1&to=3", 404, "There is no entry 3. Choose numbers from 0 to 2."),
        ("?from=2&to=2", 400, "Both are entry 2. Choose two different ones."),
    ],
)
def test_what_cannot_be_compared_is_said_beside_the_form(ada: TestApp, query: str, status: int, told: str) -> None:
    draft = start(ada, "Elm")
    write(ada, f"{draft}/about", title="Oak")
    page = ada.get(f"{draft}/compare{query}", status=status)
    assert told in page.html.main.text
    form = form_to(page, f"{draft}/compare")
    form["from"], form["to"] = "1", "2"
    assert "Renamed it from “Elm” to “Oak”." in form.submit()


def test_a_draft_is_compared_by_its_writers_only(ada: TestApp, bo: TestApp, client: TestApp) -> None:
    draft = start(ada, "Elm")
    bo.get(f"{draft}/compare?from=0&to=1", status=403)
    assert path_of(client.get(f"{draft}/compare?from=0&to=1", status=303).location).startswith("/login")


def test_what_no_reader_sees_is_no_difference(ada: TestApp) -> None:
    draft = start(ada, "Elm")
    ada.put_json("/api/drafts/me", {"payload": {"title": "Elm", "currentStep": "review"}})
    assert "Nothing is different that a reader of the rule would see." in ada.get(f"{draft}/compare?from=1&to=2")


def test_whatever_a_client_writes_has_a_history(ada: TestApp) -> None:
    draft = start(ada, "Elm")
    payload = {
        "title": "Elm",
        "selectedDecisionApproachIds": ["own"],
        "customMethodCardMetaById": {"own": {"label": "\n", "supportText": ""}},
        "customMethodCardFieldBlocksById": {
            "own": [{"kind": "upload", "id": "u", "blockTitle": "", "assetUrl": "/api/uploads/1", "fileName": "a.png"}]
        },
        "decisionApproachDetailsById": {"own": {"consensusLevel": 1.5, "more": [1, {"a": None}]}},
        "sections": [5, {"categoryName": "", "entries": [{"title": "", "blocks": [{"imageUrl": "x"}], "body": None}]}],
        "<script>": [None],
    }
    ada.put_json("/api/drafts/me", {"payload": payload})
    ada.put_json("/api/drafts/me", {"payload": {"title": "Elm"}})
    last = max(int(each.text.removeprefix("no. ")) for each in ada.get(f"{draft}/history").html.select(".at span"))
    for one, other in ((0, last), (last - 1, 1), (1, last)):
        ada.get(f"{draft}/compare?from={one}&to={other}")
        ada.get(f"{draft}/compare?from={one}&to={other}&view=side")


def test_a_next_revision_is_compared_with_the_rule_it_began_from(ada: TestApp) -> None:
    rule = publish(ada, written(ada))
    draft = edit(ada, rule)
    write(ada, f"{draft}/membership", label="Trial season", joiningProcess="Work one season with us.")
    page = ada.get(f"{draft}/compare?from=1&to=4")
    assert [each.text for each in page.html.select(".in-short li")] == ["Added Trial season to membership."]
    assert [each.text for each in page.html.select("summary") if "no change" in each.text] == [
        "Values: no change",
        "Decision-making: no change",
    ]


def test_what_another_organizer_saved_meanwhile_is_not_restored_away(
    ada: TestApp, bo: TestApp, engine: sa.Engine
) -> None:
    rule = publish(ada, written(ada))
    let_in(engine, rule, "bo@example.org")
    draft = edit(ada, rule)
    write(ada, f"{draft}/about", title="Elm")
    form = form_to(ada.get(f"{draft}/at?entry=1"), f"{draft}/restore")
    write(bo, f"{draft}/about", title="Written by Bo")
    assert "nothing was restored" in form.submit(status=409)
    assert "Written by Bo" in ada.get(draft)
    form_to(ada.get(f"{draft}/at?entry=1"), f"{draft}/restore").submit(status=303)
    assert "Written by Bo" not in ada.get(draft).html.h1.text
