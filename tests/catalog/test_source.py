"""A catalogue is read whole, or every fault in it is said with its place."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cr.catalog.facets import Facet
from cr.catalog.sections import METHOD_SECTIONS
from cr.catalog.slugs import PROMISED
from cr.catalog.source import CatalogError, read
from tests.fixtures.catalog import Change, changed


def problems(folder: Path) -> list[str]:
    with pytest.raises(CatalogError) as refused:
        read(folder)
    assert str(refused.value) == "\n".join(refused.value.problems)
    return refused.value.problems


def test_all_of_it_is_read_in_its_order(folder: Path) -> None:
    catalog = read(folder)
    assert [value.id for value in catalog.values] == [
        entry["id"] for entry in json.loads((folder / "values.json").read_text())
    ]
    for section in METHOD_SECTIONS:
        found = [method for method in catalog.methods if method.section == section.key]
        given = json.loads((folder / f"{section.key}.json").read_text())
        assert [method.slug for method in found] == [entry["slug"] for entry in given]
        assert [dict(method.sections) for method in found] == [entry["sections"] for entry in given]
        assert [list(method.sections) for method in found] == [[each.name for each in section.fields]] * len(given)
    assert [(each.slug, each.sort_order) for each in catalog.templates[:13]] == [
        (slug, place) for place, slug in enumerate(PROMISED["templates"], 1)
    ]


def test_what_a_template_says(folder: Path) -> None:
    def change(entries: list[Any]) -> None:
        entries[1] |= {
            "methods": {
                "conflictManagement": ["mediation", "peer-mediation"],
                "communication": ["signal"],
                "membership": ["open-access"],
                "decisionApproaches": ["do-ocracy"],
            },
            "values": ["7", "3"],
            "clauses": [{"section": "Money", "label": "Dues", "body": "Ten a month."}],
            "watchOut": "Slow.",
        }
        for group, answers in entries[1]["facets"].items():
            entries[1]["facets"][group] = dict.fromkeys(answers, group == "scale")
        del entries[2]["facets"]

    changed(folder, "templates", change)
    own, silent = read(folder).templates[1:3]
    assert own.methods == (
        ("communication", "signal"),
        ("membership", "open-access"),
        ("decisionApproaches", "do-ocracy"),
        ("conflictManagement", "mediation"),
        ("conflictManagement", "peer-mediation"),
    ), "in the order of a rule"
    assert own.values == ("7", "3")
    assert own.clauses == ({"section": "Money", "label": "Dues", "body": "Ten a month."},)
    assert own.watch_out == "Slow."
    assert own.facets == {Facet("scale", each) for each in ("local", "regional", "national", "global")}
    assert silent.facets == frozenset()


def put(*path: Any, to: Any) -> Change:
    """A change that writes one place."""

    def change(entries: Any) -> None:
        for key in path[:-1]:
            entries = entries[key]
        entries[path[-1]] = to

    return change


def take(*path: Any) -> Change:
    def change(entries: Any) -> None:
        for key in path[:-1]:
            entries = entries[key]
        del entries[path[-1]]

    return change


FAULTS: list[tuple[str, Change, str]] = [
    ("values", put(0, "meaning", to=" \n"), "values.json: 1: meaning: write a text"),
    ("values", put(0, "meaning", to=None), "values.json: 1: meaning: write a text"),
    ("values", put(0, "meaning", to=7), "values.json: 1: meaning: write a text"),
    ("values", put(0, "meaning", to="a\0b"), "values.json: 1: meaning: take out the characters"),
    ("values", put(0, "meaning", to="a\ud800b"), "values.json: 1: meaning: take out the characters"),
    ("values", put(0, "label", to="x" * 49), "values.json: 1: label: shorten it to 48 characters"),
    ("values", put(0, "signals", to="x" * 8001), "values.json: 1: signals: shorten it to 8000 characters"),
    ("values", take(0, "signals"), "values.json: 1: signals: this is missing"),
    ("values", put(0, "colour", to="red"), "values.json: 1: colour: there is no such key"),
    ("values", put(1, "id", to="1"), "values.json: 1: id: this stands there twice"),
    ("values", put(1, "id", to=2), "values.json: entry 2: id: write a text"),
    ("values", put(1, "id", to="02"), "values.json: 02: id: write a whole number in quotes"),
    ("values", take(1, "id"), "values.json: entry 2: id: this is missing"),
    ("values", put(1, to="Trust"), "values.json: entry 2: write an object"),
    ("values", lambda entries: {"values": entries}, "values.json: write a list"),
    ("communication", put(1, "slug", to="in-person-meetings"), "communication.json: in-person-meetings: slug: this st"),
    ("communication", lambda entries: entries.append({**entries[0], "slug": "Big Letters"}), "slug: write small lett"),
    ("communication", lambda entries: entries.append({**entries[0], "slug": "12"}), "12: slug: write small letters"),
    ("communication", take(1), "communication.json: signal: this is missing; links and saved drafts use it"),
    (
        "communication",
        lambda entries: entries.reverse(),
        "communication.json: keep the order in-person-meetings, signa",
    ),
    ("communication", put(1, "sections", "hue", to="red"), "communication.json: signal: sections.hue: there is no"),
    ("communication", take(1, "sections", "corePrinciple"), "signal: sections.corePrinciple: this is missing"),
    ("communication", put(1, "sections", "corePrinciple", to=""), "signal: sections.corePrinciple: write a text"),
    ("communication", put(1, "sections", to=[]), "communication.json: signal: sections: write an object"),
    ("communication", put(1, "facets", "mood", to={}), "communication.json: signal: facets.mood: there is no such key"),
    ("communication", put(1, "facets", "size", "ten", to=True), "signal: facets.size.ten: there is no such key"),
    ("communication", take(1, "facets", "size", "oneMember"), "signal: facets.size.oneMember: this is missing"),
    ("communication", take(1, "facets", "size"), "communication.json: signal: facets.size: this is missing"),
    ("communication", put(1, "facets", "size", "oneMember", to=1), "facets.size.oneMember: write true or false"),
    ("communication", put(1, "facets", "size", "oneMember", to="yes"), "facets.size.oneMember: write true or false"),
    ("decisionApproaches", put(0, "sections", "corePrinciple", to=""), "lazy-consensus: sections.corePrinciple: write"),
    *(
        ("decisionApproaches", put(0, "sections", "consensusLevel", to=wrong), "sections.consensusLevel: write a whole")
        for wrong in (-1, 101, "75", 75.5, True, None)
    ),
    (
        "conflictManagement",
        put(-2, "label", to="Drawing lots"),
        "conflictManagement.json: lottery-sortition: label: membership.json calls it “Lottery (sortition)”; use one",
    ),
    ("templates", take(0), "templates.json: consensus-clusters: this is missing; links and saved drafts use it"),
    ("templates", lambda entries: entries.reverse(), "templates.json: keep the order consensus-clusters, consensus, "),
    ("templates", put(0, "title", to=""), "templates.json: consensus-clusters: title: write a text"),
    ("templates", put(0, "title", to="x" * 201), "consensus-clusters: title: shorten it to 200 characters"),
    ("templates", put(0, "featured", to="true"), "consensus-clusters: featured: write true or false"),
    ("templates", put(0, "values", to=["1", "2", "3", "4", "5", "6"]), "consensus-clusters: values: name at most 5"),
    ("templates", put(0, "values", to=[]), "consensus-clusters: values: name at least 1"),
    ("templates", put(0, "values", to=["1", "1"]), "consensus-clusters: values: 1 stands there twice"),
    ("templates", put(0, "values", to=["99999"]), "consensus-clusters: values: there is no value 99999"),
    ("templates", put(0, "values", to="1"), "consensus-clusters: values: write a list"),
    ("templates", put(0, "methods", "membership", to=["signal"]), "methods.membership: there is no method signal"),
    ("templates", put(0, "methods", "membership", to=[]), "methods.membership: name at least 1"),
    (
        "templates",
        put(0, "methods", "membership", to=list(PROMISED["membership"][:5])),
        "methods.membership: name at most 4",
    ),
    ("templates", put(0, "methods", "membership", to=["mentorship"] * 2), "membership: mentorship stands there twice"),
    ("templates", take(0, "methods", "membership"), "consensus-clusters: methods.membership: this is missing"),
    ("templates", put(0, "methods", "money", to=["dues"]), "consensus-clusters: methods.money: there is no such key"),
    ("templates", put(0, "methods", to=["signal"]), "consensus-clusters: methods: write an object"),
    ("templates", put(0, "clauses", to=[{"section": "Money"}]), "consensus-clusters: clauses.0.label: this is missing"),
    ("templates", put(0, "clauses", to=[{"body": " "}]), "consensus-clusters: clauses.0.body: write a text"),
    (
        "templates",
        put(0, "facets", "size", "ten", to=False),
        "consensus-clusters: facets.size.ten: there is no such key",
    ),
    ("templates", put(0, "facets", to={"size": {}}), "consensus-clusters: facets.scale: this is missing"),
    ("use-cases", put(0, "story", to=[]), "use-cases.json: kettle-row: story: name at least 1"),
    ("use-cases", put(0, "story", 0, "text", to=""), "use-cases.json: kettle-row: story.0.text: write a text"),
    ("use-cases", put(0, "facets", "size", "ten", to=True), "kettle-row: facets.size.ten: there is no such key"),
    ("use-cases", put(1, "slug", to="kettle-row"), "use-cases.json: kettle-row: slug: this stands there twice"),
    ("use-cases", put(0, "rule", "context", to="x" * 201), "kettle-row: rule.context: shorten it to 200 characters"),
    ("use-cases", put(0, "rule", "values", 0, "id", to="99999"), "kettle-row: rule: values: there is no value 99999"),
    ("use-cases", put(0, "rule", "values", 1, "id", to="30"), "kettle-row: rule.values: 30 stands there twice"),
    ("use-cases", put(0, "rule", "values", to="all"), "kettle-row: rule.values: write a list"),
    (
        "use-cases",
        put(0, "rule", "methods", "membership", 0, "slug", to="signal"),
        "kettle-row: rule: methods.membership: there is no method signal",
    ),
    (
        "use-cases",
        take(0, "rule", "methods", "membership", 0, "sections", "eligibility"),
        "kettle-row: rule.methods.membership.0.sections.eligibility: this is missing",
    ),
    ("use-cases", put(0, "rule", "methods", to=[]), "kettle-row: rule.methods: write an object"),
    ("use-cases", put(0, "rule", to="Be kind."), "use-cases.json: kettle-row: rule: write an object"),
    ("use-cases", put(0, to="A story"), "use-cases.json: entry 1: write an object"),
]


@pytest.mark.parametrize(("name", "change", "problem"), FAULTS, ids=[problem for _, _, problem in FAULTS])
def test_every_fault_names_its_file_and_place(folder: Path, name: str, change: Change, problem: str) -> None:
    changed(folder, name, change)
    found = problems(folder)
    assert any(problem in each for each in found), found
    assert all(re.match(r"[a-zA-Z-]+\.json: ", each) for each in found)


def test_one_fault_is_one_sentence(folder: Path) -> None:
    changed(folder, "decisionApproaches", put(0, "sections", "corePrinciple", to=""))
    assert problems(folder) == ["decisionApproaches.json: lazy-consensus: sections.corePrinciple: write a text"]


def test_all_faults_are_said_at_once(folder: Path) -> None:
    changed(folder, "values", put(0, "label", to=""))
    changed(folder, "membership", take(0, "facets"))
    changed(folder, "templates", put(0, "title", to=""))
    changed(folder, "templates", put(0, "values", to=["99999"]))
    (folder / "communication.json").unlink()
    assert problems(folder) == [
        "values.json: 1: label: write a text",
        f"communication.json: this file is missing in {folder}",
        "membership.json: open-access: facets: this is missing",
        "templates.json: consensus-clusters: title: write a text",
        "templates.json: consensus-clusters: values: there is no value 99999",
    ]


@pytest.mark.parametrize(
    "text",
    [b"", b"[", b"[{]", b"\xff\xfe\xff", b'[{"id": "1", "id": "2"}]', b"[NaN]", b"[" * 100_000, b'"\\ud8"'],
    ids=["empty", "cut off", "brackets", "encoding", "key twice", "NaN", "depth", "escape"],
)
def test_what_is_no_json(folder: Path, text: bytes) -> None:
    (folder / "values.json").write_bytes(text)
    (problem,) = problems(folder)
    assert problem.startswith("values.json: this is no JSON that can be read: ")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert problems(tmp_path / "nowhere") == [f"{tmp_path}/nowhere: there is no such folder"]


def test_a_folder_in_the_place_of_a_file(folder: Path) -> None:
    (folder / "values.json").unlink()
    (folder / "values.json").mkdir()
    assert problems(folder) == ["values.json: it can't be read: Is a directory"]


def test_more_may_be_added_behind_what_was_promised(folder: Path) -> None:
    changed(folder, "communication", lambda entries: entries.append({**entries[0], "slug": "semaphore"}))
    changed(folder, "templates", lambda entries: entries.append({**entries[0], "slug": "anarchy"}))
    catalog = read(folder)
    assert catalog.templates[-1].slug == "anarchy"
    assert any(method.slug == "semaphore" for method in catalog.methods)
