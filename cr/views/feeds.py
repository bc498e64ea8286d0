"""What was published and what was withdrawn, as Atom (RFC 4287): of one rule, and of all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from pyramid.response import Response
from pyramid.view import view_config

from cr.page_cache import Concerns
from cr.pages import day
from cr.projections import revisions, rules
from cr.resources.rules import RuleResource, RulesResource
from cr.security import Permission
from cr.views.changes import Changes, made_of
from cr.views.people import People
from cr.views.public import answer, rule_path, tombstone
from cr.views.rules import adopted, changes_path

ENTRIES = 50
"""The newest. Who reads a feed asks often; the list of revisions has all of them."""

EMPTY = datetime(1970, 1, 1, tzinfo=UTC)
"""When a feed without entries was changed last: the format wants a time, and it has to stay."""

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 can't hold, in any spelling. People's texts may."""


@view_config(
    context=RuleResource,
    name="feed.atom",
    request_method="GET",
    permission=Permission.RULE_READ,
    keep=Concerns.ITS_RULE,
)
def feed_of_a_rule(context: RuleResource, request: Any) -> Response:
    rule = context.rule
    if rule.status == "withdrawn":
        return tombstone(rule, request)
    heads = revisions.newest_first(request.dbsession, rule.id, ENTRIES)
    return _feed(request, f"urn:uuid:{rule.id}", rule.title, rule_path(request, rule.id), _entries(heads, request))


@view_config(
    context=RulesResource,
    name="feed.atom",
    request_method="GET",
    permission=Permission.RULE_READ,
    keep=Concerns.EVERY_RULE,
)
def feed_of_all(context: RulesResource, request: Any) -> Response:
    published = _entries(revisions.last_published(request.dbsession, ENTRIES), request)
    entries = published + _farewells(rules.last_withdrawn(request.dbsession, ENTRIES), request)
    entries.sort(key=lambda entry: entry["updated"], reverse=True)
    home = request.urls.origin + request.urls.rules
    return _feed(request, _urn(NAMESPACE_URL, home), "Published rules", request.urls.rules, entries[:ENTRIES])


def _feed(request: Any, identifier: str, title: str, path: str, entries: list[dict[str, Any]]) -> Response:
    """`path` is that of the page that says the same to people."""
    values = {
        "id": identifier,
        "title": title,
        "page_url": request.urls.origin + path,
        "feed_url": request.urls.origin + request.resource_path(request.context, "feed.atom"),
        "updated": max((entry["updated"] for entry in entries), default=EMPTY),
        "author": "The organizers",
        "entries": entries,
    }
    response = answer(request, "cr:templates/feed.jinja2", values, values["updated"], tag=made_of())
    if response.status_int == 200:
        response.content_type = "application/atom+xml"
        response.text = NOT_XML.sub("", response.text)
    return response


def _urn(space: UUID, name: str) -> str:
    """An id that stays, wherever the site moves to."""
    return f"urn:uuid:{uuid5(space, name)}"


def _entries(heads: Sequence[Any], request: Any) -> list[dict[str, Any]]:
    """Entries of revisions."""
    people, changes = People(request.dbsession, {head.rule for head in heads}), Changes(request)
    return [
        {
            "id": _urn(head.rule, f"revision {head.revision}"),
            "title": f"{head.title}, revision {head.revision}",
            "updated": head.published_at,
            "author": people.called(head.rule, head.actor),
            "url": request.urls.origin + rule_path(request, head.rule, "revisions", str(head.revision)),
            "sentences": _sentences(head),
            "changes": _Changes(head, changes, request),
        }
        for head in heads
    ]


def _sentences(head: Any) -> list[str]:
    sentences = []
    if head.changed:
        sentences.append(head.changed if head.changed.endswith((".", "!", "?", "…")) else f"{head.changed}.")
    if head.revision == 1:
        sentences.append("Published for the first time.")
    if head.decided_by or head.decided_on:
        how = adopted(head)
        sentences.append(f"{how[0].upper()}{how[1:]}.")
    if head.in_force_from != head.published_at.date():
        sentences.append(f"In force from {day(head.in_force_from)}.")
    return sentences


class _Changes:
    """What a revision changed, in sentences. Found when the template asks, so that no answer 304 pays for it.

    A text never changes, so its name says all that an ETag needs.
    """

    def __init__(self, head: Any, changes: Changes, request: Any) -> None:
        self._head, self._changes, self._request = head, changes, request

    def __str__(self) -> str:
        return f"{self._head.rule} {self._head.revision}"

    def __iter__(self) -> Iterator[str]:
        told = self._changes.of(self._head)
        if told is None:
            path = changes_path(self._request, self._head.rule, self._head.revision)
            told = [f"What changed is long. Read it at {self._request.urls.origin}{path}"]
        return iter(told)


def _farewells(rows: Sequence[Any], request: Any) -> list[dict[str, Any]]:
    """Entries of rules that were withdrawn: their names, and nothing of their texts."""
    people = People(request.dbsession, {row.id for row in rows})
    return [
        {
            "id": _urn(row.id, "withdrawn"),
            "title": f"{row.title} was withdrawn",
            "updated": row.updated_at,
            "author": people.called(row.id, row.withdrawn_by),
            "url": request.urls.origin + rule_path(request, row.id),
            "sentences": ["This rule was withdrawn.", *([f"The reason given: {row.reason}"] if row.reason else [])],
            "changes": [],
        }
        for row in rows
    ]
