"""What happened to each draft and rule, in words that a person understands."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from cr.catalog import labels, sections
from cr.catalog.sections import BY_KEY, FACETS, MORE
from cr.db import Timestamp
from cr.events import draft as d
from cr.events import rule as r
from cr.events.base import Event
from cr.fingerprint import fingerprint
from cr.projections.base import SHARED, Delete, Insert, Operation, Projection, metadata
from cr.projections.organizers import organizers
from cr.projections.rules import rules

histories = sa.Table(
    "histories",
    metadata,
    sa.Column("originator", postgresql.UUID(as_uuid=True), primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True),
    sa.Column("at", Timestamp, nullable=False),
    sa.Column("actor", postgresql.UUID(as_uuid=True)),
    # Whom the actor made an organizer.
    sa.Column("whom", postgresql.UUID(as_uuid=True)),
    sa.Column("sentence", sa.Text, nullable=False),
    # The rule's revision that this step published.
    sa.Column("revision", sa.BigInteger),
    # Which kind of event it was.
    sa.Column("topic", sa.Text, nullable=False),
)

_FILES = (__file__, sections.__file__, labels.__file__, *labels.ORIGIN_FILES, d.__file__, r.__file__, *SHARED)
PROJECTION = Projection("histories", fingerprint(*_FILES), (histories,))

QUIET = {"currentStep"}
"""Answers that say where somebody is in the flow, not what the rule says."""

SOURCES = {
    "blank": "Started from a blank page.",
    "template": "Started from a template.",
    "revision": "Started from revision {revision} of the published rule.",
    "remix": "Started from another community’s rule.",
    "use-case": "Started from the rule of a use case.",
    "guest": "Started with what was written before signing in.",
}


@PROJECTION.on(d.Erased)
def erased(event: d.Erased, position: int) -> Iterable[Operation]:
    """The sentences quote what people wrote."""
    yield Delete(histories, {"originator": event.originator_id})


@PROJECTION.on(*(each for each in (*d.EVENTS, *r.EVENTS) if each is not d.Erased))
def happened(event: Event, position: int) -> Iterable[Operation]:
    if isinstance(event, d.ExtraAnswered) and event.key in QUIET:
        return
    yield Insert(
        histories,
        {
            "originator": event.originator_id,
            "version": event.originator_version,
            "at": event.at,
            "actor": event.actor,
            "whom": event.organizer
            if isinstance(event, r.OrganizerJoined) and event.organizer != event.actor
            else None,
            "sentence": told(event),
            "revision": published_revision(event),
            "topic": event.TOPIC,
        },
    )


def published_revision(event: Event) -> int | None:
    if isinstance(event, r.Published):
        return 1
    return event.revision if isinstance(event, r.Revised | d.Published) else None


def told(event: Event) -> str:
    """The sentence for one event. What the words were before and after is for whoever replays the log to show."""
    match event:
        case d.Started():
            return _started(event)
        case d.Named(title=title):
            return f"Named it “{title}”." if title else "Took the name away."
        case d.Summarized(summary=text):
            return _wrote("the summary", text)
        case d.ContextWritten(context=text):
            return _wrote("what the community is about", text)
        case d.CommunityDescribed():
            return f"Answered the question about the community’s {FACETS.get(event.facet, event.facet)}."
        case d.PhotoAttached(url=url):
            return "Attached a photo." if url else "Took the photo off."
        case d.PhotoDescribed(words=words):
            return _wrote("what the photo shows", words)
        case d.ValueChosen():
            return f"Added the value {event.label}."
        case d.ValueDropped():
            return f"Dropped the value {event.label}."
        case d.ValuesOrdered():
            return "Put the values in another order."
        case d.ValueDescribed():
            return f"Described the value {event.label}."
        case d.MethodChosen():
            return f"Added {event.label} to {_section(event.section)}."
        case d.MethodDropped():
            return f"Dropped {event.label} from {_section(event.section)}."
        case d.MethodsOrdered():
            return f"Put {_section(event.section)} in another order."
        case d.MethodDescribed():
            return f"Described {event.label} in {_section(event.section)}."
        case d.CustomMethodWritten():
            gone = event.meta is None and event.blocks is None
            return f"Took the words for {event.label} away." if gone else f"Wrote {event.label} in your own words."
        case d.ExtraAnswered():
            name = "the group’s own sections" if event.key == "sections" else f"“{event.key}”"
            return f"Changed {name}." if event.given else f"Took {name} away."
        case d.Restored(undid=int(number)):
            return f"Undid entry {number}."
        case d.Restored():
            return f"Restored the version of entry {event.version}."
        case d.Rebased():
            return f"Went on from revision {event.revision} of the published rule."
        case d.Published():
            return f"Published it as revision {event.revision}."
        case d.Discarded():
            return "Discarded the draft."
        case d.WriterJoined():
            return "Joined to write this draft."
        case d.WriterRemoved():
            return "No longer writes this draft." if event.writer == event.actor else "Removed a writer."
        case d.PassedOn():
            return "Passed the draft on to another writer."
        case r.Published():
            return "Published the rule, copied from another one." if event.copied_from else "Published the rule."
        case r.Revised():
            return f"Published revision {event.revision}."
        case r.Withdrawn():
            return f"Withdrew the rule: {event.reason}" if event.reason else "Withdrew the rule."
        case r.OwnerReleased():
            return "The owner left. The rule stays."
        case r.OwnerPassedOn():
            took = event.owner == event.actor
            return "Became the owner, for there was none." if took else "Handed the rule over to another organizer."
        case r.OrganizerJoined():
            joined = event.organizer == event.actor
            return "Joined as an organizer." if joined else "Made a writer of the draft an organizer."
        case r.OrganizerRemoved():
            left = event.organizer == event.actor
            return "No longer takes part as an organizer." if left else "Removed an organizer."
        case r.StakeholderInvited():
            return "Invited a stakeholder."
        case r.StakeholderAccepted():
            return "Accepted the invitation."
        case r.StakeholderRemoved():
            return "Removed a stakeholder."
        case r.StakeholderLeft():
            return "No longer takes part as a stakeholder."
    raise AssertionError(f"no words for {event!r}")


def _started(event: d.Started) -> str:
    """With the name of the template or use case, where the catalogue that comes with the code has it."""
    of = event.of or ""
    if event.source == "template" and of in labels.TEMPLATES:
        return f"Started from the template “{labels.TEMPLATES[of]}”."
    if event.source == "use-case" and of in labels.USE_CASES:
        return f"Started from the rule of {labels.USE_CASES[of]}, a use case."
    return SOURCES[event.source].format(revision=event.revision)


def _wrote(what: str, text: str | None) -> str:
    return f"Wrote {what}." if text else f"Took {what} away."


def _section(key: str) -> str:
    return "its own sections" if key == MORE.key else BY_KEY[key].name.lower()


def of(session: Session, originator: UUID, *, before: int | None = None, limit: int) -> Sequence[Any]:
    """The newest `limit` entries first; of versions before `before`, to page through a long history."""
    query = sa.select(histories).where(histories.c.originator == originator)
    if before is not None:
        query = query.where(histories.c.version < before)
    return session.execute(query.order_by(histories.c.version.desc()).limit(limit)).all()


def find(session: Session, originator: UUID, version: int) -> Any:
    """One entry's row, or None."""
    query = sa.select(histories).where(histories.c.originator == originator, histories.c.version == version)
    return session.execute(query).one_or_none()


