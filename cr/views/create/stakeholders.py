"""Whom to invite when the rule is published."""

from __future__ import annotations

import re
from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config, view_defaults

from cr.accounts.addresses import normalised
from cr.events.payload import STEP
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
        emails = self.work.emails
        if "remove" in posted:
            self.work.set_emails([each for each in emails if each != posted["remove"]])
            return HTTPSeeOther(self.here)
        typed = posted.get("emails", "")
        added, fault = self._read(typed, emails)
        if fault:
            return self.again(TEMPLATE, emails=emails, typed=typed, most=STAKEHOLDERS_MOST, errors={"emails": fault})
        if added:
            self.work.set_emails([*emails, *added])
        if posted.get("action") == "add":
            return HTTPSeeOther(self.here)
        if self.work.version and self.work.payload.get(STEP) != self.next_step.key:
            self.work.write({**self.work.payload, STEP: self.next_step.key}, self.work.version)
        return self.go_on()

    def _read(self, typed: str, emails: list[str]) -> tuple[list[str], str | None]:
        """The new addresses, and what is wrong with them as a sentence."""
        added: list[str] = []
        identity = self.request.identity
        for text in re.split(r"[\s,;]+", typed):
            if not text:
                continue
            try:
                address = normalised(text)
            except ValueError:
                return [], f"{text[:100]} is no mail address. Write one such as name@example.org."
            if identity is not None and address == identity.email:
                return [], "You need no invitation to your own rule. Leave your own address out."
            if address not in emails and address not in added:
                added.append(address)
        if len(emails) + len(added) > STAKEHOLDERS_MOST:
            return [], f"At most {STAKEHOLDERS_MOST} people can be invited. There would be {len(emails) + len(added)}."
        return added, None
