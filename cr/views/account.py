"""A person's account: their address, and the browsers in which they are signed in."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.renderers import render_to_response
from pyramid.view import view_config, view_defaults

from cr.accounts import email_change, sessions
from cr.errors import ValidationProblem
from cr.resources.base import uuid_or_keyerror
from cr.resources.profile import Account
from cr.security import Permission
from cr.views.forms import email_input

ADDRESS = email_input("New email address", "A link is mailed there. It becomes yours when you open it.", "newEmail")

DONE = {
    "one": "That browser is signed out.",
    "none": "That browser was not signed in to your account any more.",
    "others": "All other browsers are signed out.",
}
"""By the code in the address of the page."""


@view_defaults(context=Account, permission=Permission.ACCOUNT_OWN, renderer="cr:templates/account.jinja2")
class AccountViews:
    def __init__(self, context: Account, request: Any) -> None:
        self.context = context
        self.request = request

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        return self._page(done=DONE.get(self.request.GET.get("ended", "")))

    @view_config(name="address", request_method="POST")
    def ask_for_link(self) -> Any:
        given = self.request.POST.get(ADDRESS.name, "")
        try:
            address = email_change.ask(self.request, given)
        except ValidationProblem as problem:
            self.request.response.status_int = problem.status
            return self._page(given, errors=problem.details["fields"])
        values = {"email": address, "present": self.request.identity.email}
        return render_to_response("cr:templates/email_change_sent.jinja2", values, request=self.request)

    @view_config(name="end", request_method="POST")
    def end(self) -> HTTPSeeOther:
        given = self.request.POST.get("session", "")
        if given == "others":
            sessions.end_others(self.request)
            return HTTPSeeOther(self._url(query={"ended": "others"}))
        try:
            ended = sessions.end_others(self.request, uuid_or_keyerror(given))
        except KeyError:
            return HTTPSeeOther(self._url())
        return HTTPSeeOther(self._url(query={"ended": "one" if ended else "none"}))

    def _url(self, *more: str, **options: Any) -> str:
        path: str = self.request.resource_path(self.context.__parent__, "account", *more, **options)
        return path

    def _page(self, typed: str = "", errors: dict[str, str] | None = None, done: str | None = None) -> dict[str, Any]:
        errors = errors or {}
        identity = self.request.identity
        return {
            "email": identity.email,
            "address_field": ADDRESS.shown(typed, errors.get(ADDRESS.name)),
            "devices": [
                {
                    "id": row.id,
                    "name": row.browser or "A browser",
                    "this": row.id == identity.session_id,
                    "since": row.created_at,
                    "seen": row.last_seen_at,
                }
                for row in sessions.of(self.request)
            ],
            "urls_account": {
                **{name: self._url(name) for name in ("address", "end")},
                **{name: self.request.resource_path(self.context.__parent__, name) for name in ("data.json", "delete")},
            },
            "done": done,
            "errors": errors,
            "error": None,
        }
