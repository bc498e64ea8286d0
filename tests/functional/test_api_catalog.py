"""/api/templates and /api/create-flow, as the contract says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from webtest import TestApp

from cr.catalog import store
from cr.catalog.facets import Facet
from cr.catalog.sections import METHOD_SECTIONS
from cr.catalog.slugs import PROMISED
from cr.catalog.source import Catalog, read
from tests.functional.people import path_of

METHODS = "/api/create-flow/methods"
FACETS = "facet.size=sixToTwelve&facet.scale=local&facet.orgType=mutualAid"
WANTED = [("size", "sixToTwelve"), ("orgType", "mutualAid"), ("scale", "local")]


@pytest.fixture
def catalog(seed_data: Path) -> Catalog:
    """What the database of this test was filled with."""
    return read(seed_data)


def fill(engine: sa.Engine, catalog: Catalog) -> None:
    with engine.begin() as connection:
        store.replace(connection, catalog)


def texts(facets: Any) -> list[str]:
    """In the order in which the site names them."""
    return [f"{group}:{value}" for group, value in WANTED if Facet(group, value) in facets]


# Templates


def test_templates_come_featured_first_then_in_their_order(client: TestApp, catalog: Catalog) -> None:
    answer = client.get("/api/templates").json
    assert set(answer) == {"templates"}
    order = [(not each["featured"], each["sortOrder"], each["title"]) for each in answer["templates"]]
    assert order == sorted(order)
    assert {each["slug"] for each in answer["templates"] if each["featured"]} >= {"consensus", "do-ocracy"}
    assert {each["slug"] for each in answer["templates"]} == {each.slug for each in catalog.templates}
    for each in answer["templates"]:
        assert set(each) == {"id", "slug", "title", "category", "description", "body", "sortOrder", "featured"}
        assert all(isinstance(each[name], str) for name in ("id", "slug", "title", "category", "description"))


def test_the_body_of_a_template_can_be_published(client: TestApp, ada: TestApp) -> None:
    for template in client.get("/api/templates").json["templates"]:
        body = {"title": template["title"], "summary": template["description"], "document": template["body"]}
        rule = ada.post_json("/api/rules", body).json["rule"]
        assert client.get(f"/api/rules/{rule['id']}").json["rule"]["document"] == template["body"]
        assert template["body"]["coreValues"]
        assert set(template["body"]["methodSelections"]) == {section.key for section in METHOD_SECTIONS}
    assert client.get(f"/rules/{rule['id']}").status_int == 200


def test_with_facets_the_best_templates_come_first_and_none_is_hidden(client: TestApp, catalog: Catalog) -> None:
    answer = client.get(f"/api/templates?{FACETS}").json
    scores = answer["scores"]
    assert scores.keys() == {each.slug for each in catalog.templates} == {each["slug"] for each in answer["templates"]}
    places = [(-scores[each["slug"]]["score"], not each["featured"], each["sortOrder"]) for each in answer["templates"]]
    assert places == sorted(places)
    for template in catalog.templates:
        assert template.facets
        assert scores[template.slug] == {
            "score": len(texts(template.facets)),
            "matchedFacets": texts(template.facets),
        }
    assert any(each["score"] for each in scores.values())


def test_a_template_without_facets_of_its_own_counts_those_of_its_methods(
    client: TestApp, engine: sa.Engine, catalog: Catalog
) -> None:
    first, *others = catalog.templates
    fill(engine, replace(catalog, templates=(replace(first, facets=frozenset()), *others)))
    methods = {(method.section, method.slug): method for method in catalog.methods}
    found = [texts(methods[named].facets) for named in first.methods]
    assert client.get(f"/api/templates?{FACETS}").json["scores"][first.slug] == {
        "score": sum(map(len, found)),
        "matchedFacets": texts({facet for named in first.methods for facet in methods[named].facets}),
    }


def test_one_template_and_its_methods(client: TestApp, catalog: Catalog) -> None:
    listed = {each["slug"]: each for each in client.get("/api/templates").json["templates"]}
    for template in catalog.templates:
        answer = client.get(f"/api/templates/{template.slug}").json
        assert answer == {
            "template": listed[template.slug],
            "methods": [{"section": section, "slug": slug} for section, slug in template.methods],
        }


@pytest.mark.parametrize("slug", ["nonsense", "Consensus", "consensus/more", "1", "x" * 300, "%00", "a--b"])
def test_an_unknown_template_is_not_found(client: TestApp, slug: str) -> None:
    assert client.get(f"/api/templates/{slug}", status=404).json["error"]["code"] == "not_found"


def test_nobody_writes_to_the_catalogue_over_the_api(ada: TestApp) -> None:
    for path in ("/api/templates", "/api/templates/consensus", METHODS):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert ada.request(path, method=method, expect_errors=True).status_int in (404, 405)


# Methods and values


@pytest.mark.parametrize("section", METHOD_SECTIONS, ids=lambda section: section.key)
def test_the_methods_of_a_section(client: TestApp, catalog: Catalog, section: Any) -> None:
    answer = client.get(METHODS, {"section": section.key}).json
    assert set(answer) == {"section", "methods"}
    assert answer["section"] == section.key
    assert answer["methods"] == [
        {
            "slug": each.slug,
            "label": each.label,
            "description": each.description,
            "sections": each.sections,
        }
        for each in catalog.methods
        if each.section == section.key
    ]
    assert [each["slug"] for each in answer["methods"]][: len(PROMISED[section.key])] == list(PROMISED[section.key])
    assert list(answer["methods"][0]["sections"]) == [field.name for field in section.fields]


@pytest.mark.parametrize("section", METHOD_SECTIONS, ids=lambda section: section.key)
def test_with_facets_the_best_methods_come_first(client: TestApp, catalog: Catalog, section: Any) -> None:
    answer = client.get(f"{METHODS}?section={section.key}&{FACETS}").json
    facets = {each.slug: each.facets for each in catalog.methods if each.section == section.key}
    places = list(facets)
    assert {each["slug"] for each in answer["methods"]} == facets.keys()
    for each in answer["methods"]:
        found = texts(facets[each["slug"]])
        assert each["matches"] == {"score": len(found), "matchedFacets": found}
    order = [(-each["matches"]["score"], places.index(each["slug"])) for each in answer["methods"]]
    assert order == sorted(order)
    assert answer["methods"][0]["matches"]["score"] > 0


def test_several_answers_to_one_question_can_be_written_in_two_ways(client: TestApp) -> None:
    ways = (
        "facet.size=sixToTwelve&facet.size=twoToFive",
        "facet.size=twoToFive,sixToTwelve",
        "facet.size=twoToFive,,sixToTwelve,twoToFive&facet.scale=&facet.size=sixToTwelve",
    )
    one, *others = [client.get(f"{METHODS}?section=communication&{way}").body for way in ways]
    assert all(other == one for other in others)
    assert b'"matchedFacets":["size:twoToFive","size:sixToTwelve"]' in one


@pytest.mark.parametrize("name", ["coreValues", "values"])
def test_the_values_are_a_list(client: TestApp, catalog: Catalog, name: str) -> None:
    answer = client.get(METHODS, {"section": name}).json
    assert answer == [
        {"id": each.id, "label": each.label, "meaning": each.meaning, "signals": each.signals}
        for each in catalog.values
    ]
    assert answer[0]["id"] == "1"
    assert client.get(f"{METHODS}?section={name}&{FACETS}").json == answer


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", "section: write one of communication, membership, decisionApproaches, conflictManagement, coreValues."),
        ("section=", "section: write one of"),
        ("section=Communication", "section: write one of"),
        ("section=ownSections", "section: write one of"),
        ("section=communication&facet.mood=sunny", "facet.mood: there is no such facet. Ask for one of facet.size, f"),
        ("section=communication&facet.=sunny", "facet.: there is no such facet."),
        ("section=communication&facet.size=ten", "facet.size: there is no ten. Write one of oneMember, twoToFive, "),
        ("section=communication&facet.size=local", "facet.size: there is no local."),
        ("section=coreValues&facet.size=twoToFive,ten", "facet.size: there is no ten."),
    ],
)
def test_what_there_is_not_is_refused_in_a_sentence(client: TestApp, query: str, sentence: str) -> None:
    error = client.get(f"{METHODS}?{query}", status=400).json["error"]
    assert error["code"] == "validation_error"
    assert error["message"].startswith(sentence)
    if "facet" in query:
        assert client.get(f"/api/templates?{query}", status=400).json["error"]["code"] == "validation_error"


# Keeping


def test_an_answer_is_kept_for_an_hour_and_asked_about_by_its_etag(client: TestApp) -> None:
    for query in ("section=communication", f"section=communication&{FACETS}", "section=coreValues"):
        answer = client.get(f"{METHODS}?{query}")
        assert answer.headers["Cache-Control"] == "public, max-age=3600"
        assert answer.content_type == "application/json"
        etag = answer.headers["ETag"]
        assert not etag.startswith("W/")
        again = client.get(f"{METHODS}?{query}", headers={"If-None-Match": etag}, status=304)
        assert again.body == b""
        assert (again.headers["ETag"], again.headers["Cache-Control"]) == (etag, "public, max-age=3600")


def test_other_questions_and_another_catalogue_have_other_etags(
    client: TestApp, engine: sa.Engine, catalog: Catalog
) -> None:
    queries = ("section=communication", f"section=communication&{FACETS}", "section=membership", "section=values")
    before = [client.get(f"{METHODS}?{query}").headers["ETag"] for query in queries]
    assert len(set(before)) == 4
    fill(
        engine,
        Catalog(
            tuple(replace(value, meaning="Otherwise.") for value in catalog.values),
            tuple(replace(method, description="Otherwise.") for method in catalog.methods),
            catalog.templates,
        ),
    )
    for query, etag in zip(queries, before, strict=True):
        answer = client.get(f"{METHODS}?{query}", headers={"If-None-Match": etag}, status=200)
        assert "Otherwise." in answer
        assert answer.headers["ETag"] not in before


def test_an_empty_catalogue_is_answered_and_not_kept(client: TestApp, engine: sa.Engine) -> None:
    fill(engine, Catalog((), (), ()))
    assert client.get("/api/templates").json == {"templates": []}
    assert client.get(f"/api/templates?{FACETS}").json == {"templates": [], "scores": {}}
    for query, empty in (("communication", {"section": "communication", "methods": []}), ("coreValues", [])):
        answer = client.get(METHODS, {"section": query})
        assert answer.json == empty
        assert "no-store" in answer.headers["Cache-Control"]
        assert "ETag" not in answer.headers


def test_a_refusal_is_not_kept(client: TestApp) -> None:
    assert client.get(f"{METHODS}?section=nonsense", status=400).headers["Cache-Control"] == "no-store"


def test_a_draft_of_the_api_is_called_by_the_catalogues_labels(ada: TestApp) -> None:
    payload = {
        "title": "Elm",
        "selectedCoreValueIds": ["1"],
        "selectedMembershipMethodIds": ["lottery-sortition"],
    }
    ada.put_json("/api/drafts/me", {"payload": payload})
    page = ada.get("/profile")
    draft = next(path_of(each["href"]) for each in page.html.select("main a[href]") if "/drafts/" in each["href"])
    page = ada.get(draft)
    assert "Care" in page
    assert "Lottery (sortition)" in page
