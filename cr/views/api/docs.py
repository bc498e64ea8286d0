"""/api/openapi.json and /api/docs: this API, described for programs and for people."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

from pyramid.renderers import render
from pyramid.response import Response
from pyramid.view import view_config

from cr.errors import Problem
from cr.prose import to_html
from cr.resources.api import Api
from cr.security import SESSION_COOKIE
from cr.views.api import body
from cr.views.api.document import document
from cr.views.api.examples import EXAMPLES
from cr.views.api.keeping import NOT_MODIFIED, kept
from cr.views.api.operations import JSON, Declared, Operation, Other, declared

DOCUMENT = "cr.api.document"
"""Key of the registry. Made at the first request for it, when every view is known."""


def described(registry: Any) -> dict[str, Any]:
    if DOCUMENT not in registry:
        registry[DOCUMENT] = document(registry)
    found: dict[str, Any] = registry[DOCUMENT]
    return found


@view_config(
    context=Api,
    name="openapi.json",
    request_method="GET",
    api=Operation(
        headers={"If-None-Match": "The ETag of an answer that was kept."},
        also={200: Other("An OpenAPI 3.1 document.", (JSON,)), 304: NOT_MODIFIED},
    ),
)
def openapi(request: Any) -> Response:
    """Describe this API for programs."""
    return kept(request, json.dumps(described(request.registry), ensure_ascii=False).encode(), JSON)


@view_config(
    context=Api,
    name="docs",
    request_method="GET",
    api=Operation(
        headers={"If-None-Match": "The ETag of an answer that was kept."},
        also={200: Other("A page.", ("text/html",)), 304: NOT_MODIFIED},
    ),
)
def docs(request: Any) -> Response:
    """Describe this API for people."""
    values = {
        "origin": request.urls.origin,
        "openapi_url": request.resource_path(request.context, "openapi.json"),
        "cookie": SESSION_COOKIE,
        "limits": body,
        **_told(request.registry),
    }
    return kept(request, render("cr:templates/api.jinja2", values, request).encode(), "text/html")


def _told(registry: Any) -> dict[str, Any]:
    """The codes, and the operations by group, as the template has them."""
    paths, operations = described(registry)["paths"], declared(registry)
    problems: dict[str, type[Problem]] = {}
    for each in operations:
        for problem in each.refusals:
            problems.setdefault(problem.code, problem)
    codes = sorted(problems.values(), key=lambda problem: (problem.status, problem.code))
    groups = [(name, list(each)) for name, each in groupby(operations, lambda each: each.group)]
    return {
        "codes": [{"code": each.code, "status": each.status, "message": each.default} for each in codes],
        "groups": [
            {
                "name": name,
                "about": to_html(each[0].about),
                "operations": [_operation(one, paths[one.path][one.method.lower()]) for one in each],
            }
            for name, each in groups
        ],
    }


def _operation(each: Declared, described: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": described["operationId"],
        "method": each.method,
        "path": each.path,
        "title": described["summary"],
        "text": to_html(each.text),
        "signed_in": each.signed_in,
        "often": each.operation.often,
        "parameters": [
            {
                "name": parameter["name"],
                "place": PLACES[parameter["in"]],
                "about": parameter.get("description", ""),
                "required": parameter["required"] and parameter["in"] != "path",
                "answers": _choices(parameter["schema"]),
            }
            for parameter in described["parameters"]
        ],
        "form": each.operation.form
        and {
            "media": each.operation.form[0],
            "fields": [
                {"name": name, "about": field.description or "", "required": field.is_required()}
                for name, field in each.operation.form[1].model_fields.items()
            ],
        },
        "sends": _laid_out(EXAMPLES[each.operation.body]) if each.operation.body else None,
        "answers": [
            {"status": status, "text": answer.text, "media": answer.media}
            if isinstance(answer, Other)
            else {"status": status, "example": _laid_out(EXAMPLES[answer])}
            for status, answer in sorted(each.answers.items())
        ],
        "refusals": [
            {"status": status, "codes": sorted({problem.code for problem in problems})}
            for status, problems in groupby(each.refusals, lambda problem: problem.status)
        ],
    }


PLACES = {"path": "In the address", "query": "In the query", "header": "A header"}


def _choices(schema: dict[str, Any]) -> list[str]:
    found: list[str] = schema.get("enum") or schema.get("items", {}).get("enum") or []
    return found


def _laid_out(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
