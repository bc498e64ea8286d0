"""One draft: as a whole, its history, going back in it, publishing and discarding it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config, view_defaults

from cr.accounts import draft_addresses
from cr.catalog.sections import BY_SLUG
from cr.errors import Conflict, NotFound, Problem, ValidationProblem
from cr.events.document import composed
from cr.events.draft import Draft
from cr.events.payload import BLOCKS, META, Payload, flat, label_of
from cr.projections import histories
from cr.projections.revisions import render
from cr.resources.drafts import PARTS, DraftResource
from cr.security import Permission
from cr.views.drafts import guided_path, part_state, revised_rule
from cr.views.forms import Input, tidy
from cr.views.parts import elsewhere
from cr.views.publishing import publish, says_something
from cr.views.rules import origin

ENTRIES = 100
"""Steps of a history on one page."""

FIELD_LABELS = {(s.details, each.name): each.label for s in BY_SLUG.values() for each in s.fields}
TEXT_LABELS = {
    "title": "Name",
    "summary": "Summary",
    "communityContext": "What you do together",
    "communityAvatarAlt": "What the photo shows",
}

DECISION = (
    Input("changed", "What changes", (), "textarea", "One or two sentences.", 1000),
    Input("decided_by", "How it was decided", (), "text", "In your words: by consent, by two-thirds of members.", 200),
    Input("decided_on", "On which day", (), "date", "Leave it empty if it does not apply."),
    Input("record", "Where it is recorded", (), "text", "A link to the minutes, or a note. Everyone can read it.", 500),
)


@view_defaults(context=DraftResource, permission=Permission.DRAFT_EDIT)
class DraftViews:
    def __init__(self, context: DraftResource, request: Any) -> None:
        self.context = context
        self.request = request
        self.row = context.draft
        self.draft: Draft = request.rules.draft(self.row.id)

    @property
    def actor(self) -> Any:
        return self.request.identity.account_id

    def _url(self, *more: str, **options: Any) -> str:
        path: str = self.request.resource_path(self.context, *more, **options)
        return path

    def _common(self) -> dict[str, Any]:
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
                "copies": origin(self.request, self.row.copied_from, self.row.copied_revision),
                "url": self._url(),
                "guided_url": guided_path(self.request, self.draft.id),
            },
            "version": self.draft.version,
            "urls_draft": {name: self._url(name) for name in ("history", "publish", "preview", "discard")},
            "errors": {},
            "error": None,
        }

    def _parts(self) -> list[dict[str, Any]]:
        payload = self.draft.payload
        return [
            {
                "key": key,
                "name": name,
                "hue": BY_SLUG[key].hue if key in BY_SLUG else None,
                "url": self._url(key),
                "state": part_state(key, payload),
                "lines": lines(key, payload),
            }
            for key, name in PARTS.items()
        ]

    @view_config(request_method="GET", renderer="cr:templates/draft.jinja2")
    def show(self) -> Any:
        return elsewhere(self.draft, self._url()) or {**self._common(), "parts": self._parts()}

    @view_config(name="preview", request_method="GET", renderer="cr:templates/draft_at.jinja2")
    def preview(self) -> Any:
        if away := elsewhere(self.draft, self._url()):
            return away
        return {**self._common(), "entry": None, "body": render(composed(self.draft.payload))}

    # --- History ------------------------------------------------------------------------------------------------------

    @view_config(name="history", request_method="GET", renderer="cr:templates/draft_history.jinja2")
    def history(self) -> dict[str, Any]:
        before = _number(self.request.params.get("before", ""))
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
                "url": self._url("at", query={"entry": row.version}),
                "restorable": self.draft.status == "open" and row.version < self.draft.version,
            }
            for row in shown
        ]
        days = [
            {"day": day, "entries": list(group)} for day, group in groupby(entries, lambda entry: entry["at"].date())
        ]
        more_url = self._url("history", query={"before": shown[-1].version}) if more else None
        return {**self._common(), "days": days, "more_url": more_url}

    @view_config(name="at", request_method="GET", renderer="cr:templates/draft_at.jinja2")
    def at(self) -> dict[str, Any]:
        number = _number(self.request.params.get("entry", ""))
        row = histories.find(self.request.dbsession, self.draft.id, number) if number else None
        if row is None or number is None:
            raise NotFound("This draft's history has no such entry.")
        then = self.request.rules.draft(self.draft.id, number)
        common = self._common()
        common["draft"] |= {"title": then.title, "summary": then.payload.get("summary")}
        return {
            **common,
            "entry": {
                "number": number,
                "at": row.at,
                "who": "You" if row.actor == self.actor else "An organizer",
                "sentence": row.sentence,
                "restorable": self.draft.status == "open" and number < self.draft.version,
            },
            "body": render(composed(then.payload)),
            "version": number,
            "restore_url": self._url("restore"),
        }

    @view_config(name="restore", request_method="POST")
    def restore(self) -> Any:
        number = _number(self.request.POST.get("version", ""))
        if number is None:
            raise ValidationProblem("Say which entry to restore: open the history and choose one.")
        self.request.rules.restore_draft(self.draft.id, self.actor, self.request.now, number)
        return HTTPSeeOther(self._url())

    # --- The end of a draft -------------------------------------------------------------------------------------------

    @view_config(name="discard", request_method="GET", renderer="cr:templates/draft_discard.jinja2")
    def ask_discard(self) -> Any:
        return elsewhere(self.draft, self._url()) or self._common()

    @view_config(name="discard", request_method="POST")
    def discard(self) -> Any:
        if _number(self.request.POST.get("version", "")) != self.draft.version and self.draft.status == "open":
            raise Conflict("The draft changed after you were asked. Look at it once more, then discard it.")
        draft_addresses.save(self.request.dbsession, self.draft.id, self.actor, {})
        self.request.rules.discard_draft(self.draft.id, self.actor, self.request.now)
        return HTTPSeeOther(self.request.resource_url(self.context.__parent__))

    @view_config(name="publish", request_method="GET", renderer="cr:templates/publish.jinja2")
    def ask_publish(self) -> Any:
        if self.draft.status == "published":
            return HTTPSeeOther(self._url("published"))
        return elsewhere(self.draft, self._url()) or self._publish_page({}, {})

    @view_config(name="publish", request_method="POST", renderer="cr:templates/publish.jinja2")
    def publish(self) -> Any:
        if self.draft.status == "published":
            # The same form, sent a second time.
            return HTTPSeeOther(self._url("published"))
        posted = self.request.POST
        texts = {each.name: tidy(posted.get(each.name, "")) for each in DECISION} if self.draft.rule else {}
        errors = {
            each.name: fault for each in DECISION if each.name in texts and (fault := each.fault(texts[each.name]))
        }
        if self.draft.rule and not texts["changed"]:
            errors["changed"] = "What changes: say it in a sentence. Members read it first."
        decision: dict[str, Any] = {name: text or None for name, text in texts.items()}
        if texts.get("decided_on"):
            try:
                decision["decided_on"] = date.fromisoformat(texts["decided_on"])
            except ValueError:
                errors["decided_on"] = "On which day: write it as year-month-day, such as 2026-03-12."
            else:
                # East of Greenwich it is tomorrow already.
                if decision["decided_on"] > self.request.now.date() + timedelta(days=1):
                    errors["decided_on"] = "On which day: that day has not come yet. Write the day of the decision."
        if errors:
            self.request.response.status_int = 400
            return self._publish_page(texts, errors)
        try:
            publish(self.request, self.draft, _number(posted.get("version", "")), **decision)
        except Problem as problem:
            if problem.status not in (400, 409):
                raise
            # What was written about the revision stays in the form.
            self.request.response.status_int = problem.status
            return {**self._publish_page(texts, {}), "error": problem.message}
        return HTTPSeeOther(self._url("published"))

    def _publish_page(self, texts: dict[str, str], errors: dict[str, str]) -> dict[str, Any]:
        missing = []
        revises = revised_rule(self.row, self.request)
        if revises and revises["withdrawn"]:
            missing.append({"text": "The rule was withdrawn. It gets no further revision.", "url": revises["url"]})
        if not self.draft.title:
            missing.append({"text": "Give the rule a name.", "url": self._url("about")})
        if not says_something(self.draft):
            missing.append({"text": "Write at least one section.", "url": self._url("values")})
        button = "Publish the rule"
        if self.draft.revision is not None:
            button = f"Publish revision {self.draft.revision + 1}"
        fields = [each.shown(texts.get(each.name, ""), errors.get(each.name)) for each in DECISION]
        return {
            **self._common(),
            "parts": self._parts(),
            "fields": fields if self.draft.rule else [],
            "missing": missing,
            "button": button,
            "errors": errors,
        }

    @view_config(name="published", request_method="GET", renderer="cr:templates/draft_published.jinja2")
    def published(self) -> dict[str, Any]:
        if self.draft.status != "published":
            raise NotFound("This draft is not published yet.")
        rule = self.request.rules.rule(self.row.rule)
        url = self.request.resource_url(self.request.root, "rules", str(rule.id))
        return {
            **self._common(),
            "rule": {"title": rule.title, "url": url, "revision": rule.revision},
            "links": {"history": self.request.resource_path(self.request.root, "rules", str(rule.id), "history")},
        }


def lines(key: str, payload: Payload) -> list[str]:
    """What a part holds, in a few short lines."""
    if key == "about":
        texts = (payload.get(name) for name in ("title", "summary", "communityContext"))
        return [text if len(text) < 120 else text[:117].rstrip() + "…" for text in texts if text]
    section = BY_SLUG[key]
    return [label_of(payload, each) for each in payload.get(section.selected, ())]


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else None


def _changes(before: Payload, after: Payload) -> list[dict[str, str]]:
    """Every text that differs, with what to call it; choices are told by the sentence alone."""
    was, now = flat(before), flat(after)
    result = []
    for path in dict.fromkeys((*was, *now)):
        old, new = was.get(path), now.get(path)
        if old == new:
            continue
        label = _path_label(path, before, after)
        if label is not None:
            result.append({"label": label, "before": _text(old), "after": _text(new)})
    return result


def _text(value: Any) -> str:
    if isinstance(value, list):
        # Field blocks; where another client keeps a list of its own, anything.
        return "\n".join(_block_text(each) for each in value)
    return "" if value is None else str(value)


def _block_text(block: Any) -> str:
    """A field block's heading and what stands under it, as a reader sees them."""
    if not isinstance(block, dict):
        return str(block)
    kind = block.get("kind")
    content = block.get("placeholderText") or block.get("body")
    if kind == "badges" and isinstance(block.get("options"), list):
        content = ", ".join(str(option) for option in block["options"])
    elif kind == "proportion":
        content = f"{block.get('defaultPercent')} %"
    elif kind == "upload":
        content = block.get("fileName") or ("A file" if block.get("assetUrl") else None)
    heading = block.get("blockTitle") or block.get("label")
    return ": ".join(str(each) for each in (heading, content) if each)


def _path_label(path: Iterable[str], before: Payload, after: Payload) -> str | None:
    key, *rest = path
    if key in TEXT_LABELS:
        return TEXT_LABELS[key]
    if not rest or rest[-1] == "label":
        return None
    name = label_of(after, rest[0])
    if name == label_of({}, rest[0]):
        name = label_of(before, rest[0])
    if key in (BLOCKS, META):
        return name
    return f"{name}: {FIELD_LABELS.get((key, rest[1]), rest[1])}"
