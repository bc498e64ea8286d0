"""What people are called in public."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from cr.accounts.tables import accounts


def names(session: Any, ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """The display names of those of these accounts that have one."""
    wanted = {each for each in ids if each is not None}
    if not wanted:
        return {}
    query = sa.select(accounts.c.id, accounts.c.display_name).where(accounts.c.id.in_(wanted))
    return {row.id: name for row in session.execute(query) if (name := (row.display_name or "").strip())}
