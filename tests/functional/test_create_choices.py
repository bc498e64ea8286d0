"""Choosing values and methods, putting them in one's own words, and writing one's own, with every kind of block."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from webtest import TestApp, Upload

from cr.catalog import store
from tests.fixtures.site import Clock
from tests.functional.flow import (
    CHOICES,
    cards,
    count,
    errors,
    filled,
    go_on,
    has_button,
    payload,
    picks,
    press,
    saving,
    start,
    step_of,
    topics,
)
from tests.uploads.pictures import PDF, picture, saved

BLOCKS = "customMethodCardFieldBlocksById"
META = "customMethodCardMetaById"


def cards_of(page: Any) -> list[str]:
    """The ids of what can be chosen."""
    return [each["value"] for each in page.html.select("button[name=add]")]


def legends(page: Any) -> list[str]:
    return [each.text for each in page.html.select("fieldset.entry legend")]


def place(client: TestApp, *ids: str, step: str = "decision-approaches") -> Any:
    """The page of a step at which these are chosen."""
    page = client.get(f"/create/{step}", {"all": "yes"})
    for each in ids:
        page = press(page, "add", each)
    return page


# Choosing


def test_a_choice_is_in_the_rule_with_its_words(somebody: TestApp) -> None:
    start(somebody)
    for step in CHOICES:
        page = somebody.get(f"/create/{step}")
        assert picks(page) == []
        first, second = cards_of(page)[:2]
        names = cards(page)
        page = press(page, "add", first)
        assert picks(page) == names[:1]
        assert names[0] not in cards(page)
        assert f"{names[0]} is in your rule." in page.html.select_one(".told").text
        page = press(page, "add", second)
        assert picks(page) == names[:2]
        fields = page.click(f"^{re.escape(names[0])}$").html.select("textarea")
        assert all(each.text.strip() for each in fields)
        assert len(fields) >= 2
        page = press(page, "remove", first)
        assert picks(page) == names[1:2]
        assert names[0] in cards(page)
        assert f"{names[0]} is out of your rule." in page.html.select_one(".told").text


def test_a_choice_moves_up_and_down(somebody: TestApp) -> None:
    start(somebody)
    page = place(somebody, "majority-rule", "sociocracy", "do-ocracy")
    assert picks(page) == ["Majority rule", "Sociocracy", "Do-ocracy"]
    page = press(page, "up", "do-ocracy")
    assert picks(page) == ["Majority rule", "Do-ocracy", "Sociocracy"]
    page = press(page, "down", "majority-rule")
    assert picks(page) == ["Do-ocracy", "Majority rule", "Sociocracy"]
    assert "Majority rule has a new place." in page
    assert not has_button(saving(page)[0], "up", "do-ocracy")
    assert not has_button(saving(page)[0], "down", "sociocracy")
    assert picks(somebody.get("/create/decision-approaches")) == ["Do-ocracy", "Majority rule", "Sociocracy"]


def test_what_is_already_there_or_nowhere_moves_nothing(somebody: TestApp) -> None:
    start(somebody)
    page = place(somebody, "majority-rule", "sociocracy")
    form = filled(page, ("up", "sociocracy"))
    for name, value in (("up", "majority-rule"), ("down", "sociocracy"), ("up", "nowhere"), ("remove", "nowhere")):
        fields = [*((key, text) for key, text in form.submit_fields() if key not in ("up", "down")), (name, value)]
        somebody.post(form.action, fields, status=303)
        assert picks(somebody.get("/create/decision-approaches")) == ["Majority rule", "Sociocracy"]
    fields = [("add", "nowhere") if name == "action" else (name, value) for name, value in form.submit_fields("action")]
    assert "The catalogue has nothing of that name" in somebody.post(form.action, fields, status=404)


def test_adding_twice_adds_once(somebody: TestApp) -> None:
    start(somebody)
    page = somebody.get("/create/communication-methods")
    form = filled(page, ("add", "signal"))
    form.submit("add", value="signal", status=303)
    form.submit("add", value="signal", status=303)
    assert picks(somebody.get("/create/communication-methods")) == ["Signal"]


def test_what_fits_the_community_comes_first_and_says_why(somebody: TestApp, engine: sa.Engine) -> None:
    page = start(somebody)
    before = somebody.get("/create/decision-approaches", {"all": "yes"})
    assert before.html.select(".fit") == []
    go_on(page, orgType=["workersCoop"], scale=["local"])
    go_on(somebody.get("/create/community-size"), size=["sixToTwelve"])
    page = somebody.get("/create/decision-approaches", {"all": "yes"})
    assert sorted(cards(page)) == sorted(cards(before))
    with engine.connect() as connection:
        facets = {
            each.label: {str(facet) for facet in each.facets}
            for each in store.methods(connection, "decisionApproaches")
        }
    wanted = {"size:sixToTwelve", "orgType:workersCoop", "scale:local"}
    scores = [len(facets[label] & wanted) for label in cards(page)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == 3
    fits = page.html.select_one(".card .fit").text
    assert fits == "Recommended: fits a worker co-op of 6 to 12, in one place"
    reasons = [bool(card.select(".fit")) for card in page.html.select(".card")]
    assert reasons == [score == 3 for score in scores]
    assert "Ordered by what fits the community that you described." in page


def test_values_are_not_ranked(somebody: TestApp) -> None:
    page = start(somebody)
    before = cards(somebody.get("/create/core-values"))
    go_on(page, orgType=["workersCoop"])
    assert cards(somebody.get("/create/core-values")) == before


def test_few_are_shown_until_somebody_asks_for_all(somebody: TestApp, engine: sa.Engine) -> None:
    start(somebody)
    page = somebody.get("/create/decision-approaches")
    assert len(cards(page)) == 8
    page = page.click("Show all 32")
    assert len(cards(page)) == 32
    # Adding from there keeps all of them in sight.
    page = press(page, "add", "random-choice")
    assert picks(page) == ["Random choice"]
    assert len(cards(page)) == 31


def search(page: Any, words: str) -> Any:
    form = next(form for form in page.forms.values() if form.method == "get")
    form["q"] = words
    return form.submit()


def test_searching_finds_in_every_text_of_a_card(somebody: TestApp) -> None:
    start(somebody)
    page = search(somebody.get("/create/decision-approaches"), "  SOCIO ")
    assert "Sociocracy" in cards(page)
    assert all("socio" in each.text.lower() for each in page.html.select(".card"))
    page = press(page, "add", "sociocracy")
    assert picks(page) == ["Sociocracy"]
    page = search(page, "no such words anywhere")
    assert cards(page) == []
    assert "Nothing in the catalogue has these words." in page
    assert step_of(page.click("write your own")) == "decision-approaches/own"
    assert len(cards(page.click("Show all again"))) == 8


def test_searching_keeps_the_draft_and_where_to_go_on(ada: TestApp) -> None:
    start(ada)
    page = ada.get("/create/final-review").click("Change.*Decision-making")
    page = search(page, "vote")
    page = press(page, "add", cards_of(page)[0])
    assert step_of(go_on(page)) == "final-review"


def test_any_words_can_be_searched_for(client: TestApp) -> None:
    for words in ("%", "\0", "<b>", "x" * 5000, "' OR 1=1", "(", "\\"):
        page = client.get("/create/decision-approaches", {"q": words}, status=200)
        assert page.html.select("b") == []


def test_there_is_room_for_five_values(somebody: TestApp) -> None:
    start(somebody)
    page = place(somebody, "1", "2", "3", "4", step="core-values")
    stale = somebody.get("/create/core-values", {"all": "yes"})
    page = press(page, "add", "5")
    assert "5 of 5" in page
    assert "You have five values." in page
    assert cards_of(page) == []
    assert "Write your own value" not in page
    refused = press(stale, "add", "6", status=409)
    assert "room for 5 values" in refused
    assert step_of(somebody.get("/create/core-values/own", status=303).follow()) == "core-values"
    assert len(picks(somebody.get("/create/core-values"))) == 5
    page = press(page, "remove", "3")
    assert len(picks(press(page, "add", cards_of(page)[0]))) == 5


def test_an_own_sixth_value_is_refused_with_its_words(somebody: TestApp) -> None:
    start(somebody)
    page = place(somebody, "1", "2", "3", "4", step="core-values")
    own = page.click("Write your own value")
    press(page, "add", "5")
    answer = press(own, "action", "save", label="Sixth", meaning="My words", status=409)
    for words in ("room for 5 values", "Sixth", "My words"):
        assert words in answer
    assert len(picks(somebody.get("/create/core-values"))) == 5


def test_a_draft_with_more_than_five_values_takes_no_further_one(ada: TestApp) -> None:
    chosen = [str(number) for number in range(1, 8)]
    ada.put_json("/api/drafts/me", {"payload": {"title": "Elm", "selectedCoreValueIds": chosen}})
    page = ada.get("/create/core-values")
    assert "7 of 5" in page
    assert cards_of(page) == []
    assert "Write your own value" not in page
    page = press(page, "up", "7")
    page = press(page, "remove", "1")
    assert payload(ada)["selectedCoreValueIds"] == ["2", "3", "4", "5", "7", "6"]


def test_an_empty_catalogue_says_so_and_the_flow_goes_on(somebody: TestApp, engine: sa.Engine) -> None:
    with engine.begin() as connection:
        for table in ("values", "methods", "templates"):
            connection.execute(sa.text(f"DELETE FROM catalog_{table}"))
    start(somebody)
    for step in CHOICES:
        page = somebody.get(f"/create/{step}")
        assert "has not been filled yet" in page
        own = page.click("Write your own")
        assert picks(press(own, "action", "save", label="Ours")) == ["Ours"]
    somebody.get("/create/review", status=200)
    assert "has not been filled yet" in somebody.get("/templates")


# In one's own words


def test_words_of_the_catalogue_are_adapted(somebody: TestApp) -> None:
    start(somebody)
    page = place(somebody, "consensus-decision-making").click("^Consensus decision-making$")
    field = "consensus-decision-making.corePrinciple"
    assert filled(page)[field].value.strip()
    texts = {"corePrinciple": "We talk until it fits.", "consensusLevel": "90", "objectionsDeadlocks": ""}
    page = press(page, "action", "save", **texts)
    assert step_of(page) == "decision-approaches"
    assert "Consensus decision-making is saved." in page
    assert "We talk until it fits." in page.html.select_one(".picks").text
    page = page.click("^Consensus decision-making$")
    form = filled(page)
    for name, text in texts.items():
        assert form[f"consensus-decision-making.{name}"].value.strip() == text
    # Chosen anew after it was removed, it says what the group wrote.
    page = press(somebody.get("/create/decision-approaches"), "remove", "consensus-decision-making")
    page = press(page.click("Show all"), "add", "consensus-decision-making")
    assert "We talk until it fits." in page.html.select_one(".picks").text


def test_a_name_of_the_catalogue_is_changed_and_kept_when_it_is_not(somebody: TestApp, engine: sa.Engine) -> None:
    start(somebody)
    page = place(somebody, "signal", "slack", step="communication-methods").click("^Signal$")
    assert filled(page)["signal.label"].value == "Signal"
    page = press(page, "action", "save", label="The green chat")
    assert picks(page) == ["The green chat", "Slack"]
    page = press(page.click("^Slack$"), "action", "save", corePrinciple="For work")
    assert picks(page) == ["The green chat", "Slack"]
    page = press(page.click("^Slack$"), "action", "save", label="", status=400)
    assert "It needs a name." in errors(page)
    value = place(somebody, "1", step="core-values").click("^Care$")
    assert picks(press(value, "action", "save", label="Looking after each other")) == ["Looking after each other"]


def test_a_percentage_is_a_number_up_to_a_hundred(somebody: TestApp) -> None:
    start(somebody)
    page = place(somebody, "majority-rule").click("^Majority rule$")
    for text in ("101", "-1", "half", "1.5", "٣"):
        page = press(page, "action", "save", consensusLevel=text, corePrinciple="Kept", status=400)
        assert "a whole number from 0 to 100" in errors(page)
        assert filled(page)["majority-rule.consensusLevel"].value == text
        assert filled(page)["majority-rule.corePrinciple"].value.strip() == "Kept"
    page = press(page, "action", "save", consensusLevel="")
    assert filled(page.click("^Majority rule$"))["majority-rule.consensusLevel"].value == ""


def test_removing_from_the_page_of_its_words(somebody: TestApp) -> None:
    start(somebody)
    page = place(somebody, "majority-rule", "sociocracy").click("^Sociocracy$")
    [button] = page.html.select("button[name=remove]")
    page = press(page, "remove", button["value"])
    assert picks(page) == ["Majority rule"]
    somebody.get("/create/decision-approaches/sociocracy", status=404)


# One's own


def test_an_own_value(somebody: TestApp) -> None:
    start(somebody)
    page = somebody.get("/create/core-values").click("Write your own value")
    page = press(page, "action", "save", label="Soil", meaning="We leave it better.", signals="Bare earth in winter.")
    assert picks(page) == ["Soil"]
    assert "We leave it better." in page
    page = page.click("^Soil$")
    assert [each.text.strip() for each in page.html.select("textarea")] == [
        "We leave it better.",
        "Bare earth in winter.",
    ]
    assert page.html.select("[name=action][value^=add-]") == []


def test_an_own_entry_needs_a_name_and_a_blank_one_is_none(somebody: TestApp) -> None:
    start(somebody)
    for step in CHOICES:
        own = somebody.get(f"/create/{step}").click("Write your own")
        assert picks(press(own, "action", "save")) == []
        field = "meaning" if step == "core-values" else "supportText"
        page = press(somebody.get(f"/create/{step}/own"), "action", "save", **{field: "Without a name"}, status=400)
        assert "Give it a name, or empty the other fields too." in errors(page)
        assert "Without a name" in page
        assert picks(press(page, "action", "save", label="Ours")) == ["Ours"]


def test_an_own_entry_that_is_sent_twice_is_one(somebody: TestApp) -> None:
    start(somebody)
    form = filled(somebody.get("/create/membership-methods/own"), label="By friends")
    form.submit("action", value="save", status=303)
    form.submit("action", value="save", status=303)
    assert picks(somebody.get("/create/membership-methods")) == ["By friends"]


def test_an_own_clause(somebody: TestApp) -> None:
    start(somebody)
    page = somebody.get("/create/final-review").click("Add a clause")
    page = press(page, "action", "save", label="Who pays", section="Money", body="All of us.")
    assert step_of(page) == "final-review"
    page = page.click("^Who pays$")
    assert page.html.select_one("[name$='.section']")["value"] == "Money"
    page = press(page, "action", "save", body="Those who can.")
    assert step_of(page) == "final-review"
    page = page.click("^Who pays$")
    assert "Those who can." in page
    page = press(page, "remove", page.html.select_one("button[name=remove]")["value"])
    assert step_of(page) == "final-review"
    assert "Who pays" not in page


def own_method(client: TestApp, label: str = "Two chairs") -> Any:
    """The page of a new method of the group's own."""
    page = client.get("/create/conflict-management").click("Write your own")
    page = press(page, "action", "save", label=label, supportText="Two people listen.")
    return page.click(f"^{label}$")


