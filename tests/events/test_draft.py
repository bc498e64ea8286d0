"""Given these events, when this is asked, then these events or this refusal."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from cr.errors import Conflict, Forbidden, PayloadTooLarge, ValidationProblem
from cr.events import draft as d
from cr.events.base import stamped

DRAFT, OWNER, RULE = UUID(int=1), UUID(int=2), UUID(int=3)
NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)


def given(*facts: d.DraftEvent) -> d.Draft:
    events = stamped([d.Started(owner=OWNER), *facts], of=DRAFT, after=0, actor=OWNER, at=NOON)
    draft = d.project(None, events)
    assert draft is not None
    return draft


def test_a_payload_becomes_the_events_that_explain_it() -> None:
    draft = given()
    facts = d.write(
        draft,
        draft,
        {
            "title": "Elm Street",
            "selectedDecisionApproachIds": ["lazy-consensus"],
            "decisionApproachDetailsById": {"lazy-consensus": {"corePrinciple": "Silence is consent"}},
            "selectedCoreValueIds": ["7"],
            "coreValuesChipsSnapshot": [{"id": "7", "label": "Care"}],
        },
    )
    assert facts == [
        d.Named(title="Elm Street"),
        d.ValueChosen(value="7", label="Care"),
        d.MethodChosen(section="decisionApproaches", method="lazy-consensus", label="Lazy consensus"),
        d.MethodDescribed(
            section="decisionApproaches",
            method="lazy-consensus",
            label="Lazy consensus",
            fields={"corePrinciple": "Silence is consent"},
        ),
        d.ExtraAnswered(key="coreValuesChipsSnapshot", value=[{"id": "7", "label": "Care"}]),
    ]


def test_the_same_payload_again_is_no_event() -> None:
    draft = given(d.Named(title="Elm Street"))
    assert d.write(draft, draft, {"title": "Elm Street"}) == []


def test_two_writers_of_different_parts_both_count() -> None:
    base = given(d.Named(title="Elm"))
    now = given(d.Named(title="Elm"), d.Summarized(summary="A garden"))
    assert d.write(now, base, {"title": "Elm Street"}) == [d.Named(title="Elm Street")]


def test_two_writers_of_the_same_part_get_both_texts() -> None:
    base = given(d.Named(title="Elm"))
    now = given(d.Named(title="Elm"), d.Named(title="Elm Street"))
    with pytest.raises(d.Clashes) as refusal:
        d.write(now, base, {"title": "Elm Garden"})
    (clash,) = refusal.value.clashes
    assert (clash.path, clash.base, clash.theirs, clash.mine) == (("title",), "Elm", "Elm Street", "Elm Garden")


def test_two_who_write_the_same_words_agree() -> None:
    base = given(d.Named(title="Elm"))
    now = given(d.Named(title="Elm"), d.Named(title="Elm Street"))
    assert d.write(now, base, {"title": "Elm Street"}) == []


def test_lists_of_choices_merge() -> None:
    def with_values(*values: str) -> d.Draft:
        return given(*(d.ValueChosen(value=value, label=value) for value in values))

    base, now = with_values("care", "trust"), with_values("care", "trust", "joy")
    facts = d.write(now, base, {"selectedCoreValueIds": ["trust", "play"]})
    after = d.project(now, stamped(facts, of=DRAFT, after=now.version, actor=OWNER, at=NOON))
    assert after is not None
    assert after.payload["selectedCoreValueIds"] == ["trust", "play", "joy"]


def test_addresses_never_become_events() -> None:
    draft = given()
    assert d.write(draft, draft, {"stakeholderEmails": ["a@example.org"], "communitySaveEmail": "b@example.org"}) == []


def test_restore_is_a_new_event() -> None:
    then = given(d.Named(title="Elm"))
    now = given(d.Named(title="Elm"), d.Named(title="Oak"))
    assert d.restore(now, then) == [d.Restored(version=2, payload={"title": "Elm"})]
    assert d.restore(then, then) == []


def test_a_published_draft_is_closed() -> None:
    draft = given(d.Named(title="Elm"), d.Published(rule=RULE, revision=1))
    for refused in (
        lambda: d.write(draft, draft, {"title": "Oak"}),
        lambda: d.discard(draft, OWNER),
        lambda: d.publish(draft, RULE, 2),
        lambda: d.restore(draft, given()),
    ):
        with pytest.raises(Conflict, match="published"):
            refused()


def test_only_who_began_a_draft_discards_it() -> None:
    with pytest.raises(Forbidden):
        d.discard(given(), UUID(int=9))


def test_a_discarded_draft_is_closed_and_stays_discarded() -> None:
    draft = given(d.Discarded())
    assert d.discard(draft, OWNER) == []
    with pytest.raises(Conflict, match="discarded"):
        d.write(draft, draft, {"title": "Oak"})


def test_a_draft_without_a_name_is_not_published() -> None:
    with pytest.raises(ValidationProblem, match="name"):
        d.publish(given(d.Named(title="  ")), RULE, 1)
    assert d.publish(given(d.Named(title="Elm")), RULE, 1) == [d.Published(rule=RULE, revision=1)]


def chosen(*values: str, **meanings: str) -> d.Draft:
    described = [d.ValueDescribed(value=each, label=each, fields={"meaning": text}) for each, text in meanings.items()]
    return given(*(d.ValueChosen(value=each, label=each) for each in values), *described)


def test_to_write_about_what_the_other_dropped_is_a_clash_both_ways() -> None:
    base, rewritten, dropped = chosen("care", care="old"), chosen("care", care="new"), chosen(care="old")
    for now, mine, theirs_text, my_text in ((dropped, rewritten, "old", "new"), (rewritten, dropped, "new", "old")):
        with pytest.raises(d.Clashes) as refusal:
            d.write(now, base, mine.payload)
        (clash,) = refusal.value.clashes
        assert (clash.theirs, clash.mine) == (theirs_text, my_text)


def test_what_is_dropped_in_one_section_is_gone_there_whatever_other_sections_hold() -> None:
    both = {"selectedMembershipMethodIds": ["lot"], "selectedDecisionApproachIds": ["lot"]}
    base = given(d.Started(owner=OWNER, payload=both))
    now = given(d.Started(owner=OWNER, payload={"selectedMembershipMethodIds": ["lot"]}))
    with pytest.raises(d.Clashes):
        d.write(now, base, {**both, "decisionApproachDetailsById": {"lot": {"corePrinciple": "Chance"}}})
    about_joining = {"membershipMethodDetailsById": {"lot": {"eligibility": "All"}}}
    assert len(d.write(now, base, {**both, **about_joining})) == 1


def test_one_and_true_differ_in_details_and_on_the_way_back() -> None:
    one, true = ({"coreValueDetailsByChipId": {"care": {"n": each}}} for each in (1, True))
    assert d.explain(one, true) == [d.ValueDescribed(value="care", label="Care", fields={"n": True})]
    then, now = (given(d.Started(owner=OWNER, payload=each)) for each in (one, true))
    assert d.restore(now, then) == [d.Restored(version=2, payload=one)]


def test_a_draft_does_not_grow_beyond_what_is_kept() -> None:
    base = given()
    half, most = {"one": "é" * 300_000}, d.BYTES_MOST
    now = given(d.ExtraAnswered(key="one", value=half["one"]))
    assert d.write(now, now, {**half, "two": "x" * 100_000})
    for merged_in in ({"two": "é" * 300_000}, {"two": "x" * (most - 600_000)}):
        with pytest.raises(PayloadTooLarge, match="Shorten"):
            d.write(now, base, merged_in)
    with pytest.raises(PayloadTooLarge):
        d.start(DRAFT, owner=OWNER, at=NOON, payload={"one": "x" * most})
    # One that is too long already may stay so and shrink: a published rule can be edited.
    long = d.project(None, d.start(DRAFT, owner=OWNER, at=NOON, payload={"one": "x" * (most + 9)}, source="revision"))
    assert long is not None
    assert d.write(long, long, {"one": "y" * (most + 9)})
    assert d.write(long, long, {"one": "y" * most})
    with pytest.raises(PayloadTooLarge):
        d.write(long, long, {"one": "x" * (most + 10)})


class Log:
    """The events of one draft, and the state after each."""

    def __init__(self, *facts: d.DraftEvent) -> None:
        self.events = stamped([d.Started(owner=OWNER), *facts], of=DRAFT, after=0, actor=OWNER, at=NOON)

    def at(self, version: int) -> d.Draft:
        draft = d.project(None, self.events[:version])
        assert draft is not None
        return draft

    @property
    def now(self) -> d.Draft:
        return self.at(len(self.events))

    def add(self, *facts: d.DraftEvent) -> None:
        self.events += stamped(facts, of=DRAFT, after=len(self.events), actor=OWNER, at=NOON)

    def last_change(self) -> d.Event | None:
        return d.last_change(len(self.events), lambda version: self.events[version - 1])

    def undo(self) -> None:
        change = self.last_change()
        assert change is not None
        self.add(*d.undo(self.now, change, self.at(change.originator_version - 1)))


def test_undoing_twice_goes_two_changes_back_and_then_no_further() -> None:
    log = Log(d.Named(title="Elm"), d.Named(title="Oak"), d.Named(title="Ash"))
    titles = []
    while log.last_change():
        log.undo()
        titles.append(log.now.title)
    assert titles == ["Oak", "Elm", ""]
    assert (
        log.events[-1]
        == stamped([d.Restored(version=1, payload={}, undid=2)], of=DRAFT, after=6, actor=OWNER, at=NOON)[0]
    )


def test_undoing_goes_on_behind_what_was_undone_earlier() -> None:
    log = Log(d.Named(title="Elm"), d.Named(title="Oak"))
    log.undo()
    log.add(d.Named(title="Ash"), d.Summarized(summary="A garden"))
    titles = []
    while log.last_change():
        log.undo()
        titles.append((log.now.title, log.now.payload.get("summary")))
    assert titles == [("Ash", None), ("Elm", None), ("", None)]


def test_a_version_that_somebody_restored_is_undone_to_what_was_there_before() -> None:
    log = Log(d.Named(title="Elm"), d.Named(title="Oak"), d.Named(title="Ash"))
    log.add(*d.restore(log.now, log.at(2)))
    log.undo()
    assert log.now.title == "Ash"
    log.undo()
    assert log.now.title == "Oak"


def test_what_was_undone_can_be_put_back_and_undone_again() -> None:
    log = Log(d.Named(title="Elm"), d.Named(title="Oak"))
    log.undo()
    log.add(*d.restore(log.now, log.at(3)))
    assert log.now.title == "Oak"
    log.undo()
    assert log.now.title == "Elm"


def test_where_somebody_is_in_the_flow_is_nothing_to_undo() -> None:
    log = Log(d.Named(title="Elm"), d.ExtraAnswered(key="currentStep", value="review"))
    assert log.last_change() == log.events[1]
    log.undo()
    assert log.now.title == ""
    assert log.last_change() is None
    assert Log(d.ExtraAnswered(key="currentStep", value="review")).last_change() is None


def test_the_last_change_is_not_looked_for_without_end() -> None:
    steps = [d.ExtraAnswered(key="currentStep", value=str(number)) for number in range(d.LOOKED_AT_MOST)]
    assert Log(d.Named(title="Elm"), *steps).last_change() is None


def test_nothing_is_undone_in_a_published_draft() -> None:
    log = Log(d.Named(title="Elm"), d.Published(rule=RULE, revision=1))
    with pytest.raises(Conflict, match="published"):
        log.undo()


@for_all(st.lists(st.sampled_from(["write", "undo", "restore", "step"]), max_size=20), st.data())
def test_undoing_goes_back_through_what_still_stands(steps: list[str], data: st.DataObject) -> None:
    log = Log()
    stands = [""]
    for number, step in enumerate(steps):
        match step:
            case "write":
                log.add(d.Named(title=str(number)))
                stands.append(str(number))
            case "step":
                log.add(d.ExtraAnswered(key="currentStep", value=str(number)))
            case "restore":
                facts = d.restore(log.now, log.at(data.draw(st.integers(1, len(log.events)))))
                log.add(*facts)
                stands += [log.now.title] * len(facts)
            case "undo" if log.last_change() is not None:
                log.undo()
                stands.pop()
        assert log.now.title == stands[-1]
    assert (log.last_change() is None) == (len(stands) == 1)


BO, CY = UUID(int=8), UUID(int=9)


def test_whoever_is_let_in_writes_until_they_are_removed() -> None:
    assert d.join(given(), BO) == [d.WriterJoined(writer=BO)]
    assert d.join(given(), OWNER) == []
    joined = given(d.WriterJoined(writer=BO))
    assert d.join(joined, BO) == []
    d.must_be_writer(joined, BO)
    d.must_be_writer(joined, OWNER)
    gone = given(d.WriterJoined(writer=BO), d.WriterRemoved(writer=BO))
    for draft in (given(), gone):
        with pytest.raises(Forbidden):
            d.must_be_writer(draft, BO)
    assert d.join(gone, BO) == [d.WriterJoined(writer=BO)]


def test_a_writer_is_removed_by_the_owner_or_leaves() -> None:
    joined = given(d.WriterJoined(writer=BO), d.WriterJoined(writer=CY))
    for actor in (OWNER, BO):
        assert d.remove_writer(joined, actor, BO) == [d.WriterRemoved(writer=BO)]
    assert d.remove_writer(given(), OWNER, BO) == []
    for actor, writer in ((CY, BO), (BO, OWNER)):
        with pytest.raises(Forbidden):
            d.remove_writer(joined, actor, writer)


def test_a_draft_has_thirty_writers_at_most() -> None:
    full = given(*(d.WriterJoined(writer=UUID(int=100 + number)) for number in range(30)))
    with pytest.raises(ValidationProblem, match="at most 30 writers"):
        d.join(full, BO)


def test_the_next_revision_is_written_by_the_rules_organizers() -> None:
    revision = given(d.Started(owner=OWNER, source="revision", of=str(RULE), revision=1))
    with pytest.raises(Conflict, match="organizers"):
        d.join(revision, BO)


def test_only_the_owner_discards_or_publishes_what_several_write() -> None:
    joined = given(d.WriterJoined(writer=BO))
    with pytest.raises(Forbidden):
        d.discard(joined, BO)
    with pytest.raises(Forbidden):
        d.must_be_owner(joined, BO)
    d.must_be_owner(joined, OWNER)


def test_undoing_passes_over_who_came_and_went() -> None:
    facts = [d.Started(owner=OWNER), d.Named(title="Elm"), d.WriterJoined(writer=BO), d.WriterRemoved(writer=BO)]
    events = stamped(facts, of=DRAFT, after=0, actor=OWNER, at=NOON)
    assert d.last_change(4, lambda version: events[version - 1]) == events[1]


def test_a_writer_to_whom_a_draft_is_passed_on_is_its_owner() -> None:
    passed_on = given(d.WriterJoined(writer=BO), d.WriterJoined(writer=CY), d.PassedOn(owner=BO))
    assert (passed_on.owner, passed_on.writers) == (BO, {CY})
    d.must_be_owner(passed_on, BO)
    with pytest.raises(Forbidden):
        d.must_be_writer(passed_on, OWNER)
