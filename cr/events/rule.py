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


@dataclass(frozen=True, kw_only=True)
class RuleEvent(Event):
    TOPIC = "rule"


@dataclass(frozen=True, kw_only=True)
class Published(RuleEvent):
    """Revision 1. The actor becomes the owner. `draft` is what it was written in, `copied_from` the rule it copies."""

    TOPIC = "rule.Published"
    title: str
    summary: str | None
    document: dict[str, Any]
    draft: UUID | None = None
    copied_from: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Revised(RuleEvent):
    """The whole next revision, and in the author's words what changed and how that was decided."""

    TOPIC = "rule.Revised"
    revision: int
    title: str
    summary: str | None
    document: dict[str, Any]
    changed: str | None = None
    decided_by: str | None = None
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
class StakeholderInvited(RuleEvent):
    """`stakeholder` is an opaque id; whom it means is in a table that can be erased."""

    TOPIC = "rule.StakeholderInvited"
    stakeholder: UUID


@dataclass(frozen=True, kw_only=True)
class StakeholderAccepted(RuleEvent):
    TOPIC = "rule.StakeholderAccepted"
    stakeholder: UUID


@dataclass(frozen=True, kw_only=True)
class StakeholderRemoved(RuleEvent):
    TOPIC = "rule.StakeholderRemoved"
    stakeholder: UUID


@dataclass(frozen=True)
class Rule:
    """The state of a rule after event number `version`. `stakeholders` maps an id to whether it was accepted."""

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
    stakeholders: Mapping[UUID, bool] = field(default_factory=dict)


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
        case StakeholderInvited():
            return replace(state, stakeholders={**state.stakeholders, event.stakeholder: False})
        case StakeholderAccepted():
            return replace(state, stakeholders={**state.stakeholders, event.stakeholder: True})
        case StakeholderRemoved():
            left = {key: accepted for key, accepted in state.stakeholders.items() if key != event.stakeholder}
            return replace(state, stakeholders=left)
    raise AssertionError(f"no rule event: {event!r}")


# --- Commands: look at the state, return facts or refuse ------------------------------------------------------------


def publish(title: str, summary: str | None, document: dict[str, Any], **origin: Any) -> list[RuleEvent]:
    """Revision 1. `origin` is `draft` or `copied_from`."""
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

    `decision` is any of changed, decided_by, decided_on, record, in_force_from, draft. Raises `Conflict` when
    `based_on` names a revision that is not the one in force any more.
    """
    must_be_owner(rule, actor)
    title, summary = _checked(title, summary)
    if based_on is not None and based_on != rule.revision:
        raise Conflict(
            f"Revision {rule.revision} was published while you were writing. Your draft is kept. Compare it with the "
            "rule in force, then start the next revision from there."
        )
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


def invite(rule: Rule, actor: UUID, stakeholder: UUID) -> list[RuleEvent]:
    must_be_owner(rule, actor)
    if len(rule.stakeholders) >= STAKEHOLDERS_MOST:
        raise ValidationProblem(f"A rule has at most {STAKEHOLDERS_MOST} stakeholders. Remove one first.")
    return [StakeholderInvited(stakeholder=stakeholder)]


def accept(rule: Rule, stakeholder: UUID) -> list[RuleEvent]:
    if stakeholder not in rule.stakeholders:
        raise NotFound()
    return [] if rule.stakeholders[stakeholder] else [StakeholderAccepted(stakeholder=stakeholder)]


def remove(rule: Rule, actor: UUID, stakeholder: UUID) -> list[RuleEvent]:
    must_be_owner(rule, actor)
    if stakeholder not in rule.stakeholders:
        raise NotFound()
    return [StakeholderRemoved(stakeholder=stakeholder)]


def must_be_owner(rule: Rule, actor: UUID) -> None:
    if rule.status == "withdrawn":
        raise Gone()
    if rule.owner != actor:
        raise Forbidden("Only the owner of this rule can change it.")


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
