"""The contract's table, row by row: one test for each, called after it. What a row says in brief is tried here as a
whole; the corners are in the tests of each view."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from webtest import TestApp

from cr.views.api.examples import DOCUMENT, PAYLOAD
from tests.fixtures.mail import Mailbox
from tests.fixtures.site import Clock, MakeApp
from tests.functional.people import form_to, mailed_link, path_of, sign_in
from tests.functional.rules import account_of, commands
from tests.functional.test_api_stakeholders import link_to
from tests.functional.waiting import the_mail, waiting
from tests.uploads.pictures import PDF, picture, saved

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
RULE = {"title": "Elm Street", "summary": "A garden", "document": DOCUMENT}
LISTED = {"id", "title", "summary", "createdAt", "updatedAt"}
VERIFY = "/api/auth/magic-link/verify"
INQUIRY = "/api/organizer-inquiry"


def refused(answer: Any, status: int, code: str) -> Any:
    """That an answer is a refusal in the contract's shape; its details."""
    assert answer.status_int == status
    assert answer.content_type == "application/json"
    assert answer.json.keys() - {"details"} == {"error"}
    assert answer.json["error"].keys() == {"code", "message"}
    assert answer.json["error"]["code"] == code
    assert answer.json["error"]["message"]
    assert answer.headers["x-request-id"]
    return answer.json.get("details", {})


def too_soon(answer: Any, seconds: int) -> None:
    """That an answer says to wait, and how long."""
    details = refused(answer, 429, "rate_limited")
    assert details == {"retryAfterMs": int(answer.headers["Retry-After"]) * 1000}
    assert seconds - 1 <= int(answer.headers["Retry-After"]) <= seconds


def publish(client: TestApp, title: str = "Elm Street", **more: Any) -> str:
    rule_id: str = client.post_json("/api/rules", {**RULE, "title": title, **more}).json["rule"]["id"]
    return rule_id


def another_browser(app: Any, address: str = "203.0.113.9") -> TestApp:
    return TestApp(app, extra_environ={"REMOTE_ADDR": address})


def ask_for_link(client: TestApp, email: str = "cy@example.org", **more: Any) -> Any:
    return client.post_json("/api/auth/magic-link/request", {"email": email, **more}, expect_errors=True)


# The table


def test_get_health(client: TestApp, make_app: MakeApp) -> None:
    assert client.get("/api/health").json == {"ok": True, "database": "connected"}
    for url in (None, "postgresql://nobody@127.0.0.1:9/nothing"):
        without = TestApp(make_app(CLOUDRON_POSTGRESQL_URL=url)).get("/api/health", status=503)
        assert without.json == {"ok": False, "database": "disconnected"}


def test_get_auth_session(client: TestApp, ada: TestApp) -> None:
    assert client.get("/api/auth/session").json == {"user": None}
    answer = ada.get("/api/auth/session").json
    assert answer.keys() == {"user"}
    assert answer["user"].keys() == {"id", "email"}
    assert answer["user"]["email"] == "ada@example.org"


def test_post_auth_magic_link_request(app: Any, smtp: Mailbox, clock: Clock) -> None:
    cy = another_browser(app)
    assert ask_for_link(cy, next="/rules?before=9", draft={"title": "Elm"}).json == {"ok": True}
    older = path_of(mailed_link(smtp))
    clock.advance(timedelta(minutes=1))
    ask_for_link(cy, next="/rules?before=9", draft={"title": "Oak"})
    newer = path_of(mailed_link(smtp))
    assert "error=expired_link" in cy.get(older, status=303).location
    assert path_of(cy.get(newer, status=303).location) == "/rules?before=9"
    assert cy.get("/api/drafts/me").json["draft"]["payload"] == {"title": "Oak"}
    assert "error=expired_link" in cy.get(newer, status=303).location

    clock.advance(timedelta(minutes=1))
    ask_for_link(cy, next="https://elsewhere.example/")
    assert path_of(cy.get(path_of(mailed_link(smtp)), status=303).location) == "/"
    clock.advance(timedelta(minutes=1))
    ask_for_link(cy)
    clock.advance(timedelta(minutes=10, seconds=1))
    assert "error=expired_link" in cy.get(path_of(mailed_link(smtp)), status=303).location
    refused(ask_for_link(cy, "no address"), 400, "validation_error")


