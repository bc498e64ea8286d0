"""Published rules: the list, the rule in force, its history, and every revision at its own address."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from typing import Any

from markupsafe import Markup
from pyramid.httpexceptions import HTTPNotModified, HTTPSeeOther
from pyramid.renderers import render_to_response
from pyramid.response import Response
from pyramid.view import view_config

from cr import pages
from cr.db import one_at_a_time
from cr.errors import Gone
from cr.events.document import differences
from cr.fingerprint import fingerprint
from cr.pages import STATIC, day
from cr.projections import drafts, histories, revisions, rules
from cr.projections.revisions import TEMPLATES
from cr.resources.rules import Revision, RuleResource, RulesResource
from cr.security import Permission

PAGE = 50


def rule_path(request: Any, rule_id: Any, *more: str) -> str:
    path: str = request.resource_path(request.root, "rules", str(rule_id), *more)
    return path


def listed(row: Any, request: Any) -> dict[str, Any]:
    return {
        "title": row.title,
        "summary": row.summary,
        "url": rule_path(request, row.id),
        "updated_at": row.updated_at,
        "revision": row.revision,
    }


@view_config(
    context=RulesResource, request_method="GET", permission=Permission.RULE_READ, renderer="cr:templates/rules.jinja2"
)
def list_rules(context: RulesResource, request: Any) -> dict[str, Any]:
    before = _number(request.params.get("before", ""))
    found = rules.last_touched(request.dbsession, PAGE + 1, before=before)
    more_url = _older(request, "", found[PAGE - 1].position) if len(found) > PAGE else None
    return {"rules": [listed(row, request) for row in found[:PAGE]], "more_url": more_url}


def _number(text: str) -> int | None:
    """The number in an address that a page of ours wrote; None for anything else."""
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None


def _older(request: Any, view: str, before: int) -> str:
    path: str = request.resource_path(request.context, *([view] if view else []), query={"before": before})
    return path


@cache
def _look() -> str:
    """Changes with whatever surrounds the stored body, so that an ETag is never older than the page's look."""
    return fingerprint(*sorted(TEMPLATES.glob("*.jinja2")), *sorted(STATIC.glob("*")), pages.__file__, __file__)


@view_config(context=RuleResource, request_method="GET", permission=Permission.RULE_READ)
def rule_page(context: RuleResource, request: Any) -> Response:
    row = context.rule
    if row.status == "withdrawn":
        return _tombstone(row, request)
    etag = f"{row.etag}-{row.revision}-{_look()}"
    if etag in request.if_none_match:
        return _cacheable(HTTPNotModified(), etag, row.updated_at)
    response = _rendered(request, row, row, notice=None)
    return _cacheable(response, etag, row.updated_at)


@view_config(context=Revision, request_method="GET", permission=Permission.RULE_READ)
def revision_page(context: Revision, request: Any) -> Response:
    rule, row = context.rule, context.revision
    if rule.status == "withdrawn":
        return _tombstone(rule, request)
    current = row.revision == rule.revision
    etag = f"{row.etag}-{row.revision}-of-{rule.revision}-{_look()}"
    if etag in request.if_none_match:
        return _cacheable(HTTPNotModified(), etag, row.published_at)
    notice = None
    if not current:
        notice = {
            "text": f"This is revision {row.revision}. Revision {rule.revision} is in force.",
            "url": rule_path(request, rule.id),
        }
    return _cacheable(_rendered(request, rule, row, notice=notice), etag, row.published_at)


def _rendered(request: Any, rule: Any, row: Any, notice: dict[str, str] | None) -> Response:
    """`rule` is the rule in force, `row` the revision to show."""
    current = row.revision == rule.revision
    return render_to_response(
        "cr:templates/rule.jinja2",
        {
            "rule": {
                "id": str(rule.id),
                "title": row.title,
                "summary": row.summary,
                "revision": row.revision,
                "created_at": rule.created_at,
                "updated_at": row.published_at,
                "current": current,
            },
            "adoption": adoption(row, current),
            "body": Markup(row.html),  # noqa: S704 - made by our own template when it was published
            "links": {
                "rule": rule_path(request, rule.id),
                "history": rule_path(request, rule.id, "history"),
                "edit": rule_path(request, rule.id, "edit"),
                "json": request.resource_path(request.root, "api", "rules", str(rule.id)),
                "revision": rule_path(request, rule.id, "revisions", str(row.revision)),
            },
            "notice": notice,
        },
        request=request,
    )


