"""Published rules: the list, the rule in force, and writing its next revision."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.response import Response
from pyramid.view import view_config

from cr.db import one_at_a_time
from cr.errors import Gone
from cr.page_cache import Concerns, shows_others
from cr.pages import day
from cr.projections import drafts, revisions, rules
from cr.resources.rules import RuleResource, RulesResource
from cr.security import Permission
from cr.views.forms import number
from cr.views.in_force import Span, State, spans
from cr.views.organizers import drafts_of_others
from cr.views.people import People
from cr.views.public import PAGE, REMIXES, answer, any_change, file_name, listing, older, rule_path, tombstone


@view_config(
    context=RulesResource,
    request_method="GET",
    permission=Permission.RULE_READ,
    keep=Concerns.EVERY_RULE,
    params=["before"],
)
def list_rules(context: RulesResource, request: Any) -> Response:
    before = number(request.params.get("before", ""))
    found = rules.last_touched(request.dbsession, PAGE + 1, before=before)
    more_url = older(request, "", found[PAGE - 1].position) if len(found) > PAGE else None
    feed = request.resource_path(context, "feed.atom")
    values = {"rules": listing(found[:PAGE], request), "more_url": more_url, "feed": feed}
    return answer(request, "cr:templates/rules.jinja2", values, any_change(request))


@view_config(context=RuleResource, request_method="GET", permission=Permission.RULE_READ, keep=Concerns.ITS_RULE)
def rule_page(context: RuleResource, request: Any) -> Response:
    rule, today = context.rule, request.now.date()
    if rule.status == "withdrawn":
        return tombstone(rule, request)
    # Most rules have no revision that waits for its day.
    waiting = rule.newest != rule.revision or rule.in_force_from > today
    found = spans(revisions.days(request.dbsession, rule.id)) if waiting else {}
    notices = []
    if rule.in_force_from > today:
        text = f"No revision of this rule is in force yet. This one comes into force on {day(rule.in_force_from)}."
        notices.append({"text": text})
    for span in found.values():
        if span.state(today) is State.TO_COME and span.number != rule.revision:
            text = f"Revision {span.number} was adopted and comes into force on {day(span.begins)}."
            url = rule_path(request, rule.id, "revisions", str(span.number))
            notices.append({"text": text, "url": url, "link": f"Read revision {span.number}"})
    span = found.get(rule.revision) or Span(rule.revision, rule.in_force_from)
    return revision_shown(request, rule, rule, span, notices, rule_path(request, rule.id), walk=False)


def revision_shown(
    request: Any, rule: Any, row: Any, span: Span, notices: list[dict[str, Any]], canonical: str, *, walk: bool = True
) -> Response:
    """The page of a revision: `rule` is the rule in force, `row` the revision to show, `span` its days.

    `walk`: it leads to the revisions beside it.
    """
    today = request.now.date()
    number = str(row.revision)
    later = rule_path(request, rule.id, "revisions", str(row.revision + 1)) if row.revision < rule.newest else None
    earlier = rule_path(request, rule.id, "revisions", str(row.revision - 1)) if row.revision > 1 else None
    began_with = rules.copies(request.dbsession, rule.id, REMIXES + 1)
    canonical_json = rule_path(request, rule.id, "revisions", number, "canonical.json")
    json_url: str | None = canonical_json
    if row.sha256 is None:
        # It has none. The JSON API knows the newest text only.
        api = request.resource_path(request.root, "api", "rules", str(rule.id))
        json_url = api if row.revision == rule.newest else None
    values = {
        "rule": {
            "id": str(rule.id),
            "title": row.title,
            "summary": row.summary,
            "revision": row.revision,
            "created_at": rule.created_at,
            "updated_at": row.published_at,
            "in_force": span.state(today) is State.IN_FORCE,
            "sha256": row.sha256,
        },
        "adoption": adoption(row, span.told(today)),
        "facts": _facts(row, rule, span, request),
        "changed": row.changed,
        "record": row.record,
        "origin": origin(request, rule),
        "remixes": listing(began_with[:REMIXES], request),
        "links": {
            "rule": rule_path(request, rule.id),
            "canonical": canonical,
            "revisions": rule_path(request, rule.id, "revisions"),
            "history": rule_path(request, rule.id, "history"),
            "edit": rule_path(request, rule.id, "edit"),
            "begin": rule_path(request, rule.id, "copy", query={"revision": number}),
            "report": rule_path(request, rule.id, "report", query={"revision": number}),
            "copies": rule_path(request, rule.id, "copies") if len(began_with) > REMIXES else None,
            "feed": rule_path(request, rule.id, "feed.atom"),
            "json": json_url,
            "revision": rule_path(request, rule.id, "revisions", number),
            "canonical_json": canonical_json,
            "earlier": earlier,
            "later": later,
            "changes": changes_path(request, rule.id, row.revision),
        },
        "json_name": f"{file_name(row.title, rule.id)}-revision-{number}.json",
        "notices": notices,
        "walk": walk,
    }
    changed = last_change(rule, request)
    if began_with or values["origin"]:
        shows_others(request)
        changed = any_change(request)
    # The body is old exactly when its revision's own tag is.
    return answer(request, "cr:templates/rule.jinja2", values, changed, row.etag, row.html)


def changes_path(request: Any, rule_id: UUID, revision: int) -> str | None:
    """Where it is shown what a revision changed; None for the first one."""
    if revision == 1:
        return None
    return rule_path(request, rule_id, "compare", query={"from": revision - 1, "to": revision})


def last_change(rule: Any, request: Any) -> datetime:
    """When what is said of the rule in force became true: something was published, or the day of a revision came."""
    updated: datetime = rule.updated_at
    begun = datetime.combine(rule.in_force_from, time(tzinfo=UTC))
    return max(updated, begun) if begun <= request.now else updated


def _facts(row: Any, rule: Any, span: Span, request: Any) -> list[str]:
    """What else is known of a revision's adoption, in sentences."""
    today, published = request.now.date(), row.published_at.date()
    by = People(request.dbsession, [rule.id]).within(rule.id, row.actor)
    said = adopted_on(row)
    facts = [f"Published by {by}." if said == published else f"Published by {by} on {day(published)}."]
    if span.state(today) is State.IN_FORCE and span.begins != said:
        facts.append(f"In force since {day(span.begins)}.")
    elif span.state(today) is State.SUPERSEDED:
        facts.append(f"In force: {span.period(today)}.")
    if row.outside_rule:
        facts.append("It was adopted in a way that the rule did not name at the time.")
    return facts


