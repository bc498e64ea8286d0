"""A process of its own for what is slow to replay, beside a rebuild: `python -m cr.projections.helper`.

It is only a help. When it ends early, for whatever reason, the rebuild goes on from where it came to, and says the last
line of what it said. It never outlives the rebuild: the pipe that it holds as its standard input closes with that.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Self

import sqlalchemy as sa

from cr.db import create_engine
from cr.projections.base import Projection

log = logging.getLogger(__name__)

PATIENCE = 0.2
"""Seconds between two looks at how far it is."""


class Helper:
    """Replays the chosen read models up to `head`, while the block of its `with` runs."""

    def __init__(self, url: sa.URL, chosen: Sequence[Projection], head: int) -> None:
        self._names = [projection.name for projection in chosen]
        # By the pipe and not as arguments, which everybody on the machine can see.
        self._task = {"url": url.render_as_string(hide_password=False), "names": self._names, "head": head}

        self._held = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        # A file and not a pipe, which somebody would have to empty.
        self._complaint = self._held.enter_context(tempfile.TemporaryFile())
        # No process, or one that has ended already, is no more than no help.
        with suppress(OSError):
            self._start()
        return self

    def _start(self) -> None:
        # A session of its own, so that Ctrl-C at the terminal reaches the rebuild alone, which ends the rest.
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stderr=self._complaint, start_new_session=True
        )
        assert self._process.stdin
        self._process.stdin.write(json.dumps(self._task).encode() + b"\n")
        self._process.stdin.flush()

    def __exit__(self, *exception: object) -> None:
        if self._process is not None:
            self._process.kill()
            with suppress(BrokenPipeError):
                self._process.communicate()
        self._held.close()

    def works(self) -> bool:
        """Wait a little; whether it is still at it."""
        try:
            code = self._process.wait(PATIENCE) if self._process else 1
        except subprocess.TimeoutExpired:
            return True
        if code:
            names = ", ".join(self._names)
            log.warning("The process that replays %s ended early%s. It goes on here.", names, self._last_words())
        return False

    def _last_words(self) -> str:
        self._complaint.seek(0)
        lines = self._complaint.read().decode(errors="replace").strip().splitlines()
        return f" ({lines[-1]})" if lines else ""


def main() -> None:
    task = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_rebuild, daemon=True).start()
    from cr.projections import BY_NAME
    from cr.projections.rebuild import replay

    chosen = [BY_NAME[name] for name in task["names"]]
    replay(create_engine(task["url"]), chosen, task["head"], lambda done, head: None)


def _end_with_the_rebuild() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
