"""`cr-projections`: rebuild, check and show the read models. Reads CLOUDRON_POSTGRESQL_URL."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence

import sqlalchemy as sa

from cr.db import create_engine, is_disconnect
from cr.projections import ALL, BY_NAME
from cr.projections.base import Projection
from cr.projections.rebuild import RebuildRunning, check, rebuild, stale, status
from cr.settings import SettingsError, database_url


def main(argv: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done, 1 not equal or stale, 2 could not be done."""
    parser = argparse.ArgumentParser(
        prog="cr-projections", description="Rebuild, check and show the read models that pages are made of."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, summary in (
        ("rebuild", "replay the log into new tables and swap them in, while the site goes on"),
        ("check", "replay the log into a scratch copy and compare it with the live tables, row by row"),
    ):
        command = commands.add_parser(name, help=summary, description=summary)
        command.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BY_NAME))
        command.add_argument("--all", action="store_true", help="every read model")
        if name == "rebuild":
            command.add_argument("--stale", action="store_true", help="those that are older than the code")
    commands.add_parser("status", help="one line for each: version, position, rows; exit 1 when one is stale")
    options = parser.parse_args(argv)

    unknown = [name for name in getattr(options, "names", ()) if name not in BY_NAME]
    if unknown:
        parser.error(f"no read model is called {', '.join(unknown)}; there are {', '.join(BY_NAME)}")
    try:
        engine = create_engine(database_url(os.environ))
    except SettingsError as error:
        return _failed(str(error))
    try:
        return {"rebuild": _rebuild, "check": _check, "status": _status}[options.command](engine, options)
    except RebuildRunning:
        return _failed("Another rebuild or check is running. Wait for it, or stop it, then try again.")
    except sa.exc.DBAPIError as error:
        if is_disconnect(error):
            return _failed(f"The database can't be reached: {str(error.orig).strip().splitlines()[0]}")
        if getattr(error.orig, "pgcode", None) == "42P01":
            return _failed("The tables are missing. Run first: alembic -c production.ini upgrade head")
        raise
    finally:
        engine.dispose()


def _chosen(options: argparse.Namespace) -> Sequence[Projection]:
    return [BY_NAME[name] for name in options.names] or ALL


def _rebuild(engine: sa.Engine, options: argparse.Namespace) -> int:
    if not (options.names or options.all or options.stale):
        return _failed("Say which: a NAME, --all or --stale.")
    if options.stale:
        with engine.connect() as connection:
            chosen: Sequence[Projection] = stale(connection)
        if not chosen:
            _say("Every read model is as the code wants it.")
            return 0
    else:
        chosen = _chosen(options)
    names = ", ".join(projection.name for projection in chosen)
    started = time.monotonic()
    count = rebuild(engine, chosen, _progress(f"Rebuilding {names}"))
    _say(f"Rebuilt {names}: {count:,} events in {time.monotonic() - started:.1f} s.")
    return 0


def _check(engine: sa.Engine, options: argparse.Namespace) -> int:
    with engine.connect() as connection:
        old = stale(connection)
    chosen = [projection for projection in _chosen(options) if projection not in old]
    for projection in _chosen(options):
        if projection in old:
            _say(f"{projection.name}: stale, rebuild it first")
    differences = check(engine, chosen, _progress("Checking"))
    for each in differences:
        if each.unexplained or each.missing:
            _say(f"{each.table}: NOT equal; {each.unexplained} rows unexplained, {each.missing} rows missing or other")
        else:
            _say(f"{each.table}: equal")
    equal = all(not (each.unexplained or each.missing) for each in differences)
    return 0 if equal and len(chosen) == len(_chosen(options)) else 1


def _status(engine: sa.Engine, options: argparse.Namespace) -> int:
    with engine.connect() as connection:
        rows = status(connection)
    for each in rows:
        if each.built is None:
            _say(f"{each.name:12} never built (the code has version {each.wanted})")
            continue
        state = f"STALE, the code has {each.wanted}" if each.stale else "up to date"
        _say(
            f"{each.name:12} version {each.built:12} {state}; {each.rows:,} rows; "
            f"rebuilt at position {each.position:,} of {each.head:,}"
        )
    return 1 if any(each.stale for each in rows) else 0


def _progress(what: str):  # type: ignore[no-untyped-def]
    """A bar on a terminal; elsewhere a line every five seconds."""
    terminal = sys.stderr.isatty()
    last = time.monotonic() - (10 if terminal else 0)

    def show(done: int, head: int) -> None:
        nonlocal last
        now = time.monotonic()
        finished = done >= head
        if now - last < (0.1 if terminal else 5) and not (finished and terminal):
            return
        last = now
        share = done / head if head else 1
        if terminal:
            bar = "█" * int(share * 30)
            sys.stderr.write(f"\r{what}  {bar:30} {share:4.0%}" + ("\n" if finished else ""))
        else:
            sys.stderr.write(f"{what}: {share:.0%}\n")
        sys.stderr.flush()

    return show


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _failed(line: str) -> int:
    sys.stderr.write(line + "\n")
    return 2