def test_get_auth_magic_link_verify(app: Any, smtp: Mailbox, clock: Clock) -> None:
    cy, scanner = another_browser(app), another_browser(app, "203.0.113.10")
    ask_for_link(cy, next="/rules")
    link = path_of(mailed_link(smtp))
    assert scanner.head(link).body == b""
    page = scanner.get(link, status=200)
    assert len(page.forms) == 1
    assert scanner.get("/api/auth/session").json == {"user": None}
    assert path_of(cy.get(link, status=303).location) == "/rules"
    assert cy.get("/api/auth/session").json["user"]["email"] == "cy@example.org"
    assert path_of(cy.get(link, status=303).location) == "/login?error=expired_link"
    assert path_of(cy.get(f"{VERIFY}?token=nonsense", status=303).location) == "/login?error=invalid_link"

    clock.advance(timedelta(minutes=1))
    ask_for_link(cy)
    page = scanner.get(path_of(mailed_link(smtp)))
    assert path_of(form_to(page, VERIFY).submit(status=303).location) == "/"
    assert scanner.get("/api/auth/session").json["user"]["email"] == "cy@example.org"


def test_post_auth_logout(app: Any, smtp: Mailbox, ada: TestApp, clock: Clock) -> None:
    clock.advance(timedelta(minutes=1))
    elsewhere = sign_in(app, smtp, "ada@example.org")
    assert ada.post_json("/api/auth/logout", {}).json == {"ok": True}
    assert ada.get("/api/auth/session").json == {"user": None}
    assert elsewhere.get("/api/auth/session").json["user"]["email"] == "ada@example.org"
    assert ada.post("/api/auth/logout").json == {"ok": True}


def test_get_put_delete_drafts_me(ada: TestApp, client: TestApp) -> None:
    me = "/api/drafts/me"
    for method in ("GET", "PUT", "DELETE"):
        body = {"content_type": "application/json", "body": b'{"payload":{}}'} if method == "PUT" else {}
        refused(client.request(me, method=method, expect_errors=True, **body), 401, "unauthorized")
    assert ada.get(me).json == {"draft": None}
    payload = {**PAYLOAD, "ofAnotherClient": {"deep": [1, None]}, "stakeholderEmails": ["sam@example.org"]}
    written = ada.put_json(me, {"payload": payload}).json
    assert written["draft"].keys() == {"payload", "updatedAt"}
    assert written["draft"]["payload"] == payload
    assert ISO.fullmatch(written["draft"]["updatedAt"])
    assert ada.get(me).json == written
    for _ in range(2):
        assert ada.delete(me).json == {"ok": True}
    assert ada.get(me).json == {"draft": None}
    limits = {"title": 500, "summary": 8000, "communityContext": 200, "communityAvatarUrl": 512}
    for key, most in limits.items():
        ada.put_json(me, {"payload": {key: "x" * most}})
        answer = ada.put_json(me, {"payload": {key: "x" * (most + 1)}}, expect_errors=True)
        assert refused(answer, 400, "validation_error")["fields"].keys() == {key}
    many = {"payload": {"stakeholderEmails": [f"p{number}@example.org" for number in range(31)]}}
    refused(ada.put_json(me, many, expect_errors=True), 400, "validation_error")


