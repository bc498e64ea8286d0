"""Who writes which rule beside its owner."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from cr.events import rule as r
from cr.fingerprint import fingerprint
from cr.projections import presence
from cr.projections.base import SHARED, Operation, Projection
from cr.projections.rules import page, rules

organizers = presence.table("organizers", "rule")

PROJECTION = Projection("organizers", fingerprint(__file__, presence.__file__, r.__file__, *SHARED), (organizers,))


@PROJECTION.on(r.OrganizerJoined, r.OrganizerRemoved)
def came_or_went(event: r.OrganizerJoined | r.OrganizerRemoved, position: int) -> Iterable[Operation]:
    joined = isinstance(event, r.OrganizerJoined)
    yield presence.row(organizers, "rule", event, event.organizer, joined=joined)


@PROJECTION.on(r.OwnerPassedOn)
def passed_on(event: r.OwnerPassedOn, position: int) -> Iterable[Operation]:
    """Its owner is no organizer beside themself, and who was it is one."""
    yield presence.row(organizers, "rule", event, event.owner, joined=False)
    # Who took a rule that was nobody's was its organizer until then.
    if event.actor and event.actor != event.owner:
        yield presence.row(organizers, "rule", event, event.actor, joined=True)


def includes(session: Session | sa.Connection, rule_id: UUID, account: UUID) -> bool:
    """Whether an account may write a rule: its owner, or an organizer now."""
    owned = sa.exists().where(rules.c.id == rule_id, rules.c.owner == account)
    return bool(session.scalar(sa.select(sa.or_(owned, presence.joined(organizers.c.rule, rule_id, account)))))


def writable(session: Session, rule_ids: Iterable[UUID], account: UUID) -> set[UUID]:
    """As `includes`, of several rules: those that an account may write."""
    ids = set(rule_ids)
    if not ids:
        return set()
    last = presence.last(organizers.c.rule, organizers.c.account == account)
    mine = sa.or_(rules.c.owner == account, rules.c.id.in_(sa.select(last.c.rule).where(last.c.joined)))
    return set(session.scalars(sa.select(rules.c.id).where(rules.c.id.in_(ids), mine)))


def of(session: Session, rule_id: UUID) -> Sequence[Any]:
    """The rows of those who are organizers now, who came first first."""
    last = presence.last(organizers.c.rule, organizers.c.rule == rule_id)
    return session.execute(sa.select(last).where(last.c.joined).order_by(last.c.version)).all()


def several(session: Session, rule_ids: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """{rule: the accounts that organize it now}"""
    return presence.present(session, organizers.c.rule, rule_ids)


def rules_of(session: Session, account: UUID, limit: int | None = None, before: int | None = None) -> Sequence[Any]:
    """The rows of the rules in force that an account is an organizer of now, without its own; as `rules.page`."""
    last = presence.last(organizers.c.rule, organizers.c.account == account)
    query = sa.select(rules).join(last, last.c.rule == rules.c.id).where(last.c.joined, rules.c.status == "published")
    return session.execute(page(query, limit, before)).all()


def fellows(session: Session, account: UUID, *more: UUID) -> set[UUID]:
    """Everybody else who owns or organizes now a rule that an account owns or organizes, or one of `more`."""
    own = sa.select(rules.c.id).where(sa.or_(rules.c.owner == account, rules.c.id.in_(more)))
    here = presence.last(organizers.c.rule, organizers.c.account == account)
    common = own.union(sa.select(here.c.rule).where(here.c.joined)).subquery()
    there = presence.last(organizers.c.rule, only=common)
    owners = sa.select(rules.c.owner).join(common, common.c.id == rules.c.id).where(rules.c.owner.is_not(None))
    return {*session.scalars(owners), *session.scalars(sa.select(there.c.account).where(there.c.joined))} - {account}
