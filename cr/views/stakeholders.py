"""The stakeholders of a rule: the page on which its owner invites, mails again and removes, and leaving."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config, view_defaults

from cr.accounts import stakeholders
from cr.accounts.stakeholders import Stakeholder
from cr.errors import Conflict, Gone, RateLimited, ValidationProblem
from cr.events.rule import STAKEHOLDERS_MOST
from cr.projections import invitations
from cr.resources.base import uuid_or_keyerror
from cr.resources.stakeholders import Stakeholders
from cr.security import Permission
from cr.views.forms import number, refused
from cr.views.profile import done
from cr.views.public import rule_path

LIST, REMOVE, LEAVE = (f"cr:templates/stakeholder{name}.jinja2" for name in ("s", "_remove", "_leave"))


class Page:
    def __init__(self, context: Stakeholders, request: Any) -> None:
        self.request = request
        self.rule = context.rule
        if self.rule.status == "withdrawn":
            raise Gone("This rule was withdrawn, so it has no stakeholders any more.")

    def url(self, *more: str, **options: Any) -> str:
        return rule_path(self.request, self.rule.id, "stakeholders", *more, **options)

    def common(self) -> dict[str, Any]:
        return {
            "rule": {"title": self.rule.title, "url": rule_path(self.request, self.rule.id)},
            "actions": {
                "invite": self.url(),
                **{name: self.url(name) for name in ("resend", "remove", "leave")},
                "organizers": rule_path(self.request, self.rule.id, "organizers"),
            },
            "errors": {},
            "error": None,
        }


@view_defaults(context=Stakeholders, permission=Permission.RULE_OWN)
class StakeholdersViews(Page):
    @view_config(request_method="GET", renderer=LIST)
    def show(self) -> dict[str, Any]:
        invited = number(self.request.GET.get("invited", "")) or 0
        return self._page(invited=min(invited, STAKEHOLDERS_MOST))

    @view_config(request_method="POST", renderer=LIST)
    def invite(self) -> Any:
        typed = self.request.POST.get("emails", "")
        known = [each.email for each in self._people()]
        try:
            addresses = stakeholders.read_typed(typed, known, self.request.identity.email)
            if not addresses:
                sentence = "They are invited already." if typed.strip() else "Write at least one email address."
                raise ValidationProblem(sentence)
            mailed = stakeholders.add(self.request, self.rule, stakeholders.named(addresses))
        except (ValidationProblem, Conflict, RateLimited) as problem:
            return self._page(typed=typed, errors={"emails": refused(self.request, problem)})
        return HTTPSeeOther(self.url(query={"invited": mailed}))

    @view_config(name="resend", request_method="POST", renderer=LIST)
    def resend(self) -> Any:
        who = self._who(self.request.POST.get("stakeholder", ""))
        if who is None:
            return HTTPSeeOther(self.url())
        try:
            stakeholders.resend(self.request, self.rule, who)
        except (ValidationProblem, RateLimited) as problem:
            return self._page(error=refused(self.request, problem))
        return HTTPSeeOther(self.url(query={"invited": 1}))

    @view_config(name="remove", request_method="GET", renderer=REMOVE)
    def ask_remove(self) -> Any:
        who = self._who(self.request.GET.get("stakeholder", ""))
        return {**self.common(), "person": who} if who else HTTPSeeOther(self.url())

    @view_config(name="remove", request_method="POST")
    def remove(self) -> Any:
        if who := self._who(self.request.POST.get("stakeholder", "")):
            stakeholders.remove(self.request, self.rule.id, who.id)
        return HTTPSeeOther(self.url())

    def _people(self) -> list[Stakeholder]:
        return stakeholders.of(self.request.dbsession, self.rule.id)

    def _who(self, given: str) -> Stakeholder | None:
        try:
            identifier = uuid_or_keyerror(given)
        except KeyError:
            return None
        return next((each for each in self._people() if each.id == identifier), None)

    def _page(self, *, typed: str = "", invited: int = 0, **problem: Any) -> dict[str, Any]:
        people = self._people()
        return {
            **self.common(),
            "people": [
                {
                    "id": each.id,
                    "email": each.email,
                    "invited_at": each.invited_at,
                    "accepted_at": each.accepted_at,
                    "expired": each.expires_at is not None and each.expires_at <= self.request.now,
                    "mailed": each.expires_at is not None,
                    "mail": each.mail,
                    "remove_url": self.url("remove", query={"stakeholder": str(each.id)}),
                }
                for each in people
            ],
            "typed": typed,
            "invited": invited,
            "most": STAKEHOLDERS_MOST,
            **problem,
        }


@view_defaults(context=Stakeholders, name="leave", permission=Permission.RULE_LEAVE)
class LeaveViews(Page):
    @view_config(request_method="GET", renderer=LEAVE)
    def ask(self) -> Any:
        return self.common() if self._mine() else HTTPSeeOther(rule_path(self.request, self.rule.id))

    @view_config(request_method="POST")
    def leave(self) -> Any:
        stakeholders.remove(self.request, self.rule.id, *self._mine())
        return done(self.request, "left")

    def _mine(self) -> Sequence[UUID]:
        """As what the person who is signed in has accepted: more than one where they changed their address."""
        return invitations.accepted_by(self.request.dbsession, self.rule.id, self.request.identity.account_id)


def on_their_way(request: Any, rule: Any) -> dict[str, Any] | None:
    """For the pages after publishing, to the owner: how many invitations are out, how many were not mailed, and where
    to look after them.
    """
    if request.identity.account_id != rule.owner:
        return None
    people = stakeholders.of(request.dbsession, rule.id)
    count = sum(each.accepted_at is None and each.mail is not None and each.mail.state != "failed" for each in people)
    held = sum(each.email is not None and each.expires_at is None for each in people)
    return {"count": count, "held": held, "url": rule_path(request, rule.id, "stakeholders")}
