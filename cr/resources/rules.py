"""Published rules and their revisions."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from pyramid.authorization import Allow, Everyone

from cr.errors import Gone
from cr.projections import revisions, rules
from cr.resources.base import Resource, uuid_or_keyerror
from cr.resources.stakeholders import Stakeholders
from cr.resources.teams import JoinRule, Organizers
from cr.security import Permission


def rule_acl(rule: Any) -> list[tuple[str, str, str]]:
    owner = [(Allow, f"account:{rule.owner}", Permission.RULE_OWN)] if rule.owner else []
    return [
        (Allow, Everyone, Permission.RULE_READ),
        (Allow, f"organizer:{rule.id}", Permission.RULE_EDIT),
        *owner,
    ]


class RuleResource(Resource):
    """A rule, wrapped as `rule`: its row with the revision in force today, see `revisions.in_force`."""

    refusal = "Only the organizers of this rule can do this. If you want to join them, ask its owner for a link."

    def __init__(self, request: Any, rule: Any) -> None:
        super().__init__(request)
        self.rule = rule
        self.title = rule.title
        self.__acl__ = rule_acl(rule)
        if rule.owner is None:
            self.refusal = "This rule has no owner. One of its organizers can become it, on the page of its organizers."

    def __getitem__(self, name: str) -> Resource:
        below = {"organizers": Organizers, "join": JoinRule, "stakeholders": Stakeholders, "revisions": Revisions}
        return below[name](self.request, self.rule).placed(name, self)


class Revisions(Resource):
    """All revisions of a rule; `rule` as in `RuleResource`."""

    title = "Revisions"

    def __init__(self, request: Any, rule: Any) -> None:
        super().__init__(request)
        self.rule = rule

    def __getitem__(self, name: str) -> Resource:
        if not re.fullmatch(r"[1-9][0-9]{0,8}", name):
            raise KeyError(name)
        row = revisions.find(self.request.dbsession, self.rule.id, int(name))
        if row is None:
            raise KeyError(name)
        return Revision(self.request, self.rule, row).placed(name, self)


class Revision(Resource):
    """One revision for ever: `revision` its row, `rule` the rule in force."""

    def __init__(self, request: Any, rule: Any, revision: Any) -> None:
        super().__init__(request)
        self.rule = rule
        self.revision = revision
        self.title = f"Revision {revision.revision}"


class RulesResource(Resource):
    title = "Rules"
    __acl__ = [(Allow, Everyone, Permission.RULE_READ)]

    def __getitem__(self, name: str) -> Resource:
        rule_id = uuid_or_keyerror(name)
        row = revisions.in_force(self.request.dbsession, rule_id, self.request.now.date())
        if row is None:
            raise KeyError(name)
        return RuleResource(self.request, row).placed(name, self)


def find_rule(request: Any, rule_id: UUID) -> Any:
    """The row of a rule that is not withdrawn. Raises `KeyError` for an unknown one, `Gone` for a withdrawn one."""
    row = rules.find(request.dbsession, rule_id)
    if row is None:
        raise KeyError(str(rule_id))
    if row.status == "withdrawn":
        raise Gone()
    return row
