"""The part of the tree below /api: the JSON contract."""

from __future__ import annotations

from typing import Any

from pyramid.authorization import Allow, Authenticated

from cr import uploads
from cr.accounts import stakeholders
from cr.catalog import store, use_cases
from cr.catalog.items import Template, UseCase
from cr.catalog.slugs import is_slug
from cr.resources.base import Resource, uuid_or_keyerror
from cr.resources.rules import find_rule, rule_acl
from cr.security import Permission


class ApiMagicLink(Resource):
    pass


class ApiAuth(Resource):
    children = {"magic-link": ApiMagicLink}


class ApiEmailChange(Resource):
    pass


class ApiMyAccount(Resource):
    pass


class ApiUser(Resource):
    __acl__ = [(Allow, Authenticated, Permission.ACCOUNT_OWN)]
    children = {"me": ApiMyAccount, "email-change": ApiEmailChange}


class ApiOrganizerInquiry(Resource):
    pass


class ApiMyDraft(Resource):
    __acl__ = [(Allow, Authenticated, (Permission.DRAFT_READ, Permission.DRAFT_EDIT))]


class ApiDrafts(Resource):
    children = {"me": ApiMyDraft}


class ApiMyRules(Resource):
    __acl__ = [(Allow, Authenticated, Permission.RULES_MINE)]


class ApiStakeholder(Resource):
    """One of them, wrapped as `stakeholder` (of `cr.accounts.stakeholders`)."""

    def __init__(self, request: Any, rule: Any, stakeholder: stakeholders.Stakeholder) -> None:
        super().__init__(request)
        self.rule = rule
        self.stakeholder = stakeholder


class ApiStakeholders(Resource):
    """The stakeholders of `rule`, for its owner: to anybody else who is signed in there is nothing here."""

    found = {"{sid}": ApiStakeholder}

    def __init__(self, request: Any, rule: Any) -> None:
        super().__init__(request)
        self.rule = rule

    def __getitem__(self, name: str) -> Resource:
        identifier = uuid_or_keyerror(name)
        for each in stakeholders.of(self.request.dbsession, self.rule.id):
            if each.id == identifier:
                return ApiStakeholder(self.request, self.rule, each).placed(name, self)
        raise KeyError(name)


class ApiRule(Resource):
    """One published rule, wrapped as `rule` (a row of `cr.projections.rules`)."""

    found = {"stakeholders": ApiStakeholders}

    def __init__(self, request: Any, rule: Any) -> None:
        super().__init__(request)
        self.rule = rule
        self.__acl__ = rule_acl(rule)

    def __getitem__(self, name: str) -> Resource:
        if name != "stakeholders":
            raise KeyError(name)
        identity = self.request.identity
        if identity and identity.account_id != self.rule.owner:
            raise KeyError(name)
        return ApiStakeholders(self.request, self.rule).placed(name, self)


class ApiStakeholderInvite(Resource):
    pass


class ApiInvites(Resource):
    children = {"rule-stakeholder": ApiStakeholderInvite}


class ApiRules(Resource):
    __acl__ = [(Allow, Authenticated, Permission.RULE_PUBLISH)]
    children = {"me": ApiMyRules}
    found = {"{id}": ApiRule}

    def __getitem__(self, name: str) -> Resource:
        if name in self.children:
            return super().__getitem__(name)
        rule = find_rule(self.request, uuid_or_keyerror(name))
        return ApiRule(self.request, rule).placed(name, self)


class ApiTemplate(Resource):
    """One template of the catalogue, wrapped as `template`."""

    def __init__(self, request: Any, template: Template) -> None:
        super().__init__(request)
        self.template = template


class ApiTemplates(Resource):
    found = {"{slug}": ApiTemplate}

    def __getitem__(self, name: str) -> Resource:
        if not is_slug(name):
            raise KeyError(name)
        template = store.template(self.request.dbsession, name)
        if template is None:
            raise KeyError(name)
        return ApiTemplate(self.request, template).placed(name, self)


class ApiUseCase(Resource):
    """One use case, wrapped as `use_case`."""

    def __init__(self, request: Any, use_case: UseCase) -> None:
        super().__init__(request)
        self.use_case = use_case


class ApiUseCases(Resource):
    __acl__ = [(Allow, Authenticated, Permission.RULE_PUBLISH)]
    found = {"{slug}": ApiUseCase}

    def __getitem__(self, name: str) -> Resource:
        return ApiUseCase(self.request, use_cases.of(self.request)[name]).placed(name, self)


class ApiCreateFlow(Resource):
    pass


class ApiUpload(Resource):
    """One uploaded file, wrapped as `upload` (a row of `cr.uploads`)."""

    def __init__(self, request: Any, upload: Any) -> None:
        super().__init__(request)
        self.upload = upload


class ApiUploads(Resource):
    __acl__ = [(Allow, Authenticated, Permission.UPLOAD_ADD)]
    found = {"{id}": ApiUpload}

    def __getitem__(self, name: str) -> Resource:
        identifier = uuid_or_keyerror(name)
        row = uploads.find(self.request.dbsession, identifier)
        if row is None:
            raise KeyError(name)
        return ApiUpload(self.request, row).placed(name, self)


class Api(Resource):
    children = {
        "auth": ApiAuth,
        "create-flow": ApiCreateFlow,
        "drafts": ApiDrafts,
        "invites": ApiInvites,
        "organizer-inquiry": ApiOrganizerInquiry,
        "rules": ApiRules,
        "templates": ApiTemplates,
        "uploads": ApiUploads,
        "use-cases": ApiUseCases,
        "user": ApiUser,
    }
