"""Which revision counts when, whatever days people give."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cr.views.in_force import State, spans

FIRST = date(2026, 3, 1)
NEVER = "This is revision %d, which never came into force. Revision %d took its place before its day"


def rows(*days: tuple[int, int]) -> list[Any]:
    """Revisions 1, 2, ...: (published, in force from), in days since the first of March."""
    return [
        SimpleNamespace(
            revision=number,
            published_at=datetime.combine(FIRST + timedelta(published), datetime.min.time(), UTC),
            in_force_from=FIRST + timedelta(begins),
        )
        for number, (published, begins) in enumerate(days, 1)
    ]


def in_force(found: list[Any], on: date) -> int | None:
    """By the definition: of those whose day has come the one with the highest number."""
    return max((row.revision for row in found if row.in_force_from <= on), default=None)


orders = st.lists(st.tuples(st.integers(0, 8), st.integers(-4, 12)), min_size=1, max_size=6).map(
    lambda days: list(zip(sorted(published for published, _ in days), (begins for _, begins in days), strict=True))
)


@given(orders)
def test_on_every_day_the_one_in_force_is_the_one_that_the_definition_says(days: list[tuple[int, int]]) -> None:
    found = rows(*days)
    for offset in range(-6, 20):
        on = FIRST + timedelta(offset)
        states = {number: span.state(on) for number, span in spans(found).items()}
        # What somebody published later can't be known before; from then on both agree.
        if on >= found[-1].published_at.date():
            now = in_force(found, on)
            assert [number for number, state in states.items() if state is State.IN_FORCE] == ([now] if now else [])
            coming = [number for number, state in states.items() if state is State.TO_COME]
            assert coming == sorted({in_force(found, on + timedelta(days)) for days in range(30)} - {now, None})


@given(orders)
def test_a_revision_whose_day_was_taken_before_it_came_is_never_in_force(days: list[tuple[int, int]]) -> None:
    found = rows(*days)
    for row, span in zip(found, spans(found).values(), strict=True):
        taken = [
            later
            for later in found[row.revision :]
            if later.in_force_from <= row.in_force_from and later.published_at.date() < row.in_force_from
        ]
        assert (span.state(FIRST) is State.NEVER) == bool(taken)


@pytest.mark.parametrize(
    ("days", "number", "on", "told", "period", "notice"),
    [
        ([(0, 0)], 1, 0, "in force", "Since 1 March 2026", None),
        ([(0, 5)], 1, 0, "in force from 6 March 2026", "From 6 March 2026", None),
        (
            [(0, 0), (4, 9)],
            1,
            4,
            "in force",
            "1 March 2026 to 9 March 2026",
            None,
        ),
        (
            [(0, 0), (4, 9)],
            2,
            4,
            "in force from 10 March 2026",
            "From 10 March 2026",
            "This is revision 2, which comes into force on 10 March 2026. Revision 1 is in force.",
        ),
        (
            [(0, 0), (1, 1)],
            1,
            1,
            "superseded",
            "1 March 2026",
            "This is revision 1. Revision 2 took its place on 2 March 2026 and is in force.",
        ),
        (
            [(0, 0), (4, 4), (8, 8)],
            1,
            8,
            "superseded",
            "1 March 2026 to 4 March 2026",
            "This is revision 1. Revision 2 took its place on 5 March 2026. Revision 3 is in force.",
        ),
        (
            [(0, 0), (4, 20), (6, 6)],
            2,
            30,
            "never in force",
            "Never: revision 3 took its place before its day",
            f"{NEVER % (2, 3)} and is in force.",
        ),
        (
            [(0, 4), (0, 4)],
            1,
            0,
            "never in force",
            "Never: revision 2 took its place before its day",
            f"{NEVER % (1, 2)}. No revision is in force yet.",
        ),
        (
            [(0, 0), (0, 0)],
            1,
            0,
            "superseded",
            "1 March 2026, until revision 2 took its place that day",
            "This is revision 1. Revision 2 took its place on 1 March 2026 and is in force.",
        ),
        (
            [(0, 0), (4, 4), (9, 2)],
            2,
            9,
            "superseded",
            "From 5 March 2026, until revision 3 took its place from 3 March 2026 on",
            "This is revision 2. Revision 3 took its place on 3 March 2026 and is in force.",
        ),
    ],
)
def test_how_it_is_said(
    days: list[tuple[int, int]], number: int, on: int, told: str, period: str, notice: str | None
) -> None:
    found, today = rows(*days), FIRST + timedelta(on)
    span = spans(found)[number]
    assert (span.told(today), span.period(today)) == (told, period)
    if notice:
        assert span.notice(today, in_force(found, today)) == notice
