"""The key of each draft, with which its texts are sealed in the log: where the key is erased, nobody reads them again.

An ordinary table: the log itself can't forget.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from cr.db import metadata
from cr.events.sealing import new_key

if TYPE_CHECKING:
    from cr.events.store import Connect

draft_keys = sa.Table(
    "draft_keys",
    metadata,
    sa.Column("draft", postgresql.UUID(as_uuid=True), primary_key=True),
    sa.Column("key", sa.LargeBinary, nullable=False),
)


def keys_of(connection: sa.Connection, drafts: Iterable[UUID]) -> dict[UUID, bytes]:
    """{draft: its key}, by one query, of those that have one."""
    some = sa.literal(list(drafts), postgresql.ARRAY(draft_keys.c.draft.type))
    query = sa.select(draft_keys.c.draft, draft_keys.c.key).where(draft_keys.c.draft == sa.any_(some))
    return {row.draft: row.key for row in connection.execute(query)}


class Keys:
    """The keys as one transaction sees them; each is asked for once."""

    def __init__(self, connect: Connect) -> None:
        self.connect = connect
        self._known: dict[UUID, bytes | None] = {}

    def of(self, draft: UUID) -> bytes | None:
        """None: it was erased, or there was no such draft."""
        if draft not in self._known:
            with self.connect() as connection:
                self._known[draft] = connection.scalar(sa.select(draft_keys.c.key).where(draft_keys.c.draft == draft))
        return self._known[draft]

    def make(self, draft: UUID) -> None:
        key = new_key()
        with self.connect() as connection:
            connection.execute(sa.insert(draft_keys).values(draft=draft, key=key))
        self._known[draft] = key

    def erase(self, drafts: Collection[UUID]) -> None:
        with self.connect() as connection:
            connection.execute(sa.delete(draft_keys).where(draft_keys.c.draft.in_(drafts)))
        self._known |= dict.fromkeys(drafts)
