"""A published rule: what a community adopted, revision by revision. Nothing is overwritten; a revision supersedes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import reduce
from typing import Any, Literal
from uuid import UUID

from cr.errors import Conflict, Forbidden, Gone, NotFound, ValidationProblem
from cr.events.base import Event
from cr.events.payload import same
from cr.fingerprint import fingerprint

TITLE_MOST = 500
SUMMARY_MOST = 8000
STAKEHOLDERS_MOST = 30
ORGANIZERS_MOST = 30
REASON_MOST = 1000


@dataclass(frozen=True, kw_only=True)
class RuleEvent(Event):
    TOPIC = "rule"


@dataclass(frozen=True, kw_only=True)
class Published(RuleEvent):
    """Revision 1. The actor becomes the owner. `draft` is what it was written in; `copied_from` the rule that it copies
    or was made from, at its revision `copied_revision` (None in events that are older than the field).

    How it was adopted is said as in `Revised`; `decision_method` is then one of its own.
    """

    TOPIC = "rule.Published"
    title: str
    summary: str | None
    document: dict[str, Any]
    draft: UUID | None = None
    copied_from: UUID | None = None
    copied_revision: int | None = None
    decided_by: str | None = None
    decision_method: str | None = None
    decided_on: date | None = None
    record: str | None = None
    in_force_from: date | None = None


@dataclass(frozen=True, kw_only=True)
class Revised(RuleEvent):
    """The whole next revision, and in the author's words what changed and how that was decided.

    `decided_by` names the way in words; `decision_method` is the id that `cr.events.decisions` gives it when the rule
    as it stood names that way itself; `outside_rule` says that the rule names other ways and the author knew.
    `in_force_from` None: from the day on which it was published (UTC).
    """

    TOPIC = "rule.Revised"
    revision: int
    title: str
    summary: str | None
    document: dict[str, Any]
    changed: str | None = None
    decided_by: str | None = None
    decision_method: str | None = None
    outside_rule: bool = False
    decided_on: date | None = None
    record: str | None = None
    in_force_from: date | None = None
    draft: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Withdrawn(RuleEvent):
    TOPIC = "rule.Withdrawn"
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class OwnerReleased(RuleEvent):
    """The owner's account is gone; the rule stays."""

    TOPIC = "rule.OwnerReleased"


@dataclass(frozen=True, kw_only=True)
class OwnerPassedOn(RuleEvent):
    """By the owner, who is an organizer from now on, or by an organizer who takes a rule that nobody owns. `owner`, an
    account, organized the rule until now.
    """

    TOPIC = "rule.OwnerPassedOn"
    owner: UUID


@dataclass(frozen=True, kw_only=True)
class OrganizerJoined(RuleEvent):
    """`organizer` is an account: it may write the rule's next revisions and publish them."""

    TOPIC = "rule.OrganizerJoined"
    organizer: UUID


@dataclass(frozen=True, kw_only=True)
class OrganizerRemoved(RuleEvent):
    """By the owner, or by the organizer, who leaves."""

    TOPIC = "rule.OrganizerRemoved"
    organizer: UUID


@dataclass(frozen=True, kw_only=True)
class StakeholderInvited(RuleEvent):
    """`stakeholder` is an opaque id; whom it means is in a table that can be erased."""

    TOPIC = "rule.StakeholderInvited"
    stakeholder: UUID


@dataclass(frozen=True, kw_only=True)
class StakeholderAccepted(RuleEvent):
    """The actor is the account that the stakeholder has."""

    TOPIC = "rule.StakeholderAccepted"
    stakeholder: UUID


@dataclass(frozen=True, kw_only=True)
class StakeholderRemoved(RuleEvent):
    """By the owner."""

    TOPIC = "rule.StakeholderRemoved"
    stakeholder: UUID


@dataclass(frozen=True, kw_only=True)
class StakeholderLeft(RuleEvent):
    """The actor is the account that had accepted, or that has the invited address and declines. No
    `StakeholderRemoved`, for there the actor is named in public.
    """

    TOPIC = "rule.StakeholderLeft"
    stakeholder: UUID


@dataclass(frozen=True)
class Rule:
    """The state of a rule after event number `version`.

    `organizers` are the accounts that write it beside the owner; `stakeholders` maps an id to the account that
    accepted, None where nobody did yet.
    """

    id: UUID
    version: int
    owner: UUID | None
    status: Literal["published", "withdrawn"]
    revision: int
    title: str
    summary: str | None
    document: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    organizers: frozenset[UUID] = frozenset()
    stakeholders: Mapping[UUID, UUID | None] = field(default_factory=dict)

    @property
    def accepted(self) -> int:
        """By how many stakeholders."""
        return sum(account is not None for account in self.stakeholders.values())


