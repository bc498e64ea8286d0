"""Servers that keep pages, on one database: nobody is shown what was old when they asked.

Within one process that holds from the answer to the writer on; another process has the moments that a NOTIFY takes.
"""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from webtest import TestApp

from cr.projections.command import main as projections
from cr.security import SESSION_COOKIE
from tests.fixtures.mail import Mailbox, free_port
from tests.functional.people import sign_in
from tests.package.running import Answer, Gate, Site, patiently, serving

TOKEN = "a token that only Prometheus knows"
DOCUMENT = {"sections": [{"categoryName": "Values", "entries": [{"title": "Care", "body": "We look after it."}]}]}

LISTENER = "FROM pg_stat_activity WHERE application_name = 'community-rule pages' AND datname = current_database()"


@dataclass
class Writer:
    """Somebody who is signed in, at whichever server."""

    cookie: str

    def send(self, site: Site, method: str, path: str, title: str) -> Answer:
        body = json.dumps({"title": title, "document": DOCUMENT})
        return site.ask(method, path, body, Content_Type="application/json", Cookie=f"{SESSION_COOKIE}={self.cookie}")

    def publish(self, site: Site, title: str) -> str:
        answer = self.send(site, "POST", "/api/rules", title)
        return str(answer.json["rule"]["id"])

    def revise(self, site: Site, rule_id: str, title: str) -> None:
        assert self.send(site, "PATCH", f"/api/rules/{rule_id}", title).status == 200


@pytest.fixture
def ada(app: Any, smtp: Mailbox) -> Writer:
    client: TestApp = sign_in(app, smtp, "ada@example.org")
    return Writer(client.cookies[SESSION_COOKIE])


@pytest.fixture
def settings(production: dict[str, str], gate: Gate, database_url: str) -> dict[str, str]:
    """The environment of a server on this test's migrated database, behind `gate`, which is open."""
    gate.open()
    name = sa.make_url(database_url).database
    url = f"postgres://postgres@127.0.0.1:{gate.port}/{name}"
    return {**production, "CLOUDRON_POSTGRESQL_URL": url, "METRICS_TOKEN": TOKEN}


@pytest.fixture
def site(settings: dict[str, str], port: int) -> Iterator[Site]:
    """A server that keeps pages."""
    with serving(port, **settings) as site:
        until_listening(site)
        yield site


@pytest.fixture
def other(settings: dict[str, str], site: Site) -> Iterator[Site]:
    """Another server on the same database, after `site`."""
    with serving(free_port(), **settings) as other:
        until_listening(other)
        yield other


def figure(site: Site, name: str) -> float:
    answer = site.get("/metrics", Authorization=f"Bearer {TOKEN}")
    found = re.search(rf"^{name} (\S+)$", answer.body, re.MULTILINE)
    assert found, answer.body
    return float(found[1])


def until(reached: Callable[[], bool]) -> None:
    for _ in patiently():
        if reached():
            return
    raise AssertionError("it did not come to that")


def until_listening(site: Site) -> None:
    site.until(200)
    until(lambda: figure(site, "cr_page_cache_listening") == 1)


def title(answer: Answer) -> str:
    assert answer.status == 200
    found = re.search(r'<h1 class="rule-title">(.*?)</h1>', answer.body)
    assert found
    return found[1]


def test_a_page_is_made_once_and_the_same_as_without_memory(settings: dict[str, str], site: Site, ada: Writer) -> None:
    path = f"/rules/{ada.publish(site, 'Elm Street')}"
    with serving(free_port(), **settings, PAGE_CACHE_MB="0") as plain:
        plain.until(200)
        made = [plain.get(path, X_Request_Id="mine-1234") for _ in range(2)]
        assert figure(plain, "cr_page_cache_hits_total") == 0
        assert figure(plain, "cr_page_cache_pages") == 0
    kept = [site.get(path, X_Request_Id="mine-1234") for _ in range(3)]
    assert figure(site, "cr_page_cache_hits_total") == 2
    for answer in made + kept:
        answer.headers.pop("date")
        assert answer == made[0]
    assert "max-age" in made[0].headers["strict-transport-security"]


def test_every_server_shows_what_any_of_them_published(site: Site, other: Site, ada: Writer) -> None:
    rule_id = ada.publish(site, "First")
    path = f"/rules/{rule_id}"
    for number in range(10):
        for each in (site, other):
            until(lambda each=each, number=number: title(each.get(path)) == (f"Title {number}" if number else "First"))  # type: ignore[misc]
            assert path in each.get("/rules").body
        writer = (site, other)[number % 2]
        ada.revise(writer, rule_id, f"Title {number + 1}")
        assert title(writer.get(path)) == f"Title {number + 1}"
        assert f"Title {number + 1}" in writer.get("/rules").body
    assert figure(site, "cr_page_cache_hits_total") > 0


