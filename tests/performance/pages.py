"""How fast public pages are, beside a bare waitress that answers the very same bytes. Run by hand; nothing is asserted:

    .venv/bin/python tests/performance/pages.py

Each round asks every server in turn, so that whatever else the machine does hits all of them. Needs wrk.
"""

from __future__ import annotations

import argparse
import http.client
import json
import logging
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import psutil

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from cr.catalog.labels import DATA  # noqa: E402
from cr.db import create_engine  # noqa: E402
from cr.development.postgres import Postgres  # noqa: E402
from cr.events.application import Rules  # noqa: E402
from cr.serve import Server  # noqa: E402
from tests.fixtures.mail import free_port  # noqa: E402

RULES = 300
PASSED_ON = ("date", "server", "connection")
"""Headers that waitress writes itself."""


@dataclass(frozen=True)
class Case:
    """One thing to ask for. `known`: as a browser asks that has the page already."""

    name: str
    path: str
    known: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {"If-None-Match": self.known} if self.known else {}


@dataclass(frozen=True)
class Run:
    """Requests in a second; processor time of the server for one, in microseconds; milliseconds in which half and 99 %
    of them were answered."""

    rate: float
    cpu: float
    p50: float
    p99: float


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=2, help="of each run (%(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="the medians of which are told (%(default)s)")
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8], help="of one run each (%(default)s)")
    parser.add_argument("--bare", nargs=2, metavar=("PORT", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        bare(int(options.bare[0]), Path(options.bare[1]))
        return 0
    if not shutil.which("wrk"):
        print("wrk is missing. Install it (Debian: apt-get install wrk) and try again.", file=sys.stderr)
        return 1
    with TemporaryDirectory() as folder, ExitStack() as held:
        postgres = held.enter_context(Postgres())
        kept, made = (held.enter_context(site(postgres, megabytes)) for megabytes in ("32", "0"))
        rule_id = fill(postgres)
        time.sleep(1)  # for the last notification
        cases = cases_of(kept.port, rule_id)
        answers = Path(folder) / "answers.json"
        answers.write_text(json.dumps([answer(kept.port, case) for case in cases]))
        plain = held.enter_context(process("--bare", answers))
        for connections in options.connections:
            for case in cases:
                servers = {"bare waitress": plain, "from memory": kept, "made anew": made}
                runs = measured(servers, case, connections, options)
                report(case, connections, runs, answer(kept.port, case))
    return 0


def report(case: Case, connections: int, runs: dict[str, list[Run]], example: dict[str, Any]) -> None:
    bytes_ = f"{len(example['body']) / 1024:.0f} KiB" if example["body"] else "no body"
    print(f"\n{case.name} ({example['status']}, {bytes_}), {connections} connection{'s' if connections > 1 else ''}")
    for server, all_runs in runs.items():
        # Of each round for itself: the machine may have been busy in one of them.
        pairs = list(zip(all_runs, runs["bare waitress"], strict=True))
        ratios = [run.rate / plain.rate for run, plain in pairs]
        work = statistics.median(plain.cpu / run.cpu for run, plain in pairs)
        rate, cpu, p50, p99 = (
            statistics.median(getattr(run, name) for run in all_runs) for name in ("rate", "cpu", "p50", "p99")
        )
        print(
            f"  {server:13} {statistics.median(ratios):5.2f} of bare ({min(ratios):.2f} to {max(ratios):.2f}), "
            f"{work:4.2f} by processor time  {rate:6.0f} req/s  {cpu:5.0f} us  p50 {p50:6.2f} ms  p99 {p99:6.2f} ms"
        )
    sys.stdout.flush()


def measured(servers: dict[str, Running], case: Case, connections: int, options: Any) -> dict[str, list[Run]]:
    runs: dict[str, list[Run]] = {name: [] for name in servers}
    for server in servers.values():
        wrk(server, case, connections, 1)
    for _ in range(options.rounds):
        for name, server in servers.items():
            runs[name].append(wrk(server, case, connections, options.seconds))
    return runs


def wrk(server: Running, case: Case, connections: int, seconds: int) -> Run:
    command = ["wrk", "--latency", "-t1", f"-c{connections}", f"-d{seconds}s"]
    for name, value in case.headers.items():
        command += ["-H", f"{name}: {value}"]
    before = server.cpu
    said = subprocess.run(
        [*command, f"http://127.0.0.1:{server.port}{case.path}"], capture_output=True, text=True, check=True
    ).stdout
    spent = server.cpu - before
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(said)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    percentiles = dict(re.findall(r"^\s+(50|99)%\s+(\S+)$", said, re.MULTILINE))
    number = re.search(r"(\d+) requests in", said)
    assert rate
    assert number
    return Run(
        float(rate[1]), spent / int(number[1]) * 1e6, milliseconds(percentiles["50"]), milliseconds(percentiles["99"])
    )


def milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


# --- The servers


@dataclass(frozen=True)
class Running:
    """A server in a process of its own."""

    port: int
    process: psutil.Process

    @property
    def cpu(self) -> float:
        """Seconds that it has worked."""
        times = self.process.cpu_times()
        return float(times.user + times.system)


@contextmanager
def process(*words: Any, **environment: str) -> Iterator[Running]:
    """cr-serve, or with `words` this file; yields once it answers."""
    port = free_port()
    if words:
        command = [sys.executable, __file__, words[0], str(port), str(words[1])]
    else:
        start = "import sys; from cr.serve import main; sys.exit(main())"
        command = [sys.executable, "-c", start, str(ROOT / "production.ini")]
    server = subprocess.Popen(
        command, env={**os.environ, **environment, "PORT": str(port)}, stdout=subprocess.DEVNULL, cwd=ROOT
    )
    try:
        until_answered(port)
        yield Running(port, psutil.Process(server.pid))
    finally:
        server.kill()
        server.wait()


@contextmanager
def site(postgres: Postgres, megabytes: str) -> Iterator[Running]:
    """cr-serve as in production, with that much memory for pages."""
    environment = {
        "CLOUDRON_POSTGRESQL_URL": postgres.url,
        "CLOUDRON_APP_ORIGIN": "https://rules.example.org",
        "SMTP_FROM": "rules@example.org",
        "SESSION_SECRET": "a secret that nobody needs",
        "PAGE_CACHE_MB": megabytes,
    }
    with process(**environment) as running:
        yield running


def until_answered(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if ask(port, "/api/health").status == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise SystemExit("A server did not start.")


def bare(port: int, file: Path) -> None:
    """Waitress with the settings of the site, and an application that does nothing but answer."""
    answers = {
        (each["path"], each["known"]): (
            each["status"],
            [tuple(header) for header in each["headers"]],
            each["body"].encode(),
        )
        for each in json.loads(file.read_text())
    }
    ready = ("200 OK", [("Content-Length", "0")], b"")

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        status, headers, body = answers.get((environ["PATH_INFO"], environ.get("HTTP_IF_NONE_MATCH")), ready)
        start_response(status, headers)
        return [body]

    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # as production.ini has it
    Server(app, [socket.create_server(("127.0.0.1", port), backlog=1024)]).run()


# --- What is asked for


def cases_of(port: int, rule_id: str) -> list[Case]:
    path = f"/rules/{rule_id}"
    tag = ask(port, path).headers["ETag"]
    return [Case("rule page", path), Case("list", "/rules"), Case("rule page, known already", path, tag)]


def ask(port: int, path: str, **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    return connection.getresponse()


def answer(port: int, case: Case) -> dict[str, Any]:
    given = ask(port, case.path, **case.headers)
    return {
        "path": case.path,
        "known": case.known,
        "status": f"{given.status} {given.reason}",
        "headers": [each for each in given.getheaders() if each[0].lower() not in PASSED_ON],
        "body": given.read().decode(),
    }


def fill(postgres: Postgres) -> str:
    """Rules as long as a community's that answered everything; the id of one of them."""
    engine = create_engine(postgres.url.replace("postgresql://", "postgresql+psycopg2://"))
    now = datetime.now(UTC)
    owner = uuid4()
    try:
        for number in range(RULES):
            with engine.begin() as connection:
                rules = Rules(lambda connection=connection: nullcontext(connection))  # type: ignore[misc]
                rule = rules.publish_rule(owner, now, f"Garden No. {number}", "How we tend it together.", document())
                if number % 3 == 0:
                    rules.revise_rule(rule.id, owner, now, f"Garden No. {number}", "How we go on.", document())
    finally:
        engine.dispose()
    return str(rule.id)


def document() -> dict[str, Any]:
    """Four values and eight methods of our own catalogue."""
    sections = []
    for name, many in (
        ("values", 4),
        ("communication", 1),
        ("membership", 2),
        ("decisionApproaches", 3),
        ("conflictManagement", 2),
    ):
        chosen = json.loads((DATA / f"{name}.json").read_text())[:many]
        entries = [{"title": each["label"], "body": "\n\n".join(texts(each))} for each in chosen]
        sections.append({"categoryName": name, "entries": entries})
    return {"sections": sections}


def texts(item: dict[str, Any]) -> list[str]:
    found = item.get("sections") or {"meaning": item["meaning"], "signals": item["signals"]}
    return [text for text in found.values() if isinstance(text, str)]


if __name__ == "__main__":
    sys.exit(main())
