"""Two organizers write the next revision at once: the second brings both together, and nothing is lost."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from uuid import UUID

import pytest
import sqlalchemy as sa
from webtest import TestApp

from cr.events.application import Rules
from cr.events.payload import BLOCKS
from tests.functional.flow import topics, unequal
from tests.functional.people import form_to
from tests.functional.test_main_job import edit, publish, sentences, start, write, written

NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)


def let_in(engine: sa.Engine, rule: str, email: str) -> None:
    with engine.begin() as connection:
        account = connection.scalar(sa.text("SELECT id FROM accounts WHERE email = :email"), {"email": email})
        Rules(lambda: nullcontext(connection)).join_rule(UUID(rule.rsplit("/", 1)[1]), account, NOON)


@pytest.fixture
def rule(ada: TestApp, bo: TestApp, engine: sa.Engine) -> str:
    """Ada's rule, which Bo writes too."""
    path = publish(ada, written(ada))
    let_in(engine, path, "bo@example.org")
    return path


@pytest.fixture
def drafts(ada: TestApp, bo: TestApp, rule: str) -> tuple[str, str]:
    """A draft of each, from the same revision."""
    return edit(ada, rule), edit(bo, rule)


def meaning(client: TestApp, draft: str, text: str) -> None:
    page = client.get(f"{draft}/values")
    form = form_to(page, f"{draft}/values")
    name = next(name for name in form.fields if name and name.endswith(".meaning"))
    form[name] = text
    form.submit("action", value="save", status=303)


def test_two_people_change_different_things(
    ada: TestApp, bo: TestApp, client: TestApp, rule: str, drafts: tuple[str, str], engine: sa.Engine
) -> None:
    ours, theirs = drafts
    write(ada, f"{ours}/about", title="Elm Street Gardens")
    meaning(bo, theirs, "Nobody eats alone.")
    write(bo, f"{theirs}/more", label="Dues", section="Money", body="Ten a month.")
    publish(ada, ours, changed="The name.")

    assert "Revision 2 of Elm Street Gardens was published while you were writing." in bo.get(theirs).html.main.text
    assert bo.get(f"{theirs}/publish", status=303).location.endswith(f"{theirs}/together")
    page = bo.get(f"{theirs}/together")
    said = " ".join(page.html.main.text.split())
    assert "Revision 2 of Elm Street Gardens was published" in said
    assert "The name." in said
    assert "Renamed it from “Elm Street Garden” to “Elm Street Gardens”." in said
    assert "Added Dues to money." in said
    assert "You changed different things." in said
    form_to(page, f"{theirs}/together").submit(status=303)
    publish(bo, theirs, changed="Dues.")

    public = client.get(rule)
    for words in ("Elm Street Gardens", "Nobody eats alone.", "Ten a month.", "Silence is consent.", "Revision 3"):
        assert words in public
    history = sentences(bo.get(f"{theirs}/history"))
    assert any(each.startswith("Went on from revision 2 of the published rule.") for each in history)
    assert unequal(engine) == []


@pytest.mark.parametrize(
    ("choice", "typed", "result"),
    [
        ("mine", None, "Bo’s words."),
        ("mine", "The words of both.", "The words of both."),
        ("theirs", None, "Ada’s words."),
    ],
)
def test_where_both_changed_the_same_words_one_chooses(
    ada: TestApp,
    bo: TestApp,
    client: TestApp,
    rule: str,
    drafts: tuple[str, str],
    choice: str,
    typed: str | None,
    result: str,
) -> None:
    ours, theirs = drafts
    meaning(ada, ours, "Ada’s words.")
    meaning(bo, theirs, "Bo’s words.")
    write(bo, f"{theirs}/about", summary="A garden for all.")
    publish(ada, ours, changed="Care.")
    page = bo.get(f"{theirs}/together")
    (entry,) = page.html.select("fieldset.entry")
    assert entry.legend.text == "Care: What it means here"
    assert "Ada’s words." in entry.text
    assert "We look after the soil and each other." in entry.text
    form = form_to(page, f"{theirs}/together")
    form[entry.textarea["name"]] = typed or form[entry.textarea["name"]].value
    form[f"choice-{entry.textarea['name']}"] = choice
    form.submit(status=303)
    publish(bo, theirs, changed="Care again.")
    public = client.get(rule)
    assert result in public
    assert ("Ada’s words." in public) == (result == "Ada’s words.")
    assert "Revision 3" in public


def test_one_takes_out_what_the_other_rewrote(
    ada: TestApp, bo: TestApp, client: TestApp, rule: str, drafts: tuple[str, str]
) -> None:
    ours, theirs = drafts
    page = ada.get(f"{ours}/values")
    form = form_to(page, f"{ours}/values")
    form.submit("remove", status=303)
    meaning(bo, theirs, "Bo’s words.")
    publish(ada, ours, changed="No values.")
    page = bo.get(f"{theirs}/together")
    (entry,) = page.html.select("fieldset.entry")
    assert entry.legend.text == "Care"
    assert "Revision 2 takes it out." in entry.text
    assert "What it means here: Bo’s words." in entry.text
    form_to(page, f"{theirs}/together").submit(status=303)
    publish(bo, theirs, changed="Care is back.")
    assert "Bo’s words." in client.get(rule)


