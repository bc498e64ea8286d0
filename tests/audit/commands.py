"""`cr-replay` as somebody runs it at a terminal, far from the site."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

COMMAND = Path(sys.executable).parent / "cr-replay"


def cr_replay(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run with nothing in the environment: no database, no setting, no address of anything."""
    return subprocess.run([COMMAND, *arguments], input=stdin, env={}, capture_output=True, timeout=60, check=False)


def told(run: subprocess.CompletedProcess[bytes]) -> str:
    return run.stdout.decode()


def complained(run: subprocess.CompletedProcess[bytes]) -> str:
    return run.stderr.decode()
