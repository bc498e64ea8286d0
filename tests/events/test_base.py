"""Events and the JSON in the log: what was written is read as it was meant, also by later code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

import pytest
from eventsourcing.persistence import MapperDeserialisationError

from cr.events.base import Event, JsonMapper, decoded

WHOSE, ACTOR = UUID(int=7), UUID(int=8)
NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Moved(Event):
    """Had one text `place` once, then `town` and `street`, and now a list of both."""

    TOPIC = "test.Moved"
    class_version: ClassVar[int] = 3
    lines: list[str]

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["town"], state["street"] = state.pop("place").split(", ")

    @staticmethod
    def upcast_v2_v3(state: dict[str, Any]) -> None:
        state["lines"] = [state.pop("street"), state.pop("town")]


EVENT = Moved(originator_id=WHOSE, originator_version=4, actor=ACTOR, at=NOON, lines=["Elm Street 1", "Bonn"])
HEADER = f'"actor":"{ACTOR}","at":"2026-03-12T12:00:00Z"'


@pytest.mark.parametrize(
    "state",
    [
        f'{{{HEADER},"place":"Bonn, Elm Street 1"}}',
        f'{{"class_version":2,{HEADER},"town":"Bonn","street":"Elm Street 1"}}',
        f'{{"class_version":3,{HEADER},"lines":["Elm Street 1","Bonn"]}}',
    ],
)
def test_events_of_every_age_are_read(state: str) -> None:
    assert decoded(WHOSE, 4, "test.Moved", state) == EVENT


def test_what_is_written_is_read_again() -> None:
    mapper = JsonMapper()
    assert mapper.to_domain_event(mapper.to_stored_event(EVENT)) == EVENT


@pytest.mark.parametrize(
    ("topic", "state"),
    [
        ("test.Unheard", "{}"),
        ("draft.Named", "no JSON"),
        ("draft.Named", "[]"),
        ("draft.Named", "{}"),
        ("test.Moved", "[]"),
        ("test.Moved", "{}"),
    ],
)
def test_what_cannot_be_read_says_which_event_it_is(topic: str, state: str) -> None:
    with pytest.raises(MapperDeserialisationError, match=f"^{topic} {WHOSE} version 4: "):
        decoded(WHOSE, 4, topic, state)
