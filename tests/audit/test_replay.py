"""What is made of the public lines alone is what the log says, after every event of any life."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import nullcontext
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from sqlalchemy.orm import Session

from cr.audit.lines import AnyLine, schema
from cr.audit.public import told
from cr.audit.replay import BrokenHistory, State, replayed
from cr.errors import Problem
from cr.events import rule as r
from cr.events.application import Rules
from cr.events.base import stamped
from cr.events.payload import checked
from cr.projections import histories, revisions
from cr.views.people import People
from tests.projections.lives import NOON, PEOPLE, live, lives, sample_life

VALIDATOR = Draft202012Validator(schema())

ACTS = ("invite", "invite", "accept", "remove", "hand over", "release")
acts = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(0, 5)))
"""What happens to a rule beside its revisions: people come and go."""


def rules_of(engine: sa.Engine) -> list[UUID]:
    with engine.connect() as connection:
        return list(connection.scalars(sa.text("SELECT id FROM rules ORDER BY position")))


def meet(engine: sa.Engine, rule_id: UUID, acts: list[Any]) -> None:
    """Do what `acts` says to the rule; what is refused is left out."""
    ids = (UUID(int=number) for number in count(1000))
    for hour, (act, choice) in enumerate(acts, 1):
        with engine.begin() as connection:
            app = Rules(lambda connection=connection: nullcontext(connection))  # type: ignore[misc]
            rule = app.rule(rule_id)
            owner = rule.owner or PEOPLE[0]
            known = sorted(rule.stakeholders)
            who = known[choice % len(known)] if known else UUID(int=9)
            # Who accepts may be an organizer as well.
            actor = owner if act != "accept" else PEOPLE[choice % 2]
            try:
                facts: list[r.RuleEvent] = {
                    "invite": lambda rule=rule, owner=owner: r.invite(rule, owner, next(ids)),
                    "accept": lambda rule=rule, who=who: r.accept(rule, who),
                    "remove": lambda rule=rule, owner=owner, who=who: r.remove(rule, owner, who),
                    "hand over": lambda rule=rule, owner=owner, to=PEOPLE[choice % 2]: r.pass_on(rule, owner, to),
                    "release": lambda rule=rule, owner=owner: r.release_owner(rule, owner),
                }[act]()
            except Problem:
                continue
            at = NOON + timedelta(days=1, hours=hour)
            app.save(*stamped(facts, of=rule.id, after=rule.version, actor=actor, at=at))


def a_life_with_everything(engine: sa.Engine) -> UUID:
    """A rule that has events of every kind; which it is."""
    live(engine, sample_life())
    first, *_ = rules_of(engine)
    meet(engine, first, [("invite", 0), ("invite", 0), ("accept", 1), ("remove", 0), ("release", 0)])
    with engine.begin() as connection:
        app = Rules(lambda: nullcontext(connection))
        app.publish_rule(PEOPLE[0], NOON, "Odd", None, {"sections": [], "theirs": 2**60})
        app.withdraw_rule(first, None, NOON + timedelta(days=9), "It was asked for")
    return first


def lines_of(app: Rules, rule_id: UUID) -> list[AnyLine]:
    return list(told(app.events.get(rule_id)))  # type: ignore[arg-type]


def says(rule: r.Rule) -> dict[str, Any]:
    """All that is public of a rule's state in the log, with numbers of people for the people."""
    return {
        "rule": rule.id,
        "event": rule.version,
        "status": rule.status,
        "text": (rule.revision, rule.title, rule.summary, json.dumps(rule.document)),
        "owned": rule.owner is not None,
        "organizers": len(rule.organizers),
        "stakeholders": sorted(account is not None for account in rule.stakeholders.values()),
    }


def says_too(state: State) -> dict[str, Any]:
    newest = state.newest
    return {
        "rule": state.rule,
        "event": state.event,
        "status": state.status,
        "text": (newest.revision, newest.title, newest.summary, json.dumps(newest.document)),
        "owned": state.owner is not None,
        "organizers": len(state.organizers),
        "stakeholders": sorted(state.stakeholders.values()),
    }