def adopted_on(row: Any) -> date | None:
    """The day that the line under the title names."""
    decided: date | None = row.decided_on
    published: date = row.published_at.date()
    return decided if decided or row.decided_by else published


def adoption(row: Any, told: str) -> str:
    """The line under the title: “Revision 3, adopted by consent on 12 March 2026, in force”."""
    return ", ".join([f"Revision {row.revision}", adopted(row), told])


def adopted(row: Any) -> str:
    decided: date | None = row.decided_on
    if row.decided_by:
        # People write "consent" or, as they would say it, "by consent".
        how = re.sub(r"^by\s+", "", row.decided_by, flags=re.IGNORECASE)
        # A method's name begins with a capital, a sentence goes on without one.
        how = how[0].lower() + how[1:] if how[1:2].islower() else how
        return f"adopted by {how}" + (f" on {day(decided)}" if decided else "")
    return f"adopted on {day(decided)}" if decided else f"published on {day(row.published_at)}"


def origin(request: Any, row: Any) -> dict[str, Any] | None:
    """What `origins` says of one of these rows, None where there is no such rule."""
    return origins(request, [row]).get((row.copied_from, row.copied_revision))


def origins(request: Any, rows: Iterable[Any]) -> dict[tuple[UUID, int | None], dict[str, Any]]:
    """The rules that these, rows of drafts or rules, began with, by `copied_from` and `copied_revision`, the revision
    where that is known; `url` is None for one that was withdrawn.
    """
    began = {(row.copied_from, row.copied_revision) for row in rows if row.copied_from}
    found = rules.several(request.dbsession, (rule for rule, _ in began))
    heads = revisions.heads_of(request.dbsession, ((rule, number) for rule, number in began if number))
    shown = {}
    for key in began:
        rule, head = found.get(key[0]), heads.get(key)
        if rule is not None:
            path = ["revisions", str(key[1])] if head else []
            shown[key] = {
                "title": head.title if head else rule.title,
                "revision": key[1],
                "url": rule_path(request, rule.id, *path) if rule.status == "published" else None,
            }
    return shown


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
    me = request.identity.account_id
    begun = [each for each in drafts.revisers(request.dbsession, rule.id) if each.revises == rule.newest]
    return {
        "rule": {
            "title": rule.title,
            "newest": rule.newest,
            "in_force": rule.revision if rule.in_force_from <= request.now.date() else None,
            "url": rule_path(request, rule.id),
        },
        "begun": any(each.owner == me for each in begun),
        "others": drafts_of_others(request, [each for each in begun if each.owner != me]),
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
