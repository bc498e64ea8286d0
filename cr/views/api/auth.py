"""/api/auth: who is signed in, and signing in and out."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, Field
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.renderers import render_to_response
from pyramid.response import Response
from pyramid.security import forget
from pyramid.view import view_config, view_defaults
from typing_extensions import TypedDict

from cr.accounts import guests, links
from cr.accounts.links import LinkRefused
from cr.accounts.signin import PURPOSE, ask, follow, is_asking_browser
from cr.errors import MailFailed, ServerMisconfigured
from cr.events.payload import DraftPayload, checked
from cr.resources.api import ApiAuth, ApiMagicLink
from cr.views.api.mailed import FORM, OPENED, PRESSED, EnterForm, called, written_here
from cr.views.api.operations import Address, Done, Operation, Shaped


class LinkRequest(BaseModel):
    """Whom to mail a link to."""

    email: Address
    next: str | None = Field(None, description="Where to go on to afterwards: path and query of a page of this site.")
    draft: Annotated[dict[str, Any], Shaped(DraftPayload)] | None = Field(
        None, description="A text that becomes the person's draft when they sign in."
    )


class User(TypedDict):
    id: str
    email: Address


class Session(TypedDict):
    """Who is signed in; null for nobody."""

    user: User | None


class SignInForm(EnterForm):
    bring: str | None = Field(None, description="Sent, whatever its value: what the asking browser wrote comes too.")


@view_config(context=ApiAuth, name="session", request_method="GET", renderer="json", api=Operation())
def session(request: Any) -> Session:
    """Say who is signed in."""
    identity = request.identity
    return {"user": {"id": str(identity.account_id), "email": identity.email} if identity else None}


@view_config(context=ApiAuth, name="logout", request_method="POST", renderer="json", api=Operation())
def logout(request: Any) -> Done:
    """Sign out.

    This session ends, those on other devices go on. Without a session nothing happens.
    """
    request.response.headerlist.extend(forget(request))
    return {"ok": True}


@view_config(
    context=ApiMagicLink,
    name="request",
    request_method="POST",
    renderer="json",
    api=Operation(
        body=LinkRequest,
        often="Once in 60 seconds for an email address, once in 20 seconds from an IP address.",
        refuses=(MailFailed, ServerMisconfigured),
    ),
)
def request_link(request: Any) -> Done:
    """Mail a link to sign in.

    It works once, for 10 minutes, and makes an older one void. The answer is the same whether the address has an
    account or not; without one, following the link makes it.
    """
    body: LinkRequest = request.sent
    ask(request, body.email, body.next, checked(body.draft) if body.draft is not None else None)
    return {"ok": True}


def brought(request: Any, link: links.Link) -> list[dict[str, Any]]:
    """What comes with a link, as `called` has it."""
    guest = guests.find(request, link.guest) if link.guest else None
    return called(link.draft, guest.payload if guest else None)


@view_defaults(context=ApiMagicLink, name="verify")
class Verify:
    """The address in the mail. Programs that look at mails open it too, so opening it alone signs nobody in but the
    browser that asked for it; anybody else presses a button."""

    def __init__(self, request: Any) -> None:
        self.request = request

    @view_config(request_method="GET", api=OPENED)
    def open(self) -> Any:
        """Follow a mailed link.

        The browser that asked for the link is signed in at once and sent on to `next`, or to `/`. Any other gets a
        page with one button, because programs that scan mail open links too. A link that is wrong leads to
        `/login?error=invalid_link`, one that was used or is too old to `/login?error=expired_link`. HEAD changes
        nothing.
        """
        request = self.request
        if request.method == "HEAD":
            return Response(content_type="text/html")
        token = request.asked.token
        try:
            link = links.find(request, PURPOSE, token)
            if is_asking_browser(request, link):
                return self._signed_in(token)
        except LinkRefused as refused:
            return self._refused(refused)
        return render_to_response(
            "cr:templates/login_confirm.jinja2",
            {
                "token": token,
                "email": link.email,
                "action": request.path,
                "brings": brought(request, link),
                "own": written_here(request, but=link.guest),
            },
            request=request,
        )

    @view_config(request_method="POST", api=replace(PRESSED, form=(FORM, SignInForm)))
    def confirm(self) -> Any:
        """Press the button of that page.

        For browsers: the form's `csrf_token` is needed.
        """
        try:
            posted = self.request.POST
            return self._signed_in(posted.get("token", ""), bring="bring" in posted, own="own" in posted)
        except LinkRefused as refused:
            return self._refused(refused)

    def _signed_in(self, token: str, **what_comes: bool) -> HTTPSeeOther:
        path, headers = follow(self.request, token, **what_comes)
        return HTTPSeeOther(path, headers=headers)

    def _refused(self, refused: LinkRefused) -> HTTPSeeOther:
        login = self.request.resource_path(self.request.root, "login", query={"error": refused.code})
        return HTTPSeeOther(login)
