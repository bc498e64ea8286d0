"""Taking a rule down: its owner is asked first, and may say why."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config, view_defaults

from cr.errors import Gone
from cr.events.rule import REASON_MOST
from cr.resources.rules import RuleResource
from cr.security import Permission
from cr.views.forms import Input, tidy
from cr.views.profile import done
from cr.views.public import rule_path

REASON = Input(
    "reason",
    "Why",
    (),
    "textarea",
    "Everybody reads it where the rule was. You can leave it empty.",
    maxlength=REASON_MOST,
)


@view_defaults(
    context=RuleResource,
    name="withdraw",
    permission=Permission.RULE_OWN,
    renderer="cr:templates/rule_withdraw.jinja2",
)
class WithdrawViews:
    def __init__(self, context: RuleResource, request: Any) -> None:
        self.rule, self.request = context.rule, request
        if self.rule.status == "withdrawn":
            raise Gone()

    @view_config(request_method="GET")
    def ask(self) -> dict[str, Any]:
        return self._page("")

    @view_config(request_method="POST")
    def withdraw(self) -> Any:
        reason = tidy(self.request.POST.get(REASON.name, ""))
        if fault := REASON.fault(reason):
            self.request.response.status_int = 400
            return self._page(reason, fault)
        actor = self.request.identity.account_id
        self.request.rules.withdraw_rule(self.rule.id, actor, self.request.now, reason or None)
        return done(self.request, "withdrawn")

    def _page(self, reason: str, fault: str | None = None) -> dict[str, Any]:
        return {
            "rule": {
                "title": self.rule.title,
                "url": rule_path(self.request, self.rule.id),
                "revision": self.rule.revision,
                "begun_at": self.rule.created_at,
                "updated_at": self.rule.updated_at,
            },
            "reason": REASON.shown(reason, fault),
            "action": rule_path(self.request, self.rule.id, "withdraw"),
            "errors": {REASON.name: fault} if fault else {},
            "error": None,
        }
