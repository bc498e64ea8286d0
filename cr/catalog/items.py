"""What there is to choose from: values, methods and templates, as the catalogue's queries give them; and use cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cr.catalog.facets import Facet


@dataclass(frozen=True)
class Value:
    """A core value. `id` is a number as text."""

    id: str
    label: str
    meaning: str
    signals: str

    @property
    def facets(self) -> frozenset[Facet]:
        """None: what a community holds on to does not follow from its size or kind."""
        return frozenset()


@dataclass(frozen=True)
class Method:
    """A way of doing one thing. `section` is a key of `cr.catalog.sections`, `sections` its answer to every field
    of that section: texts, and whole numbers from 0 to 100 for percentages.
    """

    section: str
    slug: str
    label: str
    description: str
    sections: Mapping[str, Any]
    facets: frozenset[Facet]


@dataclass(frozen=True)
class Template:
    """A whole rule to begin from.

    `methods` are (section, slug) in the order of a rule, `values` ids of values; `clauses` are texts of its own, each
    {"section", "label", "body"}. `works`, `fits` and `watch_out` say how it goes, for whom, and what goes wrong.
    """

    slug: str
    title: str
    category: str
    description: str
    works: str
    fits: str
    watch_out: str
    sort_order: int
    featured: bool
    methods: tuple[tuple[str, str], ...]
    values: tuple[str, ...]
    clauses: tuple[Mapping[str, str], ...]
    facets: frozenset[Facet]


@dataclass(frozen=True)
class UseCase:
    """A worked example: how a community, which is invented, came to its rule.

    `story` are parts of {"heading", "text"}, texts in Markdown; `look` says what to notice in the rule. The rule is the
    community's own words in the shape of a draft's payload, whole: `rule` has its title and summary too.
    """

    slug: str
    community: str
    kind: str
    size: str
    description: str
    story: tuple[Mapping[str, str], ...]
    look: tuple[str, ...]
    rule: Mapping[str, Any]
    facets: frozenset[Facet]
