"""Standard output of commands: nothing in it that a terminal obeys, and nothing of it lost unnoticed.

It needs no database and no site, for `cr-replay` has neither.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def printable(line: str) -> str:
    """One line of people's words, without what a terminal would obey or what turns the direction of writing."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in line)


def escaped(line: str) -> str:
    """One line of JSON that says the same and is `printable`."""
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in line)


@contextmanager
def all_or_error() -> Iterator[None]:
    """In the block, and at the latest at its end, what can't be written raises `OSError`.

    Python without buffers (PYTHONUNBUFFERED, `-u`) loses the rest of what a pipe or a disk took a part of, and says
    nothing. Behind the block the output is as it was: a command may be a part of a program that goes on.
    """
    out = sys.stdout
    # Whoever put something else in its place knows what they do.
    if not (out is sys.__stdout__ and isinstance(out, io.TextIOWrapper) and isinstance(out.buffer, io.RawIOBase)):
        yield
        return
    sys.stdout = os.fdopen(out.fileno(), "w", encoding=out.encoding, errors=out.errors, closefd=False)
    try:
        yield
        sys.stdout.flush()
    except OSError:
        give_up()
        raise
    finally:
        sys.stdout = out


def give_up() -> None:
    """What is still buffered would be written, and complained about, when Python ends: drop it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