def test_a_page_made_anew_by_a_rebuild_shows(site: Site, ada: Writer, engine: sa.Engine, app: Any) -> None:
    path = f"/rules/{ada.publish(site, 'As published')}"
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE revisions SET title = 'As somebody wrote into the table'"))
        connection.execute(sa.text("UPDATE rules SET title = 'As somebody wrote into the table'"))
    assert title(site.get(path)) == "As somebody wrote into the table"
    assert projections(["rebuild", "--all"]) == 0
    until(lambda: title(site.get(path)) == "As published")


def test_who_has_lost_the_notifications_shows_nothing_from_memory(
    site: Site, other: Site, ada: Writer, engine: sa.Engine
) -> None:
    rule_id = ada.publish(site, "Title 0")
    for number in range(1, 6):
        until_listening(site)
        until_listening(other)
        other.get(f"/rules/{rule_id}")
        with engine.connect() as connection:
            ended = connection.scalar(sa.text(f"SELECT count(pg_terminate_backend(pid, 60000)) {LISTENER}"))
        assert ended == 2
        ada.revise(site, rule_id, f"Title {number}")
        assert title(site.get(f"/rules/{rule_id}")) == f"Title {number}"
        assert title(other.get(f"/rules/{rule_id}")) == f"Title {number}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may stop a process of PostgreSQL's user")
def test_a_silent_connection_is_believed_for_seconds_only(
    site: Site, other: Site, ada: Writer, engine: sa.Engine
) -> None:
    rule_id = ada.publish(site, "First")
    with engine.connect() as connection:
        silent = connection.execute(sa.text(f"SELECT pid {LISTENER} ORDER BY backend_start")).scalars().all()[-1]
    other.get(f"/rules/{rule_id}")
    os.kill(silent, signal.SIGSTOP)
    try:
        ada.revise(site, rule_id, "Second")
        until(lambda: title(other.get(f"/rules/{rule_id}")) == "Second")
        assert figure(other, "cr_page_cache_listening") == 0
        assert figure(site, "cr_page_cache_listening") == 1
    finally:
        os.kill(silent, signal.SIGCONT)
    until_listening(other)
    assert title(other.get(f"/rules/{rule_id}")) == "Second"


def test_without_its_database_a_server_shows_nothing_from_memory(gate: Gate, site: Site, ada: Writer) -> None:
    path = f"/rules/{ada.publish(site, 'First')}"
    assert [title(site.get(path)) for _ in range(2)] == ["First", "First"]
    gate.shut()
    until(lambda: figure(site, "cr_page_cache_listening") == 0)
    assert site.get(path).status == 503
    assert figure(site, "cr_database_up") == 0

    gate.open()
    until_listening(site)
    assert title(site.get(path)) == "First"
    assert figure(site, "cr_database_up") == 1


def test_no_reader_ever_sees_less_than_a_writer_was_told(site: Site, other: Site, ada: Writer) -> None:
    """Readers of every page of a rule, while it is revised as fast as it can be, at two servers in turn."""
    rule_id = ada.publish(site, "Title 0")
    told = {site.port: 0, other.port: 0}
    finished = threading.Event()
    seen: list[int] = []
    faults: list[str] = []

    def read(server: Site, path: str, pattern: str) -> None:
        while not finished.is_set():
            # What the writer was told before this was asked must be there, if it was told so here.
            least = told[server.port]
            answer = server.get(path)
            found = re.search(pattern, answer.body)
            number = int(found[1]) if found else -1
            seen.append(number)
            if number < least:
                faults.append(f"{path}: {number} after {least}")

    pages = [
        (f"/rules/{rule_id}", r'<h1 class="rule-title">Title (\d+)</h1>'),
        (f"/rules/{rule_id}/history", r"<h1>.*?Title (\d+)"),
        ("/rules", r"Title (\d+)"),
    ]
    readers = [threading.Thread(target=read, args=(server, *page)) for page in pages for server in (site, other)]
    for reader in readers:
        reader.start()
    try:
        for number in range(1, 151):
            server = (site, other)[number % 2]
            ada.revise(server, rule_id, f"Title {number}")
            told[server.port] = number
    finally:
        finished.set()
        for reader in readers:
            reader.join()
    assert faults == []
    assert len(set(seen)) > 10
    for server in (site, other):
        until(lambda server=server: title(server.get(f"/rules/{rule_id}")) == "Title 150")  # type: ignore[misc]
        assert figure(server, "cr_page_cache_hits_total") > 0


def next_timers(port: int) -> list[float]:
    """Of the open connections from here to a port of loopback that are quiet: seconds until a keepalive is sent."""
    found = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, _, remote, state, _, timer, *_ = line.split()
        kind, _, ticks = timer.partition(":")
        if int(remote.partition(":")[2], 16) == port and (state, kind) == ("01", "02"):
            found.append(int(ticks, 16) / os.sysconf("SC_CLK_TCK"))
    return found


def test_a_server_that_went_without_a_word_is_noticed_soon(site: Site, gate: Gate) -> None:
    """Only on the connection that changes are heard over: the others have the system's two hours."""
    assert site.get("/rules").status == 200
    for _ in patiently():
        timers = next_timers(gate.port)
        if len(timers) > 1 and min(timers) <= 5:
            break
    soonest, next_one, *_ = sorted(timers)
    assert soonest <= 5 < 60 < next_one
