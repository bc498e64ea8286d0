"""What is kept of people. Tokens are kept as hashes only, see `cr.accounts.tokens`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from cr.db import Timestamp, metadata

Id = postgresql.UUID(as_uuid=True)

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("id", Id, primary_key=True),
    # As `cr.accounts.addresses.normalised` writes it.
    sa.Column("email", sa.Text, nullable=False, unique=True),
    sa.Column("display_name", sa.Text),
    sa.Column("created_at", Timestamp, nullable=False),
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("account_id", Id, sa.ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("token_hash", sa.LargeBinary, nullable=False, unique=True),
    # As `cr.accounts.devices` calls it.
    sa.Column("browser", sa.Text),
    sa.Column("created_at", Timestamp, nullable=False),
    # Right to the hour, so that reading a page seldom writes.
    sa.Column("last_seen_at", Timestamp, nullable=False),
    sa.Column("expires_at", Timestamp, nullable=False, index=True),
)

mailed_links = sa.Table(
    "mailed_links",
    metadata,
    # A number that grows: of two links to one address the higher is the newer, even within one instant.
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("account_id", Id, sa.ForeignKey("accounts.id", ondelete="CASCADE"), index=True),
    sa.Column("token_hash", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("browser_hash", sa.LargeBinary),
    sa.Column("next_path", sa.Text),
    # What the browser that asked for it has written without an account, see cr.accounts.guests.
    sa.Column("guest", Id, sa.ForeignKey("guests.id", ondelete="SET NULL"), index=True),
    # JSON, not JSONB: kept as it came, to be handed on once.
    sa.Column("draft", postgresql.JSON(none_as_null=True)),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("expires_at", Timestamp, nullable=False, index=True),
    sa.Column("used_at", Timestamp),
    sa.Index(None, "purpose", "email", "id"),
)

PURGED_AT_ONCE = 100


def purge(dbsession: Any, table: sa.Table, now: datetime) -> int:
    """Erase some rows that have expired, and return how many. Whoever writes a row does this first, so that no second
    process is needed.

    Rows that another transaction holds are left to it: nobody waits here.
    """
    old = sa.select(table.c.id).where(table.c.expires_at <= now).limit(PURGED_AT_ONCE).with_for_update(skip_locked=True)
    erased: int = dbsession.execute(sa.delete(table).where(table.c.id.in_(old))).rowcount
    return erased
