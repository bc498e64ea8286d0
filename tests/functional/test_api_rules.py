"""/api/rules, as the contract says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from webtest import TestApp

DOCUMENT = {
    "sections": [{"categoryName": "Values", "entries": [{"title": "Care", "body": "We look after each other."}]}],
    "coreValues": [{"chipId": "1", "label": "Care", "meaning": "", "signals": ""}],
    "theirOwnKey": {"a": [1]},
}


def publish(client: TestApp, title: str = "Elm Street", **more: Any) -> str:
    answer = client.post_json("/api/rules", {"title": title, "document": DOCUMENT, **more})
    rule_id: str = answer.json["rule"]["id"]
    return rule_id


def test_publish_and_read_back(ada: TestApp, client: TestApp) -> None:
    answer = ada.post_json("/api/rules", {"title": "  Elm Street ", "summary": "A garden", "document": DOCUMENT})
    rule = answer.json["rule"]
    assert set(rule) == {"id", "title", "summary", "createdAt"}
    assert (rule["title"], rule["summary"]) == ("Elm Street", "A garden")
    read = client.get(f"/api/rules/{rule['id']}").json
    assert read["rule"] == {**rule, "updatedAt": rule["createdAt"], "document": DOCUMENT}
    assert read["viewerIsOwner"] is False
    assert ada.get(f"/api/rules/{rule['id']}").json["viewerIsOwner"] is True


def test_the_list_is_last_touched_first_and_limited(ada: TestApp, client: TestApp, clock: Any) -> None:
    first = publish(ada, "First")
    clock.advance(timedelta(minutes=1))
    publish(ada, "Second")
    clock.advance(timedelta(minutes=1))
    ada.patch_json(f"/api/rules/{first}", {"title": "First, changed", "document": DOCUMENT})
    rules = client.get("/api/rules").json["rules"]
    assert [each["title"] for each in rules] == ["First, changed", "Second"]
    assert set(rules[0]) == {"id", "title", "summary", "createdAt", "updatedAt"}
    assert rules[0]["createdAt"] < rules[0]["updatedAt"]
    assert len(client.get("/api/rules?limit=1").json["rules"]) == 1


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "", "1e3", "٣", "9" * 30])
def test_a_limit_out_of_bounds_is_refused(client: TestApp, limit: str) -> None:
    assert client.get("/api/rules", {"limit": limit}, status=400).json["error"]["code"] == "validation_error"


def test_mine_bear_my_role(ada: TestApp, bo: TestApp) -> None:
    publish(ada)
    (mine,) = ada.get("/api/rules/me").json["rules"]
    assert (mine["title"], mine["role"]) == ("Elm Street", "owner")
    assert bo.get("/api/rules/me").json == {"rules": []}


def test_only_the_owner_writes(ada: TestApp, bo: TestApp, client: TestApp) -> None:
    url = f"/api/rules/{publish(ada)}"
    body = {"title": "Mine now", "document": DOCUMENT}
    assert bo.patch_json(url, body, status=403).json["error"]["code"] == "forbidden"
    assert bo.delete(url, status=403).json["error"]["code"] == "forbidden"
    assert bo.post_json(f"{url}/duplicate", {}, status=403).json["error"]["code"] == "forbidden"
    assert client.patch_json(url, body, status=401).json["error"]["code"] == "unauthorized"
    assert client.get(url).json["rule"]["title"] == "Elm Street"


def test_an_unknown_rule_is_not_found(ada: TestApp) -> None:
    for unknown in (str(uuid4()), str(uuid4()).upper(), "me2", "x" * 300, "%00"):
        for method in ("GET", "PATCH", "DELETE"):
            answer = ada.request(
                f"/api/rules/{unknown}",
                method=method,
                content_type="application/json",
                body=b'{"title":"x","document":{}}',
                status="4*",
            )
            assert answer.json["error"]["code"] in ("not_found", "validation_error")


def test_a_withdrawn_rule_is_not_found(ada: TestApp, client: TestApp) -> None:
    url = f"/api/rules/{publish(ada)}"
    assert ada.delete(url).json == {"ok": True}
    assert client.get(url, status=404).json["error"]["code"] == "not_found"
    assert ada.delete(url, status=404).json["error"]["code"] == "not_found"
    assert client.get("/api/rules").json == {"rules": []}


def test_the_same_text_again_is_no_revision(ada: TestApp, client: TestApp) -> None:
    rule_id = publish(ada)
    ada.patch_json(f"/api/rules/{rule_id}", {"title": "Elm Street", "document": DOCUMENT})
    assert "Revision 1" in client.get(f"/rules/{rule_id}")


def test_a_duplicate_is_the_owners_copy(ada: TestApp) -> None:
    copy = ada.post_json(f"/api/rules/{publish(ada, 'x' * 500)}/duplicate", {}).json["rule"]
    assert copy["title"].endswith("x (Copy)")
    assert len(copy["title"]) == 500
    assert ada.get(f"/api/rules/{copy['id']}").json["rule"]["document"] == DOCUMENT


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"title": "Elm"},
        {"title": "  ", "document": {}},
        {"title": "x" * 501, "document": {}},
        {"title": "Elm", "summary": "x" * 8001, "document": {}},
        {"title": "Elm", "document": []},
        {"title": "Elm", "document": {"sections": [1]}},
        {"title": 1, "document": {}},
    ],
)
def test_a_body_out_of_bounds_is_refused(ada: TestApp, body: dict[str, Any]) -> None:
    answer = ada.post_json("/api/rules", body, status=400)
    assert answer.json["error"]["code"] == "validation_error"
    assert answer.json["details"]["fields"]
