"""Starting a rule of one's own from the text of a published one, and the rules that began so."""

from __future__ import annotations

from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.renderers import render_to_response
from pyramid.response import Response
from pyramid.view import view_config, view_defaults

from cr.db import one_at_a_time
from cr.errors import NotFound
from cr.page_cache import Concerns
from cr.projections import drafts, revisions, rules
from cr.resources.rules import RuleResource
from cr.security import Permission
from cr.views.forms import number
from cr.views.public import PAGE, answer, any_change, listing, older, rule_path, tombstone


@view_defaults(context=RuleResource, name="copy", permission=Permission.RULE_READ)
class Copying:
    """Everybody may ask, so that a reader can see what it means before signing in."""

    def __init__(self, context: RuleResource, request: Any) -> None:
        self.rule = context.rule
        self.request = request

    @view_config(request_method="GET")
    def ask(self) -> Response:
        if self.rule.status == "withdrawn":
            return tombstone(self.rule, self.request)
        revision = self._revision(self.request.params.get("revision"))
        identity = self.request.identity
        values = {
            "rule": {"title": revision.title, "revision": revision.revision},
            "url": rule_path(self.request, self.rule.id, "revisions", str(revision.revision)),
            "action": rule_path(self.request, self.rule.id, "copy"),
            "signed_in": identity is not None,
            "own": identity is not None and identity.account_id == self.rule.owner,
        }
        return render_to_response("cr:templates/rule_copy.jinja2", values, request=self.request)

    @view_config(request_method="POST")
    def copy(self) -> Response:
        """Opens a draft with the text, or leads through signing in and back here."""
        if self.rule.status == "withdrawn":
            return tombstone(self.rule, self.request)
        request, rule_id = self.request, self.rule.id
        revision = self._revision(request.POST.get("revision"))
        if request.identity is None:
            back = rule_path(request, rule_id, "copy", query={"revision": revision.revision})
            return HTTPSeeOther(request.resource_url(request.root, "login", query={"next": back}))
        actor = request.identity.account_id
        # Of two presses of the button the second finds the draft of the first.
        one_at_a_time(request.dbsession, actor)
        begun = drafts.copying(request.dbsession, actor, rule_id, revision.revision)
        draft_id = begun.id if begun else request.rules.copy_rule(rule_id, actor, request.now, revision.event)
        return HTTPSeeOther(request.resource_url(request.root, "drafts", str(draft_id)))

    def _revision(self, given: str | None) -> Any:
        """The revision with the number that is given; without one the revision in force."""
        wanted = self.rule.revision if given is None else number(given)
        found = revisions.heads(self.request.dbsession, self.rule.id, [wanted] if wanted else [])
        if wanted not in found:
            raise NotFound("This rule has no such revision. Look at the list of its revisions.")
        return found[wanted]


@view_config(
    context=RuleResource,
    name="copies",
    request_method="GET",
    permission=Permission.RULE_READ,
    keep=Concerns.EVERY_RULE,
    params=["before"],
)
def copies(context: RuleResource, request: Any) -> Response:
    """All rules that began with this one, also when this one was withdrawn."""
    rule = context.rule
    before = number(request.params.get("before", ""))
    found = rules.copies(request.dbsession, rule.id, PAGE + 1, before)
    values = {
        "rule": {"title": rule.title, "url": rule_path(request, rule.id)},
        "rules": listing(found[:PAGE], request),
        "more_url": older(request, "copies", found[PAGE - 1].position) if len(found) > PAGE else None,
    }
    return answer(request, "cr:templates/rule_copies.jinja2", values, any_change(request))
