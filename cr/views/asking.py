"""Asking the people who run the site, from a form that public pages have too.

The form has no token, for pages with one can't be kept for everybody, and it needs none: what it does is done in
nobody's name, and whoever wants to send a question can send it without anybody's browser. Forms of other sites are
refused all the same (`cr.csrf.refuse_other_sites`).
"""

from __future__ import annotations

from typing import Any

from pyramid.renderers import render_to_response
from pyramid.view import view_config, view_defaults

from cr.errors import NotFound, RateLimited, ValidationProblem
from cr.headers import not_kept
from cr.mail import inbox
from cr.resources.content import Learn
from cr.views.forms import Input, email_input, refused, tidy

EMAIL = email_input("Your email address", "The answer goes there.")
MESSAGE = Input("message", "Your question", (), "textarea", maxlength=inbox.MESSAGE_MOST)


def blank(request: Any) -> dict[str, Any] | None:
    """The form as public pages show it; None where there is no inbox.

    They know nobody: a script asks for the address of whoever begins to write.
    """
    if request.settings.organizer_inquiry_to is None:
        return None
    return form(request) | {"session": request.resource_path(request.root, "api", "auth", "session")}


def form(request: Any, email: str = "", message: str = "", errors: dict[str, str] | None = None) -> dict[str, Any]:
    """As the template's `ask_form` wants it."""
    faults = errors or {}
    return {
        "action": request.urls.ask,
        "email": EMAIL.shown(email, faults.get(EMAIL.name)),
        "message": MESSAGE.shown(message, faults.get(MESSAGE.name)),
        "trap": inbox.TRAP,
        "session": None,
    }


@view_defaults(context=Learn, name="ask", renderer="cr:templates/ask.jinja2", require_csrf=False)
class AskViews:
    def __init__(self, context: Learn, request: Any) -> None:
        self.request = request
        if request.settings.organizer_inquiry_to is None:
            raise NotFound("Nobody can be asked here: this site has no inbox for questions.")
        request.add_response_callback(not_kept)

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        identity = self.request.identity
        return {"ask": form(self.request, identity.email if identity else ""), "errors": {}, "error": None}

    @view_config(request_method="POST")
    def send(self) -> Any:
        posted = self.request.POST
        email, message = posted.get(EMAIL.name, ""), tidy(posted.get(MESSAGE.name, ""))
        if not inbox.is_trapped(posted.get(inbox.TRAP)):
            try:
                email = inbox.ask(self.request, email, message)
            except (ValidationProblem, RateLimited) as problem:
                error, errors = refused(self.request, problem), problem.details.get("fields", {})
                asked = form(self.request, email, message, errors)
                return {"ask": asked, "errors": errors, "error": None if errors else error}
        return render_to_response("cr:templates/ask_sent.jinja2", {"email": email}, request=self.request)
