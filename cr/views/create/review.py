"""Looking back at what was said about the community, before the rule itself begins."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config, view_defaults

from cr.catalog import choosing, store
from cr.catalog.facets import GROUPS, SIZE, described, reason
from cr.events.payload import Payload
from cr.projections.revisions import own_file
from cr.resources.create import (
    CommunityContext,
    CommunityName,
    CommunitySize,
    CommunityStructure,
    CommunityUpload,
    Review,
)
from cr.views.create.steps import StepViews

SUGGESTED = 3
"""Templates: enough to compare, few enough to read."""


def about(payload: Payload) -> list[dict[str, Any]]:
    """What the payload says about the community: question, answer (or None), and the step that asks."""
    answers: list[dict[str, Any]] = [{"name": "Name", "text": payload.get("title"), "step": CommunityName}]
    for group in GROUPS:
        chosen = [answer.label for answer in group.answers if answer.value in payload.get(group.key, ())]
        step = CommunitySize if group is SIZE else CommunityStructure
        name = {"size": "Size", "orgType": "Kind", "scale": "Members", "maturity": "Stage"}[group.name]
        answers.append({"name": name, "text": ", ".join(chosen), "step": step})
    photo = own_file(payload.get("communityAvatarUrl"))
    answers += [
        {"name": "What you do", "text": payload.get("communityContext"), "step": CommunityContext},
        {"name": "Summary", "text": payload.get("summary"), "step": CommunityContext},
        {
            "name": "Photo",
            "text": "Attached" if photo else None,
            "photo": photo,
            "alt": payload.get("communityAvatarAlt"),
            "step": CommunityUpload,
        },
    ]
    return answers


@view_defaults(context=Review)
class ReviewViews(StepViews):
    @view_config(request_method="GET", renderer="cr:templates/create/review.jinja2")
    def show(self) -> dict[str, Any]:
        wanted = described(self.work.payload)
        session = self.request.dbsession
        suited = choosing.suited_templates(store.templates(session), store.all_methods(session), wanted)
        suggested = [
            {
                "title": template.title,
                "description": template.description,
                "reason": reason(fitting.matched, wanted),
                "url": self.url("review-template", template.slug),
            }
            for template, fitting in suited[:SUGGESTED]
        ]
        answers = [
            {**answer, "url": self.url(answer.pop("step"), then=self.step.key)} for answer in about(self.work.payload)
        ]
        templates_url = self.request.resource_path(self.request.root, "templates", query=self.work.query)
        return self.page(answers=answers, suggested=suggested, templates_url=templates_url)

    @view_config(request_method="POST")
    def save(self) -> HTTPSeeOther:
        self.work.seen()
        self.work.at(self.next_step.key)
        return self.go_on()
