"""What a thing was made from, as a short text: when that changes, what was kept of the thing is out of date."""

from __future__ import annotations

import hashlib
from pathlib import Path


def fingerprint(*sources: str | Path, also: str = "") -> str:
    """Of the contents of these files and of `also`: twelve hexadecimal digits."""
    whole = hashlib.sha256(also.encode())
    for source in sources:
        whole.update(Path(source).read_bytes())
    return whole.hexdigest()[:12]
