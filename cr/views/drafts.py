"""Starting a draft, and what pages say of one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pyramid.httpexceptions import HTTPMovedPermanently, HTTPSeeOther
from pyramid.view import view_config, view_defaults

from cr.catalog.sections import BY_SLUG
from cr.events.payload import BLOCKS, Payload
from cr.projections import organizers, rules
from cr.resources.drafts import Drafts
from cr.security import Permission
from cr.views import profile
from cr.views.forms import TITLE, tidy


@view_defaults(context=Drafts)
class DraftsViews:
    def __init__(self, context: Drafts, request: Any) -> None:
        self.context = context
        self.request = request

    @view_config(request_method="GET")
    def moved(self) -> HTTPMovedPermanently:
        """Here was the list, which people may have kept the address of."""
        return HTTPMovedPermanently(self.request.urls.profile)

    @view_config(request_method="POST", permission=Permission.DRAFT_START, renderer=profile.TEMPLATE)
    def start(self) -> Any:
        title = tidy(self.request.POST.get(TITLE.name, ""))
        if fault := TITLE.fault(title):
            self.request.response.status_int = 400
            return profile.page(self.request, errors={TITLE.name: fault}, title=title)
        payload = {"title": title} if title else {}
        draft_id = self.request.rules.start_draft(self.request.identity.account_id, self.request.now, payload)
        if self.request.POST.get("action") == "guided":
            return HTTPSeeOther(guided_path(self.request, draft_id))
        return HTTPSeeOther(self.request.resource_url(self.context, str(draft_id)))


def guided_path(request: Any, draft_id: UUID) -> str:
    """The guided flow with this draft, where the person stopped."""
    path: str = request.resource_path(request.root, "create", query={"draft": str(draft_id)})
    return path


def revised_rule(row: Any, request: Any) -> dict[str, Any] | None:
    """The published rule that a draft is to become the next revision of; `organized`: whether this person writes it."""
    if row.revises is None:
        return None
    rule = rules.find(request.dbsession, row.rule)
    return {
        "title": rule.title,
        "url": request.resource_path(request.root, "rules", str(row.rule)),
        "withdrawn": rule.status == "withdrawn",
        "organized": organizers.includes(request.dbsession, row.rule, request.identity.account_id),
    }


def part_state(key: str, payload: Payload) -> str:
    """empty, started or written: whether every entry says more than its name."""
    if key == "about":
        given = [bool(payload.get(name)) for name in ("title", "summary")]
        return "written" if all(given) else "started" if any(given) else "empty"
    section = BY_SLUG[key]
    chosen = payload.get(section.selected, ())
    if not chosen:
        return "empty"
    details = payload.get(section.details, {})
    names = {each.name for each in section.fields}
    blocks = payload.get(BLOCKS, {})
    described = all(names & details.get(each, {}).keys() or blocks.get(each) for each in chosen)
    return "written" if described else "started"