def test_get_rules(ada: TestApp, client: TestApp, engine: sa.Engine) -> None:
    ids, owner = [publish(ada)], account_of(engine, "ada@example.org")
    with commands(engine) as app:
        for number in range(1, 51):
            ids.append(str(app.publish_rule(owner, datetime.now(UTC), f"Rule {number}", None, DOCUMENT).id))
    ada.patch_json(f"/api/rules/{ids[0]}", {**RULE, "title": "Touched last"})
    answer = client.get("/api/rules").json
    assert answer.keys() == {"rules"}
    assert [each["id"] for each in answer["rules"]] == [ids[0], *reversed(ids[2:])]
    for each in answer["rules"]:
        assert each.keys() == LISTED
        assert ISO.fullmatch(each["createdAt"])
        assert ISO.fullmatch(each["updatedAt"])
    assert len(client.get("/api/rules?limit=100").json["rules"]) == 51
    assert len(client.get("/api/rules?limit=2").json["rules"]) == 2
    for limit in ("0", "101", "ten", "-1", ""):
        refused(client.get("/api/rules", {"limit": limit}, expect_errors=True), 400, "validation_error")


def test_post_rules(ada: TestApp, client: TestApp, engine: sa.Engine) -> None:
    refused(client.post_json("/api/rules", RULE, expect_errors=True), 401, "unauthorized")
    answer = ada.post_json("/api/rules", {**RULE, "title": f"  {'x' * 500}  ", "summary": "y" * 8000}).json
    assert answer.keys() == {"rule"}
    assert answer["rule"].keys() == {"id", "title", "summary", "createdAt"}
    assert answer["rule"]["title"] == "x" * 500
    assert ISO.fullmatch(answer["rule"]["createdAt"])
    for wrong in ({"title": " "}, {"title": "x" * 501}, {"summary": "y" * 8001}, {"document": 1}):
        refused(ada.post_json("/api/rules", {**RULE, **wrong}, expect_errors=True), 400, "validation_error")
    unknown = {**DOCUMENT, "ofAnotherClient": {"deep": [1, None]}, "communityAvatarUrl": "/api/uploads/1"}
    rule_id = ada.post_json("/api/rules", {"title": "Oak", "document": unknown}).json["rule"]["id"]
    assert client.get(f"/api/rules/{rule_id}").json["rule"]["document"] == unknown


def test_get_rules_me(ada: TestApp, bo: TestApp, client: TestApp) -> None:
    refused(client.get("/api/rules/me", expect_errors=True), 401, "unauthorized")
    first, second = publish(ada, "First"), publish(ada, "Second")
    answer = ada.get("/api/rules/me").json
    assert answer.keys() == {"rules"}
    assert {each["id"] for each in answer["rules"]} == {first, second}
    assert all(each.keys() == {*LISTED, "role"} and each["role"] == "owner" for each in answer["rules"])
    assert len(ada.get("/api/rules/me?limit=1").json["rules"]) == 1
    assert bo.get("/api/rules/me").json == {"rules": []}


def test_get_patch_delete_rules_id(ada: TestApp, bo: TestApp, client: TestApp, clock: Clock) -> None:
    path = f"/api/rules/{publish(ada)}"
    read = client.get(path).json
    assert read.keys() == {"rule", "viewerIsOwner"}
    assert read["rule"].keys() == {*LISTED, "document"}
    assert (read["rule"]["document"], read["viewerIsOwner"]) == (DOCUMENT, False)
    assert ada.get(path).json["viewerIsOwner"] is True
    clock.advance(timedelta(minutes=1))
    changed = ada.patch_json(path, {**RULE, "title": "Oak Street"}).json
    assert changed == ada.get(path).json
    assert changed["rule"]["title"] == "Oak Street"
    assert changed["rule"]["updatedAt"] > changed["rule"]["createdAt"] == read["rule"]["createdAt"]
    refused(bo.patch_json(path, RULE, expect_errors=True), 403, "forbidden")
    refused(bo.delete(path, expect_errors=True), 403, "forbidden")
    refused(client.delete(path, expect_errors=True), 401, "unauthorized")
    unknown = f"/api/rules/{uuid4()}"
    for answer in (
        ada.get(unknown, expect_errors=True),
        ada.patch_json(unknown, RULE, expect_errors=True),
        ada.delete(unknown, expect_errors=True),
    ):
        refused(answer, 404, "not_found")
    assert ada.delete(path).json == {"ok": True}
    refused(client.get(path, expect_errors=True), 404, "not_found")


