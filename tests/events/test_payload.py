"""A payload is kept as it came, merged part by part, and refused when it is not of the contract's shape."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cr.catalog.sections import FACETS, SECTIONS, VALUES
from cr.errors import ValidationProblem
from cr.events import draft as d
from cr.events.base import JsonMapper, stamped
from cr.events.payload import BLOCKS, META, PRIVATE, checked, flat, merged, nested

ids = st.sampled_from(["care", "trust", "joy", "lazy-consensus", "1", "2"])
# Bodies and forms refuse NUL and half surrogate pairs before anything else.
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)
details = st.dictionaries(ids, st.dictionaries(st.sampled_from(["meaning", "body"]), texts, min_size=1), max_size=3)
payloads = st.fixed_dictionaries(
    {},
    optional={
        "title": texts,
        "summary": texts,
        "communityContext": texts,
        "communityAvatarUrl": texts,
        **{key: st.lists(ids, unique=True, max_size=4) for key in FACETS},
        VALUES.selected: st.lists(ids, unique=True, max_size=5),
        VALUES.details: details,
        **{section.selected: st.lists(ids, unique=True, max_size=4) for section in SECTIONS},
        **{section.details: details for section in SECTIONS},
        META: st.dictionaries(ids, st.fixed_dictionaries({"label": texts, "supportText": texts}), max_size=2),
        "customMethodCardFieldBlocksById": st.dictionaries(
            ids,
            st.lists(
                st.fixed_dictionaries(
                    {"kind": st.just("text"), "id": ids, "blockTitle": texts, "placeholderText": texts}
                ),
                max_size=2,
            ),
            max_size=2,
        ),
        "currentStep": texts,
        "sections": st.lists(json_values, max_size=2),
        "somethingElse": json_values,
        "another": json_values,
    },
).map(checked)


def replayed(start: dict[str, Any], facts: list[d.DraftEvent]) -> dict[str, Any]:
    """Through the log's own text and back, as a reader of the log would."""
    owner, draft = UUID(int=1), UUID(int=2)
    events = stamped(
        [d.Started(owner=owner, payload=start), *facts], of=draft, after=0, actor=owner, at=datetime.now(UTC)
    )
    mapper = JsonMapper(lambda draft: bytes(32))
    read = [mapper.to_domain_event(mapper.to_stored_event(event)) for event in events]
    assert read == events
    state = d.project(None, read)
    assert state is not None
    return state.payload


@given(payloads, payloads)
def test_the_events_lead_from_one_payload_to_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert checked(replayed(before, d.explain(before, after))) == after


@given(payloads)
def test_flat_and_nested_are_inverse_and_checking_twice_changes_nothing(payload: dict[str, Any]) -> None:
    assert nested(flat(payload)) == payload
    assert checked(payload) == payload


@given(payloads, payloads)
def test_a_merge_with_one_writer_is_what_that_writer_wrote(base: dict[str, Any], other: dict[str, Any]) -> None:
    assert merged(base, base, other) == (other, [])
    assert merged(base, other, base) == (other, [])
    assert merged(base, other, other) == (other, [])


@given(payloads, payloads, payloads)
def test_a_merge_loses_no_text(base: dict[str, Any], theirs: dict[str, Any], mine: dict[str, Any]) -> None:
    result, clashes = merged(base, theirs, mine)
    kept, lists = flat(result), {VALUES.selected, *(section.selected for section in SECTIONS), *FACETS}
    clashing = {clash.path for clash in clashes}
    for path, text in flat(mine).items():
        if path[0] not in lists and path not in clashing and text != flat(base).get(path):
            # Blocks come together one by one, so that those of both are there.
            same = all(block in kept[path] for block in text) if path[0] == BLOCKS else kept[path] == text
            assert same
    for clash in clashes:
        assert clash.mine == flat(mine).get(clash.path)
        assert clash.theirs == flat(theirs).get(clash.path)


def test_unknown_keys_are_kept_as_they_came() -> None:
    assert checked({"title": "Elm", "new": {"a": [1, None]}}) == {"title": "Elm", "new": {"a": [1, None]}}


def test_one_and_true_are_not_the_same() -> None:
    assert d.explain({"x": 1}, {"x": True}) == [d.ExtraAnswered(key="x", value=True)]


@pytest.mark.parametrize(
    ("payload", "place"),
    [
        ({"title": 7}, "title"),
        ({"title": "x" * 501}, "title"),
        ({"communityContext": "x" * 201}, "communityContext"),
        ({"selectedCoreValueIds": "care"}, "selectedCoreValueIds"),
        ({"stakeholderEmails": ["a@example.org"] * 31}, "stakeholderEmails"),
        ({META: {"a": {"label": "x" * 49}}}, f"{META}.a.label"),
        ({"customMethodCardFieldBlocksById": {"a": [{"kind": "video"}]}}, "customMethodCardFieldBlocksById.a.0"),
        (
            {
                "customMethodCardFieldBlocksById": {
                    "a": [{"kind": "proportion", "id": "p", "blockTitle": "P", "defaultPercent": 0}]
                }
            },
            "customMethodCardFieldBlocksById.a.0.proportion.defaultPercent",
        ),
        ({"coreValueDetailsByChipId": {"a": "text"}}, "coreValueDetailsByChipId.a"),
    ],
)
def test_what_is_not_of_the_contract_is_refused_by_name(payload: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationProblem) as refusal:
        checked(payload)
    assert place in refusal.value.details["fields"]


