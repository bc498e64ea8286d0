"""/api/rules: published rules, and publishing."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field
from pyramid.view import view_config, view_defaults
from typing_extensions import TypedDict

from cr.accounts import stakeholders
from cr.errors import Conflict
from cr.events.document import DocumentShape, checked_document
from cr.projections import invitations, revisions, rules
from cr.resources.api import ApiMyRules, ApiRule, ApiRules
from cr.security import Permission
from cr.times import iso_z
from cr.views.api.operations import Address, Done, Moment, Operation, Shaped

LIMIT, LIMIT_MOST = 50, 100

Role = Literal["owner", "stakeholder"]

Document = Annotated[dict[str, Any], Shaped(DocumentShape)]


class Publication(BaseModel):
    """A rule as it is to be published."""

    # The command itself checks the lengths, after trimming.
    title: str = Field(description="1 to 500 characters after trimming.", json_schema_extra={"minLength": 1})
    summary: str | None = Field(None, description="At most 8,000 characters.")
    document: Document
    stakeholderEmails: list[Address] | None = Field(None, max_length=30, description="Whom to invite as stakeholders.")


def _limit(given: Any) -> Any:
    if not re.fullmatch("[0-9]{1,3}", given) or not 1 <= int(given) <= LIMIT_MOST:
        raise ValueError(f"write a whole number from 1 to {LIMIT_MOST}.")
    return given


class HowMany(BaseModel):
    limit: Annotated[int, Field(ge=1, le=LIMIT_MOST), BeforeValidator(_limit)] = LIMIT


class CreatedRule(TypedDict):
    id: str
    title: str
    summary: str | None
    createdAt: Moment


class Created(TypedDict):
    rule: CreatedRule


class ListedRule(CreatedRule):
    updatedAt: Moment


class RuleList(TypedDict):
    """Rules, last touched first."""

    rules: list[ListedRule]


class MyRule(ListedRule):
    role: Role


class MyRules(TypedDict):
    """Rules of the person who is signed in, last touched first."""

    rules: list[MyRule]


class WholeRule(ListedRule):
    document: Document


class RuleAnswer(TypedDict):
    rule: WholeRule
    viewerIsOwner: bool


def _listed(row: Any) -> ListedRule:
    return {
        "id": str(row.id),
        "title": row.title,
        "summary": row.summary,
        "createdAt": iso_z(row.created_at),
        "updatedAt": iso_z(row.updated_at),
    }


@view_config(context=ApiRules, request_method="GET", renderer="json", api=Operation(query=HowMany))
def list_rules(request: Any) -> RuleList:
    """List published rules."""
    return {"rules": [_listed(row) for row in rules.last_touched(request.dbsession, request.asked.limit)]}


@view_config(
    context=ApiMyRules,
    request_method="GET",
    renderer="json",
    permission=Permission.RULES_MINE,
    api=Operation(query=HowMany),
)
def my_rules(request: Any) -> MyRules:
    """List my own rules.

    Those that I own, and those whose stakeholder I am by an invitation that I accepted.
    """
    account, limit = request.identity.account_id, request.asked.limit
    own = rules.last_touched(request.dbsession, limit, owner=account)
    mine: list[tuple[Any, Role]] = [(row, "owner") for row in own]
    mine += [(row, "stakeholder") for row in invitations.rules_of(request.dbsession, account, limit)]
    mine.sort(key=lambda each: each[0].position, reverse=True)
    return {"rules": [{**_listed(row), "role": role} for row, role in mine[:limit]]}


@view_config(
    context=ApiRules,
    request_method="POST",
    renderer="json",
    permission=Permission.RULE_PUBLISH,
    api=Operation(body=Publication, often="With invitations, once in 60 seconds from an IP address."),
)
def publish(request: Any) -> Created:
    """Publish a rule.

    Everybody can read it from then on, and its text at this moment stays for ever as revision 1. The addresses in
    `stakeholderEmails` are shown to nobody but you. Where too many invitations went out within a day, to one of them or
    by you, it is invited without a mail.
    """
    body: Publication = request.sent
    people = stakeholders.named(stakeholders.read(body.stakeholderEmails or (), request.identity.email))
    if people:
        request.at_most_once(stakeholders.at_once(request))
    rule = request.rules.publish_rule(
        request.identity.account_id,
        request.now,
        body.title,
        body.summary,
        checked_document(body.document),
        stakeholders=people,
    )
    stakeholders.invite(request, rule, people)
    return created(rule)


def created(rule: Any) -> Created:
    return {
        "rule": {
            "id": str(rule.id),
            "title": rule.title,
            "summary": rule.summary,
            "createdAt": iso_z(rule.created_at),
        }
    }


@view_defaults(context=ApiRule, renderer="json")
class OneRule:
    def __init__(self, context: ApiRule, request: Any) -> None:
        self.rule = context.rule
        self.request = request

    def _answer(self) -> RuleAnswer:
        row = rules.find(self.request.dbsession, self.rule.id)
        document = revisions.document(self.request.dbsession, row.id, row.revision)
        identity = self.request.identity
        owner = identity is not None and identity.account_id == row.owner
        return {"rule": {**_listed(row), "document": document}, "viewerIsOwner": owner}

    @view_config(request_method="GET", api=Operation())
    def get(self) -> RuleAnswer:
        """Read a rule.

        With the whole text of its newest revision. A rule that was withdrawn counts as not found.
        """
        return self._answer()

    @view_config(
        request_method="PATCH",
        permission=Permission.RULE_OWN,
        api=Operation(body=Publication, refuses=(Conflict,)),
    )
    def patch(self) -> RuleAnswer:
        """Publish the next revision of a rule.

        By its owner alone. Title, summary and document are replaced as a whole; the same text once more is no
        revision. `stakeholderEmails` is passed over here.
        """
        body: Publication = self.request.sent
        self.request.rules.revise_rule(
            self.rule.id,
            self.request.identity.account_id,
            self.request.now,
            body.title,
            body.summary,
            checked_document(body.document),
        )
        return self._answer()

    @view_config(request_method="DELETE", permission=Permission.RULE_OWN, api=Operation(refuses=(Conflict,)))
    def delete(self) -> Done:
        """Withdraw a rule.

        By its owner alone. Its page says that it was withdrawn, and when; its text is shown no more.
        """
        self.request.rules.withdraw_rule(self.rule.id, self.request.identity.account_id, self.request.now)
        return {"ok": True}

    @view_config(name="duplicate", request_method="POST", permission=Permission.RULE_OWN, api=Operation())
    def duplicate(self) -> Created:
        """Publish a copy of my rule.

        A rule of its own with the same text, called as before with " (Copy)" behind. It takes no body.
        """
        return created(
            self.request.rules.duplicate_rule(self.rule.id, self.request.identity.account_id, self.request.now)
        )
