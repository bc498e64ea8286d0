"""`cr-serve production.ini`: brings the database up to date and serves the site, until a signal ends it.

Cloudron starts an app before, after or without its database, and a site that is served says more than one that is not:
so the server comes first and answers 503 until the database is there, migrated, and its read models are as the code
wants them. Several servers may do this at once on one database.
"""

from __future__ import annotations

import argparse
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import alembic.command
import alembic.config
import alembic.util
import sqlalchemy as sa
import waitress
from eventsourcing.persistence import MapperDeserialisationError
from pyramid.paster import get_app, setup_logging
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import BaseWSGIServer

from cr import page_cache
from cr.db import is_disconnect
from cr.mail.delivery import Deliverer
from cr.projections.rebuild import RebuildRunning, rebuild, stale
from cr.settings import Settings, SettingsError
from cr.terminal import UNREADABLE

log = logging.getLogger(__name__)

THREADS = 8
"""Requests worked on at once, each with one of the connections of `cr.db`'s pool."""

CONNECTIONS = 500
"""Open at once, most of them idle between two requests. Others wait until one of these closes."""

LARGEST_BODY = 32 * 2**20
"""Bytes. What is larger never reaches the site, whose own limits are lower and say in words what to do."""

DRAIN_SECONDS = 8
"""For requests that run when the end is asked for. Docker, and so Cloudron, kills after ten."""

RETRY_SECONDS = 2

LOCK_NOT_AVAILABLE = "55P03"


class Server:
    """The site on listening sockets. Requests that run when it is stopped are answered before `run` returns."""

    def __init__(self, app: Any, sockets: Sequence[socket.socket]) -> None:
        self._stopping = False
        self._open: dict[int, Any] = {}
        self._dispatcher = waitress.create_server(
            app,
            map=self._open,
            sockets=list(sockets),
            threads=THREADS,
            connection_limit=CONNECTIONS,
            max_request_body_size=LARGEST_BODY,
            # `cr.proxy` decides whose X-Forwarded-* are believed; waitress would remove them before it sees them.
            clear_untrusted_proxy_headers=False,
            ident=None,
        ).task_dispatcher

    def run(self) -> None:
        """Serve until `stop`."""
        while not self._stopping:
            self._turn(0.5)
        self._drain()

    def stop(self) -> None:
        """Ask `run` to return. From any thread, or from a signal handler."""
        self._stopping = True

    def _turn(self, timeout: float) -> None:
        wasyncore.loop(timeout=timeout, use_poll=True, map=self._open, count=1)

    def _drain(self) -> None:
        for listener in self._of(BaseWSGIServer):
            listener.del_channel()
            listener.socket.close()
        # What had arrived already is read before any connection counts as idle.
        self._turn(0)
        deadline = time.monotonic() + DRAIN_SECONDS
        while busy := self._close_idle():
            if time.monotonic() > deadline:
                log.warning("%d requests were not finished after %d s and are cut off", busy, DRAIN_SECONDS)
                break
            self._turn(0.1)
        self._dispatcher.shutdown(timeout=1)

    def _close_idle(self) -> int:
        """Close the connections on which nothing is under way; the number of the others."""
        busy = 0
        for channel in self._of(HTTPChannel):
            if channel.requests or channel.request or channel.total_outbufs_len:
                busy += 1
            else:
                channel.handle_close()
        return busy

    def _of(self, kind: type) -> list[Any]:
        return [each for each in self._open.values() if isinstance(each, kind)]


