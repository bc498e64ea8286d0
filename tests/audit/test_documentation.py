"""What the schema knows is explained to people, and nothing else is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from cr.audit.lines import schema
from cr.audit.public import told
from cr.events import rule as r
from cr.events.base import stamped
from tests.projections.lives import NOON, PEOPLE
from tests.projections.test_histories import SAMPLES

TEXT = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()


def test_every_field_and_every_kind_of_line_is_explained() -> None:
    kinds = schema()["$defs"].values()
    fields = {name for kind in kinds for name in kind["properties"]}
    types = {name for kind in kinds for name in _allowed(kind["properties"]["type"])}
    rows = " ".join(re.findall(r"^\| `.*$|^### .*$", TEXT, re.MULTILINE))
    said = {*re.findall(r"`([A-Za-z0-9.]+)`", rows)}
    assert fields | types <= said
    assert types == {each.TOPIC for each in r.EVENTS}


def _allowed(of: dict[str, Any]) -> list[str]:
    allowed: list[str] = of.get("enum") or [of["const"]]
    return allowed


def test_every_field_says_what_it_is_and_is_always_there() -> None:
    for kind in schema()["$defs"].values():
        assert sorted(kind["required"]) == sorted(kind["properties"])
        assert kind["additionalProperties"] is False
        assert all(field.get("description") for name, field in kind["properties"].items() if name != "type")
        assert kind["description"]


@pytest.mark.parametrize("kind", r.EVENTS, ids=lambda kind: kind.TOPIC)
def test_every_event_has_a_line(kind: type[r.RuleEvent]) -> None:
    (event,) = stamped([kind(**SAMPLES[kind])], of=PEOPLE[1], after=0, actor=PEOPLE[0], at=NOON)
    (line,) = told([event])
    assert (line.type, line.event) == (kind.TOPIC, 1)
