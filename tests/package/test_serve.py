"""cr-serve with production.ini: how it starts, waits for its database, and ends."""

from __future__ import annotations

import signal
import socket
import threading
from uuid import UUID

import pytest
import sqlalchemy as sa

from cr.db import create_engine
from cr.events.store import events
from tests.fixtures.mail import free_port
from tests.package.running import Answer, Gate, Site, patiently, serving


def tables(url: str) -> set[str]:
    engine = create_engine(url)
    try:
        return set(sa.inspect(engine).get_table_names())
    finally:
        engine.dispose()


def test_an_empty_database_is_migrated_and_served(
    production: dict[str, str], gate: Gate, port: int, empty_database_url: str
) -> None:
    gate.open()
    with serving(port, **production) as site:
        assert site.until(200).json == {"ok": True, "database": "connected"}
        assert {"events", "alembic_version", "projections"} <= tables(empty_database_url)
        assert site.get("/rules").status == 200
        assert site.get("/api/rules").json == {"rules": []}

        site.process.send_signal(signal.SIGTERM)
        code, output = site.ended()
    assert code == 0
    assert "The database is ready" in output
    assert output.splitlines()[-1].endswith("Stopped")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_in_order(production: dict[str, str], port: int, number: signal.Signals) -> None:
    with serving(port, **production) as site:
        site.until(503)
        # A browser that keeps its connection holds nothing up.
        with socket.create_connection(("127.0.0.1", port)):
            site.process.send_signal(number)
            assert site.ended()[0] == 0


def test_what_runs_when_it_is_ended_is_answered(
    production: dict[str, str], gate: Gate, port: int, empty_database_url: str
) -> None:
    gate.open()
    engine = create_engine(empty_database_url)
    answers: list[Answer] = []
    with serving(port, **production) as site, engine.connect() as connection:
        site.until(200)
        connection.execute(sa.text("LOCK TABLE rules"))
        asking = threading.Thread(target=lambda: answers.append(site.get("/api/rules")))
        asking.start()
        blocked = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        for _ in patiently():
            if connection.scalar(blocked):
                break

        site.process.send_signal(signal.SIGTERM)
        until_refused(site)
        assert site.process.poll() is None
        connection.rollback()
        asking.join()
        assert site.ended()[0] == 0
    engine.dispose()
    assert [answer.status for answer in answers] == [200]


def until_refused(site: Site) -> None:
    for _ in patiently():
        try:
            socket.create_connection(("127.0.0.1", site.port)).close()
        except ConnectionRefusedError:
            return
        except ConnectionResetError:
            continue  # the listener closed in the middle of the handshake; the next one is refused


def test_a_request_half_sent_when_it_is_ended_is_answered(production: dict[str, str], port: int) -> None:
    with serving(port, **production) as site:
        site.until(503)
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"GET /api/health HTTP/1.1\r\nHost: x\r\n")
            # Answered after the half request has been read, for it came later and the server has one loop.
            site.get("/api/health")
            site.process.send_signal(signal.SIGTERM)
            until_refused(site)
            connection.sendall(b"\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 503 ")
        assert site.ended()[0] == 0


def test_the_site_comes_before_its_database_and_outlives_it(
    production: dict[str, str], gate: Gate, port: int, empty_database_url: str
) -> None:
    with serving(port, **production) as site:
        assert site.until(503).json == {"ok": False, "database": "disconnected"}
        assert site.get("/rules").status == 503
        assert site.get("/api/rules").json["error"]["code"] == "db_unavailable"
        assert tables(empty_database_url) == set()

        gate.open()
        site.until(200)
        assert site.get("/rules").status == 200

        gate.shut()
        site.until(503)
        assert site.get("/rules").status == 503

        gate.open()
        site.until(200)
        assert site.get("/rules").status == 200
        site.process.send_signal(signal.SIGTERM)
        code, output = site.ended()
    assert code == 0
    assert "Connection refused" in output


def test_without_a_database_it_serves_and_says_so(production: dict[str, str], port: int) -> None:
    del production["CLOUDRON_POSTGRESQL_URL"]
    with serving(port, **production) as site:
        assert site.until(503).json == {"ok": False, "database": "disconnected"}
        assert site.get("/").status == 503
        site.process.send_signal(signal.SIGTERM)
        code, output = site.ended()
    assert code == 0
    assert "CLOUDRON_POSTGRESQL_URL is not set" in output


