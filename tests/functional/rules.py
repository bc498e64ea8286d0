"""Rules as commands make them: on days, and adopted in ways, that take long to reach through forms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa

from cr.events.application import Rules


def noon(day: str) -> datetime:
    """Noon (UTC) of a day such as 2026-03-12."""
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC).replace(hour=12)


@contextmanager
def commands(engine: sa.Engine) -> Iterator[Rules]:
    """The application, in one transaction."""
    with engine.begin() as connection:
        yield Rules(lambda: nullcontext(connection))


def person(engine: sa.Engine, name: str | None = None) -> UUID:
    """A new account that has this display name."""
    account = uuid4()
    query = "INSERT INTO accounts (id, email, display_name, created_at) VALUES (:id, :email, :name, now())"
    with engine.begin() as connection:
        connection.execute(sa.text(query), {"id": account, "email": f"{account}@example.org", "name": name})
    return account


def account_of(engine: sa.Engine, email: str) -> UUID:
    with engine.connect() as connection:
        found = connection.execute(sa.text("SELECT id FROM accounts WHERE email = :email"), {"email": email})
        account: UUID = found.scalar_one()
    return account


def document(*titles: str) -> dict[str, Any]:
    """One clause of each title in a section of values; its text is its title behind "About"."""
    entries = [{"title": title, "body": f"About {title}"} for title in titles]
    return {"sections": [{"categoryName": "Values", "entries": entries}]}


def publish(engine: sa.Engine, owner: UUID, day: str, *titles: str, name: str = "Elm Street", **origin: Any) -> str:
    """The path of a rule that was published on a day, with these clauses."""
    with commands(engine) as app:
        rule = app.publish_rule(owner, noon(day), name, None, document(*titles or ("Care",)), **origin)
    return f"/rules/{rule.id}"


def revise(
    engine: sa.Engine, rule: str, actor: UUID, day: str, *titles: str, name: str = "Elm Street", **decision: Any
) -> None:
    with commands(engine) as app:
        app.revise_rule(UUID(rule[-36:]), actor, noon(day), name, None, document(*titles), **decision)


def withdraw(engine: sa.Engine, rule: str, actor: UUID | None, day: str, reason: str | None = None) -> None:
    with commands(engine) as app:
        app.withdraw_rule(UUID(rule[-36:]), actor, noon(day), reason)
