"""The outbox of servers that are killed, of a mail server that comes and goes, and of two servers at once.

Real processes, a real database and a real mail server. What one needs to know to read these: a mail server says 250
when it has taken a mail, and until it does so the mail is the sender's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import sqlalchemy as sa

from cr.db import create_engine
from cr.settings import Settings
from tests.fixtures.mail import Mailbox, free_port, mail_server
from tests.mail.letters import letters, rows
from tests.package.running import Gate, patiently, serving


@pytest.fixture
def site(production: dict[str, str], gate: Gate, smtp: Mailbox) -> dict[str, str]:
    """The environment of a production server whose mail goes to `smtp`."""
    gate.open()
    return production | {"CLOUDRON_MAIL_SMTP_SERVER": smtp.host, "CLOUDRON_MAIL_SMTP_PORT": str(smtp.port)}


@pytest.fixture
def outbox_of(empty_database_url: str) -> Iterator[sa.Engine]:
    engine = create_engine(empty_database_url)
    yield engine
    engine.dispose()


def write(engine: sa.Engine, environment: dict[str, str], *recipients: str) -> None:
    letters(engine, Settings.from_environment(environment, production=True), *recipients)


def until_sent(engine: sa.Engine, number: int) -> None:
    assert any(sum(row.sent_at is not None for row in rows(engine)) == number for _ in patiently())


def test_a_mail_outlives_the_server_that_was_killed_while_sending_it(
    site: dict[str, str], port: int, smtp: Mailbox, outbox_of: sa.Engine
) -> None:
    with serving(port, **site) as killed:
        killed.until(200)
        smtp.willing.clear()
        write(outbox_of, site, "ada@example.org")
        # The mail server has the text and has not said 250 yet.
        assert any(smtp.holding for _ in patiently())
        killed.process.kill()
        killed.ended()
    assert any(not smtp.holding for _ in patiently())
    assert [(row.sent_at, row.recipient) for row in rows(outbox_of)] == [(None, "ada@example.org")]
    assert smtp.messages == []

    smtp.willing.set()
    with serving(free_port(), **site):
        until_sent(outbox_of, 1)
    assert [mail["To"] for mail in smtp.messages] == ["ada@example.org"]
    assert [row.message_id for row in rows(outbox_of)] == [mail["Message-ID"] for mail in smtp.messages]


def test_mail_waits_while_the_mail_server_is_away(site: dict[str, str], port: int, outbox_of: sa.Engine) -> None:
    away = Mailbox()
    with serving(port, **site | {"CLOUDRON_MAIL_SMTP_PORT": str(away.port)}) as server:
        server.until(200)
        write(outbox_of, site, "ada@example.org", "bo@example.org")
        assert any(
            {row.reason for row in rows(outbox_of)} == {"The mail server can't be reached."} for _ in patiently()
        )
        with mail_server(away):
            until_sent(outbox_of, 2)
    assert sorted(mail["To"] for mail in away.messages) == ["ada@example.org", "bo@example.org"]


def test_two_servers_send_each_of_many_mails_once(
    site: dict[str, str], port: int, smtp: Mailbox, outbox_of: sa.Engine
) -> None:
    many = [f"person-{number}@example.org" for number in range(30)]
    with ExitStack() as stack:
        for each in (stack.enter_context(serving(each, **site)) for each in (port, free_port())):
            each.until(200)
        smtp.willing.clear()
        write(outbox_of, site, *many)
        # Each of them has given the mail server one mail, and waits for its word.
        assert any(smtp.holding == 2 for _ in patiently())
        smtp.willing.set()
        until_sent(outbox_of, 30)
    assert Counter(mail["To"] for mail in smtp.messages) == Counter(many)