def test_two_servers_may_start_at_once(
    production: dict[str, str], gate: Gate, port: int, empty_database_url: str
) -> None:
    gate.open()
    with serving(port, **production) as one, serving(free_port(), **production) as other:
        for site in (one, other):
            site.until(200)
            assert site.get("/api/rules").json == {"rules": []}
            site.process.send_signal(signal.SIGTERM)
            assert site.ended()[0] == 0


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"SESSION_SECRET": ""}, "SESSION_SECRET"),
        ({"CLOUDRON_MAIL_FROM": ""}, "SMTP_FROM"),
        ({"CLOUDRON_PROXY_IP": "the proxy"}, "CLOUDRON_PROXY_IP"),
        ({"METRICS_TOKEN": "too short"}, "METRICS_TOKEN"),
        ({"PAGE_CACHE_MB": "some"}, "PAGE_CACHE_MB"),
    ],
)
def test_an_unfit_environment_stops_the_start_with_one_line(
    production: dict[str, str], port: int, changes: dict[str, str], names: str
) -> None:
    with serving(port, **production | changes) as site:
        code, output = site.ended()
    assert code == 1
    assert len(output.splitlines()) == 1
    assert names in output


def test_a_port_in_use_stops_the_start_with_one_line(production: dict[str, str], port: int) -> None:
    del production["CLOUDRON_POSTGRESQL_URL"]
    with socket.create_server(("127.0.0.1", port)), serving(port, **production) as site:
        code, output = site.ended()
    assert code == 1
    assert output.splitlines()[-1].startswith(f"The site can't start. PORT: {port}")


def test_a_database_of_a_newer_version_stops_the_start(
    production: dict[str, str], gate: Gate, port: int, empty_database_url: str
) -> None:
    gate.open()
    engine = create_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)"))
        connection.execute(sa.text("INSERT INTO alembic_version VALUES ('9999')"))
    engine.dispose()
    with serving(port, **production) as site:
        code, output = site.ended()
    assert code == 1
    assert "9999" in output


def test_a_migration_that_fails_stops_the_start_with_its_reason(
    production: dict[str, str], gate: Gate, port: int, empty_database_url: str
) -> None:
    gate.open()
    engine = create_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE events (not_ours integer)"))
    engine.dispose()
    with serving(port, **production) as site:
        code, output = site.ended()
    assert code == 1
    assert 'relation "events" already exists' in output
    assert tables(empty_database_url) == {"events"}


def test_an_event_that_can_not_be_read_stops_the_start_with_one_line(
    production: dict[str, str], gate: Gate, port: int, empty_database_url: str
) -> None:
    gate.open()
    with serving(port, **production) as site:
        site.until(200)
    engine = create_engine(empty_database_url)
    with engine.begin() as connection:
        odd = {"originator_id": UUID(int=7), "originator_version": 1, "topic": "rule.Withdrawn", "state": "[Elm"}
        connection.execute(sa.insert(events), odd)
        connection.execute(sa.text("DELETE FROM projections"))
    engine.dispose()
    with serving(port, **production) as site:
        code, output = site.ended()
    assert code == 1
    assert "The log has an event that this version of the site can't read: position 1, rule.Withdrawn" in output
    assert "Traceback" not in output


def test_only_the_proxy_is_believed(production: dict[str, str], gate: Gate, port: int) -> None:
    gate.open()
    forwarded = {"X_Forwarded_Proto": "https", "X_Forwarded_Host": "rules.example.org"}
    with serving(port, **production) as site:
        site.until(200)
        assert site.get("/profile", **forwarded).headers["location"].startswith("https://rules.example.org/login")
    production["CLOUDRON_PROXY_IP"] = "192.0.2.1"
    with serving(port, **production) as site:
        site.until(200)
        assert site.get("/profile", **forwarded).headers["location"].startswith(f"http://127.0.0.1:{port}/login")


def test_a_body_beyond_all_limits_never_reaches_the_site(production: dict[str, str], port: int) -> None:
    with serving(port, **production) as site:
        site.until(503)
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"POST /api/rules HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n")
            assert b" 413 " in connection.recv(4096).splitlines()[0]
