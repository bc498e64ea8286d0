"""People's addresses that came with a draft: kept beside the log in a table that can be erased, never in an event."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from cr.db import metadata

draft_addresses = sa.Table(
    "draft_addresses",
    metadata,
    sa.Column("draft", postgresql.UUID(as_uuid=True), primary_key=True),
    sa.Column(
        "account_id",
        postgresql.UUID(as_uuid=True),
        sa.ForeignKey("accounts.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    # The payload's private keys (cr.events.payload.PRIVATE) as they came.
    sa.Column("content", postgresql.JSONB, nullable=False),
)


def load(session: Any, draft_id: UUID) -> dict[str, Any]:
    query = sa.select(draft_addresses.c.content).where(draft_addresses.c.draft == draft_id)
    return session.execute(query).scalar_one_or_none() or {}


def save(session: Any, draft_id: UUID, account_id: UUID, content: Mapping[str, Any]) -> None:
    """Replace what is kept for this draft; nothing to keep erases it."""
    if not content:
        erase(session, [draft_id])
        return
    statement = postgresql.insert(draft_addresses).values(draft=draft_id, account_id=account_id, content=dict(content))
    session.execute(
        statement.on_conflict_do_update(index_elements=["draft"], set_={"content": statement.excluded.content})
    )


def erase(session: Any, draft_ids: Collection[UUID]) -> None:
    session.execute(sa.delete(draft_addresses).where(draft_addresses.c.draft.in_(draft_ids)))
