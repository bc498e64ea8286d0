"""Telling the people who run the site that a rule should not be here. It is no event, and nothing public says so.

As in `cr.views.asking` the form needs no token; it does not ask who is signed in.
"""

from __future__ import annotations

from typing import Any

from pyramid.renderers import render_to_response
from pyramid.view import view_config, view_defaults

from cr.errors import Gone, RateLimited, ValidationProblem
from cr.mail import inbox
from cr.projections import revisions
from cr.resources.rules import RuleResource
from cr.views.forms import Input, email_input, number, refused, tidy
from cr.views.public import rule_path

REASONS = {
    "private": "It tells something about a person that should not be public",
    "harm": "It threatens somebody, or calls for hatred or violence",
    "advertising": "It is advertising, or no rule at all",
    "theirs": "It pretends to be the rule of another community",
    "law": "It breaks the law in another way",
    "other": "Something else",
}
"""What may be wrong with a rule, by the value in the form."""

MESSAGE = Input(
    "message",
    "What we should know",
    (),
    "textarea",
    "Say which words you mean. If it is about you, say so.",
    inbox.REPORT_MOST,
)
EMAIL = email_input("Your email address", "Only if you want an answer. Leave it empty otherwise.")


@view_defaults(context=RuleResource, name="report", renderer="cr:templates/rule_report.jinja2", require_csrf=False)
class ReportViews:
    def __init__(self, context: RuleResource, request: Any) -> None:
        self.rule, self.request = context.rule, request
        if self.rule.status == "withdrawn":
            raise Gone()

    @view_config(request_method="GET")
    def show(self) -> dict[str, Any]:
        return self._page("", "", "", {})

    @view_config(request_method="POST")
    def send(self) -> Any:
        posted = self.request.POST
        reason, email = posted.get("reason", ""), posted.get(EMAIL.name, "")
        message = tidy(posted.get(MESSAGE.name, ""))
        if not inbox.is_trapped(posted.get(inbox.TRAP)):
            try:
                inbox.report(self.request, self.rule, self._revision(), REASONS.get(reason, ""), message, email)
            except (ValidationProblem, RateLimited) as problem:
                error, faults = refused(self.request, problem), problem.details.get("fields", {})
                return self._page(reason, message, email, faults, None if faults else error)
        values = {"title": self.rule.title, "url": rule_path(self.request, self.rule.id), "answer": email.strip()}
        return render_to_response("cr:templates/rule_reported.jinja2", values, request=self.request)

    def _revision(self) -> int:
        """The one that the person was looking at; the one in force where the address does not say."""
        given = number(self.request.params.get("revision", ""))
        known = given and revisions.find(self.request.dbsession, self.rule.id, given)
        return given if given and known else self.rule.revision

    def _page(
        self, reason: str, message: str, email: str, errors: dict[str, str], error: str | None = None
    ) -> dict[str, Any]:
        rule, revision = self.rule, self._revision()
        return {
            "rule": {"title": rule.title, "revision": revision, "url": rule_path(self.request, rule.id)},
            "open": self.request.settings.organizer_inquiry_to is not None,
            "action": rule_path(self.request, rule.id, "report"),
            "reasons": REASONS,
            "reason": reason,
            "message": MESSAGE.shown(message, errors.get(MESSAGE.name)),
            "email": EMAIL.shown(email, errors.get(EMAIL.name)),
            "trap": inbox.TRAP,
            "error": error,
            "errors": errors,
        }
