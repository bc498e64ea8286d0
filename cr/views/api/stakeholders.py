"""/api/rules/{id}/stakeholders, for the rule's owner; and the link in an invitation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel
from pyramid.httpexceptions import HTTPSeeOther
from pyramid.renderers import render_to_response
from pyramid.response import Response
from pyramid.view import view_config, view_defaults
from typing_extensions import TypedDict

from cr.accounts import stakeholders
from cr.accounts.links import LinkRefused
from cr.accounts.stakeholders import Stakeholder
from cr.errors import Conflict
from cr.mail import strangers
from cr.resources.api import ApiStakeholder, ApiStakeholderInvite, ApiStakeholders
from cr.security import Permission
from cr.times import iso_z
from cr.views.api.mailed import FORM, OPENED, PRESSED, EnterForm, written_here
from cr.views.api.operations import Address, Done, Moment, Operation

ACCEPTED = "You-are-a-stakeholder"
"""Where the page of a rule says to a new stakeholder that they are one."""


class Invitation(BaseModel):
    """Whom to invite."""

    email: Address


class ListedStakeholder(TypedDict):
    """`email` is null where the address was erased, `acceptedAt` until they accepted."""

    id: str
    email: str | None
    invitedAt: Moment
    acceptedAt: Moment | None
    status: Literal["pending", "accepted"]


class StakeholderList(TypedDict):
    """Stakeholders, in the order in which they were invited."""

    stakeholders: list[ListedStakeholder]


class Invited(TypedDict):
    stakeholder: ListedStakeholder


def _listed(each: Stakeholder) -> ListedStakeholder:
    return {
        "id": str(each.id),
        "email": each.email,
        "invitedAt": iso_z(each.invited_at),
        "acceptedAt": iso_z(each.accepted_at) if each.accepted_at else None,
        "status": "accepted" if each.accepted_at else "pending",
    }


@view_config(
    context=ApiStakeholders,
    request_method="GET",
    renderer="json",
    permission=Permission.RULE_OWN,
    api=Operation(),
)
def listed(context: ApiStakeholders, request: Any) -> StakeholderList:
    """List the stakeholders of my rule.

    For its owner; to anybody else there is nothing here.
    """
    return {"stakeholders": [_listed(each) for each in stakeholders.of(request.dbsession, context.rule.id)]}


@view_config(
    context=ApiStakeholders,
    request_method="POST",
    renderer="json",
    permission=Permission.RULE_OWN,
    api=Operation(
        body=Invitation,
        status=201,
        often="Once in 60 seconds from an IP address, publishing with invitations included.",
        refuses=(Conflict,),
    ),
)
def invite(context: ApiStakeholders, request: Any) -> Invited:
    """Invite a stakeholder.

    They get a mail with a link, which works for 30 days. Where too many invitations went out within a day, to the
    email address or by you, they are invited without a mail, which can be sent later. Your own email address and a
    31st stakeholder are refused, and so is who is invited already (409).
    """
    body: Invitation = request.sent
    people = stakeholders.named(stakeholders.read([body.email], request.identity.email, "email"))
    stakeholders.add(request, context.rule, people)
    request.response.status_int = 201
    found = stakeholders.of(request.dbsession, context.rule.id)
    return {"stakeholder": next(_listed(each) for each in found if each.id in people)}


@view_config(
    context=ApiStakeholder,
    request_method="DELETE",
    renderer="json",
    permission=Permission.RULE_OWN,
    api=Operation(refuses=(Conflict,)),
)
def remove(context: ApiStakeholder, request: Any) -> Done:
    """Remove a stakeholder.

    Whether they accepted or not; a link that they were mailed is void.
    """
    stakeholders.remove(request, context.rule.id, context.stakeholder.id)
    return {"ok": True}


@view_config(
    context=ApiStakeholder,
    name="resend",
    request_method="POST",
    renderer="json",
    permission=Permission.RULE_OWN,
    api=Operation(
        often="Once in 60 seconds for an invitation. With all other invitations, "
        f"{strangers.TO_ONE} times in a day to an email address, {strangers.FROM_ONE} times for an account."
    ),
)
def resend(context: ApiStakeholder, request: Any) -> Done:
    """Mail an invitation again.

    With a new link; older ones are void. Refused for who accepted. It takes no body.
    """
    stakeholders.resend(request, context.rule, context.stakeholder)
    return {"ok": True}


@view_defaults(context=ApiStakeholderInvite, name="verify")
class Verify:
    """The address in an invitation. No browser asked for it, and programs that look at mails open it too: opening it
    changes nothing but for who is signed in with the address already; anybody else presses a button.
    """

    def __init__(self, request: Any) -> None:
        self.request = request

    @view_config(request_method="GET", api=OPENED)
    def open(self) -> Any:
        """Follow the link in an invitation.

        Whoever is signed in with the address of the invitation, or had it before, accepts by it. Anybody else gets a
        page with one button, which accepts and signs in, because programs that scan mail open links too. Both lead to
        the rule. Whoever is signed in as somebody else gets to `/login?error=stakeholder_wrong_account`; a link that
        is wrong leads to `/login?error=invalid_link`, one that is void or too old to `/login?error=expired_link`. HEAD
        changes nothing.
        """
        if self.request.method == "HEAD":
            return Response(content_type="text/html")
        return self._answer(self.request.asked.token, pressed=False)

    @view_config(request_method="POST", api=replace(PRESSED, form=(FORM, EnterForm)))
    def confirm(self) -> Any:
        """Press the button of that page.

        For browsers: the form's `csrf_token` is needed.
        """
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
        if identity and identity.email != found.email and identity.account_id != found.holder:
            raise LinkRefused("stakeholder_wrong_account")
        if identity or pressed:
            headers = stakeholders.accept(request, found, own="own" in request.POST)
            # The page is the same for everybody: the place in it says what came of the link.
            return HTTPSeeOther(f"{to_rule}#{ACCEPTED}", headers=headers)
        values = {
            "token": token,
            "email": found.email,
            "action": request.path,
            "rule": {"title": found.rule.title, "url": to_rule},
            "own": written_here(request),
        }
        return render_to_response("cr:templates/stakeholder_accept.jinja2", values, request=request)