def test_post_rules_id_duplicate(ada: TestApp, bo: TestApp) -> None:
    rule_id = publish(ada)
    answer = ada.post_json(f"/api/rules/{rule_id}/duplicate", {}).json
    assert answer.keys() == {"rule"}
    assert answer["rule"].keys() == {"id", "title", "summary", "createdAt"}
    assert answer["rule"]["title"] == "Elm Street (Copy)"
    copy = ada.get(f"/api/rules/{answer['rule']['id']}").json
    assert (copy["rule"]["document"], copy["viewerIsOwner"]) == (DOCUMENT, True)
    refused(bo.post_json(f"/api/rules/{rule_id}/duplicate", {}, expect_errors=True), 403, "forbidden")


def test_get_post_rules_id_stakeholders(ada: TestApp, bo: TestApp, client: TestApp, clock: Clock) -> None:
    path = f"/api/rules/{publish(ada)}/stakeholders"
    assert ada.get(path).json == {"stakeholders": []}
    one = ada.post_json(path, {"email": "Sam@Example.org"}, status=201).json["stakeholder"]
    assert one.keys() == {"id", "email", "invitedAt", "acceptedAt", "status"}
    assert (one["email"], one["acceptedAt"], one["status"]) == ("sam@example.org", None, "pending")
    assert ISO.fullmatch(one["invitedAt"])
    assert ada.get(path).json == {"stakeholders": [one]}
    refused(bo.get(path, expect_errors=True), 404, "not_found")
    refused(bo.post_json(path, {"email": "eve@example.org"}, expect_errors=True), 404, "not_found")
    refused(client.get(path, expect_errors=True), 401, "unauthorized")
    too_soon(ada.post_json(path, {"email": "p0@example.org"}, expect_errors=True), 60)
    clock.advance(timedelta(minutes=1))
    refused(ada.post_json(path, {"email": "ada@example.org"}, expect_errors=True), 400, "validation_error")
    refused(ada.post_json(path, {"email": "sam@example.org"}, expect_errors=True), 409, "conflict")

    path = f"/api/rules/{publish(ada, stakeholderEmails=[f'p{each}@example.org' for each in range(29)])}/stakeholders"
    clock.advance(timedelta(minutes=1))
    ada.post_json(path, {"email": "p29@example.org"}, status=201)
    clock.advance(timedelta(minutes=1))
    refused(ada.post_json(path, {"email": "p30@example.org"}, expect_errors=True), 400, "validation_error")
    assert len(ada.get(path).json["stakeholders"]) == 30


def test_delete_and_resend_rules_id_stakeholders_sid(
    app: Any, smtp: Mailbox, ada: TestApp, bo: TestApp, clock: Clock
) -> None:
    path = f"/api/rules/{publish(ada)}/stakeholders"
    one = ada.post_json(path, {"email": "bo@example.org"}).json["stakeholder"]
    resend = f"{path}/{one['id']}/resend"
    assert ada.post_json(resend, {}).json == {"ok": True}
    too_soon(ada.post_json(resend, {}, expect_errors=True), 60)
    clock.advance(timedelta(minutes=1))
    assert ada.post_json(resend, {}).json == {"ok": True}
    refused(bo.post_json(resend, {}, expect_errors=True), 404, "not_found")
    bo.get(link_to(app, smtp, "bo@example.org"), status=303)
    (accepted,) = ada.get(path).json["stakeholders"]
    assert accepted["status"] == "accepted"
    assert ISO.fullmatch(accepted["acceptedAt"])
    clock.advance(timedelta(minutes=1))
    refused(ada.post_json(resend, {}, expect_errors=True), 400, "validation_error")
    refused(bo.delete(f"{path}/{one['id']}", expect_errors=True), 404, "not_found")
    assert ada.delete(f"{path}/{one['id']}").json == {"ok": True}
    assert ada.get(path).json == {"stakeholders": []}
    refused(ada.delete(f"{path}/{one['id']}", expect_errors=True), 404, "not_found")


