"""The limits of every JSON body, and the shape of every error."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from webtest import TestApp

from tests.events.test_payload import json_values


def put(client: TestApp, body: bytes | str) -> Any:
    return client.request(
        "/api/drafts/me",
        method="PUT",
        content_type="application/json",
        body=body if isinstance(body, bytes) else body.encode(),
        expect_errors=True,
    )


def nested(depth: int) -> str:
    return '{"payload":' + '{"a":' * depth + "1" + "}" * depth + "}"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("", 400, "invalid_json"),
        ("{", 400, "invalid_json"),
        ("{'payload': {}}", 400, "invalid_json"),
        (b"\xff\xfe", 400, "invalid_json"),
        ('{"payload": {"a": NaN}}', 400, "invalid_json"),
        ('{"payload": {"a": Infinity}}', 400, "invalid_json"),
        ('{"payload": {"a": -Infinity}}', 400, "invalid_json"),
        ('{"payload": {"a": 1e999}}', 400, "invalid_json"),
        ("[" * 100_000, 400, "invalid_json"),
        ("[]", 400, "validation_error"),
        ("null", 400, "validation_error"),
        ("{}", 400, "validation_error"),
        ('{"payload": []}', 400, "validation_error"),
        ('{"payload": {"__proto__": {}}}', 400, "validation_error"),
        ('{"payload": {"a": {"constructor": 1}}}', 400, "validation_error"),
        ('{"payload": {"a": [{"prototype": 1}]}}', 400, "validation_error"),
        ('{"payload": {"a": "\\u0000"}}', 400, "validation_error"),
        ('{"payload": {"a": "\\ud800"}}', 400, "validation_error"),
        (nested(40), 400, "validation_error"),
        (nested(39), 200, None),
        (json.dumps({"payload": {"a": "x" * 50_001}}), 400, "validation_error"),
        (json.dumps({"payload": {"a": "x" * 50_000}}), 200, None),
        (json.dumps({"payload": {"a": [0] * 5_001}}), 400, "validation_error"),
        (json.dumps({"payload": {"a": [0] * 5_000}}), 200, None),
        (json.dumps({"payload": {"a": {str(n): 0 for n in range(501)}}}), 400, "validation_error"),
        (json.dumps({"payload": {"a": {str(n): 0 for n in range(500)}}}), 200, None),
        ('{"payload": {"a": "' + "x" * (512 * 1024) + '"}}', 413, "payload_too_large"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_limits(ada: TestApp, body: bytes | str, status: int, code: str | None) -> None:
    answer = put(ada, body)
    assert answer.status_int == status
    if code:
        assert answer.json["error"]["code"] == code
        assert answer.json["error"]["message"]
        assert answer.headers["x-request-id"]


known_keys = st.sampled_from(
    [
        "title",
        "sections",
        "selectedScaleIds",
        "selectedCoreValueIds",
        "coreValueDetailsByChipId",
        "customMethodCardMetaById",
        "stakeholderEmails",
        "ownSectionDetailsById",
        "otherDocumentKeys",
    ]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(payload=st.dictionaries(st.text(max_size=10) | known_keys, json_values, max_size=5))
def test_no_payload_breaks_the_site(ada: TestApp, payload: dict[str, Any]) -> None:
    answer = put(ada, json.dumps({"payload": payload}))
    assert answer.status_int in (200, 400)
    if answer.status_int == 200:
        kept = ada.get("/api/drafts/me").json["draft"]["payload"]
        unknown = {key: value for key, value in payload.items() if key not in kept}
        assert all(value in (None, [], {}) or isinstance(value, dict) for value in unknown.values())
        for path in (
            "/profile",
            draft_page(ada),
            f"{draft_page(ada)}/history",
            f"{draft_page(ada)}/publish",
            f"{draft_page(ada)}/preview",
        ):
            ada.get(path, status=200)


def test_the_history_tells_what_changed_in_field_blocks(ada: TestApp) -> None:
    def blocks(percent: int, option: str, file: str, about: Any) -> list[str]:
        made = [
            {"kind": "proportion", "id": "p", "blockTitle": "Quorum", "defaultPercent": percent},
            {"kind": "badges", "id": "b", "blockTitle": "Who", "options": ["all", option]},
            {"kind": "upload", "id": "u", "blockTitle": "Form", "fileName": file, "assetUrl": "/api/uploads/1"},
            {"kind": "text", "id": "t", "blockTitle": "How", "placeholderText": "Wait"},
        ]
        payload = {
            "communityAvatarAlt": f"Us, {percent}",
            "communicationMethodDetailsById": {"own": {"theirs": about}},
            "customMethodCardMetaById": {"own": {"label": "Own", "theirs": about}},
            "customMethodCardFieldBlocksById": {"own": made},
        }
        assert put(ada, json.dumps({"payload": payload})).status_int == 200
        return [part.get_text() for part in ada.get(f"{draft_page(ada)}/history").html.select(".changes dd")]

    (first, *_) = [each for each in blocks(50, "elders", "old.pdf", [1, {"blockTitle": None}, "two"]) if "Who" in each]
    assert first == "Inserted: Quorum: 50 %\nWho: all, elders\nForm: old.pdf\nHow: Wait"
    told = [each for each in blocks(60, "guests", "new.pdf", [None, [], 3]) if "Who" in each]
    assert len(told) == 2
    assert "What the photo shows" in ada.get(f"{draft_page(ada)}/history")
    for words in ("Quorum: ", "Who: all, ", "How: Wait", "elders", "guests", "old", "new", ".pdf", "50", "60"):
        assert words in told[0]


def draft_page(client: TestApp) -> str:
    link: str = client.get("/profile").html.select_one("main h3 a")["href"]
    return link


def test_errors_have_one_shape(client: TestApp) -> None:
    for path, status, code in (("/api/nothing", 404, "not_found"), ("/api", 404, "not_found")):
        answer = client.get(path, status=status)
        assert answer.content_type == "application/json"
        assert answer.json["error"]["code"] == code


def test_a_wrong_method_is_named(client: TestApp) -> None:
    answer = client.post_json("/api/health", {}, status=405)
    assert "GET" in answer.headers["Allow"]
    assert answer.json["error"]["code"] == "validation_error"
