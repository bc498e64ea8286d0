"""Who is working on what: the lists of drafts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from cr.db import Timestamp
from cr.events import draft as d
from cr.fingerprint import fingerprint
from cr.projections.base import SHARED, Delete, Insert, Operation, Projection, Update, metadata

drafts = sa.Table(
    "drafts",
    metadata,
    sa.Column("id", postgresql.UUID(as_uuid=True), primary_key=True),
    sa.Column("owner", postgresql.UUID(as_uuid=True), nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("title", sa.Text),
    # What it revises, or became when it was published.
    sa.Column("rule", postgresql.UUID(as_uuid=True)),
    sa.Column("revises", sa.BigInteger),
    # Whose text a new rule begins with.
    sa.Column("copied_from", postgresql.UUID(as_uuid=True)),
    sa.Column("copied_revision", sa.BigInteger),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("started_at", Timestamp, nullable=False),
    sa.Column("updated_at", Timestamp, nullable=False),
    # Of the last event: says which of a person's drafts was touched last, in a live table and a rebuilt one alike.
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Index(None, "owner", "position"),
    sa.Index(None, "rule"),
)

# The last event of who began a draft, by which they are found again as what programs call "me": what others write in it
# meanwhile must not put it in the place of the one that its owner is writing.
begun = sa.Table(
    "begun",
    metadata,
    sa.Column("draft", postgresql.UUID(as_uuid=True), primary_key=True),
    sa.Column("account", postgresql.UUID(as_uuid=True), primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Index(None, "account", "position"),
)

PROJECTION = Projection("drafts", fingerprint(__file__, d.__file__, *SHARED), (drafts, begun))


@PROJECTION.on(d.Started)
def started(event: d.Started, position: int) -> Iterable[Operation]:
    revises = event.source == "revision" and event.of is not None
    copies = event.source == "remix" and event.of is not None
    yield Insert(
        drafts,
        {
            "id": event.originator_id,
            "owner": event.owner,
            "status": "open",
            "title": event.payload.get("title"),
            "rule": UUID(event.of) if revises and event.of else None,
            "revises": event.revision if revises else None,
            "copied_from": UUID(event.of) if copies and event.of else None,
            "copied_revision": event.revision if copies else None,
            "version": event.originator_version,
            "started_at": event.at,
            "updated_at": event.at,
            "position": position,
        },
    )
    yield Insert(begun, {"draft": event.originator_id, "account": event.owner, "position": position})


@PROJECTION.on(d.Erased)
def erased(event: d.Erased, position: int) -> Iterable[Operation]:
    yield Delete(drafts, {"id": event.originator_id})
    yield Delete(begun, {"draft": event.originator_id})


@PROJECTION.on(*(each for each in d.EVENTS if each not in (d.Started, d.Erased)))
def touched(event: d.DraftEvent, position: int) -> Iterable[Operation]:
    values: dict[str, Any] = {
        "version": event.originator_version,
        "updated_at": event.at,
        "position": position,
    }
    match event:
        case d.Named():
            values["title"] = event.title
        case d.Restored():
            values["title"] = event.payload.get("title")
            if event.revision:
                values["revises"] = event.revision
        case d.Rebased():
            values |= {"title": event.payload.get("title"), "revises": event.revision}
        case d.Published():
            values |= {"status": "published", "rule": event.rule}
        case d.Discarded():
            values["status"] = "discarded"
        case d.PassedOn():
            values["owner"] = event.owner
    yield Update(drafts, {"id": event.originator_id}, values)
    if event.actor is not None:
        # There is such a row for no one else.
        yield Update(begun, {"draft": event.originator_id, "account": event.actor}, {"position": position})


def find(session: Session, draft_id: UUID) -> Any:
    """The draft's row, or None."""
    return session.execute(sa.select(drafts).where(drafts.c.id == draft_id)).one_or_none()


def open_drafts(session: Session, owner: UUID, limit: int = 50, before: int | None = None) -> Sequence[Any]:
    """A person's open drafts, last touched first; touched before log position `before` (to page through)."""
    query = sa.select(drafts).where(drafts.c.owner == owner, drafts.c.status == "open")
    if before is not None:
        query = query.where(drafts.c.position < before)
    return session.execute(query.order_by(drafts.c.position.desc()).limit(limit)).all()


def all_of(session: Session, owner: UUID) -> Sequence[Any]:
    """Every draft that is a person's, open or not, the first one first."""
    query = sa.select(drafts).where(drafts.c.owner == owner)
    return session.execute(query.order_by(drafts.c.started_at, drafts.c.id)).all()


def revising(session: Session, owner: UUID, rule: UUID, revision: int) -> Any:
    """The row of a person's open draft of the revision that follows `revision`, or None."""
    query = sa.select(drafts).where(drafts.c.owner == owner, drafts.c.status == "open", drafts.c.rule == rule)
    return session.execute(query.where(drafts.c.revises == revision).limit(1)).one_or_none()


def copying(session: Session, owner: UUID, rule: UUID, revision: int) -> Any:
    """The row of a person's open draft that says nothing but what a revision of another rule says, or None."""
    query = sa.select(drafts).where(drafts.c.owner == owner, drafts.c.status == "open", drafts.c.version == 1)
    query = query.where(drafts.c.copied_from == rule, drafts.c.copied_revision == revision)
    return session.execute(query.limit(1)).one_or_none()


def revisers(session: Session, *rules: UUID) -> Sequence[Any]:
    """The rows of everybody's open drafts of next revisions of these rules, last touched first."""
    query = sa.select(drafts).where(drafts.c.rule.in_(rules), drafts.c.status == "open", drafts.c.revises.is_not(None))
    return session.execute(query.order_by(drafts.c.position.desc())).all()


def current(session: Session, owner: UUID) -> Any:
    """The draft that the JSON API calls "me", or None.

    It is the one that they began and touched last, not counting next revisions of published rules. When that one was
    discarded or published there is none: an older draft must not come back in the place of one that the person just
    finished with.
    """
    row = session.execute(
        sa.select(drafts)
        .join(begun, sa.and_(begun.c.draft == drafts.c.id, begun.c.account == drafts.c.owner))
        .where(begun.c.account == owner, drafts.c.revises.is_(None))
        .order_by(begun.c.position.desc())
        .limit(1)
    ).one_or_none()
    return row if row is not None and row.status == "open" else None
