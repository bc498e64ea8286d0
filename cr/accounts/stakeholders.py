"""Whom a rule's stakeholders are: the addresses behind the opaque ids that the log knows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from cr.accounts.addresses import normalised
from cr.db import Timestamp, metadata
from cr.errors import ValidationProblem

stakeholders = sa.Table(
    "stakeholders",
    metadata,
    sa.Column("id", postgresql.UUID(as_uuid=True), primary_key=True),
    sa.Column("rule", postgresql.UUID(as_uuid=True), nullable=False),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("invited_at", Timestamp, nullable=False),
    # Of the newest link that was mailed, until it is used or void.
    sa.Column("token_hash", sa.LargeBinary, unique=True),
    sa.Column("expires_at", Timestamp),
    sa.UniqueConstraint("rule", "email"),
)


def named(emails: Iterable[str], own: str) -> dict[UUID, str]:
    """New opaque ids for these addresses, each once. Raises `ValidationProblem` for the person's own or for none."""
    addresses = []
    for email in emails:
        try:
            addresses.append(normalised(email))
        except ValueError:
            sentence = f"{email[:100]} is no mail address. Write one such as name@example.org."
            raise ValidationProblem(sentence, fields={"stakeholderEmails": sentence}) from None
    if own in addresses:
        sentence = "You need no invitation to your own rule. Leave your own address out."
        raise ValidationProblem(sentence, fields={"stakeholderEmails": sentence})
    return {uuid4(): address for address in dict.fromkeys(addresses)}


def keep(session: Any, rule: UUID, people: dict[UUID, str], at: Any) -> None:
    if people:
        rows = [{"id": key, "rule": rule, "email": email, "invited_at": at} for key, email in people.items()]
        session.execute(sa.insert(stakeholders), rows)
