"""Drafts, and the parts that each is written in."""

from __future__ import annotations

from typing import Any

from pyramid.authorization import Allow, Authenticated

from cr.catalog.sections import SECTIONS, VALUES
from cr.projections import drafts
from cr.resources.base import Resource, uuid_or_keyerror
from cr.security import Permission

PARTS = {
    "about": "Name and purpose",
    VALUES.slug: VALUES.name,
    **{section.slug: section.name for section in SECTIONS},
}
"""Address and name of every part, in the order of the rule."""


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
        # The next revision of a rule is for all of its organizers to write.
        writers = [f"account:{draft.owner}", *([f"organizer:{draft.rule}"] if draft.revises else [])]
        self.__acl__ = [(Allow, writer, (Permission.DRAFT_READ, Permission.DRAFT_EDIT)) for writer in writers]

    def __getitem__(self, name: str) -> Resource:
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
