"""The log: one append-only table in PostgreSQL, written through the caller's own transaction.

`Recorder` is the `eventsourcing` library's persistence interface over that table. Four promises are the database's, not
ours to forget: a version of an aggregate exists once (unique index), a row never changes or goes (trigger), `position`
orders appends, and an append holds a shared advisory lock until its commit (trigger).

That lock is there because positions are handed out before the commit, so that a reader who just asks for "all after the
last one I saw" could miss an event that commits late. `safe_head` takes it exclusively for an instant and so learns a
position below which nothing can appear any more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from functools import lru_cache
from typing import Any
from uuid import UUID

import psycopg2
import sqlalchemy as sa
from eventsourcing.persistence import (
    ApplicationRecorder,
    InfrastructureFactory,
    IntegrityError,
    Notification,
    OperationalError,
    StoredEvent,
    Subscription,
)
from sqlalchemy.dialects import postgresql

from cr.db import Timestamp, metadata

Connect = Callable[[], AbstractContextManager[sa.Connection]]
"""Opens the connection to write through: the request's own, or a transaction of its own for a command at a terminal."""

APPEND_LOCK = 7_301_001
"""Key of the advisory lock that a trigger takes before the first row of an INSERT; migration 0006 says it again."""


def _stored(name: str, *columns: sa.Column[Any]) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        *columns,
        sa.Column("originator_id", postgresql.UUID(as_uuid=True), nullable=False),
        sa.Column("originator_version", sa.BigInteger, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        # Text, not json or jsonb: the bytes stay as they were written and can be hashed.
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("recorded_at", Timestamp, nullable=False, server_default=sa.func.clock_timestamp()),
        sa.UniqueConstraint("originator_id", "originator_version"),
    )


# Triggers, made by migrations, refuse UPDATE, DELETE and TRUNCATE here and lock. Snapshots may go: they only save time.
events = _stored("events", sa.Column("position", sa.BigInteger, sa.Identity(always=True), primary_key=True))
snapshots = _stored("snapshots", sa.Column("position", sa.BigInteger, sa.Identity(always=True), primary_key=True))


@lru_cache(64)
def _append(table: str, rows: int) -> str:
    values = ", ".join(["(%s, %s, %s, %s)"] * rows)
    return (
        f"INSERT INTO {table} (originator_id, originator_version, topic, state) VALUES {values} "  # noqa: S608
        "RETURNING position"
    )


def _appended(connection: sa.Connection, statement: str, values: Sequence[Any]) -> list[int]:
    """The positions of new rows, in the order of VALUES, in which PostgreSQL makes them.

    By the driver's own cursor on the caller's connection, in the caller's transaction: SQLAlchemy's would take three
    times as long in Python, where only one thread runs at a time. What it does besides has to be done here.
    """
    if not connection.in_transaction():
        connection.begin()
    driver = connection.connection
    try:
        with closing(driver.cursor()) as cursor:
            cursor.execute(statement, values)
            return [position for (position,) in cursor.fetchall()]
    except psycopg2.IntegrityError as error:
        raise IntegrityError(str(error)) from error
    except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
        if driver.dbapi_connection is None or driver.dbapi_connection.closed:
            connection.invalidate(error)
        raise OperationalError(str(error)) from error


class Recorder(ApplicationRecorder):
    """Appends to and reads from one table of stored events.

    Raises the library's `IntegrityError` when a version exists already (somebody else was faster) and its
    `OperationalError` when the database can't go on; both may be tried again.
    """

    def __init__(self, connect: Connect, table: sa.Table = events, topics: Sequence[str] = ()) -> None:
        """`topics`: read rows of these only."""
        self.connect = connect
        self.table = table
        self._all = sa.select(table.c.originator_id, table.c.originator_version, table.c.topic, table.c.state)
        if topics:
            self._all = self._all.where(table.c.topic.in_(topics))

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        if not stored_events:
            return None
        values: list[Any] = []
        for event in stored_events:
            values += (event.originator_id, event.originator_version, event.topic, event.state.decode())
        with self.connect() as connection:
            return _appended(connection, _append(self.table.name, len(stored_events)), values)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        version = self.table.c.originator_version
        query = self._all.where(self.table.c.originator_id == originator_id)
        if gt is not None:
            query = query.where(version > gt)
        if lte is not None:
            query = query.where(version <= lte)
        query = query.order_by(version.desc() if desc else version).limit(limit)
        with self.connect() as connection:
            return [StoredEvent(*row[:3], row[3].encode()) for row in connection.execute(query)]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        position = self.table.c.position
        query = self._all.add_columns(position)
        if start is not None:
            query = query.where(position >= start if inclusive_of_start else position > start)
        if stop is not None:
            query = query.where(position <= stop)
        if topics:
            query = query.where(self.table.c.topic.in_(topics))
        with self.connect() as connection:
            rows = connection.execute(query.order_by(position).limit(limit))
            return [_notification(row) for row in rows]

    def max_notification_id(self) -> int | None:
        with self.connect() as connection:
            last: int | None = connection.scalar(sa.select(sa.func.max(self.table.c.position)))
            return last

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """Nothing here follows the log from another thread: projections are written with the events themselves."""
        raise NotImplementedError


