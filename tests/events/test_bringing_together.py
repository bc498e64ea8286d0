"""A draft that a later revision overtook: both changes are brought together, and nothing that either says is lost."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cr.catalog.sections import DECISIONS, MORE, VALUES
from cr.errors import Conflict
from cr.events import draft as d
from cr.events.base import Event, stamped
from cr.events.document import aligned, composed, decomposed
from cr.events.payload import BLOCKS, META, SELECTIONS, Choice, Path, brought_together, flat, same
from tests.events.test_payload import payloads

DRAFT, OWNER, RULE = UUID(int=1), UUID(int=2), UUID(int=3)
NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)

TEXT: dict[str, Any] = {
    "sections": [
        {"categoryName": "Decision-making", "entries": [{"title": "Consensus", "body": "All agree."}]},
        {"categoryName": "Money", "entries": [{"title": "Dues", "body": "Ten a month."}, {"title": "Costs"}]},
    ]
}


class All(dict[Path, Choice]):
    """The same choice wherever two changes meet."""

    def __init__(self, choice: Choice) -> None:
        super().__init__()
        self.choice = choice

    def get(self, path: Any, default: Any = None) -> Choice:
        return self.choice


MINE, THEIRS = All(Choice("mine")), All(Choice("theirs"))


def begun(payload: dict[str, Any]) -> d.Draft:
    started = d.Started(owner=OWNER, source="revision", of=str(RULE), revision=1, payload=payload)
    draft = d.project(None, stamped([started], of=DRAFT, after=0, actor=OWNER, at=NOON))
    assert draft is not None
    return draft


def after(draft: d.Draft, facts: list[d.DraftEvent]) -> d.Draft:
    events: list[Event] = list(stamped(facts, of=DRAFT, after=draft.version, actor=OWNER, at=NOON))
    result = d.project(draft, events)
    assert result is not None
    return result


def clause_of(payload: dict[str, Any], label: str) -> str:
    return next(name for name in payload[MORE.selected] if payload[MORE.details][name]["label"] == label)


def together(base: dict[str, Any], theirs: dict[str, Any], mine: dict[str, Any], choices: Any) -> Any:
    was, meant = aligned(base, mine, theirs)
    return brought_together(was, theirs, meant, choices)


def edited(payload: dict[str, Any], label: str, **fields: Any) -> dict[str, Any]:
    """The payload with other words in the clause called `label`."""
    name = clause_of(payload, label)
    details = payload[MORE.details]
    return {**payload, MORE.details: {**details, name: {**details[name], **fields}}}


def without(payload: dict[str, Any], label: str) -> dict[str, Any]:
    name = clause_of(payload, label)
    return {
        **payload,
        MORE.selected: [each for each in payload[MORE.selected] if each != name],
        MORE.details: {key: value for key, value in payload[MORE.details].items() if key != name},
    }


def revised(dues: str = "Ten a month.", first: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """The text of a later revision, with other dues and clauses before them."""
    money = {"categoryName": "Money", "entries": [*(first or []), {"title": "Dues", "body": dues}, {"title": "Costs"}]}
    return {"sections": [TEXT["sections"][0], money]}


def test_what_two_revisions_change_apart_is_both_in() -> None:
    base = decomposed("Elm", None, TEXT)
    draft = after(begun(base), d.write(begun(base), begun(base), edited(base, "Costs", body="Shared.")))
    theirs = decomposed("Elm", None, revised(first=[{"title": "Budget"}]))
    facts = d.rebase(draft, begun(base), 2, theirs, {})
    assert [type(fact) for fact in facts] == [d.Rebased, d.MethodDescribed]
    now = after(draft, facts)
    assert (now.revision, now.based_at) == (2, draft.version + 1)
    assert composed(now.payload)["sections"][1]["entries"] == [
        {"title": "Budget"},
        {"title": "Dues", "body": "Ten a month."},
        {"title": "Costs", "body": "Shared."},
    ]


def test_a_clause_is_known_again_when_others_come_before_it() -> None:
    base = decomposed("Elm", None, TEXT)
    later = decomposed("Elm", None, revised("Twelve a month.", first=[{"title": "Budget"}]))
    was, mine = aligned(base, edited(base, "Costs", body="Shared."), later)
    assert [clause_of(was, label) for label in ("Dues", "Costs")] == [clause_of(later, x) for x in ("Dues", "Costs")]
    assert clause_of(mine, "Costs") == clause_of(later, "Costs")
    assert composed(was) == composed(base)


def test_a_new_clause_of_the_rule_is_not_taken_for_one_of_the_draft() -> None:
    base = decomposed("Elm", None, TEXT)
    own = {"label": "Keys", "section": "Money", "body": "At Bo's."}
    mine = {
        **base,
        MORE.selected: [*base[MORE.selected], "clause-4"],
        MORE.details: {**base[MORE.details], "clause-4": own},
    }
    theirs = decomposed("Elm", None, revised(first=[{"title": "Budget"}]))
    result, clashes = together(base, theirs, mine, {})
    assert clashes == []
    titles = [each["title"] for each in composed(result)["sections"][1]["entries"]]
    assert titles == ["Budget", "Dues", "Costs", "Keys"]


def test_the_same_words_changed_twice_are_a_clash_until_somebody_chooses() -> None:
    base = decomposed("Elm", None, TEXT)
    draft = after(begun(base), d.write(begun(base), begun(base), edited(base, "Dues", body="Eight a month.")))
    theirs = decomposed("Elm", None, revised("Twelve a month."))
    with pytest.raises(d.Clashes) as refusal:
        d.rebase(draft, begun(base), 2, theirs, {})
    (clash,) = refusal.value.clashes
    assert clash.path == (MORE.details, clause_of(theirs, "Dues"), "body")
    assert (clash.base, clash.theirs, clash.mine) == ("Ten a month.", "Twelve a month.", "Eight a month.")
    for choice, dues in (
        (Choice("mine"), "Eight a month."),
        (Choice("theirs"), "Twelve a month."),
        (Choice("mine", "Ten, or what you can."), "Ten, or what you can."),
    ):
        now = after(draft, d.rebase(draft, begun(base), 2, theirs, {clash.path: choice}))
        assert composed(now.payload)["sections"][1]["entries"][0] == {"title": "Dues", "body": dues}


@pytest.mark.parametrize("i_dropped_it", [True, False])
def test_one_drops_what_the_other_changes(i_dropped_it: bool) -> None:
    base = decomposed("Elm", None, TEXT)
    changed, dropped = edited(base, "Dues", body="Twelve a month."), without(base, "Dues")
    theirs, mine = (changed, dropped) if i_dropped_it else (dropped, changed)
    path = (MORE.details, clause_of(base, "Dues"))
    result, (clash,) = brought_together(base, theirs, mine, {})
    assert clash.path == path
    said = {"label": "Dues", "section": "Money", "body": "Twelve a month."}
    assert (clash.theirs, clash.mine) == ((said, None) if i_dropped_it else (None, said))
    kept, gone = ("theirs", "mine") if i_dropped_it else ("mine", "theirs")
    result, clashes = brought_together(base, theirs, mine, {path: Choice(kept)})  # type: ignore[arg-type]
    assert clashes == []
    assert "Dues" in [each["title"] for each in composed(result)["sections"][1]["entries"]]
    result, clashes = brought_together(base, theirs, mine, {path: Choice(gone)})  # type: ignore[arg-type]
    assert clashes == []
    assert [each["title"] for each in composed(result)["sections"][1]["entries"]] == ["Costs"]


@pytest.mark.parametrize("i_dropped_it", [True, False])
def test_blocks_of_a_method_that_one_drops_are_asked_about(i_dropped_it: bool) -> None:
    def block(text: str) -> list[dict[str, Any]]:
        return [{"kind": "text", "id": "b", "blockTitle": "How", "placeholderText": text}]

    base: dict[str, Any] = {DECISIONS.selected: ["own"], META: {"own": {"label": "Ours"}}, BLOCKS: {"own": block("A")}}
    changed = {**base, BLOCKS: {"own": block("B")}}
    theirs, mine = (changed, {}) if i_dropped_it else ({}, changed)
    result, (clash,) = brought_together(base, theirs, mine, {})
    assert clash.path == (DECISIONS.details, "own")
    kept = Choice("theirs" if i_dropped_it else "mine")
    result, clashes = brought_together(base, theirs, mine, {clash.path: kept})
    assert clashes == []
    assert (result[DECISIONS.selected], result[BLOCKS]) == (["own"], {"own": block("B")})


def test_going_on_from_a_later_revision_is_undone_as_a_whole() -> None:
    base = decomposed("Elm", None, TEXT)
    first = begun(base)
    facts = d.write(first, first, edited(base, "Costs", body="Shared."))
    draft = after(first, facts)
    rebasing = d.rebase(draft, first, 2, decomposed("Elm", None, revised("Nine.")), {})
    started = d.Started(owner=OWNER, source="revision", of=str(RULE), revision=1, payload=base)
    later = datetime(2026, 3, 13, tzinfo=UTC)
    events: list[d.DraftEvent] = [
        *stamped([started, *facts], of=DRAFT, after=0, actor=OWNER, at=NOON),
        *stamped(rebasing, of=DRAFT, after=len(facts) + 1, actor=OWNER, at=later),
    ]
    change = d.last_change(len(events), lambda version: events[version - 1])
    assert isinstance(change, d.Rebased)
    now = after(draft, rebasing)
    undone = after(now, list(d.undo(now, change, draft)))
    assert (undone.payload, undone.revision) == (draft.payload, 1)


def test_going_on_from_a_later_revision_and_back_again() -> None:
    base = decomposed("Elm", None, TEXT)
    first = begun(base)
    draft = after(first, d.write(first, first, edited(base, "Costs", body="Shared.")))
    rebased = after(draft, d.rebase(draft, first, 2, decomposed("Elm", None, revised("Nine.")), {}))
    back = after(rebased, d.restore(rebased, draft))
    assert (back.payload, back.revision, back.based_at) == (draft.payload, 1, 1)
    forth = after(back, d.restore(back, rebased))
    assert (forth.payload, forth.revision, forth.based_at) == (rebased.payload, 2, rebased.based_at)


def test_a_published_draft_goes_on_from_nothing() -> None:
    base = decomposed("Elm", None, TEXT)
    draft = after(begun(base), [d.Published(rule=RULE, revision=2)])
    with pytest.raises(Conflict):
        d.rebase(draft, begun(base), 3, base, {})


# The same id in two maps of fields is about two entries, and blocks are brought together one by one.
LISTS = (*SELECTIONS, BLOCKS, META)


@given(payloads, payloads, payloads)
def test_everything_is_decided_by_one_choice_for_all(
    base: dict[str, Any], theirs: dict[str, Any], mine: dict[str, Any]
) -> None:
    for choices, side in ((MINE, mine), (THEIRS, theirs)):
        result, clashes = brought_together(base, theirs, mine, choices)
        assert clashes == []
        kept, before = flat(result), flat(base)
        for path, text in flat(side).items():
            meant = path[0] not in LISTS and not path[0].endswith("Ids") and path[0] != "currentStep"
            if meant and not same(text, before.get(path)):
                assert same(kept.get(path), text), path


@given(payloads, payloads, st.sampled_from([MINE, THEIRS]))
def test_with_one_writer_there_is_nothing_to_choose(base: dict[str, Any], other: dict[str, Any], choices: All) -> None:
    assert brought_together(base, base, other, choices) == (other, [])
    assert brought_together(base, other, base, choices) == (other, [])


@given(payloads, payloads, payloads)
def test_the_text_of_a_rebased_draft_is_what_was_chosen(
    base: dict[str, Any], theirs: dict[str, Any], mine: dict[str, Any]
) -> None:
    first = begun(base)
    draft = after(first, d.explain(base, mine))
    facts = d.rebase(draft, first, 2, theirs, MINE)
    now = after(draft, facts)
    assert same(now.payload, together(base, theirs, draft.payload, MINE)[0])
    assert same(after(draft, facts[:1]).payload, theirs)


@given(payloads, payloads)
def test_a_draft_that_changed_nothing_says_what_the_rule_says(one: dict[str, Any], other: dict[str, Any]) -> None:
    theirs = decomposed("Elm", None, composed(other))
    draft = begun(decomposed("Elm", None, composed(one)))
    now = after(draft, d.rebase(draft, draft, 2, theirs, {}))
    assert same(composed(now.payload), composed(other))


def test_the_names_of_what_was_dropped_are_those_of_its_section() -> None:
    base: dict[str, Any] = {
        VALUES.selected: ["care"],
        VALUES.details: {"care": {"meaning": "a"}},
        DECISIONS.selected: ["care"],
        DECISIONS.details: {"care": {"corePrinciple": "b"}},
    }
    theirs = {**base, VALUES.selected: []}
    mine = {**base, VALUES.details: {"care": {"meaning": "c"}}, DECISIONS.details: {"care": {"corePrinciple": "d"}}}
    _, (clash,) = brought_together(base, theirs, mine, {})
    assert clash.path == (VALUES.details, "care")
    assert (clash.theirs, clash.mine) == (None, {"meaning": "c"})
    result, _ = brought_together(base, theirs, mine, {clash.path: Choice("theirs")})
    assert result[DECISIONS.details] == {"care": {"corePrinciple": "d"}}
    assert VALUES.selected not in result
