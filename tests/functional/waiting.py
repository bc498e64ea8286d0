"""Mail that waits in the outbox, as its rows say and as the mail server gets it."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Any

import sqlalchemy as sa

from cr.mail.outbox import outbox
from tests.fixtures.mail import Mailbox, deliver


def waiting(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        query = sa.select(outbox).where(outbox.c.due_at.is_not(None)).order_by(outbox.c.written_at)
        return list(connection.execute(query))


def the_mail(app: Any, smtp: Mailbox, engine: sa.Engine) -> EmailMessage:
    """The one that waits, sent."""
    (_,) = waiting(engine)
    before = len(smtp.messages)
    deliver(app)
    (sent,) = smtp.messages[before:]
    return sent


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return body.get_content().replace("\r\n", "\n")
