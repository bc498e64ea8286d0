"""What `scripts/serve` runs: the database, its migrations and read models, then the site, until a signal ends it all.

Everything it keeps is in one folder (`var/`): PostgreSQL's data, uploads, the secret that sessions are signed with.
"""

from __future__ import annotations

import argparse
import errno
import fcntl
import logging
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import alembic.command
import alembic.config
import alembic.util
import sqlalchemy as sa
import waitress
from pyramid.paster import get_app, setup_logging

from cr.catalog.seed import main as seed
from cr.development.postgres import Postgres, PostgresError
from cr.mail.delivery import Deliverer
from cr.projections.command import main as projections
from cr.settings import Settings, SettingsError

ROOT = Path(__file__).resolve().parents[2]
INI = ROOT / "development.ini"


class CannotServe(Exception):
    """The site can't be served; the message is one line that says what to do."""


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGINT, SIGTERM or SIGHUP: 0. What stands in the way is said in one line: 1."""
    parser = argparse.ArgumentParser(prog="scripts/serve", description="Serve the site from this folder.")
    parser.add_argument("--var", type=Path, default=ROOT / "var", help="the folder that keeps its data (%(default)s)")
    var = parser.parse_args(argv).var.absolute()
    _end_on_signals()
    try:
        _serve(var)
    except KeyboardInterrupt:
        pass
    except (CannotServe, PostgresError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 1
    except sa.exc.OperationalError as error:
        print(f"The database can't be reached: {str(error.orig).splitlines()[0]}", file=sys.stderr)
        return 1
    except alembic.util.CommandError as error:
        print(f"The database can't be migrated: {error}. Is it from a newer version of this project?", file=sys.stderr)
        return 1
    print("Stopped.")
    return 0


def _serve(var: Path) -> None:
    with ExitStack() as held:
        held.enter_context(_alone(var))
        settings = _settings(var)
        sockets = held.enter_context(_listening(settings.port))
        setup_logging(str(INI))
        if not settings.database_url:
            with _step(f"Starting PostgreSQL, data in {var / 'postgres'}"):
                postgres = held.enter_context(Postgres(var / "postgres"))
            os.environ["CLOUDRON_POSTGRESQL_URL"] = postgres.url
            print(f"For cr-projections, cr-events, cr-mail: export CLOUDRON_POSTGRESQL_URL='{postgres.url}'")
        with _step("Migrating the database"):
            log = logging.getLogger("alembic.runtime.migration")
            log.setLevel(logging.INFO)
            log.addFilter(_is_migration)
            alembic.command.upgrade(alembic.config.Config(INI), "head")
        with _step("Filling the catalogue"):
            if seed([]):
                raise CannotServe("The catalogue could not be filled; the reason is above.")
        with _step("Looking whether read models must be rebuilt"):
            if projections(["rebuild", "--stale"]):
                raise CannotServe("The read models could not be rebuilt; the reason is above.")
        app = get_app(str(INI))
        # As `cr.serve` has it: `cr.proxy` decides whose word about the sender is believed.
        site = waitress.create_server(app, sockets=sockets, ident=None, clear_untrusted_proxy_headers=False)
        held.enter_context(Deliverer(app.registry))
        print(f"Serving on http://localhost:{settings.port} (Ctrl-C ends it)")
        site.run()


def _is_migration(record: logging.LogRecord) -> bool:
    """Of alembic's messages only those that say which migration is applied."""
    return record.getMessage().startswith("Running")


def _end_on_signals() -> None:
    numbers = [signal.SIGINT, signal.SIGTERM]
    # Under nohup the site outlives its terminal.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)

    def end(number: int, frame: FrameType | None) -> None:
        # A second signal ends at once; PostgreSQL ends in order even then.
        for each in numbers:
            signal.signal(each, signal.SIG_DFL)
        raise KeyboardInterrupt

    for each in numbers:
        signal.signal(each, end)


@contextmanager
def _alone(var: Path) -> Iterator[None]:
    var.mkdir(parents=True, exist_ok=True)
    with (var / "serve.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise CannotServe(
                f"scripts/serve already runs in this folder (process {lock.read()}). End it first."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _settings(var: Path) -> Settings:
    """The environment, completed with what a developer need not set."""
    if not os.environ.get("SESSION_SECRET", "").strip():
        os.environ["SESSION_SECRET"] = _secret(var / "session-secret")
    if not os.environ.get("UPLOAD_ROOT", "").strip():
        uploads = var / "uploads"
        uploads.mkdir(exist_ok=True)
        os.environ["UPLOAD_ROOT"] = str(uploads)
    return Settings.from_environment(os.environ, production=False)


def _secret(file: Path) -> str:
    """The secret kept in `file`, so that a restart signs nobody out; made when there is none."""
    if not file.exists():
        unfinished = file.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as out:
            out.write(secrets.token_hex(32))
        unfinished.rename(file)
    return file.read_text()


@contextmanager
def _listening(port: int) -> Iterator[list[socket.socket]]:
    """Sockets on every address of localhost. Opened before all else: a browser that comes early waits for the site."""
    with ExitStack() as held:
        sockets = []
        found = socket.getaddrinfo("localhost", port, type=socket.SOCK_STREAM)
        for family, kind, protocol, address in {
            (family, kind, protocol, address) for family, kind, protocol, _, address in found
        }:
            listener = held.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                listener.bind(address)
                listener.listen(1024)
            except OSError as error:
                if error.errno == errno.EADDRNOTAVAIL:
                    # The name is known for a kind of address that this machine does not have.
                    continue
                if error.errno == errno.EADDRINUSE:
                    raise CannotServe(f"Port {port} is in use. Set PORT to another one, or end what uses it.") from None
                raise CannotServe(f"Port {port} can't be used: {error.strerror}. Set PORT to another one.") from None
            sockets.append(listener)
        yield sockets


@contextmanager
def _step(what: str) -> Iterator[None]:
    print(f"{what} ...", flush=True)
    started = time.monotonic()
    yield
    print(f"  done in {time.monotonic() - started:.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
