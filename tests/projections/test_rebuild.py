"""Read models say what the log says, can be thrown away, and are made anew while people read and write."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings

from cr.db import create_engine
from cr.events.application import Rules
from cr.projections import ALL, BY_NAME
from cr.projections.command import main
from cr.projections.rebuild import REBUILD_LOCK, RebuildRunning, check, rebuild, status
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
            "INSERT INTO histories SELECT originator, -version, at, actor, sentence, revision, topic FROM histories",
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


def test_a_rebuild_goes_on_while_people_write_and_misses_nothing(engine: sa.Engine) -> None:
    live(engine, sample_life())
    stop, written, failures = threading.Event(), [0], []

    def write() -> None:
        while not stop.is_set():
            try:
                with engine.begin() as connection:
                    Rules(lambda: nullcontext(connection)).start_draft(uuid4(), NOON, {"title": "Busy"})
                written[0] += 1
            except Exception as error:  # reported by the test
                failures.append(error)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    for _ in range(5):
        rebuild(engine, ALL)
    stop.set()
    for writer in writers:
        writer.join()
    assert failures == []
    assert written[0] > 0
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

    class Killed(BaseException):
        pass

    def die(done: int, head: int) -> None:
        raise Killed

    victim = create_engine(database_url)
    with pytest.raises(Killed):
        rebuild(victim, ALL, die)
    victim.dispose()
    assert rows(engine) == before
    rebuild(engine, ALL)
    assert rows(engine) == before
    assert schemas(engine) == {"public"}


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
        "histories: equal",
        "rules: equal",
        "revisions: equal",
        "organizers: equal",
    ]
    with at_terminal.begin() as connection:
        connection.execute(sa.text("DELETE FROM rules"))
    assert main(["check", "rules"]) == 1
    assert "rules: NOT equal; 0 rows unexplained" in capsys.readouterr().out


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


def test_an_unmigrated_database_is_one_line(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLOUDRON_POSTGRESQL_URL", empty_database_url)
    assert main(["status"]) == 2
    assert "alembic" in capsys.readouterr().err
