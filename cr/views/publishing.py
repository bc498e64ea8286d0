"""Publishing a draft, from its own page or at the end of the guided flow."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.renderers import render_to_response
from pyramid.view import view_config, view_defaults

from cr.accounts import draft_addresses, join_links, stakeholders
from cr.comparison import compare, sentences
from cr.errors import Conflict, NotFound, Problem, ValidationProblem
from cr.events.document import composed
from cr.events.draft import Draft
from cr.events.rule import MovedOn, Rule
from cr.projections import revisions
from cr.resources.drafts import DraftResource
from cr.security import Permission
from cr.views import changes, together
from cr.views.adoption import Adoption
from cr.views.draft import DraftPage
from cr.views.draft_compare import whole
from cr.views.drafts import revised_rule
from cr.views.forms import number, refused
from cr.views.parts import elsewhere
from cr.views.stakeholders import on_their_way


@view_defaults(context=DraftResource, permission=Permission.DRAFT_EDIT)
class PublishViews(DraftPage):
    @view_config(name="publish", request_method="GET", renderer="cr:templates/publish.jinja2")
    def ask_publish(self) -> Any:
        if self.draft.status == "published":
            return HTTPSeeOther(self.url("published"))
        if away := elsewhere(self.draft, self.url()):
            return away
        if together.overtaken_rule(self):
            return HTTPSeeOther(self.url("together"))
        return self._publish_page(adoption_of(self.request, self.draft))

    @view_config(name="publish", request_method="POST", renderer="cr:templates/publish.jinja2")
    def publish(self) -> Any:
        if self.draft.status == "published":
            # The same form, sent a second time.
            return HTTPSeeOther(self.url("published"))
        posted = self.request.POST
        adoption = adoption_of(self.request, self.draft)
        decision = adoption.read(posted)
        if adoption.errors:
            self.request.response.status_int = 400
            return self._publish_page(adoption)
        try:
            publish(self.request, self.draft, number(posted.get("version", "")), **decision)
        except MovedOn:
            # What was written about the revision goes along to where both are brought together.
            values = together.page(self, {}, carried=adoption.texts)
            response = render_to_response(together.TEMPLATE, values, request=self.request)
            response.status_int = 409
            return response
        except Problem as problem:
            # What was written about the revision stays in the form.
            return {**self._publish_page(adoption), "error": refused(self.request, problem)}
        return HTTPSeeOther(self.url("published"))

    def _publish_page(self, adoption: Adoption) -> dict[str, Any]:
        missing = []
        revises = revised_rule(self.row, self.request)
        if revises and revises["withdrawn"]:
            missing.append({"text": "The rule was withdrawn. It gets no further revision.", "url": revises["url"]})
        elif not revises and self.draft.owner != self.actor:
            missing.append({"text": only_the_owner(self.who_began()), "url": self.url("writers")})
        if not self.draft.title:
            missing.append({"text": "Give the rule a name.", "url": self.url("about")})
        if not says_something(self.draft):
            missing.append({"text": "Write at least one section.", "url": self.url("values")})
        button = "Publish the rule"
        if self.draft.revision is not None:
            button = f"Publish revision {self.draft.revision + 1}"
        return {
            **self.common(),
            **self._against_newest(),
            "parts": self.parts(),
            "adoption": adoption.shown(),
            "missing": missing,
            "button": button,
            "errors": adoption.errors,
        }

    def _against_newest(self) -> dict[str, Any]:
        """What the draft changes of the revision that it was begun from, and which day that revision waits for."""
        if self.draft.rule is None or self.draft.revision is None:
            return {"changes": [], "compare_url": None, "waits": None}
        session = self.request.dbsession
        before = changes.whole(session, self.draft.rule, self.draft.revision)
        begins = revisions.heads(session, self.draft.rule, [self.draft.revision])[self.draft.revision].in_force_from
        return {
            "changes": sentences(compare(before, whole(self.draft))),
            "compare_url": self.url("compare", query={"from": self.draft.based_at, "to": self.draft.version}),
            "waits": begins if begins > self.request.now.date() else None,
        }

    @view_config(
        name="published",
        request_method="GET",
        permission=Permission.DRAFT_READ,
        renderer="cr:templates/draft_published.jinja2",
    )
    def published(self) -> dict[str, Any]:
        if self.draft.status != "published":
            raise NotFound("This draft is not published yet.")
        rule = self.request.rules.rule(self.row.rule)
        url = self.request.resource_url(self.request.root, "rules", str(rule.id))
        begins = revisions.heads(self.request.dbsession, rule.id, [rule.revision])[rule.revision].in_force_from
        coming = begins if begins > self.request.now.date() else None
        return {
            **self.common(),
            "rule": {"title": rule.title, "url": url, "revision": rule.revision, "in_force_from": coming},
            "invitations": on_their_way(self.request, rule),
            "links": {"history": self.request.resource_path(self.request.root, "rules", str(rule.id), "history")},
        }

    @view_config(name="together", request_method="GET", renderer=together.TEMPLATE)
    def ask_together(self) -> Any:
        if away := elsewhere(self.draft, self.url()):
            return away
        return together.page(self, {}) if together.overtaken_rule(self) else HTTPSeeOther(self.url("publish"))

    @view_config(name="together", request_method="POST", renderer=together.TEMPLATE)
    def bring_together(self) -> Any:
        """Then the page to publish, which has what was written there before they met."""
        if away := elsewhere(self.draft, self.url()):
            return away
        carried = together.carried(self.request.POST)
        if again := together.bring(self):
            self.request.response.status_int = 409
            return {**again, "carried": carried}
        if not carried:
            return HTTPSeeOther(self.url("publish"))
        self.draft = self.request.rules.draft(self.draft.id)
        adoption = adoption_of(self.request, self.draft)
        adoption.texts = carried
        return render_to_response("cr:templates/publish.jinja2", self._publish_page(adoption), request=self.request)


def adoption_of(request: Any, draft: Draft) -> Adoption:
    """The questions to ask where this draft is published."""
    today = request.now.date()
    if draft.rule is None:
        return Adoption(composed(draft.payload), revises=False, today=today)
    row = revisions.in_force(request.dbsession, draft.rule, today)
    return Adoption(revisions.document(request.dbsession, draft.rule, row.revision), revises=True, today=today)


def publish(request: Any, draft: Draft, version: int | None, **decision: Any) -> Rule:
    """Publish what the person saw at `version`, and invite whom they named. `decision` as in `cr.events.rule.revise`.

    Raises `ValidationProblem`, `Conflict` and `RateLimited` for what the person can mend. Before the last of them the
    rule was published: who shows it in the form does so by `cr.views.forms.refused`.
    """
    if version is None:
        raise Conflict("This form is not from this draft. Read the draft once more, then publish.")
    people = {} if draft.rule else _invited(request, draft)
    actor = request.identity.account_id
    rule = request.rules.publish_draft(
        draft.id, actor, request.now, seen_version=version, stakeholders=people, **decision
    )
    if people:
        # Last, for a refusal that is shown in the form is no exception that would give the turn back.
        request.at_most_once(stakeholders.at_once(request))
    stakeholders.invite(request, rule, people)
    draft_addresses.save(request.dbsession, draft.id, actor, {})
    if draft.rule is None:
        join_links.move(request.dbsession, draft.id, rule.id)
    published: Rule = rule
    return published


def only_the_owner(called: str) -> str:
    """What a writer of the draft of a new rule reads where its owner publishes it."""
    return f"Only {called} can publish this draft. Tell them when it is ready."


def says_something(draft: Draft) -> bool:
    """Whether there is at least one section to publish."""
    return bool(composed(draft.payload)["sections"])


def _invited(request: Any, draft: Draft) -> dict[UUID, str]:
    """Whom to invite: the addresses that came with the draft, but for those that can't be.

    Those came through the API, and a page that does not show them gives nobody a chance to mend them.
    """
    addresses: list[str] = []
    for email in draft_addresses.load(request.dbsession, draft.id).get("stakeholderEmails", ()):
        with suppress(ValidationProblem):
            addresses += stakeholders.read([email], request.identity.email)
    return stakeholders.named(addresses)
