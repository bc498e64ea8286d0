"""Writing one part of a draft: its form, and what it says when it is posted."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.renderers import render_to_response
from pyramid.view import view_config, view_defaults

from cr.catalog.sections import BY_SLUG, VALUES
from cr.errors import NotFound
from cr.events.draft import Clashes, Draft
from cr.events.payload import Payload, label_of
from cr.resources.drafts import Part
from cr.security import Permission
from cr.views.forms import (
    CONTEXT,
    SUMMARY,
    TITLE,
    Entry,
    Form,
    both_texts,
    entry_inputs,
    read_form,
    refuse_sixth_value,
    seen_version,
    tidy,
)
from cr.views.organizers import saved_since


def form_of(key: str, payload: Payload, new: Iterable[str] = ()) -> Form:
    """The form of a part for a draft with this payload, with further entries of the ids `new` to add."""
    if key == "about":
        return Form([Entry("about", "", [TITLE, SUMMARY, CONTEXT])])
    section = BY_SLUG[key]
    entries = [
        Entry(each, label_of(payload, each), entry_inputs(section, each, payload))
        for each in payload.get(section.selected, ())
    ]
    for each in new:
        entries.append(Entry(each, f"Add a {section.noun}", entry_inputs(section, each, payload), new=True))
    return Form(entries, section)


def elsewhere(draft: Draft, draft_url: str) -> HTTPSeeOther | None:
    """Where to go instead of a page that is for open drafts. Raises `NotFound` for a draft that was discarded."""
    if draft.status == "discarded":
        raise NotFound("This draft was discarded.")
    return HTTPSeeOther(f"{draft_url}history") if draft.status == "published" else None


@view_defaults(context=Part, permission=Permission.DRAFT_EDIT)
class PartViews:
    def __init__(self, context: Part, request: Any) -> None:
        self.part = context
        self.request = request
        self.draft_id = context.draft.id
        self.draft_url = request.resource_path(context.__parent__)

    @view_config(request_method="GET", renderer="cr:templates/draft_part.jinja2")
    def show(self) -> Any:
        draft = self.request.rules.draft(self.draft_id)
        if away := elsewhere(draft, self.draft_url):
            return away
        full = self.part.key == VALUES.slug and len(draft.payload.get(VALUES.selected, ())) >= VALUES.most
        form = form_of(self.part.key, draft.payload, [] if full else [str(uuid4())])
        return self._page(form, draft.payload, draft.version)

    @view_config(request_method="POST")
    def save(self) -> Any:
        posted = self.request.POST
        rules = self.request.rules
        now = rules.draft(self.draft_id)
        version = seen_version(posted.get("version", ""), now.version)
        base = now if version == now.version else rules.draft(self.draft_id, version)
        form = form_of(self.part.key, base.payload, _new_entries(self.part.key, posted, base.payload))
        wanted = read_form(form, base.payload, posted)
        if form.errors:
            return self._again(form, base, 400)
        try:
            after = rules.write_draft(
                self.draft_id, self.request.identity.account_id, self.request.now, wanted, base_version=version
            )
        except Clashes as clashes:
            by = saved_since(self.request, now, version)
            return both_texts(self.request, form, base.payload, clashes, part=self._about_part(form), by=by)
        refuse_sixth_value(now.payload, after.payload)
        stay = posted.get("action") == "add" or "remove" in posted
        anchor = "add" if posted.get("action") == "add" else None
        url = self.request.resource_url(self.part, anchor=anchor) if stay else self.draft_url
        return HTTPSeeOther(url)

    def _again(self, form: Form, base: Any, status: int) -> Any:
        """The form as it was filled in, with what is wrong beside each field."""
        values = self._page(form, base.payload, base.version)
        response = render_to_response("cr:templates/draft_part.jinja2", values, request=self.request)
        response.status_int = status
        return response

    def _page(self, form: Form, payload: Payload, version: int) -> dict[str, Any]:
        entries = [
            {
                "id": entry.id,
                "heading": entry.heading,
                "fields": form.fields(entry, payload),
                "remove_name": None if entry.new else entry.heading,
                "new": entry.new,
            }
            for entry in form.entries
        ]
        return {
            "part": self._about_part(form),
            "version": version,
            "fields": entries[0]["fields"] if form.section is None else [],
            "entries": [] if form.section is None else entries,
            "errors": form.errors,
            "error": None,
        }

    def _about_part(self, form: Form) -> dict[str, Any]:
        return {
            "key": self.part.key,
            "name": self.part.title,
            "hue": form.section.hue if form.section else None,
            "help": form.section.help if form.section else "What is this rule for, and whose is it?",
            "url": self.request.resource_path(self.part),
            "back_url": self.draft_url,
            "back_text": "The whole draft",
        }


def _new_entries(key: str, posted: Any, payload: Payload) -> list[str]:
    """The ids that the blank entries had in the form, so that a form sent twice adds an entry once.

    An entry that came through the API has an id of any kind, and may be put back.
    """
    section = BY_SLUG.get(key)
    known = payload.get(section.selected, ()) if section else ()
    given = dict.fromkeys(posted.getall("new"))
    return [each for each in given if each not in known and each == tidy(each) and 0 < len(each) <= 200][:20]