def test_an_own_method_with_every_kind_of_field_block(ada: TestApp, clock: Clock) -> None:
    start(ada)
    page = own_method(ada)
    page = press(page, "action", "add-text")
    page = press(page, "action", "add-badges", blockTitle="How", text="They ask, they wait.")
    page = press(
        page, "action", "add-proportion", blockTitle="Who may call", options="Anybody\n Neighbours \n\nAnybody"
    )
    page = press(page, "action", "add-upload", blockTitle="Who must agree", percent="75")
    page = press(
        page, "action", "save", blockTitle="Leaflet", **{"file-" + new_block(page): Upload("leaf let.pdf", PDF)}
    )
    assert picks(page) == ["Two chairs"]
    assert "Two people listen." in page
    page = page.click("^Two chairs$")
    assert legends(page) == ["How", "Who may call", "Who must agree", "Leaflet"]
    assert "leaf let.pdf" in page
    [blocks] = payload(ada)[BLOCKS].values()
    for block in blocks:
        assert block.pop("id")
    url = blocks[3].pop("assetUrl")
    assert blocks == [
        {"kind": "text", "blockTitle": "How", "placeholderText": "They ask, they wait."},
        {"kind": "badges", "blockTitle": "Who may call", "options": ["Anybody", "Neighbours"]},
        {"kind": "proportion", "blockTitle": "Who must agree", "defaultPercent": 75},
        {"kind": "upload", "blockTitle": "Leaflet", "fileName": "leaf let.pdf"},
    ]
    assert ada.get(url).content_type == "application/pdf"