def test_get_invites_rule_stakeholder_verify(smtp: Mailbox, app: Any, ada: TestApp, bo: TestApp, clock: Clock) -> None:
    rule_id = publish(ada)
    ada.post_json(f"/api/rules/{rule_id}/stakeholders", {"email": "cy@example.org"})
    link = link_to(app, smtp, "cy@example.org")
    cy, verify = another_browser(app), "/api/invites/rule-stakeholder/verify"
    assert cy.head(link).body == b""
    page = cy.get(link, status=200)
    assert cy.get("/api/auth/session").json == {"user": None}
    assert path_of(bo.get(link, status=303).location) == "/login?error=stakeholder_wrong_account"
    assert path_of(form_to(page, verify).submit(status=303).location).rstrip("/") == f"/rules/{rule_id}"
    assert cy.get("/api/auth/session").json["user"]["email"] == "cy@example.org"
    (mine,) = cy.get("/api/rules/me").json["rules"]
    assert (mine["id"], mine["role"], mine.keys()) == (rule_id, "stakeholder", {*LISTED, "role"})
    assert path_of(cy.get(f"{verify}?token=nonsense", status=303).location) == "/login?error=invalid_link"


def test_get_templates(client: TestApp) -> None:
    shape = {"id", "slug", "title", "category", "description", "body", "sortOrder", "featured"}
    answer = client.get("/api/templates").json
    assert answer.keys() == {"templates"}
    order = [(not each["featured"], each["sortOrder"], each["title"]) for each in answer["templates"]]
    assert order == sorted(order)
    fitting = client.get("/api/templates?facet.size=sixToTwelve&facet.scale=local").json
    assert fitting.keys() == {"templates", "scores"}
    assert fitting["scores"].keys() == {each["slug"] for each in answer["templates"]}
    for score in fitting["scores"].values():
        assert score.keys() == {"score", "matchedFacets"}
        assert score["score"] == len(score["matchedFacets"])
        assert {*score["matchedFacets"]} <= {"size:sixToTwelve", "scale:local"}
    for each in (*answer["templates"], *fitting["templates"]):
        assert each.keys() == shape
    places = [
        (-fitting["scores"][each["slug"]]["score"], not each["featured"], each["sortOrder"])
        for each in fitting["templates"]
    ]
    assert places == sorted(places)


def test_get_templates_slug(client: TestApp) -> None:
    answer = client.get("/api/templates/consensus").json
    assert answer.keys() == {"template", "methods"}
    assert answer["template"] in client.get("/api/templates").json["templates"]
    assert answer["methods"]
    assert all(each.keys() == {"section", "slug"} for each in answer["methods"])
    refused(client.get("/api/templates/nonsense", expect_errors=True), 404, "not_found")


@pytest.mark.parametrize("section", ["communication", "membership", "decisionApproaches", "conflictManagement"])
def test_get_create_flow_methods(client: TestApp, section: str) -> None:
    methods = "/api/create-flow/methods"
    shape = {"slug", "label", "description", "sections"}
    answer = client.get(methods, {"section": section})
    assert "max-age=3600" in answer.headers["Cache-Control"]
    assert answer.json.keys() == {"section", "methods"}
    assert answer.json["section"] == section
    assert all(each.keys() == shape for each in answer.json["methods"])
    fitting = client.get(methods, {"section": section, "facet.size": "sixToTwelve"}).json
    assert all(each.keys() == {*shape, "matches"} for each in fitting["methods"])
    assert all(each["matches"].keys() == {"score", "matchedFacets"} for each in fitting["methods"])
    assert {each["slug"] for each in fitting["methods"]} == {each["slug"] for each in answer.json["methods"]}
    values = client.get(methods, {"section": "coreValues"}).json
    assert [each["id"] for each in values] == [str(number) for number in range(1, len(values) + 1)]
    assert all(each.keys() == {"id", "label", "meaning", "signals"} for each in values)
    assert client.get(methods, {"section": "values"}).json == values
    refused(client.get(methods, expect_errors=True), 400, "validation_error")


