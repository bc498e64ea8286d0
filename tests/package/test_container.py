"""The container: built by the Dockerfile's own lines, started by start.sh as root on a read-only root file system."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa

from cr.catalog.labels import DATA
from cr.db import create_engine
from tests.package.container import Image, first, why_not
from tests.package.running import Gate, Site

pytestmark = pytest.mark.skipif(why_not() is not None, reason=f"no containers can be made here: {why_not()}")

USER = 1000
SMALL = 256 * 2**20
"""Bytes. What Cloudron gives where a manifest asks for nothing; ours asks for three times as much."""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    with Image(tmp_path_factory.mktemp("image")) as image:
        yield image


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """What Cloudron keeps of the app, as it is at the first start: empty and root's."""
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    for parent in data.parents:
        if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o111)
    return data


def test_what_the_image_holds(image: Image) -> None:
    package = next(image.path("/app/code/.venv/lib").glob("python3.*")) / "site-packages/cr"
    assert (package / "migrations/versions/0001_the_log.py").is_file()
    assert (package / "templates/layout.jinja2").is_file()
    assert (package / "static/site.css").is_file()
    assert list((package / "__pycache__").glob("serve.*.pyc")), "compiled now, not at every start"
    files = {path.name for path in image.path("/app/seed-data").iterdir()}
    assert files == {path.name for path in DATA.iterdir()}
    assert not (package / "development").exists()
    assert not list(package.parent.glob("tests"))
    assert sorted(path.name for path in image.path("/app/code").iterdir()) == [".venv", "production.ini", "scripts"]


def test_it_serves_as_an_ordinary_user_and_starts_again(
    image: Image, data: Path, production: dict[str, str], gate: Gate, port: int, empty_database_url: str
) -> None:
    gate.open()
    environment = production | {"PORT": str(port)}
    with image.container(data, environment) as process:
        site = Site(process, port)
        site.until(200)
        assert site.get("/rules").status == 200

        server = psutil.Process(first(process))
        assert set(server.uids()) == {USER}
        assert set(server.gids()) == {USER}
        assert "cr-serve" in server.cmdline()[1], "it is process 1, so that signals reach it"
        assert not server.children()
        uploads = (data / "uploads").stat()
        assert (uploads.st_uid, uploads.st_gid) == (USER, USER)

        server.send_signal(signal.SIGTERM)
        code, output = site.ended()
        assert code == 0, output
    assert "Running upgrade  -> 0001" in output
    assert "The database is ready" in output

    # As after a backup was brought back: the files are there, and somebody else's.
    photo = data / "uploads" / "photo"
    photo.write_bytes(b"bytes")
    with image.container(data, environment) as process:
        site = Site(process, port)
        site.until(200)
        assert photo.stat().st_uid == USER
        os.kill(first(process), signal.SIGTERM)
        code, output = site.ended()
    assert code == 0
    assert "Running upgrade" not in output
    engine = create_engine(empty_database_url)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM alembic_version")) == 1
    engine.dispose()


def test_only_three_folders_can_be_written(image: Image, data: Path) -> None:
    tries = "for each in / /app/code /etc /tmp /run /app/data; do touch $each/x 2>/dev/null && echo $each; done"
    with image.container(data, {}, ["sh", "-c", tries]) as process:
        assert process.communicate()[0].split() == ["/tmp", "/run", "/app/data"]


def test_commands_for_operators_are_on_the_path(
    image: Image, data: Path, production: dict[str, str], gate: Gate
) -> None:
    gate.open()
    commands = ("alembic -c production.ini upgrade head", "cr-projections rebuild --stale", "cr-projections check")
    script = " && ".join((*commands, "cr-seed", "cr-seed"))
    with image.container(data, production, ["gosu", "cr:cr", "sh", "-c", script]) as process:
        output = process.communicate()[0]
    assert process.returncode == 0, output
    assert "rules: equal" in output
    assert len(re.findall(r"^templates +[1-9]", output, re.MULTILINE)) == 2


def test_an_unfit_environment_stops_the_start_with_one_line(
    image: Image, data: Path, production: dict[str, str]
) -> None:
    del production["SESSION_SECRET"]
    with image.container(data, production) as process:
        output = process.communicate()[0]
    assert process.returncode == 1
    assert len(output.splitlines()) == 1
    assert "SESSION_SECRET" in output


def test_a_third_of_the_memory_is_enough(
    image: Image, data: Path, production: dict[str, str], gate: Gate, port: int
) -> None:
    gate.open()
    with (
        memory(SMALL) as cgroup,
        image.container(data, production | {"PORT": str(port)}, cgroup=cgroup) as process,
    ):
        site = Site(process, port)
        site.until(200)
        for _ in range(50):
            for path in ("/", "/rules", "/login", "/api/rules", "/static/site.css"):
                assert site.get(path).status == 200
        os.kill(first(process), signal.SIGTERM)
        assert site.ended()[0] == 0


@contextmanager
def memory(limit: int) -> Iterator[Path]:
    """A control group whose processes have `limit` bytes between them; the test is skipped where none can be made."""
    for parent, name in (("memory", "memory.limit_in_bytes"), ("", "memory.max")):
        group = Path("/sys/fs/cgroup") / parent / f"cr-test-{uuid.uuid4().hex}"
        with suppress(OSError):
            group.mkdir()
            (group / name).write_text(str(limit))
            break
        with suppress(OSError):
            group.rmdir()
    else:
        pytest.skip("no control group for memory can be made here")
    yield group
    # Empty once the last process in it is reaped.
    subprocess.run(["rmdir", str(group)], check=True)
