"""What every answer says to the browser, and what another site can't make a browser do."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa
from webtest import TestApp

from tests.fixtures.mail import Mailbox
from tests.fixtures.site import MakeApp
from tests.functional.people import form_to

PLACES = ["/", "/rules", "/login", "/profile", "/drafts", "/nowhere", "/%ff", "/static/site.css", "/static/nowhere"]
API_PLACES = ["/api/health", "/api/auth/session", "/api/drafts/me", "/api/nowhere", "/api/rules/%ff"]

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "object-src": "'none'",
    "frame-ancestors": "'none'",
}


def check_headers(answer: Any) -> None:
    headers = answer.headers
    policy = dict(each.strip().partition(" ")[::2] for each in headers["Content-Security-Policy"].split(";"))
    assert POLICY.items() <= policy.items()
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert re.fullmatch(r"[A-Za-z0-9._-]{8,128}", headers["X-Request-Id"])
    assert headers["Cache-Control"]


# What every answer says


@pytest.mark.parametrize("path", PLACES + API_PLACES)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "OPTIONS"])
def test_every_answer_bears_the_headers(client: TestApp, path: str, method: str) -> None:
    check_headers(client.request(path, method=method, expect_errors=True))


@pytest.mark.parametrize("path", PLACES + API_PLACES)
def test_without_a_database_too(make_app: MakeApp, path: str) -> None:
    check_headers(TestApp(make_app(CLOUDRON_POSTGRESQL_URL=None)).get(path, expect_errors=True))


def test_when_something_broke_too(client: TestApp, engine: sa.Engine, caplog: pytest.LogCaptureFixture) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE rules RENAME TO mislaid"))
    answer = client.get("/rules", headers={"X-Request-Id": "asked-by-ada"}, status=500)
    check_headers(answer)
    assert "asked-by-ada" in answer
    assert re.search(r"asked-by-ada GET /rules: 500", caplog.text)


def test_in_production_browsers_are_told_to_stay_with_https(make_app: MakeApp, client: TestApp) -> None:
    assert "Strict-Transport-Security" not in client.get("/login").headers
    production = TestApp(make_app(production=True)).get("/login")
    assert production.headers["Strict-Transport-Security"] == "max-age=31536000"
    check_headers(production)


def test_a_sane_request_id_is_kept(client: TestApp) -> None:
    def answered(given: str) -> str:
        return str(client.get("/api/health", headers={"X-Request-Id": given}).headers["X-Request-Id"])

    for sane in ("0123abcd", "a.b_c-d.e", "x" * 128):
        assert answered(sane) == sane
    for other in ("short", "x" * 129, "no spaces, please", "<script>alert(1)</script>", "ä" * 9):
        assert re.fullmatch(r"[0-9a-f]{32}", answered(other))
    assert client.get("/").headers["X-Request-Id"] != client.get("/").headers["X-Request-Id"]


# What may be kept


def test_public_pages_set_no_cookie_and_may_be_kept(client: TestApp) -> None:
    for path in ("/", "/rules", "/static/site.css"):
        answer = client.get(path)
        assert "Set-Cookie" not in answer.headers
        assert "no-store" not in answer.headers["Cache-Control"]
    assert "max-age=31536000" in client.get("/static/site.css").headers["Cache-Control"]


def test_pages_of_one_person_are_not_kept(client: TestApp, ada: TestApp) -> None:
    for visitor, path in ((client, "/login"), (client, "/login"), (ada, "/profile"), (ada, "/api/auth/session")):
        assert visitor.get(path).headers["Cache-Control"] == "private, no-store"
    assert client.get("/nowhere", status=404).headers["Cache-Control"].endswith("no-store")
    form = form_to(client.get("/login"), "/login")
    form["email"] = "bo@example.org"
    assert form.submit(status=200).headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("production", [True, False])
def test_the_browsers_cookie_is_for_the_browser_alone(make_app: MakeApp, production: bool) -> None:
    answer = TestApp(make_app(production)).get("/login")
    [cookie] = answer.headers.getall("Set-Cookie")
    name, _, rest = cookie.partition("=")
    assert name == ("__Host-cr_browser" if production else "cr_browser")
    parts = {part.strip().lower() for part in rest.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/"} <= parts
    assert ("secure" in parts) is production


# What another site can't make a browser do

OURS = [
    {},
    {"Origin": "http://localhost"},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"},
]
ELSEWHERE = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "https://localhost"},
    {"Origin": "http://localhost:81"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "http://evil.example", "Host": "localhost"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
]


def signed_in(client: TestApp) -> bool:
    return client.get("/api/auth/session").json["user"] is not None


@pytest.mark.parametrize("headers", OURS)
def test_our_own_pages_and_scripts_are_served(ada: TestApp, headers: dict[str, str]) -> None:
    ada.put_json("/api/drafts/me", {"payload": {"title": "Elm"}}, headers=headers, status=200)
    ada.delete("/api/drafts/me", headers=headers, status=200)
    form_to(ada.get("/profile"), "/logout").submit(headers=headers, status=303)
    assert not signed_in(ada)


@pytest.mark.parametrize("headers", ELSEWHERE)
def test_what_comes_from_elsewhere_is_refused(ada: TestApp, headers: dict[str, str]) -> None:
    for refused in (
        ada.put_json("/api/drafts/me", {"payload": {"title": "Elm"}}, headers=headers, status=403),
        ada.post_json("/api/auth/logout", {}, headers=headers, status=403),
        ada.request("/api/auth/logout", method="POST", headers=headers, status=403),
        ada.delete("/api/drafts/me", headers=headers, status=403),
    ):
        assert refused.json["error"]["code"] == "forbidden"
    assert "another site" in form_to(ada.get("/profile"), "/logout").submit(headers=headers, status=403)
    assert signed_in(ada)
    assert ada.get("/api/drafts/me").json["draft"] is None


def test_looking_is_free_from_everywhere(client: TestApp) -> None:
    client.get("/rules", headers={"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}, status=200)


def test_the_sites_public_name_is_ours_too(make_app: MakeApp) -> None:
    client = TestApp(make_app(CLOUDRON_APP_ORIGIN="https://rules.example"))
    client.post_json("/api/auth/logout", {}, headers={"Origin": "https://rules.example"}, status=200)
    client.post_json("/api/auth/logout", {}, headers={"Origin": "http://rules.example"}, status=403)


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", ""]
)
def test_the_api_takes_no_body_but_json(ada: TestApp, content_type: str) -> None:
    for path, method in (("/api/auth/logout", "POST"), ("/api/drafts/me", "PUT"), ("/api/drafts/me", "DELETE")):
        answer = ada.request(
            path,
            method=method,
            body=b'{"payload": {"title": "Elm"}}',
            headers={"Content-Type": content_type},
            status=400,
        )
        assert answer.json["error"] == {"code": "invalid_json", "message": "Send the body as application/json."}
    assert signed_in(ada)


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_is_known_however_it_is_written(ada: TestApp, content_type: str) -> None:
    ada.request(
        "/api/drafts/me",
        method="PUT",
        body=b'{"payload": {"title": "Elm"}}',
        headers={"Content-Type": content_type},
        status=200,
    )


def test_no_body_needs_no_type(ada: TestApp) -> None:
    assert ada.request("/api/auth/logout", method="POST").json == {"ok": True}
    assert not signed_in(ada)


# Forms


def test_a_form_needs_the_token_of_its_browser(client: TestApp, app: Any, ada: TestApp, smtp: Mailbox) -> None:
    smtp.messages.clear()
    own = form_to(client.get("/login"), "/login")["csrf_token"].value
    other = form_to(TestApp(app).get("/login"), "/login")["csrf_token"].value
    signed_in_token = form_to(ada.get("/profile"), "/logout")["csrf_token"].value
    cookie = next(cookie.value for cookie in client.cookiejar)
    for token in (None, "", "x", "ä", own[:-1], own.upper(), other, signed_in_token, cookie):
        fields = {"email": "bo@example.org", **({} if token is None else {"csrf_token": token})}
        page = client.post("/login", fields, status=403)
        assert "reload the page" in page
    assert smtp.messages == []
    client.post("/login", {"email": "bo@example.org", "csrf_token": own}, status=200)
    assert len(smtp.messages) == 1


def test_the_token_changes_when_somebody_signs_in(ada: TestApp, app: Any) -> None:
    # The cookie that this browser was given before it signed in, and the token that went with it.
    before = TestApp(app)
    token = form_to(before.get("/login"), "/login")["csrf_token"].value
    for cookie in before.cookiejar:
        ada.set_cookie(cookie.name, cookie.value)
    ada.post("/logout", {"csrf_token": token}, status=403)
    assert signed_in(ada)


def test_a_token_is_of_no_use_without_its_cookie(client: TestApp) -> None:
    token = form_to(client.get("/login"), "/login")["csrf_token"].value
    client.reset()
    client.post("/login", {"email": "bo@example.org", "csrf_token": token}, status=403)


def test_two_open_pages_of_one_browser_both_work(client: TestApp) -> None:
    first, second = (form_to(client.get("/login"), "/login") for _ in range(2))
    assert first["csrf_token"].value == second["csrf_token"].value
    first.submit(status=400)
    second.submit(status=400)
