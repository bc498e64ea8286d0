"""Canonical JSON (RFC 8785): the same value is the same bytes, whoever writes them, so that hashes can be compared."""

from __future__ import annotations

import hashlib
from typing import Any

import rfc8785

INTEGER_MOST = 2**53 - 1
"""Larger whole numbers are read as other ones by programs that know one kind of number only, as RFC 8785 does."""


def canonical(value: Any) -> bytes:
    """Raises `ValueError` for what canonical JSON can't say: a large whole number, half a surrogate pair, NaN."""
    return rfc8785.dumps(value)


def sha256(content: bytes) -> str:
    """As `sha256sum` writes it."""
    return hashlib.sha256(content).hexdigest()


def too_large(value: Any) -> str | None:
    """Where in a JSON value the first whole number stands that has no canonical form, as in "sections.0.order"."""
    todo: list[tuple[str, Any]] = [("", value)]
    while todo:
        place, item = todo.pop()
        if isinstance(item, int) and abs(item) > INTEGER_MOST:
            return place
        parts = item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, list) else ()
        todo += [(f"{place}.{name}" if place else str(name), part) for name, part in reversed([*parts])]
    return None
