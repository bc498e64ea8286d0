"""`cr-projections`: rebuild, check and show the read models. Reads CLOUDRON_POSTGRESQL_URL."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict

import sqlalchemy as sa
from pydantic_core import to_json

from cr.projections import ALL, BY_NAME
from cr.projections.base import Projection
from cr.projections.rebuild import Progress, RebuildRunning, Status, check, rebuild, stale, status
from cr.terminal import at_terminal, failed, say

STOPPED = "Stopped. The read models are as they were; the next rebuild of the same ones goes on from here."


def main(argv: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done, 1 not equal or stale, 2 could not be done, 128 and more ended from outside."""
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
    summary = "one line for each: version, rows, lag, and how far a rebuild is; exit 1 when one is stale"
    commands.add_parser("status", help=summary, description=summary).add_argument(
        "--json", action="store_true", help="one JSON object for each, for programs"
    )
    options = parser.parse_args(argv)

    unknown = [name for name in getattr(options, "names", ()) if name not in BY_NAME]
    if unknown:
        parser.error(f"no read model is called {', '.join(unknown)}; there are {', '.join(BY_NAME)}")
    work = {"rebuild": _rebuild, "check": _check, "status": _status}[options.command]

    def alone(engine: sa.Engine) -> int:
        try:
            return work(engine, options)
        except RebuildRunning:
            return failed("Another rebuild or check is running. Wait for it, or stop it, then try again.")

    return at_terminal(alone, STOPPED if options.command == "rebuild" else "Stopped.")


def _chosen(options: argparse.Namespace) -> Sequence[Projection]:
    return [BY_NAME[name] for name in options.names] or ALL


def _rebuild(engine: sa.Engine, options: argparse.Namespace) -> int:
    if not (options.names or options.all or options.stale):
        return failed("Say which: a NAME, --all or --stale.")
    if options.stale:
        with engine.connect() as connection:
            chosen: Sequence[Projection] = stale(connection)
        if not chosen:
            say("Every read model is as the code wants it.")
            return 0
    else:
        chosen = _chosen(options)
    names = ", ".join(projection.name for projection in chosen)
    started = time.monotonic()
    count = rebuild(engine, chosen, _progress(f"Rebuilding {names}"))
    say(f"Rebuilt {names}: {count:,} events in {time.monotonic() - started:.1f} s.")
    return 0


def _check(engine: sa.Engine, options: argparse.Namespace) -> int:
    with engine.connect() as connection:
        old = stale(connection)
    chosen = [projection for projection in _chosen(options) if projection not in old]
    for projection in _chosen(options):
        if projection in old:
            say(f"{projection.name}: stale, rebuild it first")
    differences = check(engine, chosen, _progress("Checking"))
    for each in differences:
        if each.unexplained or each.missing:
            say(f"{each.table}: NOT equal; {each.unexplained} rows unexplained, {each.missing} rows missing or other")
        else:
            say(f"{each.table}: equal")
    equal = all(not (each.unexplained or each.missing) for each in differences)
    return 0 if equal and len(chosen) == len(_chosen(options)) else 1


def _status(engine: sa.Engine, options: argparse.Namespace) -> int:
    with engine.connect() as connection:
        found = status(connection, count=True)
    for each in found:
        say(_object(each) if options.json else _line(each))
    return 1 if any(each.stale for each in found) else 0


def _object(each: Status) -> str:
    return to_json({**asdict(each), "stale": each.stale, "position": each.position, "lag": each.lag}).decode()


def _line(each: Status) -> str:
    parts = [f"{each.name:12} version {each.built or 'none':12}"]
    if each.stale:
        parts.append(f"STALE, the code has {each.wanted}")
    else:
        parts.append("up to date")
    if each.rows is not None:
        parts.append(f"{each.rows:,} rows")
    parts.append(f"lag {each.lag:,}")
    if each.rebuilt_at_position is not None:
        parts.append(f"made {each.rebuilt_at:%Y-%m-%d %H:%M} at position {each.rebuilt_at_position:,} of {each.head:,}")
    if each.reached is not None:
        what = "being rebuilt" if each.running else "its rebuild was stopped"
        parts.append(f"{what}, at position {each.reached:,}")
    return "; ".join(parts).replace("; ", " ", 1)


def _progress(what: str) -> Progress:
    """A bar on a terminal; elsewhere a line every five seconds. Both with the speed and what it says of the end."""
    terminal = sys.stderr.isatty()
    began: tuple[float, int] | None = None
    last = time.monotonic() - (10 if terminal else 0)

    def show(done: int, head: int) -> None:
        nonlocal began, last
        now = time.monotonic()
        began = began or (now, done)
        finished = done >= head
        if now - last < (0.1 if terminal else 5) and not (finished and terminal):
            return
        last = now
        share = done / head if head else 1
        rate = (done - began[1]) / (now - began[0]) if now > began[0] else 0
        pace = f"{rate:9,.0f}/s" + (f", {_duration((head - done) / rate)} left" if rate and not finished else "")
        if terminal:
            bar = "█" * int(share * 30)
            # To the end of the line, for the one before may have been longer.
            sys.stderr.write(f"\r{what}  {bar:30} {share:4.0%} {pace}\x1b[K" + ("\n" if finished else ""))
        else:
            sys.stderr.write(f"{what}: {share:.0%},{pace}\n")
        sys.stderr.flush()

    return show


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
