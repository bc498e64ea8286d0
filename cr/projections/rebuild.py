"""Making read models anew from the log, and checking that the live ones say what the log says.

A rebuild fills new tables in a schema of its own while the old ones go on being read and written, catches up with what
is appended meanwhile, and swaps at the end while appends wait for a moment. One that is killed leaves the old tables
as they were; the next one starts afresh.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from eventsourcing.persistence import Notification
from pyramid.events import ApplicationCreated

from cr import page_cache
from cr.db import Timestamp, metadata
from cr.events.base import JsonMapper, Recorded
from cr.events.store import events, read, safe_head
from cr.projections import ALL
from cr.projections.base import Buffer, Projection

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""Called now and then with (position reached, position to reach)."""

projections = sa.Table(
    "projections",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("rebuilt_at", Timestamp, nullable=False, server_default=sa.func.now()),
)
"""Which version of each read model the live tables are, and up to where the log had been replayed when they were made;
everything later was written by the commands themselves."""

CLOSE_ENOUGH = 200
"""Events. The last ones are replayed while appends wait, which is a second at most."""

REBUILD_LOCK = 7_301_002

SCRATCH = "rebuild"
"""Schema of the tables in the making."""

PATIENCE = "300ms"
"""How long a rebuild waits for a lock, while everybody who wants it after us waits too. Shorter than the second after
which PostgreSQL looks for deadlocks: ours is the side that steps back and tries again."""

BUSY = ("55P03", "40P01")
"""lock_not_available, deadlock_detected"""

_mapper = JsonMapper()


class RebuildRunning(Exception):
    """Another rebuild or check of this database is under way."""


@dataclass(frozen=True)
class Status:
    """`built` None: never. `stale`: the code would make other rows than the table holds."""

    name: str
    wanted: str
    built: str | None
    position: int | None
    rebuilt_at: datetime | None
    head: int
    rows: int | None

    @property
    def stale(self) -> bool:
        return self.built != self.wanted


def status(connection: sa.Connection) -> list[Status]:
    head = connection.scalar(sa.select(sa.func.coalesce(sa.func.max(events.c.position), 0))) or 0
    known = {row.name: row for row in connection.execute(sa.select(projections))}
    result = []
    for projection in ALL:
        row = known.get(projection.name)
        rows = None
        if row is not None:
            rows = connection.scalar(sa.select(sa.func.count()).select_from(projection.tables[0]))
        result.append(
            Status(
                name=projection.name,
                wanted=projection.version,
                built=row.version if row else None,
                position=row.position if row else None,
                rebuilt_at=row.rebuilt_at if row else None,
                head=head,
                rows=rows,
            )
        )
    return result


def stale(connection: sa.Connection) -> list[Projection]:
    """The read models that the code would make differently from what the tables hold."""
    built = dict(connection.execute(sa.select(projections.c.name, projections.c.version)).all())
    return [projection for projection in ALL if built.get(projection.name) != projection.version]


def rebuild(engine: sa.Engine, chosen: Sequence[Projection], progress: Progress = lambda done, head: None) -> int:
    """Replay the whole log into the chosen read models; the number of events replayed.

    Raises `RebuildRunning` when another one is at it.
    """
    with _alone(engine):
        return _rebuild(engine, chosen, progress)


@contextmanager
def _alone(engine: sa.Engine) -> Iterator[None]:
    """Raises `RebuildRunning` when another rebuild or check of this database is under way."""
    # A connection of its own holds the lock; it must not sit in a transaction meanwhile.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as guard:
        if not guard.scalar(sa.select(sa.func.pg_try_advisory_lock(REBUILD_LOCK))):
            raise RebuildRunning()
        try:
            yield
        finally:
            guard.execute(sa.select(sa.func.pg_advisory_unlock(REBUILD_LOCK)))


def _rebuild(engine: sa.Engine, chosen: Sequence[Projection], progress: Progress) -> int:
    tables = [table for projection in chosen for table in projection.tables]
    with engine.begin() as connection:
        connection.execute(sa.text(f"DROP SCHEMA IF EXISTS {SCRATCH} CASCADE"))
        connection.execute(sa.text(f"CREATE SCHEMA {SCRATCH}"))
        _create(connection, tables, SCRATCH)
    done = count = 0
    for pause in _pauses():
        try:
            while True:
                head = _safe_head(engine)
                count += _catch_up(engine, chosen, done, head, progress)
                done = head
                if _is_close(engine, head):
                    return count + _swap(engine, chosen, tables, done, progress)
        except sa.exc.OperationalError as error:
            if getattr(error.orig, "pgcode", None) not in BUSY:
                raise
            time.sleep(pause)
    raise AssertionError("unreachable: pauses never end")


def _pauses() -> Iterator[float]:
    """Seconds between attempts to swap, growing to five."""
    yield from (0.05 * 2**attempt for attempt in range(6))
    while True:
        yield 5.0


def _safe_head(engine: sa.Engine) -> int:
    with engine.begin() as connection:
        connection.execute(sa.text(f"SET LOCAL lock_timeout = '{PATIENCE}'"))
        return safe_head(connection)


