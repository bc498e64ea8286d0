"""What is acknowledged is kept, whole; what fails leaves nothing; who writes at the same time loses nothing."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from eventsourcing.persistence import IntegrityError
from webtest import TestApp

from cr.events.store import Recorder
from cr.projections import ALL
from cr.projections.rebuild import check
from tests.fixtures.mail import Mailbox, free_port
from tests.functional.people import form_to, sign_in
from tests.functional.test_main_job import start, write


def counts(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        return [
            connection.scalar(sa.text(f"SELECT count(*) FROM {name}")) for name in ("events", "drafts", "histories")
        ]


def unequal(engine: sa.Engine) -> list[Any]:
    return [each for each in check(engine, ALL) if each.unexplained or each.missing]


def test_a_view_that_fails_after_appending_leaves_neither_event_nor_row(
    ada: TestApp, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[Any] = []

    def fail(session: Any, *arguments: Any) -> None:
        seen.append(session.scalar(sa.text("SELECT count(*) FROM events")))
        raise RuntimeError("after the append")

    with monkeypatch.context() as patched:
        patched.setattr("cr.accounts.draft_addresses.save", fail)
        answer = ada.put_json("/api/drafts/me", {"payload": {"title": "Elm"}}, status=500)
    assert answer.json["error"]["code"] == "internal_error"
    assert "after the append" in caplog.text
    assert seen == [1]
    assert counts(engine) == [0, 0, 0]
    ada.put_json("/api/drafts/me", {"payload": {"title": "Elm"}})
    assert counts(engine) == [1, 1, 1]


def at_once(*tasks: Callable[[], Any]) -> list[Any]:
    """Run the tasks at the same moment; their results in order."""
    together = threading.Barrier(len(tasks))
    results: list[Any] = [None] * len(tasks)

    def run(number: int, task: Callable[[], Any]) -> None:
        together.wait()
        results[number] = task()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(tasks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def another_window(client: TestApp) -> TestApp:
    other = TestApp(client.app, extra_environ=client.extra_environ)
    other.cookiejar = client.cookiejar
    return other


def posting(client: TestApp, page: Any, path: str, button: str | None = None, **texts: str) -> Callable[[], Any]:
    """A filled-in form, ready to be sent from a window of its own."""
    form = form_to(page, path)
    for name, text in texts.items():
        form[name] = text
    fields = form.submit_fields("action", submit_value=button) if button else form.submit_fields()
    window = another_window(client)
    return lambda: window.post(form.action, fields, expect_errors=True)


def test_edits_at_the_same_moment_lose_nothing(ada: TestApp, engine: sa.Engine) -> None:
    about = f"{start(ada)}/about"
    for number in range(10):
        texts = {"title": f"Elm {number}", "summary": f"A garden {number}", "communityContext": f"Trees {number}"}
        saves = [posting(ada, ada.get(about), about, "save", **{name: text}) for name, text in texts.items()]
        answers = at_once(*saves)
        assert {answer.status_int for answer in answers} <= {303, 409}
        page = ada.get(about)
        for answer, text in zip(answers, texts.values(), strict=True):
            # Either it is saved, or it was given back to be sent again.
            assert text in (page if answer.status_int == 303 else answer)
        assert [answer.status_int for answer in answers].count(303) >= 1
    assert unequal(engine) == []


def test_the_same_field_at_the_same_moment_is_saved_once_and_shown_to_the_other(
    ada: TestApp, engine: sa.Engine
) -> None:
    about = f"{start(ada, 'Elm')}/about"
    answers = at_once(*(posting(ada, ada.get(about), about, "save", title=title) for title in ("Oak", "Ash")))
    assert sorted(answer.status_int for answer in answers) == [303, 409]
    refused = next(answer for answer in answers if answer.status_int == 409)
    assert "Oak" in refused
    assert "Ash" in refused
    assert unequal(engine) == []


def put(client: TestApp, payload: dict[str, Any]) -> Callable[[], Any]:
    window = another_window(client)
    return lambda: window.put_json("/api/drafts/me", {"payload": payload}, expect_errors=True)


def test_first_puts_at_the_same_moment_start_one_draft(ada: TestApp, engine: sa.Engine) -> None:
    answers = at_once(*(put(ada, {"title": f"Elm {number}"}) for number in range(3)))
    assert {answer.status_int for answer in answers} == {200}
    assert counts(engine)[1] == 1


def test_a_put_that_loses_a_race_is_tried_again_with_its_body(
    ada: TestApp, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada.put_json("/api/drafts/me", {"payload": {"title": "Elm"}})
    insert, tries = Recorder.insert_events, []

    def lose_once(self: Recorder, stored_events: Any, **more: Any) -> Any:
        tries.append(len(stored_events))
        if len(tries) == 1:
            raise IntegrityError("somebody was faster")
        return insert(self, stored_events, **more)

    monkeypatch.setattr(Recorder, "insert_events", lose_once)
    answer = ada.put_json("/api/drafts/me", {"payload": {"title": "Oak"}})
    assert answer.json["draft"]["payload"] == {"title": "Oak"}
    assert tries == [1, 1]


def test_a_deadlock_is_tried_again_and_told_to_nobody(
    ada: TestApp, engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    ada.put_json("/api/drafts/me", {"payload": {"title": "Elm"}})
    with engine.connect() as other, ThreadPoolExecutor(1) as pool:
        # That the request is the one that gives way.
        other.execute(sa.text("SET deadlock_timeout = '60s'"))
        other.execute(sa.text("SELECT 1 FROM drafts FOR UPDATE"))
        answer = pool.submit(put(ada, {"title": "Oak"}))
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"
        while not other.scalar(sa.text(waiting)):
            time.sleep(0.01)
        # The request holds this, for it writes as this person.
        other.execute(sa.text("SELECT 1 FROM accounts FOR UPDATE"))
        other.rollback()
        assert answer.result().json["draft"]["payload"] == {"title": "Oak"}
    assert [each.message for each in caplog.records if each.levelname != "INFO"] == []


def test_patches_at_the_same_moment_are_all_answered_rightly(ada: TestApp, engine: sa.Engine) -> None:
    rule = ada.post_json("/api/rules", {"title": "Elm", "document": {}}).json["rule"]["id"]

    def patch(title: str) -> Callable[[], Any]:
        window = another_window(ada)
        body = {"title": title, "document": {}}
        return lambda: window.patch_json(f"/api/rules/{rule}", body, expect_errors=True)

    for number in range(5):
        answers = at_once(*(patch(f"Elm {number} {letter}") for letter in "abc"))
        assert {answer.status_int for answer in answers} <= {200, 409}
    assert unequal(engine) == []


def test_publishing_at_the_same_moment_publishes_once(ada: TestApp, client: TestApp, engine: sa.Engine) -> None:
    draft = start(ada)
    write(ada, f"{draft}/values", label="Care")
    page = ada.get(f"{draft}/publish")
    answers = at_once(*(posting(ada, page, f"{draft}/publish") for _ in range(4)))
    assert {answer.status_int for answer in answers} <= {303, 409}
    assert len(client.get("/api/rules").json["rules"]) == 1
    assert unequal(engine) == []


def test_opening_a_draft_of_a_rule_twice_opens_one(ada: TestApp, engine: sa.Engine) -> None:
    rule = ada.post_json("/api/rules", {"title": "Elm", "document": {}}).json["rule"]["id"]
    page = ada.get(f"/rules/{rule}/edit")
    answers = at_once(*(posting(ada, page, f"/rules/{rule}/edit") for _ in range(4)))
    assert {answer.status_int for answer in answers} == {303}
    assert len({answer.location for answer in answers}) == 1


SERVER = """
import sys, waitress, cr
waitress.serve(cr.main({}, **{"cr.production": "false"}), host="127.0.0.1", port=int(sys.argv[1]), threads=4)
"""


def serve(port: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(port)], stdout=subprocess.DEVNULL)
    for _ in range(200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=1)
            return process
        except OSError:
            time.sleep(0.05)
    process.kill()
    raise AssertionError("the server did not start")


def test_a_killed_server_loses_no_acknowledged_write(
    app: Any, smtp: Mailbox, environment: dict[str, str], engine: sa.Engine
) -> None:
    cookies = [
        f"{cookie.name}={cookie.value}"
        for name in ("ada", "bo", "cy")
        for cookie in sign_in(app, smtp, f"{name}@example.org").cookiejar
        if cookie.name == "cr_session"
    ]
    port = free_port()
    acknowledged: list[tuple[str, str]] = []
    for life in range(3):
        process = serve(port)
        stop = threading.Event()

        def write_on(cookie: str, life: int = life, stop: threading.Event = stop) -> None:
            number = 0
            while not stop.is_set():
                number += 1
                text = f"{cookie[-8:]}-{life}-{number}"
                body = json.dumps({"title": text, "document": {"sections": []}}).encode()
                request = urllib.request.Request(
                    f"http://127.0.0.1:{port}/api/rules",
                    body,
                    {"Content-Type": "application/json", "Cookie": cookie},
                )
                try:
                    with urllib.request.urlopen(request, timeout=5) as answer:
                        acknowledged.append((json.load(answer)["rule"]["id"], text))
                except (OSError, http.client.HTTPException):
                    return

        writers = [threading.Thread(target=write_on, args=(cookie,)) for cookie in cookies]
        for writer in writers:
            writer.start()
        enough = len(acknowledged) + 30
        while len(acknowledged) < enough and any(writer.is_alive() for writer in writers):
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        stop.set()
        for writer in writers:
            writer.join()
    assert len(acknowledged) >= 90
    with engine.connect() as connection:
        logged = dict(
            connection.execute(
                sa.text(
                    "SELECT originator_id::text, state::json ->> 'title' FROM events WHERE topic = 'rule.Published'"
                )
            ).all()
        )
        for table, key in (("rules", "id"), ("revisions", "rule"), ("histories", "originator")):
            rows = set(connection.scalars(sa.text(f"SELECT {key}::text FROM {table}")))
            assert rows == set(logged), f"{table} has other rules than the log"
    assert {rule: logged.get(rule) for rule, _ in acknowledged} == dict(acknowledged)
    assert unequal(engine) == []


def test_while_the_database_is_away_everything_says_so_and_then_recovers(
    ada: TestApp, client: TestApp, engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    draft = start(ada)
    page = ada.get(f"{draft}/about")
    name = engine.url.database
    admin = sa.create_engine(engine.url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(sa.text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
        connection.execute(sa.text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"))
        try:
            health = client.get("/api/health", status=503)
            assert health.json == {"ok": False, "database": "disconnected"}
            assert client.get("/api/rules", status=503).json["error"]["code"] == "db_unavailable"
            for path in ("/", "/rules", draft, "/profile"):
                answer = ada.get(path, status=503)
                assert "The database is away for a moment" in answer
                assert answer.headers["Retry-After"]
            form = form_to(page, f"{draft}/about")
            form["summary"] = "What I just wrote"
            kept = form.submit("action", value="save", status=503)
            assert "What I just wrote" in kept
        finally:
            connection.execute(sa.text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
    admin.dispose()
    assert client.get("/api/health").json == {"ok": True, "database": "connected"}
    assert client.get("/rules").status_int == 200
    form.submit("action", value="save", status=303)
    assert "What I just wrote" in ada.get(draft)
    assert not re.search("Traceback", caplog.text)


def test_without_a_database_the_site_starts_and_says_so(make_app: Any) -> None:
    client = TestApp(make_app(CLOUDRON_POSTGRESQL_URL=None))
    assert client.get("/api/health", status=503).json == {"ok": False, "database": "disconnected"}
    assert "database is away" in client.get("/", status=503)
    assert client.get("/static/site.css").status_int == 200
    client.get("/login", status=200)
