"""What choosing from the catalogue puts into a draft's payload, and which templates suit a community.

Everything here gives a new payload and leaves the old one as it was. What people have written stays: the catalogue only
fills in what is not there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from cr.catalog.facets import Facet, Fit, fit
from cr.catalog.items import Method, Template, UseCase, Value
from cr.catalog.sections import BY_KEY, MORE, VALUES
from cr.events.payload import BLOCKS, FIELD_MAPS, META, SELECTIONS, Payload, label_of

Methods = Mapping[tuple[str, str], Method]
"""By section and slug, as `cr.catalog.store.all_methods` gives them."""

CLAUSE = ("label", "section", "body")
"""What is kept of a template's clause, under the same names in a payload."""


def chosen_value(value: Value) -> dict[str, Any]:
    """The details of a value in a payload. Its label only where the code would call it something else."""
    details = {"meaning": value.meaning, "signals": value.signals}
    return details if label_of({}, value.id) == value.label else {"label": value.label, **details}


def add_value(payload: Payload, value: Value) -> dict[str, Any]:
    """How many values a draft may have is for the caller to see to."""
    chosen = _chosen(payload, VALUES.selected, value.id)
    return _described(chosen, VALUES.details, value.id, chosen_value(value))


def add_method(payload: Payload, method: Method) -> dict[str, Any]:
    section = BY_KEY[method.section]
    chosen = _chosen(payload, section.selected, method.slug)
    # A percentage of 0 stands for: does not apply. A rule need not say that.
    answers = {name: answer for name, answer in method.sections.items() if answer != 0}
    chosen = _described(chosen, section.details, method.slug, answers)
    if label_of({}, method.slug) != method.label:
        chosen = _described(chosen, META, method.slug, {"label": method.label})
    return chosen


def add_template(payload: Payload, template: Template, methods: Methods, values: Mapping[str, Value]) -> dict[str, Any]:
    """The payload with what it lacks of a template; what is chosen in it already stays as it is.

    Values are added as long as there is room for them. Clauses get ids that are always the same, so that choosing a
    template once more adds none twice. What it names and is not in `methods` or `values` is left out: the catalogue may
    have been filled anew between two queries.
    """
    result = dict(payload)
    for identifier in template.values:
        chosen = result.get(VALUES.selected, ())
        if identifier in values and identifier not in chosen and len(chosen) < VALUES.most:
            result = add_value(result, values[identifier])
    for section, slug in template.methods:
        if (section, slug) in methods and slug not in result.get(BY_KEY[section].selected, ()):
            result = add_method(result, methods[section, slug])
    for number, clause in enumerate(template.clauses, 1):
        identifier = f"template-{template.slug}-{number}"
        if identifier not in result.get(MORE.selected, ()):
            result = _chosen(result, MORE.selected, identifier)
            result = _described(result, MORE.details, identifier, {key: clause[key] for key in CLAUSE})
    return result


def template_payload(template: Template, methods: Methods, values: Mapping[str, Value]) -> dict[str, Any]:
    """A draft that is this template and nothing else."""
    return add_template({"title": template.title, "summary": template.description}, template, methods, values)


CHOICES = (*SELECTIONS, *FIELD_MAPS, BLOCKS)
"""The keys of a payload that say what is chosen, and in which words; all others are about the community itself."""


def has_choices(payload: Payload) -> bool:
    return any(payload.get(key) for key in SELECTIONS)


def without_choices(payload: Payload) -> dict[str, Any]:
    return {key: value for key, value in payload.items() if key not in CHOICES}


def put_use_case(payload: Payload, use_case: UseCase) -> dict[str, Any]:
    """The payload with the choices of a use case in the place of its own. Who they are is for people to say."""
    return {**without_choices(payload), **{key: value for key, value in use_case.rule.items() if key in CHOICES}}


def _chosen(payload: Payload, key: str, identifier: str) -> dict[str, Any]:
    chosen = payload.get(key, ())
    return {**payload, key: [*chosen, *([] if identifier in chosen else [identifier])]}


def _described(payload: Payload, key: str, identifier: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    details = payload.get(key, {})
    return {**payload, key: {**details, identifier: {**fields, **details.get(identifier, {})}}}


def suited_templates(
    templates: Iterable[Template], methods: Methods, wanted: Collection[Facet]
) -> list[tuple[Template, Fit]]:
    """Every template with how well it suits: highest score first, ties and all without `wanted` featured first."""
    fits = [
        (each, fit(each, [methods[named] for named in each.methods if named in methods], wanted)) for each in templates
    ]
    return sorted(
        fits, key=lambda pair: (-pair[1].score, not pair[0].featured, pair[0].sort_order, pair[0].title.casefold())
    )
