"""scripts/serve once its packages are installed: what it starts, keeps, refuses, and ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser

from cr.development.postgres import Postgres
from cr.settings import Settings
from tests.development.processes import ask, gone
from tests.fixtures.mail import free_port

READY = "Serving on http://localhost:"


@dataclass
class Run:
    """A running scripts/serve: its process and all that it started, its origin, and what it has said until then."""

    process: subprocess.Popen[str]
    family: list[psutil.Process]
    origin: str
    said: list[str]

    def health(self) -> int:
        with urllib.request.urlopen(f"{self.origin}/api/health", timeout=30) as answer:
            return int(answer.status)

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        self.said += (self.process.communicate(timeout=60)[0] or "").splitlines()
        return self.process.returncode


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """A free port for the site, in an environment without any other setting."""
    for field in Settings.model_fields.values():
        if field.alias:
            monkeypatch.delenv(field.alias, raising=False)
    port = free_port()
    monkeypatch.setenv("PORT", str(port))
    return port


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for the tests that do not mind what earlier ones left there."""
    return tmp_path_factory.mktemp("serve") / "var"


def start(var: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-u", "-m", "cr.development.serve", "--var", str(var)]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@contextmanager
def serving(var: Path, port: int) -> Iterator[Run]:
    with start(var) as process:
        try:
            said: list[str] = []
            for line in process.stdout or ():
                said.append(line.rstrip())
                if line.startswith(READY):
                    break
            assert said, "it said nothing"
            assert said[-1].startswith(f"{READY}{port} "), "\n".join(said)
            family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
            yield Run(process, family, f"http://localhost:{port}", said)
        finally:
            if process.poll() is None:
                process.terminate()


def refused(var: Path) -> str:
    """The one line with which it does not start."""
    with start(var) as process:
        said = process.communicate(timeout=60)[0].splitlines()
    assert process.returncode == 1
    assert len(said) == 1, said
    return str(said[0])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_everything_it_started(var: Path, port: int, number: signal.Signals) -> None:
    with serving(var, port) as run:
        assert run.health() == 200
        assert any("postgres" in process.name() for process in run.family)
        assert run.end(number) == 0
        assert run.said[-1] == "Stopped."
        assert all(gone(process) for process in run.family)


def test_a_second_start_finds_what_the_first_kept(tmp_path: Path, port: int) -> None:
    var = tmp_path / "var"
    with serving(var, port) as run:
        assert any("Running upgrade" in line for line in run.said)
        secret = (var / "session-secret").read_text()
        assert stat.S_IMODE((var / "session-secret").stat().st_mode) == 0o600
        assert (var / "uploads").is_dir()
        assert run.end(signal.SIGTERM) == 0
    with Postgres(var / "postgres") as postgres:
        ask(postgres.url, "CREATE TABLE keepsake AS SELECT 7 AS number")
    with serving(var, port) as run:
        assert not any("Running upgrade" in line for line in run.said)
        assert run.health() == 200
    assert (var / "session-secret").read_text() == secret
    with Postgres(var / "postgres") as postgres:
        assert ask(postgres.url, "SELECT number FROM keepsake") == 7


def test_a_killed_run_does_not_stop_the_next(var: Path, port: int) -> None:
    with serving(var, port) as run:
        run.process.kill()
    with serving(var, port) as run:
        assert run.health() == 200


def test_two_at_once_in_one_folder(var: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(var, port) as run:
        monkeypatch.setenv("PORT", str(free_port()))
        assert f"already runs in this folder (process {run.process.pid})" in refused(var)
        assert run.health() == 200


def test_a_port_in_use_is_said_before_anything_is_started(tmp_path: Path, port: int) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        assert refused(tmp_path / "var").startswith(f"Port {port} is in use.")
    assert not (tmp_path / "var" / "postgres").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "many"), ("SESSION_SECRET", "short"), ("CLOUDRON_POSTGRESQL_URL", "mysql://localhost/rules")],
)
def test_a_bad_setting_is_named_in_one_line(
    tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert refused(tmp_path / "var").startswith(f"{name}: ")
    assert not (tmp_path / "var" / "postgres").exists()


def test_a_database_of_the_environment_is_used_instead(
    tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch, empty_database_url: str
) -> None:
    url = empty_database_url.replace("+psycopg2", "")
    monkeypatch.setenv("CLOUDRON_POSTGRESQL_URL", url)
    with serving(tmp_path / "var", port) as run:
        assert run.health() == 200
        with urllib.request.urlopen(f"{run.origin}/api/templates", timeout=30) as answer:
            assert json.load(answer)["templates"], "the catalogue is filled"
        assert run.end(signal.SIGTERM) == 0
    assert not (tmp_path / "var" / "postgres").exists()
    assert ask(url, "SELECT count(*) FROM events") == 0


def test_a_database_that_does_not_answer_is_said_in_words(
    tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDRON_POSTGRESQL_URL", f"postgres://somebody@127.0.0.1:{free_port()}/rules")
    with start(tmp_path / "var") as process:
        said = process.communicate(timeout=60)[0].splitlines()
    assert process.returncode == 1
    assert said[-1].startswith("The database can't be reached: ")
    assert not any("Traceback" in line for line in said)


def test_the_site_opens_in_a_browser(var: Path, port: int, browser: Browser) -> None:
    with serving(var, port) as run, browser.new_context(base_url=run.origin) as context:
        page = context.new_page()
        answer = page.goto("/")
        assert answer is not None
        assert answer.ok
        assert page.locator("h1").count() == 1


def test_the_environment_of_the_tests_is_not_that_of_the_developer(environment: dict[str, str]) -> None:
    known = {field.alias for field in Settings.model_fields.values()}
    assert {name for name in known if name and name in os.environ} == set(environment)
