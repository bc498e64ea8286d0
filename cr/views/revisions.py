"""The revisions of a rule: the list, each at its own address, and the one that was in force on a day."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from pyramid.renderers import render_to_response
from pyramid.response import Response
from pyramid.view import view_config

from cr.errors import NotFound
from cr.page_cache import Concerns
from cr.pages import day
from cr.projections import revisions
from cr.resources.rules import Revision, Revisions, RuleResource
from cr.security import Permission
from cr.views.forms import number
from cr.views.in_force import State, spans
from cr.views.people import People
from cr.views.public import PAGE, answer, older, rule_path, tombstone
from cr.views.rules import adopted, changes_path, last_change, revision_shown


@view_config(context=Revision, request_method="GET", permission=Permission.RULE_READ, keep=Concerns.ITS_RULE)
def revision_page(context: Revision, request: Any) -> Response:
    rule, row, today = context.rule, context.revision, request.now.date()
    if rule.status == "withdrawn":
        return tombstone(rule, request)
    span = spans(revisions.days(request.dbsession, rule.id))[row.revision]
    if span.state(today) is State.IN_FORCE:
        return revision_shown(request, rule, row, span, [], rule_path(request, rule.id))
    notice = {"text": span.notice(today, _current(rule, today)), **_to_current(rule, today, request)}
    return revision_shown(request, rule, row, span, [notice], request.resource_path(context).rstrip("/"))


def _current(rule: Any, today: date) -> int | None:
    """The number of the revision in force; None when there is none yet."""
    return rule.revision if rule.in_force_from <= today else None


def _to_current(rule: Any, today: date, request: Any) -> dict[str, str]:
    words = "Read the one in force" if _current(rule, today) is not None else "Read the first one to come into force"
    return {"url": rule_path(request, rule.id), "link": words}


@view_config(context=RuleResource, request_method="GET", request_param="on", permission=Permission.RULE_READ)
def on_a_day(context: RuleResource, request: Any) -> Response:
    """`?on=2026-03-01`: the revision that was in force that day, or by what is known now will be."""
    rule, today, written = context.rule, request.now.date(), request.params["on"]
    if rule.status == "withdrawn":
        return tombstone(rule, request)
    try:
        on = _day(written)
    except ValueError:
        error = "Write the day as year-month-day, such as 2026-03-01."
        if written.strip():
            error = f"“{written[:50]}” is no day of the calendar. {error}"
        return _no_day(request, rule, 400, written, error=error)
    row = revisions.in_force(request.dbsession, rule.id, on)
    if row.in_force_from > on:
        first = {"number": row.revision, "begins": row.in_force_from}
        return _no_day(request, rule, 404, written, on=on, first=first, coming=row.in_force_from > today)
    if on < today:
        text = f"On {day(on)} revision {row.revision} was in force."
    elif on == today:
        text = f"Today, on {day(on)}, revision {row.revision} is in force."
    else:
        text = f"On {day(on)} revision {row.revision} will be in force, by what was published until today."
    notices = [{"text": text}]
    if row.revision != _current(rule, today):
        notices = [{"text": text, **_to_current(rule, today, request)}]
    span = spans(revisions.days(request.dbsession, rule.id))[row.revision]
    permanent = rule_path(request, rule.id, "revisions", str(row.revision))
    return revision_shown(request, rule, row, span, notices, permanent)


def _day(text: str) -> date:
    """Raises `ValueError` for what is no day of the calendar, or one in another form."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError(text)
    return date.fromisoformat(text)


def _no_day(request: Any, rule: Any, status: int, written: str, **more: Any) -> Response:
    values = {
        "title": rule.title,
        "links": {"rule": rule_path(request, rule.id), "revisions": rule_path(request, rule.id, "revisions")},
        "written": written,
        "on": None,
        "error": None,
        **more,
    }
    response = render_to_response("cr:templates/rule_on_a_day.jinja2", values, request=request)
    response.status_int = status
    return response


@view_config(
    context=Revisions,
    request_method="GET",
    permission=Permission.RULE_READ,
    keep=Concerns.ITS_RULE,
    params=["before"],
)
def list_revisions(context: Revisions, request: Any) -> Response:
    rule, session, today = context.rule, request.dbsession, request.now.date()
    if rule.status == "withdrawn":
        return tombstone(rule, request)
    before = number(request.params.get("before", ""))
    found = revisions.newest_first(session, rule.id, PAGE + 1, before)
    if not found or (before is None and "before" in request.params):
        raise NotFound("This list has no such page. Look at the newest revisions first.")
    rows = found[:PAGE]
    people = People(session, [rule.id])
    periods = spans(revisions.days(session, rule.id))
    entries = []
    # Beside each the one before it, which of the last one on the page is the first on the next.
    for row, earlier in zip(rows, [*found[1:], None], strict=False):
        entries.append(
            {
                "number": row.revision,
                "title": row.title if earlier is None or earlier.title != row.title else None,
                "published_at": row.published_at,
                "who": people.within(rule.id, row.actor),
                "adopted": adopted(row).removeprefix("adopted ") if row.decided_by or row.decided_on else None,
                "outside_rule": row.outside_rule,
                "period": periods[row.revision].period(today),
                "state": periods[row.revision].told(today),
                "in_force": periods[row.revision].state(today) is State.IN_FORCE,
                "changed": row.changed,
                "record": row.record,
                "url": rule_path(request, rule.id, "revisions", str(row.revision)),
                "changes_url": changes_path(request, rule.id, row.revision),
            }
        )
    values = {
        "rule": {"title": rule.title, "url": rule_path(request, rule.id), "newest": rule.newest},
        "today": today,
        "entries": entries,
        "links": {"history": rule_path(request, rule.id, "history"), "feed": rule_path(request, rule.id, "feed.atom")},
        "more_url": older(request, "", rows[-1].revision) if len(found) > PAGE else None,
        "newer": before is not None,
    }
    return answer(request, "cr:templates/revisions.jinja2", values, last_change(rule, request))
