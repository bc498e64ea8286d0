"""What the catalogue's methods and values are called, by slug or id, and what a draft may have started from.

They come with the code, from the package's own data, so that a draft reads the same in every process, before the
catalogue is filled and whatever `SEED_DATA_DIR` says. A catalogue that calls something otherwise has its label written
into the draft (`cr.catalog.choosing`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from cr.catalog.sections import METHOD_SECTIONS

DATA = Path(__file__).parent / "data"
"""The package's own catalogue."""

FILES = (DATA / "values.json", *(DATA / f"{section.key}.json" for section in METHOD_SECTIONS))
"""What the labels were made from; code that keeps what is made of labels names them in its fingerprint."""


def _labels() -> dict[str, str]:
    labels: dict[str, str] = {}
    for file in FILES:
        for entry in json.loads(file.read_text(encoding="utf-8")):
            labels[entry.get("slug") or entry["id"]] = entry["label"]
    return labels


LABELS: Mapping[str, str] = MappingProxyType(_labels())

ORIGIN_FILES = (DATA / "templates.json", DATA / "use-cases.json")


def _names(file: Path, key: str) -> dict[str, str]:
    return {entry["slug"]: entry[key] for entry in json.loads(file.read_text(encoding="utf-8"))}


TEMPLATES: Mapping[str, str] = MappingProxyType(_names(ORIGIN_FILES[0], "title"))
USE_CASES: Mapping[str, str] = MappingProxyType(_names(ORIGIN_FILES[1], "community"))
"""By slug, as histories say them; they are made from `ORIGIN_FILES`."""
