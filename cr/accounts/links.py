"""Links that are mailed: they work once, for ten minutes, and of several to one address, or for one account, only the
newest works.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from cr.accounts.tables import mailed_links, purge

LIFETIME = timedelta(minutes=10)

OF_ACCOUNT = "email-change"
"""The purpose of links that an account asked for, of which it has one at a time, whatever addresses they go to."""


class LinkRefused(Exception):
    """`code` says why: invalid_link or expired_link, as in the JSON contract, or what the link's own purpose adds."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Link:
    """A link that works, or worked until a moment ago."""

    email: str
    account: UUID | None
    browser_hash: bytes | None
    next_path: str | None
    draft: dict[str, Any] | None
    guest: UUID | None


COLUMNS = (
    mailed_links.c.email,
    mailed_links.c.account_id,
    mailed_links.c.browser_hash,
    mailed_links.c.next_path,
    mailed_links.c.draft,
    mailed_links.c.guest,
)


def write(
    request: Any,
    purpose: str,
    email: str,
    *,
    account: UUID | None = None,
    browser_hash: bytes | None = None,
    next_path: str | None = None,
    draft: dict[str, Any] | None = None,
    guest: UUID | None = None,
) -> str:
    """Keep a new link; returns its token. `browser_hash` is of the browser that may follow it without being asked.

    Older ones, see `_works`, are void from the commit on; without a commit they go on working.
    """
    purge(request.dbsession, mailed_links, request.now)
    token: str = request.registry["cr.tokens"].make(purpose)
    request.dbsession.execute(
        sa.insert(mailed_links).values(
            purpose=purpose,
            email=email,
            account_id=account,
            token_hash=request.registry["cr.tokens"].hash(purpose, token),
            browser_hash=browser_hash,
            next_path=next_path,
            draft=draft,
            guest=guest,
            created_at=request.now,
            expires_at=request.now + LIFETIME,
        )
    )
    return token


def leave(request: Any, purpose: str, guest: UUID, *, but: str) -> None:
    """What a guest has written comes with no link any more, save the one whose token is `but`."""
    this = request.registry["cr.tokens"].hash(purpose, but)
    request.dbsession.execute(
        sa.update(mailed_links)
        .where(mailed_links.c.guest == guest, mailed_links.c.token_hash != this)
        .values(guest=None)
    )


def find(request: Any, purpose: str, token: str) -> Link:
    """The link, not yet used. Raises `LinkRefused`."""
    return _one(request, purpose, token, sa.select(*COLUMNS))


def use(request: Any, purpose: str, token: str) -> Link:
    """The link, now used: of any number of requests at the same moment one gets it. Raises `LinkRefused`.

    The draft that it carried is erased, and where it leads: that address may hold a token too.
    """
    link = _one(request, purpose, token, sa.select(*COLUMNS).with_for_update())
    request.dbsession.execute(
        sa.update(mailed_links)
        .where(mailed_links.c.token_hash == request.registry["cr.tokens"].hash(purpose, token))
        .values(used_at=request.now, draft=None, next_path=None)
    )
    return link


def erase(request: Any, purpose: str, email: str) -> None:
    """None of the links to this address works any more."""
    request.dbsession.execute(
        sa.delete(mailed_links).where(mailed_links.c.purpose == purpose, mailed_links.c.email == email)
    )


def _one(request: Any, purpose: str, token: str, query: sa.Select[Any]) -> Link:
    tokens = request.registry["cr.tokens"]
    if not tokens.is_ours(purpose, token):
        raise LinkRefused("invalid_link")
    query = query.where(mailed_links.c.token_hash == tokens.hash(purpose, token), *_works(request, purpose))
    row = request.dbsession.execute(query).one_or_none()
    if row is None:
        raise LinkRefused("expired_link")
    return Link(*row)


def _works(request: Any, purpose: str) -> tuple[sa.ColumnElement[bool], ...]:
    # "No newer one" is asked when a link is opened. Marking the older ones when a new one is written would hold their
    # rows locked while the mail is on its way.
    newer = mailed_links.alias("newer")
    whose = "account_id" if purpose == OF_ACCOUNT else "email"
    return (
        mailed_links.c.used_at.is_(None),
        mailed_links.c.expires_at > request.now,
        ~sa.exists().where(
            newer.c.purpose == purpose, newer.c[whose] == mailed_links.c[whose], newer.c.id > mailed_links.c.id
        ),
    )
