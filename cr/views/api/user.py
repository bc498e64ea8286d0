"""/api/user: what a person can do about their account."""

from __future__ import annotations

import logging
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.renderers import render_to_response
from pyramid.response import Response
from pyramid.security import forget
from pyramid.view import exception_view_config, view_config, view_defaults

from cr.accounts import deletion, links
from cr.accounts.email_change import PURPOSE, ask, follow, is_theirs
from cr.accounts.links import LinkRefused
from cr.accounts.signin import is_asking_browser
from cr.errors import Conflict, DatabaseUnavailable, MailFailed, ServerMisconfigured
from cr.headers import not_kept
from cr.resources.api import ApiEmailChange, ApiMyAccount
from cr.security import Permission
from cr.views.api.mailed import OPENED, PRESSED
from cr.views.api.operations import Address, Done, Operation
from cr.views.errors import tried_again

log = logging.getLogger(__name__)

CODES = {"invalid_link": "email_change_invalid", "expired_link": "email_change_expired", "taken": "email_change_taken"}
"""What the contract calls it when `LinkRefused` says so; its sentences are in `cr.views.profile`."""


@view_config(
    context=ApiMyAccount,
    request_method="DELETE",
    permission=Permission.ACCOUNT_OWN,
    renderer="json",
    api=Operation(refuses=(Conflict,)),
    takes_turns=True,
)
def delete(request: Any) -> Done:
    """Delete my account.

    My address, my drafts and the files that no published rule shows are erased, and every session ends. Published rules
    stay, without an owner. Nobody can bring it back. It may be refused because somebody changed a rule or draft of mine
    in the same moment (409): then nothing is deleted, and asking once more does it.
    """
    deletion.delete(request)
    request.response.headerlist.extend(forget(request))
    return {"ok": True}


class EmailChange(BaseModel):
    """The address to have from now on."""

    newEmail: Address


@view_config(
    context=ApiEmailChange,
    name="request",
    request_method="POST",
    permission=Permission.ACCOUNT_OWN,
    renderer="json",
    api=Operation(
        body=EmailChange,
        often="Once in 60 seconds for an email address and for an account, once in 20 seconds from an IP address.",
        refuses=(MailFailed, ServerMisconfigured),
    ),
)
def request_change(request: Any) -> Done:
    """Mail a link to a new address.

    It works once, for 10 minutes. The answer is the same whether the address has an account or not.
    """
    sent: EmailChange = request.sent
    ask(request, sent.newEmail)
    return {"ok": True}


@view_defaults(context=ApiEmailChange, name="verify", takes_turns=True)
class Verify:
    """The address in the mail. Opening it changes something only in the browser that asked for it, while the person
    is signed in there; elsewhere they sign in first, and press a button."""

    def __init__(self, request: Any) -> None:
        request.add_response_callback(not_kept)
        self.request = request

    @view_config(request_method="GET", api=OPENED)
    def open(self) -> Any:
        """Follow the link to a new address.

        In the browser that asked for it, signed in, the address is the account's from then on, its other sessions end,
        and it goes on to `/profile?email_change=ok`. Other browsers get a page that says what to do. What is refused
        leads to `/profile?error=` and `email_change_invalid`, `email_change_expired`, `email_change_taken` or
        `email_change_server`. HEAD changes nothing.
        """
        request = self.request
        if request.method == "HEAD":
            return Response(content_type="text/html")
        token = request.asked.token
        try:
            link = links.find(request, PURPOSE, token)
            if is_theirs(request, link) and is_asking_browser(request, link):
                return self._changed(token)
        except LinkRefused as refused:
            return _landing(request, error=CODES[refused.code])
        return self._page(link, token)

    @view_config(request_method="POST", api=PRESSED)
    def confirm(self) -> Any:
        """Press the button of that page.

        For browsers: the form's `csrf_token` is needed.
        """
        token = self.request.POST.get("token", "")
        try:
            link = links.find(self.request, PURPOSE, token)
            return self._changed(token) if is_theirs(self.request, link) else self._page(link, token)
        except LinkRefused as refused:
            return _landing(self.request, error=CODES[refused.code])

    def _changed(self, token: str) -> HTTPSeeOther:
        follow(self.request, token)
        return _landing(self.request, email_change="ok")

    def _page(self, link: links.Link, token: str) -> Response:
        request = self.request
        again = request.resource_path(request.context, "verify", query={"token": token})
        values = {
            "state": "yours" if is_theirs(request, link) else "another's" if request.identity else "signed out",
            "email": link.email,
            "token": token,
            "action": request.path,
            "sign_in_url": request.resource_path(request.root, "login", query={"next": again}),
        }
        return render_to_response("cr:templates/email_change.jinja2", values, request=request)


@exception_view_config(context=DatabaseUnavailable, path_info="^/api/user/email-change/verify$")
@exception_view_config(context=sa.exc.SQLAlchemyError, path_info="^/api/user/email-change/verify$")
def database_trouble(error: Exception, request: Any) -> HTTPSeeOther:
    """A person opened a link of a mail: they get a page with a sentence."""
    if not tried_again(error, request):
        log.error("An address was not changed, the database: %s", str(getattr(error, "orig", error)).strip())
    return _landing(request, error="email_change_server")


def _landing(request: Any, **query: str) -> HTTPSeeOther:
    return HTTPSeeOther(request.resource_path(request.root, "profile", query=query))