@dataclass(frozen=True, kw_only=True)
class RuleSnapshot(RuleEvent):
    """Not an event but the state after one, kept beside the log: a revision may have half a megabyte, and a rule
    hundreds of them. The topic changes with the code, as `cr.events.draft.DraftSnapshot` says.
    """

    TOPIC = f"rule.Snapshot.{fingerprint(__file__)}"
    rule: Rule


SNAPSHOT_EVERY = 20
"""Events."""

EVENTS = tuple(each for each in RuleEvent.__subclasses__() if each is not RuleSnapshot)
"""Every kind of event that a rule can have."""

WITHOUT_TEXT = tuple(each.TOPIC for each in EVENTS if each not in (Published, Revised))
"""Topics of the events that change who takes part, or the rule's status."""

PEOPLE = (
    *(OrganizerJoined, OrganizerRemoved),
    *(StakeholderInvited, StakeholderAccepted, StakeholderRemoved, StakeholderLeft),
)
"""Events that change who takes part, but for the owner."""

BY_STAKEHOLDERS = (StakeholderAccepted, StakeholderLeft)
"""Events whose actor is no organizer. It may be one besides, which is nobody's business."""


def project(state: Rule | None, events: Iterable[Event]) -> Rule | None:
    return reduce(evolve, events, state)


def evolve(state: Rule | None, event: Event) -> Rule | None:
    """The state after `event`. Pure, and never refuses: what is in the log has happened."""
    if isinstance(event, RuleSnapshot):
        return event.rule
    if isinstance(event, Published):
        return Rule(
            id=event.originator_id,
            version=event.originator_version,
            owner=event.actor,
            status="published",
            revision=1,
            title=event.title,
            summary=event.summary,
            document=event.document,
            created_at=event.at,
            updated_at=event.at,
        )
    if state is None:
        return None  # what does not begin with Published is no rule
    state = replace(state, version=event.originator_version)
    match event:
        case Revised():
            return replace(
                state,
                revision=event.revision,
                title=event.title,
                summary=event.summary,
                document=event.document,
                updated_at=event.at,
            )
        case Withdrawn():
            return replace(state, status="withdrawn", updated_at=event.at)
        case OwnerReleased():
            return replace(state, owner=None)
        case OwnerPassedOn():
            former = {state.owner} if state.owner else set()
            return replace(state, owner=event.owner, organizers=(state.organizers | former) - {event.owner})
        case OrganizerJoined():
            return replace(state, organizers=state.organizers | {event.organizer})
        case OrganizerRemoved():
            return replace(state, organizers=state.organizers - {event.organizer})
        case StakeholderInvited():
            return replace(state, stakeholders={**state.stakeholders, event.stakeholder: None})
        case StakeholderAccepted():
            return replace(state, stakeholders={**state.stakeholders, event.stakeholder: event.actor})
        case StakeholderRemoved() | StakeholderLeft():
            left = {key: account for key, account in state.stakeholders.items() if key != event.stakeholder}
            return replace(state, stakeholders=left)
    raise AssertionError(f"no rule event: {event!r}")


class MovedOn(Conflict):
    """Somebody published revision `revision` while the next one was being written."""

    def __init__(self, revision: int) -> None:
        super().__init__(
            f"Revision {revision} was published while you were writing. Your draft is kept. Bring both together, "
            "then publish."
        )
        self.revision = revision


# --- Commands: look at the state, return facts or refuse ------------------------------------------------------------


def publish(title: str, summary: str | None, document: dict[str, Any], **origin: Any) -> list[RuleEvent]:
    """Revision 1. `origin` is any of draft, copied_from, copied_revision, and of how it was adopted: decided_by,
    decision_method, decided_on, record, in_force_from.
    """
    title, summary = _checked(title, summary)
    return [Published(title=title, summary=summary, document=document, **origin)]


def revise(
    rule: Rule,
    actor: UUID,
    title: str,
    summary: str | None,
    document: dict[str, Any],
    *,
    based_on: int | None = None,
    **decision: Any,
) -> list[RuleEvent]:
    """The next revision; nothing when the text is the same.

    `decision` is any of changed, decided_by, decision_method, outside_rule, decided_on, record, in_force_from, draft.
    Raises `MovedOn` when `based_on` names a revision that is not the newest any more.
    """
    must_be_organizer(rule, actor)
    title, summary = _checked(title, summary)
    if based_on is not None and based_on != rule.revision:
        raise MovedOn(rule.revision)
    if same([title, summary, document], [rule.title, rule.summary, rule.document]):
        return []
    return [Revised(revision=rule.revision + 1, title=title, summary=summary, document=document, **decision)]


def withdraw(rule: Rule, actor: UUID | None, reason: str | None = None) -> list[RuleEvent]:
    """Take the rule down. `actor` None is the site's operators."""
    if actor is not None:
        must_be_owner(rule, actor)
    elif rule.status == "withdrawn":
        raise Gone()
    return [Withdrawn(reason=reason)]


