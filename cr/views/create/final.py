"""Checking every answer, publishing, and what comes after."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config, view_defaults

from cr.catalog.sections import MORE, SECTIONS, VALUES
from cr.errors import NotFound, Problem
from cr.events.document import composed
from cr.events.payload import STEP, label_of, same
from cr.projections.revisions import outline
from cr.resources.create import (
    Choice,
    CommunityName,
    CommunitySave,
    Completed,
    ConfirmStakeholders,
    CoreValues,
    FinalReview,
)
from cr.views.adoption import Adoption
from cr.views.create.choices import step_of
from cr.views.create.review import about
from cr.views.create.steps import StepViews
from cr.views.forms import refused
from cr.views.publishing import only_the_owner, publish, says_something
from cr.views.stakeholders import on_their_way

TEMPLATE = "cr:templates/create/final.jinja2"


@view_defaults(context=FinalReview)
class FinalViews(StepViews):
    def _shown(self, adoption: Adoption | None = None) -> dict[str, Any]:
        payload, then = self.work.payload, {"then": self.step.key}
        parts = []
        for section in (VALUES, *SECTIONS):
            chosen = payload.get(section.selected, ())
            step = step_of(section)
            parts.append(
                {
                    "name": section.name,
                    "hue": section.hue,
                    "url": self.url(step, Choice.OWN) if section is MORE else self.url(step, **then),
                    "verb": "Add a clause" if section is MORE else "Change",
                    "entries": [
                        {
                            "label": label_of(payload, each),
                            "url": self.url(step, each, **({} if section is MORE else then)),
                        }
                        for each in chosen
                    ],
                }
            )
        answers = [{**answer, "url": self.url(answer.pop("step"), **then)} for answer in about(payload)]
        missing = []
        if not self.work.title:
            missing.append({"text": "Give the rule a name.", "url": self.url(CommunityName, **then)})
        if (self.work.draft and not says_something(self.work.draft)) or not any(part["entries"] for part in parts):
            missing.append({"text": "Choose at least one value or method.", "url": self.url(CoreValues, **then)})
        if (draft := self.work.draft) and not self.work.mine:
            team = self.request.resource_path(self.request.root, "drafts", str(draft.id), "writers")
            missing.append({"text": only_the_owner("its owner"), "url": team})
        preview = None
        if self.work.draft:
            preview = self.request.resource_path(self.request.root, "drafts", str(self.work.draft.id), "preview")
        return {
            "answers": answers,
            "parts": parts,
            "missing": missing,
            "emails": self.work.emails,
            "stakeholders_url": self.url(ConfirmStakeholders, **then),
            "sign_in_url": self.url(CommunitySave, **then),
            "preview_url": preview,
            "adoption": (adoption or self._adoption()).shown(),
        }

    def _adoption(self) -> Adoption:
        return Adoption(composed(self.work.payload), revises=False, today=self.request.now.date())

    @view_config(request_method="GET", renderer=TEMPLATE)
    def show(self) -> Any:
        return self._elsewhere() or self.page(**self._shown())

    def _elsewhere(self) -> HTTPSeeOther | None:
        """The next revision of a rule is published from its own page, which asks how it was decided."""
        draft = self.work.draft
        if draft is None or draft.rule is None:
            return None
        return HTTPSeeOther(self.request.resource_path(self.request.root, "drafts", str(draft.id), "publish"))

    def _agreed(self) -> int:
        """The version that the person agreed to publish. Where somebody is in the flow is nothing to agree to."""
        version = self.work.seen()
        then = {**self.work.before(version), STEP: None}
        return self.work.version if same(then, {**self.work.payload, STEP: None}) else version

    @view_config(request_method="POST")
    def publish(self) -> Any:
        if away := self._elsewhere():
            return away
        draft = self.work.draft
        if draft is not None and draft.status == "published":
            return HTTPSeeOther(self.url(Completed))  # the same form, sent a second time
        if draft is None:
            return HTTPSeeOther(self.url(CommunitySave, then=self.step.key))
        adoption = self._adoption()
        decision = adoption.read(self.request.POST)
        if adoption.errors:
            return self.again(TEMPLATE, 400, **self._shown(adoption), errors=adoption.errors)
        try:
            publish(self.request, draft, self._agreed(), **decision)
        except Problem as problem:
            if self.by_itself:
                raise
            error = refused(self.request, problem)
            return self.again(TEMPLATE, problem.status, **self._shown(adoption), error=error)
        return HTTPSeeOther(self.url(Completed))


@view_config(context=Completed, request_method="GET", renderer="cr:templates/create/completed.jinja2")
def completed(context: Completed, request: Any) -> Any:
    views = StepViews(context, request)
    draft = views.work.draft
    if draft is None or draft.status != "published":
        raise NotFound("There is nothing published here yet. Go back to your draft and publish it.")
    row = request.root["drafts"][str(draft.id)].draft
    rule = request.rules.rule(row.rule)
    path = request.resource_path(request.root, "rules", str(rule.id))
    return views.page(
        rule={
            "title": rule.title,
            "summary": rule.summary,
            "revision": rule.revision,
            "path": path,
            "sections": outline(rule.document)["sections"],
        },
        invitations=on_their_way(request, rule),
        history_url=f"{path}/history",
        mail={
            "subject": quote(f"Our rule: {rule.title}"),
            "body": quote(f"This is how we work together: {request.urls.origin}{path}"),
        },
    )