class Preparation:
    """Makes the database ready in a thread of its own, waiting for it as long as it takes.

    Until then the site has no database at all, so that nobody meets a table that isn't there yet.
    """

    def __init__(self, app: Any, ini: str, server: Server) -> None:
        self.failed = False
        self._registry, self._ini, self._server = app.registry, ini, server
        self.mail = Deliverer(app.registry)
        self._parked = {name: self._registry[name] for name in ("cr.engine", "cr.session_factory")}

    def start(self) -> None:
        if self._parked["cr.engine"] is None:
            return
        self._registry.update(dict.fromkeys(self._parked))
        threading.Thread(target=self._run, name="preparation", daemon=True).start()

    def _run(self) -> None:
        engine: sa.Engine = self._parked["cr.engine"]
        said = None
        try:
            while (obstacle := bring_up_to_date(engine, self._ini)) is not None:
                if obstacle != said:
                    log.warning("Every page answers 503 for now. %s", obstacle)
                    said = obstacle
                time.sleep(RETRY_SECONDS)
        except alembic.util.CommandError as error:
            self._fail(f"The database can't be migrated: {error}. Is it from a newer version of the site?")
        except MapperDeserialisationError as error:
            self._fail(f"{UNREADABLE}: {error}.")
        except Exception:
            log.exception("What follows stopped the database from being brought up to date")
            self._fail("The database can't be brought up to date; the reason stands above.")
        else:
            self._registry.update(self._parked)
            page_cache.follow(self._registry)
            self.mail.start()
            log.info("The database is ready")

    def _fail(self, reason: str) -> None:
        log.error("%s The server ends.", reason)
        self.failed = True
        self._server.stop()


def bring_up_to_date(engine: sa.Engine, ini: str) -> str | None:
    """Migrate, and rebuild the read models that are older than the code: None when both are done.

    Otherwise what has to be waited for before trying again, as a sentence. Raises what waiting does not mend.
    """
    try:
        with engine.connect():
            pass
        alembic.command.upgrade(alembic.config.Config(ini), "head")
        with engine.connect() as connection:
            behind = stale(connection)
        if behind:
            log.info("Rebuilding %s", ", ".join(projection.name for projection in behind))
            log.info("Rebuilt from %s events", f"{rebuild(engine, behind):,}")
    except RebuildRunning:
        return "Another server is rebuilding the read models."
    except sa.exc.SQLAlchemyError as error:
        if is_disconnect(error):
            return f"The database can't be reached: {_first_line(error)}"
        if getattr(getattr(error, "orig", None), "pgcode", None) == LOCK_NOT_AVAILABLE:
            return f"Another server, or a long transaction, holds what must be migrated: {_first_line(error)}"
        raise
    return None


def _first_line(error: sa.exc.SQLAlchemyError) -> str:
    return str(getattr(error, "orig", error)).strip().splitlines()[0]


def main(argv: Sequence[str] | None = None) -> int:
    """Exit codes: 0 ended by a signal; 1 the environment or the database is not fit, which one line says why."""
    parser = argparse.ArgumentParser(prog="cr-serve", description="Serve the site on 0.0.0.0, port $PORT or 3000.")
    parser.add_argument("ini", nargs="?", default="production.ini", help="configuration file (%(default)s)")
    ini: str = parser.parse_args(argv).ini
    if not Path(ini).is_file():
        parser.error(f"there is no file {ini}")
    setup_logging(ini)
    try:
        app = get_app(ini)
        listener = _listen(app.registry["cr.settings"])
    except SettingsError as error:
        sys.stderr.write(f"The site can't start. {error}\n")
        return 1
    server = Server(app, [listener])
    preparation = Preparation(app, ini, server)

    def end(number: int, frame: FrameType | None) -> None:
        server.stop()
        preparation.mail.stop()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, end)
    preparation.start()
    log.info("Serving on port %d", listener.getsockname()[1])
    server.run()
    preparation.mail.stop()
    preparation.mail.join()
    log.info("Stopped")
    return int(preparation.failed)


def _listen(settings: Settings) -> socket.socket:
    try:
        return socket.create_server(("0.0.0.0", settings.port), backlog=1024)  # noqa: S104 - a container's own network
    except OSError as error:
        raise SettingsError(f"PORT: {settings.port} can't be listened on: {error.strerror}") from None
