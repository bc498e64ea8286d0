"""The page on which the owner of a rule looks after its stakeholders."""

from __future__ import annotations

from typing import Any

from pyramid.authorization import Allow, Authenticated

from cr.resources.base import Resource
from cr.security import Permission


class Stakeholders(Resource):
    """The stakeholders of `rule`, for its owner: the rule's own ACL says so. Each of them may leave."""

    title = "Stakeholders"
    refusal = "Only the owner of this rule can see and change who its stakeholders are."
    __acl__ = [(Allow, Authenticated, Permission.RULE_LEAVE)]

    def __init__(self, request: Any, rule: Any) -> None:
        super().__init__(request)
        self.rule = rule
