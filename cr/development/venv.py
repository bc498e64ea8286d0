"""`python3 cr/development/venv.py [MODULE [ARGUMENT...]]`: makes or repairs `.venv`, then becomes the module in it.

Runs before anything is installed, so it uses the standard library only and is started by its path.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = "requirements/development.txt"


class Environment:
    """The virtual environment of the project at `root`, with exactly what its lock file names and the project itself.

    What was installed is noted when it is complete, so that an interrupted installation counts as none.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / ".venv"
        self.python = self.folder / "bin" / "python"
        self._inherited: list[int] = []

    def make(self) -> None:
        """Install what is missing or changed, and say how far it is. Raises `CalledProcessError`."""
        with self._alone():
            # The scripts of an environment name its folder, so a project that was moved needs a new one.
            packages = self._hash(sys.version, str(self.folder), (self.root / LOCK).read_bytes())
            project = self._hash(packages, *(self._read(name) for name in ("setup.cfg", "pyproject.toml")))
            if not self._noted("packages", packages):
                print(f"Installing the locked packages for Python {sys.version.split()[0]} into .venv", flush=True)
                shutil.rmtree(self.folder, ignore_errors=True)
                self._run(sys.executable, "-m", "venv", str(self.folder))
                self._install_packages()
                self._note("packages", packages)
            if not self._noted("project", project):
                self._run(*self._pip, "--quiet", "--no-deps", "--no-build-isolation", "--editable", ".")
                self._note("project", project)
                print("Installed.", flush=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        lock = self.root / "var" / "venv.lock"
        lock.parent.mkdir(exist_ok=True)
        with lock.open("w") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("Another run is installing into .venv; waiting for it.", flush=True)
                fcntl.flock(held, fcntl.LOCK_EX)
            # Programs that install keep the lock as long as they run, also when this process is killed.
            self._inherited = [held.fileno()]
            yield

    def _install_packages(self) -> None:
        """Every package of the lock, with a line for each: pip alone says either nothing or far too much."""
        total = len(re.findall("^[^ #].*==", (self.root / LOCK).read_text(), re.MULTILINE))
        command = [*self._pip, "--require-hashes", "--progress-bar=off", "--requirement", LOCK]
        with subprocess.Popen(
            command,
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=self._inherited,
        ) as pip:
            try:
                seen = 0
                for line in pip.stdout or ():
                    if line.startswith("Collecting "):
                        seen += 1
                        print(f"  {seen} of {total} at most: {line.split()[1]}", flush=True)
                    elif line.startswith("Installing "):
                        print("  unpacking them", flush=True)
            except BaseException:
                pip.kill()
                raise
        if pip.returncode:
            raise subprocess.CalledProcessError(pip.returncode, command)

    @property
    def _pip(self) -> Sequence[str]:
        options = ("--disable-pip-version-check", "--no-input", "--no-warn-script-location")
        return (str(self.python), "-m", "pip", "install", *options)

    def _run(self, *command: str) -> None:
        subprocess.run(command, cwd=self.root, check=True, stdin=subprocess.DEVNULL, pass_fds=self._inherited)

    def _read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    @staticmethod
    def _hash(*parts: str | bytes) -> str:
        whole = b"\0".join(part.encode() if isinstance(part, str) else part for part in parts)
        return hashlib.sha256(whole).hexdigest()

    def _noted(self, what: str, value: str) -> bool:
        note = self.folder / f"installed-{what}"
        # The interpreter that the environment stands on may have been removed since.
        return self.python.exists() and note.exists() and note.read_text() == value

    def _note(self, what: str, value: str) -> None:
        (self.folder / f"installed-{what}").write_text(value)


def main(arguments: Sequence[str]) -> int:
    """1 when something could not be installed, else 0; given arguments, this process becomes `python -m` with them."""
    # As exceptions, so that pip is ended too.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, frame: sys.exit(128 + number))
    environment = Environment(ROOT)
    try:
        environment.make()
    except subprocess.CalledProcessError:
        print("The packages could not be installed; the reason is above. Run this again to go on.", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"The packages could not be installed: {error}", file=sys.stderr)
        return 1
    if arguments:
        # Unbuffered, so that what it says is seen at once, in a file too.
        os.execv(environment.python, [str(environment.python), "-u", "-m", *arguments])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
