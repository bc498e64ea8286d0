"""Who writes a rule or a draft together: the page for its team, letting somebody in, joining, leaving, handing over."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config, view_defaults

from cr.accounts import deletion, join_links, names
from cr.accounts.addresses import proper
from cr.errors import Conflict, Forbidden, Gone, RateLimited, SignedOut, ValidationProblem
from cr.events import draft as drafts
from cr.events import rule as rules
from cr.headers import not_kept
from cr.mail import outbox, words
from cr.projections import organizers, writers
from cr.resources.base import uuid_or_keyerror
from cr.resources.teams import Join, JoinDraft, JoinRule, Organizers, Team, Writers
from cr.security import Permission
from cr.views.forms import NAME, email_input, refused
from cr.views.organizers import fault_of_name

LIST, REMOVE, JOIN, PASS_ON = (
    f"cr:templates/{name}.jinja2" for name in ("team", "team_remove", "team_join", "team_pass_on")
)

EMAIL = email_input("Their email address", "Only the owner sees it, until they join.")

SUBJECT = "Write {title} together"
OPENING = "{who} would like to write this with you on Community Rule:"
TEXT = """\
Hello,

{opening}

{title}

Open this link to read what that means, and to join if you like:

{link}

It works once, for 7 days. It is meant for you: whoever opens it can
join, so please don't pass it on.

If you did not expect this, you can ignore it. You get no further mail
about it, and your address is erased when the link ends.
"""

YOURS = "You are the owner of {title} now"
HANDED = "{who} handed a rule that you organize over to you:"
YOURS_TEXT = """\
Hello,

{opening}

{title}

You are its owner from now on: you let people in and remove them, invite
stakeholders and see their addresses, and can withdraw the rule. Whoever
handed it over is an organizer now, as you were. See who organizes it:

{page}

