"""The image and its container, rehearsed without Docker: the Dockerfile's own lines, in namespaces of this machine.

The machine stands in for the base image: each stage is an overlay on its root. What the stages write stays in memory
and goes with the process that holds the mounts, however that ends.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.package.dockerfile import Copy, Stage, as_copy, in_context, pairs, stages

ROOT = Path(__file__).parents[2]

PYTHON = Path(sys.base_exec_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"

# What Docker leaves to root in a container.
CAPABILITIES = (
    "-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service,+net_raw,"
    "+sys_chroot,+mknod,+audit_write,+setfcap"
)

# Run in namespaces of its own; the last word becomes process 1 of the container.
CONTAINER = """
set -e
root=$1 data=$2; shift 2
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs tmpfs "$root/run"
mount --bind "$data" "$root/app/data"
cd /
exec chroot "$root" "$@"
"""


@cache
def why_not() -> str | None:
    """Why a container can't be rehearsed here; None when it can."""
    if os.geteuid() != 0:
        return "only root may make namespaces and mounts"
    if not shutil.which("apt-get"):
        return "the base image is a Debian, and this machine is none"
    if subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True).returncode:
        return f"{PYTHON} has no pip"
    # Where overlays or process namespaces are forbidden, mount or unshare say so.
    script = (
        'mount -t tmpfs tmpfs "$0" && cd "$0" && mkdir u w m && mount -t overlay o -o lowerdir=/,upperdir=u,workdir=w m'
    )
    command = ["unshare", "--mount", "--propagation=private", "--pid", "--fork", "sh", "-c", script, "/mnt"]
    try:
        tried = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError as error:
        return str(error)
    return tried.stderr.strip() or "unshare failed" if tried.returncode else None


