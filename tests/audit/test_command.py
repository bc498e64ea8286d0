"""`cr-replay` says what a file holds, finds what was changed in it, and can't be made to fail in any other way."""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from cr.audit.public import told as lines_of
from cr.events import rule as r
from cr.events.base import stamped
from tests.audit.commands import COMMAND, complained, cr_replay, told

RULE, ADA, BO = UUID(int=7), UUID(int=1), UUID(int=2)
NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)


def history(*facts: r.RuleEvent) -> bytes:
    """The file of a rule that these events happened to."""
    events = stamped(facts, of=RULE, after=0, actor=ADA, at=NOON)
    return b"".join(line.ndjson() for line in lines_of(events))


FIRST = r.Published(title="Elm Street", summary="A garden", document={"sections": [], "size": 4.0})
SECOND = r.Revised(
    revision=2,
    title="Elm Street Gardens",
    summary=None,
    document={"sections": [], "community": "Bücher"},
    decided_by="consent",
    decided_on=date(2026, 3, 11),
    record="Minutes 4",
    outside_rule=True,
    in_force_from=date(2999, 1, 1),
)
LIFE = history(
    FIRST,
    r.OrganizerJoined(organizer=BO),
    r.StakeholderInvited(stakeholder=UUID(int=3)),
    r.StakeholderAccepted(stakeholder=UUID(int=3)),
    SECOND,
)
HASHES = [json.loads(line)["sha256"] for line in LIFE.splitlines() if b'"sha256"' in line]


def test_it_tells_every_revision_and_the_state_at_the_end(tmp_path: Path) -> None:
    file = tmp_path / "history.ndjson"
    file.write_bytes(LIFE)
    run = cr_replay(file)
    assert (
        told(run)
        == f"""\
Revision 1  2026-03-12  Elm Street
  how it was decided is not said
  SHA-256 {HASHES[0]}  matches

Revision 2  2026-03-12  Elm Street Gardens
  decided by: consent, on 2026-03-11, in a way that the rule does not name
  record: Minutes 4
  SHA-256 {HASHES[1]}  matches

Rule {RULE} after event 5: Elm Street Gardens
  status: published
  newest: revision 2, in force from 2999-01-01
  in force on {datetime.now(UTC).date()}: revision 1
  organizers: 2
  stakeholders: 1, accepted by 1
  SHA-256 {HASHES[1]}

Every hash matches.
"""
    )
    assert (run.returncode, run.stderr) == (0, b"")
    assert cr_replay("-", stdin=LIFE).stdout == run.stdout


def test_the_rule_as_it_was_at_a_revision() -> None:
    run = cr_replay("-", "--revision", "1", stdin=LIFE)
    assert "after event 1: Elm Street\n" in told(run)
    assert "Revision 2" not in told(run)
    for number, digest in enumerate(HASHES, 1):
        run = cr_replay("-", "--revision", str(number), "--json", stdin=LIFE)
        assert (run.returncode, hashlib.sha256(run.stdout).hexdigest()) == (0, digest)
    assert cr_replay("-", "--json", stdin=LIFE).stdout == run.stdout


@pytest.mark.parametrize("number", ["0", "3", "-1"])
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_revision_that_is_not_there(number: str, more: list[str]) -> None:
    run = cr_replay("-", f"--revision={number}", *more, stdin=LIFE)
    assert run.returncode == 1
    assert complained(run) == f"cr-replay: There is no revision {number} in this file; the newest is 2.\n"


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (b"Elm Street Gardens", b"Elm Street Garden."),
        (b"A garden", b"A Garden"),
        ("Bücher".encode(), b"Bucher"),
        (b'"size":4.0', b'"size":4.5'),
        (b'"decidedBy":"consent"', b'"decidedBy":"consens"'),
        (b"2026-03-11", b"2026-03-10"),
        (b"Minutes 4", b"Minutes 5"),
        (b'"outsideRule":true', b'"outsideRule":false'),
        (b"2999-01-01", b"2999-01-02"),
        (b'"decisionMethod":null', b'"decisionMethod":"x"'),
        (HASHES[1].encode(), (HASHES[1][:-1] + ("0" if HASHES[1][-1] != "0" else "1")).encode()),
        (f'"sha256":"{HASHES[0]}"'.encode(), b'"sha256":null'),
    ],
)
def test_one_letter_that_was_changed_is_found(was: bytes, now: bytes) -> None:
    assert was in LIFE
    tampered = LIFE.replace(was, now)
    run = cr_replay("-", stdin=tampered)
    assert run.returncode == 1
    assert "DIFFERS, the file says" in told(run)
    assert "Every hash matches." not in told(run)
    changed = next(line for line in tampered.splitlines() if line not in LIFE.splitlines())
    number = str(json.loads(changed)["revision"])
    run = cr_replay("-", "--revision", number, "--json", stdin=tampered)
    assert (run.returncode, run.stdout) == (1, b"")
    assert "DIFFERS" in complained(run)


