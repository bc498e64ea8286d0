"""scripts/staging-smoke.sh against the site as it is in production, and against what is not the site."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.fixtures.mail import Mailbox
from tests.package.container import ROOT
from tests.package.running import Gate, serving

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def smoke(site: str, email: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "EMAIL"}
    if email:
        environment["EMAIL"] = email
    return subprocess.run([ROOT / "scripts/staging-smoke.sh", site], env=environment, capture_output=True, text=True)


def failed(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stdout.splitlines() if line.startswith("FAIL")]


def fill(environment: dict[str, str], seed_data: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", "import sys; from cr.catalog.seed import main; sys.exit(main())"],
        env=os.environ | environment | {"SEED_DATA_DIR": str(seed_data)},
        check=True,
    )


def test_a_site_that_works_passes(
    production: dict[str, str], gate: Gate, port: int, smtp: Mailbox, seed_data: Path
) -> None:
    gate.open()
    origin = f"http://127.0.0.1:{port}"
    mail = {"CLOUDRON_MAIL_SMTP_SERVER": smtp.host, "CLOUDRON_MAIL_SMTP_PORT": str(smtp.port)}
    with serving(port, **production | mail | {"CLOUDRON_APP_ORIGIN": origin}) as site:
        site.until(200)
        assert [line.split(":")[0] for line in failed(smoke(origin))] == [
            "FAIL  /api/templates",
            "FAIL  methods are recommended",
        ], "the catalogue is not filled yet"

        fill(production, seed_data)
        done = smoke(f"{origin}/", email="somebody@example.org")
        assert not failed(done), done.stdout
        assert done.returncode == 0
        assert done.stdout.count("ok  ") > 15
        assert [message["To"] for message in smtp.messages] == ["somebody@example.org"]
        assert origin in str(smtp.messages[0])

        gate.shut()
        site.until(503)
        done = smoke(origin)
        assert done.returncode == 1
        assert '/api/health: got 503 {"ok":false,"database":"disconnected"}' in failed(done)[0]


@pytest.fixture
def stranger() -> Iterator[str]:
    """A server that says yes to everything and is not the site."""

    class Yes(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"yes")

        do_POST = do_GET

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Yes) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_what_is_not_the_site_fails_every_check(stranger: str) -> None:
    done = smoke(stranger)
    assert done.returncode == 1
    assert len(failed(done)) == len(done.stdout.splitlines())


def test_nobody_there_fails_and_says_so(port: int) -> None:
    done = smoke(f"http://127.0.0.1:{port}")
    assert done.returncode == 1
    assert "Failed to connect" in failed(done)[0]


def test_it_wants_one_host() -> None:
    done = subprocess.run([ROOT / "scripts/staging-smoke.sh"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "Usage" in done.stderr
