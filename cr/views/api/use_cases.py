"""/api/use-cases: publishing a use case's example rule as one's own."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from cr.events.document import checked_document, composed
from cr.limits import Interval
from cr.resources.api import ApiUseCase
from cr.security import Permission
from cr.views.api.operations import Operation
from cr.views.api.rules import Created, created

TIMES, SECONDS = 10, 3600
"""More often nobody needs it, and the list of all rules is for rules that somebody wrote."""


@view_config(
    context=ApiUseCase,
    name="duplicate",
    request_method="POST",
    renderer="json",
    permission=Permission.RULE_PUBLISH,
    api=Operation(often=f"{TIMES} times in an hour for an account."),
)
def duplicate(context: ApiUseCase, request: Any) -> Created:
    """Publish a use case's rule as my own.

    The example rule of the use case, which is yours from then on. It takes no body.
    """
    actor, rule = request.identity.account_id, context.use_case.rule
    request.at_most_once(Interval("use-case:account", str(actor), SECONDS, times=TIMES))
    document = checked_document(composed(rule))
    return created(request.rules.publish_rule(actor, request.now, rule["title"], rule["summary"], document))
