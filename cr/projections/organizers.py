"""Who writes which rule beside its owner: every coming and going, of which the last one counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from cr.db import Timestamp
from cr.events import rule as r
from cr.fingerprint import fingerprint
from cr.projections.base import SHARED, Insert, Operation, Projection, metadata
from cr.projections.rules import rules

organizers = sa.Table(
    "organizers",
    metadata,
    sa.Column("rule", postgresql.UUID(as_uuid=True), primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True),
    sa.Column("account", postgresql.UUID(as_uuid=True), nullable=False),
    sa.Column("joined", sa.Boolean, nullable=False),
    sa.Column("at", Timestamp, nullable=False),
    sa.Index(None, "account", "rule", "version"),
)

PROJECTION = Projection("organizers", fingerprint(__file__, r.__file__, *SHARED), (organizers,))


@PROJECTION.on(r.OrganizerJoined, r.OrganizerRemoved)
def came_or_went(event: r.OrganizerJoined | r.OrganizerRemoved, position: int) -> Iterable[Operation]:
    yield Insert(
        organizers,
        {
            "rule": event.originator_id,
            "version": event.originator_version,
            "account": event.organizer,
            "joined": isinstance(event, r.OrganizerJoined),
            "at": event.at,
        },
    )


def includes(session: Session, rule_id: UUID, account: UUID) -> bool:
    """Whether an account may write a rule: its owner, or an organizer now."""
    last = (
        sa.select(organizers.c.joined)
        .where(organizers.c.rule == rule_id, organizers.c.account == account)
        .order_by(organizers.c.version.desc())
        .limit(1)
        .scalar_subquery()
    )
    owned = sa.exists().where(rules.c.id == rule_id, rules.c.owner == account)
    return bool(session.scalar(sa.select(sa.or_(owned, sa.func.coalesce(last, False)))))


def of(session: Session, rule_id: UUID) -> Sequence[Any]:
    """The rows of those who are organizers now, who came first first."""
    last = (
        sa.select(organizers)
        .where(organizers.c.rule == rule_id)
        .ext(postgresql.distinct_on(organizers.c.account))
        .order_by(organizers.c.account, organizers.c.version.desc())
        .subquery()
    )
    return session.execute(sa.select(last).where(last.c.joined).order_by(last.c.version)).all()


def rules_of(session: Session, account: UUID) -> Sequence[Any]:
    """The rows of the rules in force that an account is an organizer of now, without its own, last touched first."""
    last = (
        sa.select(organizers)
        .where(organizers.c.account == account)
        .ext(postgresql.distinct_on(organizers.c.rule))
        .order_by(organizers.c.rule, organizers.c.version.desc())
        .subquery()
    )
    query = sa.select(rules).join(last, last.c.rule == rules.c.id).where(last.c.joined, rules.c.status == "published")
    return session.execute(query.order_by(rules.c.position.desc())).all()


def fellows(session: Session, account: UUID, *more: UUID) -> set[UUID]:
    """Everybody else who owns or organizes now a rule that an account owns or organizes, or one of `more`."""
    own = sa.select(rules.c.id).where(sa.or_(rules.c.owner == account, rules.c.id.in_(more)))
    here = (
        sa.select(organizers)
        .where(organizers.c.account == account)
        .ext(postgresql.distinct_on(organizers.c.rule))
        .order_by(organizers.c.rule, organizers.c.version.desc())
        .subquery()
    )
    common = own.union(sa.select(here.c.rule).where(here.c.joined)).subquery()
    there = (
        sa.select(organizers)
        .join(common, common.c.id == organizers.c.rule)
        .ext(postgresql.distinct_on(organizers.c.rule, organizers.c.account))
        .order_by(organizers.c.rule, organizers.c.account, organizers.c.version.desc())
        .subquery()
    )
    owners = sa.select(rules.c.owner).join(common, common.c.id == rules.c.id).where(rules.c.owner.is_not(None))
    return {*session.scalars(owners), *session.scalars(sa.select(there.c.account).where(there.c.joined))} - {account}
