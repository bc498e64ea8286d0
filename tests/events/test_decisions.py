"""Which ways to decide a rule names itself."""

from __future__ import annotations

from typing import Any

from hypothesis import given

from cr.events.decisions import Way, named, ways
from cr.events.document import composed
from tests.events.test_document import DRAFT
from tests.events.test_payload import payloads


def test_the_ways_of_a_rule_are_the_entries_of_its_section_on_decisions() -> None:
    assert ways(composed(DRAFT)) == [
        Way("lazy-consensus", "Lazy consensus"),
        Way("own", "Sleep on it"),
        Way("Emergencies", "Emergencies"),
    ]


def test_a_method_that_only_programs_read_counts_too() -> None:
    document = {"sections": [], "methodSelections": {"decisionApproaches": [{"id": "vote", "label": "Vote"}]}}
    assert ways(document) == [Way("vote", "Vote")]


def test_a_rule_that_says_nothing_about_decisions_names_no_way() -> None:
    assert ways({"sections": [{"categoryName": "Values", "entries": [{"title": "Care"}]}]}) == []
    assert ways({}) == []


def test_a_way_is_found_by_its_id() -> None:
    assert named(composed(DRAFT), "own") == Way("own", "Sleep on it")
    assert named(composed(DRAFT), "coin") is None


@given(payloads)
def test_every_way_has_a_name_of_its_own(payload: dict[str, Any]) -> None:
    labels = [way.label for way in ways(composed(payload))]
    assert len(labels) == len(set(labels))
    assert all(label.strip() for label in labels)
