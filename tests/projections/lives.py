"""Random lives of drafts and rules: what several people might do, in any order, through the commands."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from hypothesis import strategies as st

from cr.errors import Problem
from cr.events.application import Rules
from cr.events.payload import Choice, checked
from cr.events.rule import Rule
from tests.events.test_payload import payloads

PEOPLE = (UUID(int=1), UUID(int=2))
NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)

STEPS = (
    *("start", "write", "write", "write", "restore", "undo", "discard", "publish", "edit", "revise"),
    *("let in", "put out", "pass on", "erase", "duplicate", "copy", "rebase", "join", "remove", "withdraw"),
    *("invite", "invite", "accept", "part", "hand over"),
)

steps = st.tuples(
    st.sampled_from(STEPS),
    st.sampled_from(PEOPLE),
    st.integers(0, 5),
    payloads,
)
lives = st.lists(steps, max_size=25)


class Mine(dict[Any, Choice]):
    """Keeps one's own words wherever two changes meet."""

    def get(self, path: Any, default: Any = None) -> Choice:
        return Choice("mine")


def decision(choice: int, at: datetime) -> dict[str, Any]:
    """How a revision was decided, told in several ways."""
    days = {"decided_on": at.date(), "in_force_from": at.date() + timedelta(days=choice - 2)}
    return [{}, {"decided_by": "consent"}, {"decided_by": "a vote", "record": "Minutes 4"}, days][choice % 4]


def stakeholder(rule: Rule, choice: int) -> UUID:
    known = sorted(rule.stakeholders)
    return known[choice % len(known)] if known else uuid4()


def live(engine: sa.Engine, life: list[Any]) -> int:
    """Do every step, each in a transaction of its own as a request would; the number of those not refused."""
    drafts: list[UUID] = []
    rules: list[UUID] = []
    done = 0
    for minute, (step, person, choice, payload) in enumerate(life):
        at = NOON + timedelta(minutes=minute)
        try:
            with engine.begin() as connection:
                app = Rules(lambda connection=connection: nullcontext(connection))  # type: ignore[misc]
                draft = drafts[choice % len(drafts)] if drafts else uuid4()
                rule = rules[choice % len(rules)] if rules else uuid4()
                match step:
                    case "start":
                        drafts.append(app.start_draft(person, at, payload))
                    case "write":
                        app.write_draft(draft, person, at, payload, base_version=None)
                    case "restore":
                        app.restore_draft(draft, person, at, version=choice + 1)
                    case "undo":
                        app.undo_draft(draft, person, at, app.draft(draft).version)
                    case "discard":
                        app.discard_draft(draft, person, at)
                    case "pass on":
                        app.pass_on_drafts({draft: PEOPLE[choice % len(PEOPLE)]}, person, at)
                    case "erase":
                        app.erase_drafts([draft], person, at)
                    case "publish":
                        rules.append(app.publish_draft(draft, person, at, **decision(choice, at)).id)
                    case "edit":
                        drafts.append(app.edit_rule(rule, person, at))
                    case "revise":
                        app.revise_rule(rule, person, at, str(payload.get("title")), None, {"sections": []})
                    case "duplicate":
                        rules.append(app.duplicate_rule(rule, person, at).id)
                    case "copy":
                        drafts.append(app.copy_rule(rule, person, at))
                    case "rebase":
                        app.rebase_draft(draft, person, at, Mine())
                    case "join":
                        app.join_rule(rule, person, at)
                    case "remove":
                        app.remove_organizer(rule, person, at, PEOPLE[choice % len(PEOPLE)])
                    case "hand over":
                        app.pass_on_rule(rule, person, at, PEOPLE[choice % len(PEOPLE)])
                    case "let in":
                        app.join_draft(draft, person, at)
                    case "put out":
                        app.remove_writer(draft, person, at, PEOPLE[(choice + 1) % len(PEOPLE)])
                    case "invite":
                        app.invite_stakeholders(rule, person, at, uuid4())
                    case "accept":
                        app.accept_stakeholder(rule, person, at, stakeholder(app.rule(rule), choice))
                    case "part":
                        app.remove_stakeholder(rule, person, at, stakeholder(app.rule(rule), choice))
                    case "withdraw":
                        app.withdraw_rule(rule, person, at, "No longer needed")
            done += 1
        except Problem:
            continue
    return done


def sample_life() -> list[Any]:
    """One life that has every kind of step in it."""
    first, second = (checked({"title": title, "selectedCoreValueIds": ["care"]}) for title in ("Elm", "Oak"))
    a, b = PEOPLE
    return [
        ("start", a, 0, first),
        ("start", b, 0, second),
        ("write", a, 0, second),
        ("let in", b, 0, first),
        ("write", b, 0, first),
        ("restore", a, 0, first),
        ("undo", a, 0, first),
        ("restore", a, 0, first),
        ("put out", a, 0, first),
        ("let in", b, 0, first),
        ("publish", a, 0, first),
        ("edit", a, 0, first),
        ("write", a, 2, second),
        ("publish", a, 2, second),
        ("duplicate", a, 0, first),
        ("copy", b, 0, first),
        ("join", b, 0, first),
        ("edit", b, 0, first),
        ("revise", a, 0, first),
        ("write", b, 4, first),
        ("rebase", b, 4, first),
        ("restore", b, 4, first),
        ("hand over", a, 1, first),
        ("hand over", b, 0, first),
        ("remove", a, 1, first),
        ("invite", a, 1, first),
        ("invite", a, 1, first),
        ("accept", b, 0, first),
        ("part", b, 0, first),
        ("part", a, 0, first),
        ("withdraw", a, 1, first),
        ("discard", b, 1, first),
        ("start", a, 0, first),
        ("pass on", a, 5, first),
        ("write", b, 5, second),
        ("erase", b, 5, second),
        ("erase", a, 2, first),
    ]