def test_other_spaces_and_another_order_of_keys_change_nothing() -> None:
    lines = [json.dumps(dict(reversed(json.loads(line).items())), indent=None) for line in LIFE.splitlines()]
    assert cr_replay("-", stdin="\n".join(lines).encode()).stdout == cr_replay("-", stdin=LIFE).stdout


def test_a_broken_line_is_named() -> None:
    lines = LIFE.splitlines(keepends=True)
    run = cr_replay("-", stdin=b"".join([*lines[:2], *lines[3:]]))
    assert run.returncode == 1
    assert complained(run) == "cr-replay: Line 3: this is event 4; event 3 should stand here.\n"
    run = cr_replay("-", stdin=LIFE[:-40])
    assert (run.returncode, complained(run)) == (1, "cr-replay: Line 5: this is not JSON.\n")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "There is no event in this file."),
        (b"x" * (33 * 2**20), "Line 1: it is too long for an event of a rule. Is this the right file?"),
    ],
    ids=["empty", "one endless line"],
)
def test_a_file_that_is_no_history(content: bytes, sentence: str) -> None:
    run = cr_replay("-", stdin=content)
    assert (run.returncode, complained(run)) == (1, f"cr-replay: {sentence}\n")


def test_a_file_that_can_not_be_read(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none", "No such file or directory"), (tmp_path, "Is a directory")):
        run = cr_replay(path)
        assert (run.returncode, complained(run)) == (2, f"cr-replay: {path}: {reason}\n")
    assert cr_replay().returncode == 2


def test_a_text_without_canonical_form_is_no_fault() -> None:
    odd = history(r.Published(title="Odd", summary=None, document={"theirs": 2**60}))
    run = cr_replay("-", stdin=odd)
    assert run.returncode == 0
    assert "SHA-256 none: this text has no canonical JSON" in told(run)
    assert "No hash differs. What has no hash could not be checked." in told(run)
    run = cr_replay("-", "--json", stdin=odd)
    assert (run.returncode, complained(run)) == (1, "cr-replay: Revision 1 has no canonical JSON.\n")


def test_a_title_does_not_command_the_terminal() -> None:
    run = cr_replay("-", stdin=history(r.Published(title="Elm\x1b[2J\nEvery hash", summary=None, document={})))
    assert "\x1b" not in told(run)
    assert "Elm\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}Every hash\n" in told(run)


def test_a_withdrawn_rule_is_told_to_its_end() -> None:
    run = cr_replay("-", stdin=history(FIRST, r.Withdrawn(reason="Moved"), r.OwnerReleased()))
    assert "  status: withdrawn\n" in told(run)
    assert "in force on" not in told(run)
    assert "  organizers: 0\n" in told(run)


def test_a_reader_that_has_read_enough_hears_no_complaint(tmp_path: Path) -> None:
    file = tmp_path / "long"
    revisions = [r.Revised(revision=n, title="Elm " * 100, summary=None, document={}) for n in range(2, 2000)]
    file.write_bytes(history(FIRST, *revisions))
    run = subprocess.run(
        ["sh", "-c", f"'{COMMAND}' '{file}' | head -1"], capture_output=True, env={"PATH": "/usr/bin:/bin"}, check=True
    )
    assert (run.stdout, run.stderr) == (b"Revision 1  2026-03-12  Elm Street\n", b"")


def test_it_loads_nothing_that_it_does_not_need() -> None:
    program = "import sys, cr.audit.command; print(*{name.partition('.')[0] for name in sys.modules})"
    run = subprocess.run([sys.executable, "-c", program], env={}, capture_output=True, check=True, text=True)
    assert {"cr", "pydantic", "rfc8785"} <= {*run.stdout.split()}
    assert not {"pyramid", "sqlalchemy", "psycopg2", "eventsourcing", "jinja2", "waitress"} & {*run.stdout.split()}


def test_a_long_history_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    """500 revisions of 400 kB, in a process that may have 400 MB."""

    def no_more() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (400 * 2**20, 400 * 2**20))

    file = tmp_path / "long"
    document: dict[str, Any] = {"sections": [], "text": "x" * 400_000}
    with file.open("wb") as out:
        facts = (r.Revised(revision=n, title="Elm", summary=None, document=document) for n in range(2, 501))
        events = (
            stamped([fact], of=RULE, after=number, actor=ADA, at=NOON + timedelta(minutes=number))[0]
            for number, fact in enumerate([FIRST, *facts])
        )
        for line in lines_of(events):
            out.write(line.ndjson())
    run = subprocess.run([COMMAND, file], env={}, capture_output=True, preexec_fn=no_more, check=False)
    assert (run.returncode, run.stderr) == (0, b"")
    assert run.stdout.count(b"matches\n") == 500
