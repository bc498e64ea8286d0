"""What is made of a document for its page: anchors that stay, and Markdown where it can be had in time; and which
revision is in force on a day.
"""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from cr import prose
from cr.catalog.choosing import add_template
from cr.catalog.source import read
from cr.events.document import composed
from cr.projections import revisions
from cr.projections.revisions import html_of, outline
from tests.functional.rules import person, publish, revise


def document(*titles: str) -> dict[str, Any]:
    return {"sections": [{"categoryName": "A", "entries": [{"title": title} for title in titles]}]}


def anchors(*titles: str) -> list[str]:
    return [entry["anchor"] for entry in outline(document(*titles))["sections"][0]["entries"]]


def test_equal_titles_are_numbered() -> None:
    assert anchors("Dues", "Dues", "dues", "Dues 2", "Dues-4", "Dues") == [
        "a-dues",
        "a-dues-2",
        "a-dues-3",
        "a-dues-2-2",
        "a-dues-4",
        "a-dues-5",
    ]


LONG = "How we share what we grow, and what we do when there is too much or too little of it in a year " * 2


@pytest.mark.parametrize("section", ["Values", "☀", LONG, "Straße für Bücher", "1"])
@pytest.mark.parametrize("title", ["Care", "☂", "☂ ☂", LONG, "Care?", "2"])
def test_an_anchor_stays_when_others_come_before_it(section: str, title: str) -> None:
    def anchors(before: list[str], sections: list[str]) -> tuple[str, str]:
        entries = [{"title": each} for each in (*before, title)]
        parts = [{"categoryName": each, "entries": [{"title": "Trust"}]} for each in sections]
        shown = outline({"sections": [*parts, {"categoryName": section, "entries": entries}]})["sections"][-1]
        return shown["key"], shown["entries"][-1]["anchor"]

    alone = anchors([], [])
    assert anchors(["Trust", "☁", "A " * 100], ["Other", "☁", "Care"]) == alone


@given(
    st.lists(st.sampled_from(["Dues", "Dues 2", "Dues-2-2", "Dues 3", "", "2", "clause-1-2"]), min_size=1, max_size=20)
)
def test_an_anchor_has_the_first_number_that_is_free(titles: list[str]) -> None:
    taken = {"main", "contents", "a"}
    for title, anchor in zip(titles, anchors(*titles), strict=True):
        words = f"a-{title}".lower().replace(" ", "-").strip("-")
        candidates = [words, *(f"{words}-{number}" for number in range(2, 30))]
        assert anchor == next(each for each in candidates if each not in taken)
        taken.add(anchor)


def test_the_numbers_that_are_taken_are_not_tried_again() -> None:
    class Counting(dict[str, int]):
        asked = 0

        def __contains__(self, key: object) -> bool:
            Counting.asked += 1
            return super().__contains__(key)

    taken = Counting()
    for _ in range(500):
        revisions._anchor("dues", taken)
    assert Counting.asked <= 1000


@pytest.mark.parametrize(
    "text",
    [
        "[a](" * 4000,
        ("[a](" + "x" * 300) * 900,
        "[a](" * 32 + "x" * 400_000,
        "\\" * 400_000,
        "*" * 10_001,
        "\n" * 10_001,
        "\r" * 10_001,
    ],
    ids=lambda text: text[:5],
)
def test_what_would_take_seconds_is_shown_as_it_was_typed(text: str) -> None:
    assert html_of({"communityContext": text}) is prose.to_plain_html


@pytest.mark.parametrize(
    "text",
    [
        "- [the minutes](https://example.org/2026/minutes.html)\n" * 300,
        "Use \\* for a star. " * 500,
        "x" * 400_000,
        "Straße für Bücher, " * 20_000,
    ],
    ids=lambda text: text[:5],
)
def test_long_texts_are_markdown(text: str) -> None:
    assert html_of({"communityContext": text}) is prose.to_html


def test_every_template_is_markdown() -> None:
    catalog = read()
    methods = {(each.section, each.slug): each for each in catalog.methods}
    values = {each.id: each for each in catalog.values}
    for template in catalog.templates:
        assert html_of(composed(add_template({}, template, methods, values))) is prose.to_html


def test_the_revision_of_a_day_is_the_one_that_the_definition_says(engine: sa.Engine) -> None:
    """Of those whose day has come the one with the highest number; before any, the first to come."""
    first = date(2026, 3, 1)
    someone = person(engine)
    rules = {}
    for begins in [*product((-3, 0, 2, 5), repeat=3), (4,), (0, 9, 1, 9, 4)]:
        rule = publish(engine, someone, "2026-03-01", in_force_from=first + timedelta(begins[0]))
        for number, later in enumerate(begins[1:], 2):
            revise(engine, rule, someone, "2026-03-01", f"{number}", in_force_from=first + timedelta(later))
        rules[UUID(rule[-36:])] = begins
    with Session(engine) as session:
        for offset in range(-5, 12):
            on = first + timedelta(offset)
            heads = revisions.heads_in_force(session, rules, on)
            for rule_id, begins in rules.items():
                come = [number for number, day in enumerate(begins, 1) if day <= offset]
                coming = [number for number, day in enumerate(begins, 1) if day == min(begins)]
                row = revisions.in_force(session, rule_id, on)
                assert (row.id, row.revision, row.newest) == (rule_id, (come or coming)[-1], len(begins))
                assert heads[rule_id].revision == row.revision
        assert revisions.in_force(session, someone, first) is None
