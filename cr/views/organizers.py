"""Who writes a rule together: the page for its organizers, letting somebody in, joining, leaving."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config, view_defaults

from cr.accounts import names, organizer_links
from cr.errors import Forbidden, Gone, ValidationProblem
from cr.events import rule as rules
from cr.headers import not_kept
from cr.projections import drafts, organizers
from cr.resources.base import uuid_or_keyerror
from cr.resources.organizers import Join, Organizers
from cr.security import Permission
from cr.views.forms import NAME

log = logging.getLogger(__name__)

WITHDRAWN = "This rule was withdrawn, so nobody writes it any further."
FULL = (
    f"This rule has {rules.ORGANIZERS_MOST} organizers beside its owner, and there is no room for more. Ask the owner "
    "to remove one, then open your link again. It still works."
)

LIST, REMOVE, JOIN = (f"cr:templates/{name}.jinja2" for name in ("organizers", "organizer_remove", "rule_join"))


@view_defaults(context=Organizers, permission=Permission.RULE_EDIT)
class OrganizersViews:
    def __init__(self, context: Organizers, request: Any) -> None:
        self.context = context
        self.request = request
        self.rule = _must_be_there(context.rule)
        self.me: UUID = request.identity.account_id
        self.owns = self.rule.owner == self.me

    def _url(self, *more: str, **options: Any) -> str:
        path: str = self.request.resource_path(self.context.__parent__, "organizers", *more, **options)
        return path

    @view_config(request_method="GET", renderer=LIST)
    def show(self) -> dict[str, Any]:
        return self._page()

    @view_config(name="name", request_method="POST", renderer=LIST)
    def save_name(self) -> Any:
        name = names.tidied(self.request.POST.get(NAME.name, ""))
        if fault := fault_of_name(self.request, name, self.rule.id):
            self.request.response.status_int = 400
            return self._page(name=name, errors={NAME.name: fault})
        names.rename(self.request, name)
        return HTTPSeeOther(self._url())

    @view_config(name="links", request_method="POST", permission=Permission.RULE_OWN, renderer=LIST)
    def make_link(self) -> dict[str, Any]:
        """The answer is no redirect: only here is the link ever shown."""
        try:
            token = organizer_links.make(self.request, self.rule.id)
        except ValidationProblem as problem:
            self.request.response.status_int = problem.status
            return self._page(error=problem.message)
        join = self.request.resource_path(self.context.__parent__, "join", query={"token": token})
        return self._page(made=self.request.urls.origin + join)

    @view_config(name="withdraw", request_method="POST", permission=Permission.RULE_OWN)
    def withdraw_link(self) -> Any:
        if link := _id(self.request.POST.get("link", "")):
            organizer_links.erase(self.request, self.rule.id, link)
        return HTTPSeeOther(self._url())

    @view_config(name="remove", request_method="GET", renderer=REMOVE)
    def ask_remove(self) -> Any:
        person = self._person(self.request.GET.get("organizer", ""))
        if person is None:
            return HTTPSeeOther(self._url())
        open_links = organizer_links.open_links(self.request, self.rule.id) if self.owns else ()
        return {**self._common(), "person": person, "open_links": len(open_links)}

    @view_config(name="remove", request_method="POST")
    def remove(self) -> Any:
        person = self._person(self.request.POST.get("organizer", ""))
        if person is None:
            return HTTPSeeOther(self._url())
        self.request.rules.remove_organizer(self.rule.id, self.me, self.request.now, person["id"])
        return HTTPSeeOther(self.request.urls.profile if person["you"] else self._url())

    def _person(self, given: str) -> dict[str, Any] | None:
        """Who is to go; None for nobody who is an organizer now. Raises `Forbidden` for whom only the owner removes."""
        found = next((each for each in self._people() if each["id"] == _id(given) and not each["owner"]), None)
        if found and not (self.owns or found["you"]):
            raise Forbidden("Only the owner of this rule can remove an organizer.")
        return found

    def _people(self) -> list[dict[str, Any]]:
        """The owner, if there is one, then the others in the order in which they came."""
        came = [(row.account, row.at) for row in organizers.of(self.request.dbsession, self.rule.id)]
        if self.rule.owner:
            came.insert(0, (self.rule.owner, self.rule.created_at))
        known = names.names(self.request.dbsession, (account for account, _ in came))
        return [
            {
                "id": account,
                "name": known.get(account) or ("The owner" if account == self.rule.owner else "An organizer"),
                "you": account == self.me,
                "owner": account == self.rule.owner,
                "since": at,
                "remove_url": self._url("remove", query={"organizer": str(account)}),
            }
            for account, at in came
        ]

    def _common(self) -> dict[str, Any]:
        parent = self.context.__parent__
        paths = {
            name: self.request.resource_path(parent, *([name] if name else []))
            for name in ("", "edit", "withdraw", "stakeholders")
        }
        return {
            "rule": {
                "title": self.rule.title,
                "url": paths[""],
                "edit_url": paths["edit"],
                "withdraw_url": paths["withdraw"],
                "stakeholders_url": paths["stakeholders"],
            },
            "urls_organizers": {name: self._url(*name.split()) for name in ("", "name", "links", "withdraw", "remove")},
            "errors": {},
            "error": None,
        }

    def _page(self, *, name: str | None = None, made: str | None = None, **problem: Any) -> dict[str, Any]:
        people = self._people()
        if name is None:
            name = names.names(self.request.dbsession, [self.me]).get(self.me, "")
        common = {**self._common(), **problem}
        return {
            **common,
            "people": people,
            "owns": self.owns,
            "name_field": NAME.shown(name, common["errors"].get(NAME.name)),
            "made": made,
            "links": organizer_links.open_links(self.request, self.rule.id) if self.owns else [],
            "full": sum(not each["owner"] for each in people) >= rules.ORGANIZERS_MOST,
        }


@view_defaults(context=Join, permission=Permission.RULE_READ, renderer=JOIN)
class JoinViews:
    """Opening the link changes nothing, for programs that look at mails open links too; the button does."""

    def __init__(self, context: Join, request: Any) -> None:
        request.add_response_callback(not_kept)
        self.context = context
        self.request = request
        self.rule = _must_be_there(context.rule)
        self.me: UUID | None = request.identity.account_id if request.identity else None

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        token = self.request.GET.get("token", "")
        link = organizer_links.find(self.request, self.rule.id, token)
        return self._page(token, link is not None)

    @view_config(request_method="POST")
    def join(self) -> Any:
        token = self.request.POST.get("token", "")
        if self.me is None:
            return HTTPSeeOther(self._sign_in(token))
        link = organizer_links.find(self.request, self.rule.id, token, lock=True)
        if self._organizes():
            return HTTPSeeOther(self._organizers())
        if link is None:
            return self._page(token, False)
        name = names.tidied(self.request.POST.get(NAME.name, ""))
        if fault := fault_of_name(self.request, name, self.rule.id):
            self.request.response.status_int = 400
            return self._page(token, True, name=name, errors={NAME.name: fault})
        try:
            self.request.rules.join_rule(self.rule.id, self.me, self.request.now)
        except ValidationProblem:
            self.request.response.status_int = 409
            return self._page(token, True, name=name, error=FULL)
        organizer_links.erase(self.request, self.rule.id, link.id)
        names.rename(self.request, name)
        return HTTPSeeOther(self._organizers())

    def _organizes(self) -> bool:
        return self.me is not None and organizers.includes(self.request.dbsession, self.rule.id, self.me)

    def _page(self, token: str, works: bool, *, name: str | None = None, **problem: Any) -> dict[str, Any]:
        already = self._organizes()
        if not works and not already:
            self.request.response.status_int = 404
        if name is None:
            name = names.names(self.request.dbsession, [self.me]).get(self.me, "") if self.me else ""
        errors = problem.get("errors", {})
        parent = self.context.__parent__
        return {
            "rule": {"title": self.rule.title, "url": self.request.resource_path(parent)},
            "state": "already" if already else "refused" if not works else "open" if self.me else "signed out",
            "token": token,
            "action": self.request.resource_path(parent, "join"),
            "organizers_url": self._organizers(),
            "sign_in_url": self._sign_in(token),
            "name_field": NAME.shown(name, errors.get(NAME.name)),
            "errors": errors,
            "error": problem.get("error"),
        }

    def _organizers(self) -> str:
        path: str = self.request.resource_path(self.context.__parent__, "organizers")
        return path

    def _sign_in(self, token: str) -> str:
        """Signing in leads back here, with the token."""
        here = self.request.resource_path(self.context.__parent__, "join", query={"token": token})
        path: str = self.request.resource_path(self.request.root, "login", query={"next": here})
        return path


def drafts_of_others(request: Any, rows: Iterable[Any]) -> list[dict[str, Any]]:
    """Open drafts of the next revisions of these rules, rows of `cr.projections.rules`, that the others who organize
    them have begun: [{whose, rule, revision, url, updated_at}], last touched first.
    """
    me, about = request.identity.account_id, {row.id: row for row in rows}
    theirs = [each for each in drafts.revisers(request.dbsession, *about) if each.owner != me]
    known = names.names(request.dbsession, (each.owner for each in theirs))
    return [
        {
            "whose": names.called(each.owner, known, owner=about[each.rule].owner, reader=me) + "’s",
            "rule": about[each.rule].title,
            "revision": each.revises + 1,
            "url": request.resource_path(request.root, "drafts", str(each.id)),
            "updated_at": each.updated_at,
        }
        for each in theirs
    ]


def fault_of_name(request: Any, name: str, *rules: UUID) -> str | None:
    """What is wrong with a name, as a sentence, or None. Nobody may be taken for somebody else who writes a rule with
    them, or one of these rules.
    """
    if fault := NAME.fault(name):
        return fault
    if names.is_ours(name):
        return f"{NAME.label}: choose another one. “{name}” is what this site says of people without a name."
    fellows = organizers.fellows(request.dbsession, request.identity.account_id, *rules)
    if names.alike(name) in map(names.alike, names.names(request.dbsession, fellows).values()):
        return f"{NAME.label}: choose another one. Somebody who writes a rule with you is called “{name}” already."
    return None


def _must_be_there(rule: Any) -> Any:
    if rule.status == "withdrawn":
        raise Gone(WITHDRAWN)
    return rule


def _id(given: str) -> UUID | None:
    try:
        return uuid_or_keyerror(given)
    except KeyError:
        return None
