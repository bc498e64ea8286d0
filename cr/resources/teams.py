"""Who writes a rule or a draft together, and the pages that links to join them lead to."""

from __future__ import annotations

from typing import Any

from pyramid.authorization import Allow

from cr.resources.base import Resource
from cr.security import Permission


class Team(Resource):
    """Those who write something together, for themselves to see and for its owner to change."""


class Join(Resource):
    """Where somebody who was sent a link joins a team. Whether the link works, the view finds out."""

    title = "Join"


class Organizers(Team):
    """Of `rule`, as in `cr.resources.rules.RuleResource`."""

    title = "Organizers"

    def __init__(self, request: Any, rule: Any) -> None:
        super().__init__(request)
        self.rule = rule
        owner = [(Allow, f"account:{rule.owner}", Permission.TEAM_LEAD)] if rule.owner else []
        self.__acl__ = [(Allow, f"organizer:{rule.id}", Permission.TEAM_SEE), *owner]


class JoinRule(Join):
    def __init__(self, request: Any, rule: Any) -> None:
        super().__init__(request)
        self.rule = rule


class Writers(Team):
    """Of `draft`, as in `cr.resources.drafts.DraftResource`."""

    title = "Writers"

    def __init__(self, request: Any, draft: Any) -> None:
        super().__init__(request)
        self.draft = draft
        self.__acl__ = [
            (Allow, f"account:{draft.owner}", [Permission.TEAM_SEE, Permission.TEAM_LEAD]),
            (Allow, f"organizer:{draft.rule}" if draft.revises else f"writer:{draft.id}", Permission.TEAM_SEE),
        ]


class JoinDraft(Join):
    def __init__(self, request: Any, draft: Any) -> None:
        super().__init__(request)
        self.draft = draft
