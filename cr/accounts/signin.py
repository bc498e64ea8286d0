"""Signing in with a mailed link: asking for one, and following it."""

from __future__ import annotations

import hmac
import logging
import re
from typing import Any
from urllib.parse import unquote
from uuid import UUID, uuid4

import sqlalchemy as sa
from pyramid.security import remember
from sqlalchemy.dialects import postgresql

from cr.accounts import SignedIn, guests, links
from cr.accounts.addresses import proper
from cr.accounts.tables import accounts
from cr.csrf import known_browser
from cr.limits import Interval
from cr.mail import send_now
from cr.proxy import public_origin

log = logging.getLogger(__name__)

PURPOSE = "magic-link"

SUBJECT = "Your link to sign in to Community Rule"
TEXT = """\
Hello,

open this link to sign in to Community Rule:

{link}

It works once, for 10 minutes, best in the browser in which you asked
for it.
{brings}
If you did not ask for it, somebody may have mistyped their email
address. You can ignore this mail: without the link nobody gets in.
"""
BRINGS = """
What you wrote there before you signed in comes along. You find it on
your profile, as a draft of yours.
"""
"""Without its name: nobody's words are mailed to an address that somebody else may have written."""


def safe_next(path: str | None) -> str | None:
    """`path` if it is the address of a page of this site, path and query, else None.

    Browsers take `\\` for `/`, drop tabs and newlines, and read `//name` as another host; none of these is let through,
    nor what becomes one of them when it is decoded.
    """
    if not path or len(path) > 2000 or not path.startswith("/") or not path.isascii():
        return None
    decoded = path
    while (once := unquote(decoded)) != decoded:
        decoded = once
    before_query = re.split("[?#]", decoded, maxsplit=1)[0]
    if "//" in before_query or "\\" in decoded or not decoded.isprintable() or " " in path:
        return None
    return path


def ask(request: Any, email: str, next_path: str | None = None, draft: dict[str, Any] | None = None) -> str:
    """Mail a link to the address; returns the address as we write it.

    Nothing is looked up about it: the answer, and the time that it takes, is the same whether there is an account.
    Raises `ValidationProblem`, `RateLimited`, `MailFailed`, `ServerMisconfigured`.
    """
    address = proper(email)
    origin = public_origin(request)
    request.at_most_once(
        Interval("magic-link:address", address, 60),
        Interval("magic-link:ip", request.client_network, 20),
    )
    guest = guests.current(request)
    brings = bool(draft or (guest and guest.payload))
    token = links.write(
        request,
        PURPOSE,
        address,
        browser_hash=browser_hash(request, request.browser),
        next_path=safe_next(next_path),
        draft=draft,
        guest=guest.id if guest and guest.payload else None,
    )
    verify = request.resource_path(request.root["api"]["auth"]["magic-link"], "verify", query={"token": token})
    # Before the commit: where the mail fails there is no row, the older link still works, and the person can ask again
    # at once. Should the commit fail instead, somebody holds a link that does not work and an answer that says so.
    # The other order would answer "sent" and have nobody left to tell that it was not.
    send_now(request, address, SUBJECT, TEXT.format(link=origin + verify, brings=BRINGS if brings else ""))
    if guest:
        # The first address may have been mistyped. Not before the mail is out: the rows would be held meanwhile.
        links.leave(request, PURPOSE, guest.id, but=token)
    return address


def is_asking_browser(request: Any, link: links.Link) -> bool:
    """Whether it was this browser that asked for the link."""
    browser = known_browser(request)
    if browser is None or link.browser_hash is None:
        return False
    return hmac.compare_digest(browser_hash(request, browser), link.browser_hash)


def follow(request: Any, token: str, *, bring: bool = True, own: bool = True) -> tuple[str, list[tuple[str, str]]]:
    """Use the link and sign its person in, with an account if there was none. Raises `LinkRefused`.

    `bring`: what the browser that asked has written becomes a draft of this person; `own`: what this one has.
    Returns the path to go on to and the headers with the session's cookie.
    """
    link = links.use(request, PURPOSE, token)
    account_id = account_of(request, link.email)
    brought = (link.draft, link.guest) if bring else (None, None)
    return link.next_path or "/", enter(request, account_id, *brought, own=own)


def enter(
    request: Any, account_id: UUID, draft: dict[str, Any] | None = None, guest: UUID | None = None, *, own: bool
) -> list[tuple[str, str]]:
    """Sign the person in; returns the headers with the session's cookie.

    `draft` and what `guest` has written become drafts of this person. So does what this browser has written, with
    `own`: for who asked for it, or else whoever has somebody press a button gets what they wrote.
    """
    here = guests.current(request) if own else None
    headers: list[tuple[str, str]] = remember(request, account_id)
    log.info("Account %s signed in", account_id)
    written = dict.fromkeys(filter(None, [guest, here.id if here else None]))
    request.registry.notify(SignedIn(request, account_id, draft, tuple(written)))
    return headers


def account_of(request: Any, email: str) -> UUID:
    """The account of an address that somebody has proved to be theirs, made now if there was none."""
    new = postgresql.insert(accounts).values(id=uuid4(), email=email, created_at=request.now)
    request.dbsession.execute(new.on_conflict_do_nothing(index_elements=["email"]))
    found: UUID = request.dbsession.execute(sa.select(accounts.c.id).where(accounts.c.email == email)).scalar_one()
    return found


def browser_hash(request: Any, browser: str) -> bytes:
    """What a link keeps of the browser that asked for it; `browser` is its token, of `cr.csrf`."""
    hashed: bytes = request.registry["cr.tokens"].hash("browser", browser)
    return hashed
