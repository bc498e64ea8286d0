"""Requests that no browser of good will sends get a refusal in words, and never a failure."""

from __future__ import annotations

import pytest
from webtest import TestApp


@pytest.mark.parametrize("path", ["/%ff", "/rules/%ff", "/drafts/%ff/about", "/static/%ff"])
def test_an_address_that_is_no_text(client: TestApp, path: str) -> None:
    answer = raw(client, path)
    assert answer.startswith("400 ")
    assert "<h1>" in answer


def test_an_address_that_is_no_text_below_api_is_refused_in_json(client: TestApp) -> None:
    answer = raw(client, "/api/%ff")
    assert answer.startswith("400 ")
    assert '"code":"validation_error"' in answer


def raw(client: TestApp, path: str) -> str:
    """Past WebTest, which would decode the address itself."""
    environ = TestApp.RequestClass.blank("/").environ
    environ["PATH_INFO"] = path.replace("%ff", "\xff")
    started: list[str] = []
    body = client.app(environ, lambda status, headers, error=None: started.append(status))
    return started[0] + b"".join(body).decode()


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"&".join([b"a=1"] * 3000), "application/x-www-form-urlencoded", 413),
        (b"a=" + b"x" * 2**20, "application/x-www-form-urlencoded", 413),
        (b"--x", "multipart/form-data", 400),
        (b"--x\r\n", "multipart/form-data; boundary=x", 400),
        (b"{}", "application/json", 400),
        (b"title=x", "text/plain", 400),
        (b"title=x", "application/x-www-form-urlencoded; charset=zz", 400),
        (b"title=x", "application/x-www-form-urlencoded; charset=unicode_escape", 400),
    ],
)
@pytest.mark.parametrize("path", ["/login", "/drafts", "/nothing"])
def test_bodies_that_are_no_form_of_ours(
    client: TestApp, path: str, body: bytes, content_type: str, status: int
) -> None:
    answer = client.request(path, method="POST", body=body, content_type=content_type, status=status)
    assert answer.html.h1


def test_a_file_in_the_place_of_a_token(client: TestApp) -> None:
    answer = client.post("/api/auth/magic-link/verify", upload_files=[("token", "a.txt", b"x")], expect_errors=True)
    assert answer.status_int == 400


def test_a_limit_of_thousands_of_digits(client: TestApp) -> None:
    client.get("/api/rules?limit=" + "0" * 5000 + "1", status=400)
    client.get("/rules?before=" + "9" * 5000, status=200)


@pytest.mark.parametrize("path", ["/api/../drafts", "/api/./health", "/static/../login", "/rules/.."])
def test_detours_lead_nowhere(client: TestApp, path: str) -> None:
    assert raw(client, path).startswith("404 ")
