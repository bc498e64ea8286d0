"""A document is made from a draft, and a draft from a document, without losing what the group wrote."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cr.audit.canonical import too_large
from cr.catalog.sections import MORE
from cr.comparison import Whole, compare, sentences
from cr.errors import ValidationProblem
from cr.events.document import checked_document, composed, decomposed
from cr.events.payload import checked, same
from tests.events.test_payload import json_values, payloads

DRAFT = {
    "title": "Elm",
    "summary": "A garden",
    "communityContext": "We grow food.",
    "selectedCoreValueIds": ["v1"],
    "coreValueDetailsByChipId": {"v1": {"label": "Care", "meaning": "Look after each other", "signals": "Silence"}},
    "selectedDecisionApproachIds": ["lazy-consensus", "own"],
    "decisionApproachDetailsById": {"lazy-consensus": {"consensusLevel": 80, "corePrinciple": "Silence is consent"}},
    "customMethodCardMetaById": {"own": {"label": "Sleep on it", "supportText": "One night"}},
    "customMethodCardFieldBlocksById": {
        "own": [
            {"kind": "text", "id": "t", "blockTitle": "How", "placeholderText": "Wait a night"},
            {"kind": "badges", "id": "b", "blockTitle": "Who", "options": ["all", "elders"]},
            {"kind": "proportion", "id": "p", "blockTitle": "Quorum", "defaultPercent": 50},
            {"kind": "upload", "id": "u", "blockTitle": "Form", "fileName": "form.pdf", "assetUrl": "/api/uploads/1"},
        ]
    },
    MORE.selected: ["m1", "m2"],
    MORE.details: {
        "m1": {"label": "Dues", "section": "Money", "body": "Ten a month"},
        "m2": {"label": "Emergencies", "section": "Decision-making", "body": "Two people may decide"},
    },
}


def test_what_a_reader_sees_of_a_draft() -> None:
    assert composed(DRAFT)["sections"] == [
        {
            "categoryName": "Values",
            "entries": [
                {
                    "title": "Care",
                    "body": "Look after each other",
                    "blocks": [{"label": "Signs that it is being broken", "body": "Silence"}],
                }
            ],
        },
        {
            "categoryName": "Decision-making",
            "entries": [
                {
                    "title": "Lazy consensus",
                    "blocks": [
                        {"label": "The idea", "body": "Silence is consent"},
                        {"label": "Agreement needed, in percent", "body": "80 %"},
                    ],
                },
                {
                    "title": "Sleep on it",
                    "body": "One night",
                    "blocks": [
                        {"label": "How", "body": "Wait a night"},
                        {"label": "Who", "body": "- all\n- elders"},
                        {"label": "Quorum", "body": "50 %"},
                        {"label": "Form", "body": "form.pdf", "fileUrl": "/api/uploads/1"},
                    ],
                },
                {"title": "Emergencies", "body": "Two people may decide"},
            ],
        },
        {"categoryName": "Money", "entries": [{"title": "Dues", "body": "Ten a month"}]},
    ]


@given(payloads)
def test_editing_a_published_rule_and_changing_nothing_changes_nothing(payload: dict[str, Any]) -> None:
    document = composed(payload)
    assert checked_document(document) == document
    again = composed(decomposed("Elm", None, document))
    assert differences(document, again) == []


def test_a_document_that_came_as_plain_text_keeps_every_word() -> None:
    document = {
        "sections": [
            {"categoryName": "Decision-making", "entries": [{"title": "Votes", "body": "We vote", "extra": 1}]},
            {"categoryName": "Money", "entries": [{"title": "Dues", "blocks": [{"label": "How much", "body": "10"}]}]},
        ],
        "theirKey": {"a": 1},
    }
    payload = decomposed("Elm", "A garden", document)
    assert (payload["title"], payload["summary"]) == ("Elm", "A garden")
    assert composed(payload) == document


def differences(before: Any, after: Any) -> list[str]:
    return sentences(compare(Whole("Elm", None, before), Whole("Elm", None, after)))


def test_differences_are_sentences() -> None:
    after = composed(
        {
            **DRAFT,
            "selectedCoreValueIds": [],
            MORE.selected: ["m2", "m1", "m3"],
            MORE.details: {
                **DRAFT[MORE.details],
                "m1": {"label": "Dues", "section": "Money", "body": "Twelve"},
                "m3": {"label": "Keys", "section": "Money"},
            },
        }
    )
    assert differences(composed(DRAFT), after) == [
        "Removed Care from values.",
        "Rewrote Dues in money.",
        "Added Keys to money.",
    ]


names = st.sampled_from(["Values", "Decision-making", "Money", "Care", "Vote", "Lazy consensus"]) | st.text(max_size=5)
extras = st.dictionaries(st.sampled_from(["intro", "note", "label", "section", "x"]), json_values, max_size=2)
words = st.text(max_size=8)
blocks = st.lists(st.fixed_dictionaries({"label": words, "body": words}), max_size=2)
entries = st.tuples(
    st.fixed_dictionaries({"title": names}, optional={"body": words | st.none(), "blocks": blocks}), extras
).map(lambda pair: {**pair[1], **pair[0]})
documents = st.tuples(
    st.fixed_dictionaries(
        {},
        optional={
            "sections": st.lists(
                st.tuples(
                    st.fixed_dictionaries({"categoryName": names, "entries": st.lists(entries, max_size=3)}), extras
                ).map(lambda pair: {**pair[1], **pair[0]}),
                max_size=4,
            ),
            "coreValues": st.lists(
                st.fixed_dictionaries(
                    {"chipId": st.sampled_from(["a", "clause-1"]), "label": names}, optional={"meaning": words}
                ),
                max_size=3,
            ),
            "methodSelections": st.dictionaries(
                st.sampled_from(["communication", "decisionApproaches", "money"]),
                st.lists(
                    st.fixed_dictionaries(
                        {"id": st.sampled_from(["vote", "lazy-consensus", "clause-1", "clause-2"]), "label": names},
                        optional={"sections": st.dictionaries(words, words, max_size=2), "note": json_values},
                    ),
                    max_size=2,
                ),
                max_size=3,
            ),
            "communityContext": words,
        },
    ),
    st.dictionaries(st.sampled_from(["theirs", "other"]), json_values, max_size=2),
).map(lambda pair: {**pair[1], **pair[0]})


@given(documents.filter(lambda document: too_large(document) is None))
def test_any_document_comes_back_to_the_letter(document: dict[str, Any]) -> None:
    assert same(composed(decomposed("Elm", None, checked_document(document))), {"sections": [], **document})


@given(documents)
def test_adding_a_clause_changes_nothing_else(document: dict[str, Any]) -> None:
    payload = decomposed("Elm", None, document)
    payload[MORE.selected] = [*payload.get(MORE.selected, []), "new"]
    payload[MORE.details] = {**payload.get(MORE.details, {}), "new": {"label": "Keys", "section": "Our own house"}}
    last = {"categoryName": "Our own house", "entries": [{"title": "Keys"}]}
    assert same(composed(payload), {**document, "sections": [*document.get("sections", []), last]})


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"sections": [], "since": 2**53}, "document.since"),
        (
            {"sections": [{"categoryName": "A", "entries": [{"title": "B", "rank": -(2**53)}]}]},
            "document.sections.0.entries.0.rank",
        ),
        ({"first": [1.5, {"deep": [[10**400]]}], "then": 2**60}, "document.first.1.deep.0.0"),
    ],
)
def test_a_number_that_other_programs_read_as_another_is_refused(document: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationProblem) as refusal:
        checked_document(document)
    assert refusal.value.message.startswith(f"{place}: write a number between -9007199254740991 and 9007199254740991")
    assert list(refusal.value.details["fields"]) == [place]


def test_large_numbers_that_all_programs_read_alike_are_taken() -> None:
    document = {"sections": [], "numbers": [2**53 - 1, 1 - 2**53, 1e300, True, "18446744073709551616"]}
    assert checked_document(document) == document


def test_a_method_and_a_clause_of_one_name_both_stay() -> None:
    payload = {
        "selectedDecisionApproachIds": ["vote"],
        MORE.selected: ["c"],
        MORE.details: {"c": {"label": "Vote", "section": "Decision-making", "body": "By hand."}},
    }
    document = composed(payload)
    assert composed(decomposed("Elm", None, document)) == document
    assert len(document["sections"][0]["entries"]) == 2


def test_a_clause_has_an_id_that_no_value_or_method_of_the_document_has() -> None:
    document = {
        "coreValues": [{"chipId": "clause-3", "label": "Care"}],
        "methodSelections": {"communication": [{"id": "clause-1", "label": "Clause 1", "sections": {}}]},
        "sections": [{"categoryName": "Communication", "entries": [{"title": "Clause 1"}, *OTHERS]}],
    }
    payload = {**decomposed("x", None, document), "selectedCommunicationMethodIds": ["clause-1"]}
    assert payload[MORE.selected] == ["clause-2", "clause-4"]
    assert composed(payload) == document
    # As a client may send it, which leaves the clauses out.
    sent = {"beganFromDocument": document, "selectedCommunicationMethodIds": ["clause-1"]}
    sections = composed(checked(sent))["sections"]
    assert sections == [{"categoryName": "Communication", "entries": [{"title": "Clause 1"}]}]


OTHERS = [{"title": "Other"}, {"title": "Another"}]


def test_an_entry_that_nothing_stands_for_stays_as_it_stood(monkeypatch: pytest.MonkeyPatch) -> None:
    document = {"sections": [{"categoryName": "Money", "entries": OTHERS}]}
    payload = decomposed("Elm", None, document)
    monkeypatch.setattr("cr.events.document.decomposed", lambda *_: {})
    assert [part for part in composed(payload)["sections"] if part["entries"][:2] == OTHERS]


def test_describing_a_method_of_a_document_keeps_the_other_words() -> None:
    document = {
        "sections": [{"categoryName": "Decision-making", "entries": [{"title": "Vote", "body": "By hand."}]}],
        "methodSelections": {"decisionApproaches": [{"id": "vote", "label": "Vote", "note": 1}]},
    }
    payload = decomposed("Elm", None, document)
    payload["decisionApproachDetailsById"] = {"vote": {"corePrinciple": "Fair"}}
    assert composed(payload) == {
        "sections": [
            {
                "categoryName": "Decision-making",
                "entries": [
                    {"title": "Vote", "body": "By hand."},
                    {"title": "Vote", "blocks": [{"label": "The idea", "body": "Fair"}]},
                ],
            }
        ],
        "methodSelections": {
            "decisionApproaches": [{"id": "vote", "label": "Vote", "note": 1, "sections": {"corePrinciple": "Fair"}}]
        },
    }


def test_own_methods_that_were_dropped_are_not_published() -> None:
    blocks = {"a": [{"kind": "text", "id": "t", "blockTitle": "B", "placeholderText": "SECRET"}]}
    assert composed({"customMethodCardFieldBlocksById": blocks}) == {"sections": []}


@given(documents, st.data())
def test_rewriting_one_clause_keeps_every_other_entry(document: dict[str, Any], data: st.DataObject) -> None:
    payload = decomposed("Elm", None, document)
    assume(payload.get(MORE.selected))
    clause = data.draw(st.sampled_from(payload[MORE.selected]))
    section = data.draw(names)
    payload[MORE.details][clause] = {"label": "Rewritten", "section": section, "body": "In new words"}

    def texts(document: dict[str, Any]) -> Counter[str]:
        return Counter(
            json.dumps([part["categoryName"], entry], sort_keys=True)
            for part in document.get("sections", [])
            for entry in part["entries"]
        )

    before, after = texts(document), texts(composed(payload))
    assert (before - after).total() <= 1
    rewritten = {"title": "Rewritten", "body": "In new words"}
    assert after - before == Counter([json.dumps([section, rewritten], sort_keys=True)])


def test_a_body_written_where_the_document_had_null_is_published() -> None:
    payload = decomposed(
        "Elm", None, {"sections": [{"categoryName": "Money", "entries": [{"title": "A", "body": None}]}]}
    )
    payload[MORE.details]["clause-1"]["body"] = "Ten a month"
    assert composed(payload)["sections"][0]["entries"] == [{"title": "A", "body": "Ten a month"}]


def test_values_come_first_also_when_a_later_revision_adds_them() -> None:
    document = {"sections": [{"categoryName": "Decision-making", "entries": [{"title": "Vote"}]}]}
    payload = {**decomposed("Elm", None, document), "selectedCoreValueIds": ["care"]}
    assert [part["categoryName"] for part in composed(payload)["sections"]] == ["Values", "Decision-making"]


def test_describing_one_value_keeps_what_others_share_an_id_and_taking_a_line_away_takes_it_away() -> None:
    document = {
        "coreValues": [{"chipId": "a", "label": "A"}, {"chipId": "a", "label": "B"}, {"chipId": "c", "label": "C"}],
        "methodSelections": {"communication": [{"id": "m", "label": "M", "supportText": "Short", "note": 1}]},
    }
    payload = decomposed("Elm", None, document)
    payload["coreValueDetailsByChipId"]["c"]["meaning"] = "New"
    del payload["customMethodCardMetaById"]["m"]["supportText"]
    after = composed(payload)
    assert after["coreValues"] == [*document["coreValues"][:2], {"chipId": "c", "label": "C", "meaning": "New"}]
    assert after["methodSelections"] == {"communication": [{"id": "m", "label": "M", "note": 1}]}


@pytest.mark.parametrize("rest", [{"title": 5}, {"body": 5}, {"blocks": 5}])
def test_what_a_client_puts_beside_a_clause_never_replaces_its_words(rest: dict[str, Any]) -> None:
    clause = {"label": "Dues", "section": "Money", "rest": rest}
    document = composed(checked({MORE.selected: ["a"], MORE.details: {"a": clause}}))
    assert document["sections"] == [{"categoryName": "Money", "entries": [{"title": "Dues"}]}]


def test_every_difference_is_told() -> None:
    def dues(*entries: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {
            "sections": [{"categoryName": "Money", "entries": [{"title": "Dues", **each} for each in entries]}],
            **more,
        }

    before = dues({"body": "1"}, {"body": "2"})
    assert differences(before, before) == []
    assert differences(before, dues({"body": "9"}, {"body": "2"})) == ["Rewrote Dues in money."]
    assert differences(before, dues({"body": "1"})) == ["Removed Dues from money."]
    assert differences(dues({"x": 1}), dues({"x": True})) == ["Changed details that programs read."]
    assert differences(before, {**before, "theirs": 1}) == ["Changed details that programs read."]


@pytest.mark.parametrize(
    "document",
    [
        {"customMethodCardFieldBlocksById": {"m": 5}},
        {"customMethodCardFieldBlocksById": {"m": [{"kind": "badges"}]}},
        {"methodSelections": {"communication": [{"id": "a", "label": "A", "supportText": {}}]}},
        {"sections": "text"},
        {"sections": [{"categoryName": "Values"}]},
        {"sections": [{"categoryName": "Values", "entries": [{"body": "no title"}]}]},
        {"methodSelections": {"communication": [{"label": "no id"}]}},
    ],
)
def test_a_document_that_cannot_be_read_is_refused_by_name(document: dict[str, Any]) -> None:
    with pytest.raises(ValidationProblem, match="document"):
        checked_document(document)


def test_the_names_of_chips_are_read_once_for_all_entries() -> None:
    class Chips(list[Any]):
        walks = 0

        def __iter__(self) -> Any:
            Chips.walks += 1
            return super().__iter__()

    ids = [str(number) for number in range(50)]
    chips = Chips({"id": each, "label": f"Value {each}"} for each in ids)
    document = composed({"selectedCoreValueIds": ids, "coreValuesChipsSnapshot": chips})
    assert [value["label"] for value in document["coreValues"]] == [f"Value {each}" for each in ids]
    assert Chips.walks <= 3