def owners(session: Session, rule_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """{rule: the account that owns it, or owned it last}."""
    rule, released = histories.c.originator, histories.c.topic == r.OwnerReleased.TOPIC
    gone = sa.select(rule, histories.c.actor).where(rule.in_(rule_ids), released)
    last = gone.ext(postgresql.distinct_on(rule)).order_by(rule, histories.c.version.desc()).subquery()
    query = sa.select(rules.c.id, sa.func.coalesce(rules.c.owner, last.c.actor))
    query = query.outerjoin(last, last.c.originator == rules.c.id).where(rules.c.id.in_(rule_ids))
    return {rule_id: owner for rule_id, owner in session.execute(query) if owner}


WROTE = histories.c.topic.not_in([each.TOPIC for each in d.PEOPLE])
"""Of an entry of a draft: its actor wrote in it."""


def wrote_in(session: Session, draft_ids: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """{draft: the accounts that wrote in it, who did so last first}"""
    here = (histories.c.originator, histories.c.actor)
    query = sa.select(*here).where(here[0].in_(draft_ids), here[1].is_not(None), WROTE).group_by(*here)
    return _gathered(session.execute(query.order_by(sa.func.max(histories.c.version).desc())))


def actors(session: Session, rule_ids: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """{rule: the accounts that acted as its organizers or were made some, in the order of their first appearance}, as
    `cr.audit.public` numbers them.
    """
    acted = sa.select(histories.c.originator, histories.c.actor, histories.c.version).where(
        histories.c.originator.in_(rule_ids),
        histories.c.actor.is_not(None),
        histories.c.topic.not_in([each.TOPIC for each in r.BY_STAKEHOLDERS]),
    )
    came = sa.select(organizers.c.rule, organizers.c.account, organizers.c.version)
    # Who makes another an organizer has appeared before, so no event is the first one of two.
    seen = acted.union_all(came.where(organizers.c.rule.in_(rule_ids))).subquery()
    query = sa.select(seen.c.originator, seen.c.actor).group_by(seen.c.originator, seen.c.actor)
    return _gathered(session.execute(query.order_by(sa.func.min(seen.c.version))))


def _gathered(rows: Iterable[Any]) -> dict[UUID, list[UUID]]:
    """{originator: the actors beside it, in their order}"""
    found: dict[UUID, list[UUID]] = {}
    for originator, actor in rows:
        found.setdefault(originator, []).append(actor)
    return found
