"""Mail that waits in the outbox, as its rows say and as the mail server gets it."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import sqlalchemy as sa
from pyramid_mailer.interfaces import IMailer

from cr.mail import compose
from cr.mail.outbox import outbox
from tests.fixtures.mail import Mailbox


def waiting(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        query = sa.select(outbox).where(outbox.c.due_at.is_not(None)).order_by(outbox.c.written_at)
        return list(connection.execute(query))


def the_mail(app: Any, smtp: Mailbox, engine: sa.Engine) -> EmailMessage:
    """The one that waits, sent."""
    (row,) = waiting(engine)
    message = compose(
        app.registry["cr.settings"],
        row.recipient,
        row.subject,
        row.text,
        at=datetime.now(UTC),
        message_id=row.message_id,
        reply_to=row.reply_to,
    )
    before = len(smtp.messages)
    app.registry.getUtility(IMailer).send_immediately(message)
    (sent,) = smtp.messages[before:]
    return sent


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return body.get_content().replace("\r\n", "\n")
