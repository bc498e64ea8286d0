"""Who was invited to be a stakeholder of which rule, and whether they accepted, left or were removed.

Whom an id means is no business of the log: `cr.accounts.stakeholders` knows the addresses.
"""

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
from cr.projections.base import SHARED, Insert, Operation, Projection, Update, metadata
from cr.projections.rules import page, rules

invitations = sa.Table(
    "invitations",
    metadata,
    sa.Column("rule", postgresql.UUID(as_uuid=True), primary_key=True),
    sa.Column("stakeholder", postgresql.UUID(as_uuid=True), primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("invited_at", Timestamp, nullable=False),
    sa.Column("accepted_at", Timestamp),
    # The account that accepted.
    sa.Column("account", postgresql.UUID(as_uuid=True), index=True),
    # When they left or were removed.
    sa.Column("gone_at", Timestamp),
)

PROJECTION = Projection("invitations", fingerprint(__file__, r.__file__, *SHARED), (invitations,))


@PROJECTION.on(r.StakeholderInvited)
def invited(event: r.StakeholderInvited, position: int) -> Iterable[Operation]:
    yield Insert(invitations, {**_key(event), "version": event.originator_version, "invited_at": event.at})


@PROJECTION.on(r.StakeholderAccepted)
def accepted(event: r.StakeholderAccepted, position: int) -> Iterable[Operation]:
    yield Update(invitations, _key(event), {"accepted_at": event.at, "account": event.actor})


@PROJECTION.on(r.StakeholderRemoved, r.StakeholderLeft)
def gone(event: r.StakeholderRemoved | r.StakeholderLeft, position: int) -> Iterable[Operation]:
    yield Update(invitations, _key(event), {"gone_at": event.at})


def _key(event: Any) -> dict[str, UUID]:
    return {"rule": event.originator_id, "stakeholder": event.stakeholder}


def of(session: Session, rule_id: UUID) -> Sequence[Any]:
    """The rows of those who are invited or accepted now, who was invited first first."""
    query = sa.select(invitations).where(invitations.c.rule == rule_id, invitations.c.gone_at.is_(None))
    return session.execute(query.order_by(invitations.c.version, invitations.c.stakeholder)).all()


def accepted_by(session: Session, rule_id: UUID, account: UUID) -> Sequence[UUID]:
    """The stakeholders of a rule that an account is now."""
    query = sa.select(invitations.c.stakeholder).where(
        invitations.c.rule == rule_id, invitations.c.account == account, invitations.c.gone_at.is_(None)
    )
    return session.scalars(query).all()


def rules_of(session: Session, account: UUID, limit: int | None = None, before: int | None = None) -> Sequence[Any]:
    """The rows of the rules in force that an account has accepted to be a stakeholder of, and does not own; as
    `rules.page`.
    """
    accepted = sa.exists().where(
        invitations.c.rule == rules.c.id, invitations.c.account == account, invitations.c.gone_at.is_(None)
    )
    query = sa.select(rules).where(accepted, rules.c.status == "published", rules.c.owner.is_distinct_from(account))
    return session.execute(page(query, limit, before)).all()
