"""Any two revisions of a published rule, compared; for everybody to read, to keep and to link to."""

from __future__ import annotations

from functools import cache
from typing import Any

from pyramid.httpexceptions import HTTPNotModified
from pyramid.renderers import render_to_response
from pyramid.response import Response
from pyramid.view import view_config

from cr.comparison import compare
from cr.fingerprint import fingerprint
from cr.headers import has_already
from cr.page_cache import Concerns
from cr.projections import revisions
from cr.resources.rules import RuleResource
from cr.security import Permission
from cr.views import comparing
from cr.views.changes import made_of, whole
from cr.views.public import cacheable, look, rule_path, tombstone
from cr.views.rules import last_change

CHOICES = 100
"""Revisions to choose from, the newest ones; any other can be named in the address."""


@cache
def _made_of() -> str:
    return fingerprint(also=look() + made_of())


@view_config(
    context=RuleResource,
    name="compare",
    request_method="GET",
    permission=Permission.RULE_READ,
    keep=Concerns.ITS_RULE,
    params=["from", "to", "view"],
)
def compare_revisions(context: RuleResource, request: Any) -> Response:
    rule, session = context.rule, request.dbsession
    if rule.status == "withdrawn":
        return tombstone(rule, request)
    newest = revisions.newest_first(session, rule.id, CHOICES)
    last = newest[0].revision
    asked = comparing.moments(request.params, "revision", 1, last)
    side = request.params.get("view") == "side"
    etag = f"{asked.before}-{asked.after}-{side}-of-{rule.version}-{rule.revision}-{_made_of()}"
    changed = last_change(rule, request)
    if asked.status == 200 and has_already(request.environ, etag, changed):
        return cacheable(HTTPNotModified(), etag, changed)

    heads = {row.revision: row for row in newest}
    values: dict[str, Any] = {
        "rule": {"title": rule.title, "url": rule_path(request, rule.id)},
        "links": {
            "history": rule_path(request, rule.id, "history"),
            "compare": rule_path(request, rule.id, "compare"),
        },
        "only": last == 1,
        "error": asked.error,
        "compared": None,
        "from": last - 1,
        "to": last,
    }
    if asked.before is not None and asked.after is not None:
        heads |= revisions.heads(session, rule.id, {asked.before, asked.after} - heads.keys())
        pair = [heads[asked.before], heads[asked.after]]
        texts = (whole(session, rule.id, row.revision) for row in pair)
        values |= {
            "from": asked.before,
            "to": asked.after,
            "compared": comparing.page(compare(*texts), asked, request),
            "moments": [_moment(row, request) for row in pair],
        }
    values["choices"] = [{"number": n, "at": heads[n].published_at} for n in sorted(heads, reverse=True)]
    response = render_to_response("cr:templates/rule_compare.jinja2", values, request=request)
    if asked.status != 200:
        response.status_int = asked.status
        return response
    return cacheable(response, etag, changed)


def _moment(row: Any, request: Any) -> dict[str, Any]:
    return {
        "number": row.revision,
        "at": row.published_at,
        "changed": row.changed,
        "url": rule_path(request, row.rule, "revisions", str(row.revision)),
    }