def new_block(page: Any) -> str:
    """The id of the block that the page offers to fill in."""
    return str(page.html.select_one("[name=new-block]")["value"].partition(":")[2])


def test_what_was_typed_is_saved_before_a_new_block_is_shown(somebody: TestApp) -> None:
    start(somebody)
    page = somebody.get("/create/conflict-management").click("Write your own")
    page = press(page, "action", "add-text", label="Two chairs", supportText="Two people listen.")
    assert page.html.select("#new-block")
    assert picks(somebody.get("/create/conflict-management")) == ["Two chairs"]
    page = press(page, "action", "save", blockTitle="How", supportText="They listen.")
    assert "They listen." in page
    assert legends(page.click("^Two chairs$")) == ["How"]


@pytest.mark.parametrize("kind", ["text", "badges", "proportion", "upload"])
def test_a_blank_block_is_none(ada: TestApp, engine: sa.Engine, kind: str) -> None:
    start(ada)
    page = press(own_method(ada), "action", f"add-{kind}")
    before = topics(engine)
    page = press(page, "action", "save")
    assert legends(page.click("^Two chairs$")) == []
    assert topics(engine) == before


@pytest.mark.parametrize(("kind", "texts"), [("text", {"text": "Words"}), ("badges", {"options": "One\nTwo"})])
def test_a_block_needs_a_heading(somebody: TestApp, kind: str, texts: dict[str, str]) -> None:
    start(somebody)
    page = press(own_method(somebody), "action", f"add-{kind}")
    page = press(page, "action", "save", **texts, status=400)
    assert "Give it a heading, or remove it." in errors(page)
    assert legends(somebody.get("/create/conflict-management").click("^Two chairs$")) == []
    page = press(page, "action", "save", blockTitle="Here it is")
    page = page.click("^Two chairs$")
    assert legends(page) == ["Here it is"]
    assert next(iter(texts.values())) in page.html.select_one("fieldset.entry textarea").text
    page = press(page, "action", "save", blockTitle="", status=400)
    assert "Give it a heading, or remove it." in errors(page)


