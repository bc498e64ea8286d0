"""alembic's entry point. The database is CLOUDRON_POSTGRESQL_URL; its tables are those of `cr.db.metadata`."""

from __future__ import annotations

import os

import sqlalchemy as sa
from alembic import context

# Imported for their tables.
import cr.accounts.draft_addresses
import cr.accounts.guests
import cr.accounts.join_links
import cr.accounts.stakeholders
import cr.accounts.tables
import cr.catalog.store
import cr.events.keys
import cr.events.store
import cr.mail.outbox
import cr.projections.rebuild
import cr.uploads  # noqa: F401
from cr.db import create_engine, metadata
from cr.projections.base import metadata as read_models
from cr.settings import database_url

MIGRATION_LOCK = 7_301_003
"""Two servers that start at once must not both migrate."""


def ours(name: str | None, kind: str, parents: object) -> bool:
    """Read models are made by their rebuild, not by migrations."""
    return not (kind == "table" and name in read_models.tables)


def run(connection: sa.Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, include_name=ours, compare_type=True)
    with context.begin_transaction():
        connection.execute(sa.text("SET LOCAL lock_timeout = '10s'"))
        connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    engine = create_engine(database_url(os.environ))
    with engine.connect() as connection:
        run(connection)
    engine.dispose()
