"""The part of the tree below /api: the JSON contract."""

from __future__ import annotations

from cr.resources.base import Resource, uuid_or_keyerror
from cr.resources.rules import find_rule


class ApiMagicLink(Resource):
    pass


class ApiAuth(Resource):
    children = {"magic-link": ApiMagicLink}


class ApiMyDraft(Resource):
    pass


class ApiDrafts(Resource):
    children = {"me": ApiMyDraft}


class ApiMyRules(Resource):
    pass


class ApiRule(Resource):
    """One published rule, wrapped as `rule` (a row of `cr.projections.rules`)."""

    def __init__(self, request: object, rule: object) -> None:
        super().__init__(request)
        self.rule = rule


class ApiRules(Resource):
    children = {"me": ApiMyRules}

    def __getitem__(self, name: str) -> Resource:
        if name in self.children:
            return super().__getitem__(name)
        rule = find_rule(self.request, uuid_or_keyerror(name))
        return ApiRule(self.request, rule).placed(name, self)


class Api(Resource):
    children = {"auth": ApiAuth, "drafts": ApiDrafts, "rules": ApiRules}
