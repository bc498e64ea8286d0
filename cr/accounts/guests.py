"""What somebody writes before they sign in: kept for the browser that wrote it, erased after a month.

No event is made of it. Signing in by a link that this browser asked for turns it into a draft (`adopted`); what stays
here then is only which draft that was, so that an open page of that browser can say where its text went.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from cr.accounts.tables import purge
from cr.db import Timestamp, metadata
from cr.errors import NoRoom
from cr.headers import not_kept

PURPOSE = "guest"
LIFETIME = timedelta(days=30)
"""After the last save."""

BYTES_MOST = 200 * 1024
"""Of one text, as JSON. An account's drafts may be longer."""

SAVES_KEPT, SAVES_BYTES = 50, 2**20
"""At most so many saves, and so many bytes of them together: a page that was opened that many saves ago can still be
brought together with what was saved since. The newest is kept however long it is.
"""

Id = postgresql.UUID(as_uuid=True)

guests = sa.Table(
    "guests",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("token_hash", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("saved_at", Timestamp, nullable=False),
    sa.Column("expires_at", Timestamp, nullable=False, index=True),
    # The draft that it has become. No foreign key: drafts are a read model.
    sa.Column("draft", Id),
)

guest_saves = sa.Table(
    "guest_saves",
    metadata,
    sa.Column("guest", Id, sa.ForeignKey("guests.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    # JSON, not JSONB: kept in the order in which it came.
    sa.Column("payload", postgresql.JSON, nullable=False),
)


@dataclass(frozen=True)
class Guest:
    """The newest save. `draft` is set once it became one; `token` is what the browser's cookie says, if it is known."""

    id: UUID
    version: int
    payload: dict[str, Any]
    saved_at: datetime
    expires_at: datetime
    draft: UUID | None
    token: str | None = None


def cookie_name(request: Any) -> str:
    return "__Host-cr_guest" if request.settings.production else "cr_guest"


def current(request: Any, *, lock: bool = False) -> Guest | None:
    """What this browser has written, or None. With `lock` nobody else writes it until the end of the transaction."""
    tokens, token = request.registry["cr.tokens"], request.cookies.get(cookie_name(request))
    if not token or not tokens.is_ours(PURPOSE, token):
        return None
    found = _one(request, guests.c.token_hash == tokens.hash(PURPOSE, token), lock)
    return replace(found, token=token) if found else None


def find(request: Any, guest_id: UUID, *, lock: bool = False) -> Guest | None:
    """By its id, whichever browser asks: for links, which say themselves who may follow them."""
    return _one(request, guests.c.id == guest_id, lock)


def _one(request: Any, which: sa.ColumnElement[bool], lock: bool) -> Guest | None:
    query = sa.select(guests).where(which, guests.c.expires_at > request.now)
    # Not against the foreign key of a link that is just being mailed.
    row = request.dbsession.execute(query.with_for_update(key_share=True) if lock else query).one_or_none()
    if row is None:
        return None
    payload = before(request, row.id, row.version) or {}
    return Guest(row.id, row.version, payload, row.saved_at, row.expires_at, row.draft)


def before(request: Any, guest_id: UUID, version: int) -> dict[str, Any] | None:
    """The text as it was at `version`; None when that is no longer kept."""
    query = sa.select(guest_saves.c.payload).where(guest_saves.c.guest == guest_id, guest_saves.c.version == version)
    found: dict[str, Any] | None = request.dbsession.execute(query).scalar_one_or_none()
    return found


def save(request: Any, guest: Guest | None, payload: dict[str, Any]) -> Guest:
    """Keep a new text; for None, for a browser that has none yet, which gets a cookie. Raises `NoRoom`."""
    size = len(json.dumps(payload, ensure_ascii=False).encode())
    if size > BYTES_MOST:
        raise NoRoom("This is more than can be kept without an account. Sign in, then go on writing.")
    expires = request.now + LIFETIME
    if guest is None:
        purge(request.dbsession, guests, request.now)
        token = request.registry["cr.tokens"].make(PURPOSE)
        guest = Guest(uuid4(), 1, payload, request.now, expires, None, token)
        request.dbsession.execute(
            sa.insert(guests).values(
                id=guest.id,
                token_hash=request.registry["cr.tokens"].hash(PURPOSE, token),
                version=1,
                saved_at=request.now,
                expires_at=expires,
            )
        )
    else:
        guest = replace(guest, version=guest.version + 1, payload=payload, saved_at=request.now, expires_at=expires)
        request.dbsession.execute(
            sa.update(guests)
            .where(guests.c.id == guest.id)
            .values(version=guest.version, saved_at=request.now, expires_at=expires)
        )
        kept = min(SAVES_KEPT, max(1, SAVES_BYTES // max(1, size)))
        request.dbsession.execute(
            sa.delete(guest_saves).where(guest_saves.c.guest == guest.id, guest_saves.c.version <= guest.version - kept)
        )
    request.dbsession.execute(sa.insert(guest_saves).values(guest=guest.id, version=guest.version, payload=payload))
    if guest.token:
        _remember(request, guest.token)
    return guest


def adopted(request: Any, guest: Guest, draft: UUID) -> None:
    """It is a draft now.

    In the browser that wrote it the text is the account's, and is erased here with the cookie. Where a link was opened
    elsewhere it stays until it expires, for the link may have gone to somebody else: see `taken_back`.
    """
    request.dbsession.execute(sa.update(guests).where(guests.c.id == guest.id).values(draft=draft))
    if (own := current(request)) is not None and own.id == guest.id:
        request.dbsession.execute(sa.delete(guest_saves).where(guest_saves.c.guest == guest.id))
        request.add_response_callback(_forget)


def taken_back(request: Any, guest: Guest) -> None:
    """The browser that wrote it goes on with its own copy."""
    request.dbsession.execute(sa.update(guests).where(guests.c.id == guest.id).values(draft=None))


def leave(request: Any) -> None:
    """This browser begins with nothing; what it wrote stays where it went."""
    request.add_response_callback(_forget)


def _remember(request: Any, token: str) -> None:
    request.add_response_callback(lambda request, response: _set_cookie(request, response, token, LIFETIME))


def _forget(request: Any, response: Any) -> None:
    _set_cookie(request, response, "", timedelta(0))


def _set_cookie(request: Any, response: Any, value: str, lifetime: timedelta) -> None:
    response.set_cookie(
        cookie_name(request),
        value,
        max_age=lifetime,
        path="/",
        secure=request.settings.production,
        httponly=True,
        samesite="Lax",
    )
    not_kept(request, response)
