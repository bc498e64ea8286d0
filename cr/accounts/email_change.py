"""Changing the address by which a person signs in: asking for it, and following the link mailed to the new one.

Both need a browser in which the person is signed in. So whoever gets the mail because the address was mistyped can do
nothing with it, and whoever has found an open browser needs a mailbox besides.
"""

from __future__ import annotations

import logging
from typing import Any

import sqlalchemy as sa

from cr.accounts import links, sessions, signin, stakeholders
from cr.accounts.addresses import proper
from cr.accounts.links import LinkRefused
from cr.accounts.tables import accounts
from cr.errors import ValidationProblem
from cr.limits import Interval
from cr.mail import outbox, send_now
from cr.pages import day, minute
from cr.proxy import public_origin

log = logging.getLogger(__name__)

PURPOSE = links.OF_ACCOUNT

SUBJECT = "Your new email address at Community Rule"
TEXT = """\
Hello,

open this link to use this email address at Community Rule from now on:

{link}

It works once, for 10 minutes, best in the browser in which you asked
for it. You have to be signed in there. Other browsers are signed out.

If you did not ask for it, somebody may have mistyped their email
address. You can ignore this mail: the link alone changes nothing.
"""

TOLD_SUBJECT = "Your email address at Community Rule was changed"
TOLD = """\
Hello,

on {day} at {minute} UTC the email address of your account at
{origin}
was changed. Links to sign in go to the new one now, and no longer to
this one. All other browsers were signed out.

If it was you, there is nothing to do.

If it was not you, somebody has used your account.
"""
ANSWER = """\
Answer this mail at once, so that the people who run the site can look
into it.
"""
TELL = """\
Tell the people who run the site at once, so that they can look into it.
"""
"""Where they have no address that an answer could go to."""


def ask(request: Any, email: str) -> str:
    """Mail a link to the address that the person who is signed in wants to have; returns it as we write it.

    Nothing is looked up about it: whether it is somebody's is for whoever can read its mail to know.
    Raises `ValidationProblem`, `RateLimited`, `MailFailed`, `ServerMisconfigured`.
    """
    identity = request.identity
    address = proper(email, "newEmail")
    if address == identity.email:
        sentence = "This is your email address already. Write the one that you want to have instead."
        raise ValidationProblem(sentence, fields={"newEmail": sentence})
    origin = public_origin(request)
    request.at_most_once(
        Interval("email-change:address", address, 60),
        Interval("email-change:account", str(identity.account_id), 60),
        Interval("email-change:ip", request.client_network, 20),
    )
    token = links.write(
        request,
        PURPOSE,
        address,
        account=identity.account_id,
        browser_hash=signin.browser_hash(request, request.browser),
    )
    verify = request.resource_path(request.root["api"]["user"]["email-change"], "verify", query={"token": token})
    # Before the commit, as in `signin.ask`.
    send_now(request, address, SUBJECT, TEXT.format(link=origin + verify))
    return address


def is_theirs(request: Any, link: links.Link) -> bool:
    """Whether the person who asked for the link is signed in in this browser."""
    return request.identity is not None and request.identity.account_id == link.account


def follow(request: Any, token: str) -> None:
    """Use a link that `is_theirs`: its address is theirs from now on, and they are signed in nowhere else.

    Raises `LinkRefused`, with the code "taken" where the address is another account's.
    """
    identity = request.identity
    link = links.use(request, PURPOSE, token)
    statement = sa.update(accounts).where(accounts.c.id == identity.account_id).values(email=link.email)
    try:
        with request.dbsession.begin_nested():
            # First: whoever is signing in by one of these just now is done before this goes on, and signed out below.
            links.erase(request, signin.PURPOSE, identity.email)
            # Of two who want one address at the same moment the second waits here, and gets the error.
            request.dbsession.execute(statement)
    except sa.exc.IntegrityError:
        raise LinkRefused("taken") from None
    sessions.end_others(request)
    stakeholders.moved(request.dbsession, identity.account_id, identity.email)
    log.info("Account %s has another address", identity.account_id)
    text = TOLD.format(day=day(request.now), minute=minute(request.now), origin=public_origin(request))
    reply_to = request.settings.organizer_inquiry_to
    text += ANSWER if reply_to else TELL
    outbox.put(request, identity.email, TOLD_SUBJECT, text, reply_to=reply_to)
