"""A rule's life as data, for those who check it without this site: docs/audit.md."""

from __future__ import annotations

import json
import threading
import weakref
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any, cast
from uuid import UUID

import sqlalchemy as sa
from pyramid.httpexceptions import HTTPNotModified
from pyramid.response import Response
from pyramid.view import view_config

from cr.audit import public
from cr.audit.lines import schema
from cr.errors import Busy, NotFound
from cr.events import rule as r
from cr.events.application import Rules
from cr.events.base import Event
from cr.fingerprint import fingerprint
from cr.headers import has_already
from cr.projections import histories
from cr.resources.rules import Revision, RuleResource, RulesResource
from cr.security import Permission
from cr.views.public import cacheable, file_name, tombstone

FORMAT = fingerprint(*public.SOURCES)
BATCH = 8
"""Events that are in memory at once: each may have half a megabyte."""

STREAMS = threading.BoundedSemaphore(2)
"""Histories that are sent at once. Who reads slowly keeps a thread of the server, and the site needs the others."""


class Stream:
    """Lines of an answer, which count as one of `STREAMS` until they are sent, or whoever asked went away."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        if not STREAMS.acquire(blocking=False):
            raise Busy("Others are saving histories just now, as many as can be sent at once. Try again in a moment.")
        self._lines = lines
        # Also of an answer that was never begun, which nobody closes.
        self._end = weakref.finalize(self, STREAMS.release)

    def __iter__(self) -> Iterator[bytes]:
        return self._lines

    def close(self) -> None:
        """By the server, as WSGI has it."""
        self._end()


@view_config(context=RuleResource, name="history.ndjson", request_method="GET", permission=Permission.RULE_READ)
def history_lines(context: RuleResource, request: Any) -> Any:
    rule = context.rule
    if rule.status == "withdrawn":
        return tombstone(rule, request)
    etag = f"{rule.version}-lines-{FORMAT}"
    changed = histories.find(request.dbsession, rule.id, rule.version).at
    if has_already(request.environ, etag, changed):
        return cacheable(HTTPNotModified(), etag, changed)
    events = _events(request.registry["cr.engine"], rule.id, rule.version)
    response = Response(app_iter=Stream(line.ndjson() for line in public.told(events)))
    response.headers["Content-Type"] = "application/x-ndjson; charset=utf-8"
    response.content_disposition = f'attachment; filename="{file_name(rule.title, rule.id)}-history.ndjson"'
    return cacheable(response, etag, changed)


def _events(engine: sa.Engine, rule_id: UUID, last: int) -> Iterator[Event]:
    """All events up to number `last`.

    They are read while the answer is sent, after the request's own transaction. What is in the log stays as it is, so
    that several transactions read the same as one would, and none is open while somebody reads slowly.
    """
    for after in range(0, last, BATCH):
        with engine.connect() as connection:
            rules = Rules(lambda connection=connection: nullcontext(connection))  # type: ignore[misc]
            batch = [cast(Event, event) for event in rules.events.get(rule_id, gt=after, lte=min(last, after + BATCH))]
        yield from batch


@view_config(context=Revision, name="canonical.json", request_method="GET", permission=Permission.RULE_READ)
def canonical_json(context: Revision, request: Any) -> Any:
    """The bytes whose SHA-256 stands on the revision's page."""
    rule, row = context.rule, context.revision
    if rule.status == "withdrawn":
        return tombstone(rule, request)
    if row.sha256 is None:
        raise NotFound("This revision has no canonical JSON: something in it, such as a number beyond 2^53, has none.")
    if has_already(request.environ, row.sha256, row.published_at):
        return cacheable(HTTPNotModified(), row.sha256, row.published_at)
    line = public.revision_of(cast(r.Published | r.Revised, request.rules.rule_event(rule.id, row.event)))
    return cacheable(Response(line.canonical(), content_type="application/json"), row.sha256, row.published_at)


@view_config(context=RulesResource, name="history.schema.json", request_method="GET", permission=Permission.RULE_READ)
def history_schema(context: RulesResource, request: Any) -> Any:
    address = request.urls.origin + request.resource_path(context, "history.schema.json")
    text = json.dumps({"$id": address, **schema()}, indent=2)
    return Response(text, content_type="application/schema+json", charset="utf-8")
