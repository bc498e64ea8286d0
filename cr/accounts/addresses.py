"""Email addresses, as people write them and as we keep them."""

from __future__ import annotations

import re
from typing import Any

from cr.errors import ValidationProblem

LONGEST = 254
"""Characters, by RFC 5321's limit of a path."""

# What a browser's <input type=email> takes (HTML standard), with at least one dot: no mail is at a bare name.
ADDRESS = re.compile(
    r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@"
    r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
    r"(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+"
)


TYPED_LONGEST = 320
"""Characters that are looked into at all, for the codec of domains takes the square of their number."""


def normalised(text: str) -> str:
    """Trimmed, lower-case, the domain in its ASCII form. Raises `ValueError` for what is no address."""
    if len(text) > TYPED_LONGEST:
        raise ValueError("not an email address")
    local, _, domain = text.strip().lower().rpartition("@")
    try:
        ascii_domain = domain.encode("idna")
        # The codec writes strasse for straße, which is somebody else's domain.
        faithful = domain.isascii() or ascii_domain.decode("idna") == domain
    except UnicodeError:
        faithful = False
    if not faithful:
        raise ValueError("not an email address")
    address = f"{local}@{ascii_domain.decode()}"
    if len(address) > LONGEST or not ADDRESS.fullmatch(address):
        raise ValueError("not an email address")
    return address


def proper(text: str, field: str = "email", fault: str = "Write an email address, such as name@example.org.") -> str:
    """As `normalised`, of what somebody wrote into a field. Raises `ValidationProblem`."""
    try:
        return normalised(text)
    except ValueError:
        raise ValidationProblem(fault, fields={field: fault}) from None


def is_same(typed: Any, address: str) -> bool:
    """Whether somebody wrote this address, which is as we keep them."""
    try:
        return isinstance(typed, str) and normalised(typed) == address
    except ValueError:
        return False
