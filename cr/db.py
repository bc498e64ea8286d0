"""The database: one engine per process, one transaction per request.

`request.dbsession` is a SQLAlchemy session joined to `request.tm`, so that everything a request writes, events and rows
alike, is committed together or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg2
import sqlalchemy as sa
import zope.sqlalchemy
from sqlalchemy.orm import Session, sessionmaker

from cr.errors import DatabaseUnavailable
from cr.settings import Settings

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = sa.MetaData(naming_convention=NAMING)
"""Tables that alembic owns: the log and the people. Read models have their own, see `cr.projections.base`."""

Timestamp = sa.DateTime(timezone=True)

CONNECT_TIMEOUT = 5
"""Seconds to wait for a server that doesn't answer: longer than any sane network, shorter than a browser's patience."""

SESSION_OPTIONS = (
    "-c statement_timeout=20s -c lock_timeout=5s -c idle_in_transaction_session_timeout=60s -c timezone=UTC"
)


def create_engine(url: str | sa.URL, connection: Mapping[str, Any] | None = None, **options: Any) -> sa.Engine:
    """An engine whose connections are checked before use, so that a restarted database is noticed.

    `connection`: further parameters of libpq.
    """
    return sa.create_engine(
        url,
        pool_pre_ping=True,
        # What people write has no place in a log of errors.
        hide_parameters=True,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT,
            "application_name": "community-rule",
            "options": SESSION_OPTIONS,
            **(connection or {}),
        },
        **options,
    )


def is_disconnect(error: BaseException) -> bool:
    """Whether `error` says that the database is away, rather than that a statement was wrong."""
    if isinstance(error, sa.exc.TimeoutError):
        return True
    if isinstance(error, sa.exc.DBAPIError):
        if error.connection_invalidated:
            return True
        error = error.orig or error
    if not isinstance(error, psycopg2.Error):
        return False
    # A connection that was never made has no SQLSTATE; class 57 is an operator's shutdown, 08 a lost connection,
    # 53 a server out of connections or memory.
    state = error.pgcode
    if state is None:
        return isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError)
    return str(state)[:2] in ("08", "53") or str(state) in ("57P01", "57P02", "57P03")


START_LOCK = 7_301
"""First key of the locks of `one_at_a_time`; the second says whom or what they are about."""


def one_at_a_time(session: Session | sa.Connection, about: UUID, *, shared: bool = False) -> None:
    """Wait until no other transaction that has called this with the same id is under way; those that have called it
    with `shared` wait only for those that have not.
    """
    second = int.from_bytes(about.bytes[:4], signed=True)
    lock = sa.func.pg_advisory_xact_lock_shared if shared else sa.func.pg_advisory_xact_lock
    session.execute(sa.select(lock(START_LOCK, second)))


@contextmanager
def unhurried(session: Session) -> Iterator[None]:
    """Statements may take as long as they need: for what is seldom done and reads whole tables."""
    session.execute(sa.text("SET LOCAL statement_timeout = 0"))
    yield
    session.execute(sa.text("SET LOCAL statement_timeout TO DEFAULT"))


def _dbsession(request: Any) -> Session:
    factory = request.registry["cr.session_factory"]
    if factory is None:
        raise DatabaseUnavailable()
    session: Session = factory()
    # Without initial_state="changed" a transaction that only wrote through Core would be rolled back at commit.
    zope.sqlalchemy.register(session, transaction_manager=request.tm, initial_state="changed")
    request.add_finished_callback(lambda request: session.close())
    return session


def includeme(config: Any) -> None:
    settings: Settings = config.registry["cr.settings"]
    engine = (
        create_engine(settings.database_url, pool_size=8, max_overflow=4, pool_timeout=5)
        if settings.database_url
        else None
    )
    config.registry["cr.engine"] = engine
    config.registry["cr.session_factory"] = sessionmaker(engine) if engine else None
    config.add_request_method(_dbsession, "dbsession", reify=True)
