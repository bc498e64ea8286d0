"""The catalogue's data: all methods and templates of the contract, all fields filled, all facets judged, no filler."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import cr.catalog
from cr.catalog.sections import METHOD_SECTIONS, VALUES, Section

DATA = Path(cr.catalog.__file__).parent / "data"
FACETS = {
    "size": {"oneMember", "twoToFive", "sixToTwelve", "thirteenToOneHundred", "oneHundredToOneHundredK"},
    "orgType": {"workersCoop", "mutualAid", "openSource", "nonprofit", "forProfit", "dao"},
    "scale": {"local", "regional", "national", "global"},
    "maturity": {"earlyStage", "growthStage", "established", "enterprise"},
}
TEMPLATES = [
    "consensus-clusters",
    "consensus",
    "elected-board",
    "petition",
    "solidarity-network",
    "sortition-jury",
    "liquid-democracy",
    "do-ocracy",
    "quadratic-governance",
    "federated-clusters",
    "devolution",
    "benevolent-dictator",
    "self-appointed-board",
]
FEATURED = {"consensus", "do-ocracy", "quadratic-governance", "devolution"}
COUNTS = {"communication": 11, "membership": 19, "decisionApproaches": 32, "conflictManagement": 19}


def read(name: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((DATA / f"{name}.json").read_text())
    return entries


def words(text: str) -> int:
    return len(text.split())


def judged(facets: dict[str, dict[str, bool]]) -> bool:
    """Every facet is answered with yes or no, and the answers differ."""
    answers = [answer for group in facets.values() for answer in group.values()]
    return (
        {group: set(named) for group, named in facets.items()} == FACETS
        and {type(answer) for answer in answers} == {bool}
        and set(answers) == {True, False}
    )


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
        assert judged(method["facets"]), method["slug"]


def test_the_templates_stand_in_their_order() -> None:
    templates = read("templates")
    assert [template["slug"] for template in templates] == TEMPLATES
    assert {template["slug"] for template in templates if template["featured"]} == FEATURED
    assert {type(template["featured"]) for template in templates} == {bool}
    assert len({template["title"] for template in templates}) == len(templates)
    assert 3 <= len({template["category"] for template in templates}) <= 6


@pytest.mark.parametrize("template", read("templates"), ids=lambda template: str(template["slug"]))
def test_a_template_is_a_whole_rule(template: dict[str, Any]) -> None:
    assert set(template) == {
        *("slug", "title", "category", "description", "works", "fits", "watchOut", "featured"),
        *("values", "methods", "clauses", "facets"),
    }
    assert 0 < len(template["title"]) <= 48
    assert 0 < len(template["category"]) <= 20
    assert 60 <= len(template["description"]) <= 160
    assert 60 <= words(template["works"]) <= 120
    assert 25 <= words(template["fits"]) <= 70
    assert 25 <= words(template["watchOut"]) <= 70
    assert 2 <= len(template["values"]) == len(set(template["values"])) <= 5
    assert set(template["values"]) <= {value["id"] for value in read("values")}
    assert judged(template["facets"])

    assert list(template["methods"]) == [section.key for section in METHOD_SECTIONS]
    for key, slugs in template["methods"].items():
        assert 1 <= len(slugs) == len(set(slugs)) <= 4
        assert set(slugs) <= {method["slug"] for method in read(key)}

    assert 2 <= len(template["clauses"]) <= 5
    for clause in template["clauses"]:
        assert set(clause) == {"section", "label", "body"}
        assert 0 < len(clause["section"]) <= 48
        assert 0 < len(clause["label"]) <= 48
        assert 25 <= words(clause["body"]) <= 110
    labels = [(clause["section"], clause["label"]) for clause in template["clauses"]]
    assert len(set(labels)) == len(labels)

    # Sections that the flow fills have their own names; a clause neither goes there nor refers to them.
    text = json.dumps(template["clauses"]) + " ".join(template[name] for name in ("works", "fits", "watchOut"))
    names = [VALUES.name, *(section.name for section in METHOD_SECTIONS)]
    assert [name for name in names if name in text] == []


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
        texts += [method["description"] for method in read(section.key)]
    for template in read("templates"):
        texts += [template[name] for name in ("description", "works", "fits", "watchOut")]
        texts += [clause["body"] for clause in template["clauses"]]
    sentences = Counter(
        sentence.strip(" .-") for text in texts for sentence in re.split(r"[.?:;]\s|\n", text) if len(sentence) > 25
    )
    assert [sentence for sentence, count in sentences.items() if count > 1] == []
    assert not any("!" in text for text in texts)
