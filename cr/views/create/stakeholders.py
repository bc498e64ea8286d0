"""Whom to invite when the rule is published."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config, view_defaults

from cr.accounts.stakeholders import read_typed
from cr.errors import ValidationProblem
from cr.events.rule import STAKEHOLDERS_MOST
from cr.resources.create import ConfirmStakeholders, FinalReview
from cr.views.create.steps import StepViews

TEMPLATE = "cr:templates/create/stakeholders.jinja2"


@view_defaults(context=ConfirmStakeholders)
class StakeholdersViews(StepViews):
    @view_config(request_method="GET", renderer=TEMPLATE)
    def show(self) -> Any:
        if ConfirmStakeholders not in self.steps:
            return HTTPSeeOther(self.url(FinalReview))
        return self.page(emails=self.work.emails, typed="", most=STAKEHOLDERS_MOST)

    @view_config(request_method="POST")
    def save(self) -> Any:
        posted = self.request.POST
        self.work.seen()
        if "remove" in posted:
            self.work.change_emails(lambda emails: [each for each in emails if each != posted["remove"]])
            return HTTPSeeOther(self.here)
        typed = posted.get("emails", "")
        own = self.request.identity and self.request.identity.email
        try:
            if typed.strip():
                self.work.change_emails(lambda emails: [*emails, *read_typed(typed, emails, own)])
        except ValidationProblem as problem:
            shown = {"emails": self.work.emails, "typed": typed, "most": STAKEHOLDERS_MOST}
            return self.again(TEMPLATE, **shown, errors={"emails": problem.message})
        if posted.get("action") == "add":
            return HTTPSeeOther(self.here)
        self.work.at(self.next_step.key)
        return self.go_on()