def test_what_a_block_says_is_within_its_limits(somebody: TestApp) -> None:
    start(somebody)
    page = press(own_method(somebody), "action", "add-badges")
    for options, sentence in (
        ("\n".join(str(number) for number in range(51)), "keep it to 50 lines. There are 51."),
        ("x" * 201, "shorten each line to 200 characters"),
    ):
        page = press(page, "action", "save", blockTitle="List", options=options, status=400)
        assert sentence in errors(page)
    page = press(page, "action", "add-proportion", blockTitle="x" * 200, options="One")
    for percent in ("0", "101", "", "ten"):
        page = press(page, "action", "save", blockTitle="Share", percent=percent, status=400)
        assert "a whole number from 1 to 100" in errors(page)
    page = press(page, "action", "save", percent="100")
    assert legends(page.click("^Two chairs$")) == ["x" * 200, "Share"]


def test_blocks_are_changed_and_removed(somebody: TestApp) -> None:
    start(somebody)
    page = press(own_method(somebody), "action", "add-text")
    page = press(page, "action", "add-text", blockTitle="One", text="First")
    page = press(page, "action", "save", blockTitle="Two", text="Second").click("^Two chairs$")
    assert legends(page) == ["One", "Two"]
    first = page.html.select("[name=remove-block]")[0]["value"]
    # What was typed beside it is saved with it.
    page = press(page, "remove-block", first, supportText="They listen.", text="Second, rewritten")
    assert step_of(page).startswith("conflict-management/")
    assert legends(page) == ["Two"]
    assert "Second, rewritten" in page
    page = press(page, "remove-block", page.html.select_one("[name=remove-block]")["value"], blockTitle="")
    assert legends(page) == []
    assert "They listen." in page


