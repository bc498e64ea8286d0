"""Pages from memory are the pages that the site would make. Other processes: tests/package/test_page_cache.py."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from pyramid.scripting import prepare
from webob.datetime_utils import serialize_date as http_date
from webtest import TestApp

from cr import page_cache
from tests.fixtures.site import Clock
from tests.functional.rules import commands, noon, person
from tests.functional.test_api_rules import DOCUMENT, publish

KEPT = [
    *("/", "/rules", "/rules?before=9999", "/rules/{}", "/rules/{}/history", "/rules/{}/revisions/1"),
    *("/rules/{}/revisions", "/rules/{}/feed.atom"),
]
"""Each says something of one rule."""

OTHERS = [
    *("/use-cases", "/use-cases/ternfield"),
    *("/learn", "/learn/adopting-it", "/how-it-works", "/about", "/legacy-archive"),
]


@pytest.fixture
def memory(app: Any) -> Any:
    """The memory of `app`, with somebody who vouches for it as a server's listener does."""
    app.registry["cr.page_cache"].trust(time.monotonic() + 3600)
    return app.registry["cr.page_cache"]


def told(answer: Any) -> tuple[str, list[tuple[str, str]], bytes]:
    """Everything that an answer says but for its own id."""
    headers = [(name, value) for name, value in answer.headerlist if name != "X-Request-Id"]
    return answer.status, headers, answer.body


def revise(client: TestApp, rule_id: str, title: str, **more: Any) -> None:
    client.patch_json(f"/api/rules/{rule_id}", {"title": title, "document": DOCUMENT}, **more)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_kept_page_is_the_page_that_is_made(ada: TestApp, client: TestApp, memory: Any, method: str) -> None:
    rule_id = publish(ada)
    for path in (each.format(rule_id) for each in (*KEPT, *OTHERS)):
        memory.distrust()
        made = client.request(path, method=method)
        memory.trust(time.monotonic() + 3600)
        # A HEAD has no body that could be kept.
        first = client.get(path)
        hits = memory.figures().hits
        kept = client.request(path, method=method)
        assert memory.figures().hits == hits + 1
        assert told(kept) == told(made)
        assert kept.headers["X-Request-Id"] != first.headers["X-Request-Id"]
        assert ada.get(path).body == first.body
        assert memory.figures().hits == hits + 2


def test_the_askers_own_id_comes_back(ada: TestApp, client: TestApp, memory: Any) -> None:
    path = f"/rules/{publish(ada)}"
    for _ in range(2):
        assert client.get(path, headers={"X-Request-Id": "my-own-1234"}).headers["X-Request-Id"] == "my-own-1234"
    assert memory.figures().hits == 1


@pytest.mark.parametrize("path", ["/rules/{}", "/rules/{}/history", "/rules/{}/revisions/1"])
def test_who_has_the_page_is_told_so(ada: TestApp, client: TestApp, memory: Any, path: str) -> None:
    path = path.format(publish(ada))
    tag = client.get(path).etag
    for form in ('"{}"', 'W/"{}"', '"other", W/"{}"', "*"):
        known = {"If-None-Match": form.format(tag)}
        memory.distrust()
        made = client.get(path, headers=known, status=304)
        memory.trust(time.monotonic() + 3600)
        hits = memory.figures().hits
        # The first one makes the page to keep it, the others take it from there.
        for ask in (client.get, client.get, client.head):
            kept = ask(path, headers=known, status=304)
            assert sorted(told(kept)[1]) == sorted(told(made)[1])
            assert kept.body == b""
        assert memory.figures().hits == hits + 2
    assert client.get(path, headers={"If-None-Match": '"other"'}).status_int == 200


@pytest.mark.parametrize("path", [*KEPT, *OTHERS, "/rules/{}/compare", "/rules/{}/history?at=1", "/rules/feed.atom"])
def test_who_has_the_page_since_it_changed_is_told_so(ada: TestApp, client: TestApp, memory: Any, path: str) -> None:
    path = path.format(publish(ada))
    for trusted in (False, True):
        if not trusted:
            memory.distrust()
        else:
            memory.trust(time.monotonic() + 3600)
        page = client.get(path)
        assert page.last_modified
        since, before = (http_date(page.last_modified - timedelta(seconds=each)) for each in (0, 1))
        # The second time it is taken from memory.
        for _ in range(2):
            assert client.get(path, headers={"If-Modified-Since": since}, status=304).body == b""
            client.get(path, headers={"If-Modified-Since": before}, status=200)
            client.get(path, headers={"If-Modified-Since": "yesterday"}, status=200)
            # A tag says more.
            client.get(path, headers={"If-Modified-Since": since, "If-None-Match": '"other"'}, status=200)
            client.get(path, headers={"If-Modified-Since": before, "If-None-Match": page.headers["ETag"]}, status=304)


