"""The key of each draft, with which its texts are sealed in the log: where the key is erased, nobody reads them again.

An ordinary table: the log itself can't forget.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from cr.db import metadata

draft_keys = sa.Table(
    "draft_keys",
    metadata,
    sa.Column("draft", postgresql.UUID(as_uuid=True), primary_key=True),
    sa.Column("key", sa.LargeBinary, nullable=False),
)