def release_owner(rule: Rule, actor: UUID) -> list[RuleEvent]:
    return [OwnerReleased()] if rule.owner == actor else []


def pass_on(rule: Rule, actor: UUID, organizer: UUID) -> list[RuleEvent]:
    """The organizer owns the rule from now on, and the owner organizes it. Nothing when it is theirs already.

    Where nobody owns it any more there is nobody to hand it over: each of its organizers may take it.
    """
    must_be_organizer(rule, actor)
    if organizer == rule.owner:
        return []
    if rule.owner is None and organizer == actor:
        return [OwnerPassedOn(owner=organizer)]
    must_be_owner(rule, actor)
    if organizer not in rule.organizers:
        raise Conflict("They do not organize this rule any more, so it stays yours. Choose another of its organizers.")
    return [OwnerPassedOn(owner=organizer)]


def join(rule: Rule, organizer: UUID) -> list[RuleEvent]:
    """The organizer accepts an invitation of the owner; nothing for who writes the rule already."""
    must_be_published(rule)
    if organizer == rule.owner or organizer in rule.organizers:
        return []
    if len(rule.organizers) >= ORGANIZERS_MOST:
        raise ValidationProblem(f"A rule has at most {ORGANIZERS_MOST} organizers beside its owner. Remove one first.")
    return [OrganizerJoined(organizer=organizer)]


def remove_organizer(rule: Rule, actor: UUID, organizer: UUID) -> list[RuleEvent]:
    """By the owner, or by the organizer themself."""
    if actor != organizer:
        must_be_owner(rule, actor)
    must_be_published(rule)
    return [OrganizerRemoved(organizer=organizer)] if organizer in rule.organizers else []


def invite(rule: Rule, actor: UUID, *stakeholders: UUID) -> list[RuleEvent]:
    """Each is a new id: whom it means is for the caller to know."""
    must_be_owner(rule, actor)
    if len(rule.stakeholders) + len(stakeholders) > STAKEHOLDERS_MOST:
        raise ValidationProblem(f"A rule has at most {STAKEHOLDERS_MOST} stakeholders. Remove one first.")
    return [StakeholderInvited(stakeholder=each) for each in stakeholders]


def accept(rule: Rule, stakeholder: UUID) -> list[RuleEvent]:
    must_be_published(rule)
    if stakeholder not in rule.stakeholders:
        raise NotFound()
    return [] if rule.stakeholders[stakeholder] else [StakeholderAccepted(stakeholder=stakeholder)]


def remove(rule: Rule, actor: UUID, stakeholder: UUID) -> list[RuleEvent]:
    """By the owner, or by the stakeholder themself, who leaves."""
    leaves = actor != rule.owner and rule.stakeholders.get(stakeholder) == actor
    if not leaves:
        must_be_owner(rule, actor)
    must_be_published(rule)
    if stakeholder not in rule.stakeholders:
        raise NotFound()
    kind = StakeholderLeft if leaves else StakeholderRemoved
    return [kind(stakeholder=stakeholder)]


def decline(rule: Rule, actor: UUID, stakeholder: UUID) -> list[RuleEvent]:
    """By whom the invitation was for, which they may have accepted; nothing for who is invited no more."""
    must_be_published(rule)
    theirs = stakeholder in rule.stakeholders and rule.stakeholders[stakeholder] in (None, actor)
    return [StakeholderLeft(stakeholder=stakeholder)] if theirs else []


def must_be_published(rule: Rule) -> None:
    if rule.status == "withdrawn":
        raise Gone()


def must_be_organizer(rule: Rule, actor: UUID) -> None:
    """Whether `actor` may write the rule: the owner, or whom the owner let in."""
    must_be_published(rule)
    if actor != rule.owner and actor not in rule.organizers:
        raise Forbidden("Only this rule’s organizers can change it.")


def must_be_owner(rule: Rule, actor: UUID) -> None:
    must_be_published(rule)
    if rule.owner != actor:
        raise Forbidden("Only the owner of this rule can do that.")


def _checked(title: str, summary: str | None) -> tuple[str, str | None]:
    title = title.strip()
    summary = (summary or "").strip() or None
    if not title:
        raise ValidationProblem("Give the rule a name.", fields={"title": "Give the rule a name."})
    if len(title) > TITLE_MOST:
        sentence = f"Shorten the name to at most {TITLE_MOST} characters."
        raise ValidationProblem(sentence, fields={"title": sentence})
    if summary and len(summary) > SUMMARY_MOST:
        sentence = f"Shorten the summary to at most {SUMMARY_MOST} characters."
        raise ValidationProblem(sentence, fields={"summary": sentence})
    return title, summary
