"""/api/drafts/me, as the contract says."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from webtest import TestApp

from tests.fixtures.mail import Mailbox
from tests.functional.people import form_to, sign_in

ME = "/api/drafts/me"


def put(client: TestApp, payload: dict[str, Any], **options: Any) -> Any:
    return client.put_json(ME, {"payload": payload}, **options)


def test_there_is_no_draft_at_first(ada: TestApp) -> None:
    assert ada.get(ME).json == {"draft": None}
    assert ada.delete(ME).json == {"ok": True}


def test_a_draft_comes_back_as_it_was_sent(ada: TestApp) -> None:
    payload = {
        "title": "Elm Street",
        "selectedCoreValueIds": ["1", "2"],
        "coreValueDetailsByChipId": {"1": {"meaning": "Care", "signals": ""}},
        "stakeholderEmails": ["friend@example.org"],
        "communitySaveEmail": "ada@example.org",
        "currentStep": "core-values",
        "unknownKey": {"deep": [1, None, True]},
    }
    answer = put(ada, payload).json["draft"]
    assert answer["payload"] == payload
    assert answer["updatedAt"].endswith("Z")
    assert ada.get(ME).json["draft"] == answer


def test_a_draft_is_nobody_elses(ada: TestApp, bo: TestApp) -> None:
    put(ada, {"title": "Elm"})
    assert bo.get(ME).json == {"draft": None}


def test_put_replaces_the_whole(ada: TestApp) -> None:
    put(ada, {"title": "Elm", "summary": "A garden", "x": 1})
    assert put(ada, {"title": "Elm Street"}).json["draft"]["payload"] == {"title": "Elm Street"}


def test_after_delete_there_is_none_although_an_older_one_is_open(ada: TestApp) -> None:
    put(ada, {"title": "Elm"})
    first = ada.get("/profile").html.select("main h3 a")
    form = form_to(ada.get("/profile"), "/drafts")
    form["title"] = "Oak"
    form.submit()
    assert ada.get(ME).json["draft"]["payload"]["title"] == "Oak"
    ada.delete(ME)
    assert ada.get(ME).json == {"draft": None}
    assert [each.text for each in ada.get("/profile").html.select("main h3 a")] == [each.text for each in first]


def test_an_unchanged_put_adds_no_event(ada: TestApp, engine: sa.Engine) -> None:
    def count() -> Any:
        with engine.connect() as connection:
            return connection.scalar(sa.text("SELECT count(*) FROM events"))

    put(ada, {"title": "Elm", "selectedScaleIds": ["local"]})
    before = count()
    put(ada, {"title": "Elm", "selectedScaleIds": ["local"]})
    assert count() == before


def test_addresses_are_not_in_the_log_and_go_with_the_draft(ada: TestApp, engine: sa.Engine) -> None:
    put(ada, {"title": "Elm", "stakeholderEmails": ["friend@example.org"]})
    ada.delete(ME)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM events WHERE state LIKE '%example.org%'")) == 0
        assert connection.scalar(sa.text("SELECT count(*) FROM draft_addresses")) == 0


def test_if_match_merges_other_parts_and_refuses_the_same(ada: TestApp) -> None:
    etag = put(ada, {"title": "Elm"}).headers["ETag"]
    put(ada, {"title": "Elm", "summary": "A garden"})
    merged = put(ada, {"title": "Elm Street"}, headers={"If-Match": etag}).json["draft"]["payload"]
    assert merged == {"title": "Elm Street", "summary": "A garden"}
    refused = put(ada, {"title": "Oak"}, headers={"If-Match": etag}, status=409).json
    assert refused["error"]["code"] == "conflict"
    assert refused["details"]["clashes"] == [{"path": ["title"], "base": "Elm", "theirs": "Elm Street", "mine": "Oak"}]
    assert ada.get(ME).json["draft"]["payload"]["title"] == "Elm Street"


def test_who_is_not_signed_in_is_told_so(client: TestApp) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = client.request(ME, method=method, content_type="application/json", body=b"{}", status=401)
        assert answer.json["error"]["code"] == "unauthorized"


def test_a_payload_out_of_bounds_is_refused_by_name(ada: TestApp) -> None:
    answer = put(ada, {"title": "x" * 501}, status=400).json
    assert answer["error"]["code"] == "validation_error"
    assert "title" in answer["details"]["fields"]
    assert ada.get(ME).json == {"draft": None}


def test_if_match_of_a_draft_that_is_finished_starts_no_other(ada: TestApp) -> None:
    etag = put(ada, {"title": "Elm"}).headers["ETag"]
    ada.delete(ME)
    for tag in (etag, '"nonsense"', '"' + "9" * 5000 + '"'):
        refused = put(ada, {"title": "Oak"}, headers={"If-Match": tag}, status=409)
        assert refused.json["error"]["code"] == "conflict"
    assert ada.get(ME).json == {"draft": None}


def test_if_match_notices_addresses_too(ada: TestApp) -> None:
    etag = put(ada, {"title": "Elm", "stakeholderEmails": ["a@example.org"]}).headers["ETag"]
    put(ada, {"title": "Elm", "stakeholderEmails": ["b@example.org"]})
    put(ada, {"title": "Elm", "stakeholderEmails": ["c@example.org"]}, headers={"If-Match": etag}, status=409)
    assert ada.get(ME).json["draft"]["payload"]["stakeholderEmails"] == ["b@example.org"]


def test_where_drafts_stay_on_the_device_the_server_says_so(make_app: Any, smtp: Mailbox) -> None:
    client = sign_in(make_app(NEXT_PUBLIC_ENABLE_BACKEND_SYNC="false"), smtp, "ada@example.org")
    refused = put(client, {"title": "Elm"}, status=500)
    assert refused.json["error"]["code"] == "server_misconfigured"
    assert client.get(ME).json == {"draft": None}
