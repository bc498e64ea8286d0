"""A document is made from a draft, and a draft from a document, without losing what the group wrote."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from cr.catalog.sections import MORE
from cr.errors import ValidationProblem
from cr.events.document import checked_document, composed, decomposed, differences
from tests.events.test_payload import payloads

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
                        {"label": "Who", "body": "all, elders"},
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


@pytest.mark.parametrize(
    "document",
    [
        {"sections": "text"},
        {"sections": [{"categoryName": "Values"}]},
        {"sections": [{"categoryName": "Values", "entries": [{"body": "no title"}]}]},
        {"methodSelections": {"communication": [{"label": "no id"}]}},
    ],
)
def test_a_document_that_cannot_be_read_is_refused_by_name(document: dict[str, Any]) -> None:
    with pytest.raises(ValidationProblem, match="document"):
        checked_document(document)
