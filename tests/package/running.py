"""The site as a process of its own, and the way to its database, which can be cut."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cr.settings import Settings
from tests.package.container import ROOT

PATIENCE = 90
"""Seconds that anything here may take before a test gives up; nothing comes near on a machine that does little else."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Site:
    """A process that serves on a port of loopback."""

    process: subprocess.Popen[str]
    port: int

    def ask(self, method: str, path: str, body: str | None = None, **headers: str) -> Answer:
        """One request on a connection of its own. Raises OSError where nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, names, answer.read().decode())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def until(self, status: int, path: str = "/api/health") -> Answer:
        """Ask until the answer is `status`."""
        for _ in patiently():
            with suppress(OSError):
                answer = self.get(path)
                if answer.status == status:
                    return answer
            assert self.process.poll() is None, self.process.communicate()[0]
        raise AssertionError(f"{path} never answered {status}")

    def ended(self) -> tuple[int, str]:
        """Wait for the end: exit code, and everything said."""
        output = self.process.communicate(timeout=PATIENCE)[0]
        return self.process.returncode, output


def patiently() -> Iterator[None]:
    """Turns of a loop that waits for something, a moment apart."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        yield
        time.sleep(0.05)


@contextmanager
def serving(port: int, **environment: str) -> Iterator[Site]:
    """cr-serve with production.ini, in an environment without any other setting of the site."""
    ours = {field.alias for field in Settings.model_fields.values()}
    given = {name: value for name, value in os.environ.items() if name not in ours}
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; from cr.serve import main; sys.exit(main())", str(ROOT / "production.ini")],
        env=given | environment | {"PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Site(process, port)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


class Gate:
    """A TCP port of loopback in front of a Unix socket, as Cloudron's database has one. Shut at first."""

    def __init__(self, port: int, target: Path) -> None:
        self.port, self._target = port, target
        self._listener: socket.socket | None = None
        self._open: set[socket.socket] = set()

    def open(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def shut(self) -> None:
        """Nobody comes in any more, and whoever is in is thrown out."""
        if self._listener is not None:
            # Wakes the thread that accepts; close() alone would not.
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client = listener.accept()[0]
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self._target))
                for one, other in ((client, server), (server, client)):
                    self._open.add(one)
                    threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._open.discard(source)
        source.close()
