"""Keeping the work: signing in half-way, by a mailed link that leads back to where the person was."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.renderers import render_to_response
from pyramid.view import view_config, view_defaults

from cr.accounts.signin import ask
from cr.errors import MailFailed, RateLimited, ValidationProblem
from cr.resources.create import CommunitySave
from cr.views.create.steps import StepViews
from cr.views.create.work import GuestWork
from cr.views.forms import refused

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
        action, email = self.request.POST.get("action"), self.request.POST.get("email", "")
        if action == "take-back":
            assert isinstance(self.work, GuestWork)
            self.work.take_back()
            return HTTPSeeOther(self.url(self.next_step))
        if action == "begin-anew" and self.work.moved:
            assert isinstance(self.work, GuestWork)
            self.work.begin_anew()
            return HTTPSeeOther(self.url(self.next_step))
        if action == "later":
            self.work.at(self.next_step.key)
            return HTTPSeeOther(self.url(self.next_step))
        # Who goes on writing while the mail is on its way is led to where they are by then.
        begun = self.work.version > 0
        way_back = self.request.resource_path(self.request.root, "create") if begun else self.url(self.next_step)
        try:
            address = ask(self.request, email, way_back)
        except (ValidationProblem, RateLimited, MailFailed) as problem:
            # As if it had not been asked for: the older link works. After a mail that failed they may ask at once.
            errors = {"email": refused(self.request, problem)}
            return self.again(TEMPLATE, problem.status, **self._shown(email=email, errors=errors))
        # Behind the mail, which may take its time: until then nobody waits for this text.
        self.work.at(self.next_step.key)
        shown = self.page(**self._shown(email=address))
        return render_to_response("cr:templates/create/save_sent.jinja2", shown, request=self.request)
