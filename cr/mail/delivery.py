"""The thread that sends what waits in the outbox, in every server process.

It is woken by commits of this process and looks every few seconds for everything else: mails of other processes and of
commands, pauses that are over, what a killed process left. Whoever sends a mail holds an advisory lock on it, which
PostgreSQL frees when its holder dies, so that several processes never send one twice and none is stuck.

Now and then it erases what is kept for a while only: of old mails, links and sessions that have expired, and what
somebody wrote without signing in.

docs/adr/0037 has the reasons.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Self
from uuid import UUID

import sqlalchemy as sa

from cr.accounts.guests import guests
from cr.accounts.join_links import join_links
from cr.accounts.tables import mailed_links, purge, sessions
from cr.db import create_engine
from cr.errors import MailFailed
from cr.mail import compose, mailer, outbox

log = logging.getLogger(__name__)

LOOK_SECONDS = 5

AT_ONCE = 100
"""Mails in one look at the table."""

PATIENCE = 60
"""Seconds for each answer of the mail server: one that examines a mail before it takes it may need them, and whoever
stops listening sends it twice."""

END_SECONDS = 8
"""That a mail under way may take when the end is asked for; as `cr.serve.DRAIN_SECONDS`."""

SHORTEST, LONGEST = timedelta(seconds=10), timedelta(hours=4)
"""Pauses before the next attempt. Each is as long as the mail has waited already, within these."""

AWAY_LONGEST = timedelta(minutes=2)
"""While the mail server is away one attempt stands for all that wait, so it costs little to notice its return soon."""

GIVEN_UP_AFTER = timedelta(days=3)

TIDY_EVERY = timedelta(hours=1)


class Deliverer:
    """Sends in a thread of its own from `start` to `stop`; `send_due` sends what is due now, in the caller's."""

    def __init__(self, registry: Any) -> None:
        self._registry = registry
        self._settings = registry["cr.settings"]
        self._mailer = mailer(self._settings, patience=PATIENCE)
        self._waits: threading.Event = registry["cr.mail_waits"]
        self._stop_at: float | None = None
        self._thread = threading.Thread(target=self._run, name="mail", daemon=True)
        # Taken by the mail server, but the database was away before it heard of it.
        self._taken: set[UUID] = set()
        self._tidied_at: datetime | None = None

    def start(self) -> None:
        """Once the database is ready."""
        self._thread.start()

    def stop(self) -> None:
        """Begin no other mail. From any thread, or from a signal handler."""
        self._stop_at = self._stop_at or time.monotonic() + END_SECONDS
        self._waits.set()

    def join(self) -> None:
        """Wait for the mail under way, for a while. One that is cut off stays in the outbox and is sent again."""
        if self._stop_at is not None and self._thread.is_alive():
            self._thread.join(max(0.5, self._stop_at - time.monotonic()))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.join()

    def _run(self) -> None:
        said = None
        while self._stop_at is None:
            # Before looking: what is committed meanwhile wakes it again.
            self._waits.clear()
            try:
                self.send_due()
                said = None
            except sa.exc.SQLAlchemyError as error:
                reason = str(getattr(error, "orig", error)).strip().partition("\n")[0]
                if reason != said:
                    log.warning("No waiting mail is sent for now. %s", reason)
                    said = reason
            except Exception:
                log.exception("No waiting mail is sent for now")
            if self._stop_at is None:
                self._waits.wait(LOOK_SECONDS)

    def send_due(self) -> None:
        """Try every mail that is due, once. Raises what the database raises."""
        with self._engine.connect() as connection:
            self._tidy(connection)
            while due := outbox.due(connection, self._now(), AT_ONCE):
                if not self._send_these(connection, due):
                    break

    @cached_property
    def _engine(self) -> sa.Engine:
        """Of connections in no transaction: the mail server may take longer than the database lets one be."""
        return create_engine(self._registry["cr.engine"].url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")

    def _tidy(self, connection: sa.Connection) -> None:
        """Once in a while, whether there is anything to send or not."""
        now = self._now()
        if self._tidied_at is not None and now < self._tidied_at + TIDY_EVERY:
            return
        outbox.purge(connection, now)
        # Whoever writes such a row purges some; on a quiet site nobody may write one for long.
        for table in (join_links, sessions, mailed_links, guests):
            while purge(connection, table, now):
                pass
        self._tidied_at = now

    def _send_these(self, connection: sa.Connection, due: list[UUID]) -> bool:
        """Whether to look for more at once: some were tried, and the others have a chance."""
        tried = False
        for mail_id in due:
            if self._stop_at is not None:
                return False
            with _held(connection, mail_id) as ours:
                # Read only now: whoever held it before may have sent it.
                mail = outbox.if_due(connection, mail_id, self._now()) if ours else None
                if mail is None:
                    continue
                tried = True
                try:
                    self._send(connection, mail)
                except MailFailed as failure:
                    self._put_off(connection, mail, failure)
                    if failure.everybody:
                        self._put_off_others(connection, failure.reason)
                        return False
        return tried

    def _send(self, connection: sa.Connection, mail: Any) -> None:
        """Raises `MailFailed`."""
        if mail.id not in self._taken:
            try:
                self._mailer.send_immediately(
                    compose(
                        self._settings,
                        mail.recipient,
                        mail.subject,
                        mail.text,
                        at=mail.written_at,
                        message_id=mail.message_id,
                        reply_to=mail.reply_to,
                    )
                )
            except MailFailed:
                raise
            except Exception as error:
                # Of this mail alone: it can't be written as mails are. No text of the error, which may repeat it.
                log.error("Mail %s could not be made: %s", mail.id, type(error).__name__)
                raise MailFailed("The mail could not be sent.", lasting=True) from error
            self._taken.add(mail.id)
        # Nothing between the mail server's word and this: who dies here has the mail sent a second time.
        outbox.sent(connection, mail.id, self._now())
        self._taken.discard(mail.id)

    def _put_off(self, connection: sa.Connection, mail: Any, failure: MailFailed) -> None:
        now = self._now()
        waited = now - mail.written_at
        if failure.lasting or (waited >= GIVEN_UP_AFTER and mail.attempts):
            log.error("Mail %s is given up. %s", mail.id, failure.reason)
            outbox.give_up(connection, mail.id, now, failure.reason, self._settings.organizer_inquiry_to)
        else:
            longest = AWAY_LONGEST if failure.everybody else LONGEST
            outbox.put_off(connection, mail.id, now + min(max(waited, SHORTEST), longest), failure.reason)

    def _put_off_others(self, connection: sa.Connection, reason: str) -> None:
        """Nothing goes out at the moment. None of them is given up: each is tried itself before that."""
        now = self._now()
        waited = sa.literal(now) - outbox.outbox.c.written_at
        pause = sa.func.least(sa.func.greatest(waited, SHORTEST), AWAY_LONGEST)
        outbox.put_off_others(connection, now, now + pause, reason)

    def _now(self) -> datetime:
        now: datetime = self._registry["cr.clock"]()
        return now


@contextmanager
def _held(connection: sa.Connection, mail_id: UUID) -> Iterator[bool]:
    """The lock on one mail; False where another process is sending it."""
    key = int.from_bytes(mail_id.bytes[:8], signed=True)
    held = bool(connection.scalar(sa.select(sa.func.pg_try_advisory_lock(key))))
    try:
        yield held
    finally:
        if held and not connection.invalidated:
            connection.execute(sa.select(sa.func.pg_advisory_unlock(key)))