def test_what_changes_is_sent_to_who_has_the_page_since_before(
    ada: TestApp, client: TestApp, clock: Clock, engine: sa.Engine
) -> None:
    clock.now = noon("2026-03-12")
    rule_id = publish(ada)
    paths = ["/", "/rules", *(f"/rules/{rule_id}{more}" for more in ("", "/history", "/history?at=1"))]

    def sent(change: Callable[[datetime], Any]) -> list[str]:
        headers = {"If-Modified-Since": http_date(clock.now)}
        clock.advance(timedelta(minutes=1))
        change(clock.now)
        return [path for path in paths if client.get(path, headers=headers).status_int == 200]

    def join(at: datetime) -> None:
        with commands(engine) as app:
            app.join_rule(UUID(rule_id), person(engine, "Bo"), at)

    def revise_later(at: datetime) -> None:
        with commands(engine) as app:
            owner = app.rule(UUID(rule_id)).owner
            assert owner is not None
            app.revise_rule(UUID(rule_id), owner, at, "Oak", None, DOCUMENT, in_force_from=date(2026, 3, 13))
            app.duplicate_rule(UUID(rule_id), owner, at)

    assert sent(lambda at: None) == []
    assert sent(join) == paths[3:]
    assert sent(revise_later) == paths
    assert sent(lambda at: clock.advance(timedelta(days=1))) == paths[:4]


def test_lists_have_a_tag_too(ada: TestApp, client: TestApp, memory: Any) -> None:
    publish(ada, "First")
    known = {"If-None-Match": client.get("/rules").headers["ETag"]}
    assert client.get("/rules", headers=known).status_int == 304
    publish(ada, "Second")
    assert "Second" in client.get("/rules", headers=known, status=200)


def test_what_is_published_shows_at_once(ada: TestApp, client: TestApp, memory: Any) -> None:
    rule_id, other_id = publish(ada, "First"), publish(ada, "Another")
    paths = [path.format(rule_id) for path in KEPT]
    for path in [*paths, f"/rules/{other_id}"]:
        client.get(path)
    revise(ada, rule_id, "Second")
    for path in paths[:5]:
        assert "Second" in client.get(path)
    assert "Revision 2 took its place" in client.get(paths[5])
    for path in paths[6:]:
        assert "Revision 2" in client.get(path) or "revision 2" in client.get(path)
    hits = memory.figures().hits
    client.get(f"/rules/{other_id}")
    assert memory.figures().hits == hits + 1


def test_what_a_page_says_of_other_rules_shows_at_once(
    ada: TestApp, client: TestApp, memory: Any, engine: sa.Engine
) -> None:
    source = publish(ada, "Elm")
    assert "Oak" not in client.get(f"/rules/{source}")
    copy = ada.post_json(f"/api/rules/{source}/duplicate", {}).json["rule"]["id"]
    paths = [f"/rules/{source}", f"/rules/{source}/copies", "/rules/feed.atom"]
    for path in paths:
        assert "Elm (Copy)" in client.get(path)
    revise(ada, copy, "Oak")
    for path in paths:
        assert "Oak" in client.get(path)
    assert f"/rules/{source}" in client.get(f"/rules/{copy}")
    ada.delete(f"/api/rules/{source}")
    assert "That rule was withdrawn." in client.get(f"/rules/{copy}")
    assert "Elm was withdrawn" in client.get("/rules/feed.atom")


def test_what_is_withdrawn_is_gone_at_once(ada: TestApp, client: TestApp, memory: Any) -> None:
    rule_id = publish(ada)
    paths = [path.format(rule_id) for path in KEPT]
    for path in paths:
        client.get(path)
    ada.delete(f"/api/rules/{rule_id}")
    for path in paths[:3]:
        assert "Elm Street" not in client.get(path).html.main.text.replace("Elm Street Garden", "")
    for path in paths[3:]:
        for _ in range(2):
            client.get(path, status=410)


def test_what_is_not_committed_is_never_shown(ada: TestApp, client: TestApp, memory: Any, engine: sa.Engine) -> None:
    rule_id = publish(ada, "Born")
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not this one'; END $$"
            )
        )
        connection.execute(
            sa.text(
                "CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON rules DEFERRABLE INITIALLY DEFERRED "
                "FOR EACH ROW WHEN (NEW.title = 'Unborn') EXECUTE FUNCTION refuse()"
            )
        )
    paths = [path.format(rule_id) for path in KEPT]
    before = [client.get(path).body for path in paths]
    revise(ada, rule_id, "Unborn", status=500)
    for _ in range(2):
        assert [client.get(path).body for path in paths] == before
    revise(ada, rule_id, "Second")
    assert "Second" in client.get(paths[3])


