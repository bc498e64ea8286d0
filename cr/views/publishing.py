"""Publishing a draft, from its own page or at the end of the guided flow."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from cr.accounts import draft_addresses, stakeholders
from cr.errors import Conflict, ValidationProblem
from cr.events.document import composed
from cr.events.draft import Draft
from cr.events.rule import Rule
from cr.limits import Interval


def publish(request: Any, draft: Draft, version: int | None, **decision: Any) -> Rule:
    """Publish what the person saw at `version`, and keep whom they invite. `decision` as in `cr.events.rule.revise`.

    Raises `ValidationProblem` and `Conflict` for what the person can mend, with nothing changed.
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
        request.at_most_once(Interval("publish-with-invites:ip", request.client_network, 60))
    stakeholders.keep(request.dbsession, rule.id, people, request.now)
    draft_addresses.save(request.dbsession, draft.id, actor, {})
    published: Rule = rule
    return published


def says_something(draft: Draft) -> bool:
    """Whether there is at least one section to publish."""
    return bool(composed(draft.payload)["sections"])


def _invited(request: Any, draft: Draft) -> dict[UUID, str]:
    """Whom to invite: the addresses that came with the draft, but for those that can't be.

    Those came through the API, and a page that does not show them gives nobody a chance to mend them.
    """
    people: dict[str, UUID] = {}
    for email in draft_addresses.load(request.dbsession, draft.id).get("stakeholderEmails", ()):
        try:
            named = stakeholders.named([email], own=request.identity.email)
        except ValidationProblem:
            continue
        people.update({address: key for key, address in named.items()})
    return {key: address for address, key in people.items()}
