"""A rule's history: every event in words, and the rule as it stood after each of them, to step through."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from markupsafe import Markup
from pyramid.httpexceptions import HTTPNotModified
from pyramid.renderers import render_to_response
from pyramid.response import Response
from pyramid.view import view_config

from cr.events import rule as r
from cr.fingerprint import fingerprint
from cr.headers import has_already
from cr.page_cache import Concerns
from cr.projections import histories, revisions
from cr.resources.rules import RuleResource
from cr.security import Permission
from cr.views.changes import Changes, made_of
from cr.views.forms import number
from cr.views.people import People
from cr.views.public import PAGE, cacheable, look, older, rule_path, tombstone
from cr.views.rules import changes_path, last_change


@cache
def _version() -> str:
    """Changes with whatever these pages are made of."""
    return fingerprint(also=look() + made_of() + histories.PROJECTION.version + revisions.PROJECTION.version)


@view_config(
    context=RuleResource,
    name="history",
    request_method="GET",
    permission=Permission.RULE_READ,
    keep=Concerns.ITS_RULE,
    params=["before", "at"],
)
def rule_history(context: RuleResource, request: Any) -> Response:
    rule = context.rule
    if rule.status == "withdrawn":
        return tombstone(rule, request)
    if "at" in request.params:
        return _step(context, request)
    before = number(request.params.get("before", ""))
    people = People(request.dbsession, [rule.id])
    etag = f"{rule.version}-{rule.revision}-history-{before}-{people.fingerprint}-{_version()}"
    changed = max(last_change(rule, request), histories.find(request.dbsession, rule.id, rule.version).at)
    if has_already(request.environ, etag, changed):
        return cacheable(HTTPNotModified(), etag, changed)
    told = histories.of(request.dbsession, rule.id, before=before, limit=PAGE + 1)
    numbers = {entry.revision for entry in told if entry.revision}
    heads = revisions.heads(request.dbsession, rule.id, numbers)
    changes = Changes(request)
    values = {
        "rule": {"title": rule.title, "url": rule_path(request, rule.id)},
        "entries": [_told(entry, heads.get(entry.revision), changes, people, request) for entry in told[:PAGE]],
        "more_url": older(request, "history", told[PAGE - 1].version) if len(told) > PAGE else None,
        "links": {
            "steps": _step_url(request, 1),
            "data": rule_path(request, rule.id, "history.ndjson"),
            "canonical": rule_path(request, rule.id, "revisions", str(rule.revision), "canonical.json"),
            "schema": request.resource_path(request.root, "rules", "history.schema.json"),
        },
    }
    response = render_to_response("cr:templates/rule_history.jinja2", values, request=request)
    return cacheable(response, etag, changed)


def _told(entry: Any, row: Any, changes: Changes, people: People, request: Any) -> dict[str, Any]:
    """One entry of the history, and for a revision (`row`) what it says of itself."""
    return {
        "number": entry.version,
        "revision": entry.revision,
        "at": entry.at,
        "who": people.who_did(entry),
        "sentence": people.told(entry),
        **_said(row),
        "url": rule_path(request, row.rule, "revisions", str(row.revision)) if row is not None else None,
        "step_url": _step_url(request, entry.version),
        "compare_url": changes_path(request, row.rule, row.revision) if row is not None else None,
        "changes": changes.of(row) if row is not None else [],
    }


def _said(row: Any) -> dict[str, Any]:
    """What a revision says of its decision; nothing for the other events."""
    said = ("changed", "decided_by", "outside_rule", "decided_on", "record", "in_force_from")
    return {each: getattr(row, each, None) for each in said}


# --- One event, and the rule after it --------------------------------------------------------------------------------


def _step_url(request: Any, version: int) -> str:
    path: str = request.resource_path(request.context, "history", query={"at": version})
    return path


def _step(context: RuleResource, request: Any) -> Response:
    rule, last = context.rule, context.rule.version
    given = request.params["at"]
    version = int(given) if re.fullmatch("[1-9][0-9]{0,17}", given) else 0
    if not 1 <= version <= last:
        return _no_such_event(request, last)
    row = histories.find(request.dbsession, rule.id, version)
    people = People(request.dbsession, [rule.id])
    etag = f"{last}-at-{version}-{people.fingerprint}-{_version()}"
    # It says how many events there are.
    changed = histories.find(request.dbsession, rule.id, last).at
    if has_already(request.environ, etag, changed):
        return cacheable(HTTPNotModified(), etag, changed)
    after = request.rules.taking_part(rule.id, version)
    shown = revisions.after_event(request.dbsession, rule.id, version)
    changes = Changes(request).of(shown) or [] if row.revision else []
    if version > 1:
        changes = changes + _counted(request.rules.taking_part(rule.id, version - 1), after)
    values = {
        "number": version,
        "last": last,
        "event": {
            "at": row.at,
            "who": people.who_did(row),
            "sentence": people.told(row),
            "revision": row.revision,
            **_said(shown if row.revision else None),
            "changes": changes,
            "compare_url": changes_path(request, rule.id, row.revision) if row.revision else None,
        },
        "rule": {
            "title": shown.title,
            "summary": shown.summary,
            "revision": shown.revision,
            "status": after.status,
            "organizers": _organizers(after),
            "stakeholders": len(after.stakeholders),
            "accepted": after.accepted,
            "body": Markup(shown.html),  # noqa: S704 - made by our own template when it was published
            "url": rule_path(request, rule.id, "revisions", str(shown.revision)),
        },
        "links": {
            "history": rule_path(request, rule.id, "history"),
            "here": _step_url(request, version),
            "first": _step_url(request, 1) if version > 1 else None,
            "previous": _step_url(request, version - 1) if version > 1 else None,
            "next": _step_url(request, version + 1) if version < last else None,
            "last": _step_url(request, last) if version < last else None,
        },
    }
    return cacheable(render_to_response("cr:templates/rule_step.jinja2", values, request=request), etag, changed)


def _organizers(rule: r.Rule) -> int:
    return len(rule.organizers) + (rule.owner is not None)


def _counted(before: r.Rule, after: r.Rule) -> list[str]:
    """Whether more or fewer people take part, as sentences."""
    counts = {
        "Organizers": (_organizers(before), _organizers(after)),
        "Stakeholders": (len(before.stakeholders), len(after.stakeholders)),
        "Stakeholders who accepted": (before.accepted, after.accepted),
    }
    return [f"{what}: {now}, before {was}." for what, (was, now) in counts.items() if was != now]


def _no_such_event(request: Any, last: int) -> Response:
    many = "one event, number 1" if last == 1 else f"{last} events, numbered from 1 to {last}"
    values = {
        "status": 404,
        "heading": "No such event",
        "message": f"The history of this rule has {many}. The address asks for another one.",
        "fields": [],
        "error": True,
        "back": {"url": request.resource_path(request.context, "history"), "text": "The history of this rule"},
    }
    response = render_to_response("cr:templates/error.jinja2", values, request=request)
    response.status_int = 404
    return response
