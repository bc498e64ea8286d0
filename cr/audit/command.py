"""`cr-replay`: checks the public history of a rule, offline: no database, no setting, no network."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, date, datetime
from typing import IO, Any

from cr.audit.lines import RevisionLine
from cr.audit.replay import BrokenHistory, State, replayed
from cr.output import all_or_error, give_up, printable

LINE_MOST = 32 * 2**20
"""Bytes. A revision has half a megabyte at most; what has longer lines is some other file."""


def main(argv: Sequence[str] | None = None) -> int:
    """Exit codes: 0 every hash matches, 1 one differs or the history is broken, 2 the file can't be read."""
    parser = argparse.ArgumentParser(
        prog="cr-replay",
        description="Check the public history of a rule (history.ndjson): whether every event is there, and whether "
        "the SHA-256 of each revision follows from its text.",
        epilog="Exit codes: 0 every hash matches; 1 one differs, or the history is broken; 2 the file can't be read.",
    )
    parser.add_argument("file", metavar="FILE", help="a file, or - for standard input")
    parser.add_argument("--revision", type=int, metavar="N", help="stop at revision N: the rule as it was then")
    parser.add_argument(
        "--json", action="store_true", help="write nothing but the canonical JSON of that revision, as it is hashed"
    )
    options = parser.parse_args(argv)
    try:
        with all_or_error(), _opened(options.file) as file:
            if isinstance(sys.stdout, io.TextIOWrapper):
                sys.stdout.reconfigure(errors="backslashreplace")
            code = _replay(file, options.revision, as_json=options.json)
        sys.stdout.flush()
        return code
    except BrokenHistory as error:
        return _failed(str(error))
    except BrokenPipeError:
        # Whoever reads has read enough.
        give_up()
        return 1
    except OSError as error:
        return _failed(f"{options.file}: {error.strerror or error}", status=2)


def _opened(name: str) -> Any:
    return nullcontext(sys.stdin.buffer) if name == "-" else open(name, "rb")


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    number = 0
    while line := file.readline(LINE_MOST):
        number += 1
        if len(line) == LINE_MOST:
            raise BrokenHistory(number, "it is too long for an event of a rule. Is this the right file?")
        yield line


def _replay(file: IO[bytes], until: int | None, *, as_json: bool) -> int:
    state: State | None = None
    in_force: RevisionLine | None = None
    differ = unknown = 0
    today = datetime.now(UTC).date()
    for line, state in replayed(_lines(file)):
        revision = state.newest
        if line is not revision:
            continue
        differ += not _matches(revision)
        unknown += revision.sha256 is None
        if not as_json:
            _tell(revision)
        if revision.in_force_from <= today:
            in_force = revision
        if revision.revision == until:
            break
    if state is None:
        return _failed("There is no event in this file.")
    if until not in (None, state.newest.revision):
        return _failed(f"There is no revision {until} in this file; the newest is {state.newest.revision}.")
    if as_json:
        return _write(state.newest)
    _summarize(state, in_force, today)
    _say(_verdict(differ, unknown))
    return 1 if differ else 0


def _matches(line: RevisionLine) -> bool:
    return line.hash() == line.sha256


def _tell(line: RevisionLine) -> None:
    how = f"decided by: {line.decided_by}" if line.decided_by else "how it was decided is not said"
    day = f", on {line.decided_on}" if line.decided_on else ""
    _say(f"Revision {line.revision}  {line.time:%Y-%m-%d}  {line.title}")
    _say(f"  {how}{day}{', in a way that the rule does not name' if line.outside_rule else ''}")
    if line.record:
        _say(f"  record: {line.record}")
    _say(f"  SHA-256 {_hash(line)}")
    _say("")


def _hash(line: RevisionLine) -> str:
    computed = line.hash()
    if computed == line.sha256:
        return f"{computed}  matches" if computed else "none: this text has no canonical JSON"
    return f"{computed or 'none'}  DIFFERS, the file says {line.sha256 or 'none'}"


def _summarize(state: State, in_force: RevisionLine | None, today: date) -> None:
    _say(f"Rule {state.rule} after event {state.event}: {state.newest.title}")
    _say(f"  status: {state.status}")
    _say(f"  newest: revision {state.newest.revision}, in force from {state.newest.in_force_from}")
    if state.status == "published" and in_force:
        _say(f"  in force on {today}: revision {in_force.revision}")
    _say(f"  organizers: {len(state.organizers) + (state.owner is not None)}")
    _say(f"  stakeholders: {len(state.stakeholders)}, accepted by {sum(state.stakeholders.values())}")
    _say(f"  SHA-256 {state.newest.hash() or 'none'}")
    _say("")


def _verdict(differ: int, unknown: int) -> str:
    if differ:
        return f"{differ} {'hash differs' if differ == 1 else 'hashes differ'}. This is not the history as it was told."
    return "No hash differs. What has no hash could not be checked." if unknown else "Every hash matches."


def _write(line: RevisionLine) -> int:
    if not _matches(line):
        return _failed(f"Revision {line.revision}: SHA-256 {_hash(line)}")
    try:
        sys.stdout.buffer.write(line.canonical())
    except ValueError:
        return _failed(f"Revision {line.revision} has no canonical JSON.")
    sys.stdout.buffer.flush()
    return 0


def _say(line: str) -> None:
    sys.stdout.write(printable(line) + "\n")


def _failed(sentence: str, status: int = 1) -> int:
    sys.stderr.write(f"cr-replay: {sentence}\n")
    return status
