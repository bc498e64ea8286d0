"""The catalogue's data: every method of the contract, every field filled, an answer to every facet, no filler."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import cr.catalog
from cr.catalog.sections import METHOD_SECTIONS, Section

DATA = Path(cr.catalog.__file__).parent / "data"
FACETS = {
    "size": {"oneMember", "twoToFive", "sixToTwelve", "thirteenToOneHundred", "oneHundredToOneHundredK"},
    "orgType": {"workersCoop", "mutualAid", "openSource", "nonprofit", "forProfit", "dao"},
    "scale": {"local", "regional", "national", "global"},
    "maturity": {"earlyStage", "growthStage", "established", "enterprise"},
}
COUNTS = {"communication": 11, "membership": 19, "decisionApproaches": 32, "conflictManagement": 19}


def read(name: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((DATA / f"{name}.json").read_text())
    return entries


@pytest.mark.parametrize("section", METHOD_SECTIONS, ids=lambda section: section.key)
def test_every_method_says_everything(section: Section) -> None:
    methods = read(section.key)
    assert len({method["slug"] for method in methods}) == len(methods) == COUNTS[section.key]
    for method in methods:
        assert set(method) == {"slug", "label", "description", "sections", "facets"}
        assert 0 < len(method["label"]) <= 48
        assert 20 < len(method["description"]) <= 140
        assert set(method["sections"]) == {field.name for field in section.fields}
        for field in section.fields:
            answer = method["sections"][field.name]
            assert 0 <= answer <= 100 if field.percent else 20 <= len(answer.split()) <= 100
        assert {group: set(answers) for group, answers in method["facets"].items()} == FACETS
        assert {type(answer) for answers in method["facets"].values() for answer in answers.values()} == {bool}


def test_values_say_what_they_mean_and_how_they_are_broken() -> None:
    values = read("values")
    assert [value["id"] for value in values] == [str(number) for number in range(1, len(values) + 1)]
    assert len({value["label"] for value in values}) == len(values) >= 60
    for value in values:
        assert len(value["meaning"].split()) >= 15
        assert len(value["signals"].split()) >= 10


def test_no_sentence_stands_twice() -> None:
    texts = [text for value in read("values") for text in (value["meaning"], value["signals"])]
    for section in METHOD_SECTIONS:
        texts += [str(text) for method in read(section.key) for text in method["sections"].values()]
    sentences = Counter(
        sentence.strip() for text in texts for sentence in text.replace("\n", ". ").split(". ") if len(sentence) > 25
    )
    assert [sentence for sentence, count in sentences.items() if count > 1] == []
    assert not any("!" in text for text in texts)
