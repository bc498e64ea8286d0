"""Pages of our own prose: each is there, the same for everybody, and leads nowhere that is not."""

from __future__ import annotations

from typing import Any

import pytest
from webtest import TestApp

from cr import content
from tests.fixtures.site import MakeApp

PAGES = ["/learn", *(f"/learn/{slug}" for slug in content.GUIDES), "/how-it-works", "/about", "/legacy-archive"]


@pytest.fixture
def app(make_app: MakeApp) -> Any:
    return make_app(ORGANIZER_INQUIRY_TO="ask@example.org")


@pytest.mark.parametrize("path", PAGES)
def test_every_page_and_all_that_it_leads_to(client: TestApp, ada: TestApp, path: str) -> None:
    page = client.get(path)
    assert page.headers["Cache-Control"] == "public, no-cache"
    assert "Set-Cookie" not in page.headers
    assert page.body == ada.get(path).body
    assert len(page.html.main.select("h1")) == 1
    assert page.html.title.text == f"{page.html.main.h1.text} · Community Rule"
    assert page.html.select_one("link[rel=canonical]")["href"] == path
    assert client.get(path, headers={"If-None-Match": page.headers["ETag"]}).status_int == 304
    links = {link["href"] for link in page.html.select("a[href^='/']")}
    assert {"/how-it-works", "/learn", "/about", "/learn/ask"} <= links
    for link in links:
        assert client.get(link).status_int in (200, 303)


def test_nothing_else_is_a_guide(client: TestApp) -> None:
    for path in ("/learn/nothing", "/learn/about", "/about/more", "/learn/adopting-it/more", "/learn/ask/more"):
        client.get(path, status=404)


def test_every_file_of_prose_is_shown() -> None:
    files = {each.stem for each in content.HERE.glob("*.md")}
    assert files == {*(f"guide-{slug}" for slug in content.GUIDES), "how-it-works", "about", "legacy-archive"}