def adoption(row: Any, current: bool) -> str:
    """The line under the title: “Revision 3, adopted by consent on 12 March 2026, in force”."""
    words = [f"Revision {row.revision}"]
    decided: date | None = row.decided_on
    if row.decided_by:
        # People write "consent" or, as they would say it, "by consent".
        how = re.sub(r"^by\s+", "", row.decided_by, flags=re.IGNORECASE)
        # A method's name begins with a capital, a sentence goes on without one.
        how = how[0].lower() + how[1:] if how[1:2].islower() else how
        words.append(f"adopted by {how}" + (f" on {day(decided)}" if decided else ""))
    elif decided:
        words.append(f"adopted on {day(decided)}")
    else:
        words.append(f"published on {day(row.published_at)}")
    words.append("in force" if current else "superseded")
    return ", ".join(words)


def _cacheable(response: Any, etag: str, changed: Any) -> Any:
    """Kept by browsers, asked about every time: a new revision shows at once."""
    response.etag = etag
    response.last_modified = changed
    response.headers["Cache-Control"] = "public, no-cache"
    return response


def _tombstone(row: Any, request: Any) -> Response:
    response = render_to_response(
        "cr:templates/rule_withdrawn.jinja2",
        {
            "title": row.title,
            "at": row.updated_at,
            "who": "its owner" if row.withdrawn_by else "the people who run this site",
            "reason": row.reason,
        },
        request=request,
    )
    response.status_int = 410
    return response


@view_config(context=RuleResource, name="history", request_method="GET", permission=Permission.RULE_READ)
def rule_history(context: RuleResource, request: Any) -> Response:
    rule = context.rule
    if rule.status == "withdrawn":
        return _tombstone(rule, request)
    before = _number(request.params.get("before", ""))
    etag = f"{rule.version}-history-{before}-{_look()}"
    if etag in request.if_none_match:
        return _cacheable(HTTPNotModified(), etag, rule.updated_at)
    told = histories.of(request.dbsession, rule.id, before=before, limit=PAGE + 1)
    numbers = {entry.revision for entry in told if entry.revision}
    heads = revisions.heads(request.dbsession, rule.id, numbers | {number - 1 for number in numbers})
    entries = [_told(entry, heads, context, request) for entry in told[:PAGE]]
    values = {
        "rule": {
            "title": rule.title,
            "url": rule_path(request, rule.id),
            "revision": rule.revision,
            "updated_at": rule.updated_at,
        },
        "entries": entries,
        "more_url": _older(request, "history", told[PAGE - 1].version) if len(told) > PAGE else None,
    }
    response = render_to_response("cr:templates/rule_history.jinja2", values, request=request)
    return _cacheable(response, etag, rule.updated_at)


def _told(entry: Any, heads: dict[int, Any], context: RuleResource, request: Any) -> dict[str, Any]:
    """One entry of the history, and for a revision what it says of itself."""
    row = heads.get(entry.revision)
    before = heads.get(entry.revision - 1) if row is not None else None
    return {
        "number": entry.version,
        "revision": entry.revision,
        "at": entry.at,
        "who": "The owner" if entry.actor else "The people who run this site",
        "sentence": entry.sentence,
        **{name: getattr(row, name, None) for name in ("changed", "decided_by", "decided_on", "record")},
        "url": rule_path(request, context.rule.id, "revisions", str(entry.revision)) if row is not None else None,
        "changes": _changes(before, row, request) if before is not None else [],
    }


def _changes(before: Any, after: Any, request: Any) -> list[str]:
    sentences = []
    if before.title != after.title:
        sentences.append(f"Renamed it from “{before.title}” to “{after.title}”.")
    if before.summary != after.summary:
        sentences.append("Rewrote the summary.")
    # Two at a time: the documents of a long history do not fit into memory together.
    texts = [revisions.document(request.dbsession, each.rule, each.revision) for each in (before, after)]
    return sentences + differences(*texts)


@view_config(
    context=RuleResource,
    name="edit",
    request_method="GET",
    permission=Permission.RULE_EDIT,
    renderer="cr:templates/rule_edit.jinja2",
)
def ask_edit(context: RuleResource, request: Any) -> dict[str, Any]:
    rule = context.rule
    if rule.status == "withdrawn":
        raise Gone()
    return {
        "rule": {"title": rule.title, "revision": rule.newest, "url": rule_path(request, rule.id)},
        "action": rule_path(request, rule.id, "edit"),
    }


@view_config(context=RuleResource, name="edit", request_method="POST", permission=Permission.RULE_EDIT)
def edit_rule(context: RuleResource, request: Any) -> Any:
    """Opens the draft that the owner has begun from this revision already, or a new one with the rule as it stands."""
    actor = request.identity.account_id
    # Of two presses of the button the second goes on with the draft of the first.
    one_at_a_time(request.dbsession, context.rule.id)
    begun = drafts.revising(request.dbsession, actor, context.rule.id, context.rule.newest)
    draft_id = begun.id if begun else request.rules.edit_rule(context.rule.id, actor, request.now)
    return HTTPSeeOther(request.resource_url(request.root, "drafts", str(draft_id)))
