"""Whom to invite when the rule is published."""

from __future__ import annotations

import re
from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config, view_defaults

from cr.accounts.addresses import normalised
from cr.errors import ValidationProblem
from cr.events.rule import STAKEHOLDERS_MOST
from cr.resources.create import ConfirmStakeholders
from cr.views.create.steps import StepViews

TEMPLATE = "cr:templates/create/stakeholders.jinja2"


@view_defaults(context=ConfirmStakeholders)
class StakeholdersViews(StepViews):
    @view_config(request_method="GET", renderer=TEMPLATE)
    def show(self) -> dict[str, Any]:
        return self.page(emails=self.work.emails, typed="", most=STAKEHOLDERS_MOST)

    @view_config(request_method="POST")
    def save(self) -> Any:
        posted = self.request.POST
        self.work.seen()
        if "remove" in posted:
            self.work.change_emails(lambda emails: [each for each in emails if each != posted["remove"]])
            return HTTPSeeOther(self.here)
        typed = posted.get("emails", "")
        try:
            if typed.strip():
                self.work.change_emails(lambda emails: [*emails, *self._read(typed, emails)])
        except ValidationProblem as problem:
            shown = {"emails": self.work.emails, "typed": typed, "most": STAKEHOLDERS_MOST}
            return self.again(TEMPLATE, **shown, errors={"emails": problem.message})
        if posted.get("action") == "add":
            return HTTPSeeOther(self.here)
        self.work.at(self.next_step.key)
        return self.go_on()

    def _read(self, typed: str, emails: list[str]) -> list[str]:
        """The new addresses. Raises `ValidationProblem`."""
        added: list[str] = []
        identity = self.request.identity
        for text in re.finditer(r"[^\s,;]+", typed):
            try:
                address = normalised(text[0])
            except ValueError:
                sentence = f"“{text[0][:100]}” is no mail address. Write one such as name@example.org."
                raise ValidationProblem(sentence) from None
            if identity is not None and address == identity.email:
                raise ValidationProblem("You need no invitation to your own rule. Leave your own address out.")
            if address not in emails and address not in added:
                added.append(address)
            if len(emails) + len(added) > STAKEHOLDERS_MOST:
                raise ValidationProblem(f"At most {STAKEHOLDERS_MOST} people can be invited. Leave some out.")
        return added