def test_addresses_are_named_as_private() -> None:
    assert set(PRIVATE) == {"stakeholderEmails", "communitySaveEmail"}


def test_answers_about_the_community_never_clash() -> None:
    key = "selectedOrganizationTypeIds"
    result, clashes = merged({key: ["dao"]}, {key: ["dao", "nonprofit"]}, {key: ["workersCoop"]})
    assert set(result[key]) == {"workersCoop", "nonprofit"}
    assert clashes == []


def test_where_somebody_is_in_the_flow_never_clashes() -> None:
    steps = [{"currentStep": name} for name in ("review", "core-values", "final-review")]
    assert merged(*steps) == (steps[2], [])
    assert merged(steps[0], steps[1], steps[0]) == (steps[1], [])


def block(identifier: str, text: str) -> dict[str, str]:
    return {"kind": "text", "id": identifier, "blockTitle": "Note", "placeholderText": text}


def test_field_blocks_of_a_method_are_brought_together_one_by_one() -> None:
    def method(*blocks: dict[str, str]) -> dict[str, Any]:
        return {"customMethodCardFieldBlocksById": {"own": list(blocks)}}

    base = method(block("a", "one"), block("b", "two"))
    theirs = method(block("a", "one, theirs"), block("b", "two"), block("c", "theirs"))
    mine = method(block("a", "one"), block("b", "two, mine"), block("d", "mine"))
    both = {"a": "one, theirs", "b": "two, mine", "d": "mine", "c": "theirs"}
    result, clashes = merged(base, theirs, mine)
    blocks = result["customMethodCardFieldBlocksById"]["own"]
    assert {each["id"]: each["placeholderText"] for each in blocks} == both
    assert clashes == []
    # What one side took away and the other wrote in stays; what nobody wrote in goes.
    one_left, changed = method(block("a", "one")), method(block("a", "one"), block("b", "two, mine"))
    assert merged(base, one_left, changed) == (changed, [])
    assert merged(base, changed, one_left) == (changed, [])
    assert merged(base, one_left, base) == (one_left, [])


def test_the_same_field_block_clashes_and_the_others_do_not() -> None:
    key = "customMethodCardFieldBlocksById"
    base = {key: {"own": [block("a", "one"), block("b", "two")]}}
    theirs = {key: {"own": [block("a", "one, theirs"), block("b", "two")]}}
    mine = {key: {"own": [block("a", "one, mine"), block("b", "two"), block("c", "new")]}}
    result, clashes = merged(base, theirs, mine)
    assert [clash.path for clash in clashes] == [(key, "own")]
    assert result[key]["own"] == [block("a", "one, theirs"), block("b", "two"), block("c", "new")]


def test_who_adds_or_drops_leaves_the_order_to_who_moves() -> None:
    def chosen(text: str) -> dict[str, Any]:
        return {VALUES.selected: text.split()}

    base, moved = chosen("a b c"), chosen("c a b")
    for other, both in (("b c", "c b"), ("a b c d", "c a b d"), ("b c d", "c b d"), ("b a c", "b a c")):
        assert merged(base, moved, chosen(other)) == (chosen(both), [])
    for other, both in (("b c", "c b"), ("a b c d", "c a b d"), ("b a c", "c a b")):
        assert merged(base, chosen(other), moved) == (chosen(both), [])


def test_of_an_upload_that_both_changed_only_the_title_can_clash() -> None:
    key = "customMethodCardFieldBlocksById"

    def upload(title: str, name: str) -> dict[str, Any]:
        file = {"fileName": name, "assetUrl": f"/api/uploads/{name}"}
        return {key: {"own": [{"kind": "upload", "id": "u", "blockTitle": title, **file}]}}

    base, theirs = upload("Form", "old"), upload("Form", "theirs")
    assert merged(base, theirs, upload("Form", "mine")) == (upload("Form", "mine"), [])
    assert merged(base, theirs, upload("Form, mine", "old")) == (upload("Form, mine", "theirs"), [])
    assert merged(base, upload("New", "theirs"), upload("Form", "mine")) == (upload("New", "mine"), [])
    assert merged(base, upload("New", "theirs"), upload("New", "mine")) == (upload("New", "mine"), [])
    result, clashes = merged(base, upload("Theirs", "theirs"), upload("Mine", "old"))
    assert result == upload("Theirs", "theirs")
    assert [clash.path for clash in clashes] == [(key, "own")]


def test_the_names_of_chips_are_read_once_for_all_ids() -> None:
    class Chips(list[Any]):
        walks = 0

        def __iter__(self) -> Any:
            Chips.walks += 1
            return super().__iter__()

    names = [str(number) for number in range(50)]
    chips = Chips({"id": name, "label": f"Value {name}"} for name in names)
    after = {VALUES.selected: names, "coreValuesChipsSnapshot": chips}
    facts = d.explain({}, after)
    assert [fact.label for fact in facts if isinstance(fact, d.ValueChosen)] == [f"Value {name}" for name in names]
    assert Chips.walks <= 3
