"""Signed-in browsers. A person may have several; each ends by itself after 30 days, or when it is signed out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from cr.accounts import Identity, devices
from cr.accounts.tables import accounts, purge, sessions
from cr.errors import DatabaseUnavailable

PURPOSE = "session"
LIFETIME = timedelta(days=30)
SEEN_STEP = timedelta(hours=1)

LOCK_NOT_AVAILABLE = "55P03"
HELD = "Your account is being changed or deleted in another window, so nothing was done here. Try again in a moment."


def start(request: Any, account_id: UUID) -> str:
    """A fresh session; returns the token that its browser is to carry."""
    purge(request.dbsession, sessions, request.now)
    token: str = request.registry["cr.tokens"].make(PURPOSE)
    request.dbsession.execute(
        sa.insert(sessions).values(
            id=uuid4(),
            account_id=account_id,
            token_hash=_hash(request, token),
            browser=devices.described(request.user_agent),
            created_at=request.now,
            last_seen_at=request.now,
            expires_at=request.now + LIFETIME,
        )
    )
    return token


def find(request: Any, token: str) -> Identity | None:
    """Whose session it is, by one read; None for a token of no living session, without a read for one we never made.

    Raises `DatabaseUnavailable` when the account is being changed or deleted, and that takes long.
    """
    if not request.registry["cr.tokens"].is_ours(PURPOSE, token):
        return None
    try:
        if request.takes_turns:
            _wait_for_turn(request, token)
        row = _read(request, token)
    except sa.exc.OperationalError as error:
        if getattr(error.orig, "pgcode", None) != LOCK_NOT_AVAILABLE:
            raise
        raise DatabaseUnavailable(HELD) from None
    if row is None:
        return None
    if row.last_seen_at <= request.now - SEEN_STEP:
        _touch(request, row.id)
    return Identity(row.account_id, row.email, row.id)


def _wait_for_turn(request: Any, token: str) -> None:
    """Whoever else changes or ends the account is done first. What they did is seen: this is a statement of its own.

    Not a weak lock now and a strong one later: of two who do that neither gets it.
    """
    mine = sa.select(sessions.c.account_id).where(sessions.c.token_hash == _hash(request, token))
    query = sa.select(accounts.c.id).where(accounts.c.id == mine.scalar_subquery())
    request.dbsession.execute(query.with_for_update(key_share=True))


def _read(request: Any, token: str) -> Any:
    query = (
        sa.select(sessions.c.id, sessions.c.account_id, sessions.c.last_seen_at, accounts.c.email)
        .join_from(sessions, accounts)
        .where(sessions.c.token_hash == _hash(request, token), sessions.c.expires_at > request.now)
    )
    if request.method not in ("GET", "HEAD"):
        # Nobody writes for an account that is just being deleted: see `cr.accounts.deletion`.
        query = query.with_for_update(read=True, key_share=True, of=accounts)
    return request.dbsession.execute(query).one_or_none()


def end(request: Any, token: str) -> None:
    """This one session; no matter when there is none."""
    request.dbsession.execute(sa.delete(sessions).where(sessions.c.token_hash == _hash(request, token)))


def of(request: Any) -> Sequence[Any]:
    """The rows of all living sessions of the person who is signed in: this browser's first, then as they were seen."""
    mine = sa.select(sessions).where(
        sessions.c.account_id == request.identity.account_id, sessions.c.expires_at > request.now
    )
    this = sessions.c.id == request.identity.session_id
    rows: Sequence[Any] = request.dbsession.execute(mine.order_by(this.desc(), sessions.c.last_seen_at.desc())).all()
    return rows


def end_others(request: Any, only: UUID | None = None) -> int:
    """Sign the person who is signed in out of every other browser, or of this one; returns of how many."""
    others = sa.delete(sessions).where(
        sessions.c.account_id == request.identity.account_id, sessions.c.id != request.identity.session_id
    )
    ended: int = request.dbsession.execute(others if only is None else others.where(sessions.c.id == only)).rowcount
    return ended


def _touch(request: Any, session_id: UUID) -> None:
    # Whoever finds the row locked leaves it: another request of the same browser is just writing the same.
    free = sa.select(sessions.c.id).where(sessions.c.id == session_id).with_for_update(skip_locked=True)
    request.dbsession.execute(
        sa.update(sessions).where(sessions.c.id == free.scalar_subquery()).values(last_seen_at=request.now)
    )


def _hash(request: Any, token: str) -> bytes:
    stored: bytes = request.registry["cr.tokens"].hash(PURPOSE, token)
    return stored