def check_all(engine: sa.Engine, rule_ids: Iterable[UUID]) -> None:
    for rule_id in rule_ids:
        with Session(engine) as session:
            app = Rules(lambda session=session: nullcontext(session.connection()))  # type: ignore[misc]
            written = [line.ndjson() for line in lines_of(app, rule_id)]
            steps = list(replayed(written))
            assert [line.event for line, _ in steps] == list(range(1, len(written) + 1))
            for text, (line, state) in zip(written, steps, strict=True):
                VALIDATOR.validate(json.loads(text))
                assert says_too(state) == says(app.rule(rule_id, state.event))
                row = revisions.find(session, rule_id, state.newest.revision)
                assert state.newest.hash() == state.newest.sha256 == row.sha256
                assert (row.in_force_from, row.event <= line.event) == (state.newest.in_force_from, True)
            # What pages call people follows from the rows, and comes to the same.
            actors = [
                f"organizer-{number}" for number, _ in enumerate(histories.actors(session, [rule_id])[rule_id], 1)
            ]
            named = [name for line, _ in steps for name in (line.by, getattr(line, "organizer", line.by))]
            assert list(dict.fromkeys(name for name in named if name.startswith("organizer"))) == actors


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(lives, acts)
def test_any_life_is_told_whole(engine: sa.Engine, life: list[Any], acts: list[Any]) -> None:
    known = {*rules_of(engine)}
    live(engine, life)
    new = {*rules_of(engine)} - known
    for rule_id in new:
        meet(engine, rule_id, acts)
    check_all(engine, new)


def test_a_life_with_every_kind_of_event_is_told_whole(engine: sa.Engine) -> None:
    rule_id = a_life_with_everything(engine)
    check_all(engine, rules_of(engine))
    with engine.connect() as connection:
        app = Rules(lambda: nullcontext(connection))
        kinds = {line.type for each in rules_of(engine) for line in lines_of(app, each)}
        assert kinds == {each.TOPIC for each in r.EVENTS}
        assert lines_of(app, rule_id)[-1].by == "operators"


def test_nothing_of_anybody_leaves_the_log(engine: sa.Engine) -> None:
    a_life_with_everything(engine)
    with engine.connect() as connection:
        app = Rules(lambda: nullcontext(connection))
        ids = {str(each) for each in PEOPLE} | {str(UUID(int=number)) for number in range(1000, 1010)}
        ids |= set(connection.scalars(sa.text("SELECT id::text FROM drafts")))
        for rule_id in rules_of(engine):
            for line in lines_of(app, rule_id):
                text = line.ndjson().decode()
                assert not [each for each in ids if each in text]


def test_one_person_has_another_name_in_another_rule(engine: sa.Engine) -> None:
    """The same two people, the other way round: nothing in the two histories says that they are the same."""
    a, b = PEOPLE
    with engine.begin() as connection:
        app = Rules(lambda: nullcontext(connection))
        told_of = []
        for owner, other in ((a, b), (b, a)):
            rule = app.publish_rule(owner, NOON, "Elm", None, {"sections": []})
            app.join_rule(rule.id, other, NOON)
            told_of.append([line.model_dump(exclude={"rule", "sha256"}) for line in lines_of(app, rule.id)])
    assert told_of[0] == told_of[1]
    assert [line["by"] for line in told_of[0]] == ["organizer-1", "organizer-2"]


def test_pages_number_people_as_the_lines_do(engine: sa.Engine) -> None:
    """Also who was made an organizer with others, and is the first of them to do something."""
    a, b, c = (UUID(int=number) for number in (1, 2, 3))
    with engine.begin() as connection:
        app = Rules(lambda: nullcontext(connection))
        draft = app.start_draft(a, NOON, checked({"title": "Elm", "selectedCoreValueIds": ["care"]}))
        for writer in (b, c):
            app.join_draft(draft, writer, NOON)
        rule = app.publish_draft(draft, a, NOON)
        app.revise_rule(rule.id, c, NOON, "Elm 2", None, {"sections": []})
        app.pass_on_rule(rule.id, a, NOON, c)
        app.revise_rule(rule.id, a, NOON, "Elm 3", None, {"sections": []})
        told_of = [(line.type, line.by) for line in lines_of(app, rule.id)]
        with Session(connection) as session:
            people = People(session, [rule.id])
            called = [people.called(rule.id, each) for each in (a, b, c)]
    assert told_of[3:] == [
        ("rule.Revised", "organizer-3"),
        ("rule.OwnerPassedOn", "organizer-1"),
        ("rule.Revised", "organizer-1"),
    ]
    assert called == ["Organizer 1", "Organizer 2", "The owner"]


