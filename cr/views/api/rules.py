"""/api/rules: published rules, and publishing."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, Field
from pyramid.view import view_config, view_defaults

from cr.accounts import stakeholders
from cr.errors import ValidationProblem
from cr.events.document import checked_document
from cr.limits import Interval
from cr.projections import revisions, rules
from cr.resources.api import ApiMyRules, ApiRule, ApiRules
from cr.security import Permission
from cr.times import iso_z
from cr.views.api.body import json_body

LIMIT, LIMIT_MOST = 50, 100


class PublishBody(BaseModel):
    """Lengths are checked by the command itself, after trimming."""

    title: str
    summary: str | None = None
    document: dict[str, Any]
    stakeholderEmails: list[str] | None = Field(None, max_length=30)


def _limit(request: Any) -> int:
    given = request.params.get("limit", str(LIMIT))
    if not re.fullmatch("[0-9]{1,3}", given) or not 1 <= int(given) <= LIMIT_MOST:
        raise ValidationProblem(f"limit: write a whole number from 1 to {LIMIT_MOST}.")
    return int(given)


def _listed(row: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "title": row.title,
        "summary": row.summary,
        "createdAt": iso_z(row.created_at),
        "updatedAt": iso_z(row.updated_at),
        **more,
    }


@view_config(context=ApiRules, request_method="GET", renderer="json")
def list_rules(request: Any) -> dict[str, Any]:
    return {"rules": [_listed(row) for row in rules.last_touched(request.dbsession, _limit(request))]}


@view_config(context=ApiMyRules, request_method="GET", renderer="json", permission=Permission.RULES_MINE)
def my_rules(request: Any) -> dict[str, Any]:
    mine = rules.last_touched(request.dbsession, _limit(request), owner=request.identity.account_id)
    return {"rules": [_listed(row, role="owner") for row in mine]}


@view_config(context=ApiRules, request_method="POST", renderer="json", permission=Permission.RULE_PUBLISH)
def publish(request: Any) -> dict[str, Any]:
    body = json_body(request, PublishBody)
    people = stakeholders.named(body.stakeholderEmails or (), own=request.identity.email)
    if people:
        request.at_most_once(Interval("publish-with-invites:ip", request.client_network, 60))
    rule = request.rules.publish_rule(
        request.identity.account_id,
        request.now,
        body.title,
        body.summary,
        checked_document(body.document),
        stakeholders=people,
    )
    stakeholders.keep(request.dbsession, rule.id, people, request.now)
    return created(rule)


def created(rule: Any) -> dict[str, Any]:
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

    def _answer(self) -> dict[str, Any]:
        row = rules.find(self.request.dbsession, self.rule.id)
        document = revisions.document(self.request.dbsession, row.id, row.revision)
        identity = self.request.identity
        owner = identity is not None and identity.account_id == row.owner
        return {"rule": _listed(row, document=document), "viewerIsOwner": owner}

    @view_config(request_method="GET")
    def get(self) -> dict[str, Any]:
        return self._answer()

    @view_config(request_method="PATCH", permission=Permission.RULE_OWN)
    def patch(self) -> dict[str, Any]:
        body = json_body(self.request, PublishBody)
        self.request.rules.revise_rule(
            self.rule.id,
            self.request.identity.account_id,
            self.request.now,
            body.title,
            body.summary,
            checked_document(body.document),
        )
        return self._answer()

    @view_config(request_method="DELETE", permission=Permission.RULE_OWN)
    def delete(self) -> dict[str, Any]:
        self.request.rules.withdraw_rule(self.rule.id, self.request.identity.account_id, self.request.now)
        return {"ok": True}

    @view_config(name="duplicate", request_method="POST", permission=Permission.RULE_OWN)
    def duplicate(self) -> dict[str, Any]:
        return created(
            self.request.rules.duplicate_rule(self.rule.id, self.request.identity.account_id, self.request.now)
        )