class Image:
    """The last stage of the Dockerfile, built. A context manager; gone at its end.

    `base` is the root folder that stands in for the base image, and `python` the path of Python in it.
    """

    def __init__(self, folder: Path, *, base: Path = Path("/"), python: Path = PYTHON, context: Path = ROOT) -> None:
        self.folder, self.base, self.python, self.context = folder, base, python, context
        self.stages = stages(context / "Dockerfile")

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation=private", "sh", "-c", "echo; exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._holder.stdout is not None
        self._holder.stdout.readline()
        try:
            self._run("mount", "-t", "tmpfs", "tmpfs", str(self.folder))
            for number, stage in enumerate(self.stages):
                self._build(stage, number)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._holder.communicate()

    @property
    def root(self) -> str:
        """The image's root folder, as seen in the namespace that holds the mounts."""
        return self._root(len(self.stages) - 1)

    def path(self, path: str) -> Path:
        """A path of the image, as this process sees it."""
        return self._seen(self.root, path)

    def _seen(self, root: str, path: str) -> Path:
        return Path(f"/proc/{self._holder.pid}/root{root}/{path.lstrip('/')}")

    def enter(self) -> list[str]:
        """The beginning of a command that is to run in the namespace that holds the mounts."""
        return ["nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt", "--"]

    def _run(self, *command: str) -> None:
        done = subprocess.run([*self.enter(), *command], capture_output=True, text=True)
        assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}{done.stderr}"

    def _root(self, number: int) -> str:
        return str(self.folder / str(number) / "root")

    def _build(self, stage: Stage, number: int) -> None:
        place, root = self.folder / str(number), self._root(number)
        self._run("mkdir", "-p", root, f"{place}/upper", f"{place}/work")
        layers = f"lowerdir={self.base},upperdir={place}/upper,workdir={place}/work"
        self._run("mount", "-t", "overlay", "overlay", "-o", layers, root)
        self._be_the_base_image(root)
        path = f"{self.python.parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        environment = {"PATH": path, "HOME": "/root", "LANG": "C.UTF-8"}
        folder = "/"
        for instruction in stage.instructions:
            match instruction.name:
                case "WORKDIR":
                    folder = instruction.text
                    self._run("mkdir", "-p", f"{root}{folder}")
                case "RUN":
                    settings = [f"{name}={value}" for name, value in (environment | _for_pip()).items()]
                    inside = f"cd {folder} && {instruction.text}"
                    self._run("chroot", root, "env", "-i", *settings, "sh", "-c", inside)
                case "COPY":
                    self._copy(as_copy(instruction.text), root, folder)
                case "ENV":
                    for name, value in pairs(instruction.text).items():
                        environment[name] = value.replace("$PATH", environment["PATH"])
                case _:
                    assert instruction.name in ("ARG", "CMD", "EXPOSE", "LABEL")
        self.environment = environment
        self.workdir = folder
        self.command = stage.command if stage.all("CMD") else []

    def _be_the_base_image(self, root: str) -> None:
        """`python` and `pip` at their places for everybody, no ordinary users yet, the kernel's own file systems."""
        for parent in self.python.parents:
            self._run("chmod", "a+x", f"{root}{parent}")
        self._run("ln", "-sfn", self.python.name, f"{root}{self.python.parent}/python")
        pip = self._seen(root, f"{self.python.parent}/pip")
        pip.unlink(missing_ok=True)
        pip.write_text('#!/bin/sh\nexec python -m pip "$@"\n')
        pip.chmod(0o755)
        for name, place in (("passwd", 2), ("group", 2)):
            file = self._seen(root, f"/etc/{name}")
            lines = [line for line in file.read_text().splitlines() if not 1000 <= int(line.split(":")[place]) < 60000]
            file.write_text("\n".join(lines) + "\n")
        for name in ("proc", "dev", "sys"):
            self._run("mount", "--rbind", f"/{name}", f"{root}/{name}")

    def _copy(self, copy: Copy, root: str, folder: str) -> None:
        target = os.path.join(folder, copy.target)
        assert copy.target.endswith("/") or len(copy.sources) == 1, copy
        for source in copy.sources:
            if copy.stage is None:
                self._copy_from_context(source, root, target)
            else:
                number = [stage.name for stage in self.stages].index(copy.stage)
                self._run("mkdir", "-p", os.path.dirname(f"{root}{target}"))
                self._run("cp", "-a", "-T", f"{self._root(number)}{source}", f"{root}{target}")

    def _copy_from_context(self, source: str, root: str, target: str) -> None:
        start = self.context / source
        files = [start] if start.is_file() else [file for file in start.rglob("*") if file.is_file()]
        ignore = self.context / ".dockerignore"
        wanted = [file for file in files if in_context(file.relative_to(self.context), ignore)]
        assert wanted, f"COPY {source}: not in the context"
        for file in wanted:
            place = target
            if not start.is_file():
                place = os.path.join(target, file.relative_to(start))
            elif target.endswith("/"):
                place = os.path.join(target, file.name)
            to = self._seen(root, place)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, to)

    @contextmanager
    def container(
        self, data: Path, environment: dict[str, str], command: Sequence[str] = (), cgroup: Path | None = None
    ) -> Iterator[subprocess.Popen[str]]:
        """Run the image's command, or `command`, as Cloudron does: as root, on a read-only root file system.

        Writable are /tmp, /run and /app/data, which is the folder `data`. The process that is given can be waited for
        and has the container's exit code; `first` finds the container's own process 1. It is killed at the end.
        """
        self.path("/app/data").mkdir(exist_ok=True)
        settings = [f"{name}={value}" for name, value in (self.environment | environment).items()]
        join = ["sh", "-c", f'echo $$ >{cgroup}/cgroup.procs && exec "$@"', "sh"] if cgroup else []
        # Should this process be killed, the container must not outlive it.
        words = ["setpriv", "--pdeathsig=KILL", *join, *self.enter()]
        words += ["unshare", "--mount", "--propagation=private", "--pid", "--fork", "--kill-child"]
        words += ["sh", "-c", CONTAINER, "sh", self.root, str(data)]
        words += ["setpriv", f"--bounding-set={CAPABILITIES}", "--no-new-privs", "--"]
        words += ["env", "-i", f"--chdir={self.workdir}", *settings, *(command or self.command)]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def _for_pip() -> dict[str, str]:
    """Where this machine gets packages from, if it says so in the environment."""
    names = ("http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE")
    return {name: value for name, value in os.environ.items() if name.startswith("PIP_") or name.lower() in names}


def first(process: subprocess.Popen[str]) -> int:
    """The number that process 1 of a running container has outside of it."""
    return int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
