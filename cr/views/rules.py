"""Published rules: the list, the rule in force, and every revision at its own address."""

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
from cr.fingerprint import fingerprint
from cr.page_cache import Concerns
from cr.pages import STATIC, day
from cr.projections import drafts, rules
from cr.projections.revisions import TEMPLATES
from cr.resources.rules import Revision, RuleResource, RulesResource
from cr.security import Permission
from cr.views.organizers import drafts_of_others

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
    context=RulesResource,
    request_method="GET",
    permission=Permission.RULE_READ,
    renderer="cr:templates/rules.jinja2",
    keep=Concerns.EVERY_RULE,
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


@view_config(context=RuleResource, request_method="GET", permission=Permission.RULE_READ, keep=Concerns.ITS_RULE)
def rule_page(context: RuleResource, request: Any) -> Response:
    row = context.rule
    if row.status == "withdrawn":
        return _tombstone(row, request)
    etag = f"{row.etag}-{row.revision}-{_look()}"
    if etag in request.if_none_match:
        return _cacheable(HTTPNotModified(), etag, row.updated_at)
    response = _rendered(request, row, row, notice=None)
    return _cacheable(response, etag, row.updated_at)


@view_config(context=Revision, request_method="GET", permission=Permission.RULE_READ, keep=Concerns.ITS_RULE)
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
                "sha256": row.sha256,
            },
            "adoption": adoption(row, current),
            "body": Markup(row.html),  # noqa: S704 - made by our own template when it was published
            "links": {
                "rule": rule_path(request, rule.id),
                "history": rule_path(request, rule.id, "history"),
                "edit": rule_path(request, rule.id, "edit"),
                "json": request.resource_path(request.root, "api", "rules", str(rule.id)),
                "revision": rule_path(request, rule.id, "revisions", str(row.revision)),
                "canonical": rule_path(request, rule.id, "revisions", str(row.revision), "canonical.json"),
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
    following = rule.newest + 1
    return {
        "rule": {"title": rule.title, "revision": rule.newest, "url": rule_path(request, rule.id)},
        "begun": drafts.revising(request.dbsession, request.identity.account_id, rule.id, rule.newest) is not None,
        "others": [each for each in drafts_of_others(request, [rule]) if each["revision"] == following],
        "action": rule_path(request, rule.id, "edit"),
        "organizers_url": rule_path(request, rule.id, "organizers"),
    }


@view_config(context=RuleResource, name="edit", request_method="POST", permission=Permission.RULE_EDIT)
def edit_rule(context: RuleResource, request: Any) -> Any:
    """Opens the draft that they have begun on this revision already, or a new one with the rule as it stands."""
    actor = request.identity.account_id
    # Of two presses of the button the second goes on with the draft of the first.
    one_at_a_time(request.dbsession, context.rule.id)
    begun = drafts.revising(request.dbsession, actor, context.rule.id, context.rule.newest)
    draft_id = begun.id if begun else request.rules.edit_rule(context.rule.id, actor, request.now)
    return HTTPSeeOther(request.resource_url(request.root, "drafts", str(draft_id)))
