"""What methods and values are called comes with the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from cr.catalog.labels import LABELS
from cr.catalog.source import read
from cr.events.document import composed, decomposed
from cr.events.payload import label_of


def test_every_method_and_value_of_the_package_has_one(seed_data: Path) -> None:
    catalog = read(seed_data)
    assert {
        **{value.id: value.label for value in catalog.values},
        **{method.slug: method.label for method in catalog.methods},
    } == LABELS


@pytest.mark.parametrize(
    ("payload", "label"),
    [
        ({}, "Lottery (sortition)"),
        ({"coreValuesChipsSnapshot": [{"id": "lottery-sortition", "label": "Drawn"}]}, "Drawn"),
        ({"customMethodCardMetaById": {"lottery-sortition": {"label": "By lot"}}}, "By lot"),
        ({"customMethodCardMetaById": {"lottery-sortition": {"label": ""}}}, "Lottery (sortition)"),
    ],
)
def test_peoples_own_word_goes_before_the_catalogues(payload: dict[str, object], label: str) -> None:
    assert label_of(payload, "lottery-sortition") == label


def test_what_the_catalogue_does_not_know_is_called_by_its_id() -> None:
    assert label_of({}, "sleep-on-it") == "Sleep on it"


def test_a_rule_that_calls_a_method_otherwise_still_does_in_its_next_revision() -> None:
    document = {
        "sections": [{"categoryName": "Membership", "entries": [{"title": "Lottery sortition"}]}],
        "methodSelections": {"membership": [{"id": "lottery-sortition", "label": "Lottery sortition", "sections": {}}]},
    }
    assert composed(decomposed("Elm", None, document)) == document


def test_a_chosen_value_and_method_are_read_under_their_labels() -> None:
    payload = {"selectedCoreValueIds": ["1"], "selectedMembershipMethodIds": ["lottery-sortition"]}
    titles = [entry["title"] for part in composed(payload)["sections"] for entry in part["entries"]]
    assert titles == ["Care", "Lottery (sortition)"]
