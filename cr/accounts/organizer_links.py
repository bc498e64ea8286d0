"""Links by which the owner of a rule lets somebody in as an organizer, whom they send them to themselves.

A link works once, for seven days, for the one rule. Whoever has it may use it. A row is a link that still works or has
expired; what was used or withdrawn is erased, so that nobody can tell the one from the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from cr.accounts.tables import Id, purge
from cr.db import Timestamp, metadata, one_at_a_time
from cr.errors import ValidationProblem
from cr.limits import Interval

PURPOSE = "organizer-link"
LIFETIME = timedelta(days=7)
OPEN_MOST = 10
"""Links of one rule that work at the same time."""

organizer_links = sa.Table(
    "organizer_links",
    metadata,
    sa.Column("id", Id, primary_key=True),
    # No foreign key: rules are a read model.
    sa.Column("rule", Id, nullable=False, index=True),
    sa.Column("made_by", Id, sa.ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("token_hash", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("expires_at", Timestamp, nullable=False, index=True),
)


def make(request: Any, rule: UUID) -> str:
    """A new link of the person who is signed in; returns its token, which nobody can find out later.

    Raises `ValidationProblem` when too many are open, and `RateLimited`.
    """
    purge(request.dbsession, organizer_links, request.now)
    one_at_a_time(request.dbsession, rule)
    if len(open_links(request, rule)) >= OPEN_MOST:
        raise ValidationProblem(f"{OPEN_MOST} links are open already. Withdraw one, then make another.")
    account = request.identity.account_id
    request.at_most_once(Interval("organizer-link:account", str(account), 60 * 60, times=30))
    token: str = request.registry["cr.tokens"].make(PURPOSE)
    request.dbsession.execute(
        sa.insert(organizer_links).values(
            id=uuid4(),
            rule=rule,
            made_by=account,
            token_hash=request.registry["cr.tokens"].hash(PURPOSE, token),
            created_at=request.now,
            expires_at=request.now + LIFETIME,
        )
    )
    return token


def open_links(request: Any, rule: UUID) -> Sequence[Any]:
    """The rows of a rule's links that still work, oldest first."""
    query = sa.select(organizer_links).where(*_works(request, rule))
    rows: Sequence[Any] = request.dbsession.execute(query.order_by(organizer_links.c.created_at)).all()
    return rows


def find(request: Any, rule: UUID, token: str, *, lock: bool = False) -> Any:
    """The row of a link to this rule that still works, or None. With `lock` nobody else uses it until the end of the
    transaction: of two who come with the same one, the second finds none.
    """
    tokens = request.registry["cr.tokens"]
    if not tokens.is_ours(PURPOSE, token):
        return None
    query = sa.select(organizer_links).where(
        organizer_links.c.token_hash == tokens.hash(PURPOSE, token), *_works(request, rule)
    )
    return request.dbsession.execute(query.with_for_update() if lock else query).one_or_none()


def erase(request: Any, rule: UUID, link: UUID) -> None:
    """Used or withdrawn: it does not work any more. No matter when there is none."""
    request.dbsession.execute(
        sa.delete(organizer_links).where(organizer_links.c.id == link, organizer_links.c.rule == rule)
    )


def _works(request: Any, rule: UUID) -> tuple[sa.ColumnElement[bool], ...]:
    return (organizer_links.c.rule == rule, organizer_links.c.expires_at > request.now)
