"""Two rules compared: every difference that a reader can see is in it, and nothing else."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cr.comparison import (
    NOTHING,
    Clause,
    Comparison,
    SeenBlock,
    SeenClause,
    SeenSection,
    Text,
    Whole,
    compare,
    seen,
    sentences,
)
from cr.events import draft as d
from cr.events.base import stamped
from cr.events.document import composed
from cr.events.payload import same
from cr.views.draft_compare import whole as written
from tests.events.test_document import DRAFT, blocks, documents, entries, names
from tests.events.test_draft import NOON
from tests.events.test_payload import json_values, payloads

texts = st.text(max_size=8)
pictured = st.fixed_dictionaries(
    {}, optional={"communityAvatarUrl": texts, "communityAvatarAlt": texts, "communityContext": texts}
)
wholes = st.builds(
    lambda title, summary, document, more: Whole(title, summary, {**document, **more}),
    texts,
    texts | st.none(),
    documents,
    pictured,
)
odd = st.dictionaries(
    st.sampled_from(["sections", "communityAvatarUrl", "communityContext", "coreValues"]),
    json_values
    | st.lists(
        st.dictionaries(
            st.sampled_from(["categoryName", "entries", "title"]),
            json_values | st.lists(st.dictionaries(st.sampled_from(["title", "body", "blocks"]), json_values)),
        )
    ),
)
# Few words in few clauses, so that much of one side is found on the other.
small = st.sampled_from(["", "a", "b", "a b c d", "a b c e"])
small_names = small | st.sampled_from(["Values", "Decision-making"])
small_clauses = st.fixed_dictionaries(
    {"title": small},
    optional={
        "body": small,
        "blocks": st.lists(st.fixed_dictionaries({"label": small, "body": small}), max_size=3),
    },
)
small_documents = st.fixed_dictionaries(
    {
        "sections": st.lists(
            st.fixed_dictionaries(
                {"categoryName": small_names, "entries": st.lists(small_clauses, max_size=4)},
            ),
            max_size=3,
        )
    }
)
anything = wholes | st.builds(Whole, texts, texts | st.none(), small_documents)


def side(comparison: Comparison, which: str) -> tuple[Any, ...]:
    """One of the two texts, put together again from the comparison."""
    place = {"before": "was", "after": "now"}[which]
    kinds = {"before": ("same", "deleted"), "after": ("same", "inserted")}[which]

    def said(text: Text) -> str:
        words = "".join(run.text for run in text.runs if run.kind in kinds)
        assert words == getattr(text, which)
        return words

    def standing(parts: Any) -> list[Any]:
        found = [part for part in parts if getattr(part, place) is not None]
        found.sort(key=lambda part: getattr(part, place))
        assert [getattr(part, place) for part in found] == list(range(len(found)))
        return found

    def clause(each: Clause) -> SeenClause:
        written = (
            SeenBlock(*(said(text) for text in (block.label, block.body, block.image, block.file)))
            for block in standing(each.blocks)
        )
        return SeenClause(said(each.title), said(each.body), tuple(written))

    def within(section: Any) -> list[Clause]:
        end = {"before": "origin", "after": "target"}[which]
        here = getattr(section, place)
        return [each for each in section.clauses if getattr(each, end) in (None, here)]

    head = (comparison.title, comparison.summary, comparison.context, comparison.photo, comparison.photo_words)
    sections = tuple(
        SeenSection(said(section.name), tuple(clause(each) for each in standing(within(section))))
        for section in standing(comparison.sections)
    )
    return (*(said(text) for text in head), sections)


def shown(whole: Whole) -> tuple[Any, ...]:
    document = whole.document
    head = [document.get(key) or "" for key in ("communityContext", "communityAvatarUrl", "communityAvatarAlt")]
    return (whole.title, whole.summary or "", *head, seen(document))


@given(anything, anything)
def test_both_texts_can_be_put_together_again(before: Whole, after: Whole) -> None:
    comparison = compare(before, after)
    assert side(comparison, "before") == shown(before)
    assert side(comparison, "after") == shown(after)


@given(anything, anything)
def test_it_tells_of_a_change_whenever_there_is_one(before: Whole, after: Whole) -> None:
    comparison = compare(before, after)
    assert comparison.changed == (shown(before) != shown(after))
    assert bool(sentences(comparison)) == (comparison.changed or comparison.unseen)


@given(anything)
def test_equal_texts_do_not_differ(whole: Whole) -> None:
    comparison = compare(whole, whole)
    assert not comparison.changed
    assert not comparison.unseen
    assert sentences(comparison) == []
    assert {clause.state for section in comparison.sections for clause in section.clauses} <= {"same"}


def flat(comparison: Comparison, *, turned: bool) -> Counter[str]:
    """Every part of it, in no order; `turned` looks at it from the other side."""

    def text(each: Text) -> Any:
        runs = [(run.kind, run.text) for run in each.runs]
        other = {"same": "same", "deleted": "inserted", "inserted": "deleted"}
        runs = [(other[kind], words) for kind, words in runs] if turned else runs  # type: ignore[misc]
        return [[words for kind, words in runs if kind == wanted] for wanted in ("same", "deleted", "inserted")]

    def ends(one: Any, other: Any) -> Any:
        return (other, one) if turned else (one, other)

    def clause(each: Clause) -> Any:
        written = sorted(
            repr((ends(b.was, b.now), b.moved, text(b.label), text(b.body), text(b.image), text(b.file)))
            for b in each.blocks
        )
        return repr(
            (
                ends(each.was, each.now),
                each.moved,
                text(each.title),
                text(each.body),
                written,
                ends(each.origin, each.target),
            )
        )

    found = [
        repr((ends(s.was, s.now), s.moved, text(s.name), sorted(clause(each) for each in s.clauses)))
        for s in comparison.sections
    ]
    return Counter([*found, repr(text(comparison.title)), repr(text(comparison.summary))])


@given(anything, anything)
def test_seen_from_the_other_side_it_is_the_same(before: Whole, after: Whole) -> None:
    assert flat(compare(before, after), turned=False) == flat(compare(after, before), turned=True)


@given(odd, odd | documents)
def test_it_takes_whatever_stands_in_a_document(one: dict[str, Any], other: dict[str, Any]) -> None:
    for before, after in ((one, other), (other, one)):
        comparison = compare(Whole("", None, before), Whole("", None, after))
        assert side(comparison, "before")[-1] == seen(before)
        assert side(comparison, "after")[-1] == seen(after)
        sentences(comparison)


@given(payloads)
def test_a_draft_is_compared_with_an_empty_page(payload: dict[str, Any]) -> None:
    whole = Whole(payload.get("title", ""), payload.get("summary"), composed(payload))
    comparison = compare(NOTHING, whole)
    assert {section.state for section in comparison.sections} <= {"added"}
    assert side(comparison, "after") == shown(whole)


@given(documents, names, entries, blocks)
def test_adding_a_clause_is_told_as_just_that(document: dict[str, Any], title: str, entry: Any, more: Any) -> None:
    clause = {**entry, "title": title, "blocks": more}
    after = {**document, "sections": [*document.get("sections", []), {"categoryName": "Keys", "entries": [clause]}]}
    comparison = compare(Whole("", None, document), Whole("", None, after))
    assert [section.state for section in comparison.sections if section.state != "same"] == ["added"]


def whole(*sections: tuple[str, list[dict[str, Any]]], **more: Any) -> Whole:
    parts = [{"categoryName": name, "entries": clauses} for name, clauses in sections]
    return Whole("Elm", None, {"sections": parts, **more})


def clauses_of(comparison: Comparison) -> list[tuple[str, str, str, str]]:
    return [
        (section.name.after or section.name.before, clause.state, clause.title.before, clause.title.after)
        for section in comparison.sections
        for clause in section.clauses
    ]


def block(label: str, body: str, **more: str) -> dict[str, Any]:
    return {"label": label, "body": body, **more}


DUES = {"title": "Dues", "body": "Members pay ten a month into the box at the gate."}
KEYS = {"title": "Keys", "body": "Three people have a key to the shed."}


def test_a_renamed_clause_is_not_one_removed_and_one_added() -> None:
    fees = {"title": "Membership fees", "body": "Members pay twelve a month into the box at the gate."}
    comparison = compare(whole(("Money", [DUES, KEYS])), whole(("Money", [fees, KEYS])))
    assert clauses_of(comparison) == [
        ("Money", "changed", "Dues", "Membership fees"),
        ("Money", "same", "Keys", "Keys"),
    ]
    assert sentences(comparison) == ["Renamed Dues to Membership fees in money.", "Rewrote Membership fees in money."]


def test_clauses_of_different_words_are_not_taken_for_one() -> None:
    other = {"title": "Sheds", "body": "Nobody sleeps there."}
    comparison = compare(whole(("Money", [DUES])), whole(("Money", [other])))
    assert clauses_of(comparison) == [("Money", "removed", "Dues", ""), ("Money", "added", "", "Sheds")]
    assert sentences(comparison) == ["Removed Dues from money.", "Added Sheds to money."]


def test_one_way_to_decide_became_another() -> None:
    comparison = compare(
        whole(("Decision-making", [{"title": "Consensus"}])), whole(("Decision-making", [{"title": "Two-thirds vote"}]))
    )
    assert sentences(comparison) == ["Decision-making: Consensus became Two-thirds vote."]


@pytest.mark.parametrize(
    ("section", "before", "after", "told"),
    [
        ("Decision-making", {"title": "Consensus"}, {"title": "Consent"}, ["{0}: Consensus became Consent."]),
        ("Membership", {"title": "Open"}, {"title": "Open for all"}, ["{0}: Open became Open for all."]),
        # One answer in common, to a question that all of them are asked, does not make them one.
        (
            "Decision-making",
            {"title": "Majority", "blocks": [block("How many have to agree", "50 %")]},
            {"title": "Supermajority", "blocks": [block("How many have to agree", "50 %")]},
            ["{0}: Majority became Supermajority."],
        ),
        # A name that is in use, and words that stay, is a new name.
        (
            "Decision-making",
            {"title": "Consent", "body": "Everybody can live with what we decide, and says so."},
            {"title": "Our consent", "body": "Everybody can live with what we decide, and says so."},
            ["Renamed Consent to Our consent in decision-making."],
        ),
        (
            "Values",
            {"title": "Equality"},
            {"title": "Equity"},
            ["Removed Equality from values.", "Added Equity to values."],
        ),
        (
            "Money",
            {"title": "Dues are ten"},
            {"title": "Dues are nine"},
            ["Renamed Dues are ten to Dues are nine in money."],
        ),
    ],
)
def test_another_value_or_method_of_a_similar_name_is_another_one(
    section: str, before: dict[str, Any], after: dict[str, Any], told: list[str]
) -> None:
    comparison = compare(whole((section, [before])), whole((section, [after])))
    assert sentences(comparison) == [sentence.format(section) for sentence in told]


def test_a_method_does_not_become_one_of_a_similar_name_in_another_section() -> None:
    comparison = compare(
        whole(("Membership", [{"title": "Open vote"}]), ("Money", [DUES])),
        whole(("Decision-making", [{"title": "Open votes"}]), ("Money", [DUES])),
    )
    assert sentences(comparison) == ["Removed Open vote from membership.", "Added Open votes to decision-making."]


def test_the_fewest_clauses_count_as_moved() -> None:
    lot = [{"title": title} for title in "ABCDE"]
    comparison = compare(whole(("Money", lot)), whole(("Money", [*lot[1:], lot[0]])))
    assert [clause.title.after for clause in comparison.sections[0].clauses if clause.state == "moved"] == ["A"]
    assert sentences(comparison) == ["Changed the order in money."]


def test_a_clause_that_went_to_another_section_moved() -> None:
    before, after = whole(("Money", [DUES]), ("House", [KEYS])), whole(("House", [KEYS, DUES]))
    comparison = compare(before, after)
    assert sentences(comparison) == ["Moved Dues from money to house."]
    assert [section.state for section in comparison.sections] == ["removed", "changed"]


def test_a_section_keeps_its_clauses_under_a_new_name() -> None:
    comparison = compare(whole(("Money", [DUES, KEYS])), whole(("Our purse", [DUES, KEYS])))
    assert sentences(comparison) == ["Renamed the section Money to Our purse."]
    assert [clause.state for section in comparison.sections for clause in section.clauses] == ["same", "same"]


def test_sections_in_another_order() -> None:
    comparison = compare(whole(("Money", [DUES]), ("House", [KEYS])), whole(("House", [KEYS]), ("Money", [DUES])))
    assert sentences(comparison) == ["Changed the order of the sections."]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"body": "1"}, {"body": "2"}, "Rewrote Vote in votes."),
        ({}, {"body": "2"}, "Described Vote in votes."),
        ({"body": "1"}, {}, "Took away the words of Vote in votes."),
        (
            {"blocks": [block("Agreement", "80 %")]},
            {"blocks": [block("Agreement", "66 %")]},
            "Changed “Agreement” of Vote in votes from 80 % to 66 %.",
        ),
        (
            {"blocks": [block("Steps", "First we talk.\nThen we vote.")]},
            {"blocks": [block("Steps", "First we eat.\nThen we vote.")]},
            "Rewrote “Steps” of Vote in votes.",
        ),
        ({}, {"blocks": [block("Steps", "We talk.")]}, "Added “Steps” to Vote in votes."),
        ({"blocks": [block("Steps", "We talk.")]}, {}, "Removed “Steps” from Vote in votes."),
        (
            {"blocks": [block("Steps", "We talk.")]},
            {"blocks": [block("How", "We talk.")]},
            "Renamed “Steps” of Vote in votes to “How”.",
        ),
        (
            {"blocks": [block("Map", "", imageUrl="/api/uploads/1")]},
            {"blocks": [block("Map", "", imageUrl="/api/uploads/2")]},
            "Changed what is attached to Vote in votes: “Map”.",
        ),
        (
            {"body": "1", "blocks": [block("Steps", "We talk.")]},
            {"body": "2", "blocks": [block("Steps", "They sing.")]},
            "Rewrote Vote in votes: its text, “Steps”.",
        ),
        (
            {"blocks": [block("A", "1"), block("B", "2")]},
            {"blocks": [block("B", "2"), block("A", "1")]},
            "Changed the order within Vote in votes.",
        ),
        ({"note": 1}, {"note": 2}, "Changed details that programs read."),
    ],
)
def test_the_sentence_names_what_changed_in_a_clause(before: Any, after: Any, told: str) -> None:
    sides = (whole(("Votes", [{"title": "Vote", **each}])) for each in (before, after))
    assert sentences(compare(*sides)) == [told]


def test_what_stands_above_the_sections_is_told_first() -> None:
    after = {
        **composed(DRAFT),
        "communityContext": "We cook.",
        "communityAvatarUrl": "x",
        "communityAvatarAlt": "A hall",
    }
    told = sentences(compare(Whole("Elm", "A garden", composed(DRAFT)), Whole("Oak", None, after)))
    assert told == [
        "Renamed it from “Elm” to “Oak”.",
        "Removed the summary.",
        "Changed the photo.",
        "Changed what is said about the photo.",
        "Changed what it says about the community.",
    ]


def test_there_are_never_more_sentences_than_somebody_reads() -> None:
    after = whole(("Money", [{"title": str(number)} for number in range(500)]))
    told = sentences(compare(NOTHING, after))
    assert len(told) < 70
    assert told[-1].startswith("Made 44")


OWNER, ID = UUID(int=1), UUID(int=2)


def states(texts: list[dict[str, Any]]) -> list[d.Draft]:
    """The states of a draft in which somebody wrote one text after the other."""
    started = stamped([d.Started(owner=OWNER)], of=ID, after=0, actor=OWNER, at=NOON)
    found = [d.evolve(None, started[0])]
    for text in texts:
        now = found[-1]
        assert now is not None
        for event in stamped(d.write(now, now, text), of=ID, after=now.version, actor=OWNER, at=NOON):
            found.append(d.evolve(found[-1], event))
    return [each for each in found if each is not None]


lives = st.lists(payloads, min_size=1, max_size=4).map(states)


@given(lives, st.data())
def test_a_version_that_was_restored_does_not_differ_from_itself(life: list[d.Draft], data: st.DataObject) -> None:
    then = data.draw(st.sampled_from(life))
    now = life[-1]
    after = d.project(now, stamped(d.restore(now, then), of=ID, after=now.version, actor=OWNER, at=NOON))
    assert after is not None
    comparison = compare(written(then), written(after))
    assert not comparison.changed
    assert sentences(comparison) == []


@given(lives, st.data())
def test_between_any_two_moments_it_says_what_became_of_the_text(life: list[d.Draft], data: st.DataObject) -> None:
    before, after = (written(data.draw(st.sampled_from(life))) for _ in range(2))
    comparison = compare(before, after)
    assert side(comparison, "before") == shown(before)
    assert side(comparison, "after") == shown(after)
    same_document = same(before.document, after.document)
    assert bool(sentences(comparison)) == (shown(before) != shown(after) or not same_document)
