"""Mails in the outbox, written as any decision writes one."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import transaction
import zope.sqlalchemy
from sqlalchemy.orm import Session

from cr.mail import outbox


def letter(app: Any, to: str, *, commit: bool = True, **more: Any) -> UUID:
    """One that waits for `to`, by a request whose transaction is committed, or rolled back."""
    registry = app.registry
    tm = transaction.TransactionManager(explicit=True)
    session = Session(registry["cr.engine"])
    zope.sqlalchemy.register(session, transaction_manager=tm, initial_state="changed")
    request = SimpleNamespace(
        dbsession=session, registry=registry, settings=registry["cr.settings"], now=registry["cr.clock"](), tm=tm
    )
    tm.begin()
    mail_id = outbox.put(request, to, "News for you", f"Hello {to}, https://rules.example.org/secret", **more)
    (tm.commit if commit else tm.abort)()
    return mail_id


def letters(engine: sa.Engine, settings: Any, *recipients: str) -> None:
    """For servers that are processes of their own."""
    with engine.begin() as connection:
        for each in recipients:
            outbox.write(connection, settings, datetime.now(UTC), each, "News for you", f"Hello {each}")


def rows(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(outbox.outbox).order_by(outbox.outbox.c.written_at)))
