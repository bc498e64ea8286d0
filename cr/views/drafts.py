"""My drafts: the list, and starting one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config, view_defaults

from cr.catalog.sections import BY_SLUG
from cr.events.payload import BLOCKS, Payload
from cr.projections import drafts, organizers, rules
from cr.resources.drafts import PARTS, Drafts
from cr.security import Permission
from cr.views.forms import TITLE, tidy
from cr.views.organizers import drafts_let_into, drafts_of_others
from cr.views.public import listing, rule_path
from cr.views.rules import origin


@view_defaults(context=Drafts, permission=Permission.DRAFTS_LIST, renderer="cr:templates/drafts.jinja2")
class DraftsViews:
    def __init__(self, context: Drafts, request: Any) -> None:
        self.context = context
        self.request = request

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        return self._page({}, None)

    @view_config(request_method="POST")
    def start(self) -> Any:
        title = tidy(self.request.POST.get("title", ""))
        fault = TITLE.fault(title)
        if fault:
            self.request.response.status_int = 400
            return self._page({"title": fault}, title)
        payload = {"title": title} if title else {}
        draft_id = self.request.rules.start_draft(self.request.identity.account_id, self.request.now, payload)
        if self.request.POST.get("action") == "guided":
            return HTTPSeeOther(guided_path(self.request, draft_id))
        return HTTPSeeOther(self.request.resource_url(self.context, str(draft_id)))

    def _page(self, errors: dict[str, str], title: str | None) -> dict[str, Any]:
        request = self.request
        owner = request.identity.account_id
        rows = drafts.open_drafts(request.dbsession, owner)
        published = rules.last_touched(request.dbsession, 100, owner=owner)
        organized = organizers.rules_of(request.dbsession, owner)
        return {
            "drafts": [self._listed(row) for row in rows],
            "others": [*drafts_let_into(request), *drafts_of_others(request, [*published, *organized])],
            "published": self._with_organizers(published),
            "organized": self._with_organizers(organized),
            "title": title,
            "errors": errors,
            "error": None,
        }

    def _with_organizers(self, rows: Sequence[Any]) -> list[dict[str, Any]]:
        shown = listing(rows, self.request)
        urls = [
            {f"{name}_url": rule_path(self.request, row.id, name) for name in ("organizers", "edit")} for row in rows
        ]
        return [each | more for each, more in zip(shown, urls, strict=True)]

    def _listed(self, row: Any) -> dict[str, Any]:
        payload = self.request.rules.draft(row.id).payload
        states = [part_state(key, payload) for key in PARTS]
        return {
            "title": row.title,
            "url": self.request.resource_path(self.context, str(row.id)),
            "updated_at": row.updated_at,
            "guided_url": guided_path(self.request, row.id),
            "status": row.status,
            "revises": revised_rule(row, self.request),
            "copies": origin(self.request, row.copied_from, row.copied_revision),
            "parts_done": states.count("written"),
            "parts_total": len(states),
        }


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