def _catch_up(engine: sa.Engine, chosen: Sequence[Projection], done: int, head: int, progress: Progress) -> int:
    """Replay from behind position `done` up to `head`; the number of events."""
    count = 0
    # Read and written batch by batch, each in a transaction of its own, so that a long replay is no long one.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as source:
        for batch in read(source, after=done, to=head):
            with engine.begin() as target:
                _replay(target, SCRATCH, chosen, batch)
            count += len(batch)
            progress(batch[-1].id, head)
    return count


def _is_close(engine: sa.Engine, head: int) -> bool:
    """Whether few events are behind `head`."""
    ahead = sa.select(events.c.position).where(events.c.position > head).limit(CLOSE_ENOUGH).subquery()
    with engine.connect() as connection:
        return (connection.scalar(sa.select(sa.func.count()).select_from(ahead)) or 0) < CLOSE_ENOUGH


def _swap(
    engine: sa.Engine, chosen: Sequence[Projection], tables: Sequence[sa.Table], done: int, progress: Progress
) -> int:
    """Replay the rest and put the new tables in the place of the old, in one transaction.

    A request that has read a table and is about to append waits for us while we wait for it; giving up soon and
    trying again lets it finish. Raises `OperationalError` with a code of `BUSY` then, and nothing has changed.
    """
    with engine.begin() as connection:
        connection.execute(sa.text(f"SET LOCAL lock_timeout = '{PATIENCE}'"))
        head = safe_head(connection)
        rest = [notification for batch in read(connection, after=done, to=head) for notification in batch]
        _replay(connection, SCRATCH, chosen, rest)
        for table in tables:
            connection.execute(sa.text(f"DROP TABLE IF EXISTS public.{table.name}"))
            connection.execute(sa.text(f"ALTER TABLE {SCRATCH}.{table.name} SET SCHEMA public"))
        for projection in chosen:
            connection.execute(sa.delete(projections).where(projections.c.name == projection.name))
            connection.execute(
                sa.insert(projections).values(name=projection.name, version=projection.version, position=head)
            )
        connection.execute(sa.text(f"DROP SCHEMA {SCRATCH}"))
        page_cache.announce(connection, None)
    progress(head, head)
    return len(rest)


def _create(connection: sa.Connection, tables: Iterable[sa.Table], schema: str) -> None:
    scratch = sa.MetaData()
    for table in tables:
        table.to_metadata(scratch, schema=schema)
    scratch.create_all(connection)


def _replay(
    connection: sa.Connection, schema: str, chosen: Sequence[Projection], batch: Iterable[Notification]
) -> None:
    buffer = Buffer()
    for notification in batch:
        recorded = Recorded(notification.id, _mapper.to_domain_event(notification))
        for projection in chosen:
            for operation in projection.operations(recorded):
                buffer.add(operation)
    buffer.flush(connection, schema)


@dataclass(frozen=True)
class Difference:
    """Rows that only the live table has, and rows that only the log explains."""

    table: str
    unexplained: int
    missing: int


def check(
    engine: sa.Engine, chosen: Sequence[Projection], progress: Progress = lambda done, head: None
) -> list[Difference]:
    """Replay the log into a scratch copy and compare row by row; one `Difference` per table, zeros when equal.

    Everything happens in one snapshot of the database, so that writers are neither stopped nor misread, and is rolled
    back at the end.
    """
    with _alone(engine):
        return _check(engine, chosen, progress)


def _check(engine: sa.Engine, chosen: Sequence[Projection], progress: Progress) -> list[Difference]:
    schema = "rebuild_check"
    tables = [table for projection in chosen for table in projection.tables]
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        # A long log takes long to replay and to compare.
        connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
        connection.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        connection.execute(sa.text(f"CREATE SCHEMA {schema}"))
        _create(connection, tables, schema)
        head = connection.scalar(sa.select(sa.func.coalesce(sa.func.max(events.c.position), 0))) or 0
        for batch in read(connection, after=0, to=head):
            _replay(connection, schema, chosen, batch)
            progress(batch[-1].id, head)
        result = [_difference(connection, table, schema) for table in tables]
        connection.rollback()
    return result


def _difference(connection: sa.Connection, table: sa.Table, schema: str) -> Difference:
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    live = f"SELECT {columns} FROM public.{table.name}"  # noqa: S608 - names from our own metadata
    log = f"SELECT {columns} FROM {schema}.{table.name}"  # noqa: S608
    unexplained, missing = (
        connection.scalar(sa.text(f"SELECT count(*) FROM ({one} EXCEPT ALL {other}) AS d")) or 0  # noqa: S608
        for one, other in ((live, log), (log, live))
    )
    return Difference(table.name, unexplained, missing)


def _say_what_is_stale(event: ApplicationCreated) -> None:
    engine = event.app.registry["cr.engine"]
    if engine is None:
        log.warning("CLOUDRON_POSTGRESQL_URL is not set: every page answers 503 until it is.")
        return
    try:
        with engine.connect() as connection:
            names = [projection.name for projection in stale(connection)]
    except sa.exc.SQLAlchemyError:
        return  # away or not migrated yet: whoever starts the server says so, and every page does
    if names:
        log.warning("Stale until they are rebuilt (cr-projections rebuild --stale): %s", ", ".join(names))


def includeme(config: Any) -> None:
    config.add_subscriber(_say_what_is_stale, ApplicationCreated)
