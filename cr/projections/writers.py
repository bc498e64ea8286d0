"""Who writes which draft of a new rule beside its owner."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from cr.events import draft as d
from cr.fingerprint import fingerprint
from cr.projections import presence
from cr.projections.base import SHARED, Delete, Operation, Projection
from cr.projections.drafts import drafts
from cr.projections.organizers import organizers
from cr.projections.rules import rules

writers = presence.table("writers", "draft")

PROJECTION = Projection("writers", fingerprint(__file__, presence.__file__, d.__file__, *SHARED), (writers,))


@PROJECTION.on(d.WriterJoined, d.WriterRemoved)
def came_or_went(event: d.WriterJoined | d.WriterRemoved, position: int) -> Iterable[Operation]:
    yield presence.row(writers, "draft", event, event.writer, joined=isinstance(event, d.WriterJoined))


@PROJECTION.on(d.PassedOn)
def passed_on(event: d.PassedOn, position: int) -> Iterable[Operation]:
    """Its owner is no writer beside themself."""
    yield presence.row(writers, "draft", event, event.owner, joined=False)


@PROJECTION.on(d.Erased)
def erased(event: d.Erased, position: int) -> Iterable[Operation]:
    yield Delete(writers, {"draft": event.originator_id})


def includes(session: Session, draft_id: UUID, account: UUID) -> bool:
    """Whether the owner of a draft let this account in to write it."""
    return bool(session.scalar(sa.select(presence.joined(writers.c.draft, draft_id, account))))


def of(session: Session, draft_id: UUID) -> Sequence[Any]:
    """The rows of those who write a draft now, who came first first."""
    last = presence.last(writers.c.draft, writers.c.draft == draft_id)
    return session.execute(sa.select(last).where(last.c.joined).order_by(last.c.version)).all()


def several(session: Session, draft_ids: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """{draft: the accounts that write it now}"""
    return presence.present(session, writers.c.draft, draft_ids)


def drafts_of(session: Session, account: UUID) -> Sequence[Any]:
    """The rows of the open drafts of others that an account writes now, last touched first."""
    last = presence.last(writers.c.draft, writers.c.account == account)
    query = sa.select(drafts).join(last, last.c.draft == drafts.c.id).where(last.c.joined, drafts.c.status == "open")
    return session.execute(query.order_by(drafts.c.position.desc())).all()


def with_others(session: Session, account: UUID, limit: int | None = None, before: int | None = None) -> Sequence[Any]:
    """The rows of the open drafts of others that an account may write, last touched first: those that it was let into,
    and next revisions of the rules that it owns or organizes; touched before log position `before` (to page through).
    """
    here = presence.last(writers.c.draft, writers.c.account == account)
    there = presence.last(organizers.c.rule, organizers.c.account == account)
    organized = sa.select(there.c.rule).where(there.c.joined)
    common = sa.select(rules.c.id).where(
        rules.c.status == "published", sa.or_(rules.c.owner == account, rules.c.id.in_(organized))
    )
    let_in = drafts.c.id.in_(sa.select(here.c.draft).where(here.c.joined))
    revised = sa.and_(drafts.c.revises.is_not(None), drafts.c.rule.in_(common))
    query = sa.select(drafts).where(drafts.c.status == "open", drafts.c.owner != account, sa.or_(let_in, revised))
    if before is not None:
        query = query.where(drafts.c.position < before)
    return session.execute(query.order_by(drafts.c.position.desc()).limit(limit)).all()


def fellows(session: Session, account: UUID, *more: UUID) -> set[UUID]:
    """Everybody else who owns or writes now an open draft that an account owns or writes, or one of `more`."""
    still = drafts.c.status == "open"
    own = sa.select(drafts.c.id).where(still, sa.or_(drafts.c.owner == account, drafts.c.id.in_(more)))
    here = presence.last(writers.c.draft, writers.c.account == account)
    written = sa.select(here.c.draft).join(drafts, drafts.c.id == here.c.draft).where(here.c.joined, still)
    common = own.union(written).subquery()
    there = presence.last(writers.c.draft, only=common)
    owners = sa.select(drafts.c.owner).join(common, common.c.id == drafts.c.id)
    return {*session.scalars(owners), *session.scalars(sa.select(there.c.account).where(there.c.joined))} - {account}
