"""The bytes that are hashed: as RFC 8785 wants them, and never a failure for what it can't say."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given

from cr.audit.canonical import canonical, too_large
from cr.audit.public import revision_of
from cr.events import rule as r
from tests.events.test_payload import json_values


def published(document: dict[str, Any], **more: Any) -> r.Published:
    header = {"originator_id": UUID(int=7), "originator_version": 1, "at": datetime(2026, 3, 12, 12, tzinfo=UTC)}
    return r.Published(**{**header, "title": "Elm", "summary": None, "document": document, **more})


def test_the_form_is_the_one_of_the_rfc() -> None:
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/",
        "literals": [None, True, False],
    }
    # From the RFC itself, section 3.2.2 and 3.2.3.
    wanted = (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical(value) == wanted.encode()


def test_keys_are_sorted_as_utf_16() -> None:
    assert canonical({"\ufb33": 1, "\U0001f600": 2, "a": 3}) == '{"a":3,"\U0001f600":2,"\ufb33":1}'.encode()


def test_a_revision_is_hashed_as_it_says() -> None:
    line = revision_of(published({"sections": []}, decided_by="consent", in_force_from=None))
    assert line.canonical() == (
        b'{"changed":null,"copiedFrom":null,"copiedRevision":null,"decidedBy":"consent","decidedOn":null,'
        b'"decisionMethod":null,"document":{"sections":[]},"inForceFrom":"2026-03-12","outsideRule":false,'
        b'"record":null,"revision":1,"rule":"00000000-0000-0000-0000-000000000007","summary":null,'
        b'"time":"2026-03-12T12:00:00.000000Z","title":"Elm"}'
    )
    # `sha256sum` of these bytes: what was once given out is given out for ever.
    assert line.sha256 == "befb540ab3d1a02a15f3afe6f84089da7735b53097d79f7b53681c7d5f67688f"


@pytest.mark.parametrize(
    "odd",
    [2**53, -(2**53), 10**400, "\ud800", {"\udfff": 1}, float("nan"), float("inf")],
    ids=lambda odd: repr(odd)[:12],
)
def test_what_has_no_canonical_form_has_no_hash(odd: Any) -> None:
    line = revision_of(published({"sections": [], "theirs": [odd]}))
    assert line.sha256 is None
    assert line.ndjson().endswith(b"}\n")


@given(json_values)
def test_only_large_numbers_keep_a_text_from_having_a_canonical_form(value: Any) -> None:
    try:
        canonical(value)
    except ValueError:
        assert too_large({"it": value}) is not None
    else:
        assert too_large({"it": value}) is None
