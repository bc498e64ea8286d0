"""How moments are written for programs: ISO 8601 in UTC, with Z at the end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal


def iso_z(moment: datetime, precision: Literal["milliseconds", "microseconds"] = "milliseconds") -> str:
    """With milliseconds as JavaScript's Date writes it, which is the JSON contract's way: 2026-03-12T12:04:00.000Z"""
    return moment.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")