def test_blocks_come_with_methods_of_the_catalogue_too(somebody: TestApp) -> None:
    start(somebody)
    page = press(place(somebody, "sociocracy").click("^Sociocracy$"), "action", "add-text")
    page = press(page, "action", "save", blockTitle="Our circles", text="Kitchen, garden, gate.")
    page = page.click("^Sociocracy$")
    assert legends(page) == ["Our circles"]
    assert filled(page)["sociocracy.label"].value == "Sociocracy"


def test_thirty_blocks_are_the_most(ada: TestApp) -> None:
    blocks = [{"kind": "text", "id": f"b{number}", "blockTitle": f"Part {number}"} for number in range(30)]
    ada.put_json(
        "/api/drafts/me",
        {"payload": {"title": "Elm", "selectedConflictManagementIds": ["ours"], BLOCKS: {"ours": blocks}}},
    )
    page = ada.get("/create/conflict-management/ours")
    assert len(legends(page)) == 30
    assert not page.html.select("[name=action][value^=add-]")
    assert len(legends(ada.get("/create/conflict-management/ours", {"add": "text"}))) == 30
    press(page, "action", "save", label="Ours")
    assert len(payload(ada)[BLOCKS]["ours"]) == 30


# Files


def test_a_file_replaces_the_one_that_was_there(ada: TestApp, clock: Clock) -> None:
    start(ada)
    page = press(own_method(ada), "action", "add-upload")
    page = press(page, "action", "save", **{"file-" + new_block(page): Upload("plan.pdf", PDF)}).click("^Two chairs$")
    assert legends(page) == ["plan.pdf"]  # a file without a heading is called by its name
    [[block]] = payload(ada)[BLOCKS].values()
    clock.advance(timedelta(seconds=6))
    photo = Upload("C:\\photos\\holiday.heic.gif", saved(picture(), "GIF"))
    page = press(page, "action", "save", **{f"file-{block['id']}": photo}).click("^Two chairs$")
    [[after]] = payload(ada)[BLOCKS].values()
    # It is made anew as a PNG, and says so.
    assert after == {**block, "fileName": "holiday.heic.png", "assetUrl": after["assetUrl"]}
    assert after["assetUrl"] != block["assetUrl"]
    assert ada.get(after["assetUrl"]).content_type == "image/png"


