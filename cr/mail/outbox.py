"""Mail that goes out after the commit: written in the transaction that decides on it, sent later by `cr.mail.delivery`.

So a decision never fails because mail does, and no mail goes out for what was rolled back. Once a mail is out its row
keeps only that it was: the address and the text, which may hold a link, are erased.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
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


ERASED: dict[str, None] = dict.fromkeys(("recipient", "reply_to", "subject", "text"))

WORDS_STAY = timedelta(days=30)
"""What somebody wrote to the people who run the site and could not be mailed to them."""

ROWS_STAY = timedelta(days=60)
"""That a mail was sent or given up, without anybody's address or words."""


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
    told = (outbox.c.about, outbox.c.due_at, outbox.c.sent_at, outbox.c.failed_at, outbox.c.reason)
    query = sa.select(*told).where(outbox.c.about.in_(list(about))).order_by(outbox.c.written_at)
    return {row.about: _state(row) for row in session.execute(query)}


def due(connection: sa.Connection, at: datetime, at_most: int) -> list[UUID]:
    """What should go out by now: what was tried least first, so that a mail which fails slowly holds up no new one."""
    first = (outbox.c.attempts, outbox.c.due_at, outbox.c.id)
    query = sa.select(outbox.c.id).where(outbox.c.due_at <= at).order_by(*first).limit(at_most)
    return list(connection.scalars(query))


def if_due(connection: sa.Connection, mail_id: UUID, at: datetime) -> Any:
    """The row of one mail; None where it was sent or put off meanwhile."""
    return connection.execute(sa.select(outbox).where(outbox.c.id == mail_id, outbox.c.due_at <= at)).one_or_none()


def sent(connection: sa.Connection, mail_id: UUID, at: datetime) -> None:
    """The mail server has it: the row keeps neither address nor words."""
    _change(connection, outbox.c.id == mail_id, sent_at=at, due_at=None, failed_at=None, reason=None, **ERASED)


def put_off(connection: sa.Connection, mail_id: UUID, due_at: datetime, reason: str) -> None:
    """It was tried in vain."""
    _change(connection, outbox.c.id == mail_id, due_at=due_at, attempts=outbox.c.attempts + 1, reason=reason)


def put_off_others(connection: sa.Connection, at: datetime, due_at: Any, reason: str) -> None:
    """What is due was not even tried, for the same reason."""
    _change(connection, outbox.c.due_at <= at, due_at=due_at, reason=reason)


def give_up(connection: sa.Connection, mail_id: UUID, at: datetime, reason: str, inbox: str | None) -> None:
    """It will not be tried again. What somebody wrote to the people who run the site stays for them to read."""
    left = {name: sa.case((outbox.c.recipient == inbox, outbox.c[name])) for name in ERASED}
    _change(
        connection,
        outbox.c.id == mail_id,
        failed_at=at,
        due_at=None,
        attempts=outbox.c.attempts + 1,
        reason=reason,
        **left,
    )


def purge(connection: sa.Connection, at: datetime) -> None:
    """Erase what was kept of old mails."""
    words = sa.and_(outbox.c.failed_at <= at - WORDS_STAY, outbox.c.text.is_not(None))
    _change(connection, words, **ERASED)
    over = sa.func.coalesce(outbox.c.sent_at, outbox.c.failed_at)
    connection.execute(sa.delete(outbox).where(over <= at - ROWS_STAY))


def _change(connection: sa.Connection, which: sa.ColumnElement[bool], **values: Any) -> None:
    connection.execute(sa.update(outbox).where(which).values(**values))


@dataclass(frozen=True)
class Figures:
    """How many mails wait or were given up, and since when the oldest waits."""

    waiting: int
    failed: int
    oldest: datetime | None


def figures(connection: sa.Connection) -> Figures:
    waits, failed = outbox.c.due_at.is_not(None), outbox.c.failed_at.is_not(None)
    row = connection.execute(
        sa.select(
            sa.func.count().filter(waits),
            sa.func.count().filter(failed),
            sa.func.min(outbox.c.written_at).filter(waits),
        )
    ).one()
    return Figures(*row)


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
