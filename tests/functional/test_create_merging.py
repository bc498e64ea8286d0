"""Two windows of the guided flow: what both wrote is brought together, and where they clash both texts are shown."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from webtest import TestApp, Upload

from cr.accounts import guests
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
from tests.functional.test_all_or_nothing import at_once, posting
from tests.uploads.pictures import picture, saved

BLOCKS = "customMethodCardFieldBlocksById"


def kept(client: TestApp, engine: sa.Engine) -> dict[str, Any]:
    """The text as it is now, a draft's or a guest's."""
    return payload(client) if count(engine, "drafts") else payload_of_guest(engine)


def autosave(client: TestApp, page: Any, *, status: int = 200, **texts: Any) -> Any:
    """What the script gets that saves while somebody is typing."""
    form = filled(page, **texts)
    return client.post(form.action, form.submit_fields(), headers={"Accept": "application/json"}, status=status)


# Questions


def test_different_fields_both_count(somebody: TestApp, engine: sa.Engine) -> None:
    start(somebody)
    one, other = (somebody.get("/create/community-context") for _ in range(2))
    go_on(one, communityContext="We grow food")
    go_on(other, summary="A garden")
    text = kept(somebody, engine)
    assert [text["communityContext"], text["summary"]] == ["We grow food", "A garden"]


def test_the_first_save_of_two_windows_is_one_text(ada: TestApp, engine: sa.Engine) -> None:
    one, other = ada.get("/create/community-name"), ada.get("/create/community-context")
    go_on(one, title="Elm")
    go_on(other, communityContext="We grow food")
    assert count(engine, "drafts") == 1
    assert [payload(ada)[key] for key in ("title", "communityContext")] == ["Elm", "We grow food"]


def test_answers_of_two_windows_both_count(somebody: TestApp, engine: sa.Engine) -> None:
    page = go_on(start(somebody), orgType=["dao"])
    one, other = (somebody.get("/create/community-structure") for _ in range(2))
    go_on(one, orgType=["dao", "nonprofit"])
    page = go_on(other, orgType=["mutualAid"], scale=["local"])
    assert step_of(page) == "community-context"
    text = kept(somebody, engine)
    assert set(text["selectedOrganizationTypeIds"]) == {"nonprofit", "mutualAid"}
    assert text["selectedScaleIds"] == ["local"]


def clash(somebody: TestApp) -> Any:
    """The page that shows two names, with something else that met without trouble."""
    start(somebody, "Elm")
    one, other = (somebody.get("/create/community-context", {"then": "final-review"}) for _ in range(2))
    go_on(one, communityContext="Theirs", summary="A garden")
    return go_on(other, communityContext="Mine", summary="A garden", status=409)


def test_the_same_field_shows_both_texts(somebody: TestApp, engine: sa.Engine) -> None:
    both = clash(somebody)
    assert heading(both) == "Two changes met"
    assert [each.text.strip() for each in both.html.select(".said")] == ["Theirs"]
    assert filled(both)["communityContext"].value.strip() == "Mine"
    assert kept(somebody, engine)["communityContext"] == "Theirs"
    page = press(both, "action", "save", communityContext="Mine and theirs")
    assert step_of(page) == "final-review"
    assert kept(somebody, engine)["communityContext"] == "Mine and theirs"
    assert kept(somebody, engine)["summary"] == "A garden"


def test_one_may_take_theirs(somebody: TestApp, engine: sa.Engine) -> None:
    page = press(clash(somebody), "action", "save", **{"choice-communityContext": "theirs"})
    assert step_of(page) == "final-review"
    assert kept(somebody, engine)["communityContext"] == "Theirs"


def test_what_does_not_clash_is_saved_before_it_is_asked(somebody: TestApp, engine: sa.Engine) -> None:
    start(somebody)
    one, other = (somebody.get("/create/community-context") for _ in range(2))
    go_on(one, communityContext="Theirs")
    both = go_on(other, communityContext="Mine", summary="A garden", status=409)
    assert "Put together without trouble: Summary." in both
    assert [kept(somebody, engine)[key] for key in ("communityContext", "summary")] == ["Theirs", "A garden"]


def test_it_is_asked_again_when_it_changed_again(somebody: TestApp, engine: sa.Engine) -> None:
    both = clash(somebody)
    go_on(somebody.get("/create/community-context"), communityContext="Changed again")
    again = press(both, "action", "save", status=409)
    assert "Changed again" in again
    press(again, "action", "save", **{"choice-communityContext": "mine"})
    assert kept(somebody, engine)["communityContext"] == "Mine"


def test_the_same_words_are_no_clash(somebody: TestApp) -> None:
    start(somebody)
    one, other = (somebody.get("/create/community-name") for _ in range(2))
    go_on(one, title="Oak")
    assert step_of(go_on(other, title="Oak ")) == "community-structure"


def test_a_form_sent_twice_changes_nothing_more(somebody: TestApp, engine: sa.Engine) -> None:
    start(somebody)
    page = somebody.get("/create/community-context")
    go_on(page, communityContext="We grow food")
    before = kept(somebody, engine)
    assert step_of(go_on(page, communityContext="We grow food")) == "community-size"
    assert kept(somebody, engine) == before


def test_at_the_same_moment_nothing_is_lost(somebody: TestApp, engine: sa.Engine) -> None:
    start(somebody)
    path = somebody.get("/create/community-context").html.select_one("main form")["action"]
    for number in range(5):
        texts = {"communityContext": f"Trees {number}", "summary": f"A garden {number}"}
        saves = [posting(somebody, somebody.get(path), path, **{name: text}) for name, text in texts.items()]
        answers = at_once(*saves)
        assert {answer.status_int for answer in answers} <= {303, 409}
        text = kept(somebody, engine)
        for answer, (name, words) in zip(answers, texts.items(), strict=True):
            assert text[name] == words if answer.status_int == 303 else words in answer
        assert 303 in [answer.status_int for answer in answers]
    assert unequal(engine) == []


def test_the_same_field_at_the_same_moment_is_saved_once(somebody: TestApp, engine: sa.Engine) -> None:
    start(somebody)
    path = somebody.get("/create/community-name").html.select_one("main form")["action"]
    answers = at_once(*(posting(somebody, somebody.get(path), path, title=title) for title in ("Oak", "Ash")))
    assert sorted(answer.status_int for answer in answers) == [303, 409]
    refused = next(answer for answer in answers if answer.status_int == 409)
    assert "Oak" in refused
    assert "Ash" in refused


# Choices


def place(client: TestApp, *ids: str, step: str = "decision-approaches") -> Any:
    page = client.get(f"/create/{step}", {"all": "yes"})
    for each in ids:
        page = press(page, "add", each)
    return client.get(f"/create/{step}", {"all": "yes"})


def test_both_windows_choose(somebody: TestApp) -> None:
    start(somebody)
    one, other = place(somebody, "majority-rule"), place(somebody)
    press(one, "add", "sociocracy")
    press(other, "add", "do-ocracy")
    page = somebody.get("/create/decision-approaches")
    assert sorted(picks(page)) == ["Do-ocracy", "Majority rule", "Sociocracy"]


def test_one_window_moves_and_the_other_removes(somebody: TestApp) -> None:
    start(somebody)
    one = place(somebody, "majority-rule", "sociocracy", "do-ocracy")
    other = place(somebody)
    press(one, "up", "do-ocracy")
    press(other, "remove", "majority-rule")
    assert picks(somebody.get("/create/decision-approaches")) == ["Do-ocracy", "Sociocracy"]


@pytest.mark.parametrize("again", [False, True])
def test_what_the_other_window_chose_and_rewrote_stays_when_it_is_added_here(somebody: TestApp, again: bool) -> None:
    start(somebody)
    stale = place(somebody)
    page = place(somebody, "sociocracy").click("^Sociocracy$")
    page = press(page, "action", "save", corePrinciple="In our words.")
    if again:
        press(page, "remove", "sociocracy")
    page = press(stale, "add", "sociocracy")
    assert picks(page) == ["Sociocracy"]
    assert "In our words." in page


def rewritten(client: TestApp, step: str, identifier: str, **texts: str) -> None:
    """Somebody else saves these words of a choice."""
    press(client.get(f"/create/{step}/{identifier}"), "action", "save", **texts)


@pytest.mark.parametrize("where", ["the list", "the page of its words"])
@pytest.mark.parametrize("removes", [True, False])
def test_what_was_rewritten_meanwhile_is_removed_only_when_that_was_seen(
    somebody: TestApp, where: str, removes: bool
) -> None:
    start(somebody)
    stale = place(somebody, "1", "2", step="core-values")
    if where != "the list":
        stale = stale.click("^Care$")
    rewritten(somebody, "core-values", "1", meaning="Rewritten", label="Caring")
    both = press(stale, "remove", stale.html.select_one("button[name=remove]")["value"], status=409)
    assert "You are removing this." in both
    assert "Rewritten" in both
    form = filled(both, ("action", "save"))
    form["remove"].checked = removes
    page = form.submit("action", value="save", status=303).follow()
    assert step_of(page) == "core-values"
    assert picks(page) == (["Trust"] if removes else ["Caring", "Trust"])


@pytest.mark.parametrize(("choice", "after"), [("mine", ["Trust", "Care"]), ("theirs", ["Trust"])])
def test_what_was_removed_meanwhile_comes_back_only_when_one_wants_it(
    somebody: TestApp, choice: str, after: list[str]
) -> None:
    start(somebody)
    page = place(somebody, "1", "2", step="core-values")
    stale = page.click("^Care$")
    press(page, "remove", "1")
    both = press(stale, "action", "save", meaning="What I wrote", status=409)
    assert "all of this was removed" in both
    assert filled(both, **{"1.meaning": "What I wrote"})
    page = press(both, "action", "save", **{"choice-1.meaning": choice})
    assert picks(page) == after


def test_a_clause_that_was_rewritten_meanwhile_is_asked_about_and_nothing_is_published(
    somebody: TestApp, engine: sa.Engine
) -> None:
    start(somebody)
    page = somebody.get("/create/final-review").click("Add a clause")
    page = press(page, "action", "save", label="Who pays", section="Money", body="All of us.")
    stale = page.click("^Who pays$")
    press(page.click("^Who pays$"), "action", "save", body="Those who can.")
    both = press(stale, "remove", stale.html.select_one("button[name=remove]")["value"], status=409)
    assert "Those who can." in both
    page = press(both, "action", "save")
    assert step_of(page) == "final-review"
    assert "Who pays" not in page
    assert count(engine, "rules") == 0


def test_different_words_of_one_method_both_count(somebody: TestApp, engine: sa.Engine) -> None:
    start(somebody)
    page = place(somebody, "sociocracy")
    one, other = page.click("^Sociocracy$"), page.click("^Sociocracy$")
    press(one, "action", "save", corePrinciple="One")
    press(other, "action", "save", applicableScope="Other")
    details = kept(somebody, engine)["decisionApproachDetailsById"]["sociocracy"]
    assert [details["corePrinciple"], details["applicableScope"]] == ["One", "Other"]


def test_the_same_words_of_one_method_are_asked_about(somebody: TestApp, engine: sa.Engine) -> None:
    start(somebody)
    page = place(somebody, "sociocracy")
    one, other = page.click("^Sociocracy$"), page.click("^Sociocracy$")
    press(one, "action", "save", corePrinciple="Theirs")
    both = press(other, "action", "save", corePrinciple="Mine", consensusLevel="80", status=409)
    assert "Sociocracy: The idea" in both
    page = press(both, "action", "save")
    assert step_of(page) == "decision-approaches"
    details = kept(somebody, engine)["decisionApproachDetailsById"]["sociocracy"]
    assert [details["corePrinciple"], details["consensusLevel"]] == ["Mine", 80]


# Field blocks


def with_blocks(client: TestApp, *titles: str) -> Any:
    """The page of an own method with blocks of these headings."""
    page = client.get("/create/conflict-management").click("Write your own")
    page = press(page, "action", "save", label="Two chairs").click("^Two chairs$")
    for title in titles:
        page = press(page, "action", "add-text")
        page = press(page, "action", "save", blockTitle=title, text=f"{title} as it was").click("^Two chairs$")
    return page


def texts_of(client: TestApp, engine: sa.Engine) -> dict[str, str]:
    [blocks] = kept(client, engine)[BLOCKS].values()
    return {block["blockTitle"]: block["placeholderText"] for block in blocks}


def fields(page: Any, ending: str) -> list[str]:
    return [each["name"] for each in page.html.select(f"[name$='.{ending}']")]


def test_different_blocks_both_count(somebody: TestApp, engine: sa.Engine) -> None:
    start(somebody)
    page = with_blocks(somebody, "One", "Two")
    first, second = fields(page, "text")
    new = press(page, "action", "add-text")
    press(somebody.get(page.request.path), "action", "save", **{first: "Theirs"})
    press(page, "action", "save", **{second: "Mine"})
    press(new, "action", "save", blockTitle="Three", text="New")
    assert texts_of(somebody, engine) == {"One": "Theirs", "Two": "Mine", "Three": "New"}


def test_the_same_block_is_asked_about_and_the_rest_is_saved(somebody: TestApp, engine: sa.Engine) -> None:
    start(somebody)
    page = with_blocks(somebody, "One", "Two")
    first, second = fields(page, "text")
    press(somebody.get(page.request.path), "action", "save", **{first: "Theirs"})
    both = press(page, "action", "save", **{first: "Mine", second: "Two, mine"}, status=409)
    assert [each.text.strip() for each in both.html.select(".said")][:1] == ["Theirs"]
    assert texts_of(somebody, engine) == {"One": "Theirs", "Two": "Two, mine"}
    press(both, "action", "save", **{first: "Mine and theirs"})
    assert texts_of(somebody, engine) == {"One": "Mine and theirs", "Two": "Two, mine"}


def test_a_block_that_one_window_removes_and_the_other_rewrites_stays(somebody: TestApp, engine: sa.Engine) -> None:
    start(somebody)
    page = with_blocks(somebody, "One", "Two")
    first, _ = fields(page, "text")
    button = page.html.select_one("[name=remove-block]")["value"]
    press(somebody.get(page.request.path), "action", "save", **{first: "Rewritten"})
    press(page, "remove-block", button)
    assert texts_of(somebody, engine) == {"One": "Rewritten", "Two": "Two as it was"}
    page = somebody.get(page.request.path)
    press(somebody.get(page.request.path), "remove-block", button)
    press(page, "action", "save", **{first: "Rewritten again"})
    assert texts_of(somebody, engine) == {"One": "Rewritten again", "Two": "Two as it was"}


def test_a_new_block_that_is_sent_twice_is_one(somebody: TestApp, engine: sa.Engine) -> None:
    start(somebody)
    page = press(with_blocks(somebody), "action", "add-text")
    press(page, "action", "save", blockTitle="Note", text="Words")
    press(page, "action", "save", blockTitle="Note", text="Words")
    assert texts_of(somebody, engine) == {"Note": "Words"}


def test_blocks_of_two_windows_that_are_too_many_together_stop_nothing_else(ada: TestApp) -> None:
    blocks = [{"kind": "text", "id": f"b{number}", "blockTitle": f"Part {number}"} for number in range(29)]
    text = {"title": "Elm", "selectedConflictManagementIds": ["ours"], BLOCKS: {"ours": blocks}}
    ada.put_json("/api/drafts/me", {"payload": text})
    one, other = (ada.get("/create/conflict-management/ours", {"add": "text"}) for _ in range(2))
    press(one, "action", "save", blockTitle="One")
    assert "My words" in press(other, "action", "save", blockTitle="Other", text="My words", status=400)
    assert len(payload(ada)[BLOCKS]["ours"]) == 30
    go_on(ada.get("/create/community-name"), title="Oak")


# The photo


def with_photo(client: TestApp) -> Any:
    start(client)
    photo = Upload("a.png", saved(picture(), "PNG"))
    return press(client.get("/create/community-upload"), "action", "upload", photo=photo, communityAvatarAlt="Us")


def test_the_words_of_a_photo_are_asked_about(ada: TestApp) -> None:
    page = with_photo(ada)
    go_on(ada.get("/create/community-upload"), communityAvatarAlt="Theirs")
    both = go_on(page, communityAvatarAlt="Mine", status=409)
    assert "Theirs" in both
    assert step_of(press(both, "action", "save")) == "review"
    assert payload(ada)["communityAvatarAlt"] == "Mine"


@pytest.mark.parametrize("removes", [True, False])
def test_a_photo_is_removed_with_its_words_only_when_those_were_seen(ada: TestApp, removes: bool) -> None:
    page = with_photo(ada)
    go_on(ada.get("/create/community-upload"), communityAvatarAlt="Theirs")
    both = press(page, "remove", "photo", status=409)
    assert "Theirs" in both
    form = filled(both, ("action", "save"))
    form["remove"].checked = removes
    form.submit("action", value="save", status=303)
    left = {"communityAvatarUrl", "communityAvatarAlt"} & payload(ada).keys()
    assert left == (set() if removes else {"communityAvatarUrl", "communityAvatarAlt"})


def test_of_two_photos_the_last_one_is_there(ada: TestApp, clock: Clock) -> None:
    stale = ada.get("/create/community-upload")
    page = with_photo(ada)
    first = payload(ada)["communityAvatarUrl"]
    clock.advance(timedelta(seconds=6))
    photo = Upload("b.png", saved(picture(colour="red"), "PNG"))
    stale = ada.get("/create/community-upload")
    go_on(page, communityAvatarAlt="Theirs")
    go_on(stale, photo=photo)
    assert payload(ada)["communityAvatarUrl"] != first
    assert payload(ada)["communityAvatarAlt"] == "Theirs"


# While somebody is typing


def test_a_script_hears_the_version_and_what_the_fields_say(somebody: TestApp, engine: sa.Engine) -> None:
    start(somebody)
    page = somebody.get("/create/community-context")
    go_on(somebody.get("/create/community-context"), summary="Theirs")
    said = autosave(somebody, page, communityContext=" We grow food ")
    assert said.content_type == "application/json"
    assert said.headers["Cache-Control"] in ("no-store", "private, no-store")
    assert said.json["fields"] == {"summary": "Theirs"}  # what was typed is not written over
    assert said.json["savedAt"].endswith("Z")
    assert said.json["version"] > int(filled(page)["version"].value)
    # Where somebody is, only a button says.
    assert kept(somebody, engine)["currentStep"] == "community-size"


def test_a_script_goes_on_with_what_it_heard(somebody: TestApp, engine: sa.Engine) -> None:
    page = somebody.get("/create/community-name")
    form = filled(page, title="E")
    for title in ("E", "El", "Elm"):
        said = autosave(somebody, page, title=title).json
        form["version"] = str(said["version"])
        if said["draft"]:
            assert count(engine, "drafts") == 1
    assert kept(somebody, engine) == {"title": "Elm"}
    go_on(page, title="Elm Street")
    assert kept(somebody, engine)["title"] == "Elm Street"


def test_a_script_that_meets_another_hears_it(somebody: TestApp, engine: sa.Engine) -> None:
    start(somebody)
    page = somebody.get("/create/community-name")
    go_on(somebody.get("/create/community-name"), title="Theirs")
    said = autosave(somebody, page, title="Mine", status=409).json
    assert said["error"]["code"] == "conflict"
    assert [each["theirs"] for each in said["details"]["clashes"]] == ["Theirs"]
    assert kept(somebody, engine)["title"] == "Theirs"
    # The button then shows both.
    assert "Theirs" in go_on(page, title="Mine", status=409)


def test_a_script_hears_which_field_cannot_be_used(ada: TestApp, client: TestApp, clock: Clock) -> None:
    for person in (ada, client):
        start(person)
        press(person.get("/create/core-values"), "add", "1")
        for path, name, text in (
            ("community-context", "communityContext", "x" * 201),
            ("core-values/1", "1.label", ""),
            ("core-values/1", "1.meaning", "x" * 8001),
        ):
            said = autosave(person, person.get(f"/create/{path}"), status=400, **{name: text}).json
            assert said["error"]["code"] == "validation_error"
            assert list(said["details"]["fields"]) == [name]
    page = with_photo(ada)
    said = autosave(ada, page, communityAvatarAlt="x" * 301, status=400).json
    assert list(said["details"]["fields"]) == ["communityAvatarAlt"]


def test_a_script_may_save_a_name_that_is_not_there_yet(somebody: TestApp, engine: sa.Engine) -> None:
    start(somebody)
    autosave(somebody, somebody.get("/create/community-name"), title="")
    assert "title" not in kept(somebody, engine)


@pytest.mark.parametrize(
    ("step", "identifier", "name"), [("communication-methods", "signal", "Signal"), ("core-values", "1", "Care")]
)
def test_a_script_leaves_the_name_of_a_choice_as_the_page_shows_it(
    somebody: TestApp, step: str, identifier: str, name: str
) -> None:
    start(somebody)
    page = place(somebody, identifier, step=step).click(f"^{name}$")
    said = autosave(somebody, page, label=name).json
    assert said["fields"] == {}


def test_a_script_that_saves_a_new_block_again_and_again_makes_one(somebody: TestApp, engine: sa.Engine) -> None:
    start(somebody)
    page = press(with_blocks(somebody), "action", "add-text")
    for text in ("W", "Wo", "Words"):
        said = autosave(somebody, page, blockTitle="Note", text=text).json
        filled(page, blockTitle="Note")["version"] = str(said["version"])
    press(page, "action", "save", text="Words at last")
    assert texts_of(somebody, engine) == {"Note": "Words at last"}


def test_a_script_whose_person_was_signed_out_hears_it(ada: TestApp, engine: sa.Engine) -> None:
    start(ada)
    pages = [ada.get(f"/create/{step}") for step in ("community-name", "core-values", "community-upload")]
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM sessions"))
    for page in pages:
        answer = autosave(ada, page, status=401)
        assert answer.json["error"]["code"] == "unauthorized"
    ada.reset()
    assert autosave(ada, pages[0], title="Oak", status=403).json["error"]["code"] == "forbidden"


def test_a_script_whose_draft_was_discarded_hears_it(ada: TestApp) -> None:
    page = start(ada)
    name = ada.get("/create/community-name")
    ada.delete("/api/drafts/me")
    assert autosave(ada, name, title="Oak", status=404).json["error"]["code"] == "not_found"
    assert autosave(ada, page, status=404).json["error"]["code"] == "not_found"


# Long open pages


def test_a_guests_page_that_was_open_for_long_is_given_back(client: TestApp, engine: sa.Engine) -> None:
    start(client)
    stale = client.get("/create/community-context")
    page = client.get("/create/community-name")
    for number in range(guests.SAVES_KEPT + 1):
        said = autosave(client, page, title=f"Elm {number}").json
        filled(page)["version"] = str(said["version"])
    assert count(engine, "guest_saves") == guests.SAVES_KEPT
    answer = go_on(stale, communityContext="We grow food", status=409)
    assert "This page was open for long" in answer
    assert [each.text.strip() for each in answer.html.select("textarea")] == ["We grow food"]
    go_on(client.get("/create/community-context"), communityContext="We grow food")
    assert payload_of_guest(engine)["communityContext"] == "We grow food"


def test_an_accounts_page_may_be_open_for_as_long_as_it_likes(ada: TestApp, engine: sa.Engine) -> None:
    start(ada)
    stale = ada.get("/create/community-context")
    page = ada.get("/create/community-name")
    for number in range(guests.SAVES_KEPT + 1):
        said = autosave(ada, page, title=f"Elm {number}").json
        filled(page)["version"] = str(said["version"])
    go_on(stale, communityContext="We grow food")
    assert payload(ada)["communityContext"] == "We grow food"
    assert topics(engine)[-2:] == ["draft.Named", "draft.ContextWritten"]
