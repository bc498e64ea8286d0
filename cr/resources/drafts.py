"""Drafts, and the parts that each is written in."""

from __future__ import annotations

from typing import Any

from pyramid.authorization import Allow, Authenticated

from cr.catalog.sections import SECTIONS, VALUES
from cr.events.draft import NOT_A_WRITER
from cr.projections import drafts
from cr.resources.base import Resource, uuid_or_keyerror
from cr.resources.teams import JoinDraft, Writers
from cr.security import Permission

PARTS = {
    "about": "Name and purpose",
    VALUES.slug: VALUES.name,
    **{section.slug: section.name for section in SECTIONS},
}
"""Address and name of every part, in the order of the rule."""


EDIT = [Permission.DRAFT_READ, Permission.DRAFT_EDIT]
TEAM = {"writers": Writers, "join": JoinDraft}


class Part(Resource):
    """One part of a draft, at an address of its own. Who may edit the draft may edit it."""

    def __init__(self, request: Any, key: str) -> None:
        super().__init__(request)
        self.key = key
        self.title = PARTS[key]

    @property
    def draft(self) -> Any:
        """The row of the draft that it is a part of."""
        parent = self.__parent__
        assert isinstance(parent, DraftResource)
        return parent.draft


class DraftResource(Resource):
    """One draft, wrapped as `draft`, its row of `cr.projections.drafts`."""

    def __init__(self, request: Any, draft: Any) -> None:
        super().__init__(request)
        self.draft = draft
        self.title = draft.title or "Untitled rule"
        if draft.revises:
            self.refusal = "Only the organizers of this rule write its next revision. If you were one, ask its owner."
            # It is for all of its organizers to write. Who is none any more still reads what they began.
            writers, owner = f"organizer:{draft.rule}", [Permission.DRAFT_READ]
        else:
            self.refusal = NOT_A_WRITER
            writers, owner = f"writer:{draft.id}", EDIT
        self.__acl__ = [(Allow, f"account:{draft.owner}", owner), (Allow, writers, EDIT)]

    def __getitem__(self, name: str) -> Resource:
        if name in TEAM:
            return TEAM[name](self.request, self.draft).placed(name, self)
        if name not in PARTS:
            raise KeyError(name)
        return Part(self.request, name).placed(name, self)


class Drafts(Resource):
    title = "Drafts"
    __acl__ = [(Allow, Authenticated, Permission.DRAFT_START)]

    def __getitem__(self, name: str) -> Resource:
        draft_id = uuid_or_keyerror(name)
        row = drafts.find(self.request.dbsession, draft_id)
        if row is None:
            raise KeyError(name)
        return DraftResource(self.request, row).placed(name, self)
