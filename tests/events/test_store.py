"""The log keeps the library's promises, and PostgreSQL keeps ours."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent
from eventsourcing.tests.persistence import AggregateRecorderTestCase, ApplicationRecorderTestCase

from cr.db import is_disconnect
from cr.events.store import Recorder, events, read, safe_head, snapshots
from tests.development.processes import until


class _OfTheLibrary:
    """Gives the library's unittest cases this test's database."""

    engine: sa.Engine

    @pytest.fixture(autouse=True)
    def _database(self, engine: sa.Engine, request: pytest.FixtureRequest) -> None:
        request.cls.engine = engine


class TestRecorder(_OfTheLibrary, ApplicationRecorderTestCase[Any]):
    def create_recorder(self) -> Recorder:
        return Recorder(self.engine.begin)

    def close_db_connection(self, *args: Any) -> None:
        """The engine's pool is closed by its fixture."""


class TestSnapshots(_OfTheLibrary, AggregateRecorderTestCase):
    def create_recorder(self) -> Any:
        recorder = Recorder(self.engine.begin, snapshots)

        class WithoutPositions:
            """The case of the library expects that an aggregate recorder numbers nothing."""

            select_events = recorder.select_events

            @staticmethod
            def insert_events(stored: list[StoredEvent], **kwargs: Any) -> None:
                recorder.insert_events(stored, **kwargs)

        return WithoutPositions()


def stored(version: int = 1, originator: Any = None) -> StoredEvent:
    return StoredEvent(originator or uuid4(), version, "topic", b'{"a": "\xc3\xa4"}')


def test_the_state_is_kept_byte_for_byte(engine: sa.Engine) -> None:
    event = stored()
    recorder = Recorder(engine.begin)
    recorder.insert_events([event])
    assert recorder.select_events(event.originator_id) == [event]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET topic = 'other'",
        "UPDATE events SET topic = 'other' WHERE false",
        "DELETE FROM events",
        "TRUNCATE events",
        "TRUNCATE events CASCADE",
    ],
)
def test_postgresql_refuses_to_change_the_log(engine: sa.Engine, statement: str) -> None:
    Recorder(engine.begin).insert_events([stored()])
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), engine.begin() as connection:
        connection.execute(sa.text(statement))
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(events)) == 1


def test_the_database_says_when_an_event_was_recorded(engine: sa.Engine) -> None:
    Recorder(engine.begin).insert_events([stored()])
    with engine.connect() as connection:
        recorded_at, now = connection.execute(sa.select(events.c.recorded_at, sa.func.now())).one()
    assert recorded_at <= now


def test_a_version_is_appended_once(engine: sa.Engine) -> None:
    originator = uuid4()
    recorder = Recorder(engine.begin)
    together, outcomes = threading.Barrier(8), []

    def append() -> None:
        together.wait()
        try:
            recorder.insert_events([stored(1, originator)])
            outcomes.append("appended")
        except IntegrityError:
            outcomes.append("refused")

    run_together(append, times=8)
    assert sorted(outcomes) == ["appended"] + ["refused"] * 7


def test_the_safe_head_waits_for_an_append_under_way(engine: sa.Engine) -> None:
    """The trap: position 1 is handed out, position 2 commits first. Who read up to 2 then would never see 1."""
    appended, finish = threading.Event(), threading.Event()

    @contextmanager
    def slow_transaction() -> Any:
        with engine.begin() as connection:
            yield connection
            appended.set()
            finish.wait(10)

    slow = threading.Thread(target=lambda: Recorder(slow_transaction).insert_events([stored()]))
    slow.start()
    assert appended.wait(10)
    Recorder(engine.begin).insert_events([stored()])
    heads: list[int] = []

    def ask() -> None:
        with engine.begin() as connection:
            heads.append(safe_head(connection))

    asking = threading.Thread(target=ask)
    asking.start()
    with engine.connect() as connection:
        wait_for_somebody_who_waits(connection)
    assert heads == []
    finish.set()
    slow.join()
    asking.join()
    with engine.connect() as connection:
        seen = [each.position for batch in read(connection, after=0, to=heads[0]) for each in batch]
    assert heads == [2]
    assert seen == [1, 2]