def test_pages_do_not_outlive_the_day(ada: TestApp, client: TestApp, memory: Any, clock: Any) -> None:
    path = f"/rules/{publish(ada)}"
    for _ in range(2):
        client.get(path)
    assert (memory.figures().misses, memory.figures().hits) == (1, 1)
    clock.advance(timedelta(days=1))
    for _ in range(2):
        client.get(path)
    assert (memory.figures().misses, memory.figures().hits) == (2, 2)


def test_what_is_one_persons_own_is_not_kept(ada: TestApp, client: TestApp, memory: Any) -> None:
    rule_id = publish(ada)
    own: Sequence[str] = ["/profile", "/create", "/login", f"/rules/{rule_id}/edit", "/api/rules", "/api/auth/session"]
    for path in own:
        for each in (ada, client):
            for _ in range(2):
                each.get(path)
    client.get("/nowhere", status=404)
    client.get(f"/rules/{rule_id}/nothing", status=404)
    assert memory.figures().pages == memory.figures().hits == 0


def test_long_queries_are_answered_and_not_kept(ada: TestApp, client: TestApp, memory: Any) -> None:
    path = f"/rules/{publish(ada)}/history?before={'9' * 100}"
    assert client.get(path).body == client.get(path).body
    assert memory.figures().pages == 0


@pytest.mark.parametrize(
    ("path", "query", "known"),
    [
        *(("/rules/{}" + more, "x=1", "") for more in ("", "/revisions/1", "/feed.atom", "/copies", "/history")),
        ("/", "before=3", ""),
        ("/rules/feed.atom", "before=3", ""),
        ("/rules", "before=99&utm_source=x", "before=99"),
        ("/rules/{}/history", "x=%ff&at=1&y", "at=1"),
        ("/rules/{}/history", "at=1&at=%ff&at=2", "at=2"),
        ("/rules/{}/compare", "view=side&x=&to=1&from=2", "view=side&to=1&from=2"),
        ("/rules/{}", "&&&", ""),
        ("/rules/{}", "x" * 100, ""),
        ("/rules/{}", "=", ""),
    ],
)
def test_what_no_page_looks_at_makes_no_other_page(
    ada: TestApp, client: TestApp, memory: Any, path: str, query: str, known: str
) -> None:
    path = path.format(publish(ada))
    for method in ("GET", "HEAD"):
        answer = client.request(f"{path}?{query}", method=method, status=302)
        assert answer.location == f"http://localhost{path}" + (known and f"?{known}")
    assert memory.figures().pages == memory.figures().misses == 0


@pytest.mark.parametrize("query", ["from=&to=", "from=%C3%A4&to=%ff", "from=1&to=", "to=a+b&from=a%20b"])
def test_what_a_page_looks_at_reaches_it_as_it_was_written(
    ada: TestApp, client: TestApp, memory: Any, query: str
) -> None:
    assert client.get(f"/rules/{publish(ada)}/compare?{query}", expect_errors=True).status_int in (200, 400)


def test_nobody_is_led_to_another_site(ada: TestApp, client: TestApp) -> None:
    assert client.get("//rules?x=1", status=302).location == "http://localhost/rules"


def test_a_get_with_a_body_is_refused_as_ever(ada: TestApp, client: TestApp, memory: Any) -> None:
    path = f"/rules/{publish(ada)}"
    client.get(path)
    odd = {"CONTENT_LENGTH": "3", "CONTENT_TYPE": "text/plain"}
    assert client.request(path, method="GET", environ=odd, body=b"odd", expect_errors=True).status_int == 400


@pytest.mark.parametrize("whose", ["the rule's", "another's", "everybody's"])
def test_who_changes_what_pages_show_has_them_forgotten(
    ada: TestApp, client: TestApp, app: Any, memory: Any, whose: str
) -> None:
    rule_id = UUID(publish(ada))
    client.get(f"/rules/{rule_id}")
    with prepare(registry=app.registry) as env:
        request = env["request"]
        request.tm.begin()
        page_cache.forget(request, {"the rule's": [rule_id], "another's": [uuid4()], "everybody's": None}[whose])
        assert memory.figures().pages == 1
        request.tm.commit()
    assert memory.figures().pages == (1 if whose == "another's" else 0)
