"""What public pages share: addresses, lists of rules, tags by which a browser knows them again, tombstones."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, time
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup
from pyramid.httpexceptions import HTTPNotModified
from pyramid.renderers import render_to_response
from pyramid.response import Response

from cr import pages
from cr.fingerprint import fingerprint
from cr.headers import has_already
from cr.pages import STATIC
from cr.projections import revisions, rules
from cr.projections.revisions import TEMPLATES
from cr.views.people import People

PAGE = 50
"""Entries of a list on one page."""

REMIXES = 5
"""On the page of the rule that they began with; all of them have a page of their own."""

VIEWS = sorted(Path(__file__).parent.glob("*.py"))


def rule_path(request: Any, rule_id: Any, *more: str, **options: Any) -> str:
    path: str = request.resource_path(request.root, "rules", str(rule_id), *more, **options)
    return path


def listing(rows: Sequence[Any], request: Any) -> list[dict[str, Any]]:
    """Rows of `cr.projections.rules` as lists show them: with the name and the summary that are in force today."""
    today = request.now.date()
    heads = revisions.heads_in_force(request.dbsession, [row.id for row in rows], today)
    return [
        {
            "title": head.title,
            "summary": head.summary,
            "url": rule_path(request, head.rule),
            "updated_at": head.published_at,
            "revision": head.revision,
            "in_force_from": head.in_force_from if head.in_force_from > today else None,
        }
        for head in (heads[row.id] for row in rows)
    ]


def any_change(request: Any) -> datetime:
    """When what `listing` says of all rules changed last. Any day may bring another revision into force."""
    today = datetime.combine(request.now.date(), time(tzinfo=UTC))
    return max(today, rules.last_change(request.dbsession) or today)


def file_name(title: str, rule_id: Any) -> str:
    """What to call a file of a rule with this title; what it has of the rule and the ending go behind."""
    ascii_title = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = re.sub("[^a-z0-9]+", "-", ascii_title)[:60].strip("-")
    return words or f"rule-{rule_id}"


def older(request: Any, view: str, before: int) -> str:
    path: str = request.resource_path(request.context, *([view] if view else []), query={"before": before})
    return path


@cache
def look() -> str:
    """Changes with whatever surrounds the stored body, so that an ETag is never older than the page's look."""
    return fingerprint(*sorted(TEMPLATES.glob("*.jinja2")), *sorted(STATIC.glob("*")), pages.__file__, *VIEWS)


def answer(
    request: Any, template: str, values: dict[str, Any], changed: datetime, tag: str = "", body: str | None = None
) -> Response:
    """A public page. Its ETag is made of all that it shows: `values`, the `tag` of the stored body, and the look."""
    told = json.dumps([values, tag, request.urls.origin, look()], default=str, sort_keys=True)
    etag = hashlib.sha256(told.encode()).hexdigest()[:32]
    if has_already(request.environ, etag, changed):
        return cacheable(HTTPNotModified(), etag, changed)
    if body is not None:
        values = {**values, "body": Markup(body)}  # noqa: S704 - made by our own template when it was published
    return cacheable(render_to_response(template, values, request=request), etag, changed)


def cacheable(response: Any, etag: str, changed: Any) -> Any:
    """Kept by browsers, asked about every time: a new revision shows at once."""
    response.etag = etag
    response.last_modified = changed
    response.headers["Cache-Control"] = "public, no-cache"
    return response


def tombstone(row: Any, request: Any) -> Response:
    began_with = rules.copies(request.dbsession, row.id, REMIXES + 1)
    response = render_to_response(
        "cr:templates/rule_withdrawn.jinja2",
        {
            "title": row.title,
            "at": row.updated_at,
            "who": People(request.dbsession, [row.id]).within(row.id, row.withdrawn_by),
            "reason": row.reason,
            "remixes": listing(began_with[:REMIXES], request),
            "copies_url": rule_path(request, row.id, "copies") if len(began_with) > REMIXES else None,
        },
        request=request,
    )
    response.status_int = 410
    return response
