"""How fast the log and the read models are: `python -m tests.performance.log [MEASUREMENT...] [--events N...]`.

Prints figures and asserts nothing. Everything happens on PostgreSQL servers that are thrown away afterwards. What is
measured, and what came of it, is told in docs/performance.md.
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import alembic.command
import alembic.config
import psutil
import psycopg2
import sqlalchemy as sa
from eventsourcing.persistence import EventStore

from cr.db import create_engine
from cr.development.postgres import Postgres
from cr.events.base import JsonMapper, recorded
from cr.events.draft import ValueDescribed
from cr.events.keys import keys_of
from cr.events.store import Recorder, read
from cr.projections import ALL
from cr.projections.rebuild import rebuild
from tests.performance.filling import fill

ROOT = Path(__file__).parents[2]
PLAIN = "INSERT INTO plain (originator_id, originator_version, topic, state) VALUES (%s, %s, %s, %s)"
STATE = (
    '{"actor":"2f0e7a52-5b34-4c1b-9a3b-0a4b8f0d3c11","at":"2026-03-12T12:00:00Z","value":"care","label":"Care",'
    '"fields":{"meaning":"We look after each other, and after what we share."}}'
)

KEY = bytes(32)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.performance.log", description=__doc__)
    measurements = {"appends": appends, "replay": replay, "rebuild": rebuilt}
    parser.add_argument("measurements", nargs="*", metavar="MEASUREMENT", help=f"of {', '.join(measurements)}; all")
    sizes = [10_000, 100_000, 1_000_000]
    parser.add_argument("--events", type=int, nargs="+", default=sizes, help="sizes of the log to replay (%(default)s)")
    parser.add_argument("--seconds", type=float, default=2, help="of each run of appends (%(default)s)")
    parser.add_argument("--repeats", type=int, default=5, help="of each measurement of appends (%(default)s)")
    parser.add_argument("--durable", action="store_true", help="on disk, each commit waited for")
    options = parser.parse_args(argv)
    logging.disable(logging.INFO)
    for name in options.measurements or measurements:
        measurements[name](options)


@contextmanager
def database(*, durable: bool) -> Iterator[str]:
    """The address of a migrated database without events."""
    with tempfile.TemporaryDirectory() as folder, Postgres(Path(folder) / "postgres" if durable else None) as server:
        # The server's user has to get to its data.
        Path(folder).chmod(0o755)
        os.environ["CLOUDRON_POSTGRESQL_URL"] = server.url
        alembic.command.upgrade(alembic.config.Config(ROOT / "development.ini"), "head")
        with closing(engine_of(server.url)) as engine:
            rebuild(engine, ALL)
        yield server.url


def engine_of(url: str) -> Any:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg2://"))
    engine.close = engine.dispose  # type: ignore[attr-defined]
    return engine


# --- Appends ----------------------------------------------------------------------------------------------------------


@contextmanager
def plain(url: str) -> Iterator[Callable[[], None]]:
    """INSERT and COMMIT as psycopg2 sends them, into a table of the same columns, key and index."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:

        def append() -> None:
            cursor.execute(PLAIN, (str(uuid4()), 1, "draft.ValueDescribed", STATE))
            connection.commit()

        yield append


@contextmanager
def ours(url: str) -> Iterator[Callable[[], None]]:
    """An event object through mapper and recorder, in a transaction of its own on a connection that is there."""
    with closing(engine_of(url)) as engine, engine.connect() as connection:
        store = EventStore(JsonMapper(lambda draft: KEY), Recorder(lambda: nullcontext(connection)))

        def append() -> None:
            store.put([event()])
            connection.commit()

        yield append


@contextmanager
def pooled(url: str) -> Iterator[Callable[[], None]]:
    """The same, with the connection taken from the pool and asked whether it lives, each time."""
    with closing(engine_of(url)) as engine:
        store = EventStore(JsonMapper(lambda draft: KEY), Recorder(engine.begin))
        yield lambda: store.put([event()])


