"""`cr-mail`: how the mails in the outbox fare, what people wrote that could not be mailed, and trying again at once.

For the people who run the site. Reads CLOUDRON_POSTGRESQL_URL only: a running server does the sending.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from cr.mail.outbox import outbox
from cr.output import printable
from cr.terminal import at_terminal, failed, say


def main(argv: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done, 1 there is no such mail, 2 could not be done, 128 and more ended from outside."""
    options = _parser().parse_args(argv)
    work = {"list": _list, "retry": _retry, "show": lambda engine: _show(engine, options.mail)}
    return at_terminal(work[options.command])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cr-mail", description="Look after mails that wait or were given up.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, summary in (
        ("list", "mails that wait or were given up, oldest first; nobody's address is in it"),
        ("retry", "try everything that waits at once"),
        ("show", "a mail with its words, while they are kept"),
    ):
        command = commands.add_parser(name, help=summary, description=summary)
        if name == "show":
            command.add_argument("mail", metavar="ID", type=UUID, help="as list prints it")
    return parser


def _list(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        rows = connection.execute(
            sa.select(outbox).where(outbox.c.sent_at.is_(None)).order_by(outbox.c.written_at, outbox.c.id)
        )
        for row in rows:
            say(f"{row.id}  {_minute(row.written_at)}  {_fares(row)}")
    return 0


def _fares(row: Any) -> str:
    if row.failed_at:
        return f"given up  {row.reason}"
    return f"waits for {_minute(row.due_at)}, tried {row.attempts}  {row.reason or ''}".rstrip()


def _show(engine: sa.Engine, mail_id: UUID) -> int:
    with engine.connect() as connection:
        row = connection.execute(sa.select(outbox).where(outbox.c.id == mail_id)).one_or_none()
    if row is None:
        failed(f"There is no mail {mail_id}.")
        return 1
    say(f"Written   {_minute(row.written_at)}")
    say(f"State     {f'sent {_minute(row.sent_at)}' if row.sent_at else _fares(row)}")
    if row.text is None:
        say("Its words and its address are erased.")
        return 0
    say(f"To        {printable(row.recipient)}")
    if row.reply_to:
        say(f"Answer to {printable(row.reply_to)}")
    say(f"Subject   {printable(row.subject)}")
    say("")
    for line in row.text.splitlines():
        say(printable(line))
    return 0


def _retry(engine: sa.Engine) -> int:
    with engine.begin() as connection:
        waits = sa.update(outbox).where(outbox.c.due_at.is_not(None)).values(due_at=datetime.now(UTC))
        number = connection.execute(waits).rowcount
    say(f"{number} to be tried by a running server within seconds.")
    return 0


def _minute(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
