"""Links by which the owner of a rule or of a draft lets somebody in to write it with them.

A link works once, for seven days, for the one rule or draft. Whoever has it may use it. The owner passes it on
themselves, or has it mailed; then the address is kept with it, for them to know whom they invited. A row is a link that
still works or has expired; what was used or withdrawn is erased, so that nobody can tell the one from the other.
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
from cr.mail import outbox, strangers

PURPOSE = "organizer-link"
LIFETIME = timedelta(days=7)
OPEN_MOST = 10
"""Links to one rule or draft that work at the same time."""

join_links = sa.Table(
    "join_links",
    metadata,
    sa.Column("id", Id, primary_key=True),
    # A rule or a draft. No foreign key: both are read models.
    sa.Column("about", Id, nullable=False, index=True),
    sa.Column("made_by", Id, sa.ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("token_hash", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("expires_at", Timestamp, nullable=False, index=True),
    # Whom it was mailed to, as `cr.accounts.addresses.normalised` writes it; None when its owner passes it on.
    sa.Column("email", sa.Text, index=True),
)


def make(request: Any, about: UUID, email: str | None = None) -> tuple[UUID, str]:
    """A new link of the person who is signed in, to be mailed to `email` by the caller if that is given. Returns its id
    and its token, which nobody can find out later.

    Raises `ValidationProblem` when too many are open or one is on its way to that address, and `RateLimited`.
    """
    purge(request.dbsession, join_links, request.now)
    one_at_a_time(request.dbsession, about)
    others = open_links(request, about)
    if email is not None and any(each.email == email for each in others):
        raise ValidationProblem(f"{email} is invited already. Withdraw that invitation, then write to them again.")
    if len(others) >= OPEN_MOST:
        raise ValidationProblem(f"{OPEN_MOST} links are open already. Withdraw one, then make another.")
    account = request.identity.account_id
    request.at_most_once(Interval("organizer-link:account", str(account), 60 * 60, times=30))
    if email is not None:
        # What came too soon does not count for the day.
        request.at_most_once(Interval("join:address", email, 60))
        strangers.count(request, email)
    link_id, token = uuid4(), request.registry["cr.tokens"].make(PURPOSE)
    request.dbsession.execute(
        sa.insert(join_links).values(
            id=link_id,
            about=about,
            made_by=account,
            token_hash=request.registry["cr.tokens"].hash(PURPOSE, token),
            created_at=request.now,
            expires_at=request.now + LIFETIME,
            email=email,
        )
    )
    return link_id, token


def open_links(request: Any, about: UUID) -> Sequence[Any]:
    """The rows of the links that still work, oldest first."""
    query = sa.select(join_links).where(*_works(request, about))
    rows: Sequence[Any] = request.dbsession.execute(query.order_by(join_links.c.created_at)).all()
    return rows


def find(request: Any, about: UUID, token: str, *, lock: bool = False) -> Any:
    """The row of a link to this rule or draft that still works, or None. With `lock` nobody else uses it until the end
    of the transaction: of two who come with the same one, the second finds none.
    """
    tokens = request.registry["cr.tokens"]
    if not tokens.is_ours(PURPOSE, token):
        return None
    query = sa.select(join_links).where(join_links.c.token_hash == tokens.hash(PURPOSE, token), *_works(request, about))
    return request.dbsession.execute(query.with_for_update() if lock else query).one_or_none()


def erase(session: Any, *which: sa.ColumnElement[bool]) -> None:
    """Used or withdrawn: they do not work any more, and what of them still waits to be mailed is not. No matter when
    there are none.
    """
    gone = session.scalars(sa.delete(join_links).where(*which).returning(join_links.c.id)).all()
    outbox.forget(session, about=gone)


def move(session: Any, draft: UUID, rule: UUID) -> None:
    """What was to let somebody into a draft lets them into the rule that it became."""
    session.execute(sa.update(join_links).where(join_links.c.about == draft).values(about=rule))


def _works(request: Any, about: UUID) -> tuple[sa.ColumnElement[bool], ...]:
    return (join_links.c.about == about, join_links.c.expires_at > request.now)
