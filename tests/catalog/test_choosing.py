"""What choosing from the catalogue puts into a draft, and what it leaves alone."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cr.catalog.choosing import (
    add_method,
    add_template,
    add_value,
    chosen_value,
    suited_templates,
    template_payload,
)
from cr.catalog.facets import ALL, Facet
from cr.catalog.items import Method, Template, Value
from cr.catalog.sections import BY_KEY, MORE, VALUES
from cr.catalog.source import Catalog, read
from cr.events.document import checked_document, composed
from cr.events.payload import META, checked
from tests.events.test_payload import payloads

CARE = Value("1", "Care", "We look after each other.", "Nobody calls.")
JOY = Value("500", "Joy", "We laugh.", "Nobody does.")
LOTTERY = Method(
    "membership",
    "lottery-sortition",
    "Lottery (sortition)",
    "By lot.",
    {"eligibility": "All", "joiningProcess": "Draw", "expectations": "Stay"},
    frozenset(),
)
SEMAPHORE = Method("communication", "semaphore", "Flags (semaphore)", "Wave.", {"corePrinciple": "Wave"}, frozenset())
METHODS = {(each.section, each.slug): each for each in (LOTTERY, SEMAPHORE)}
VALUES_BY_ID = {each.id: each for each in (CARE, JOY)}


def template(slug: str = "jury", **more: Any) -> Template:
    given: dict[str, Any] = {
        "title": slug.capitalize(),
        "category": "Lots",
        "description": "Drawn by lot.",
        "works": "w",
        "fits": "f",
        "watch_out": "o",
        "sort_order": 1,
        "featured": False,
        "methods": tuple(METHODS),
        "values": ("1", "500"),
        "clauses": ({"section": "Money", "label": "Dues", "body": "Ten."},),
        "facets": frozenset(),
    }
    return Template(slug=slug, **{**given, **more})


@pytest.fixture(scope="module")
def catalog(seed_data: Path) -> Catalog:
    return read(seed_data)


# Values and methods


def test_a_value_brings_its_words_and_its_label_only_where_the_code_has_another() -> None:
    assert chosen_value(CARE) == {"meaning": "We look after each other.", "signals": "Nobody calls."}
    assert chosen_value(JOY) == {"label": "Joy", "meaning": "We laugh.", "signals": "Nobody does."}


def test_choosing_a_value_keeps_what_was_written_about_it() -> None:
    before = {VALUES.selected: ["2"], VALUES.details: {"1": {"meaning": "Ours"}, "2": {"meaning": "Theirs"}}}
    assert add_value(before, CARE) == {
        VALUES.selected: ["2", "1"],
        VALUES.details: {"1": {"meaning": "Ours", "signals": "Nobody calls."}, "2": {"meaning": "Theirs"}},
    }


def test_choosing_a_method_brings_its_words_and_its_label_only_where_the_code_has_another() -> None:
    assert add_method({"title": "Elm"}, LOTTERY) == {
        "title": "Elm",
        "selectedMembershipMethodIds": ["lottery-sortition"],
        "membershipMethodDetailsById": {"lottery-sortition": LOTTERY.sections},
    }
    assert add_method({}, SEMAPHORE)[META] == {"semaphore": {"label": "Flags (semaphore)"}}


def test_choosing_a_method_keeps_what_was_written_about_it() -> None:
    before = {
        "communicationMethodDetailsById": {"semaphore": {"corePrinciple": "Ours"}},
        META: {"semaphore": {"label": "Our flags", "supportText": "Red and blue"}},
    }
    assert add_method(before, SEMAPHORE) == {**before, "selectedCommunicationMethodIds": ["semaphore"]}


@given(payloads)
def test_choosing_leaves_the_old_payload_alone_and_twice_is_once(payload: dict[str, Any]) -> None:
    before = copy.deepcopy(payload)
    for once in (add_value(payload, CARE), add_method(payload, LOTTERY), add_method(payload, SEMAPHORE)):
        assert payload == before
        assert checked(once) == checked(checked(once))
    assert add_value(add_value(payload, CARE), CARE) == add_value(payload, CARE)
    assert add_method(add_method(payload, SEMAPHORE), SEMAPHORE) == add_method(payload, SEMAPHORE)


# Templates


def test_a_template_is_a_whole_payload() -> None:
    assert template_payload(template(), METHODS, VALUES_BY_ID) == {
        "title": "Jury",
        "summary": "Drawn by lot.",
        VALUES.selected: ["1", "500"],
        VALUES.details: {"1": chosen_value(CARE), "500": chosen_value(JOY)},
        "selectedMembershipMethodIds": ["lottery-sortition"],
        "membershipMethodDetailsById": {"lottery-sortition": LOTTERY.sections},
        "selectedCommunicationMethodIds": ["semaphore"],
        "communicationMethodDetailsById": {"semaphore": SEMAPHORE.sections},
        META: {"semaphore": {"label": "Flags (semaphore)"}},
        MORE.selected: ["template-jury-1"],
        MORE.details: {"template-jury-1": {"label": "Dues", "section": "Money", "body": "Ten."}},
    }


def test_there_is_room_for_five_values() -> None:
    before = {VALUES.selected: ["a", "b", "c", "d"]}
    assert add_template(before, template(), METHODS, VALUES_BY_ID)[VALUES.selected] == ["a", "b", "c", "d", "1"]
    full = {VALUES.selected: ["a", "b", "c", "d", "e"]}
    result = add_template(full, template(), METHODS, VALUES_BY_ID)
    assert result[VALUES.selected] == ["a", "b", "c", "d", "e"]
    assert VALUES.details not in result


def test_a_chosen_method_stays_to_the_letter() -> None:
    before = {
        "selectedMembershipMethodIds": ["own", "lottery-sortition"],
        "membershipMethodDetailsById": {"lottery-sortition": {"eligibility": "Neighbours"}},
        VALUES.selected: ["1"],
    }
    result = add_template(before, template(values=("1",)), METHODS, VALUES_BY_ID)
    assert {key: result[key] for key in before} == before


def test_what_the_catalogue_no_longer_has_is_left_out() -> None:
    result = add_template({}, template(), {}, {})
    assert set(result) == {MORE.selected, MORE.details}


@given(payloads)
def test_a_template_adds_and_takes_nothing_away(payload: dict[str, Any]) -> None:
    before = copy.deepcopy(payload)
    after = add_template(payload, template(), METHODS, VALUES_BY_ID)
    assert payload == before
    assert add_template(after, template(), METHODS, VALUES_BY_ID) == after
    for key, value in payload.items():
        if isinstance(value, list):
            assert after[key][: len(value)] == value
        elif isinstance(value, dict):
            assert value.keys() <= after[key].keys()
        else:
            assert after[key] == value
    assert len(after[VALUES.selected]) <= max(VALUES.most, len(payload.get(VALUES.selected, ())))


def test_every_template_of_the_catalogue_makes_a_draft_and_a_rule(catalog: Catalog) -> None:
    methods = {(method.section, method.slug): method for method in catalog.methods}
    values = {value.id: value for value in catalog.values}
    for each in catalog.templates:
        payload = template_payload(each, methods, values)
        assert checked(payload) == payload
        document = composed(payload)
        assert checked_document(document) == document
        assert document["methodSelections"].keys() <= BY_KEY.keys()
        titles = {entry["title"] for part in document["sections"] for entry in part["entries"]}
        assert {methods[named].label for named in each.methods} <= titles
        assert {values[value].label for value in each.values} <= titles
        assert {clause["label"] for clause in each.clauses} <= titles
        assert META not in payload, "the package's own catalogue needs no labels in a draft"


# Which of them suit


def test_without_a_wish_the_featured_come_first() -> None:
    given = [
        template("c", sort_order=3, featured=True),
        template("b", sort_order=2),
        template("a", sort_order=2),
        template("d", sort_order=1, featured=True),
    ]
    assert [each.slug for each, _ in suited_templates(given, METHODS, ())] == ["d", "c", "a", "b"]


def test_one_without_facets_is_as_good_as_its_methods() -> None:
    local, dao = Facet("scale", "local"), Facet("orgType", "dao")
    fits = {
        ("communication", "x"): Method("communication", "x", "X", "x", {}, frozenset({local})),
        ("membership", "y"): Method("membership", "y", "Y", "y", {}, frozenset({local, dao})),
    }
    silent = template("silent", methods=tuple(fits))
    own = template("own", methods=tuple(fits), facets=frozenset({dao}))
    assert suited_templates([own, silent], fits, (local, dao)) == [(silent, (3, (local, dao))), (own, (1, (dao,)))]


facets = st.frozensets(st.sampled_from(ALL))
some = st.lists(st.tuples(facets, st.booleans(), st.integers(1, 5), st.sampled_from("abc"))).map(
    lambda rows: [
        template(f"t{place}", facets=own, featured=featured, sort_order=order, title=title)
        for place, (own, featured, order, title) in enumerate(rows)
    ]
)


@given(some, st.lists(st.sampled_from(ALL), unique=True))
def test_no_template_is_hidden_and_the_best_come_first(given: list[Template], wanted: list[Facet]) -> None:
    result = suited_templates(given, METHODS, wanted)
    assert sorted(each.slug for each, _ in result) == sorted(each.slug for each in given)
    order = [(-found.score, not each.featured, each.sort_order, each.title) for each, found in result]
    assert order == sorted(order)
    for each, found in result:
        assert found.score == len(found.matched) == len(each.facets & set(wanted))