def send(client: TestApp, purpose: str, name: str, content: bytes) -> Any:
    return client.post("/api/uploads", {"purpose": purpose}, upload_files=[("file", name, content)], expect_errors=True)


def test_post_uploads(ada: TestApp, client: TestApp, clock: Clock) -> None:
    png = saved(picture(), "PNG")
    refused(send(client, "communityAvatar", "a.png", png), 401, "unauthorized")
    for kind in ("JPEG", "PNG", "WEBP", "GIF"):
        # Called what it isn't: the bytes decide.
        answer = send(ada, "communityAvatar", "a.pdf", saved(picture(), kind)).json
        assert answer.keys() == {"url", "id", "mimeType", "byteLength"}
        assert answer["url"] == f"/api/uploads/{answer['id']}"
        assert answer["mimeType"].startswith("image/")
        clock.advance(timedelta(seconds=5))
    refused(send(ada, "communityAvatar", "a.png", PDF), 400, "validation_error")
    assert send(ada, "customMethodAttachment", "a.png", PDF).json["mimeType"] == "application/pdf"
    clock.advance(timedelta(seconds=5))
    refused(send(ada, "portrait", "a.png", png), 400, "validation_error")
    for purpose, mib in (("communityAvatar", 5), ("customMethodAttachment", 10), ("customMethodAttachment", 12)):
        refused(send(ada, purpose, "a.png", png + b"\0" * (mib * 2**20)), 413, "payload_too_large")


def test_get_uploads_id(ada: TestApp, client: TestApp) -> None:
    kept = send(ada, "customMethodAttachment", "a.pdf", PDF).json
    shown = client.get(kept["url"])
    assert (shown.body, shown.content_type, len(shown.body)) == (PDF, kept["mimeType"], kept["byteLength"])
    assert {"max-age=31536000", "immutable"} <= set(shown.headers["Cache-Control"].split(", "))
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    refused(client.get(f"/api/uploads/{uuid4()}", expect_errors=True), 404, "not_found")


def test_delete_user_me(app: Any, ada: TestApp, client: TestApp, smtp: Mailbox, clock: Clock) -> None:
    path, rule = "/api/user/me", f"/api/rules/{publish(ada)}"
    refused(client.delete(path, expect_errors=True), 401, "unauthorized")
    ada.put_json("/api/drafts/me", {"payload": {"title": "Oak"}})
    clock.advance(timedelta(minutes=1))
    elsewhere = sign_in(app, smtp, "ada@example.org")
    before = ada.get("/api/auth/session").json["user"]["id"]
    assert ada.delete(path).json == {"ok": True}
    for browser in (ada, elsewhere):
        assert browser.get("/api/auth/session").json == {"user": None}
    assert client.get(rule).json["rule"]["title"] == "Elm Street"
    clock.advance(timedelta(minutes=1))
    again = sign_in(app, smtp, "ada@example.org")
    assert again.get("/api/auth/session").json["user"]["id"] != before
    assert again.get(rule).json["viewerIsOwner"] is False
    assert again.get("/api/rules/me").json == {"rules": []}
    assert again.get("/api/drafts/me").json == {"draft": None}


def test_post_user_email_change_request_and_get_verify(
    app: Any, ada: TestApp, bo: TestApp, client: TestApp, smtp: Mailbox, clock: Clock
) -> None:
    path, verify = "/api/user/email-change/request", "/api/user/email-change/verify"

    def ask(email: str) -> str:
        clock.advance(timedelta(minutes=1))
        assert ada.post_json(path, {"newEmail": email}).json == {"ok": True}
        return path_of(mailed_link(smtp))

    refused(client.post_json(path, {"newEmail": "ada@new.example.org"}, expect_errors=True), 401, "unauthorized")
    refused(ada.post_json(path, {"newEmail": "nothing"}, expect_errors=True), 400, "validation_error")
    clock.advance(timedelta(minutes=1))
    elsewhere = sign_in(app, smtp, "ada@example.org")
    link = ask("ada@new.example.org")
    too_soon(ada.post_json(path, {"newEmail": "ada@other.example.org"}, expect_errors=True), 60)
    assert elsewhere.get("/api/auth/session").json["user"]["email"] == "ada@example.org"
    assert path_of(ada.get(link, status=303).location) == "/profile?email_change=ok"
    assert ada.get("/api/auth/session").json["user"]["email"] == "ada@new.example.org"
    assert elsewhere.get("/api/auth/session").json == {"user": None}
    for refused_link, error in (
        (f"{verify}?token=nonsense", "invalid"),
        (link, "expired"),
        (ask("bo@example.org"), "taken"),
    ):
        assert path_of(ada.get(refused_link, status=303).location) == f"/profile?error=email_change_{error}"


