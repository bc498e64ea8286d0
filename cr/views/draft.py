"""One draft: as a whole, as its readers would see it, and discarding it."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config, view_defaults

from cr.catalog.sections import BY_SLUG
from cr.errors import Conflict, Forbidden
from cr.events.document import composed
from cr.events.draft import Draft, Restored
from cr.events.payload import Payload, label_of
from cr.projections.histories import told
from cr.projections.revisions import render
from cr.resources.drafts import PARTS, DraftResource
from cr.security import Permission
from cr.views.drafts import guided_path, part_state, revised_rule
from cr.views.forms import number
from cr.views.organizers import within
from cr.views.parts import elsewhere
from cr.views.rules import origin
from cr.views.together import overtaken_rule

PAGES = ("writers", "history", "compare", "undo", "restore", "publish", "preview", "discard", "copy", "together")
"""Views of a draft that others link to."""


class DraftPage:
    """What the pages of one draft share."""

    def __init__(self, context: DraftResource, request: Any) -> None:
        self.context = context
        self.request = request
        self.row = context.draft
        self.draft: Draft = request.rules.draft(self.row.id)
        self.writes = bool(request.has_permission(Permission.DRAFT_EDIT, context))
        """Whether this person may write it, and not only read what they wrote once."""

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
                "version": self.draft.version,
                "updated_at": self.draft.updated_at,
                "status": self.draft.status,
                "revises": revised_rule(self.row, self.request),
                "revises_revision": self.draft.revision,
                "copies": origin(self.request, self.row),
                "url": self.url(),
                "guided_url": guided_path(self.request, self.draft.id),
                "mine": self.draft.owner == self.actor,
                "writable": self.writes,
            },
            "version": self.draft.version,
            "urls_draft": {name: self.url(name) for name in PAGES},
            "errors": {},
            "error": None,
        }

    def who_began(self) -> str:
        """What the owner of the draft is called within a sentence."""
        return within(self.request, self.draft, self.draft.owner)

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

    def undoing(self) -> dict[str, Any]:
        """What the undo button would take back, and what it just took back: sentences, None for nothing."""
        if self.draft.status != "open" or not self.writes:
            return {"change": None, "undone": None, "by": None}
        commands, draft = self.request.rules, self.draft
        change = commands.last_change(draft)
        newest = commands.draft_event(draft.id, draft.version)
        undid = newest.undid if isinstance(newest, Restored) else None
        return {
            "change": told(change) if change else None,
            "by": within(self.request, draft, change.actor) if change and change.actor != self.actor else None,
            "undone": told(commands.draft_event(draft.id, undid)) if undid else None,
            # Where it stands as it was before it was undone.
            "version": draft.version - 1,
        }


@view_defaults(context=DraftResource, permission=Permission.DRAFT_READ)
class DraftViews(DraftPage):
    @view_config(request_method="GET", renderer="cr:templates/draft.jinja2")
    def show(self) -> Any:
        if away := elsewhere(self.draft, self.url()):
            return away
        overtaken = overtaken_rule(self)
        newest = overtaken.revision if overtaken else None
        return {
            **self.common(),
            "parts": self.parts(),
            "newest": newest,
            "undo": self.undoing(),
            "whose": None if self.draft.owner == self.actor else f"{self.who_began()}’s",
            "writers": [within(self.request, self.draft, each) for each in self.draft.writers],
        }

    @view_config(name="preview", request_method="GET", renderer="cr:templates/draft_at.jinja2")
    def preview(self) -> Any:
        if away := elsewhere(self.draft, self.url()):
            return away
        return {
            **self.common(),
            "entry": None,
            "body": render(composed(self.draft.payload)),
            "writers": len(self.draft.writers),
        }

    # --- The end of a draft -------------------------------------------------------------------------------------------

    @view_config(name="copy", request_method="POST")
    def copy(self) -> Any:
        """What somebody reads who may write it no more, as a draft of their own."""
        copied = self.request.rules.copy_draft(self.draft.id, self.actor, self.request.now)
        return HTTPSeeOther(self.request.resource_path(self.context.__parent__, str(copied)))

    @view_config(
        name="discard",
        request_method="GET",
        permission=Permission.DRAFT_EDIT,
        renderer="cr:templates/draft_discard.jinja2",
    )
    def ask_discard(self) -> Any:
        if self.draft.owner != self.actor:
            raise Forbidden("Only the owner of this draft can discard it.")
        return elsewhere(self.draft, self.url()) or self.common()

    @view_config(name="discard", request_method="POST", permission=Permission.DRAFT_EDIT)
    def discard(self) -> Any:
        if number(self.request.POST.get("version", "")) != self.draft.version and self.draft.status == "open":
            raise Conflict("The draft changed after you were asked. Look at it once more, then discard it.")
        self.request.rules.discard_draft(self.draft.id, self.actor, self.request.now)
        return HTTPSeeOther(self.request.urls.profile)


def lines(key: str, payload: Payload) -> list[str]:
    """What a part holds, in a few short lines."""
    if key == "about":
        texts = (payload.get(name) for name in ("title", "summary", "communityContext"))
        return [text if len(text) < 120 else text[:117].rstrip() + "…" for text in texts if text]
    section = BY_SLUG[key]
    return [label_of(payload, each) for each in payload.get(section.selected, ())]