If this is not for you, you can hand the rule over there, to them or to
another organizer.
"""


class Group(ABC):
    """What the pages of a team need to know of what it writes. `began` is since when its owner has had it, `most` how
    many there may be beside the owner.
    """

    kind: ClassVar[str]
    member: ClassVar[str]
    """What one is called who has no name."""
    team: ClassVar[str]
    """Where its page is."""
    table: ClassVar[Any]
    pages: ClassVar[tuple[str, ...]] = ()
    """What else of it the page of the team leads to."""

    def __init__(self, request: Any, id: UUID, title: str, owner: UUID | None, began: Any, most: int) -> None:
        self.request = request
        self.id, self.title, self.owner, self.began, self.most = id, title, owner, began, most

    def path(self, *more: str, **options: Any) -> str:
        """The address of what it writes, or of what is below it."""
        path: str = self.request.resource_path(self.request.root, f"{self.kind}s", str(self.id), *more, **options)
        return path

    def team_path(self, *more: str, **options: Any) -> str:
        return self.path(self.team, *more, **options)

    def members(self) -> Sequence[Any]:
        """Rows with `account` and `at` of those beside the owner, who came first first."""
        rows: Sequence[Any] = self.table.of(self.request.dbsession, self.id)
        return rows

    @abstractmethod
    def join(self) -> None:
        """By the person who is signed in."""

    @abstractmethod
    def remove(self, account: UUID) -> None: ...

    def includes(self, account: UUID | None) -> bool:
        return account is not None and (
            account == self.owner or any(each.account == account for each in self.members())
        )


class RuleGroup(Group):
    kind, member, team = "rule", "An organizer", "organizers"
    table: ClassVar[Any] = organizers
    pages = ("edit", "withdraw", "stakeholders")

    def __init__(self, request: Any, rule: Any) -> None:
        """Raises `Gone`."""
        if rule.status == "withdrawn":
            raise Gone("This rule was withdrawn, so nobody writes it any further.")
        super().__init__(request, rule.id, rule.title, rule.owner, rule.owner_since, rules.ORGANIZERS_MOST)

    def join(self) -> None:
        self.request.rules.join_rule(self.id, self.request.identity.account_id, self.request.now)

    def remove(self, account: UUID) -> None:
        self.request.rules.remove_organizer(self.id, self.request.identity.account_id, self.request.now, account)


class DraftGroup(Group):
    kind, member, team = "draft", "A writer", "writers"
    table: ClassVar[Any] = writers

    def __init__(self, request: Any, draft: Any, name: str) -> None:
        """Raises a redirect where the draft is or becomes part of a rule, to `name` below that rule; for a form that
        would get lost on the way, `Conflict`.
        """
        if draft.rule is not None:
            if request.method == "POST" and name != "join":
                raise Conflict("This draft is a rule by now, so nothing was done. Go to the rule, and do it there.")
            # A link to join leads to the rule by now. Its page may have been open since before.
            asked = {"token": token} if (token := request.params.get("token")) else {}
            raise HTTPSeeOther(request.resource_path(request.root, "rules", str(draft.rule), name, query=asked))
        if draft.status == "discarded":
            raise Gone("This draft was discarded.")
        title = draft.title or "Untitled rule"
        super().__init__(request, draft.id, title, draft.owner, draft.started_at, drafts.WRITERS_MOST)

    def join(self) -> None:
        self.request.rules.join_draft(self.id, self.request.identity.account_id, self.request.now)

    def remove(self, account: UUID) -> None:
        self.request.rules.remove_writer(self.id, self.request.identity.account_id, self.request.now, account)


def group(context: Team | Join, request: Any) -> Group:
    match context:
        case Organizers() | JoinRule():
            return RuleGroup(request, context.rule)
        case Writers() | JoinDraft():
            return DraftGroup(request, context.draft, "organizers" if isinstance(context, Writers) else "join")
    raise AssertionError(f"no team: {context!r}")


@view_defaults(context=Team, permission=Permission.TEAM_SEE)
class TeamViews:
    def __init__(self, context: Team, request: Any) -> None:
        self.request = request
        self.group = group(context, request)
        self.me: UUID = request.identity.account_id
        self.owns = self.group.owner == self.me

    @view_config(request_method="GET", renderer=LIST)
    def show(self) -> dict[str, Any]:
        return self._page()

    @view_config(name="name", request_method="POST", renderer=LIST)
    def save_name(self) -> Any:
        name = names.tidied(self.request.POST.get(NAME.name, ""))
        if fault := fault_of_name(self.request, name, self.group.id):
            self.request.response.status_int = 400
            return self._page(name=name, errors={NAME.name: fault})
        names.rename(self.request, name)
        return HTTPSeeOther(self.group.team_path())

    @view_config(name="links", request_method="POST", permission=Permission.TEAM_LEAD, renderer=LIST)
    def make_link(self) -> dict[str, Any]:
        """The answer is no redirect: only here is the link ever shown."""
        try:
            _, token = join_links.make(self.request, self.group.id)
        except ValidationProblem as problem:
            return self._page(error=refused(self.request, problem))
        return self._page(made=self._link(token))

    @view_config(name="invite", request_method="POST", permission=Permission.TEAM_LEAD, renderer=LIST)
    def invite(self) -> Any:
        typed = self.request.POST.get(EMAIL.name, "").strip()
        try:
            address = proper(typed)
            if address == self.request.identity.email:
                raise ValidationProblem("This is your own email address. Write that of somebody else.")
            link, token = join_links.make(self.request, self.group.id, address)
        except RateLimited as problem:
            return self._page(email=typed, error=refused(self.request, problem))
        except ValidationProblem as problem:
            fault = refused(self.request, problem)
            return self._page(email=typed, errors={EMAIL.name: f"{EMAIL.label}: {fault}"})
        text = TEXT.format(
            opening=words.filled(OPENING.format(who=words.who(self.request.dbsession, self.me, "Somebody"))),
            title=words.titled(self.group.title),
            link=self._link(token),
        )
        subject = SUBJECT.format(title=words.in_subject(self.group.title))
        outbox.put(self.request, address, subject, text, about=link)
        return HTTPSeeOther(self.group.team_path())

    def _link(self, token: str) -> str:
        return f"{self.request.urls.origin}{self.group.path('join', query={'token': token})}"

    @view_config(name="withdraw", request_method="POST", permission=Permission.TEAM_LEAD)
    def withdraw_link(self) -> Any:
        if link := _id(self.request.POST.get("link", "")):
            which = join_links.join_links.c
            join_links.erase(self.request.dbsession, which.id == link, which.about == self.group.id)
        return HTTPSeeOther(self.group.team_path())

    @view_config(name="remove", request_method="GET", renderer=REMOVE)
    def ask_remove(self) -> Any:
        person = self._person(self.request.GET.get("organizer", ""))
        if person is None:
            return HTTPSeeOther(self.group.team_path())
        open_links = join_links.open_links(self.request, self.group.id) if self.owns else ()
        return {**self._common(), "person": person, "open_links": len(open_links)}

    @view_config(name="remove", request_method="POST")
    def remove(self) -> Any:
        person = self._person(self.request.POST.get("organizer", ""))
        if person is None:
            return HTTPSeeOther(self.group.team_path())
        self.group.remove(person["id"])
        return HTTPSeeOther(self.request.urls.profile if person["you"] else self.group.team_path())

    @view_config(context=Organizers, name="pass-on", request_method="GET", renderer=PASS_ON)
    def ask_pass_on(self) -> Any:
        if not self.owns and self.group.owner is not None:
            raise Forbidden("Only the owner of this rule can hand it over.")
        person = self._person(self.request.GET.get("organizer", ""))
        return {**self._common(), "person": person} if person else HTTPSeeOther(self.group.team_path())

    @view_config(context=Organizers, name="pass-on", request_method="POST")
    def pass_on(self) -> Any:
        """By the owner, or by who takes a rule that has none; for whoever presses the button twice it is done."""
        to = _id(self.request.POST.get("organizer", ""))
        if to is None or to == self.group.owner:
            return HTTPSeeOther(self.group.team_path())
        email = deletion.still_here(self.request.dbsession, [to], lock=True).get(to)
        if self.request.rules.pass_on_rule(self.group.id, self.me, self.request.now, to) and email and to != self.me:
            text = YOURS_TEXT.format(
                opening=words.filled(HANDED.format(who=words.who(self.request.dbsession, self.me, "The owner"))),
                title=words.titled(self.group.title),
                page=self.request.urls.origin + self.group.team_path(),
            )
            subject = YOURS.format(title=words.in_subject(self.group.title))
            outbox.put(self.request, email, subject, text)
        return HTTPSeeOther(self.group.team_path())

    def _person(self, given: str) -> dict[str, Any] | None:
        """Who is to go; None for nobody who takes part now. Raises `Forbidden` for whom only the owner removes."""
        found = next((each for each in self._people() if each["id"] == _id(given) and not each["owner"]), None)
        if found and not (self.owns or found["you"]):
            raise Forbidden(f"Only the owner of this {self.group.kind} can remove somebody.")
        return found

    def _people(self) -> list[dict[str, Any]]:
        """The owner, if there is one, then the others in the order in which they came."""
        came = [(row.account, row.at) for row in self.group.members()]
        if self.group.owner:
            came.insert(0, (self.group.owner, self.group.began))
        known = names.names(self.request.dbsession, (account for account, _ in came))
        nameless = self.group.member
        return [
            {
                "id": account,
                "name": known.get(account) or ("The owner" if account == self.group.owner else nameless),
                "within": known.get(account) or f"{nameless[0].lower()}{nameless[1:]}",
                "you": account == self.me,
                "owner": account == self.group.owner,
                "since": at,
                "remove_url": self.group.team_path("remove", query={"organizer": str(account)}),
                "pass_on_url": self.group.team_path("pass-on", query={"organizer": str(account)}),
            }
            for account, at in came
        ]

    def _common(self) -> dict[str, Any]:
        pages = ("", "name", "links", "invite", "withdraw", "remove", "pass-on")
        return {
            "group": {
                "kind": self.group.kind,
                "title": self.group.title,
                "url": self.group.path(),
                **{f"{page}_url": self.group.path(page) for page in self.group.pages},
                "owned": self.group.owner is not None,
            },
            "urls_team": {name: self.group.team_path(*name.split()) for name in pages},
            "errors": {},
            "error": None,
        }

    def _page(
        self, *, name: str | None = None, email: str = "", made: str | None = None, **problem: Any
    ) -> dict[str, Any]:
        people = self._people()
        if name is None:
            name = names.names(self.request.dbsession, [self.me]).get(self.me, "")
        common = {**self._common(), **problem}
        links = join_links.open_links(self.request, self.group.id) if self.owns else []
        mails = outbox.states(self.request.dbsession, [each.id for each in links])
        return {
            **common,
            "people": people,
            "owns": self.owns,
            "name_field": NAME.shown(name, common["errors"].get(NAME.name)),
            "email_field": EMAIL.shown(email, common["errors"].get(EMAIL.name)),
            "made": made,
            "links": [{"link": each, "mail": mails.get(each.id)} for each in links],
            "full": sum(not each["owner"] for each in people) >= self.group.most,
        }


@view_defaults(context=Join, renderer=JOIN)
class JoinViews:
    """Opening the link changes nothing, for programs that look at mails open links too; the button does.

    What a draft is called only those see who have a link that works.
    """

    def __init__(self, context: Join, request: Any) -> None:
        request.add_response_callback(not_kept)
        self.request = request
        self.group = group(context, request)
        self.me: UUID | None = request.identity.account_id if request.identity else None

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        token = self.request.GET.get("token", "")
        link = join_links.find(self.request, self.group.id, token)
        return self._page(token, link is not None)

    @view_config(request_method="POST")
    def join(self) -> Any:
        token = self.request.POST.get("token", "")
        link = join_links.find(self.request, self.group.id, token, lock=True)
        if self.group.includes(self.me):
            return HTTPSeeOther(self.group.team_path())
        if link is None:
            return self._page(token, False)
        name = names.tidied(self.request.POST.get(NAME.name, ""))
        if self.me is None:
            self.request.response.status_int = SignedOut.status
            return self._page(token, True, name=name, error=SignedOut.default)
        if fault := fault_of_name(self.request, name, self.group.id):
            self.request.response.status_int = 400
            return self._page(token, True, name=name, errors={NAME.name: fault})
        try:
            self.group.join()
        except ValidationProblem:
            self.request.response.status_int = 409
            return self._page(token, True, name=name, error=self._full())
        join_links.erase(self.request.dbsession, join_links.join_links.c.id == link.id)
        names.rename(self.request, name)
        return HTTPSeeOther(self.group.team_path())

    def _full(self) -> str:
        return (
            f"{self.group.most} people write this {self.group.kind} beside its owner, and there is no room for more. "
            "Ask the owner to remove one, then open your link again. It still works."
        )

    def _page(self, token: str, works: bool, *, name: str | None = None, **problem: Any) -> dict[str, Any]:
        already = self.group.includes(self.me)
        if not works and not already:
            self.request.response.status_int = 404
        if name is None:
            name = names.names(self.request.dbsession, [self.me]).get(self.me, "") if self.me else ""
        errors = problem.get("errors", {})
        return {
            "group": {"kind": self.group.kind, "title": self.group.title, "url": self.group.path()},
            "state": "already" if already else "refused" if not works else "open" if self.me else "signed out",
            "token": token,
            "action": self.group.path("join"),
            "team_url": self.group.team_path(),
            "sign_in_url": self._sign_in(token),
            "name_field": NAME.shown(name, errors.get(NAME.name)),
            "errors": errors,
            "error": problem.get("error"),
        }

    def _sign_in(self, token: str) -> str:
        """Signing in leads back here, with the token."""
        here = self.group.path("join", query={"token": token})
        path: str = self.request.resource_path(self.request.root, "login", query={"next": here})
        return path


def _id(given: str) -> UUID | None:
    try:
        return uuid_or_keyerror(given)
    except KeyError:
        return None
