"""Forms that carry files: texts and files apart, and nothing left open."""

from __future__ import annotations

from typing import Any

import pytest
from pyramid.request import Request, apply_request_extensions

from cr.errors import PayloadTooLarge, ValidationProblem
from cr.multipart import file_of, takes_files


def part(name: str, content: bytes, filename: str | None = None) -> bytes:
    more = "" if filename is None else f'; filename="{filename}"'
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"


def sent(app: Any, *parts: bytes, path: str = "/create/community-upload") -> Request:
    request = Request.blank(path, method="POST", content_type="multipart/form-data; boundary=x")
    request.body = b"".join(parts) + b"--x--\r\n"
    request.registry = app.registry
    apply_request_extensions(request)
    return request


def test_texts_and_files_are_apart(app: Any) -> None:
    request = sent(
        app,
        part("title", "Elm é\r\n".encode()),
        part("title", b"Oak"),
        part("photo", b"bytes", "a.png"),
        part("csrf_token", b"x", "a.txt"),
    )
    assert list(request.POST.items()) == [("title", "Elm é\r\n"), ("title", "Oak")]
    photo = file_of(request, "photo")
    assert photo is not None
    assert (photo.name, photo.stream.read()) == ("a.png", b"bytes")
    for name in ("title", "nothing"):
        assert file_of(request, name) is None


def test_no_file_was_chosen(app: Any) -> None:
    request = sent(app, part("photo", b"", ""), part("empty", b"", "a.png"))
    assert file_of(request, "photo") is None
    chosen = file_of(request, "empty")
    assert chosen is not None
    assert chosen.stream.read() == b""


def test_a_form_without_files_has_none(app: Any) -> None:
    request = Request.blank("/create/x", POST={"title": "Elm"})
    request.registry = app.registry
    apply_request_extensions(request)
    assert request.POST["title"] == "Elm"
    assert file_of(request, "title") is None


def test_a_long_file_is_closed_when_the_request_is_over(app: Any) -> None:
    request = sent(app, part("photo", b"x" * 2**20, "a.png"))
    file = file_of(request, "photo")
    assert file is not None
    assert len(file.stream.read()) == 2**20
    request._process_finished_callbacks()
    assert file.stream.closed


def test_texts_have_a_limit_of_their_own(app: Any) -> None:
    half = b"x" * (2**19)
    sent(app, part("a", half), part("b", half)).POST  # noqa: B018
    for parts in ((part("a", half), part("b", half), part("c", b"x")), [part("a", b"")] * 2001):
        with pytest.raises(PayloadTooLarge):
            sent(app, *parts).POST  # noqa: B018


def test_a_form_that_breaks_off(app: Any) -> None:
    with pytest.raises(ValidationProblem, match="whole"):
        sent(app, b'--x\r\nContent-Disposition: form-data; name="a"').POST  # noqa: B018


@pytest.mark.parametrize(
    ("path", "method", "takes"),
    [
        ("/api/uploads", "POST", True),
        ("/create/community-upload", "POST", True),
        ("/api/uploads", "GET", False),
        ("/api/uploads/", "POST", False),
        ("/api/uploads/x", "POST", False),
        ("/api/rules", "POST", False),
        ("/create", "POST", False),
        ("/drafts", "POST", False),
        ("/", "POST", False),
    ],
)
def test_where_files_are_taken(path: str, method: str, takes: bool) -> None:
    assert takes_files(Request.blank(path, method=method)) is takes
