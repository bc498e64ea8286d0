"""The Atom feeds, as a feed reader takes them."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID
from xml.etree import ElementTree

import feedparser
import pytest
import sqlalchemy as sa
from webtest import TestApp

from tests.fixtures.site import Clock, MakeApp
from tests.functional.rules import commands, document, noon, person, publish, revise, withdraw

ATOM = "{http://www.w3.org/2005/Atom}"
ORIGIN = "http://localhost"


def read(client: TestApp, path: str) -> Any:
    """The feed at a path, after a look at what RFC 4287 asks of every feed and entry."""
    answer = client.get(path)
    assert answer.content_type == "application/atom+xml"
    root = ElementTree.fromstring(answer.body)  # noqa: S314 - our own
    assert root.tag == f"{ATOM}feed"
    for each in (root, *root.findall(f"{ATOM}entry")):
        for name in ("id", "title", "updated"):
            (element,) = each.findall(f"{ATOM}{name}")
            assert element.text
        assert each.findtext(f"{ATOM}id").startswith("urn:uuid:")  # type: ignore[union-attr]
        assert each.findtext(f"{ATOM}author/{ATOM}name")
        links = {link.get("rel"): link.get("href", "") for link in each.findall(f"{ATOM}link")}
        assert links.keys() == ({"alternate", "self"} if each is root else {"alternate"})
        assert all(link.startswith(f"{ORIGIN}/") for link in links.values())
        assert urlsplit(links.get("self", f"{ORIGIN}{path}")).path == path
    feed = feedparser.parse(answer.body, response_headers={"content-type": answer.headers["Content-Type"]})
    assert not feed.bozo
    assert len({entry.id for entry in feed.entries}) == len(feed.entries)
    return feed


def feed_link(client: TestApp, path: str) -> str:
    """Where a page says that its feed is, to programs and to people alike."""
    page = client.get(path)
    (link,) = page.html.select("head link[rel=alternate][type='application/atom+xml']")
    assert link["href"] in [each["href"] for each in page.html.select("main a") if "Atom feed" in each.text]
    return str(link["href"])


def test_the_feed_of_a_rule_tells_each_revision(client: TestApp, engine: sa.Engine) -> None:
    ana, bo = person(engine, "Ana & Co"), person(engine)
    rule = publish(engine, ana, "2026-03-01", "Care")
    with commands(engine) as app:
        app.join_rule(UUID(rule[-36:]), bo, noon("2026-03-02"))
    revise(
        engine,
        rule,
        bo,
        "2026-03-10",
        "Care",
        "<Trust>",
        name="Elm <Road>",
        changed="We trust",
        decided_by="consent",
        decided_on=noon("2026-03-09").date(),
        in_force_from=noon("2026-06-01").date(),
    )
    for path in (rule, f"{rule}/revisions", f"{rule}/revisions/1"):
        assert feed_link(client, path) == f"{rule}/feed.atom"
    feed = read(client, f"{rule}/feed.atom")
    assert feed.feed.id == f"urn:uuid:{rule[-36:]}"
    assert feed.feed.updated == "2026-03-10T12:00:00+00:00"
    assert feed.feed.link == f"{ORIGIN}{rule}"
    second, first = feed.entries
    assert second.title == "Elm <Road>, revision 2"
    assert second.summary == (
        "We trust. Adopted by consent on 9 March 2026. In force from 1 June 2026. "
        "Renamed it from “Elm Street” to “Elm <Road>”. Added <Trust> to values."
    )
    assert (second.author, second.link) == ("Organizer 2", f"{ORIGIN}{rule}/revisions/2")
    assert second.published == second.updated == "2026-03-10T12:00:00+00:00"
    assert (first.author, first.title) == ("Ana & Co", "Elm Street, revision 1")
    assert first.summary == "Published for the first time."
    client.get(urlsplit(first.link).path, status=200)


def test_an_entry_keeps_its_id(client: TestApp, engine: sa.Engine, make_app: MakeApp) -> None:
    """When others come, wherever the site is, and in both feeds."""
    ana = person(engine)
    rule = publish(engine, ana, "2026-03-01", "Care")
    (first,) = read(client, f"{rule}/feed.atom").entries
    revise(engine, rule, ana, "2026-03-02", "Trust")
    assert read(client, f"{rule}/feed.atom").entries[1] == first
    assert read(client, "/rules/feed.atom").entries[1] == first
    elsewhere = TestApp(make_app(CLOUDRON_APP_ORIGIN="https://rules.example.org")).get(f"{rule}/feed.atom")
    assert feedparser.parse(elsewhere.body).entries[1].id == first.id
    assert feedparser.parse(elsewhere.body).entries[1].link == f"https://rules.example.org{rule}/revisions/1"


def test_the_feed_of_all_tells_what_was_published_and_what_was_withdrawn(client: TestApp, engine: sa.Engine) -> None:
    ana = person(engine, "Ana")
    elm = publish(engine, ana, "2026-03-01", "Care", name="Elm")
    oak = publish(engine, ana, "2026-03-02", "Secrecy", name="Oak")
    revise(engine, oak, ana, "2026-03-03", "Secrecy", "Silence", name="Oak", changed="Hushed.")
    revise(engine, elm, ana, "2026-03-04", "Trust", name="Elm")
    withdraw(engine, oak, ana, "2026-03-05", "We merged")
    for path in ("/", "/rules"):
        assert feed_link(client, path) == "/rules/feed.atom"
    feed = read(client, "/rules/feed.atom")
    assert [entry.title for entry in feed.entries] == ["Oak was withdrawn", "Elm, revision 2", "Elm, revision 1"]
    gone = feed.entries[0]
    assert gone.summary == "This rule was withdrawn. The reason given: We merged"
    assert (gone.author, gone.link, gone.updated) == ("Ana", f"{ORIGIN}{oak}", "2026-03-05T12:00:00+00:00")
    text = client.get("/rules/feed.atom").text
    assert not [word for word in ("Secrecy", "Silence", "Hushed") if word in text]
    client.get(f"{oak}/feed.atom", status=410)


def test_the_feed_of_all_has_the_latest_fifty(client: TestApp, engine: sa.Engine) -> None:
    ana = person(engine)
    rules = [publish(engine, ana, f"2026-03-{1 + number // 2:02}", name=f"Elm {number}") for number in range(51)]
    titles = [entry.title for entry in read(client, "/rules/feed.atom").entries]
    assert len(titles) == 50
    assert titles[0] == "Elm 50, revision 1"
    withdraw(engine, rules[50], None, "2026-03-30")
    entries = read(client, "/rules/feed.atom").entries
    assert len(entries) == 50
    assert (entries[0].title, entries[0].author) == ("Elm 50 was withdrawn", "The people who run this site")


def test_without_any_rule_the_feed_is_valid_and_empty(client: TestApp) -> None:
    assert read(client, "/rules/feed.atom").entries == []


@pytest.mark.parametrize("path", ["{rule}/feed.atom", "/rules/feed.atom"])
def test_a_feed_is_kept_until_it_changes(client: TestApp, engine: sa.Engine, clock: Clock, path: str) -> None:
    ana = person(engine)
    rule = publish(engine, ana, "2026-03-01", "Care")
    path = path.format(rule=rule)
    answer = client.get(path)
    assert answer.headers["Last-Modified"] == "Sun, 01 Mar 2026 12:00:00 GMT"
    assert "Set-Cookie" not in answer.headers
    etag = answer.headers["ETag"]
    assert client.get(path, headers={"If-None-Match": etag}, status=304).body == b""
    revise(engine, rule, ana, "2026-03-02", "Trust")
    answer = client.get(path, headers={"If-None-Match": etag}, status=200)
    assert answer.headers["Last-Modified"] == "Mon, 02 Mar 2026 12:00:00 GMT"
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE accounts SET display_name = 'Ana'"))
    assert "Ana" in client.get(path, headers={"If-None-Match": answer.headers["ETag"]}, status=200)


def test_no_character_breaks_a_feed(client: TestApp, engine: sa.Engine) -> None:
    odd = "A\x01\x0b\x1f\x7f\ufffe\uffff]]><&\"' \U0001f333Ö"
    ana = person(engine, odd)
    with commands(engine) as app:
        rule = app.publish_rule(ana, noon("2026-03-01"), odd, None, document(odd)).id
        app.revise_rule(rule, ana, noon("2026-03-02"), f"{odd}2", None, document(odd, odd), changed=odd)
        gone = app.publish_rule(ana, noon("2026-03-03"), odd, None, document(odd)).id
        app.withdraw_rule(gone, ana, noon("2026-03-04"), odd)
    for path in (f"/rules/{rule}/feed.atom", "/rules/feed.atom"):
        feed = read(client, path)
        assert "\U0001f333Ö" in feed.entries[0].title
        assert "\x01" not in client.get(path).text


def test_a_document_that_only_programs_understand_breaks_no_feed(client: TestApp, engine: sa.Engine) -> None:
    ana = person(engine)
    with commands(engine) as app:
        rule = app.publish_rule(ana, noon("2026-03-01"), "Elm", None, {}).id
        app.revise_rule(rule, ana, noon("2026-03-02"), "Elm", None, {"sections": [], "x": [None, {"y": 1}]})
    assert read(client, f"/rules/{rule}/feed.atom").entries[0].summary == "Changed details that programs read."


def test_unknown_feeds(client: TestApp) -> None:
    for path in (f"/rules/{'0' * 8}-0000-4000-8000-{'0' * 12}/feed.atom", "/feed.atom", "/rules/feed.atom/more"):
        client.get(path, status=404)
    client.post("/rules/feed.atom", status="4*")


def test_the_same_person_is_called_the_same_everywhere(client: TestApp, engine: sa.Engine) -> None:
    ana, bo = person(engine), person(engine)
    rule = publish(engine, ana, "2026-03-01", "Care")
    with commands(engine) as app:
        app.join_rule(UUID(rule[-36:]), bo, noon("2026-03-02"))
    revise(engine, rule, bo, "2026-03-03", "Trust")

    def called() -> list[str]:
        said = [feedparser.parse(client.get(path).body).entries[0].author for path in feeds]
        said.append(client.get(f"{rule}/history").html.select_one(".what .by").text)
        for path in (rule, f"{rule}/revisions/2"):
            said += re.findall(r"Published by ([\w ]+)\.", client.get(path).html.select_one(".rule-facts").text)
        said += re.findall(r"by ([\w ]+)$", client.get(f"{rule}/revisions").html.select("dl.sum")[0].text.strip())
        return said

    feeds = [f"{rule}/feed.atom", "/rules/feed.atom"]
    assert called() == ["Organizer 2"] * 3 + ["organizer 2"] * 3
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE accounts SET display_name = 'Bo B' WHERE id = :id"), {"id": bo})
    assert called() == ["Bo B"] * 6
    withdraw(engine, rule, ana, "2026-03-04")
    assert feedparser.parse(client.get("/rules/feed.atom").body).entries[0].author == "The owner"
    assert "by the owner." in client.get(rule, status=410)
