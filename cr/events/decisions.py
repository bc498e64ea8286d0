"""The ways to decide that a rule names itself, for those who say how its next revision was decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cr.catalog.sections import DECISIONS


@dataclass(frozen=True)
class Way:
    """`id` is the method's id in the document's `methodSelections`, or of an entry that none of them stands for its
    title; `label` is what people call it.
    """

    id: str
    label: str


def ways(document: Mapping[str, Any]) -> list[Way]:
    """Every way to decide that the document's section on decisions names, in its order; each name once."""
    selections = document.get("methodSelections") or {}
    ids = {each["label"]: each["id"] for each in reversed(selections.get(DECISIONS.key) or [])}
    titles = [
        entry["title"]
        for part in document.get("sections") or []
        if part["categoryName"] == DECISIONS.name
        for entry in part["entries"]
    ]
    return [Way(ids.get(label, label), label) for label in dict.fromkeys((*titles, *ids)) if label.strip()]


def named(document: Mapping[str, Any], identifier: str) -> Way | None:
    """The document's way with this id, or None."""
    return next((way for way in ways(document) if way.id == identifier), None)