class Factory(InfrastructureFactory[Any]):
    """Gives the library's `Application` recorders that write through `connect`."""

    def __init__(self, env: Any, connect: Connect) -> None:
        super().__init__(env)
        self.connect = connect

    def aggregate_recorder(self, purpose: str = "events") -> Recorder:
        return Recorder(self.connect)

    def application_recorder(self) -> Recorder:
        return Recorder(self.connect)

    def tracking_recorder(self, tracking_recorder_class: Any = None) -> Any:
        raise NotImplementedError

    def process_recorder(self) -> Any:
        raise NotImplementedError


def safe_head(connection: sa.Connection) -> int:
    """The last position (0 in an empty log), read while no append is under way: nothing will appear at or below it.

    Appends wait until `connection` ends its transaction, so end it at once unless that is what you want.
    """
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(APPEND_LOCK)))
    return connection.scalar(sa.select(sa.func.coalesce(sa.func.max(events.c.position), 0))) or 0


PATIENCE = "300ms"
"""How long those who can wait ask for a lock that appends wait for as well. Shorter than the second after which
PostgreSQL looks for deadlocks: who asks is the side that steps back and tries again."""

BUSY = ("55P03", "40P01")
"""lock_not_available, deadlock_detected"""


def settled_head(engine: sa.Engine) -> int:
    """`safe_head`, for those who have no transaction under way and can wait for an append that takes long."""
    while True:
        try:
            with engine.begin() as connection:
                connection.execute(sa.text(f"SET LOCAL lock_timeout = '{PATIENCE}'"))
                return safe_head(connection)
        except sa.exc.OperationalError as error:
            if getattr(error.orig, "pgcode", None) not in BUSY:
                raise
        time.sleep(0.5)


BATCH_BYTES = 4 * 2**20
"""Of states in one batch: a revision may have half a megabyte, and a thousand of them must not be held at once."""


COLUMNS = (events.c.originator_id, events.c.originator_version, events.c.topic, events.c.state, events.c.position)


def read(
    connection: sa.Connection,
    *,
    after: int,
    to: int,
    batch: int = 1000,
    topics: Sequence[str] = (),
    columns: Sequence[sa.Column[Any]] = COLUMNS,
) -> Iterator[Sequence[Any]]:
    """Rows of the log in order of appending, in batches, from behind position `after` up to and including `to`.

    A batch has at most `batch` rows, and ends with the one that makes it `BATCH_BYTES` long. `topics`: these only.
    """
    wanted = [events.c.position > sa.bindparam("after"), events.c.position <= to]
    if topics:
        wanted.append(events.c.topic.in_(topics))
    next_ones = (
        sa.select(events.c.position, sa.func.octet_length(events.c.state).label("bytes"))
        .where(*wanted)
        .order_by(events.c.position)
        .limit(batch)
        .subquery()
    )
    total = sa.func.sum(next_ones.c.bytes).over(order_by=next_ones.c.position)
    sized = sa.select(next_ones.c.position, (total - next_ones.c.bytes).label("before")).subquery()
    last = sa.select(sa.func.max(sized.c.position)).where(sized.c.before < BATCH_BYTES).scalar_subquery()
    # Up to a position and not joined with positions: the planner then always goes along the index.
    query = sa.select(*columns).where(*wanted, events.c.position <= last).order_by(events.c.position).limit(batch)
    while rows := connection.execute(query, {"after": after}).all():
        yield rows
        after = rows[-1].position


def _notification(row: Any) -> Notification:
    originator_id, originator_version, topic, state, position = row
    return Notification(originator_id, originator_version, topic, state.encode(), position)
