"""/api/rules/{id}/stakeholders, for the rule's owner; and the link in an invitation."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.renderers import render_to_response
from pyramid.response import Response
from pyramid.view import view_config, view_defaults

from cr.accounts import stakeholders
from cr.accounts.links import LinkRefused
from cr.accounts.stakeholders import Stakeholder
from cr.resources.api import ApiStakeholder, ApiStakeholderInvite, ApiStakeholders
from cr.security import Permission
from cr.times import iso_z
from cr.views.api.body import json_body


class InviteBody(BaseModel):
    email: str


def _listed(each: Stakeholder) -> dict[str, Any]:
    mail = each.mail and {"state": each.mail.state, "at": iso_z(each.mail.at), "reason": each.mail.reason}
    return {
        "id": str(each.id),
        "email": each.email,
        "invitedAt": iso_z(each.invited_at),
        "acceptedAt": iso_z(each.accepted_at) if each.accepted_at else None,
        "status": "accepted" if each.accepted_at else "pending",
        "mail": mail,
    }


@view_config(context=ApiStakeholders, request_method="GET", renderer="json", permission=Permission.RULE_OWN)
def listed(context: ApiStakeholders, request: Any) -> dict[str, Any]:
    return {"stakeholders": [_listed(each) for each in stakeholders.of(request.dbsession, context.rule.id)]}


@view_config(context=ApiStakeholders, request_method="POST", renderer="json", permission=Permission.RULE_OWN)
def invite(context: ApiStakeholders, request: Any) -> dict[str, Any]:
    body = json_body(request, InviteBody)
    people = stakeholders.named([body.email], own=request.identity.email, field="email")
    stakeholders.add(request, context.rule, people)
    request.response.status_int = 201
    found = stakeholders.of(request.dbsession, context.rule.id)
    return {"stakeholder": next(_listed(each) for each in found if each.id in people)}


@view_config(context=ApiStakeholder, request_method="DELETE", renderer="json", permission=Permission.RULE_OWN)
def remove(context: ApiStakeholder, request: Any) -> dict[str, Any]:
    stakeholders.remove(request, context.rule.id, context.stakeholder.id)
    return {"ok": True}


@view_config(
    context=ApiStakeholder, name="resend", request_method="POST", renderer="json", permission=Permission.RULE_OWN
)
def resend(context: ApiStakeholder, request: Any) -> dict[str, Any]:
    stakeholders.resend(request, context.rule, context.stakeholder)
    return {"ok": True}


@view_defaults(context=ApiStakeholderInvite, name="verify")
class Verify:
    """The address in an invitation. No browser asked for it, and programs that look at mails open it too: opening it
    changes nothing but for who is signed in with the address already; anybody else presses a button.
    """

    def __init__(self, request: Any) -> None:
        self.request = request

    @view_config(request_method="GET")
    def open(self) -> Any:
        if self.request.method == "HEAD":
            return Response(content_type="text/html")
        return self._answer(self.request.GET.get("token", ""), pressed=False)

    @view_config(request_method="POST")
    def confirm(self) -> Any:
        return self._answer(self.request.POST.get("token", ""), pressed=True)

    def _answer(self, token: str, *, pressed: bool) -> Any:
        request = self.request
        try:
            return self._followed(token, pressed=pressed)
        except LinkRefused as refused:
            return HTTPSeeOther(request.resource_path(request.root, "login", query={"error": refused.code}))

    def _followed(self, token: str, *, pressed: bool) -> Any:
        request, identity = self.request, self.request.identity
        found = stakeholders.find(request, token)
        to_rule = request.resource_path(request.root, "rules", str(found.rule.id))
        # The page of a rule that was withdrawn says so.
        if found.rule.status == "withdrawn" or (identity and identity.account_id == found.account):
            return HTTPSeeOther(to_rule)
        if found.account or found.expires_at <= request.now:
            raise LinkRefused("expired_link")
        if identity and identity.email != found.email:
            raise LinkRefused("stakeholder_wrong_account")
        if identity or pressed:
            return HTTPSeeOther(to_rule, headers=stakeholders.accept(request, found))
        values = {"token": token, "email": found.email, "action": request.path, "rule": {"title": found.rule.title}}
        return render_to_response("cr:templates/stakeholder_accept.jinja2", values, request=request)