def test_a_file_that_cannot_be_used_is_said_beside_it(ada: TestApp, clock: Clock) -> None:
    start(ada)
    page = press(own_method(ada), "action", "add-upload")
    file = "file-" + new_block(page)
    page = press(page, "action", "save", blockTitle="Plan", **{file: Upload("plan.exe", b"MZ")}, status=400)
    assert "This file can’t be used." in errors(page)
    assert page.html.select_one(f"#{file}")["aria-invalid"] == "true"
    assert filled(page, blockTitle="Plan")
    assert BLOCKS not in payload(ada)
    page = press(page, "action", "save", **{file: Upload("plan.pdf", PDF)})
    assert legends(page.click("^Two chairs$")) == ["Plan"]


def test_two_files_at_once(ada: TestApp, clock: Clock) -> None:
    start(ada)
    page = press(own_method(ada), "action", "add-upload")
    page = press(page, "action", "add-upload", blockTitle="One")
    names = [each["name"] for each in page.html.select("input[type=file]")]
    files = dict(zip(names, (Upload("one.pdf", PDF), Upload("two.png", saved(picture(), "PNG"))), strict=True))
    refused = press(page, "action", "save", **files, status=400)
    assert "Say what the picture shows." in errors(refused)
    page = press(page, "action", "save", **files, blockTitle="Two chairs at a window")
    assert legends(page.click("^Two chairs$")) == ["One", "Two chairs at a window"]
    [blocks] = payload(ada)[BLOCKS].values()
    assert [block["fileName"] for block in blocks] == ["one.pdf", "two.png"]


