"""A person's home: their drafts, their rules, and how they are called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config, view_defaults

from cr.accounts import names
from cr.projections import drafts, invitations, organizers, rules, writers
from cr.resources.profile import Profile
from cr.security import Permission
from cr.views.forms import NAME, TITLE, number
from cr.views.organizers import drafts_of_others, fault_of_name
from cr.views.public import PAGE, listing, rule_path
from cr.views.rules import origins

TEMPLATE = "cr:templates/profile.jinja2"

CHANGED = (
    "Your email address is changed: links to sign in are mailed to {email} now. Your other browsers are signed out."
)

DONE = {
    "name": "Your name is saved.",
    "left": "You left the rule. It is on your profile no longer.",
    "withdrawn": "The rule is withdrawn. Whoever opens its address reads that it was, when, by whom and why.",
}
"""What was done just now, by the code in the address of the page."""

REFUSED = {
    "email_change_invalid": (
        "That link does not work. Perhaps a piece of it was lost on the way. Your email address is still {email}. "
        "To change it, ask for a new link under “Your account”."
    ),
    "email_change_expired": (
        "That link was used already, or it is older than 10 minutes, or you asked for another one since. "
        "Your email address is {email}. To change it, ask for a new link under “Your account”."
    ),
    "email_change_taken": (
        "That email address belongs to another account here, so yours is still {email}. "
        "To use it, sign in with it and delete or change that account first."
    ),
    "email_change_server": (
        "The database was away for a moment, so the link changed nothing. Open it once more. "
        "You are signed in as {email}."
    ),
}
"""What became of a change of address, by the code in the address of the page, as the JSON contract names them."""

RULE_PAGES = {
    **{name: (name,) for name in ("edit", "organizers", "stakeholders", "copy", "withdraw")},
    "leave": ("stakeholders", "leave"),
}
"""Where the page leads to, below a rule."""


@view_defaults(context=Profile, permission=Permission.ACCOUNT_OWN, renderer=TEMPLATE)
class ProfileViews:
    def __init__(self, context: Profile, request: Any) -> None:
        self.request = request

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        asked, email = self.request.GET, self.request.identity.email
        refused = REFUSED.get(asked.get("error", ""))
        return page(
            self.request,
            error=refused.format(email=email) if refused else None,
            done=CHANGED.format(email=email) if asked.get("email_change") == "ok" else DONE.get(asked.get("done", "")),
        )

    @view_config(name="name", request_method="POST")
    def save_name(self) -> Any:
        name = names.tidied(self.request.POST.get(NAME.name, ""))
        if fault := fault_of_name(self.request, name):
            self.request.response.status_int = 400
            return page(self.request, errors={NAME.name: fault}, name=name)
        names.rename(self.request, name)
        return done(self.request, "name")


def done(request: Any, what: str) -> HTTPSeeOther:
    """To the page of the person who is signed in, which says that this, a code of `DONE`, was done."""
    return HTTPSeeOther(request.resource_path(request.root, "profile", query={"done": what}))


def page(
    request: Any,
    *,
    error: str | None = None,
    done: str | None = None,
    errors: dict[str, str] | None = None,
    **typed: str,
) -> dict[str, Any]:
    """What `TEMPLATE` shows. `typed` is what came in a form that has `errors`: title, name."""
    errors = errors or {}
    me, session = request.identity.account_id, request.dbsession
    begun = drafts.open_drafts(session, me, PAGE + 1, before=number(request.GET.get("drafts", "")))
    others = writers.with_others(session, me, PAGE + 1, before=number(request.GET.get("others", "")))
    owned = rules.last_touched(session, PAGE + 1, owner=me, before=number(request.GET.get("rules", "")))
    organized = organizers.rules_of(session, me, PAGE + 1, before=number(request.GET.get("organized", "")))
    staked = invitations.rules_of(session, me, PAGE + 1, before=number(request.GET.get("staked", "")))
    name = typed["name"] if "name" in typed else names.names(session, [me]).get(me, "")
    return {
        "drafts": _drafts(request, begun[:PAGE]),
        "older_drafts": _older(request, "drafts", begun),
        "others": drafts_of_others(request, others[:PAGE]),
        "older_others": _older(request, "others", others),
        "owned": _rules(request, owned[:PAGE]),
        "older_rules": _older(request, "rules", owned),
        "organized": _rules(request, organized[:PAGE]),
        "older_organized": _older(request, "organized", organized),
        "staked": _rules(request, staked[:PAGE]),
        "older_staked": _older(request, "staked", staked),
        "title_field": TITLE.shown(typed.get("title", ""), errors.get(TITLE.name)),
        "name_field": NAME.shown(name, errors.get(NAME.name)),
        "name_action": request.resource_path(request.root, "profile", "name"),
        "errors": errors,
        "error": error,
        "done": done,
    }


def _drafts(request: Any, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """However many there are, they are shown after the same few queries."""
    revised = rules.several(request.dbsession, (row.rule for row in rows if row.revises))
    writable = organizers.writable(request.dbsession, revised, request.identity.account_id)
    began = origins(request, rows)
    return [
        {
            "title": row.title,
            "url": request.resource_path(request.root, "drafts", str(row.id)),
            "guided_url": request.resource_path(request.root, "create", query={"draft": str(row.id)}),
            "discard_url": request.resource_path(request.root, "drafts", str(row.id), "discard"),
            "updated_at": row.updated_at,
            "revises": {"title": revised[row.rule].title, "url": rule_path(request, row.rule)} if row.revises else None,
            "copies": began.get((row.copied_from, row.copied_revision)),
            "writable": not row.revises or row.rule in writable,
        }
        for row in rows
    ]


def _rules(request: Any, rows: Sequence[Any]) -> list[dict[str, Any]]:
    shown = listing(rows, request)
    urls = [{f"{name}_url": rule_path(request, row.id, *path) for name, path in RULE_PAGES.items()} for row in rows]
    return [each | more for each, more in zip(shown, urls, strict=True)]


def _older(request: Any, name: str, rows: Sequence[Any]) -> str | None:
    """The page with what follows a full one."""
    if len(rows) <= PAGE:
        return None
    path: str = request.resource_path(request.root, "profile", query={name: rows[PAGE - 1].position}, anchor=name)
    return path