# --- Files that are no history ---------------------------------------------------------------------------------------


def history(engine: sa.Engine) -> list[dict[str, Any]]:
    """Four events: published, an organizer joined, revision 2, revision 3."""
    with engine.begin() as connection:
        app = Rules(lambda: nullcontext(connection))
        rule = app.publish_rule(PEOPLE[0], NOON, "Elm", "A garden", {"sections": []})
        app.join_rule(rule.id, PEOPLE[1], NOON)
        for number in (2, 3):
            app.revise_rule(rule.id, PEOPLE[1], NOON, f"Elm {number}", None, {"sections": []})
        return [json.loads(line.ndjson()) for line in lines_of(app, rule.id)]


def written(lines: list[dict[str, Any]]) -> list[bytes]:
    return [json.dumps(line).encode() + b"\n" for line in lines]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda lines: lines.pop(1), "Line 2: this is event 3; event 2 should stand here."),
        (lambda lines: lines.pop(0), "Line 1: this is event 2; event 1 should stand here."),
        (lambda lines: lines.insert(1, lines[0]), "Line 2: this is event 1; event 2 should stand here."),
        (lambda lines: lines[2].update(rule=str(UUID(int=5))), "Line 3: this is an event of rule"),
        (lambda lines: lines[0].update(type="rule.Revised"), "Line 1: rule.Published is the first event"),
        (lambda lines: lines[2].update(type="rule.Published"), "Line 3: rule.Published is the first event"),
        (lambda lines: lines[2].update(revision=3), "Line 3: this is revision 3; revision 2 should stand here."),
        (lambda lines: lines[1].update(account="x"), "Line 2: account: "),
        (lambda lines: lines[3].pop("title"), "Line 4: title: "),
        (lambda lines: lines[3].update(title=3), "Line 4: title: "),
        (lambda lines: lines[3].update(outsideRule="no"), "Line 4: outsideRule: "),
        (lambda lines: lines[3].update(decidedOn="2026-02-30"), "Line 4: decidedOn: "),
        (lambda lines: lines[1].update(by="ada@example.org"), "Line 2: by."),
        (lambda lines: lines[1].update(schema=2), "Line 2: schema is 2. This cr-replay knows 1; take a newer one."),
        (lambda lines: lines[1].update(type="rule.Lost"), "Line 2: "),
    ],
)
def test_what_does_not_follow_is_found(engine: sa.Engine, change: Any, complaint: str) -> None:
    lines = history(engine)
    assert len(list(replayed(written(lines)))) == 4
    change(lines)
    with pytest.raises(BrokenHistory) as broken:
        list(replayed(written(lines)))
    assert str(broken.value).startswith(complaint)


def test_nothing_is_published_after_the_end(engine: sa.Engine) -> None:
    lines = history(engine)
    end = {key: lines[1][key] for key in ("schema", "rule", "time", "by")}
    lines.insert(3, {**end, "event": 4, "type": "rule.Withdrawn", "reason": None})
    lines[4]["event"] = 5
    with pytest.raises(BrokenHistory, match="Line 5: the rule was withdrawn before"):
        list(replayed(written(lines)))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"\n", "Line 1: this is not JSON."),
        (b"<html>", "Line 1: this is not JSON."),
        (b"\xff\n", "Line 1: this is not JSON."),
        (b'{"schema": NaN}', "Line 1: this is not JSON."),
        (b"[" * 100_000, "Line 1: this is not JSON."),
        (b'{"schema": 1, "schema": 1}', "Line 1: schema stands in it twice."),
        (b"[]", "Line 1: "),
        (b"1", "Line 1: "),
        (b"{}", "Line 1: "),
    ],
)
def test_what_is_no_line_is_said_with_its_number(text: bytes, complaint: str) -> None:
    with pytest.raises(BrokenHistory) as broken:
        list(replayed([text]))
    assert str(broken.value).startswith(complaint)


def test_a_number_too_large_for_a_hash_is_told_all_the_same(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        app = Rules(lambda: nullcontext(connection))
        rule = app.publish_rule(PEOPLE[0], NOON, "Elm", None, {"sections": [], "theirs": 2**60})
        (line,) = lines_of(app, rule.id)
    ((again, state),) = replayed([line.ndjson()])
    assert again == line
    assert (state.newest.sha256, state.newest.document["theirs"]) == (None, 2**60)
