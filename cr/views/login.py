"""Signing in and out, as pages."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.renderers import render_to_response
from pyramid.security import forget
from pyramid.view import view_config, view_defaults

from cr.accounts.signin import ask, safe_next
from cr.errors import ValidationProblem
from cr.resources.root import Login, Root

WRONG_ACCOUNT = "stakeholder_wrong_account"

SENTENCES = {
    "invalid_link": "That link does not work. Perhaps a piece of it was lost on the way. Ask for a new one here.",
    "expired_link": (
        "That link was used already, or it is too old. To sign in, ask for a new one here. "
        "If it was an invitation, ask whoever sent it for another."
    ),
    WRONG_ACCOUNT: (
        "That invitation is for another email address than the one you are signed in with. "
        "Sign out, then open the invitation again."
    ),
}
"""By the code that the address of the page carries, as the JSON contract names them."""


@view_defaults(context=Login, renderer="cr:templates/login.jinja2")
class LoginPage:
    def __init__(self, request: Any) -> None:
        self.request = request

    def _page(self, **more: Any) -> dict[str, Any]:
        return {"email": "", "next": None, "error": None, "errors": None, "sign_out": False, **more}

    def _next(self, given: str | None) -> str:
        """Where to go on to: to the page that somebody came from, else to their own."""
        path: str = safe_next(given) or self.request.urls.profile
        return path

    @view_config(request_method="GET")
    def show(self) -> Any:
        next_path = self._next(self.request.GET.get("next"))
        sentence = SENTENCES.get(self.request.GET.get("error", ""))
        identity = self.request.identity
        if identity is None:
            return self._page(next=next_path, error=sentence)
        if sentence is None:
            return HTTPSeeOther(next_path)
        # Whoever opens their link a second time has what they wanted: say so.
        wrong = sentence == SENTENCES[WRONG_ACCOUNT]
        still = "" if wrong else " all the same"
        error = f"{sentence} You are signed in as {identity.email}{still}."
        return self._page(next=next_path, error=error, sign_out=wrong)

    @view_config(request_method="POST")
    def send(self) -> Any:
        fields = self.request.POST
        email, next_path = fields.get("email", ""), self._next(fields.get("next"))
        try:
            address = ask(self.request, email, next_path)
        except ValidationProblem as problem:
            self.request.response.status_int = problem.status
            return self._page(email=email, next=next_path, errors=problem.details["fields"])
        return render_to_response("cr:templates/login_sent.jinja2", {"email": address}, request=self.request)


@view_config(context=Root, name="logout", request_method="POST")
def logout(request: Any) -> Any:
    return HTTPSeeOther("/", headers=forget(request))
