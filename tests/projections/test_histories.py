"""Every kind of event is told in a sentence that ends; who owned a rule last is found by them."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from cr.events import draft as d
from cr.events import rule as r
from cr.events.application import Rules
from cr.projections.histories import histories, owners, told
from tests.projections.lives import NOON, PEOPLE

SAMPLES: dict[type[Any], dict[str, Any]] = {
    d.Started: {"owner": UUID(int=1)},
    d.Named: {"title": "Elm"},
    d.Summarized: {"summary": None},
    d.ContextWritten: {"context": "We garden."},
    d.CommunityDescribed: {"facet": "selectedScaleIds", "answers": ["local"]},
    d.PhotoAttached: {"url": None},
    d.PhotoDescribed: {"words": "Beds in May"},
    d.ValueChosen: {"value": "1", "label": "Care"},
    d.ValueDescribed: {"value": "1", "label": "Care", "fields": {}},
    d.ValueDropped: {"value": "1", "label": "Care"},
    d.ValuesOrdered: {"values": ["1"]},
    d.MethodChosen: {"section": "communication", "method": "signal", "label": "Signal"},
    d.MethodDescribed: {"section": "communication", "method": "signal", "label": "Signal", "fields": {}},
    d.MethodDropped: {"section": "ownSections", "method": "1", "label": "Dues"},
    d.MethodsOrdered: {"section": "communication", "methods": ["signal"]},
    d.CustomMethodWritten: {"method": "own", "label": "Sleep on it", "meta": None, "blocks": None},
    d.ExtraAnswered: {"key": "sections"},
    d.Restored: {"version": 2, "payload": {}},
    d.Rebased: {"revision": 3, "payload": {}},
    d.Published: {"rule": UUID(int=3), "revision": 1},
    d.Discarded: {},
    d.WriterJoined: {"writer": UUID(int=6)},
    d.WriterRemoved: {"writer": UUID(int=6)},
    d.PassedOn: {"owner": UUID(int=2)},
    r.Published: {"title": "Elm", "summary": None, "document": {}},
    r.Revised: {"revision": 2, "title": "Elm", "summary": None, "document": {}},
    r.Withdrawn: {},
    r.OwnerReleased: {},
    r.OwnerPassedOn: {"owner": UUID(int=5)},
    r.OrganizerJoined: {"organizer": UUID(int=5)},
    r.OrganizerRemoved: {"organizer": UUID(int=5)},
    r.StakeholderInvited: {"stakeholder": UUID(int=4)},
    r.StakeholderAccepted: {"stakeholder": UUID(int=4)},
    r.StakeholderRemoved: {"stakeholder": UUID(int=4)},
    r.StakeholderLeft: {"stakeholder": UUID(int=4)},
}


def test_there_is_a_sample_of_every_kind() -> None:
    assert {*SAMPLES, d.Erased} == {*d.EVENTS, *r.EVENTS}


@pytest.mark.parametrize("kind", SAMPLES, ids=lambda kind: kind.TOPIC)
def test_every_event_is_told(kind: type[Any]) -> None:
    sentence = told(kind(**SAMPLES[kind]))
    assert sentence[0].isupper()
    assert sentence.endswith(".")


def test_topics_are_stable() -> None:
    """They are in every log there is: none of these may ever change."""
    assert sorted(each.TOPIC for each in (*d.EVENTS, *r.EVENTS)) == [
        "draft.CommunityDescribed",
        "draft.ContextWritten",
        "draft.CustomMethodWritten",
        "draft.Discarded",
        "draft.Erased",
        "draft.ExtraAnswered",
        "draft.MethodChosen",
        "draft.MethodDescribed",
        "draft.MethodDropped",
        "draft.MethodsOrdered",
        "draft.Named",
        "draft.PassedOn",
        "draft.PhotoAttached",
        "draft.PhotoDescribed",
        "draft.Published",
        "draft.Rebased",
        "draft.Restored",
        "draft.Started",
        "draft.Summarized",
        "draft.ValueChosen",
        "draft.ValueDescribed",
        "draft.ValueDropped",
        "draft.ValuesOrdered",
        "draft.WriterJoined",
        "draft.WriterRemoved",
        "rule.OrganizerJoined",
        "rule.OrganizerRemoved",
        "rule.OwnerPassedOn",
        "rule.OwnerReleased",
        "rule.Published",
        "rule.Revised",
        "rule.StakeholderAccepted",
        "rule.StakeholderInvited",
        "rule.StakeholderLeft",
        "rule.StakeholderRemoved",
        "rule.Withdrawn",
    ]


@pytest.mark.parametrize(
    ("source", "sentence"),
    [("template", "Started from a template."), ("use-case", "Started from the rule of a use case.")],
)
def test_what_it_began_with_is_not_called_by_its_address(source: Any, sentence: str) -> None:
    """The catalogue of a site may have what ours has not."""
    assert told(d.Started(owner=UUID(int=1), source=source, of="two-loaves")) == sentence


def test_an_undoing_is_told_as_one() -> None:
    assert told(d.Restored(version=2, payload={}, undid=3)) == "Undid entry 3."


def test_of_two_who_left_a_rule_the_second_owned_it_last(engine: sa.Engine) -> None:
    first, second = PEOPLE
    with engine.begin() as connection:
        app = Rules(lambda: nullcontext(connection))
        rule = app.publish_rule(first, NOON, "Elm", None, {"sections": []}).id
        app.join_rule(rule, second, NOON)
        released = app.release_owner(rule, first, NOON).version
        app.pass_on_rule(rule, second, NOON, second)
        app.release_owner(rule, second, NOON)
        # Rows may lie in any order.
        moved = sa.update(histories).where(histories.c.version == released).values(topic=histories.c.topic)
        connection.execute(moved)
        assert owners(Session(connection), [rule]) == {rule: second}
