"""The JSON contract as an OpenAPI 3.1 document, made from what the views declare (`operations.py`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NotRequired

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from typing_extensions import TypedDict

import cr
from cr.errors import Problem
from cr.security import SESSION_COOKIE
from cr.views.api.examples import EXAMPLES
from cr.views.api.operations import JSON, Declared, Other, declared, phrase

TEXT = {"type": "string"}

COMPONENTS = "#/components/schemas/{model}"

ABOUT = """\
The JSON API of Community Rule. How to sign in, what is refused and why, limits, and an example of every body are at
`/api/docs`.

Every answer bears `x-request-id`; a sane one that is sent comes back. Moments are ISO 8601 in UTC. Ids are opaque. Keys
of a document or a draft that are unknown here are kept as they came.
"""


class Refusal(TypedDict):
    code: str
    message: str


class Error(TypedDict):
    """A refusal: `code` for programs, `message` for people. `details.fields`, where given, is by name of field."""

    error: Refusal
    details: NotRequired[dict[str, Any]]


class Schemas(GenerateJsonSchema):
    """Answers are described as closed: they have the keys that are named, and no other."""

    def typed_dict_schema(self, schema: Any) -> dict[str, Any]:
        return {**super().typed_dict_schema(schema), "additionalProperties": False}

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def document(registry: Any) -> dict[str, Any]:
    """The whole document, ready for JSON."""
    operations = declared(registry)
    adapters = {each: TypeAdapter(each) for each in (*_types(operations), Error)}
    schemas, definitions = TypeAdapter.json_schemas(
        [(each, "validation", adapter) for each, adapter in adapters.items()],
        schema_generator=Schemas,
        ref_template=COMPONENTS,
    )
    shapes = {each: schemas[(each, "validation")] for each in adapters}
    paths: dict[str, dict[str, Any]] = {}
    for each in operations:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, shapes, definitions["$defs"])
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Community Rule",
            "version": cr.__version__,
            "description": ABOUT,
            "license": {"name": "AGPL-3.0-or-later", "identifier": "AGPL-3.0-or-later"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in {e.group: e.about for e in operations}.items()],
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "headers": {
                "X-Request-Id": {"description": "Names this request in the log.", "schema": {"type": "string"}},
                "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}},
            },
            "securitySchemes": {
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": SESSION_COOKIE,
                    "description": "Set by following a mailed link; see `/api/auth/magic-link/request`.",
                }
            },
        },
    }


def _types(operations: Iterable[Declared]) -> Iterable[Any]:
    """Every type that is sent or answered as JSON, or sent as a form, once."""
    found: dict[Any, None] = {}
    for each in operations:
        sent = (each.operation.body, each.operation.query, each.operation.form and each.operation.form[1])
        answered = (answer for answer in each.answers.values() if not isinstance(answer, Other))
        found |= dict.fromkeys((*filter(None, sent), *answered))
    return found


def _operation(each: Declared, shapes: Mapping[Any, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    responses = {str(status): _answer(status, answer, shapes) for status, answer in sorted(each.answers.items())}
    for status in dict.fromkeys(refusal.status for refusal in each.refusals):
        if str(status) not in responses:
            refused = [refusal for refusal in each.refusals if refusal.status == status]
            responses[str(status)] = _refused(each, status, refused, shapes)
    described: dict[str, Any] = {
        "operationId": re.sub("[/{}.]+", "-", each.method.lower() + each.path.removeprefix("/api")).strip("-"),
        "tags": [each.group],
        "summary": each.title.removesuffix("."),
        "description": "\n\n".join(filter(None, (each.text, each.operation.often))),
        "parameters": _parameters(each, shapes, definitions),
        "responses": responses,
        "security": [{"session": []}] if each.signed_in else [],
    }
    if each.operation.body:
        described["requestBody"] = {"required": True, "content": {JSON: _content(each.operation.body, shapes)}}
    elif each.operation.form:
        media, fields = each.operation.form
        described["requestBody"] = {"required": True, "content": {media: {"schema": shapes[fields]}}}
    return described


def _parameters(each: Declared, shapes: Mapping[Any, Any], definitions: Mapping[str, Any]) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": TEXT} for name in each.variables
    ]
    if each.operation.query:
        model = definitions[shapes[each.operation.query]["$ref"].rpartition("/")[2]]
        for name, schema in model["properties"].items():
            rest = {key: value for key, value in schema.items() if key != "description"}
            about = {"description": schema["description"]} if "description" in schema else {}
            required = name in model.get("required", ())
            parameters.append({"name": name, "in": "query", "required": required, **about, "schema": rest})
    for name, text in each.operation.headers.items():
        parameters.append({"name": name, "in": "header", "required": False, "description": text, "schema": TEXT})
    return parameters


def _content(shape: Any, shapes: Mapping[Any, Any]) -> dict[str, Any]:
    return {"schema": shapes[shape], "example": EXAMPLES[shape]}


def _answer(status: int, answer: Any, shapes: Mapping[Any, Any]) -> dict[str, Any]:
    headers: dict[str, Any] = {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}}
    if isinstance(answer, Other):
        headers |= {name: {"schema": TEXT} for name in answer.headers}
        content = {media: {"schema": TEXT if media.startswith("text/") else {}} for media in answer.media}
        return {"description": answer.text, "headers": headers, **({"content": content} if content else {})}
    return {"description": phrase(status), "headers": headers, "content": {JSON: _content(answer, shapes)}}


def _refused(each: Declared, status: int, refused: list[type[Problem]], shapes: Mapping[Any, Any]) -> dict[str, Any]:
    headers = {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}}
    if status in (429, 503):
        headers["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
    codes = sorted({problem.code for problem in refused})
    schema = {
        "allOf": [shapes[Error]],
        "properties": {"error": {"type": "object", "properties": {"code": {"enum": codes}}}},
    }
    # Whoever follows a link from their mail gets a page.
    content = {JSON: {"schema": schema}} if each.refused_in_json else {"text/html": {"schema": TEXT}}
    return {"description": f"{phrase(status)}: {', '.join(codes)}", "headers": headers, "content": content}
