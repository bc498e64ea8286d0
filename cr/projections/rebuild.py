"""Making read models anew from the log, and checking that the live ones say what the log says.

A rebuild fills new tables in a schema of its own while the old ones go on being read and written, catches up with what
is appended meanwhile, and swaps at the end while appends wait for a moment. One that is stopped leaves the old tables
as they were; the next one goes on from there, if it is to make the same read models in the same versions.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from pyramid.events import ApplicationCreated

from cr import page_cache
from cr.db import NAMING, Timestamp, metadata
from cr.events.base import recorded
from cr.events.keys import keys_of
from cr.events.store import BUSY, PATIENCE, events, read, safe_head, settled_head
from cr.projections import ALL
from cr.projections.base import Buffer, Projection
from cr.projections.helper import Helper

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

progress_table = sa.Table(
    "progress",
    sa.MetaData(schema=SCRATCH),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    # The server's process that holds the rebuild's lock: without it the rebuild is not running any more.
    sa.Column("guard", sa.BigInteger, nullable=False),
)
"""How far the tables in the making are; written in the same transactions as their rows."""

BATCH = 5000
"""Events replayed in one transaction."""

WORTH_HELP = 20_000
"""Positions. With fewer to replay a process of its own would start longer than it works."""


class RebuildRunning(Exception):
    """Another rebuild or check of this database is under way."""


@dataclass(frozen=True)
class Status:
    """`built` None: never. `stale`: the code would make other rows than the table holds.

    `position` is up to where the log is in rows of the version that the code wants: the head when the live table has
    it, for its rows are written with their events; otherwise what a rebuild has `reached` that runs or was stopped.
    `lag` is what is missing, counted in positions, which have gaps: there are as many events at most.

    `rows` is the database's own estimate, None where it has none yet. `reached` is the position up to which a rebuild
    has made the wanted version, None without one; `running` whether that rebuild is at it now.
    """

    name: str
    wanted: str
    built: str | None
    rebuilt_at: datetime | None
    rebuilt_at_position: int | None
    head: int
    rows: int | None
    reached: int | None
    running: bool

    @property
    def stale(self) -> bool:
        return self.built != self.wanted

    @property
    def position(self) -> int:
        return (self.reached or 0) if self.stale else self.head

    @property
    def lag(self) -> int:
        return self.head - self.position


def status(connection: sa.Connection, *, count: bool = False) -> list[Status]:
    """How each read model stands. Cheap, however long the log is, unless rows are to be counted."""
    head = connection.scalar(sa.select(sa.func.coalesce(sa.func.max(events.c.position), 0))) or 0
    known = {row.name: row for row in connection.execute(sa.select(projections))}
    making = {row.name: row for row in _making(connection)}
    result = []
    for projection in ALL:
        row, made = known.get(projection.name), making.get(projection.name)
        result.append(
            Status(
                name=projection.name,
                wanted=projection.version,
                built=row.version if row else None,
                rebuilt_at=row.rebuilt_at if row else None,
                rebuilt_at_position=row.position if row else None,
                head=head,
                rows=_rows(connection, projection.tables[0], count=count) if row else None,
                reached=made.position if made and made.version == projection.version else None,
                running=made is not None and made.running,
            )
        )
    return result


def _rows(connection: sa.Connection, table: sa.Table, *, count: bool) -> int | None:
    if count:
        return connection.scalar(sa.select(sa.func.count()).select_from(table))
    estimate = sa.text("SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(:name)")
    rows: int | None = connection.scalar(estimate, {"name": f"public.{table.name}"})
    return rows if rows is None or rows >= 0 else None


def _making(connection: sa.Connection) -> Sequence[Any]:
    """Rows of `progress_table`, with `running`; nothing where no rebuild runs or was stopped."""
    holders = sa.text("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = :lock AND granted")
    try:
        with connection.begin_nested():
            if connection.scalar(sa.text(f"SELECT to_regclass('{progress_table}')")) is None:
                return ()
            guards = connection.scalars(holders, {"lock": REBUILD_LOCK}).all()
            return connection.execute(
                sa.select(progress_table, progress_table.c.guard.in_(guards).label("running"))
            ).all()
    except sa.exc.ProgrammingError:
        return ()  # it ended while we looked, or this role may not look


def stale(connection: sa.Connection) -> list[Projection]:
    """The read models that the code would make differently from what the tables hold."""
    built = dict(connection.execute(sa.select(projections.c.name, projections.c.version)).all())
    return [projection for projection in ALL if built.get(projection.name) != projection.version]


def rebuild(engine: sa.Engine, chosen: Sequence[Projection], progress: Progress = lambda done, head: None) -> int:
    """Replay the log into the chosen read models; the number of events behind where it began.

    Raises `RebuildRunning` when another one is at it.
    """
    with _alone(engine) as guard:
        return _rebuild(engine, guard, chosen, progress)


@contextmanager
def _alone(engine: sa.Engine) -> Iterator[int]:
    """Gives the server's process that holds the lock.

    Raises `RebuildRunning` when another rebuild or check of this database is under way.
    """
    # A connection of its own holds the lock; it must not sit in a transaction meanwhile.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as guard:
        if not guard.scalar(sa.select(sa.func.pg_try_advisory_lock(REBUILD_LOCK))):
            raise RebuildRunning()
        try:
            process: int = guard.execute(sa.select(sa.func.pg_backend_pid())).scalar_one()
            yield process
        finally:
            guard.execute(sa.select(sa.func.pg_advisory_unlock(REBUILD_LOCK)))


def _rebuild(engine: sa.Engine, guard: int, chosen: Sequence[Projection], progress: Progress) -> int:
    tables = [table for projection in chosen for table in projection.tables]
    start = _begin(engine, guard, chosen, tables)
    ready = False
    for pause in _pauses():
        try:
            while True:
                head = settled_head(engine)
                _catch_up(engine, chosen, head, progress)
                if not ready:
                    _make_ready(engine, tables)
                    ready = True
                if _is_close(engine, head):
                    end = _swap(engine, chosen, tables, head)
                    progress(end, end)
                    return _number_of_events(engine, start, end)
        except sa.exc.OperationalError as error:
            if getattr(error.orig, "pgcode", None) not in BUSY:
                raise
            time.sleep(pause)
    raise AssertionError("unreachable: pauses never end")


def _begin(engine: sa.Engine, guard: int, chosen: Sequence[Projection], tables: Sequence[sa.Table]) -> int:
    """Take up the tables that an earlier rebuild was stopped at, else make new ones; the position they reached."""
    wanted = {projection.name: projection.version for projection in chosen}
    with engine.begin() as connection:
        made = _making(connection)
        if {row.name: row.version for row in made} == wanted:
            connection.execute(sa.update(progress_table).values(guard=guard))
            reached: int = min(row.position for row in made)
            return reached
        connection.execute(sa.text(f"DROP SCHEMA IF EXISTS {SCRATCH} CASCADE"))
        connection.execute(sa.text(f"CREATE SCHEMA {SCRATCH}"))
        progress_table.create(connection)
        for name, version in wanted.items():
            connection.execute(sa.insert(progress_table).values(name=name, version=version, position=0, guard=guard))
        _create(connection, tables, SCRATCH)
    return 0


def _pauses() -> Iterator[float]:
    """Seconds between attempts to swap, growing to five."""
    yield from (0.05 * 2**attempt for attempt in range(6))
    while True:
        yield 5.0


def _catch_up(engine: sa.Engine, chosen: Sequence[Projection], head: int, progress: Progress) -> None:
    """Replay up to `head`: what is slow beside the rest, each from where it is."""
    slow = [projection for projection in chosen if projection.slow]
    others = [projection for projection in chosen if not projection.slow]
    with ExitStack() as stack:
        if slow and others and head - _reached(engine, slow) > WORTH_HELP and (os.cpu_count() or 1) > 1:
            helper = stack.enter_context(Helper(engine.url, slow, head))
            replay(engine, others, head, lambda done, head: progress(min(done, _reached(engine, slow)), head))
            while helper.works():
                progress(_reached(engine, slow), head)
        else:
            replay(engine, others, head, progress)
    # A helper that ended early has left the rest to us.
    replay(engine, slow, head, progress)


def _reached(engine: sa.Engine, chosen: Sequence[Projection]) -> int:
    """The position up to which the tables in the making have all of these."""
    names = [projection.name for projection in chosen]
    with engine.connect() as connection:
        lowest = sa.select(sa.func.min(progress_table.c.position)).where(progress_table.c.name.in_(names))
        position: int | None = connection.scalar(lowest)
    return position or 0


def replay(engine: sa.Engine, chosen: Sequence[Projection], head: int, progress: Progress) -> None:
    """Write into the tables in the making what these read models say up to `head`, from where they are."""
    if not chosen:
        return
    done = _reached(engine, chosen)
    # Read and written batch by batch, each in a transaction of its own, so that a long replay is no long one.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as source:
        for batch in read(source, after=done, to=head, batch=BATCH, topics=_topics(chosen)):
            with engine.begin() as target:
                _note(target, chosen, batch[-1].position)
                _replay(target, SCRATCH, chosen, batch)
            progress(batch[-1].position, head)
    with engine.begin() as target:
        _note(target, chosen, head)


def _note(connection: sa.Connection, chosen: Sequence[Projection], position: int) -> None:
    # What is lost in a crash is lost with its rows, and replayed again.
    connection.execute(sa.text("SET LOCAL synchronous_commit = off"))
    names = [projection.name for projection in chosen]
    connection.execute(sa.update(progress_table).where(progress_table.c.name.in_(names)).values(position=position))


def _topics(chosen: Sequence[Projection]) -> Sequence[str]:
    return sorted(set().union(*(projection.topics for projection in chosen)))


def _make_ready(engine: sa.Engine, tables: Sequence[sa.Table]) -> None:
    """Make the indices, which cost less than when they are kept while rows come, and count for the planner."""
    with engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
        for table in _copies(tables, SCRATCH):
            for index in table.indexes:
                index.create(connection, checkfirst=True)
            connection.execute(sa.text(f"ANALYZE {table}"))


def _is_close(engine: sa.Engine, head: int) -> bool:
    """Whether few events are behind `head`."""
    ahead = sa.select(events.c.position).where(events.c.position > head).limit(CLOSE_ENOUGH).subquery()
    with engine.connect() as connection:
        return (connection.scalar(sa.select(sa.func.count()).select_from(ahead)) or 0) < CLOSE_ENOUGH


def _swap(engine: sa.Engine, chosen: Sequence[Projection], tables: Sequence[sa.Table], done: int) -> int:
    """Replay the rest and put the new tables in the place of the old, in one transaction; the last position replayed.

    A request that has read a table and is about to append waits for us while we wait for it; giving up soon and
    trying again lets it finish. Raises `OperationalError` with a code of `BUSY` then, and nothing has changed.
    """
    with engine.begin() as connection:
        connection.execute(sa.text(f"SET LOCAL lock_timeout = '{PATIENCE}'"))
        head = safe_head(connection)
        for batch in read(connection, after=done, to=head):
            _replay(connection, SCRATCH, chosen, batch)
        for table in tables:
            connection.execute(sa.text(f"DROP TABLE IF EXISTS public.{table.name}"))
            connection.execute(sa.text(f"ALTER TABLE {SCRATCH}.{table.name} SET SCHEMA public"))
        for projection in chosen:
            connection.execute(sa.delete(projections).where(projections.c.name == projection.name))
            connection.execute(
                sa.insert(projections).values(name=projection.name, version=projection.version, position=head)
            )
        connection.execute(sa.text(f"DROP SCHEMA {SCRATCH} CASCADE"))
        page_cache.announce(connection, None)
    return head


def _number_of_events(engine: sa.Engine, after: int, to: int) -> int:
    between = sa.select(sa.func.count()).where(events.c.position > after, events.c.position <= to)
    with engine.connect() as connection:
        number: int | None = connection.scalar(between)
    return number or 0


def _create(connection: sa.Connection, tables: Iterable[sa.Table], schema: str) -> None:
    for table in _copies(tables, schema):
        connection.execute(sa.schema.CreateTable(table))


def _copies(tables: Iterable[sa.Table], schema: str) -> list[sa.Table]:
    scratch = sa.MetaData(naming_convention=NAMING)
    return [table.to_metadata(scratch, schema=schema) for table in tables]


def _replay(connection: sa.Connection, schema: str, chosen: Sequence[Projection], batch: Sequence[Any]) -> None:
    """`batch`: rows of the log as `cr.events.store.read` gives them.

    A key that was erased since they were read is no harm: `draft.Erased` stands behind them.
    """
    buffer, keys = Buffer(), keys_of(connection, {row.originator_id for row in batch})
    for row in batch:
        event = recorded(keys, *row)
        for projection in chosen:
            for operation in projection.operations(event):
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
            progress(batch[-1].position, head)
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
