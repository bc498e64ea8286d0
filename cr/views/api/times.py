"""How the JSON contract writes moments."""

from __future__ import annotations

from datetime import UTC, datetime


def iso_z(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds, as JavaScript's Date writes it: 2026-03-12T12:04:00.000Z"""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
