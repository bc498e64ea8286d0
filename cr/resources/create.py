"""The guided flow: one address for each of its steps, and below some of them one for each method or value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from cr.catalog.sections import COMMUNICATION, CONFLICT, DECISIONS, MEMBERSHIP, MORE, VALUES, Section, Values
from cr.catalog.slugs import is_slug
from cr.events.payload import REFUSED_KEYS
from cr.resources.base import Resource


class Step(Resource):
    """One step; its `key` is its name in the address. `title` is its name in the list of steps."""

    key: ClassVar[str]


class Informational(Step):
    key = "informational"
    title = "Before you start"


class Question(Step):
    """One or a few fields about the community."""


class CommunityName(Question):
    key = "community-name"
    title = "Name"


class CommunityStructure(Question):
    key = "community-structure"
    title = "Kind of community"


class CommunityContext(Question):
    key = "community-context"
    title = "What you do"


class CommunitySize(Question):
    key = "community-size"
    title = "Size"


class CommunityUpload(Step):
    key = "community-upload"
    title = "Photo"


class CommunitySave(Step):
    key = "community-save"
    title = "Keep your work"


class Review(Step):
    key = "review"
    title = "Your community so far"


class Choices(Step):
    """A step at which values, methods or clauses of one section are chosen.

    Below it each has an address, and `own` is for a new one.
    """

    section: ClassVar[Section | Values]

    def __getitem__(self, name: str) -> Resource:
        # Ids of one's own are of any kind when they came through the API.
        if not 0 < len(name) <= 200 or not name.isprintable() or name in REFUSED_KEYS:
            raise KeyError(name)
        return Choice(self.request).placed(name, self)


class Choice(Resource):
    """One value or method of the draft, for its words; `own` for one that is to be written."""

    OWN = "own"

    @property
    def step(self) -> Choices:
        parent = self.__parent__
        assert isinstance(parent, Choices)
        return parent


class CoreValues(Choices):
    key = "core-values"
    title = VALUES.name
    section = VALUES


class Methods(Choices):
    """A step at which the methods of one section are chosen."""

    section: ClassVar[Section]


class CommunicationMethods(Methods):
    key = "communication-methods"
    title = COMMUNICATION.name
    section = COMMUNICATION


class MembershipMethods(Methods):
    key = "membership-methods"
    title = MEMBERSHIP.name
    section = MEMBERSHIP


class DecisionApproaches(Methods):
    key = "decision-approaches"
    title = DECISIONS.name
    section = DECISIONS


class ConflictManagement(Methods):
    key = "conflict-management"
    title = CONFLICT.name
    section = CONFLICT


class ConfirmStakeholders(Step):
    key = "confirm-stakeholders"
    title = "Stakeholders"


class FinalReview(Choices):
    """Below it are the clauses that no other step has a place for."""

    key = "final-review"
    title = "Check and publish"
    section = MORE


class Completed(Step):
    key = "completed"
    title = "Published"


STEPS: tuple[type[Step], ...] = (
    Informational,
    CommunityName,
    CommunityStructure,
    CommunityContext,
    CommunitySize,
    CommunityUpload,
    CommunitySave,
    Review,
    CoreValues,
    CommunicationMethods,
    MembershipMethods,
    DecisionApproaches,
    ConflictManagement,
    ConfirmStakeholders,
    FinalReview,
    Completed,
)
"""In the order in which they are taken."""

BY_STEP = {step.key: step for step in STEPS}


class TemplateReview(Resource):
    """A template, to look at and to begin from. The name may be any slug; whether there is one, the view finds out."""


class TemplateReviews(Resource):
    def __getitem__(self, name: str) -> Resource:
        if not is_slug(name):
            raise KeyError(name)
        return TemplateReview(self.request).placed(name, self)


class Create(Resource):
    title = "Create a rule"
    children: ClassVar[dict[str, Callable[[Any], Resource]]] = {**BY_STEP, "review-template": TemplateReviews}


class Templates(Resource):
    title = "Templates"
