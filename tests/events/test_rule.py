"""Given these events, when this is asked, then these events or this refusal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from cr.errors import Conflict, Forbidden, Gone, NotFound, ValidationProblem
from cr.events import rule as r
from cr.events.base import stamped

RULE, OWNER, OTHER, GUEST = UUID(int=1), UUID(int=2), UUID(int=3), UUID(int=4)
NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)
TEXT: dict[str, Any] = {"sections": [{"categoryName": "Values", "entries": [{"title": "Care"}]}]}


def given(*facts: r.RuleEvent) -> r.Rule:
    first = r.Published(title="Elm", summary=None, document=TEXT)
    rule = r.project(None, stamped([first, *facts], of=RULE, after=0, actor=OWNER, at=NOON))
    assert rule is not None
    return rule


def test_publishing_trims_the_title_and_drops_an_empty_summary() -> None:
    assert r.publish(" Elm ", "  ", TEXT) == [r.Published(title="Elm", summary=None, document=TEXT)]


@pytest.mark.parametrize(("title", "summary"), [("  ", None), ("x" * 501, None), ("Elm", "x" * 8001)])
def test_a_title_or_summary_out_of_bounds_is_refused(title: str, summary: str | None) -> None:
    with pytest.raises(ValidationProblem):
        r.publish(title, summary, TEXT)


def test_a_revision_says_what_changed_and_how_it_was_decided() -> None:
    facts = r.revise(given(), OWNER, "Elm Street", None, TEXT, changed="The name", decided_by="consent")
    assert facts == [
        r.Revised(revision=2, title="Elm Street", summary=None, document=TEXT, changed="The name", decided_by="consent")
    ]


def test_the_same_text_is_no_revision() -> None:
    assert r.revise(given(), OWNER, "Elm ", "", TEXT) == []


def test_true_in_place_of_one_is_a_revision() -> None:
    rule = given(r.Revised(revision=2, title="Elm", summary=None, document={"x": 1}))
    (revised,) = r.revise(rule, OWNER, "Elm", None, {"x": True})
    assert isinstance(revised, r.Revised)
    assert revised.document["x"] is True


def test_a_revision_based_on_an_older_one_is_refused() -> None:
    rule = given(r.Revised(revision=2, title="Oak", summary=None, document=TEXT))
    with pytest.raises(Conflict, match="Revision 2"):
        r.revise(rule, OWNER, "Elm Street", None, TEXT, based_on=1)


def test_only_the_owner_writes() -> None:
    for refused in (
        lambda: r.revise(given(), OTHER, "Mine", None, TEXT),
        lambda: r.withdraw(given(), OTHER),
        lambda: r.invite(given(), OTHER, GUEST),
        lambda: r.remove(given(r.StakeholderInvited(stakeholder=GUEST)), OTHER, GUEST),
        lambda: r.revise(given(r.OwnerReleased()), OWNER, "Mine", None, TEXT),
    ):
        with pytest.raises(Forbidden):
            refused()


def test_what_is_withdrawn_is_gone() -> None:
    rule = given(r.Withdrawn())
    for refused in (
        lambda: r.revise(rule, OWNER, "Elm", None, TEXT),
        lambda: r.withdraw(rule, OWNER),
        lambda: r.withdraw(rule, None),
    ):
        with pytest.raises(Gone):
            refused()


def test_the_operators_withdraw_with_a_reason() -> None:
    assert r.withdraw(given(), None, "Spam") == [r.Withdrawn(reason="Spam")]


def test_the_owner_leaves_once() -> None:
    assert r.release_owner(given(), OWNER) == [r.OwnerReleased()]
    assert r.release_owner(given(r.OwnerReleased()), OWNER) == []


def test_the_owner_hands_the_rule_over_to_an_organizer() -> None:
    joined = r.OrganizerJoined(organizer=OTHER)
    assert r.pass_on(given(joined), OWNER, OTHER) == [r.OwnerPassedOn(owner=OTHER)]
    rule = given(joined, r.OwnerPassedOn(owner=OTHER))
    assert (rule.owner, rule.organizers) == (OTHER, {OWNER})
    assert r.invite(rule, OTHER, GUEST) == [r.StakeholderInvited(stakeholder=GUEST)]
    assert r.remove_organizer(rule, OWNER, OWNER) == [r.OrganizerRemoved(organizer=OWNER)]
    assert r.pass_on(rule, OTHER, OWNER) == [r.OwnerPassedOn(owner=OWNER)]
    with pytest.raises(Forbidden):
        r.invite(rule, OWNER, GUEST)


def test_the_rule_is_handed_over_once() -> None:
    rule = given(r.OrganizerJoined(organizer=OTHER), r.OwnerPassedOn(owner=OTHER))
    assert r.pass_on(rule, OWNER, OTHER) == []
    assert r.pass_on(given(), OWNER, OWNER) == []


def test_only_the_owner_hands_over_and_only_to_an_organizer() -> None:
    joined = r.OrganizerJoined(organizer=OTHER)
    for rule in (given(), given(joined, r.OrganizerRemoved(organizer=OTHER))):
        with pytest.raises(Conflict, match="do not organize this rule any more"):
            r.pass_on(rule, OWNER, OTHER)
        with pytest.raises(Forbidden):
            r.pass_on(rule, OTHER, GUEST)
    for actor in (OTHER, GUEST):
        with pytest.raises(Forbidden):
            r.pass_on(given(joined, r.OrganizerJoined(organizer=GUEST)), actor, GUEST if actor == OTHER else OTHER)
    with pytest.raises(Gone):
        r.pass_on(given(joined, r.Withdrawn()), OWNER, OTHER)


def test_a_rule_that_nobody_owns_is_taken_by_one_of_its_organizers() -> None:
    joined = r.OrganizerJoined(organizer=OTHER), r.OrganizerJoined(organizer=GUEST)
    nobodys = given(*joined, r.OwnerReleased())
    assert r.pass_on(nobodys, OTHER, OTHER) == [r.OwnerPassedOn(owner=OTHER)]
    taken = given(*joined, r.OwnerReleased(), r.OwnerPassedOn(owner=OTHER))
    assert (taken.owner, taken.organizers) == (OTHER, frozenset({GUEST}))
    assert r.pass_on(taken, OTHER, OTHER) == []
    for actor, to in ((OTHER, GUEST), (OWNER, OWNER), (OWNER, OTHER)):
        with pytest.raises(Forbidden):
            r.pass_on(nobodys, actor, to)


def test_stakeholders_are_invited_accept_once_and_are_removed() -> None:
    invited = given(r.StakeholderInvited(stakeholder=GUEST))
    assert r.invite(given(), OWNER, GUEST) == [r.StakeholderInvited(stakeholder=GUEST)]
    assert r.accept(invited, GUEST) == [r.StakeholderAccepted(stakeholder=GUEST)]
    accepted = given(r.StakeholderInvited(stakeholder=GUEST), r.StakeholderAccepted(stakeholder=GUEST))
    assert r.accept(accepted, GUEST) == []
    assert r.remove(accepted, OWNER, GUEST) == [r.StakeholderRemoved(stakeholder=GUEST)]
    with pytest.raises(NotFound):
        r.accept(given(), GUEST)


def test_only_the_account_that_accepted_leaves() -> None:
    accepted = r.project(
        given(r.StakeholderInvited(stakeholder=GUEST)),
        stamped([r.StakeholderAccepted(stakeholder=GUEST)], of=RULE, after=2, actor=OTHER, at=NOON),
    )
    assert accepted is not None
    assert r.remove(accepted, OTHER, GUEST) == [r.StakeholderLeft(stakeholder=GUEST)]
    with pytest.raises(Forbidden):
        r.remove(given(r.StakeholderInvited(stakeholder=GUEST)), OTHER, GUEST)
    gone = r.project(accepted, stamped([r.StakeholderLeft(stakeholder=GUEST)], of=RULE, after=3, actor=OTHER, at=NOON))
    assert gone is not None
    assert gone.stakeholders == {}
    with pytest.raises(NotFound):
        r.accept(gone, GUEST)


def test_an_invitation_is_declined_by_whom_it_was_for() -> None:
    left = [r.StakeholderLeft(stakeholder=GUEST)]
    invited = given(r.StakeholderInvited(stakeholder=GUEST))
    assert r.decline(invited, OTHER, GUEST) == left
    accepted = r.project(
        invited, stamped([r.StakeholderAccepted(stakeholder=GUEST)], of=RULE, after=2, actor=OTHER, at=NOON)
    )
    assert accepted is not None
    assert r.decline(accepted, OTHER, GUEST) == left
    assert r.decline(accepted, UUID(int=9), GUEST) == []
    assert r.decline(given(), OTHER, GUEST) == []
    with pytest.raises(Gone):
        r.decline(given(r.StakeholderInvited(stakeholder=GUEST), r.Withdrawn()), OTHER, GUEST)


def test_there_are_at_most_thirty_stakeholders() -> None:
    rule = given(*(r.StakeholderInvited(stakeholder=UUID(int=100 + n)) for n in range(30)))
    with pytest.raises(ValidationProblem, match="30"):
        r.invite(rule, OWNER, GUEST)
