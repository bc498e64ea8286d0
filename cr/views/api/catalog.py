"""/api/templates and /api/create-flow: what there is to choose from, and what of it suits a community."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NotRequired

from pydantic import BaseModel, Field, field_validator, model_validator
from pydantic_core.core_schema import ValidationInfo
from pyramid.renderers import render
from pyramid.response import Response
from pyramid.view import view_config
from typing_extensions import TypedDict

from cr.catalog import facets, store
from cr.catalog.choosing import suited_templates, template_payload
from cr.catalog.facets import Facet, ranked
from cr.catalog.items import Method, Template, Value
from cr.catalog.sections import METHOD_SECTIONS, VALUES
from cr.errors import ValidationProblem
from cr.events.document import composed
from cr.resources.api import ApiCreateFlow, ApiTemplate, ApiTemplates
from cr.views.api.keeping import NOT_MODIFIED, kept
from cr.views.api.operations import JSON, Operation
from cr.views.api.rules import Document

PREFIX = "facet."

SECTIONS = tuple(section.key for section in METHOD_SECTIONS)

VALUES_NAMES = (VALUES.key, VALUES.slug)
"""Clients ask for the values by either name."""


def _facet(name: str) -> Any:
    group = facets.BY_NAME[name]
    answers: Any = {"type": "string", "enum": [answer.value for answer in group.answers]}
    text = f"{group.question} For several answers repeat it, or write commas between them."
    return Field(alias=PREFIX + name, default_factory=list, description=text, json_schema_extra={"items": answers})


class Facets(BaseModel):
    """What a community says of itself. With any of these, what suits it best comes first."""

    size: list[str] = _facet("size")
    orgType: list[str] = _facet("orgType")
    scale: list[str] = _facet("scale")
    maturity: list[str] = _facet("maturity")

    @model_validator(mode="before")
    @classmethod
    def only_known(cls, given: dict[str, Any]) -> dict[str, Any]:
        for name in given:
            if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in facets.BY_NAME:
                known = ", ".join(PREFIX + each for each in facets.BY_NAME)
                raise ValidationProblem(f"{name[:100]}: there is no such facet. Ask for one of {known}.")
        return given

    @field_validator("size", "orgType", "scale", "maturity")
    @classmethod
    def only_answers(cls, given: list[str], info: ValidationInfo) -> list[str]:
        """`a,b` and `a` and `b` say the same, and an empty one says nothing."""
        answers = [answer.value for answer in facets.BY_NAME[info.field_name or ""].answers]
        found = [value for text in given for value in text.split(",") if value]
        for value in found:
            if value not in answers:
                raise ValueError(f"there is no {value[:100]}. Write one of {', '.join(answers)}.")
        return found

    def wanted(self) -> tuple[Facet, ...]:
        """Each once, in the order of the questions."""
        return tuple(facet for facet in facets.ALL if facet.value in getattr(self, facet.group))


class Choosing(Facets):
    section: str = Field(
        description="Of which section. The values have two names: coreValues and values.",
        json_schema_extra={"enum": [*SECTIONS, *VALUES_NAMES]},
    )

    @model_validator(mode="before")
    @classmethod
    def a_section(cls, given: dict[str, Any]) -> dict[str, Any]:
        if given.get("section") not in (*SECTIONS, *VALUES_NAMES):
            raise ValidationProblem(f"section: write one of {', '.join((*SECTIONS, VALUES.key))}.")
        return given


class Score(TypedDict):
    """How many of the facets that were asked for fit, and which, each as `group:value`."""

    score: int
    matchedFacets: list[str]


class TemplateShown(TypedDict):
    """A template. `body` is the document that publishing it unchanged would give."""

    id: str
    slug: str
    title: str
    category: str
    description: str
    body: Document
    sortOrder: int
    featured: bool


class TemplateList(TypedDict):
    """`scores` is by slug, and there when facets were asked for."""

    templates: list[TemplateShown]
    scores: NotRequired[dict[str, Score]]


class MethodName(TypedDict):
    section: str
    slug: str


class OneTemplate(TypedDict):
    """A template and the methods that it is made of."""

    template: TemplateShown
    methods: list[MethodName]


class MethodShown(TypedDict):
    """A method. `sections` has its words by name of field; `matches` is there when facets were asked for."""

    slug: str
    label: str
    description: str
    sections: dict[str, Any]
    matches: NotRequired[Score]


class MethodList(TypedDict):
    section: str
    methods: list[MethodShown]


class ValueShown(TypedDict):
    id: str
    label: str
    meaning: str
    signals: str


def _score(score: int, matched: Iterable[Facet]) -> Score:
    return {"score": score, "matchedFacets": [str(facet) for facet in matched]}


@view_config(context=ApiTemplates, request_method="GET", renderer="json", api=Operation(query=Facets))
def list_templates(request: Any) -> TemplateList:
    """List the templates.

    Featured ones first, then in their order. With facets those that fit best come first; none is left out.
    """
    asked = request.asked.wanted()
    methods, values = _parts(request)
    found = suited_templates(store.templates(request.dbsession), methods, asked)
    answer: TemplateList = {"templates": [_shown(template, methods, values) for template, _ in found]}
    if asked:
        answer["scores"] = {template.slug: _score(*fit) for template, fit in found}
    return answer


@view_config(context=ApiTemplate, request_method="GET", renderer="json", api=Operation())
def one_template(context: ApiTemplate, request: Any) -> OneTemplate:
    """Read a template."""
    return {
        "template": _shown(context.template, *_parts(request)),
        "methods": [{"section": section, "slug": slug} for section, slug in context.template.methods],
    }


def _parts(request: Any) -> tuple[dict[tuple[str, str], Method], dict[str, Value]]:
    """What templates are made of, by the names that they use."""
    return store.all_methods(request.dbsession), {value.id: value for value in store.values(request.dbsession)}


def _shown(template: Template, methods: Mapping[tuple[str, str], Method], values: Mapping[str, Value]) -> TemplateShown:
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


@view_config(
    context=ApiCreateFlow,
    name="methods",
    request_method="GET",
    api=Operation(
        query=Choosing,
        answer=MethodList | list[ValueShown],
        headers={"If-None-Match": "The ETag of an answer that was kept."},
        also={304: NOT_MODIFIED},
    ),
)
def list_methods(request: Any) -> Response:
    """List the methods of a section, or the values.

    Methods come in an envelope, values as a bare list. With facets the methods that fit best come first; none is left
    out. The answer may be kept for an hour.
    """
    asked = request.asked.wanted()
    name = request.asked.section
    found: list[Any]
    answer: Any
    if name in VALUES_NAMES:
        answer = found = [
            {"id": each.id, "label": each.label, "meaning": each.meaning, "signals": each.signals}
            for each in store.values(request.dbsession)
        ]
    else:
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
    body = render("json", answer).encode()
    # An empty catalogue is about to be filled.
    return kept(request, body, JSON) if found else Response(body, content_type=JSON)