def test_what_was_written_about_the_revision_goes_along(ada: TestApp, bo: TestApp, drafts: tuple[str, str]) -> None:
    ours, theirs = drafts
    write(ada, f"{ours}/about", title="Elm Street Gardens")
    meaning(bo, theirs, "Bo’s words.")
    form = form_to(bo.get(f"{theirs}/publish"), f"{theirs}/publish")
    publish(ada, ours, changed="The name.")
    form["changed"], form["record"], form["decided_on"] = "What care means.", "Minutes 7", "2026-03-01"
    met = form.submit(status=409)
    assert "The rule moved on while you were writing" in met
    again = form_to(met, f"{theirs}/together").submit(status=200)
    form = form_to(again, f"{theirs}/publish")
    assert (form["changed"].value, form["record"].value) == ("What care means.", "Minutes 7")
    assert form["decided_on"].value == "2026-03-01"
    form.submit(status=303)


def test_a_choice_about_texts_that_changed_once_more_is_asked_again(
    ada: TestApp, bo: TestApp, rule: str, drafts: tuple[str, str], engine: sa.Engine
) -> None:
    ours, theirs = drafts
    meaning(ada, ours, "Ada’s words.")
    meaning(bo, theirs, "Bo’s words.")
    publish(ada, ours, changed="Care.")
    form = form_to(bo.get(f"{theirs}/together"), f"{theirs}/together")
    meaning(ada, theirs, "Written in Bo’s draft by Ada.")
    (name,) = [name for name in form.fields if name and name.startswith("part-")]
    form[name] = "Typed by Bo."
    answer = form.submit(status=409)
    assert "changed once more" in answer
    assert form_to(answer, f"{theirs}/together")[name].value == "Typed by Bo."
    assert "draft.Rebased" not in topics(engine)
    form_to(answer, f"{theirs}/together").submit(status=303)
    assert "draft.Rebased" in topics(engine)
    # The same form once more finds both together already.
    form_to(answer, f"{theirs}/together").submit(status=303)
    assert topics(engine).count("draft.Rebased") == 1


def test_a_text_that_is_too_long_stays_in_the_form(ada: TestApp, bo: TestApp, drafts: tuple[str, str]) -> None:
    ours, theirs = drafts
    meaning(ada, ours, "Ada’s words.")
    meaning(bo, theirs, "Bo’s words.")
    publish(ada, ours, changed="Care.")
    form = form_to(bo.get(f"{theirs}/together"), f"{theirs}/together")
    (name,) = [name for name in form.fields if name and name.startswith("part-")]
    form[name] = "x" * 8001
    answer = form.submit(status=409)
    assert "Shorten it to 8000 characters. It has 8001." in answer
    assert form_to(answer, f"{theirs}/together")[name].value == "x" * 8001


def test_only_a_text_is_written_anew(ada: TestApp, bo: TestApp, rule: str, engine: sa.Engine) -> None:
    """A form that was never offered writes no text where a list belongs: the log would keep it for good."""

    def with_block(draft: str, text: str) -> None:
        with engine.begin() as connection:
            app = Rules(lambda: nullcontext(connection))
            found = app.draft(UUID(draft.rsplit("/", 1)[1]))
            block = {"kind": "text", "id": "b", "blockTitle": "How", "placeholderText": text}
            method = found.payload["selectedDecisionApproachIds"][0]
            app.write_draft(found.id, found.owner, NOON, {**found.payload, BLOCKS: {method: [block]}})

    first = edit(ada, rule)
    with_block(first, "A")
    publish(ada, first, changed="A block.")
    ours, theirs = edit(ada, rule), edit(bo, rule)
    with_block(ours, "B")
    with_block(theirs, "C")
    publish(ada, ours, changed="Another block.")
    page = bo.get(f"{theirs}/together")
    (radio, *_) = page.html.select("fieldset.entry input[type=radio]")
    name = radio["name"].removeprefix("choice-")
    form = form_to(page, f"{theirs}/together")
    assert name not in form.fields
    fields = {**dict(form.submit_fields()), f"choice-{name}": "mine", name: "oops"}
    bo.post(f"{theirs}/together", fields, status=303)
    preview = bo.get(f"{theirs}/preview")
    assert preview.html.select(".block .prose")[-1].text.strip() == "C"
    assert "oops" not in preview
    assert unequal(engine) == []


def test_nothing_to_bring_together_leads_on(ada: TestApp, bo: TestApp, drafts: tuple[str, str]) -> None:
    assert ada.get(f"{drafts[0]}/together", status=303).location.endswith("/publish")
    new = start(ada)
    assert ada.get(f"{new}/together", status=303).location.endswith("/publish")


def test_a_stranger_brings_nothing_together(ada: TestApp, rule: str, drafts: tuple[str, str], client: TestApp) -> None:
    client.get(f"{drafts[0]}/together", status=303)


def test_who_is_removed_keeps_the_draft_and_cannot_publish_it(
    ada: TestApp, bo: TestApp, client: TestApp, rule: str, drafts: tuple[str, str], engine: sa.Engine
) -> None:
    ours, theirs = drafts
    meaning(bo, theirs, "Bo’s words.")
    form = form_to(bo.get(f"{theirs}/publish"), f"{theirs}/publish")
    form["changed"] = "What care means."
    with engine.begin() as connection:
        people = dict(connection.execute(sa.text("SELECT email, id FROM accounts")).all())
        app = Rules(lambda: nullcontext(connection))
        app.remove_organizer(UUID(rule.rsplit("/", 1)[1]), people["ada@example.org"], NOON, people["bo@example.org"])
    answer = form.submit(status=403)
    assert "Only the organizers of this rule" in answer
    assert "What care means." in answer
    assert "Bo’s words." in bo.get(f"{theirs}/preview")
    assert "Bo’s words." not in client.get(rule)
    bo.get(ours, status=403)
