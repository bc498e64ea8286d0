"""An address in the lists of addresses that other people wrote down: whose it is may want it to be nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from cr.accounts.addresses import is_same
from cr.accounts.draft_addresses import draft_addresses
from cr.accounts.guests import guest_saves
from cr.accounts.tables import mailed_links
from cr.events.payload import PRIVATE

WITHOUT_ACCOUNT = (guest_saves.c.payload, mailed_links.c.draft)
"""What is written before signing in, and what is on its way with a link."""

DRAFTS = (draft_addresses.c.content,)


def take_out(session: Any, email: str, columns: Iterable[sa.Column[Any]]) -> None:
    """What the texts themselves say stays as it is."""
    for column in columns:
        _take_out_of(session, column, email)


def _take_out_of(session: Any, column: sa.Column[Any], email: str) -> None:
    table = column.table
    assert isinstance(table, sa.Table)
    keys = list(table.primary_key.columns)
    # Its domain may be written in other letters there. The text itself, for a document may hold what JSONB refuses.
    begins = email.rpartition("@")[0] + "@"
    near = sa.func.strpos(sa.func.lower(sa.cast(column, sa.Text)), begins) > 0
    for *identity, content in session.execute(sa.select(*keys, column).where(near).with_for_update()).all():
        if (left := _without(content, email)) != content:
            here = [key == value for key, value in zip(keys, identity, strict=True)]
            session.execute(sa.update(table).where(*here).values({column: left}))


def _without(content: Mapping[str, Any], email: str) -> dict[str, Any]:
    """What lies in one of the keys that are an address, or a list of them, but for this one."""
    return dict(_kept(content, email))


def _kept(content: Mapping[str, Any], email: str) -> Iterable[tuple[str, Any]]:
    for key, value in content.items():
        if key in PRIVATE and isinstance(value, list):
            yield key, [each for each in value if not is_same(each, email)]
        elif key not in PRIVATE or not is_same(value, email):
            yield key, value
