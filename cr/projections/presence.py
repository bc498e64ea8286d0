"""The shape of read models that say who writes what beside its owner.

They hold every coming and going, of which the last one counts. One event may be of two people: one comes, one goes.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from cr.db import Timestamp
from cr.events.base import Event
from cr.projections.base import Insert, metadata


def table(name: str, thing: str) -> sa.Table:
    """The column `thing` is the id of what somebody came to."""
    return sa.Table(
        name,
        metadata,
        sa.Column(thing, postgresql.UUID(as_uuid=True), primary_key=True),
        sa.Column("version", sa.BigInteger, primary_key=True),
        sa.Column("account", postgresql.UUID(as_uuid=True), primary_key=True),
        sa.Column("joined", sa.Boolean, nullable=False),
        sa.Column("at", Timestamp, nullable=False),
        sa.Index(None, "account", thing, "version"),
    )


def row(table: sa.Table, thing: str, event: Event, account: UUID, *, joined: bool) -> Insert:
    return Insert(
        table,
        {
            thing: event.originator_id,
            "version": event.originator_version,
            "account": account,
            "joined": joined,
            "at": event.at,
        },
    )


def last(thing: sa.Column[Any], *where: sa.ColumnElement[bool], only: sa.FromClause | None = None) -> sa.Subquery:
    """The last row of everybody in each thing: who is there now are those with `joined`. `thing` is the table's column;
    with `only`, a subquery of ids, of these things.
    """
    comings = thing.table
    query = sa.select(comings).where(*where)
    if only is not None:
        query = query.join(only, only.c.id == thing)
    here = (thing, comings.c.account)
    return query.ext(postgresql.distinct_on(*here)).order_by(*here, comings.c.version.desc()).subquery()


def present(session: Any, thing: sa.Column[Any], ids: Collection[UUID]) -> dict[UUID, list[UUID]]:
    """{thing: the accounts that are there now}, by one query however many things there are."""
    found: dict[UUID, list[UUID]] = {each: [] for each in ids}
    if found:
        here = last(thing, thing.in_(ids))
        for row in session.execute(sa.select(here.c[thing.name].label("thing"), here.c.account).where(here.c.joined)):
            found[row.thing].append(row.account)
    return found


def joined(thing: sa.Column[Any], identifier: UUID, account: UUID) -> sa.ColumnElement[bool]:
    """Whether the account is there now."""
    comings = thing.table
    query = sa.select(comings.c.joined).where(thing == identifier, comings.c.account == account)
    newest = query.order_by(comings.c.version.desc()).limit(1).scalar_subquery()
    return sa.func.coalesce(newest, False)