def test_a_file_beside_one_that_cannot_be_used_is_not_kept_twice(ada: TestApp, engine: sa.Engine) -> None:
    start(ada)
    page = press(own_method(ada), "action", "add-upload")
    page = press(page, "action", "add-upload", blockTitle="One")
    one, two = [each["name"] for each in page.html.select("input[type=file]")]
    page = press(page, "action", "save", **{one: Upload("one.pdf", PDF), two: Upload("two.exe", b"MZ")}, status=400)
    assert count(engine, "uploads") == 0
    # At once, for nothing was uploaded yet.
    press(page, "action", "save", **{one: Upload("one.pdf", PDF), two: Upload("two.pdf", PDF)})
    assert count(engine, "uploads") == 2
    [blocks] = payload(ada)[BLOCKS].values()
    assert [block["fileName"] for block in blocks] == ["one.pdf", "two.pdf"]


def test_a_guest_is_told_to_sign_in_for_files(client: TestApp) -> None:
    start(client)
    page = own_method(client)
    assert not has_button(saving(page)[0], "action", "add-upload")
    assert "/create/community-save" in page.html.find("a", string="sign in first")["href"]
    page = client.get(page.request.path, {"add": "upload"})
    assert page.html.select("input[type=file]") == []
    form = filled(page, blockTitle="Plan")
    fields = form.submit_fields("action", submit_value="save")
    answer = client.post(form.action, fields, upload_files=[("file-" + new_block(page), "plan.pdf", PDF)], status=400)
    assert "Sign in first" in answer


# Texts that came another way


def test_a_method_of_another_client_takes_a_line_and_texts(ada: TestApp) -> None:
    ada.put_json("/api/drafts/me", {"payload": {"title": "Elm", "selectedDecisionApproachIds": ["vote-by-hand"]}})
    page = ada.get("/create/decision-approaches").click("^Vote by hand$")
    page = press(page, "action", "save", supportText="Hands up")
    assert "Hands up" in page
    assert payload(ada)[META] == {"vote-by-hand": {"label": "Vote by hand", "supportText": "Hands up"}}


def test_a_block_without_a_heading_that_nobody_touches_stops_nothing(ada: TestApp) -> None:
    blocks = [{"kind": "text", "id": "b", "blockTitle": "", "placeholderText": "As it came"}]
    ada.put_json(
        "/api/drafts/me",
        {"payload": {"title": "Elm", "selectedDecisionApproachIds": ["ours"], BLOCKS: {"ours": blocks}}},
    )
    page = press(ada.get("/create/decision-approaches/ours"), "action", "save", label="Ours")
    assert picks(page) == ["Ours"]
    assert payload(ada)[BLOCKS] == {"ours": blocks}


def test_a_link_in_a_block_leads_to_our_own_files_only(ada: TestApp) -> None:
    block = {"kind": "upload", "id": "b", "blockTitle": "Plan", "fileName": "plan.pdf"}
    for url in ("javascript:alert(1)", "https://evil.example/plan.pdf", "//evil.example"):
        blocks = [{**block, "assetUrl": url}]
        text = {"title": "Elm", "selectedDecisionApproachIds": ["ours"], BLOCKS: {"ours": blocks}}
        ada.put_json("/api/drafts/me", {"payload": {**text, "communityAvatarUrl": url}})
        for path in ("decision-approaches/ours", "community-upload", "review", "final-review"):
            page = ada.get(f"/create/{path}")
            assert url not in [
                each.get("href") or each.get("src") for each in page.html.select("main [href], main [src]")
            ]
        assert "plan.pdf" in ada.get("/create/decision-approaches/ours")
