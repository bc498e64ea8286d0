"""/api/templates and /api/create-flow: what there is to choose from, and what of it suits a community."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from pyramid.httpexceptions import HTTPNotModified
from pyramid.renderers import render
from pyramid.response import Response
from pyramid.view import view_config

from cr.catalog import facets, store
from cr.catalog.choosing import suited_templates, template_payload
from cr.catalog.facets import Facet, ranked
from cr.catalog.items import Method, Template, Value
from cr.catalog.sections import METHOD_SECTIONS, VALUES
from cr.errors import ValidationProblem
from cr.events.document import composed
from cr.resources.api import ApiCreateFlow, ApiTemplate, ApiTemplates

PREFIX = "facet."

SECTIONS = tuple(section.key for section in METHOD_SECTIONS)

VALUES_NAMES = (VALUES.key, VALUES.slug)
"""Clients ask for the values by either name."""

MAX_AGE = 3600
"""Seconds that a client may go on with what it has."""


def wanted(request: Any) -> tuple[Facet, ...]:
    """The facets that are asked for, each once, in the order of the questions.

    `facet.size=twoToFive&facet.size=sixToTwelve` and `facet.size=twoToFive,sixToTwelve` say the same, and an empty one
    says nothing. Raises `ValidationProblem` for a facet that there is not.
    """
    asked: set[Facet] = set()
    for name, text in request.GET.items():
        if not name.startswith(PREFIX):
            continue
        group = facets.BY_NAME.get(name.removeprefix(PREFIX))
        if group is None:
            known = ", ".join(PREFIX + each for each in facets.BY_NAME)
            raise ValidationProblem(f"{name[:100]}: there is no such facet. Ask for one of {known}.")
        answers = [answer.value for answer in group.answers]
        for value in filter(None, text.split(",")):
            if value not in answers:
                raise ValidationProblem(f"{name}: there is no {value[:100]}. Write one of {', '.join(answers)}.")
            asked.add(Facet(group.name, value))
    return tuple(facet for facet in facets.ALL if facet in asked)


def _score(score: int, matched: Iterable[Facet]) -> dict[str, Any]:
    return {"score": score, "matchedFacets": [str(facet) for facet in matched]}


@view_config(context=ApiTemplates, request_method="GET", renderer="json")
def list_templates(request: Any) -> dict[str, Any]:
    asked = wanted(request)
    methods, values = _parts(request)
    found = suited_templates(store.templates(request.dbsession), methods, asked)
    answer: dict[str, Any] = {"templates": [_shown(template, methods, values) for template, _ in found]}
    if asked:
        answer["scores"] = {template.slug: _score(*fit) for template, fit in found}
    return answer


@view_config(context=ApiTemplate, request_method="GET", renderer="json")
def one_template(context: ApiTemplate, request: Any) -> dict[str, Any]:
    return {
        "template": _shown(context.template, *_parts(request)),
        "methods": [{"section": section, "slug": slug} for section, slug in context.template.methods],
    }


def _parts(request: Any) -> tuple[dict[tuple[str, str], Method], dict[str, Value]]:
    """What templates are made of, by the names that they use."""
    return store.all_methods(request.dbsession), {value.id: value for value in store.values(request.dbsession)}


def _shown(
    template: Template, methods: Mapping[tuple[str, str], Method], values: Mapping[str, Value]
) -> dict[str, Any]:
    """`body` is the document that publishing the template unchanged would give."""
    return {
        "id": template.slug,
        "slug": template.slug,
        "title": template.title,
        "category": template.category,
        "description": template.description,
        "body": composed(template_payload(template, methods, values)),
        "sortOrder": template.sort_order,
        "featured": template.featured,
    }


@view_config(context=ApiCreateFlow, name="methods", request_method="GET")
def list_methods(request: Any) -> Response:
    """The methods of a section in an envelope; the values as a bare list, which is how the contract writes that answer.

    With facets the best come first. An answer may be kept for an hour and is then asked about by its ETag; that of an
    empty catalogue, which somebody is about to fill, is not kept at all.
    """
    asked = wanted(request)
    name = request.GET.get("section", "")
    found: list[dict[str, Any]]
    answer: Any
    if name in VALUES_NAMES:
        answer = found = [
            {"id": each.id, "label": each.label, "meaning": each.meaning, "signals": each.signals}
            for each in store.values(request.dbsession)
        ]
    elif name in SECTIONS:
        found = [
            {
                "slug": method.slug,
                "label": method.label,
                "description": method.description,
                "sections": method.sections,
                **({"matches": _score(len(matched), matched)} if asked else {}),
            }
            for method, matched in ranked(store.methods(request.dbsession, name), asked)
        ]
        answer = {"section": name, "methods": found}
    else:
        raise ValidationProblem(f"section: write one of {', '.join((*SECTIONS, VALUES.key))}.")
    return _kept(request, answer, bool(found))


def _kept(request: Any, answer: Any, keep: bool) -> Response:
    body = render("json", answer).encode()
    if not keep:
        return Response(body, content_type="application/json")
    etag = hashlib.sha256(body).hexdigest()[:32]
    if etag in request.if_none_match:
        response: Response = HTTPNotModified()
    else:
        response = Response(body, content_type="application/json")
    response.etag = etag
    response.headers["Cache-Control"] = f"public, max-age={MAX_AGE}"
    return response
