"""`cr-events`: show, follow and copy the log. It only reads, and a database user that may only read is enough.

Drafts are in the log, and nobody but those who write them may see them: what these commands print is for operators.
`show` and `tail` open what is sealed, with the keys that are there; an export is the log as it stands.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from cr.events import rule as rules
from cr.events.keys import draft_keys, keys_of
from cr.events.sealing import MARK, Place, boxed, unsealed
from cr.events.store import events, read, settled_head
from cr.output import escaped, printable
from cr.terminal import at_terminal, failed, say

RULES = sorted(kind.TOPIC for kind in rules.EVENTS)

PAUSE = 1.0
"""Seconds between two looks at the log."""

PRIVATE = (
    "Drafts are in this copy, sealed with keys that are not. Who wrote when is in clear, and so are drafts from before "
    "there were keys. Keep it from everybody else."
)
NOT_PUBLIC = "Rules that were withdrawn and ids of accounts are in this copy. It is not for the public."


def main(argv: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done, 1 there is no such thing, 2 could not be done, 128 and more ended from outside."""
    options = _parser().parse_args(argv)
    if options.command == "show":
        try:
            originator = UUID(options.id)
        except ValueError:
            return failed(f"{options.id!r} is no id. Take it from the address of a rule or draft: 36 characters.")
        return at_terminal(lambda engine: _show(engine, originator, _form(options)))
    if options.command == "tail":
        return at_terminal(lambda engine: _tail(engine, options.number, _form(options), follow=options.follow))
    return at_terminal(lambda engine: _export(engine, rules_only=options.rules_only))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cr-events", description="Show, follow and copy the log of events. Drafts are in it: for operators only."
    )
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, summary: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=summary, description=summary)

    show = command("show", "every event of one rule or draft; exit 1 when there is none")
    show.add_argument("id", metavar="RULE|DRAFT", help="the id, as in its address")
    tail = command("tail", "the last events of the log")
    tail.add_argument("-n", dest="number", type=_count, default=10, help="how many (%(default)s)")
    tail.add_argument("-f", dest="follow", action="store_true", help="and all that follow, until Ctrl-C")
    for each in (show, tail):
        each.add_argument(
            "--json", action="store_true", help="as lines of export, but opened, and with escapes for a terminal's sake"
        )
    export = command("export", "the whole log as lines of JSON, to keep a copy elsewhere")
    export.add_argument("--rules-only", action="store_true", help="without drafts")
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must not be negative")
    return number


Keys = Mapping[UUID, bytes] | None
"""Of drafts; None where this database user may not read them."""

Form = Callable[[Any, Keys], str]
"""A row of the log as it is printed."""


def _form(options: argparse.Namespace) -> Form:
    if options.json:
        return lambda row, keys: escaped(line(row, _opened(row, keys)))
    return paragraph if options.command == "show" else summary


def line(row: Any, state: str) -> str:
    """One JSON object. `state` comes last, byte for byte."""
    header = {
        "position": row.position,
        "id": str(row.originator_id),
        "version": row.originator_version,
        "topic": row.topic,
        "recorded_at": row.recorded_at.isoformat(),
    }
    return f'{json.dumps(header, separators=(",", ":"))[:-1]},"state":{state}}}'


def paragraph(row: Any, keys: Keys) -> str:
    """Number, time, topic and actor, and below them what the event says."""
    state = _state(row, keys)
    head = f"{row.originator_version}  {_when_what_who(row, state)}"
    said = json.dumps(state, indent=2, ensure_ascii=False).split("\n")
    return "\n".join((head, *map(printable, said), ""))


def summary(row: Any, keys: Keys) -> str:
    """All of it in one line."""
    state = _state(row, keys)
    head = f"{row.position}  {_when_what_who(row, state)}  {row.originator_id} {row.originator_version}"
    return f"{head}  {printable(json.dumps(state, ensure_ascii=False))}"


def _state(row: Any, keys: Keys) -> dict[str, Any]:
    """Of an event that nobody can read, the text that stands there."""
    try:
        state = json.loads(_opened(row, keys))
    except ValueError:
        state = None
    return state if isinstance(state, dict) else {"unreadable": row.state}


def _opened(row: Any, keys: Keys) -> str:
    """The state in clear; where that can't be, why."""
    box = boxed(row.state) if row.topic.startswith("draft.") else None
    if box is None:
        return str(row.state)
    if keys is None:
        why = "this database user may not read its key"
    elif row.originator_id not in keys:
        why = "its key was erased"
    else:
        try:
            place = Place(row.originator_id, row.originator_version, row.topic)
            return unsealed(keys[row.originator_id], place, box).decode()
        except ValueError as error:
            why = str(error)
    return f'{box.clear}{MARK}{why}"}}'


def _when_what_who(row: Any, state: dict[str, Any]) -> str:
    """Takes time and actor out of the state."""
    at, actor = state.pop("at", None), state.pop("actor", None)
    return f"{at}  {printable(row.topic)}  {actor or 'operators'}"


SHOWN_AT_ONCE = 100
"""Events of one draft or rule."""


def _show(engine: sa.Engine, originator: UUID, form: Form) -> int:
    version = events.c.originator_version
    shown = 0
    with _reading(engine) as connection:
        query = sa.select(events).where(events.c.originator_id == originator).order_by(version)
        while rows := connection.execute(query.where(version > shown).limit(SHOWN_AT_ONCE)).all():
            _print(connection, rows, form)
            shown = rows[-1].originator_version
    if not shown:
        failed(f"No event is about {originator}.")
    return 0 if shown else 1


def _tail(engine: sa.Engine, number: int, form: Form, *, follow: bool) -> int:
    head = settled_head(engine)
    newest = sa.select(sa.func.max(events.c.position))
    with _reading(engine) as connection:
        last = sa.select(events).where(events.c.position <= head).order_by(events.c.position.desc()).limit(number)
        _print(connection, connection.execute(last).all()[::-1], form)
    while follow:
        sys.stdout.flush()
        time.sleep(PAUSE)
        with _reading(engine) as connection:
            if (connection.scalar(newest) or 0) <= head:
                continue
        done, head = head, settled_head(engine)
        with _reading(engine) as connection:
            for batch in read(connection, after=done, to=head, columns=tuple(events.c)):
                _print(connection, batch, form)
    return 0


def _export(engine: sa.Engine, *, rules_only: bool) -> int:
    sys.stderr.write(f"{NOT_PUBLIC if rules_only else PRIVATE}\n")
    head, count = settled_head(engine), 0
    topics = RULES if rules_only else ()
    with _reading(engine) as connection:
        for batch in read(connection, after=0, to=head, topics=topics, columns=tuple(events.c)):
            for row in batch:
                say(line(row, row.state))
            count += len(batch)
    sys.stdout.flush()
    sys.stderr.write(f"Copied {count:,} events, up to position {head:,}.\n")
    return 0


def _reading(engine: sa.Engine) -> sa.Connection:
    """A connection without transactions: who reads our output may pause for as long as they like, and the database
    ends what sits in one. What is in the log stays as it is, so that no transaction has to hold it.
    """
    return engine.connect().execution_options(isolation_level="AUTOCOMMIT")


def _print(connection: sa.Connection, rows: Sequence[Any], form: Form) -> None:
    may = connection.scalar(sa.select(sa.func.has_table_privilege(draft_keys.name, "SELECT")))
    keys = keys_of(connection, {row.originator_id for row in rows}) if may else None
    for row in rows:
        say(form(row, keys))
