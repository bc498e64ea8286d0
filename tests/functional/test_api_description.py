"""The description of the JSON API: whole, valid, true, and readable."""

from __future__ import annotations

import inspect
from typing import Any

import jsonschema
import pytest
import schemathesis
from pydantic import TypeAdapter
from webtest import TestApp

from cr.events.document import checked_document
from cr.events.payload import checked
from cr.resources import api as resources
from cr.resources.base import Resource
from cr.views.api import examples
from cr.views.api.document import document
from cr.views.api.operations import ORDER, Other, api_views, declared, places

DESCRIPTION, PAGE = "/api/openapi.json", "/api/docs"


@pytest.fixture
def description(client: TestApp) -> Any:
    return client.get(DESCRIPTION).json


def test_it_is_valid_openapi(description: Any) -> None:
    assert description["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(description).validate()


def test_every_view_below_api_says_what_it_takes_and_answers(app: Any) -> None:
    for path, view in api_views(app.registry):
        assert view.get("api"), f"{path} has a view without `api=Operation(...)`"
        assert view["request_methods"] in ORDER
    for each in declared(app.registry):
        assert each.title.endswith("."), f"{each.method} {each.path} has no title: the first line of its docstring"


def test_every_resource_below_api_has_an_address(app: Any) -> None:
    kinds = {each for _, each in inspect.getmembers(resources, inspect.isclass) if issubclass(each, Resource)}
    assert {each for each in kinds if each.__module__ == resources.__name__} == places().keys()


def test_every_example_is_one(app: Any, description: Any) -> None:
    used = set()
    for each in declared(app.registry):
        for shape in (each.operation.body, *each.answers.values()):
            if shape and not isinstance(shape, Other):
                used.add(shape)
                TypeAdapter(shape).validate_python(examples.EXAMPLES[shape])
        operation = description["paths"][each.path][each.method.lower()]
        sent = [operation["requestBody"]] if "requestBody" in operation else []
        for told in (*sent, *operation["responses"].values()):
            for content in told.get("content", {}).values():
                if "example" in content:
                    schema = {**content["schema"], "components": description["components"]}
                    jsonschema.validate(content["example"], schema, jsonschema.Draft202012Validator)
    assert used == examples.EXAMPLES.keys()
    assert checked(examples.PAYLOAD) == examples.PAYLOAD
    assert checked_document(examples.DOCUMENT) == examples.DOCUMENT


def test_what_validates_is_what_is_described(ada: TestApp, description: Any) -> None:
    limit = next(each for each in description["paths"]["/api/rules"]["get"]["parameters"] if each["name"] == "limit")
    assert (limit["schema"]["minimum"], limit["schema"]["maximum"], limit["schema"]["default"]) == (1, 100, 50)
    title = description["components"]["schemas"]["DraftPayload"]["properties"]["title"]["anyOf"][0]
    assert title["maxLength"] == 500
    ada.put_json("/api/drafts/me", {"payload": {"title": "x" * 500}})
    ada.put_json("/api/drafts/me", {"payload": {"title": "x" * 501}}, status=400)


def test_it_is_everybodys_and_may_be_kept(app: Any, client: TestApp) -> None:
    for path, media in ((DESCRIPTION, "application/json"), (PAGE, "text/html")):
        answer = client.get(path)
        assert answer.content_type == media
        assert answer.headers["Cache-Control"] == "public, max-age=3600"
        assert "Set-Cookie" not in answer.headers
        again = client.get(path, headers={"If-None-Match": answer.headers["ETag"]}, status=304)
        assert again.headers["ETag"] == answer.headers["ETag"]
    assert client.get(DESCRIPTION).json == document(app.registry)


def test_the_page_has_every_operation_and_every_code(client: TestApp, description: Any) -> None:
    page = client.get(PAGE)
    text = " ".join(page.html.select_one("main").get_text().split())
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            assert f"{method.upper()} {path}" in text
            assert operation["summary"] in text
            assert page.html.find(id=operation["operationId"])
    for code in ("unauthorized", "validation_error", "invalid_json", "rate_limited", "mail_failed", "db_unavailable"):
        assert code in text
    assert not page.html.select("main script")
    for link in page.html.select("main a[href^='#']"):
        assert page.html.find(id=link["href"][1:])