WRITERS = {"plain": plain, "ours": ours, "pooled": pooled}


def event() -> ValueDescribed:
    fields = {"meaning": "We look after each other, and after what we share."}
    return ValueDescribed(
        originator_id=uuid4(), originator_version=1, value="care", label="Care", fields=fields, actor=uuid4()
    )


def appends(options: argparse.Namespace) -> None:
    with database(durable=options.durable) as url:
        with closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE plain (LIKE events INCLUDING ALL)")
        ways = (("1 writer", in_threads(1)), ("8 threads", in_threads(8)), ("8 processes", in_processes(8)))
        for label, way in ways:
            runs: dict[str, list[float]] = {name: [] for name in WRITERS}
            with way as run:
                for _ in range(options.repeats):
                    for name, each in runs.items():
                        each.append(run(name, url, options.seconds))
            ratios = [
                f"{name} {median(a / b for a, b in zip(runs[name], runs['plain'], strict=True)):.2f}"
                for name in ("ours", "pooled")
            ]
            rates = ", ".join(
                f"{name} {median(each):,.0f} ({min(each):,.0f} to {max(each):,.0f})" for name, each in runs.items()
            )
            print(f"appends, {label:12} share of plain: {', '.join(ratios)}; a second: {rates}", flush=True)


Run = Callable[[str, str, float], float]
"""(way to append, database, seconds) -> appends a second."""


@contextmanager
def in_threads(number: int) -> Iterator[Run]:
    """So many threads together."""
    together = threading.Barrier(number)

    def run(name: str, url: str, seconds: float) -> float:
        done: list[int] = []
        threads = [
            threading.Thread(target=lambda: done.append(_appended(name, url, seconds, together))) for _ in range(number)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(done) / seconds

    yield run


_together: Any = None
"""In a process of `in_processes`: what all of them wait at."""


@contextmanager
def in_processes(number: int) -> Iterator[Run]:
    """The same of so many processes."""
    context = get_context("spawn")
    with context.Pool(number, _get_ready, (context.Barrier(number),)) as pool:
        yield (
            lambda name, url, seconds: sum(pool.starmap(_task, [(name, url, seconds)] * number, chunksize=1)) / seconds
        )


def _get_ready(barrier: Any) -> None:
    global _together
    _together = barrier


def _task(name: str, url: str, seconds: float) -> int:
    return _appended(name, url, seconds, _together)


def _appended(name: str, url: str, seconds: float, together: Any) -> int:
    """How many appends one writer did, from when all of them were ready."""
    done = 0
    with WRITERS[name](url) as append:
        append()
        together.wait()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            append()
            done += 1
    return done


# --- Replays ----------------------------------------------------------------------------------------------------------


def replay(options: argparse.Namespace) -> None:
    """Reading, decoding and the handlers of every read model, without writing rows: what Python does alone."""
    _with_logs(options, "replay")


def rebuilt(options: argparse.Namespace) -> None:
    """`cr-projections rebuild --all`."""
    _with_logs(options, "rebuild")


def _with_logs(options: argparse.Namespace, what: str) -> None:
    for size in options.events:
        with database(durable=options.durable) as url:
            fill(url, size)
            # A fresh process each, so that its memory is its own.
            subprocess.run([sys.executable, "-m", "tests.performance.log_process", what, url, str(size)], check=True)


def replay_once(engine: sa.Engine, head: int) -> None:
    with engine.connect() as connection:
        for batch in read(connection, after=0, to=head):
            keys = keys_of(connection, {row.originator_id for row in batch})
            for row in batch:
                event = recorded(keys, *row)
                for projection in ALL:
                    list(projection.operations(event))


class Peak:
    """The most memory that this process and its children had together, in MiB, looked at ten times a second."""

    def __enter__(self) -> Peak:
        self.most = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        me = psutil.Process()
        while not self._over.wait(0.1):
            together = 0
            for process in (me, *me.children()):
                try:
                    together += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            self.most = max(self.most, together / 2**20)


if __name__ == "__main__":
    main()
