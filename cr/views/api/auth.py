"""/api/auth: who is signed in, and signing in and out."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.renderers import render_to_response
from pyramid.response import Response
from pyramid.security import forget
from pyramid.view import view_config, view_defaults

from cr.accounts import guests, links
from cr.accounts.links import LinkRefused
from cr.accounts.signin import PURPOSE, ask, follow, is_asking_browser
from cr.events.payload import checked
from cr.resources.api import ApiAuth, ApiMagicLink
from cr.views.api.body import json_body


class RequestBody(BaseModel):
    email: str
    next: str | None = None
    draft: dict[str, Any] | None = None


@view_config(context=ApiAuth, name="session", request_method="GET", renderer="json")
def session(request: Any) -> dict[str, Any]:
    identity = request.identity
    return {"user": {"id": str(identity.account_id), "email": identity.email} if identity else None}


@view_config(context=ApiAuth, name="logout", request_method="POST", renderer="json")
def logout(request: Any) -> dict[str, Any]:
    request.response.headerlist.extend(forget(request))
    return {"ok": True}


@view_config(context=ApiMagicLink, name="request", request_method="POST", renderer="json")
def request_link(request: Any) -> dict[str, Any]:
    body = json_body(request, RequestBody)
    ask(request, body.email, body.next, checked(body.draft) if body.draft is not None else None)
    return {"ok": True}


def brought(request: Any, link: links.Link) -> list[dict[str, Any]]:
    """What comes with a link: the `title` of each text, empty where it has none, and how many `people` it invites."""
    guest = guests.find(request, link.guest) if link.guest else None
    texts = [text for text in (link.draft, guest.payload if guest else None) if text]
    return [
        {"title": str(text.get("title") or "").strip(), "people": len(text.get("stakeholderEmails") or ())}
        for text in texts
    ]


@view_defaults(context=ApiMagicLink, name="verify")
class Verify:
    """The address in the mail. Programs that look at mails open it too, so opening it alone signs nobody in but the
    browser that asked for it; anybody else presses a button."""

    def __init__(self, request: Any) -> None:
        self.request = request

    @view_config(request_method="GET")
    def open(self) -> Any:
        request = self.request
        if request.method == "HEAD":
            return Response(content_type="text/html")
        token = request.GET.get("token", "")
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
            },
            request=request,
        )

    @view_config(request_method="POST")
    def confirm(self) -> Any:
        try:
            return self._signed_in(self.request.POST.get("token", ""), bring="bring" in self.request.POST)
        except LinkRefused as refused:
            return self._refused(refused)

    def _signed_in(self, token: str, *, bring: bool = True) -> HTTPSeeOther:
        path, headers = follow(self.request, token, bring=bring)
        return HTTPSeeOther(path, headers=headers)

    def _refused(self, refused: LinkRefused) -> HTTPSeeOther:
        login = self.request.resource_path(self.request.root, "login", query={"error": refused.code})
        return HTTPSeeOther(login)
