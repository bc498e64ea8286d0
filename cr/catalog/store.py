"""The catalogue as rows: what `cr-seed` fills and everybody reads.

JSON columns are JSON and not JSONB, so that the fields of a method stay in the order in which people read them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from cr.catalog.facets import ALL, Facet
from cr.catalog.items import Method, Template, Value
from cr.catalog.source import Catalog
from cr.db import metadata

catalog_values = sa.Table(
    "catalog_values",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("meaning", sa.Text, nullable=False),
    sa.Column("signals", sa.Text, nullable=False),
)

catalog_methods = sa.Table(
    "catalog_methods",
    metadata,
    sa.Column("section", sa.Text, primary_key=True),
    sa.Column("slug", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("sections", sa.JSON, nullable=False),
    # ["size:twoToFive", ...]: those that it says yes to.
    sa.Column("facets", sa.JSON, nullable=False),
)

catalog_templates = sa.Table(
    "catalog_templates",
    metadata,
    sa.Column("slug", sa.Text, primary_key=True),
    sa.Column("sort_order", sa.Integer, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("category", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("works", sa.Text, nullable=False),
    sa.Column("fits", sa.Text, nullable=False),
    sa.Column("watch_out", sa.Text, nullable=False),
    sa.Column("featured", sa.Boolean, nullable=False),
    # [[section, slug], ...], [id, ...], [{"section", "label", "body"}, ...]
    sa.Column("methods", sa.JSON, nullable=False),
    sa.Column("values", sa.JSON, nullable=False),
    sa.Column("clauses", sa.JSON, nullable=False),
    sa.Column("facets", sa.JSON, nullable=False),
)

SEED_LOCK = 7_301_004
"""Two commands that fill the catalogue at once do so one after the other. Readers wait for neither."""

Reader = Session | sa.Connection


def values(session: Reader) -> list[Value]:
    """Every value, in the order of the catalogue; nothing before it is filled."""
    rows = session.execute(sa.select(catalog_values).order_by(catalog_values.c.position))
    return [Value(row.id, row.label, row.meaning, row.signals) for row in rows]


def methods(session: Reader, section_key: str) -> list[Method]:
    """The methods of a section, in the order of the catalogue."""
    query = sa.select(catalog_methods).where(catalog_methods.c.section == section_key)
    return [_method(row) for row in session.execute(query.order_by(catalog_methods.c.position))]


def all_methods(session: Reader) -> dict[tuple[str, str], Method]:
    """Every method by section and slug, in the order of the catalogue."""
    rows = session.execute(sa.select(catalog_methods).order_by(catalog_methods.c.position))
    return {(row.section, row.slug): _method(row) for row in rows}


def method(session: Reader, section_key: str, slug: str) -> Method | None:
    columns = catalog_methods.c
    query = sa.select(catalog_methods).where(columns.section == section_key, columns.slug == slug)
    row = session.execute(query).one_or_none()
    return _method(row) if row is not None else None


def templates(session: Reader) -> list[Template]:
    """Every template, by its sort order."""
    rows = session.execute(sa.select(catalog_templates).order_by(catalog_templates.c.sort_order))
    return [_template(row) for row in rows]


def template(session: Reader, slug: str) -> Template | None:
    row = session.execute(sa.select(catalog_templates).where(catalog_templates.c.slug == slug)).one_or_none()
    return _template(row) if row is not None else None


def replace(connection: sa.Connection, catalog: Catalog) -> None:
    """Make the rows those of `catalog`, whatever was there before.

    Within the caller's transaction: until it commits everybody reads the rows as they were, afterwards the new ones.
    """
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(SEED_LOCK)))
    for table, rows in (
        (catalog_values, _value_rows(catalog.values)),
        (catalog_methods, _method_rows(catalog.methods)),
        (catalog_templates, _template_rows(catalog.templates)),
    ):
        connection.execute(sa.delete(table))
        if rows:
            connection.execute(sa.insert(table), rows)


def _value_rows(values: Iterable[Value]) -> list[dict[str, Any]]:
    return [
        {"id": each.id, "position": place, "label": each.label, "meaning": each.meaning, "signals": each.signals}
        for place, each in enumerate(values, 1)
    ]


def _method_rows(methods: Iterable[Method]) -> list[dict[str, Any]]:
    return [
        {
            "section": each.section,
            "slug": each.slug,
            "position": place,
            "label": each.label,
            "description": each.description,
            "sections": dict(each.sections),
            "facets": _texts(each.facets),
        }
        for place, each in enumerate(methods, 1)
    ]


def _template_rows(templates: Iterable[Template]) -> list[dict[str, Any]]:
    return [
        {
            "slug": each.slug,
            "sort_order": each.sort_order,
            "title": each.title,
            "category": each.category,
            "description": each.description,
            "works": each.works,
            "fits": each.fits,
            "watch_out": each.watch_out,
            "featured": each.featured,
            "methods": [list(named) for named in each.methods],
            "values": list(each.values),
            "clauses": [dict(clause) for clause in each.clauses],
            "facets": _texts(each.facets),
        }
        for each in templates
    ]


def _method(row: Any) -> Method:
    return Method(row.section, row.slug, row.label, row.description, row.sections, _facets(row.facets))


def _template(row: Any) -> Template:
    return Template(
        slug=row.slug,
        title=row.title,
        category=row.category,
        description=row.description,
        works=row.works,
        fits=row.fits,
        watch_out=row.watch_out,
        sort_order=row.sort_order,
        featured=row.featured,
        methods=tuple((section, slug) for section, slug in row.methods),
        values=tuple(row._mapping["values"]),
        clauses=tuple(row.clauses),
        facets=_facets(row.facets),
    )


def _texts(facets: frozenset[Facet]) -> list[str]:
    return [str(facet) for facet in ALL if facet in facets]


BY_TEXT = {str(facet): facet for facet in ALL}


def _facets(texts: Iterable[str]) -> frozenset[Facet]:
    """Facets of a catalogue that another version of the code has filled may not be known here: they count as no."""
    return frozenset(BY_TEXT[text] for text in texts if text in BY_TEXT)
