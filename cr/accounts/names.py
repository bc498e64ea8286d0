"""What people are called beside what they did: a name that they gave themselves, kept with the account, in no event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from cr.accounts.tables import accounts


def names(session: Any, ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """{account: name} of those of the accounts that have one."""
    wanted = {each for each in ids if each is not None}
    if not wanted:
        return {}
    query = sa.select(accounts.c.id, accounts.c.display_name).where(accounts.c.id.in_(wanted))
    return {row.id: name for row in session.execute(query) if (name := (row.display_name or "").strip())}


def called(
    actor: UUID | None, known: Mapping[UUID, str], *, owner: UUID | None = None, reader: UUID | None = None
) -> str:
    """What to write beside what `actor` did to something of `owner`'s; `known` are `names`, `reader` reads it."""
    if actor is None:
        return "The people who run this site"
    if actor == reader:
        return "You"
    return known.get(actor) or ("The owner" if actor == owner else "Another organizer")
