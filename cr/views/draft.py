"""One draft: as a whole, its history, going back in it, and discarding it."""

from __future__ import annotations

import re
from itertools import groupby
from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config, view_defaults

from cr.accounts import draft_addresses
from cr.catalog.sections import BY_SLUG
from cr.errors import Conflict, NotFound, ValidationProblem
from cr.events.document import composed
from cr.events.draft import Draft
from cr.events.payload import Payload, flat, label_of
from cr.projections import histories
from cr.projections.revisions import render
from cr.resources.drafts import PARTS, DraftResource
from cr.security import Permission
from cr.views.drafts import guided_path, part_state, revised_rule
from cr.views.parts import elsewhere
from cr.views.words import part_name, words

ENTRIES = 100
"""Steps of a history on one page."""


class DraftPage:
    """What the pages of one draft share."""

    def __init__(self, context: DraftResource, request: Any) -> None:
        self.context = context
        self.request = request
        self.row = context.draft
        self.draft: Draft = request.rules.draft(self.row.id)

    @property
    def actor(self) -> Any:
        return self.request.identity.account_id

    def url(self, *more: str, **options: Any) -> str:
        path: str = self.request.resource_path(self.context, *more, **options)
        return path

    def common(self) -> dict[str, Any]:
        payload = self.draft.payload
        return {
            "draft": {
                "id": str(self.draft.id),
                "title": self.draft.title,
                "summary": payload.get("summary"),
                "context": payload.get("communityContext"),
                "version": self.draft.version,
                "updated_at": self.draft.updated_at,
                "status": self.draft.status,
                "revises": revised_rule(self.row, self.request),
                "url": self.url(),
                "guided_url": guided_path(self.request, self.draft.id),
            },
            "version": self.draft.version,
            "urls_draft": {name: self.url(name) for name in ("history", "publish", "preview", "discard")},
            "errors": {},
            "error": None,
        }

    def parts(self) -> list[dict[str, Any]]:
        payload = self.draft.payload
        return [
            {
                "key": key,
                "name": name,
                "hue": BY_SLUG[key].hue if key in BY_SLUG else None,
                "url": self.url(key),
                "state": part_state(key, payload),
                "lines": lines(key, payload),
            }
            for key, name in PARTS.items()
        ]


@view_defaults(context=DraftResource, permission=Permission.DRAFT_EDIT)
class DraftViews(DraftPage):
    @view_config(request_method="GET", renderer="cr:templates/draft.jinja2")
    def show(self) -> Any:
        return elsewhere(self.draft, self.url()) or {**self.common(), "parts": self.parts()}

    @view_config(name="preview", request_method="GET", renderer="cr:templates/draft_at.jinja2")
    def preview(self) -> Any:
        if away := elsewhere(self.draft, self.url()):
            return away
        return {**self.common(), "entry": None, "body": render(composed(self.draft.payload))}

    # --- History ------------------------------------------------------------------------------------------------------

    @view_config(name="history", request_method="GET", renderer="cr:templates/draft_history.jinja2")
    def history(self) -> dict[str, Any]:
        before = number(self.request.params.get("before", ""))
        rows = histories.of(self.request.dbsession, self.draft.id, before=before, limit=ENTRIES + 1)
        shown, more = rows[:ENTRIES], len(rows) > ENTRIES
        changes: dict[int, list[dict[str, str]]] = {}
        if shown:
            newest, oldest = shown[0].version, shown[-1].version
            for was, event, now in self.request.rules.draft_steps(self.draft.id, oldest - 1, newest):
                changes[event.originator_version] = _changes(was.payload if was else {}, now.payload)
        entries = [
            {
                "number": row.version,
                "at": row.at,
                "who": "You" if row.actor == self.actor else "An organizer",
                "sentence": row.sentence,
                "changes": changes.get(row.version, []),
                "url": self.url("at", query={"entry": row.version}),
                "restorable": self.draft.status == "open" and row.version < self.draft.version,
            }
            for row in shown
        ]
        days = [
            {"day": day, "entries": list(group)} for day, group in groupby(entries, lambda entry: entry["at"].date())
        ]
        more_url = self.url("history", query={"before": shown[-1].version}) if more else None
        return {**self.common(), "days": days, "more_url": more_url}

    @view_config(name="at", request_method="GET", renderer="cr:templates/draft_at.jinja2")
    def at(self) -> dict[str, Any]:
        entry = number(self.request.params.get("entry", ""))
        row = histories.find(self.request.dbsession, self.draft.id, entry) if entry else None
        if row is None or entry is None:
            raise NotFound("This draft's history has no such entry.")
        then = self.request.rules.draft(self.draft.id, entry)
        common = self.common()
        common["draft"] |= {"title": then.title, "summary": then.payload.get("summary")}
        return {
            **common,
            "entry": {
                "number": entry,
                "at": row.at,
                "who": "You" if row.actor == self.actor else "An organizer",
                "sentence": row.sentence,
                "restorable": self.draft.status == "open" and entry < self.draft.version,
            },
            "body": render(composed(then.payload)),
            "version": entry,
            "restore_url": self.url("restore"),
        }

    @view_config(name="restore", request_method="POST")
    def restore(self) -> Any:
        version = number(self.request.POST.get("version", ""))
        if version is None:
            raise ValidationProblem("Say which entry to restore: open the history and choose one.")
        self.request.rules.restore_draft(self.draft.id, self.actor, self.request.now, version)
        return HTTPSeeOther(self.url())

    # --- The end of a draft -------------------------------------------------------------------------------------------

    @view_config(name="discard", request_method="GET", renderer="cr:templates/draft_discard.jinja2")
    def ask_discard(self) -> Any:
        return elsewhere(self.draft, self.url()) or self.common()

    @view_config(name="discard", request_method="POST")
    def discard(self) -> Any:
        if number(self.request.POST.get("version", "")) != self.draft.version and self.draft.status == "open":
            raise Conflict("The draft changed after you were asked. Look at it once more, then discard it.")
        draft_addresses.save(self.request.dbsession, self.draft.id, self.actor, {})
        self.request.rules.discard_draft(self.draft.id, self.actor, self.request.now)
        return HTTPSeeOther(self.request.resource_url(self.context.__parent__))


def lines(key: str, payload: Payload) -> list[str]:
    """What a part holds, in a few short lines."""
    if key == "about":
        texts = (payload.get(name) for name in ("title", "summary", "communityContext"))
        return [text if len(text) < 120 else text[:117].rstrip() + "…" for text in texts if text]
    section = BY_SLUG[key]
    return [label_of(payload, each) for each in payload.get(section.selected, ())]


def number(text: str) -> int | None:
    """The number in an address or form that a page of ours wrote; None for anything else."""
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else None


def _changes(before: Payload, after: Payload) -> list[dict[str, str]]:
    """Every text that differs, with what to call it; choices are told by the sentence alone."""
    was, now = flat(before), flat(after)
    result = []
    for path in dict.fromkeys((*was, *now)):
        old, new = was.get(path), now.get(path)
        if old == new:
            continue
        label = part_name(path, before, after)
        if label is not None:
            result.append({"label": label, "before": words(old), "after": words(new)})
    return result