def test_post_use_cases_slug_duplicate(ada: TestApp, client: TestApp) -> None:
    path = "/api/use-cases/ternfield/duplicate"
    refused(client.post_json(path, {}, expect_errors=True), 401, "unauthorized")
    answer = ada.post_json(path, {}).json
    assert answer.keys() == {"rule"}
    assert answer["rule"].keys() == {"id", "title", "summary", "createdAt"}
    read = ada.get(f"/api/rules/{answer['rule']['id']}").json
    assert read["viewerIsOwner"] is True
    assert read["rule"]["document"]["sections"]
    refused(ada.post_json("/api/use-cases/nonsense/duplicate", {}, expect_errors=True), 404, "not_found")


# The paragraphs around it


def test_post_organizer_inquiry(make_app: MakeApp, smtp: Mailbox, engine: sa.Engine) -> None:
    question = {"email": "cy@example.org", "message": "How do we begin?"}
    refused(TestApp(make_app()).post_json(INQUIRY, question, expect_errors=True), 500, "server_misconfigured")
    app = make_app(ORGANIZER_INQUIRY_TO="ask@example.org")
    client = TestApp(app)
    for length in (9, 10_001):
        answer = client.post_json(INQUIRY, {**question, "message": "x" * length}, expect_errors=True)
        assert refused(answer, 400, "validation_error")["fields"].keys() == {"message"}
    assert client.post_json(INQUIRY, {**question, "website": "https://example.com"}).json == {"ok": True}
    assert waiting(engine) == []
    assert client.post_json(INQUIRY, question).json == {"ok": True}
    mail = the_mail(app, smtp, engine)
    assert (mail["X-Rcpt-To"], mail["Reply-To"]) == ("ask@example.org", "cy@example.org")


def test_least_interval_of_inquiries(make_app: MakeApp) -> None:
    app = make_app(ORGANIZER_INQUIRY_TO="ask@example.org")
    app.registry["cr.clock"] = Clock(datetime.now(UTC))
    client = TestApp(app)
    question = {"email": "cy@example.org", "message": "How do we begin?"}
    client.post_json(INQUIRY, question)
    too_soon(client.post_json(INQUIRY, question, expect_errors=True), 60)
    too_soon(client.post_json(INQUIRY, {**question, "email": "di@example.org"}, expect_errors=True), 20)


