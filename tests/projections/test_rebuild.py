"""Read models say what the log says, can be thrown away, and are made anew while people read and write."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings

from cr.db import create_engine
from cr.events.application import Rules
from cr.events.store import events
from cr.projections import ALL, BY_NAME
from cr.projections.command import main
from cr.projections.rebuild import REBUILD_LOCK, RebuildRunning, check, rebuild, status
from tests.development.processes import until
from tests.projections.lives import NOON, live, lives, sample_life


def rows(engine: sa.Engine) -> dict[str, Any]:
    """Everything the live tables hold."""
    with engine.connect() as connection:
        return {
            table.name: connection.execute(sa.select(table).order_by(*table.primary_key.columns)).all()
            for projection in ALL
            for table in projection.tables
        }


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(life=lives)
def test_rebuilt_rows_equal_live_rows_for_any_life(engine: sa.Engine, life: list[Any]) -> None:
    live(engine, life)
    before = rows(engine)
    assert all(each.unexplained == each.missing == 0 for each in check(engine, ALL))
    rebuild(engine, ALL)
    assert rows(engine) == before


def test_every_step_of_the_sample_life_counts(engine: sa.Engine) -> None:
    assert live(engine, sample_life()) == len(sample_life())
    assert {len(found) > 0 for found in rows(engine).values()} == {True}


@pytest.mark.parametrize(
    ("damage", "table"),
    [
        ("UPDATE rules SET title = title || '.'", "rules"),
        ("DELETE FROM drafts WHERE status = 'discarded'", "drafts"),
        (
            """INSERT INTO histories (originator, version, at, sentence, topic)
            SELECT originator, -version, at, sentence, topic FROM histories""",
            "histories",
        ),
        ("UPDATE revisions SET html = html || ' '", "revisions"),
    ],
)
def test_check_finds_what_the_log_does_not_explain(engine: sa.Engine, damage: str, table: str) -> None:
    live(engine, sample_life())
    with engine.begin() as connection:
        connection.execute(sa.text(damage))
    differing = [each.table for each in check(engine, ALL) if each.unexplained or each.missing]
    assert differing == [table]
    rebuild(engine, [BY_NAME[table]])
    assert [each for each in check(engine, ALL) if each.unexplained or each.missing] == []


def test_check_leaves_nothing_behind(engine: sa.Engine) -> None:
    live(engine, sample_life())
    check(engine, ALL)
    assert schemas(engine) == {"public"}


def test_a_rebuild_goes_on_while_people_read_and_write_and_misses_nothing(
    engine: sa.Engine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cr.projections.rebuild.BATCH", 7)
    live(engine, sample_life())
    stop, written, looked, failures = threading.Event(), [0], [0], []
    least = {name: len(found) for name, found in rows(engine).items()}
    # Nobody may wait for longer than this: neither for a lock nor for an answer.
    impatient = create_engine(database_url)
    sa.event.listen(
        impatient,
        "begin",
        lambda connection: connection.exec_driver_sql(
            "SET LOCAL statement_timeout = '3s'; SET LOCAL lock_timeout = '3s'"
        ),
    )

    def all_the_time(task: Callable[[], None]) -> None:
        while not stop.is_set():
            try:
                task()
            except Exception as error:  # reported by the test
                failures.append(error)

    def write() -> None:
        with impatient.begin() as connection:
            Rules(lambda: nullcontext(connection)).start_draft(uuid4(), NOON, {"title": "Busy"})
        written[0] += 1

    def look() -> None:
        for name, found in rows(impatient).items():
            assert len(found) >= least[name], name
        with impatient.connect() as connection:
            # One statement is one moment.
            log = "SELECT count(*) FROM events WHERE topic ="
            count = sa.text(f"SELECT (SELECT count(*) FROM drafts), ({log} 'draft.Started') - ({log} 'draft.Erased')")
            drafts, explained = connection.execute(count).one()
        assert drafts == explained
        looked[0] += 1

    people = [threading.Thread(target=all_the_time, args=(task,)) for task in (write, write, look, look)]
    for person in people:
        person.start()
    for _ in range(5):
        rebuild(engine, ALL)
    stop.set()
    for person in people:
        person.join()
    impatient.dispose()
    assert failures == []
    assert written[0] > 0
    assert looked[0] > 0
    assert [each for each in check(engine, ALL) if each.unexplained or each.missing] == []
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM drafts WHERE title = 'Busy'")) == written[0]


def test_a_reader_who_then_writes_does_not_stop_a_rebuild_for_good(engine: sa.Engine) -> None:
    """The swap needs the table that the request has read; the request needs the log that the swap holds."""
    live(engine, sample_life())
    read, finish = threading.Event(), threading.Event()

    def request() -> None:
        with engine.begin() as connection:
            connection.execute(sa.text("SELECT count(*) FROM drafts"))
            read.set()
            finish.wait(10)
            Rules(lambda: nullcontext(connection)).start_draft(uuid4(), NOON, {"title": "Slow"})

    slow = threading.Thread(target=request)
    slow.start()
    assert read.wait(10)
    threading.Timer(1, finish.set).start()
    rebuild(engine, ALL)
    slow.join()
    assert [each for each in check(engine, ALL) if each.unexplained or each.missing] == []


def test_a_killed_rebuild_leaves_the_old_rows_and_the_next_one_works(engine: sa.Engine, database_url: str) -> None:
    live(engine, sample_life())
    before = rows(engine)

    victim = create_engine(database_url)
    with pytest.raises(Killed):
        rebuild(victim, ALL, killed_when(lambda done, head: True))
    victim.dispose()
    assert rows(engine) == before
    rebuild(engine, ALL)
    assert rows(engine) == before
    assert schemas(engine) == {"public"}


def killed_when(reached: Callable[[int, int], bool]) -> Callable[[int, int], None]:
    """A progress that ends its rebuild."""

    def progress(done: int, head: int) -> None:
        if reached(done, head):
            raise Killed

    return progress


class Killed(BaseException):
    pass


def test_a_stopped_rebuild_is_taken_up_where_it_was(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cr.projections.rebuild.BATCH", 3)
    live(engine, sample_life())
    before = rows(engine)
    with pytest.raises(Killed):
        rebuild(engine, ALL, killed_when(lambda done, head: done > head / 2))
    with engine.connect() as connection:
        standing = status(connection)
        number = connection.scalar(sa.text("SELECT count(*) FROM events")) or 0
    assert all(each.reached is not None and not each.running and not each.stale for each in standing)
    # What renders comes last and had not begun.
    assert sorted({each.reached for each in standing})[0] == 0
    done = {each.name: each.reached for each in standing}
    assert 0 < (done["drafts"] or 0) < number
    assert rebuild(engine, [BY_NAME["drafts"]]) == number, "another choice begins afresh"

    for choice in ([BY_NAME["drafts"], BY_NAME["rules"]], [BY_NAME["drafts"]]):
        with pytest.raises(Killed):
            rebuild(engine, choice, killed_when(lambda done, head: done > head / 2))
    with engine.begin() as connection:
        left = connection.execute(
            sa.text("SELECT count(*) FROM events WHERE position > (SELECT position FROM rebuild.progress)")
        ).scalar_one()
    live(engine, sample_life())
    appended = number
    assert rebuild(engine, [BY_NAME["drafts"]]) == left + appended
    assert len(rows(engine)["drafts"]) == 2 * len(before["drafts"])
    assert [each for each in check(engine, ALL) if each.unexplained or each.missing] == []


def test_what_was_begun_by_other_code_is_begun_afresh(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    live(engine, sample_life())
    drafts = BY_NAME["drafts"]
    with pytest.raises(Killed):
        rebuild(engine, [drafts], killed_when(lambda done, head: True))
    monkeypatch.setattr(drafts, "version", "next")
    with engine.connect() as connection:
        number = connection.scalar(sa.text("SELECT count(*) FROM events"))
        found = {each.name: each for each in status(connection)}
    assert found["drafts"].stale
    assert found["drafts"].lag == found["drafts"].head > 0
    assert found["drafts"].reached is None
    assert found["rules"].lag == 0
    assert rebuild(engine, [drafts]) == number


def test_the_lag_is_what_a_rebuild_has_still_to_do(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cr.projections.rebuild.BATCH", 3)
    live(engine, sample_life())
    monkeypatch.setattr(BY_NAME["drafts"], "version", "next")

    def standing() -> Any:
        with engine.connect() as connection:
            return next(each for each in status(connection) if each.name == "drafts")

    assert (standing().position, standing().lag) == (0, standing().head)
    seen = []
    with pytest.raises(Killed):
        rebuild(engine, [BY_NAME["drafts"]], killed_when(lambda done, head: seen.append(standing()) or done > head / 2))
    assert all(each.running and each.position + each.lag == each.head for each in seen)
    assert len({each.lag for each in seen}) == len(seen) > 1
    assert sorted(seen, key=lambda each: -each.lag) == seen
    stopped = standing()
    assert not stopped.running
    assert stopped.stale
    assert stopped.lag == seen[-1].lag
    rebuild(engine, [BY_NAME["drafts"]])
    assert (standing().lag, standing().position) == (0, standing().head)


def test_a_process_of_its_own_replays_what_is_slow(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("cr.projections.rebuild.WORTH_HELP", 0)
    live(engine, sample_life())
    before = rows(engine)
    rebuild(engine, ALL)
    assert rows(engine) == before
    assert caplog.messages == []


@pytest.mark.parametrize("python", ["/bin/false", "/nowhere"])
def test_without_that_process_it_works_as_well(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, python: str
) -> None:
    monkeypatch.setattr("cr.projections.rebuild.WORTH_HELP", 0)
    monkeypatch.setattr("sys.executable", python)
    live(engine, sample_life())
    before = rows(engine)
    rebuild(engine, ALL)
    assert rows(engine) == before
    assert caplog.messages == ["The process that replays revisions ended early. It goes on here."]


def test_what_that_process_says_at_last_is_passed_on(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho Traceback >&2\necho 'MemoryError: no room' >&2\nexit 1\n")
    python.chmod(0o755)
    monkeypatch.setattr("cr.projections.rebuild.WORTH_HELP", 0)
    monkeypatch.setattr("sys.executable", str(python))
    live(engine, sample_life())
    rebuild(engine, ALL)
    assert caplog.messages == [
        "The process that replays revisions ended early (MemoryError: no room). It goes on here."
    ]


def test_rebuilt_tables_have_their_indices(engine: sa.Engine) -> None:
    def indices() -> set[str]:
        with engine.connect() as connection:
            return set(connection.scalars(sa.text("SELECT indexname FROM pg_indexes WHERE schemaname = 'public'")))

    declared = {index.name for projection in ALL for table in projection.tables for index in table.indexes}
    before = indices()
    assert declared <= before
    rebuild(engine, ALL)
    assert indices() == before


def test_two_rebuilds_do_not_run_at_once(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_lock(REBUILD_LOCK)))
        with pytest.raises(RebuildRunning):
            rebuild(engine, ALL)
        with pytest.raises(RebuildRunning):
            check(engine, ALL)


def test_a_rebuild_outlasts_a_long_append(engine: sa.Engine) -> None:
    live(engine, sample_life())
    appended, finish = threading.Event(), threading.Event()

    def append() -> None:
        with engine.begin() as connection:
            Rules(lambda: nullcontext(connection)).start_draft(uuid4(), NOON, {"title": "Slow"})
            appended.set()
            finish.wait(10)

    slow = threading.Thread(target=append)
    slow.start()
    assert appended.wait(10)
    threading.Timer(1, finish.set).start()
    rebuild(engine, ALL)
    slow.join()
    assert [each for each in check(engine, ALL) if each.unexplained or each.missing] == []


def schemas(engine: sa.Engine) -> set[str]:
    with engine.connect() as connection:
        names = connection.scalars(sa.text("SELECT nspname FROM pg_namespace"))
        return {name for name in names if not name.startswith("pg_") and name != "information_schema"}


# --- The command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def at_terminal(engine: sa.Engine, database_url: str, monkeypatch: pytest.MonkeyPatch) -> sa.Engine:
    monkeypatch.setenv("CLOUDRON_POSTGRESQL_URL", database_url)
    live(engine, sample_life())
    return engine


def test_check_says_equal_or_not(at_terminal: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "drafts: equal",
        "begun: equal",
        "histories: equal",
        "rules: equal",
        "revisions: equal",
        "organizers: equal",
        "invitations: equal",
        "writers: equal",
    ]
    with at_terminal.begin() as connection:
        connection.execute(sa.text("DELETE FROM rules"))
    assert main(["check", "rules"]) == 1
    assert "rules: NOT equal; 0 rows unexplained" in capsys.readouterr().out


def test_status_tells_people_and_programs(at_terminal: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [projection.name for projection in ALL]
    number = len(rows(at_terminal)["drafts"])
    assert f"version {BY_NAME['drafts'].version} up to date; {number} rows; lag 0; made 20" in lines[0]
    assert main(["status", "--json"]) == 0
    found = {each["name"]: each for each in map(json.loads, capsys.readouterr().out.splitlines())}
    assert set(found) == set(BY_NAME)
    drafts = found["drafts"]
    assert (drafts["rows"], drafts["lag"], drafts["stale"], drafts["running"]) == (number, 0, False, False)
    assert drafts["position"] == drafts["head"] > drafts["rebuilt_at_position"] == 0
    assert drafts["built"] == drafts["wanted"] == BY_NAME["drafts"].version


def test_status_of_read_models_that_were_never_made(at_terminal: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    with at_terminal.begin() as connection:
        connection.execute(sa.text("DELETE FROM projections WHERE name = 'rules'"))
    assert main(["status"]) == 1
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("rules"))
    assert "version none" in line
    assert f"STALE, the code has {BY_NAME['rules'].version}" in line
    with at_terminal.connect() as connection:
        found = {each.name: each for each in status(connection)}
    assert found["rules"].lag == found["rules"].head
    assert found["rules"].rows is None


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_rebuild_can_be_stopped(
    at_terminal: sa.Engine, capsys: pytest.CaptureFixture[str], number: signal.Signals, code: int
) -> None:
    before = rows(at_terminal)
    script = "import sys; from cr.projections.command import main; sys.exit(main())"
    with (
        at_terminal.begin() as reading,
        subprocess.Popen(
            [sys.executable, "-c", script, "rebuild", "--all"], stderr=subprocess.PIPE, text=True
        ) as process,
    ):
        # As long as somebody reads a table, the new one can't take its place.
        reading.execute(sa.text("SELECT count(*) FROM rules"))

        def caught_up() -> bool:
            with at_terminal.connect() as connection:
                return all(each.running and each.reached == each.head for each in status(connection))

        until(caught_up)
        assert main(["status"]) == 0
        assert "being rebuilt, at position" in capsys.readouterr().out
        process.send_signal(number)
        _, complaint = process.communicate()
        assert process.returncode == code
        assert [line for line in complaint.splitlines() if not line.startswith("Rebuilding ")] == [
            "Stopped. The read models are as they were; the next rebuild of the same ones goes on from here."
        ]
    assert rows(at_terminal) == before
    assert main(["status"]) == 0
    assert "its rebuild was stopped, at position" in capsys.readouterr().out
    assert main(["rebuild", "--all"]) == 0
    assert ": 0 events in" in capsys.readouterr().out
    assert rows(at_terminal) == before
    assert schemas(at_terminal) == {"public"}


def test_a_raised_version_is_stale_until_rebuilt(
    at_terminal: sa.Engine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["status"]) == 0
    monkeypatch.setattr(BY_NAME["rules"], "version", "next")
    assert main(["status"]) == 1
    assert "STALE" in capsys.readouterr().out
    assert main(["check"]) == 1
    assert main(["rebuild", "--stale"]) == 0
    assert "Rebuilt rules: " in capsys.readouterr().out
    assert main(["rebuild", "--stale"]) == 0
    assert main(["status"]) == 0
    with at_terminal.connect() as connection:
        assert [each.stale for each in status(connection)] == [False] * len(ALL)


@pytest.mark.parametrize(
    ("arguments", "environment", "line"),
    [
        (["rebuild"], {}, "Say which"),
        (["rebuild", "--all"], {"CLOUDRON_POSTGRESQL_URL": ""}, "CLOUDRON_POSTGRESQL_URL"),
        (["check"], {"CLOUDRON_POSTGRESQL_URL": "postgres://nobody@127.0.0.1:1/none"}, "can't be reached"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    at_terminal: sa.Engine,
    arguments: list[str],
    environment: dict[str, str],
    line: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert line in error
    assert error.count("\n") == 1


ODD = '{"reason": 7, "at": "2026-03-12T12:00:00Z"}'


@pytest.mark.parametrize(
    ("command", "topic", "state", "reason"),
    [
        ("check", "rule.Sung", "{}", "there is no 'rule.Sung'"),
        ("check", "rule.Withdrawn", ODD, "reason: Input should be a valid string"),
        ("rebuild", "rule.Withdrawn", ODD, "reason: Input should be a valid string"),
        ("rebuild", "rule.Withdrawn", "Elm Street", "Invalid JSON: expected value at line 1 column 1"),
    ],
)
def test_an_event_that_cannot_be_read_is_one_line(
    at_terminal: sa.Engine, capsys: pytest.CaptureFixture[str], command: str, topic: str, state: str, reason: str
) -> None:
    before = rows(at_terminal)
    with at_terminal.begin() as connection:
        position = connection.execute(
            sa.insert(events)
            .values(originator_id=UUID(int=7), originator_version=3, topic=topic, state=state)
            .returning(events.c.position)
        ).scalar_one()
    assert main([command, "drafts", "rules"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "The log has an event that this version of the site can't read: "
        f"position {position}, {topic} {UUID(int=7)} version 3: {reason}"
    )
    assert rows(at_terminal) == before


def test_an_unmigrated_database_is_one_line(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLOUDRON_POSTGRESQL_URL", empty_database_url)
    assert main(["status"]) == 2
    assert "alembic" in capsys.readouterr().err
