"""Uploaded files on disk: `UPLOAD_ROOT/{first two of the id}/{id}`, each written whole or not at all."""

from __future__ import annotations

import logging
import os
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from cr.errors import ServerMisconfigured

log = logging.getLogger(__name__)

UNFINISHED = ".unfinished-"
"""Begins the names of files that are being written. No id begins so, hence none is ever served."""

UNFINISHED_LIFETIME = timedelta(days=1)
"""After which nobody can still be writing it: a server was killed in between."""


def path(root: Path, identifier: UUID) -> Path:
    name = str(identifier)
    return root / name[:2] / name


def write(root: Path, identifier: UUID, content: bytes, now: datetime) -> Path:
    """Raises `ServerMisconfigured` for a disk that is full or can't be written, and leaves nothing there."""
    target = path(root, identifier)
    unfinished = None
    try:
        _sweep(root, now)
        handle, unfinished = tempfile.mkstemp(prefix=UNFINISHED, dir=root)
        with open(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        target.parent.mkdir(exist_ok=True)
        os.replace(unfinished, target)
        unfinished = None
        # So that the names, too, are on the disk before anybody is told.
        for folder in (target.parent, root):
            _sync(folder)
    except OSError as error:
        if unfinished is not None:
            remove(Path(unfinished))
        remove(target)
        log.error("Uploads can't be written to %s: %s", root, error.strerror or error)
        raise ServerMisconfigured(
            "The file could not be kept: this server has no room for it. Please tell the people who run it."
        ) from None
    return target


def remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError as error:
        log.error("%s could not be removed: %s", file, error.strerror or error)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(root: Path, now: datetime) -> None:
    """Remove what a killed server left, so that no second process is needed."""
    before = (now - UNFINISHED_LIFETIME).timestamp()
    for each in root.glob(f"{UNFINISHED}*"):
        try:
            if each.stat().st_mtime < before:
                remove(each)
        except FileNotFoundError:  # another server was faster
            continue
