"""Published rules as lists show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from cr.db import Timestamp
from cr.events import rule as r
from cr.fingerprint import fingerprint
from cr.projections.base import SHARED, Insert, Operation, Projection, Update, metadata

rules = sa.Table(
    "rules",
    metadata,
    sa.Column("id", postgresql.UUID(as_uuid=True), primary_key=True),
    sa.Column("owner", postgresql.UUID(as_uuid=True)),
    sa.Column("owner_since", Timestamp),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("summary", sa.Text),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("updated_at", Timestamp, nullable=False),
    # None: by the site's operators.
    sa.Column("withdrawn_by", postgresql.UUID(as_uuid=True)),
    sa.Column("reason", sa.Text),
    # The rule whose text it began with.
    sa.Column("copied_from", postgresql.UUID(as_uuid=True), index=True),
    sa.Column("copied_revision", sa.BigInteger),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Index(None, "status", "position"),
    sa.Index(None, "owner", "position"),
)

PROJECTION = Projection("rules", fingerprint(__file__, r.__file__, *SHARED), (rules,))


@PROJECTION.on(r.Published)
def published(event: r.Published, position: int) -> Iterable[Operation]:
    yield Insert(
        rules,
        {
            "id": event.originator_id,
            "owner": event.actor,
            "owner_since": event.at,
            "status": "published",
            "version": event.originator_version,
            "revision": 1,
            "title": event.title,
            "summary": event.summary,
            "created_at": event.at,
            "updated_at": event.at,
            "copied_from": event.copied_from,
            "copied_revision": event.copied_revision,
            "position": position,
        },
    )


@PROJECTION.on(r.Revised)
def revised(event: r.Revised, position: int) -> Iterable[Operation]:
    yield Update(
        rules,
        {"id": event.originator_id},
        {
            "version": event.originator_version,
            "revision": event.revision,
            "title": event.title,
            "summary": event.summary,
            "updated_at": event.at,
            "position": position,
        },
    )


@PROJECTION.on(r.Withdrawn)
def withdrawn(event: r.Withdrawn, position: int) -> Iterable[Operation]:
    yield Update(
        rules,
        {"id": event.originator_id},
        {
            "version": event.originator_version,
            "status": "withdrawn",
            "withdrawn_by": event.actor,
            "reason": event.reason,
            "updated_at": event.at,
            "position": position,
        },
    )


@PROJECTION.on(r.OwnerReleased)
def owner_released(event: r.OwnerReleased, position: int) -> Iterable[Operation]:
    yield _owned(event, None, None)


@PROJECTION.on(r.OwnerPassedOn)
def owner_passed_on(event: r.OwnerPassedOn, position: int) -> Iterable[Operation]:
    yield _owned(event, event.owner, event.at)


def _owned(event: r.RuleEvent, owner: UUID | None, since: datetime | None) -> Update:
    values = {"owner": owner, "owner_since": since, "version": event.originator_version}
    return Update(rules, {"id": event.originator_id}, values)


@PROJECTION.on(*r.PEOPLE)
def people_changed(event: r.RuleEvent, position: int) -> Iterable[Operation]:
    yield Update(rules, {"id": event.originator_id}, {"version": event.originator_version})


def find(session: Session, rule_id: UUID) -> Any:
    """The rule's row, withdrawn or not, or None."""
    return session.execute(sa.select(rules).where(rules.c.id == rule_id)).one_or_none()


def several(session: Session, rule_ids: Iterable[UUID]) -> dict[UUID, Any]:
    """As `find`, of several rules by their ids."""
    ids = set(rule_ids)
    if not ids:
        return {}
    return {row.id: row for row in session.execute(sa.select(rules).where(rules.c.id.in_(ids)))}


def last_touched(
    session: Session, limit: int, *, owner: UUID | None = None, before: int | None = None
) -> Sequence[Any]:
    """Rules in force, last touched first; of one owner; touched before log position `before` (to page through)."""
    query = sa.select(rules).where(rules.c.status == "published")
    if owner is not None:
        query = query.where(rules.c.owner == owner)
    return session.execute(page(query, limit, before)).all()


def owned(session: Session, owner: UUID) -> Sequence[Any]:
    """Every rule that is a person's, withdrawn or not, the first one first."""
    query = sa.select(rules).where(rules.c.owner == owner)
    return session.execute(query.order_by(rules.c.created_at, rules.c.id)).all()


def page(query: sa.Select[Any], limit: int | None = None, before: int | None = None) -> sa.Select[Any]:
    """Of a query of rules, these: last touched first; touched before log position `before` (to page through)."""
    if before is not None:
        query = query.where(rules.c.position < before)
    return query.order_by(rules.c.position.desc()).limit(limit)


def last_change(session: Session) -> datetime | None:
    """When any rule was published, revised or withdrawn last; None when there is none."""
    found: datetime | None = session.scalar(sa.select(sa.func.max(rules.c.updated_at)))
    return found


def copies(session: Session, rule_id: UUID, limit: int, before: int | None = None) -> Sequence[Any]:
    """Rules in force that began with this one's text, last touched first, as `last_touched`."""
    query = sa.select(rules).where(rules.c.copied_from == rule_id, rules.c.status == "published")
    return session.execute(page(query, limit, before)).all()


def last_withdrawn(session: Session, limit: int) -> Sequence[Any]:
    query = sa.select(rules).where(rules.c.status == "withdrawn")
    return session.execute(query.order_by(rules.c.position.desc()).limit(limit)).all()
