"""What the view option `keep` takes from a view, and what it says of its answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from pyramid.request import Request
from pyramid.response import Response

from cr.page_cache import ASKING, Asking, Concerns, keep_view

ELM = SimpleNamespace(rule=SimpleNamespace(id=UUID(int=1)))


def view(context: Any, request: Any) -> Response:
    return Response(f"{request.cookies.get('cr_session')} {request.headers.get('If-None-Match')}")


def asked(keep: Concerns | None, ticket: int | None, of: Any = view) -> tuple[Response, Asking]:
    asking = Asking(ticket)
    request = Request.blank("/", headers={"Cookie": "cr_session=ada", "If-None-Match": "known"})
    request.environ[ASKING] = asking
    return keep_view(of, SimpleNamespace(options={"keep": keep}))(ELM, request), asking


def test_a_page_that_is_kept_knows_nobody() -> None:
    assert asked(None, 1)[0].text == "ada known"
    assert asked(Concerns.ITS_RULE, 1)[0].text == "None None"
    # One that will not be kept is the same page, but need not be made for whoever has it.
    assert asked(Concerns.ITS_RULE, None)[0].text == "None known"


@pytest.mark.parametrize(("keep", "rule"), [(Concerns.ITS_RULE, UUID(int=1)), (Concerns.EVERY_RULE, None)])
def test_it_says_which_rules_it_is_made_of(keep: Concerns, rule: UUID | None) -> None:
    answer, asking = asked(keep, 1)
    assert (asking.keep, asking.rule) == (True, rule)
    assert answer.headers["Cache-Control"] == "public, no-cache"
    assert answer.etag


@pytest.mark.parametrize("status", [303, 304, 410])
def test_only_a_whole_page_is_kept(status: int) -> None:
    answer, asking = asked(Concerns.ITS_RULE, 1, lambda context, request: Response(status=status))
    assert not asking.keep
    assert answer.etag is None


def test_other_views_are_left_alone() -> None:
    answer, asking = asked(None, 1)
    assert not asking.keep
    assert "Cache-Control" not in answer.headers
