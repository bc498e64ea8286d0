"""Mail that goes out after the commit: written in the transaction that decides on it, sent later by `cr.mail.delivery`.

So a decision never fails because mail does, and no mail goes out for what was rolled back. Once a mail is out its row
keeps only that it was: the address and the text, which may hold a link, are erased.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid4

import sqlalchemy as sa

from cr.accounts.tables import Id
from cr.db import Timestamp, metadata
from cr.mail import new_message_id
from cr.settings import Settings

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", Id, primary_key=True),
    # What it is about, such as the stakeholder whom it invites: whoever cares looks up by it how the mail fared.
    sa.Column("about", Id, index=True),
    sa.Column("recipient", sa.Text, index=True),
    sa.Column("reply_to", sa.Text),
    sa.Column("subject", sa.Text),
    sa.Column("text", sa.Text),
    # Of every attempt the same, so that a mail server which was given it twice can tell.
    sa.Column("message_id", sa.Text, nullable=False),
    sa.Column("written_at", Timestamp, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    # When to try next; None once it is sent or given up.
    sa.Column("due_at", Timestamp, index=True),
    sa.Column("sent_at", Timestamp),
    sa.Column("failed_at", Timestamp),
    # Why it is not sent yet, or never will be, as a sentence without anybody's address.
    sa.Column("reason", sa.Text),
)


@dataclass(frozen=True)
class State:
    """How a mail fares: `at` is when it was sent or given up, or when it will be tried next."""

    state: Literal["waiting", "sent", "failed"]
    at: datetime
    reason: str | None


def put(
    request: Any, to: str, subject: str, text: str, *, about: UUID | None = None, reply_to: str | None = None
) -> UUID:
    """Have a mail sent once this request's transaction is committed; returns the id of its row."""
    mail_id = write(request.dbsession, request.settings, request.now, to, subject, text, about=about, reply_to=reply_to)
    waits = request.registry["cr.mail_waits"]
    request.tm.get().addAfterCommitHook(lambda success: waits.set() if success else None)
    return mail_id


def write(
    connection: Any,
    settings: Settings,
    at: datetime,
    to: str,
    subject: str,
    text: str,
    *,
    about: UUID | None = None,
    reply_to: str | None = None,
) -> UUID:
    """As `put`, in any transaction: a server finds the mail when it next looks for what is due."""
    mail_id = uuid4()
    connection.execute(
        sa.insert(outbox).values(
            id=mail_id,
            about=about,
            recipient=to,
            reply_to=reply_to,
            subject=subject,
            text=text,
            message_id=new_message_id(settings),
            written_at=at,
            attempts=0,
            due_at=at,
        )
    )
    return mail_id


def states(session: Any, about: Iterable[UUID]) -> dict[UUID, State]:
    """Of the newest mail about each of these; nothing for what no mail is about."""
    query = sa.select(outbox).where(outbox.c.about.in_(list(about))).order_by(outbox.c.written_at)
    return {row.about: _state(row) for row in session.execute(query)}


def forget(session: Any, *, about: Iterable[UUID] = (), recipient: str | None = None) -> None:
    """Erase what is known of mails about these, or to or from `recipient`; what waits is not sent any more."""
    which: list[sa.ColumnElement[bool]] = [outbox.c.about.in_(list(about))]
    if recipient is not None:
        which += [outbox.c.recipient == recipient, outbox.c.reply_to == recipient]
    session.execute(sa.delete(outbox).where(sa.or_(*which)))


def _state(row: Any) -> State:
    if row.sent_at:
        return State("sent", row.sent_at, None)
    if row.failed_at:
        return State("failed", row.failed_at, row.reason)
    return State("waiting", row.due_at, row.reason)
