"""Keeping the work: signing in half-way, by a mailed link that leads back to where the person was."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.renderers import render_to_response
from pyramid.view import view_config, view_defaults

from cr.accounts.signin import ask
from cr.errors import MailFailed, RateLimited, ValidationProblem
from cr.events.payload import STEP
from cr.resources.create import CommunitySave
from cr.views.create.steps import StepViews

TEMPLATE = "cr:templates/create/save.jinja2"


@view_defaults(context=CommunitySave)
class SaveViews(StepViews):
    def _shown(self, **more: Any) -> dict[str, Any]:
        return {"email": "", "next_title": self.next_step.title, "next_url": self.url(self.next_step), **more}

    @view_config(request_method="GET", renderer=TEMPLATE)
    def show(self) -> Any:
        if self.request.identity is not None:
            return self.go_on()
        return self.page(**self._shown())

    @view_config(request_method="POST")
    def send(self) -> Any:
        if self.request.identity is not None:
            return self.go_on()
        email = self.request.POST.get("email", "")
        # Before the mail: where it leads to is where the person will find everything again.
        if self.work.version and self.work.payload.get(STEP) != self.next_step.key:
            self.work.write({**self.work.payload, STEP: self.next_step.key}, self.work.version)
        if self.request.POST.get("action") == "later":
            return HTTPSeeOther(self.url(self.next_step))
        try:
            address = ask(self.request, email, self.url(self.next_step))
        except (ValidationProblem, RateLimited, MailFailed) as problem:
            if isinstance(problem, MailFailed):
                # As if it had not been asked for: the older link works, and a new one may be asked for at once.
                self.request.tm.doom()
            errors = {"email": problem.message}
            return self.again(TEMPLATE, problem.status, **self._shown(email=email, errors=errors))
        shown = self.page(**self._shown(email=address))
        return render_to_response("cr:templates/create/save_sent.jinja2", shown, request=self.request)
