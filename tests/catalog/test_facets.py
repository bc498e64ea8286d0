"""Ranking: the best first, nothing hidden, ties as they came."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from cr.catalog.facets import ALL, Facet, fit, matched, ranked


@dataclass(frozen=True)
class Thing:
    number: int
    facets: frozenset[Facet]


facets = st.frozensets(st.sampled_from(ALL))
wanted = st.lists(st.sampled_from(ALL), unique=True)
things = st.lists(facets).map(lambda each: [Thing(*pair) for pair in enumerate(each)])


@given(things, wanted)
def test_nothing_is_hidden_and_the_score_is_the_number_of_matches(things: list[Thing], wanted: list[Facet]) -> None:
    result = ranked(things, wanted)
    assert sorted(thing.number for thing, _ in result) == [thing.number for thing in things]
    for thing, found in result:
        assert len(found) == len(thing.facets & set(wanted))
        assert list(found) == [facet for facet in wanted if facet in thing.facets]


@given(things, wanted)
def test_the_best_come_first_and_ties_stay_in_order(things: list[Thing], wanted: list[Facet]) -> None:
    places = [(-len(found), thing.number) for thing, found in ranked(things, wanted)]
    assert places == sorted(places)


@given(things)
def test_without_a_wish_nothing_moves(things: list[Thing]) -> None:
    assert [thing for thing, _ in ranked(things, ())] == things


@given(facets, things, wanted)
def test_a_whole_speaks_for_itself_or_is_as_good_as_its_parts(
    own: frozenset[Facet], parts: list[Thing], wanted: list[Facet]
) -> None:
    found = fit(Thing(0, own), parts, wanted)
    if own:
        assert found == (len(own & set(wanted)), matched(Thing(0, own), wanted))
    else:
        assert found.score == sum(len(part.facets & set(wanted)) for part in parts)
        assert set(found.matched) == set(wanted) & {facet for part in parts for facet in part.facets}
        assert (found.score > 0) == bool(found.matched)