@pytest.mark.parametrize(
    "rows",
    ["VALUES (gen_random_uuid(), 1, 't', '{}')", "SELECT gen_random_uuid(), n, 't', '' FROM generate_series(1, 3) n"],
)
def test_no_writer_has_a_position_before_it_holds_the_lock(engine: sa.Engine, rows: str) -> None:
    """Whoever it is: here one who knows nothing of the recorder."""
    drawn = sa.text("SELECT is_called FROM events_position_seq")

    def forgetful() -> None:
        with engine.begin() as connection:
            append = f"INSERT INTO events (originator_id, originator_version, topic, state) {rows}"
            connection.execute(sa.text(append))

    writer = threading.Thread(target=forgetful)
    with engine.begin() as asking:
        assert safe_head(asking) == 0
        writer.start()
        with engine.connect() as connection:
            wait_for_somebody_who_waits(connection)
            assert connection.scalar(drawn) is False
    writer.join()
    with engine.connect() as connection:
        assert connection.scalar(drawn) is True
        assert connection.scalar(sa.select(sa.func.max(events.c.position))) >= 1


def test_snapshots_wait_for_nobody(engine: sa.Engine) -> None:
    with engine.begin() as asking:
        safe_head(asking)
        Recorder(engine.begin, snapshots).insert_events([stored()])


def test_positions_are_those_of_the_events_in_their_order(engine: sa.Engine) -> None:
    given = [stored(version) for version in range(1, 500)]
    positions = Recorder(engine.begin).insert_events(given)
    with engine.connect() as connection:
        rows = [row for batch in read(connection, after=0, to=10_000) for row in batch]
    assert [row.position for row in rows] == positions
    assert [row.originator_id for row in rows] == [event.originator_id for event in given]


def test_an_append_is_the_callers_to_roll_back(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        Recorder(lambda: nullcontext(connection)).insert_events([stored()])
        connection.rollback()
        assert connection.scalar(sa.select(sa.func.count()).select_from(events)) == 0


def test_a_connection_that_is_lost_is_noticed_and_not_used_again(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        victim = connection.scalar(sa.select(sa.func.pg_backend_pid()))
        with engine.connect() as other:
            other.execute(sa.select(sa.func.pg_terminate_backend(victim)))
        with pytest.raises(OperationalError) as lost:
            Recorder(lambda: nullcontext(connection)).insert_events([stored()])
        assert lost.value.__cause__
        assert is_disconnect(lost.value.__cause__)
        assert connection.invalidated
    assert Recorder(engine.begin).insert_events([stored()])


def test_an_append_that_waits_too_long_may_be_tried_again(engine: sa.Engine) -> None:
    with engine.begin() as asking, engine.connect() as connection:
        safe_head(asking)
        connection.execute(sa.text("SET LOCAL lock_timeout = '10ms'"))
        with pytest.raises(OperationalError, match="lock timeout") as busy:
            Recorder(lambda: nullcontext(connection)).insert_events([stored()])
        assert busy.value.__cause__
        assert not is_disconnect(busy.value.__cause__)
        assert not connection.invalidated


def test_reading_only_some_topics(engine: sa.Engine) -> None:
    topics = ["draft.Named", "rule.Published", "draft.Named", "rule.Revised"]
    originator = uuid4()
    Recorder(engine.begin).insert_events(
        [StoredEvent(originator, version, topic, b"{}") for version, topic in enumerate(topics, 1)]
    )
    with engine.connect() as connection:
        batches = list(read(connection, after=0, to=4, batch=1, topics=["rule.Published", "rule.Revised"]))
    assert [[row.originator_version for row in batch] for batch in batches] == [[2], [4]]


def test_reading_in_batches_misses_and_repeats_nothing(engine: sa.Engine) -> None:
    originator = uuid4()
    Recorder(engine.begin).insert_events([stored(version, originator) for version in range(1, 26)])
    with engine.connect() as connection:
        batches = list(read(connection, after=5, to=22, batch=7))
    assert [len(batch) for batch in batches] == [7, 7, 3]
    assert [each.originator_version for batch in batches for each in batch] == list(range(6, 23))


def test_a_batch_ends_when_it_is_heavy(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cr.events.store.BATCH_BYTES", 25)
    states = [10, 10, 10, 10, 100, 1]
    originator = uuid4()
    Recorder(engine.begin).insert_events(
        [StoredEvent(originator, version, "topic", b"x" * size) for version, size in enumerate(states, 1)]
    )
    with engine.connect() as connection:
        batches = list(read(connection, after=0, to=len(states)))
    assert [[len(each.state) for each in batch] for batch in batches] == [[10, 10, 10], [10, 100], [1]]


def wait_for_somebody_who_waits(connection: sa.Connection) -> None:
    """For an advisory lock."""
    waiting = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    until(lambda: bool(connection.scalar(waiting)))


def run_together(task: Callable[[], None], times: int) -> None:
    threads = [threading.Thread(target=task) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
