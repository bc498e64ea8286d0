"""What commands for operators share: a database, one line for what can't be done, an orderly end by a signal."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import sqlalchemy as sa
from eventsourcing.persistence import MapperDeserialisationError

from cr.db import create_engine, is_disconnect
from cr.output import all_or_error, give_up
from cr.settings import SettingsError, database_url

IMPOSSIBLE = 2
"""Exit code of what could not be done."""

UNREAD = 128 + signal.SIGPIPE

UNREADABLE = "The log has an event that this version of the site can't read"

REASONS = {
    "42P01": "The tables are missing. Run first: alembic -c production.ini upgrade head",
    "42501": "The database's user may not do this",
    "25006": "The database's user may only read",
}
"""By SQLSTATE."""


class Ended(BaseException):
    """SIGINT, which is Ctrl-C, or SIGTERM came."""

    def __init__(self, number: int) -> None:
        self.number = number


def at_terminal(work: Callable[[sa.Engine], int], ended: str = "Stopped.") -> int:
    """The exit code of `work` on the database that CLOUDRON_POSTGRESQL_URL names.

    Otherwise one line on standard error, `ended` after a signal, and 2, 130 (Ctrl-C), 141 (nobody reads on) or 143
    (SIGTERM).
    """
    try:
        engine = create_engine(database_url(os.environ))
    except SettingsError as error:
        return failed(str(error))
    try:
        with all_or_error(), _signals_raise():
            code = work(engine)
            sys.stdout.flush()
            return code
    except Ended as end:
        if sys.stderr.isatty():
            sys.stderr.write("\n")  # behind a bar or the ^C
        failed(ended)
        return 128 + end.number
    except BrokenPipeError:
        give_up()
        failed("Not everything was written: nobody reads on.")
        return UNREAD
    except OSError as error:
        give_up()
        return failed(f"The output can't be written: {error.strerror}.")
    except MapperDeserialisationError as error:
        return failed(f"{UNREADABLE}: {error}")
    except sa.exc.DBAPIError as error:
        said = str(error.orig).strip().splitlines()[0]
        if is_disconnect(error):
            return failed(f"The database can't be reached: {said}")
        state = str(getattr(error.orig, "pgcode", None))
        if state in REASONS:
            return failed(REASONS[state] if state == "42P01" else f"{REASONS[state]}: {said}")
        raise
    finally:
        engine.dispose()


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def failed(line: str) -> int:
    sys.stderr.write(line + "\n")
    return IMPOSSIBLE


@contextmanager
def _signals_raise() -> Iterator[None]:
    """SIGINT and SIGTERM raise `Ended`, once: a second one ends the process at once, which harms nothing either."""

    def end(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise Ended(number)

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