def test_errors_and_bodies(ada: TestApp, client: TestApp, make_app: MakeApp, smtp: Mailbox, clock: Clock) -> None:
    me = "/api/drafts/me"

    def put(body: bytes) -> Any:
        return ada.request(me, method="PUT", content_type="application/json", body=body, expect_errors=True)

    refused(put(b"{"), 400, "invalid_json")
    refused(put(b'{"payload": {"a": NaN}}'), 400, "invalid_json")
    refused(put(b'{"payload": {"a": Infinity}}'), 400, "invalid_json")
    for key in (b"__proto__", b"constructor", b"prototype"):
        refused(put(b'{"payload": {"a": {"%s": 1}}}' % key), 400, "validation_error")
    refused(put(b'{"payload": ' + b'{"a":' * 40 + b"1" + b"}" * 41), 400, "validation_error")
    refused(put(b'{"payload": {"a": "' + b"x" * 50_001 + b'"}}'), 400, "validation_error")
    refused(put(b'{"payload": {"a": [' + b"0," * 5_000 + b"0]}}"), 400, "validation_error")
    keys = b",".join(b'"k%d": 0' % number for number in range(501))
    refused(put(b'{"payload": {"a": {' + keys + b"}}}"), 400, "validation_error")
    refused(put(b'{"payload": {"a": "' + b"x" * 512 * 1024 + b'"}}'), 413, "payload_too_large")

    refused(client.get("/api/nothing", expect_errors=True), 404, "not_found")
    assert client.get("/api/health", headers={"x-request-id": "from-a-client.1"}).headers["x-request-id"] == (
        "from-a-client.1"
    )
    assert client.get("/api/health", headers={"x-request-id": "no no"}).headers["x-request-id"] != "no no"

    etag = ada.put_json(me, {"payload": {"title": "Elm"}}).headers["ETag"]
    ada.put_json(me, {"payload": {"title": "Oak"}})
    clash = ada.put_json(me, {"payload": {"title": "Ash"}}, headers={"If-Match": etag}, expect_errors=True)
    refused(clash, 409, "conflict")

    smtp.refusal = "451 Try later"
    refused(ask_for_link(another_browser(make_app(production=True))), 502, "mail_failed")
    smtp.refusal = None
    away = TestApp(make_app(CLOUDRON_POSTGRESQL_URL="postgresql://nobody@127.0.0.1:9/nothing"))
    refused(away.get("/api/rules", expect_errors=True), 503, "db_unavailable")


def test_least_interval_of_magic_links(app: Any, smtp: Mailbox, clock: Clock) -> None:
    first, other_place = another_browser(app, "203.0.113.1"), another_browser(app, "203.0.113.2")
    assert ask_for_link(first).json == {"ok": True}
    too_soon(ask_for_link(first, "di@example.org"), 20)
    too_soon(ask_for_link(other_place), 60)
    clock.advance(timedelta(seconds=20))
    assert ask_for_link(first, "di@example.org").json == {"ok": True}
    clock.advance(timedelta(seconds=40))
    assert ask_for_link(other_place).json == {"ok": True}


def test_least_interval_of_publishing_with_invites(ada: TestApp, clock: Clock) -> None:
    with_invites = {**RULE, "stakeholderEmails": ["sam@example.org"]}
    ada.post_json("/api/rules", with_invites)
    too_soon(ada.post_json("/api/rules", with_invites, expect_errors=True), 60)
    ada.post_json("/api/rules", RULE)
    clock.advance(timedelta(seconds=60))
    ada.post_json("/api/rules", with_invites)


def test_least_interval_of_uploads(ada: TestApp, clock: Clock) -> None:
    png = saved(picture(), "PNG")
    assert send(ada, "communityAvatar", "a.png", png).status_int == 200
    too_soon(send(ada, "communityAvatar", "a.png", png), 5)
    clock.advance(timedelta(seconds=5))
    assert send(ada, "communityAvatar", "a.png", png).status_int == 200


def test_the_session_cookie(make_app: MakeApp, smtp: Mailbox, engine: sa.Engine) -> None:
    client = TestApp(
        make_app(production=True, CLOUDRON_APP_ORIGIN="https://rule.example.org"),
        extra_environ={"wsgi.url_scheme": "https", "HTTP_HOST": "rule.example.org"},
    )
    ask_for_link(client)
    answer = client.get(path_of(mailed_link(smtp)), status=303)
    (cookie,) = [each for each in answer.headers.getall("Set-Cookie") if each.startswith("cr_session=")]
    value, *attributes = cookie.split("; ")
    days = 30 * 24 * 60 * 60
    assert {"Path=/", "secure", "HttpOnly", "SameSite=Lax", f"Max-Age={days}"} <= set(attributes)
    token = value.partition("=")[2].strip('"')
    with engine.connect() as connection:
        for (row,) in connection.execute(sa.text("SELECT sessions::text FROM sessions")):
            assert token not in row
