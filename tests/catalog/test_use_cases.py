"""The use cases' data: whole stories, whole rules, which agree with each other and with the catalogue."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cr.catalog.items import UseCase
from cr.catalog.labels import LABELS
from cr.catalog.sections import METHOD_SECTIONS, MORE, VALUES
from cr.catalog.source import read
from cr.catalog.use_cases import load
from cr.events.document import checked_document, composed, decomposed
from cr.events.payload import checked
from tests.fixtures.catalog import changed

CASES = {each.slug: each for each in read().use_cases}


def words(*texts: str) -> int:
    return sum(len(text.split()) for text in texts)


def told(case: UseCase) -> str:
    return " ".join(part["text"] for part in case.story)


def rule_text(case: UseCase) -> str:
    return json.dumps(dict(case.rule), ensure_ascii=False)


def test_there_are_three_from_different_worlds() -> None:
    assert list(CASES) == ["kettle-row", "ninth-wheel", "ternfield"]
    kinds = [{each.value for each in case.facets if each.group == "orgType"} for case in CASES.values()]
    assert kinds == [{"mutualAid"}, {"workersCoop"}, {"openSource"}]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_use_case_is_a_whole_story_and_a_whole_rule(case: UseCase) -> None:
    assert [part["heading"] for part in case.story] == [
        "Who they are",
        "What went wrong",
        "How they wrote it down",
        "What they decided, and why",
        "A year later",
    ]
    assert 500 <= words(*(part["text"] for part in case.story)) <= 800
    assert 100 <= len(case.description) <= 200, "a search engine shows no more"
    assert len(case.look) == 3
    assert {each.group for each in case.facets} == {"size", "orgType", "scale", "maturity"}

    payload = checked(case.rule)
    document = checked_document(composed(payload))
    assert 12 <= sum(len(section["entries"]) for section in document["sections"]) <= 20
    assert [section["categoryName"] for section in document["sections"]][:5] == [
        VALUES.name,
        *(section.name for section in METHOD_SECTIONS),
    ]
    # Nothing is lost when it is opened as a draft and published again.
    assert composed(decomposed(payload["title"], payload["summary"], document)) == document
    assert {value["label"] for value in document["coreValues"]} == {
        LABELS[each] for each in case.rule[VALUES.selected]
    }, "the words are their own, the names are the catalogue's"
    for section in METHOD_SECTIONS:
        for method in document["methodSelections"][section.key]:
            assert method["label"] == LABELS[method["id"]]
            texts = [each.name for each in section.fields if not each.percent]
            assert all(words(method["sections"][name]) >= 10 for name in texts)
    assert all(words(clause["body"]) >= 25 for clause in payload[MORE.details].values())


def test_the_words_are_nobody_elses(seed_data: Path) -> None:
    """Not the catalogue's, not a template's, and not another use case's."""

    def sentences(text: str) -> set[str]:
        return {each.strip(" .-") for each in re.split(r'[.?:;]\s|\\n|"', text) if len(each) > 40}

    catalogue = "".join(file.read_text() for file in seed_data.glob("*.json") if file.stem != "use-cases")
    known = sentences(catalogue)
    for case in CASES.values():
        own = sentences(told(case) + json.dumps(dict(case.rule), ensure_ascii=False))
        assert len(own) > 50
        assert own & known == set()
        known |= own
        assert "!" not in told(case) + rule_text(case)


@pytest.mark.parametrize(
    ("slug", "numbers"),
    [
        ("kettle-row", ["40", "six months", "within ten days", "six keepers", "three quarters", "six streets"]),
        ("ninth-wheel", ["16.20", "300", "four months", "three months"]),
        ("ternfield", ["72", "seven countries", "for a year"]),
    ],
)
def test_story_and_rule_say_the_same_figures(slug: str, numbers: list[str]) -> None:
    case = CASES[slug]
    story, rule = told(case).lower(), rule_text(case).lower()
    assert [each for each in numbers if each not in story or each not in rule] == []


@pytest.mark.parametrize(
    ("slug", "figure", "old"),
    [("kettle-row", "40 for one household", "25"), ("ninth-wheel", "16.20", "15.50"), ("ternfield", "72 hours", "24")],
)
def test_the_rule_is_the_one_after_a_year(slug: str, figure: str, old: str) -> None:
    rule = rule_text(CASES[slug])
    assert figure in rule
    assert re.search(rf"\b{re.escape(old)}\b", rule) is None
    assert old in told(CASES[slug])


def test_the_votes_of_the_stories_are_enough_for_their_rules() -> None:
    kettle, tern = told(CASES["kettle-row"]), told(CASES["ternfield"])
    assert "23 people were there. Twenty said yes" in kettle
    assert 20 / 23 >= 0.75
    assert "nine of twelve maintainers said yes, two said nothing, and one said no" in tern
    assert 9 / 12 >= 2 / 3
    assert 9 + 2 + 1 == 12
    levels = {
        method: details.get("consensusLevel")
        for case in CASES.values()
        for method, details in case.rule["decisionApproachDetailsById"].items()
    }
    assert levels == {
        "do-ocracy": None,
        "supermajority-rule": 75,
        "sociocracy": 100,
        "delegated-decision-making": None,
        "lazy-consensus": 67,
        "approval-voting": 33,
    }


def test_a_folder_of_the_operators_own_has_its_own(folder: Path) -> None:
    changed(folder, "use-cases", lambda entries: [{**entries[1], "slug": "tenth-wheel"}])
    assert list(load(folder)) == ["tenth-wheel"]
    changed(folder, "use-cases", lambda entries: [])
    assert load(folder) == {}


def test_a_folder_that_cant_be_used_does_not_stop_the_site(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    (folder / "use-cases.json").unlink()
    for unusable in (folder, folder / "nowhere"):
        caplog.clear()
        assert load(unusable) == CASES
        assert "run cr-seed to see why" in caplog.text


def test_zero_percent_is_left_out_as_in_the_catalogues_methods(folder: Path) -> None:
    def change(entries: list[Any]) -> None:
        entries[0]["rule"]["methods"]["decisionApproaches"][1]["sections"]["consensusLevel"] = 0

    changed(folder, "use-cases", change)
    assert "consensusLevel" not in load(folder)["kettle-row"].rule["decisionApproachDetailsById"]["supermajority-rule"]
